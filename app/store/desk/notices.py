"""Notices to offices: what an office was notified of already, each thing once, and what it still has to be notified of."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct
from sqlalchemy import BigInteger, Engine, and_, cast, delete, func, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.store.deliveries.intents import Intent, ask_within
from app.store.desk.routines import Routine
from app.store.engine import reading, writing
from app.store.tables import (
    articles,
    deliveries,
    desk_looks,
    drafts,
    instant,
    micros,
    office_notices,
    office_routines,
    subscriptions,
    versions,
)

# "lift": an embargo ends soon; "late": it ended late, or has not; "dead": a subscriber did not get a release; "stopped": it is
# paused while releases of the office wait; "unsent": a draft is still scheduled after its instant.
KINDS = ("lift", "late", "dead", "stopped", "unsent")
KEPT = timedelta(days=30)
FURTHEST = timedelta(minutes=10_080)  # the longest notice that an office can ask for
LIMIT = 500  # things that one look finds


class Noted(Struct, frozen=True):
    """Something that an office is to be notified of, or was."""

    kind: str  # one of KINDS
    subject: str  # what makes it the same thing: an article or a draft, with the instant or the version
    office: str  # code
    item: str  # the id of the article or draft
    at: datetime  # when the embargo ends, or when it happened


class _Lifted(Struct):
    embargoed: datetime | None = None


def subject_of(id: str, mark: int) -> str:
    """The subject of a notice about an article or a draft at an instant (micros), or about a version of it."""
    return f"{id} {mark}"


def coming_lifts(engine: Engine, now: datetime) -> list[Noted]:
    """The embargoes that end within the time of notice of their office, if the office was not notified yet. Raises Unavailable."""
    minutes = cast(func.coalesce(office_routines.c.notice, Routine().notice), BigInteger)
    statement = (
        select(articles.c.id, articles.c.office, articles.c.due)
        .outerjoin(office_routines, office_routines.c.office == articles.c.office)
        .where(articles.c.due > micros(now), articles.c.due <= micros(now + FURTHEST))
        .where(articles.c.due - minutes * literal(60_000_000, BigInteger) <= micros(now))
        .order_by(articles.c.due)
        .limit(LIMIT)
    )
    with reading(engine) as connection:
        rows = connection.execute(statement).all()
    return _fresh(engine, [Noted("lift", subject_of(id, due), office, id, instant(due)) for id, office, due in rows])


def late_lifts(engine: Engine, before: datetime) -> list[Noted]:
    """The embargoes that should have ended before an instant, still hold, and are not noted yet. Raises Unavailable."""
    statement = select(articles.c.id, articles.c.office, articles.c.due).where(articles.c.due <= micros(before))
    with reading(engine) as connection:
        rows = connection.execute(statement.order_by(articles.c.due).limit(LIMIT)).all()
    return _fresh(engine, [Noted("late", subject_of(id, due), office, id, instant(due)) for id, office, due in rows])


def lifted_late(engine: Engine, lifted: Collection[tuple[str, int, datetime]], grace: timedelta) -> list[Noted]:
    """Those of these articles (id, version, when it became public) whose embargo ended later than it should, and that are not noted
    yet. Raises Unavailable."""
    if not lifted:
        return []
    when = {(id, version): at for id, version, at in lifted}
    join = and_(versions.c.num == articles.c.num)
    statement = (
        select(articles.c.id, articles.c.office, versions.c.version, versions.c.doc)
        .join(versions, join)
        .where(articles.c.id.in_(sorted({id for id, _ in when})))
    )
    found = []
    with reading(engine) as connection:
        for id, office, version, doc in connection.execute(statement):
            at, due = when.get((id, version)), msgspec.json.decode(doc, type=_Lifted).embargoed
            if at is not None and due is not None and at > due + grace:
                found.append(Noted("late", subject_of(id, micros(due)), office, id, due))
    return _fresh(engine, found)


def undelivered(engine: Engine, since: datetime) -> list[Noted]:
    """The versions of articles that some subscriber finally did not get, since an instant: the last attempt failed, or its
    subscription ended by itself. Only those that are not noted yet. Raises Unavailable."""
    failed = and_(subscriptions.c.state == "ended", subscriptions.c.reason.in_(FAILURES))
    statement = (
        select(articles.c.id, articles.c.office, deliveries.c.version, func.max(deliveries.c.done))
        .join(articles, articles.c.num == deliveries.c.num)
        .join(subscriptions, subscriptions.c.id == deliveries.c.subscription)
        .where(deliveries.c.done > micros(since))
        .where(or_(deliveries.c.state == "dead", and_(deliveries.c.state == "dropped", failed)))
        .group_by(articles.c.id, articles.c.office, deliveries.c.version)
        .limit(LIMIT)
    )
    with reading(engine) as connection:
        rows = connection.execute(statement).all()
    return _fresh(
        engine, [Noted("dead", subject_of(id, version), office, id, instant(at)) for id, office, version, at in rows]
    )


def stopped(engine: Engine, since: datetime) -> list[Noted]:
    """The newest article of each office that waits for a subscription that was paused since an instant because its deliveries failed.
    Not noted yet. Raises Unavailable."""
    statement = (
        select(articles.c.office, subscriptions.c.name, subscriptions.c.changed, func.max(articles.c.id))
        .join(deliveries, deliveries.c.subscription == subscriptions.c.id)
        .join(articles, articles.c.num == deliveries.c.num)
        .where(subscriptions.c.state == "paused", subscriptions.c.changed > micros(since))
        .where(subscriptions.c.reason.like("All deliveries failed%"), deliveries.c.state == "waiting")
        .group_by(articles.c.office, subscriptions.c.name, subscriptions.c.changed)
        .limit(LIMIT)
    )
    with reading(engine) as connection:
        rows = connection.execute(statement).all()
    found = [Noted("stopped", f"{name} {at} {office}"[:64], office, id, instant(at)) for office, name, at, id in rows]
    return _fresh(engine, found)


def unsent(engine: Engine, before: datetime) -> list[Noted]:
    """The drafts that should have been published before an instant, are still scheduled, and are not noted yet. Raises Unavailable."""
    columns = (drafts.c.id, drafts.c.office, drafts.c.planned)
    which = and_(drafts.c.state == "scheduled", drafts.c.planned <= micros(before))
    with reading(engine) as connection:
        rows = connection.execute(select(*columns).where(which).order_by(drafts.c.planned).limit(LIMIT)).all()
    return _fresh(engine, [Noted("unsent", subject_of(id, at), office, id, instant(at)) for id, office, at in rows])


# Reasons of subscriptions that ended although nobody asked for that.
FAILURES = ("The mail server rejects this address.", "The subscriber answered with the status 410 (Gone).")


def note(
    engine: Engine,
    noted: Sequence[Noted],
    now: datetime,
    letters: Callable[[Sequence[Noted]], Sequence[Intent]],
) -> list[Noted]:
    """Note these things, and queue the mails about those that nobody noted before; these are returned. If several processes do this
    at once, only the first one queues mails; a restart repeats none. Raises Unavailable."""
    if not noted:
        return []
    by_subject = {(one.kind, one.subject): one for one in noted}
    rows = [
        {"kind": kind, "subject": subject, "office": one.office, "at": micros(now)}
        for (kind, subject), one in sorted(by_subject.items())
    ]
    with writing(engine) as connection:
        build = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        fresh = build(office_notices).values(rows).on_conflict_do_nothing()
        named = connection.execute(fresh.returning(office_notices.c.kind, office_notices.c.subject)).all()
        first = [by_subject[kind, subject] for kind, subject in named]
        ask_within(connection, letters(first) if first else (), now)
    return first


def notices_of(engine: Engine, office: str, kinds: Collection[str], since: datetime, limit: int = 20) -> list[Noted]:
    """What an office was notified of since an instant, the newest first. Raises Unavailable."""
    which = and_(office_notices.c.office == office, office_notices.c.at >= micros(since))
    statement = select(office_notices).where(which, office_notices.c.kind.in_(sorted(kinds)))
    with reading(engine) as connection:
        rows = connection.execute(statement.order_by(office_notices.c.at.desc()).limit(limit)).all()
    return [Noted(row.kind, row.subject, row.office, row.subject.partition(" ")[0], instant(row.at)) for row in rows]


def forget_notices(engine: Engine, now: datetime) -> None:
    """Forget what was noted long ago. Raises Unavailable."""
    old = office_notices.c.at < micros(now - KEPT)
    with reading(engine) as connection:
        if connection.execute(select(office_notices.c.kind).where(old).limit(1)).first() is None:
            return
    with writing(engine) as connection:
        connection.execute(delete(office_notices).where(old))


def looked(engine: Engine, name: str) -> int | None:
    """The instant up to which a repeated check has looked; None: it never did. Raises Unavailable."""
    with reading(engine) as connection:
        found = connection.execute(select(desk_looks.c.upto).where(desk_looks.c.name == name)).scalar_one_or_none()
    return None if found is None else int(found)


def look_from(engine: Engine, name: str, upto: int) -> None:
    """Note the instant up to which a repeated check has looked; it never moves back. Raises Unavailable."""
    with writing(engine) as connection:
        build = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        connection.execute(build(desk_looks).values(name=name, upto=upto).on_conflict_do_nothing())
        further = and_(desk_looks.c.name == name, desk_looks.c.upto < upto)
        connection.execute(update(desk_looks).where(further).values(upto=upto))


def _fresh(engine: Engine, found: Sequence[Noted]) -> list[Noted]:
    """The things that were not noted before. This only saves work: `note` decides."""
    if not found:
        return []
    kind = found[0].kind
    which = and_(office_notices.c.kind == kind, office_notices.c.subject.in_([one.subject for one in found]))
    with reading(engine) as connection:
        known = set(connection.execute(select(office_notices.c.subject).where(which)).scalars())
    return [one for one in found if one.subject not in known]
