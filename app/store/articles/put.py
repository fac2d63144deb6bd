"""Writes articles: one transaction stores the original bytes, the article, its feed entries and its change.

app/store/articles/decide.py decides what is written, from the rows that a Writer reads.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Engine, Executable, and_, bindparam, insert, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from app.errors import Unavailable
from app.store import audit
from app.store.articles import files, translations
from app.store.articles.decide import Decision, EndedHold, Item, Row, Write, decide
from app.store.articles.lift import write_ended_hold
from app.store.audit import Event
from app.store.built import Built, among, listed
from app.store.changes import Change, Keys, change_row, last_change, new_stamp
from app.store.deliveries import outbox
from app.store.deliveries.outbox import Notice
from app.store.engine import LastNumber, lock, reading, unlock, writing
from app.store.feeds import entries, search
from app.store.tables import articles, changes, embargo_entries, feed_entries, micros, releases, versions
from feeds import Article

FEW = 4  # rows that are written one by one: for so few, SQLAlchemy takes longer to write one statement than all of theirs take
JUST = 60_000_000  # microseconds: longer than a release takes from its arrival to its commit


class Original(Struct, frozen=True):
    """A release as received."""

    body: bytes
    mimetype: str
    office: str
    actor: str = "command"  # as the audit log names who sent it
    signature: bytes | None = None  # of the body, JSON
    order: str = ""  # if this server made the body: the signed request that asked for it, JSON
    request: str = ""  # the id of the request that sent it
    articles: int = 1  # in the body, including refused ones; app/store/articles/history.py says when the body is shown


@contextmanager
def writer(engine: Engine, guids: Collection[str], now: datetime) -> Iterator["Writer"]:
    """One transaction that writes the decisions on these articles, all or nothing; it is committed when the block ends.

    Other writers wait meanwhile, so the rows that it reads do not change. Raises Draining and Unavailable; then nothing is stored.
    """
    with writing(engine) as connection:
        made = Writer(connection, guids, now, lock(connection, takes=True))
        yield made
        made.flush()
        unlock(connection, made.seq)


def foresee(engine: Engine, items: Sequence[Item], now: datetime) -> list[Decision]:
    """The decision that each item would get now; nothing is written. Raises Unavailable."""
    with reading(engine) as connection:
        rows = _rows(connection, {item.article.guid for item in items})
    return [decide(rows.get(item.article.guid), item, now) for item in items]


class _Pending(Struct):
    """A version that waits to be written."""

    original: Original
    item: Item
    write: Write
    receipt: bytes
    change: Change | None
    at: int  # the instant that its change will have, micros
    num: int = 0  # of the article; known after its row is written


class Writer:
    """The work of one transaction: it reads all rows at the start, and writes all decisions together at the end."""

    def __init__(self, connection: Connection, guids: Collection[str], now: datetime, last: LastNumber) -> None:
        """`now`: the instant that decides what is public."""
        self.connection = connection
        self.seq = last.seq  # the number of the last change
        self.instance = last.instance  # the name of the history
        self.last = last
        self.changes: list[Change] = []  # to be announced after the commit
        self.rows: dict[str, Row] = {}
        self.begin(guids, now)
        self.releases: dict[int, int] = {}  # id() of an Original -> id of its row
        self.pending: dict[str, _Pending] = {}  # guid -> version that waits to be written
        self.outdated: set[str] = set()  # guids whose rows were written since they were read

    def begin(self, guids: Collection[str], now: datetime) -> None:
        """Read the rows of these articles, and decide by the instant `now`. A caller who finds out what it writes only when it is its
        turn calls it once more, before anything else. Raises Unavailable."""
        self.now = now
        self.at = self.last.following(micros(now))  # the instant of the next change: later than the one before
        if guids:
            self.rows |= _rows(self.connection, guids)

    def row(self, guid: str) -> Row | None:
        """The row of an article, with all versions that were added before; None if the article is not stored. Raises Unavailable."""
        if guid in self.pending:
            self.flush()  # The decision on a second version must see the first.
        if guid in self.outdated:
            self.rows |= _rows(self.connection, [guid])
            self.outdated.remove(guid)
        return self.rows.get(guid)

    def add(self, original: Original, decision: Decision, receipt: bytes) -> None:
        """Write a decision that was made from the article's present row. `receipt`: JSON, returned again if the same version is sent
        again. Raises Unavailable."""
        write = decision.write
        if write is None:
            return
        change = None
        if self.at > micros(self.now):  # The clock was set back.
            self.at += 1
            # An article of an archive is placed by its own date; an article that has just come was dated a moment ago.
            if write.sort is not None and write.moves and write.sort > micros(self.now) - JUST:
                write = msgspec.structs.replace(write, sort=max(write.sort, self.at))
        if write.change is not None:
            self.seq += 1
            change = Change(self.seq, write.change.keys, new_stamp(), self.instance)
            self.changes.append(change)
        self.pending[write.article.guid] = _Pending(original, decision.item, write, receipt, change, self.at)

    def end_hold(self, ended: EndedHold, receipt: bytes, actor: str, order: str = "") -> None:
        """Write the end of a hold that was decided from the article's present row. `receipt`: JSON, replaces the receipt before.
        `actor`: who ends the hold, for the audit log. `order`: the signed request that asked for it, JSON. Raises Unavailable."""
        change = write_ended_hold(
            self.connection, ended, receipt, LastNumber(self.seq, self.instance, self.at - 1), self.now, actor, order
        )
        if change is not None:
            self.seq, self.at = change.seq, self.at + 1
            self.changes.append(change)
        self.outdated.add(ended.article.guid)

    def flush(self) -> None:
        """Write the pending versions table by table, because a statement of many rows costs little more than a statement of one."""
        connection, pending = self.connection, list(self.pending.values())
        if not pending:
            return
        self._articles(pending)
        for version in pending:
            self._leave(version)
        originals = {id(version.original): version.original for version in pending}
        if new := {key: original for key, original in originals.items() if key not in self.releases}:
            self.releases |= zip(new, _originals(connection, list(new.values()), self.now), strict=True)
        _VERSION.many(connection, [self._version(version) for version in pending])
        files.enter(
            connection, [(version.num, version.write.article.version, version.item.files) for version in pending]
        )
        translations.enter(connection, [(version.num, version.write.article) for version in pending])
        self._changes(pending)
        self._entries(pending)
        self._enqueue(pending)
        audit.record(connection, [_event(version) for version in pending], self.now)
        self.outdated |= set(self.pending)
        self.pending.clear()

    def _articles(self, pending: Sequence[_Pending]) -> None:
        """Write the articles' rows. Raises Unavailable."""
        nums = _upsert(self.connection, [_row(version.write, self.now) for version in pending])
        if len(nums) < len(pending):
            # This cannot happen while the counter's row is locked, but the statement itself guarantees it too.
            raise Unavailable("Another writer stored the same article at the same time.")
        for version in pending:
            version.num = nums[version.write.article.guid]

    def _leave(self, version: _Pending) -> None:
        """Delete the entries and translations of the previous version, and note which feeds the article left."""
        connection, write, before = self.connection, version.write, version.write.before
        if before is None:
            return
        translations.leave(connection, before.num)
        if not before.public:
            entries.unwait(connection, [before.num])
        elif before.sort is not None:
            entries.leave(connection, before.num, before.keys, before.sort)
        if before.seen:
            # Its place is above what came before, even if the clock was set back: feeds look no further down than their last article.
            entries.withdraw(connection, before.num, write.shown, write.keys if write.public else None, version.at)

    def _version(self, version: _Pending) -> dict[str, Any]:
        return {
            "num": version.num,
            "version": version.write.article.version,
            "release": self.releases[id(version.original)],
            "fingerprint": version.item.fingerprint,
            "doc": msgspec.json.encode(version.write.article),
            "receipt": version.receipt,
            "axes": msgspec.json.encode(version.write.keys),
            "request": version.original.request or None,
        }

    def _changes(self, pending: Sequence[_Pending]) -> None:
        rows = [
            change_row(
                version.change, version.num, version.write.article.version, version.write.change.kind, version.at
            )
            for version in pending
            if version.change is not None and version.write.change is not None
        ]
        if rows:
            _CHANGE.many(self.connection, rows)

    def _entries(self, pending: Sequence[_Pending]) -> None:
        """Write the feed entries and the full text of the public articles, and the embargo entries of the articles that wait."""
        connection, at = self.connection, micros(self.now)
        public: list[entries.Entry] = []
        words: list[tuple[int, str]] = []
        for version in pending:
            if version.write.sort is not None:
                public.append((version.num, version.write.keys, version.write.sort))
                words.append((version.num, version.item.words or search.words(version.write.article)))
        entries.enter(connection, feed_entries, public)
        search.index(connection, words)
        waiting = [(version.num, version.write.keys, at) for version in pending if version.write.waits]
        entries.enter(connection, embargo_entries, waiting)

    def _enqueue(self, pending: Sequence[_Pending]) -> None:
        """Queue notices for subscribers to public feeds, and for subscribers to articles under embargo."""
        public = [notice for version in pending for notice in _notices(version)]
        outbox.enqueue(self.connection, public, self.now)
        embargoed = [
            Notice(0, version.num, version.write.article.version, version.write.notice, version.write.keys.pairs())
            for version in pending
            if version.write.notice
        ]
        outbox.enqueue(self.connection, embargoed, self.now, embargoed=True)


