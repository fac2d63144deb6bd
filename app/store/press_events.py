"""The press calendar: public events and announcements that offices make known in advance. It knows no drafts and no articles."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Select, and_, delete, insert, or_, select, tuple_, update

from app.store import audit
from app.store.audit import Event
from app.store.engine import has_room, reading, writing
from app.store.tables import micros, press_event_places, press_events
from feeds.icalendar import PressEvent

MOST_EVENTS = 2_000  # of an office, from a month ago on
LONGEST = timedelta(days=62)  # longest event
MOST_PAIRS = 100  # of places and topics, by which one event is found

Pair = tuple[str, str]  # a place and a topic
Within = Sequence[Sequence[Pair]]  # lists of pairs; an event must have a pair from each list
_places = press_event_places.c


def tell_event(engine: Engine, event: PressEvent, pairs: Collection[Pair], actor: str, now: datetime) -> bool:
    """Store a new event; False if its office has MOST_EVENTS. Raises Unavailable."""
    since = micros(now - timedelta(days=31))
    mine = select(press_events.c.id).where(press_events.c.office == event.office.code, press_events.c.starts >= since)
    with writing(engine) as connection:
        if not has_room(connection, mine, MOST_EVENTS):
            return False
        connection.execute(insert(press_events).values(id=event.id, **_row(event)))
        _place(connection, event, pairs)
        _record(connection, "event-told", event, actor, now)
    return True


def change_event(engine: Engine, event: PressEvent, pairs: Collection[Pair], actor: str, now: datetime) -> bool:
    """Store a changed event in place of the one whose sequence is one less. False, and nothing is stored, if somebody changed it
    meanwhile. Raises Unavailable."""
    name = {"canceled": "event-canceled", "removed": "event-removed"}.get(event.state, "event-changed")
    with writing(engine) as connection:
        same = and_(press_events.c.id == event.id, press_events.c.sequence == event.sequence - 1)
        if connection.execute(update(press_events).where(same).values(**_row(event))).rowcount != 1:
            return False
        connection.execute(delete(press_event_places).where(_places.event == event.id))
        if event.state != "removed":
            _place(connection, event, pairs)
        _record(connection, name, event, actor, now)
    return True


def _row(event: PressEvent) -> dict[str, object]:
    return {
        "office": event.office.code,
        "starts": micros(event.starts),
        "state": event.state,
        "sequence": event.sequence,
        "created": micros(event.created),
        "updated": micros(event.updated),
        "doc": msgspec.json.encode(event),
    }


def _place(connection: Connection, event: PressEvent, pairs: Collection[Pair]) -> None:
    rest = {"starts": micros(event.starts), "ends": micros(event.ends or event.starts), "event": event.id}
    rest |= {"updated": micros(event.updated)}
    rows = [{"place": place, "topic": topic} | rest for place, topic in sorted(pairs)[:MOST_PAIRS]]
    connection.execute(insert(press_event_places), rows)


def _record(connection: Connection, name: str, event: PressEvent, actor: str, now: datetime) -> None:
    audit.record(connection, [Event(name, actor, event.office.code, detail={"event": event.id})], now)


def event_by_id(engine: Engine, id: str) -> PressEvent | None:
    """An event in any state. Raises Unavailable."""
    with reading(engine) as connection:
        doc = connection.execute(select(press_events.c.doc).where(press_events.c.id == id)).scalar_one_or_none()
    return None if doc is None else msgspec.json.decode(doc, type=PressEvent)


def events_between(
    engine: Engine, within: Within, since: datetime, until: datetime, limit: int, skipped: int = 0
) -> list[PressEvent]:
    """Events that begin before `until` and have not ended at `since`, in order: at most `limit`, without the first `skipped`. Raises
    Unavailable."""
    begun = and_(_places.starts >= micros(since - LONGEST), _places.starts < micros(until))
    lasts = or_(_places.starts >= micros(since), _places.ends > micros(since))
    statement = _found(within).where(begun, lasts).order_by(_places.starts, _places.event)
    return _events(engine, statement.limit(limit).offset(skipped))


def newest_events(engine: Engine, within: Within, limit: int) -> list[PressEvent]:
    """The events that were added or changed last. Raises Unavailable."""
    return _events(engine, _found(within).order_by(_places.updated.desc(), _places.event).limit(limit))


def office_events(engine: Engine, office: str, since: datetime, limit: int) -> list[PressEvent]:
    """The events of an office from an instant on, in order, without those that were removed. Raises Unavailable."""
    mine = (press_events.c.office == office, press_events.c.starts >= micros(since), press_events.c.state != "removed")
    statement = select(press_events.c.doc).where(*mine).order_by(press_events.c.starts, press_events.c.id).limit(limit)
    return _events(engine, statement)


def _found(within: Within) -> Select[Any]:
    """The events that have a pair of each list. One pair is a range of the index; several of them may have the same event, so they are
    looked up for each event, as further lists are."""
    first, *others = within
    statement = select(press_events.c.doc).join(press_event_places, press_events.c.id == _places.event)
    if len(first) == 1:
        ((place, topic),) = first
        statement = statement.where(_places.place == place, _places.topic == topic)
    else:
        statement = statement.where(_places.place == "*", _places.topic == "*")
        others = [first, *others]
    for pairs in others:
        also = press_event_places.alias().c
        one_of = tuple_(also.place, also.topic).in_(list(pairs))
        statement = statement.where(select(also.event).where(also.event == press_events.c.id, one_of).exists())
    return statement


def _events(engine: Engine, statement: Select[Any]) -> list[PressEvent]:
    with reading(engine) as connection:
        docs = connection.execute(statement).scalars().all()
    return [msgspec.json.decode(doc, type=PressEvent) for doc in docs]
