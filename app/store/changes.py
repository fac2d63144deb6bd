"""Changes and their keys. The keys of an article are the places and topics of its feeds; the ids of these are in the database.

All changes are numbered in their commit order: each transaction locks the counter (app/store/engine.py) before it raises the number.
"""

import secrets
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Literal
from weakref import WeakKeyDictionary

import msgspec
from msgspec import Struct
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    ScalarSelect,
    and_,
    bindparam,
    func,
    insert,
    select,
)

from app.query import genre_topic, lang_topics, licence_topic, office_place
from app.store.built import Built, among, listed
from app.store.tables import axis, changes, versions
from feeds import Article
from schemas import codes

ALL = "*"

Ref = tuple[int, int]  # an article's number and version


class Keys(Struct, frozen=True):
    """The places and topics of an article. They are stored with each version, so that its entries can be deleted even when a code
    table has changed since."""

    places: tuple[str, ...]
    topics: tuple[str, ...]
    extra: tuple[str, ...] = ()  # topics that are not combined with places: genre and licence

    def pairs(self) -> list[tuple[str, str]]:
        """The (place, topic) pairs of the feeds that have the article."""
        crossed = [(place, topic) for place in self.places for topic in self.topics]
        return crossed + [(ALL, topic) for topic in self.extra]

    def names(self) -> set[str]:
        """All places and topics: each has a feed of its own, which has the article."""
        return {*self.places, *self.topics, *self.extra}

    def count(self) -> int:
        """The number of these pairs: each is a row to be written."""
        return len(self.places) * len(self.topics) + len(self.extra)


def keys(article: Article) -> Keys:
    """The keys of an article.

    Places: its regions with their ancestors and successors, its office and the offices above it. Topics: its topics with their
    ancestors, and its language with the ranges that it matches. Extra: its genre and licence.
    """
    regions, topics = (tuple(term.code for term in terms) for terms in (article.regions, article.topics))
    office = article.office
    return _keys(regions, topics, office.code, office.above, article.lang, article.kind, article.licence.uri)


@lru_cache(256)
def _keys(
    regions: tuple[str, ...],
    topics: tuple[str, ...],
    office: str,
    above: tuple[str, ...],
    lang: str,
    kind: str,
    licence: str,
) -> Keys:
    """Cached, because a push needs the keys of an article several times."""
    places = [ALL]
    for code in regions:
        places += _lineage("region", code)
    places += [office_place(code) for code in (office, *above)]
    subjects = [ALL]
    for code in topics:
        subjects += _lineage("topic", code)
    subjects += lang_topics(lang)
    return Keys(_unique(places), _unique(subjects), (genre_topic(kind), licence_topic(licence)))


@lru_cache(10_000)
def _lineage(scheme: Literal["region", "topic"], code: str) -> tuple[str, ...]:
    return codes(scheme).lineage(code)


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))


Ids = dict[str, int]  # name of a place or topic -> id

REMEMBERED = 50_000  # names whose ids are kept in memory
# Threads share it. The id of a name never changes, so two threads that look up a name at once write the same.
_ids: WeakKeyDictionary[Engine, Ids] = WeakKeyDictionary()
_NAMED = select(axis.c.name, axis.c.id).where(axis.c.name.in_(bindparam("names", expanding=True)))


def ids_of(connection: Connection, names: Iterable[str], *, remembered: bool = True) -> Ids:
    """name -> id, for the places and topics that ever had an article. In one history of the database, an id never changes."""
    known = _ids.setdefault(connection.engine, {}) if remembered else {}
    wanted = set(names)
    found = {name: number for name in wanted if (number := known.get(name)) is not None}
    if missing := sorted(wanted - found.keys()):
        new = dict(connection.execute(_NAMED, {"names": missing}).all())
        if len(known) > REMEMBERED:
            known.clear()
        known.update(new)
        found |= new
    return found


def forget(engine: Engine) -> None:
    """Forget the ids of places and topics, because another state of the database may have other ids."""
    _ids.pop(engine, None)


def axis_ids(connection: Connection, names: Iterable[str]) -> dict[str, int]:
    """The ids of places and topics by name; new names get an id. Only a writer that holds the counter's row may call this."""
    wanted = sorted(set(names))
    found: dict[str, int] = dict(_WRITTEN.rows(connection, names=listed(connection, wanted)))
    if missing := [name for name in wanted if name not in found]:
        connection.execute(insert(axis), [{"name": name} for name in missing])
        found.update(_WRITTEN.rows(connection, names=listed(connection, missing)))
    return found


_WRITTEN = Built(lambda dialect: select(axis.c.name, axis.c.id).where(among(axis.c.name, "names", dialect)))


class Change(Struct, frozen=True):
    """An article that was published, corrected, canceled or withheld."""

    seq: int
    keys: tuple[Keys, ...]  # the feeds that showed the article before, and those that show it now
    stamp: int  # random; differs from the stamp of a change with this number in another history of the database
    instance: str = ""  # the name of the history that has the change; empty: not known


def new_stamp() -> int:
    """A random number that fits a column of 64 bits."""
    return secrets.randbits(63)


def change_row(change: Change, num: int, version: int, kind: str, at: int) -> dict[str, Any]:
    """The row of a change of article `num` that comes at `at` (microseconds since 1970)."""
    packed = msgspec.json.encode(change.keys)
    row = {"seq": change.seq, "num": num, "version": version, "kind": kind, "at": at, "axes": packed}
    return row | {"stamp": change.stamp}


def last_seq(connection: Connection) -> int:
    """The number of the newest change; 0 before the first."""
    return int(connection.execute(select(func.coalesce(func.max(changes.c.seq), 0))).scalar_one())


class LastChange(Struct, frozen=True):
    """The last change of an article, as the public knows it."""

    kind: str  # "published", "corrected", "canceled" or "withheld"
    note: str  # the office's note in that version
    keys: tuple[Keys, ...]  # as in Change


def last_change(connection: Connection, num: int) -> LastChange | None:
    """The last public change of an article; None if it never was public."""
    row = connection.execute(
        select(changes.c.kind, changes.c.axes, versions.c.doc)
        .join(versions, and_(versions.c.num == changes.c.num, versions.c.version == changes.c.version))
        .where(changes.c.num == num)
        .order_by(changes.c.seq.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    note = msgspec.json.decode(row.doc, type=Article).note
    return LastChange(row.kind, note, msgspec.json.decode(row.axes, type=tuple[Keys, ...]))


def public_state(num: ColumnElement[int] | Column[int], column: Column[Any]) -> ScalarSelect[Any]:
    """A subquery for a column of an article's last public change. A newer version under embargo has no change yet."""
    last = changes.alias()
    return select(last.c[column.name]).where(last.c.num == num).order_by(last.c.seq.desc()).limit(1).scalar_subquery()