def _notices(version: _Pending) -> list[Notice]:
    """The notices of a version for subscribers to public feeds; none for an article from an archive."""
    change, planned = version.change, version.write.change
    if change is None or planned is None or not planned.news:
        return []
    pairs = {pair for keys in change.keys for pair in keys.pairs()}
    return [Notice(change.seq, version.num, version.write.article.version, planned.kind, pairs, change.stamp)]


def _rows(connection: Connection, guids: Collection[str]) -> dict[str, Row]:
    """guid -> row, for the articles that are stored."""
    found = {}
    for guid, num, public, seen, sort, *version in _HELD.rows(connection, guids=listed(connection, guids)):
        fingerprint, doc, axes, receipt = version
        found[guid] = Row(
            num,
            bool(public),
            bool(seen),
            sort,
            fingerprint,
            msgspec.json.decode(doc, type=Article),
            msgspec.json.decode(axes, type=Keys),
            receipt,
            last_change(connection, num) if seen and not public else None,
        )
    return found


def _originals(connection: Connection, originals: Sequence[Original], now: datetime) -> list[int]:
    """Write the original documents. Return the ids of their rows, in the same order."""
    values = [
        {
            "body": original.body,
            "mimetype": original.mimetype,
            "office": original.office,
            "received": micros(now),
            "actor": original.actor,
            "signature": original.signature,
            "articles": original.articles,
        }
        for original in originals
    ]
    if len(values) <= FEW:
        return [id for row in values for (id,) in _KEEP_ONE.rows(connection, **row)]
    return list(connection.execute(_KEEP, values).scalars())


def _event(version: _Pending) -> Event:
    original, article = version.original, version.write.article
    detail = {"signed": original.order or "yes"} if original.signature or original.order else {}
    if original.request:  # The transaction may belong to another request: several releases are written together.
        detail[audit.REQUEST] = original.request
    return Event(version.write.action, original.actor, article.office.code, article.id, article.version, detail)


_VERSION, _CHANGE = Built(lambda _: insert(versions)), Built(lambda _: insert(changes))
_RELEASE = ("body", "mimetype", "office", "received", "actor", "signature", "articles")
_KEEP_ONE = Built(
    lambda _: insert(releases).values({name: bindparam(name) for name in _RELEASE}).returning(releases.c.id)
)
_KEEP = insert(releases).returning(releases.c.id, sort_by_parameter_order=True)


_CURRENT = and_(versions.c.num == articles.c.num, versions.c.version == articles.c.version)
_HELD = Built(
    lambda dialect: (
        select(
            *(articles.c[name] for name in ("guid", "num", "public", "seen", "sort")),
            *(versions.c[name] for name in ("fingerprint", "doc", "axes", "receipt")),
        )
        .join(versions, _CURRENT)
        .where(among(articles.c.guid, "guids", dialect))
    )
)


@cache
def _upserting(dialect: str) -> Executable:
    """The statement that inserts an article, or updates it if the version is newer and the office is the same."""
    build = postgresql.insert if dialect == "postgresql" else sqlite.insert
    names = ("id", "guid", "office", "version", "pubstatus", "public", "seen", "due", "sort", "edited")
    statement = build(articles).values({name: bindparam(name) for name in names})
    newer_values: dict[str, Any] = {
        name: statement.excluded[name] for name in ("version", "pubstatus", "public", "due", "sort", "edited")
    }
    newer_values["seen"] = or_(articles.c.seen, statement.excluded.public)
    newer = and_(articles.c.version < statement.excluded.version, articles.c.office == statement.excluded.office)
    decided = statement.on_conflict_do_update(index_elements=["guid"], set_=newer_values, where=newer)
    return decided.returning(articles.c.guid, articles.c.num)


def _upsert(connection: Connection, rows: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Insert or update articles. Return guid -> number, without the rows that were refused. No two rows may have the same guid."""
    if not rows:
        return {}
    if len(rows) <= FEW:
        return {guid: num for row in rows for guid, num in _UPSERT_ONE.rows(connection, **row)}
    return {guid: num for guid, num in connection.execute(_upserting(connection.dialect.name), rows)}


_UPSERT_ONE = Built(_upserting)


def _row(write: Write, now: datetime) -> dict[str, Any]:
    """The values of the article's row after this version."""
    article = write.article
    due = article.embargoed if write.waits and not article.held else None
    return {
        "id": article.id,
        "guid": article.guid,
        "office": article.office.code,
        "version": article.version,
        "pubstatus": article.pubstatus,
        "public": write.public,
        "seen": write.public,
        "due": None if due is None else micros(due),
        "sort": write.sort,
        "edited": micros(now),
    }
