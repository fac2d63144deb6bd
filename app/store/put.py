"""Writing: one transaction holds the original bytes, the article, its entries and the change."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, Engine, Executable, and_, bindparam, insert, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from app.store import audit, entries, files, search, translations
from app.store.audit import Event
from app.store.engine import reading, writing
from app.store.files import FileRecord
from app.store.instants import EPOCH, micros
from app.store.keys import Keys, keys
from app.store.order import Change, change_row, last_told, lock, unlock
from app.store.tables import articles, changes, embargo_entries, feed_entries, releases, versions
from feeds.article import Article, Office

KEPT_EMBARGO = (
    "The release says nothing of an embargo: that of the version before stays, {}. To end it, say so: an instant that is over,"
    ' held="false", or POST /articles/ID/release.'
)
ASKED_AT_ONCE = 500  # guids in one question

Outcome = Literal["stored", "same", "older", "changed", "wrong-office", "already-public"]


class Original(Struct, frozen=True):
    """A release as received."""

    body: bytes
    mimetype: str
    office: str
    actor: str = "command"  # as the audit log names who sent it
    signature: bytes | None = None  # of the body, JSON
    order: str = ""  # where the body was made here: the signed request that asked for it, JSON


class Item(Struct, frozen=True):
    """An article to store, with the fingerprint (SHA-256) of the draft it came from."""

    article: Article
    fingerprint: bytes
    warnings: tuple[str, ...] = ()
    files: tuple[FileRecord, ...] = ()  # their bytes are kept already
    words: str = ""  # what it is found by (app/store/search.py); empty: made of the article when it is stored
    says_embargo: bool = True  # the release says that there is no embargo, or which; else the one that is there stays
    silent: bool = False  # where the article is public, it stays where it stands


class Stored(Struct, frozen=True):
    """What became of an item. `receipt` is JSON; for "same" it is the one given before."""

    outcome: Outcome
    version: int  # the one that is kept now
    receipt: bytes = b""
    corrected: bool = False
    change: Change | None = None


class Row(Struct, frozen=True):
    """What the store holds of a guid."""

    num: int
    version: int
    office: str
    public: bool
    seen: bool  # it was public once
    sort: int | None


def put(
    engine: Engine, batch: Sequence[tuple[Original, Sequence[Item]]], receipt: Callable[[Item], bytes], now: datetime
) -> list[list[Stored]]:
    """Store releases: every item for itself, all in one transaction; the outcomes in the same order.

    Raises Unavailable, and then nothing is stored.
    """
    with writing(engine) as connection:
        writer = _Writer(connection, receipt, now, lock(connection))
        writer.rows = _rows(connection, list({item.article.guid for _, items in batch for item in items}))
        done = [[writer.store(original, item) for item in items] for original, items in batch]
        writer.flush()
        unlock(connection, writer.seq)
    return done


def foresee(engine: Engine, items: Sequence[Item], now: datetime) -> list[Stored | None]:
    """What `put` would refuse, or answer with what it has; None: it would store. Raises Unavailable."""
    with reading(engine) as connection:
        rows = _rows(connection, list({item.article.guid for item in items}))
        return [_refuse(connection, rows.get(item.article.guid), item, now) for item in items]


class _Writer:
    """One transaction's work: what decides is asked at once, what follows from it is written together at the end."""

    def __init__(self, connection: Connection, receipt: Callable[[Item], bytes], now: datetime, seq: int) -> None:
        self.connection = connection
        self.receipt = receipt
        self.now = now
        self.seq = seq
        self.rows: dict[str, Row] = {}  # guid -> what was held of it before
        self.releases: dict[int, int] = {}  # id() of an original -> its row
        self.originals: dict[int, Original] = {}  # those whose rows wait to be written
        self.touched: set[str] = set()  # guids whose rows wait to be written
        self.versions: list[dict[str, Any]] = []
        self.files: list[dict[str, Any]] = []
        self.changes: list[dict[str, Any]] = []
        self.entries: list[tuple[int, Keys, int]] = []  # number, where, sort
        self.words: list[tuple[int, str]] = []  # number, what it is found by
        self.waiting: list[tuple[int, Keys, int]] = []  # entries of what is under embargo: number, where, sort
        self.events: list[Event] = []

    def store(self, original: Original, item: Item) -> Stored:
        guid = item.article.guid
        if guid in self.touched:
            self.flush()  # A second version in one transaction must see the first.
            self.rows |= _rows(self.connection, [guid])
        row = self.rows.get(guid)
        refused = _refuse(self.connection, row, item, self.now)
        return refused or self._write(original, row, item)

    def _write(self, original: Original, row: Row | None, item: Item) -> Stored:
        before: Keys | None = None
        shown: Article | None = None  # what this version replaces, where that is public
        if row is not None:
            packed, doc = self.connection.execute(
                select(versions.c.axes, versions.c.doc).where(
                    versions.c.num == row.num, versions.c.version == row.version
                )
            ).one()
            kept = msgspec.json.decode(doc, type=Article)
            if row.public:
                before, shown = msgspec.json.decode(packed, type=Keys), kept
            else:  # Also what was public once: it may wait again.
                item = _still_waiting(item, kept, self.now)
                entries.unwait(self.connection, [row.num])
        public = public_at(item.article, self.now)
        item = replace(item, article=_following(shown, item.article, public))
        article = item.article
        sort = micros(article.updated) if public else None
        if item.silent and public and shown is not None and row is not None:
            # RFC 4287, section 4.2.15: `updated` is of what the publisher calls significant. The receipt tells this version's own.
            sort, article = row.sort, replace(article, updated=shown.updated)
        where = keys(article)
        num = _decide(self.connection, article, public, sort, self.now)
        if num is None:  # Not reached while the counter's row is held; the promise rests on the statement all the same.
            return Stored("older", article.version)
        receipt = self.receipt(item)
        self.touched.add(article.guid)
        if id(original) not in self.releases:
            self.originals[id(original)] = original
        self.versions.append(
            {
                "num": num,
                "version": article.version,
                "release": original,
                "fingerprint": item.fingerprint,
                "doc": msgspec.json.encode(article),
                "receipt": receipt,
                "axes": msgspec.json.encode(where),
            }
        )
        self.files += files.rows(num, article.version, item.files)
        translations.enter(self.connection, num, article, again=row is not None)
        if before is not None and row is not None and row.sort is not None:
            entries.leave(self.connection, num, before, row.sort)
        if row is not None and row.seen:
            entries.withdraw(self.connection, num, before, where if public else None, self.now)
        if sort is not None:
            self.entries.append((num, where, sort))
            self.words.append((num, item.words or search.words(article)))
        elif article.pubstatus == "usable":
            self.waiting.append((num, where, micros(self.now)))
        action = "pushed" if row is None else "corrected" if article.pubstatus == "usable" else article.pubstatus
        self.events.append(_event(action, original, article))
        change: Change | None = None
        if not public and before is None and row is not None and row.seen and article.pubstatus != "usable":
            last = last_told(self.connection, num)
            if last is not None and (last.kind, last.note) != (article.pubstatus, article.note):
                # It had left already, and for another reason now: the feeds that tell so show it anew.
                self.seq += 1
                change = Change(self.seq, last.keys)
                self.changes.append(change_row(change, num, article.version, article.pubstatus, self.now))
        if public or before is not None:
            kind = article.pubstatus if not public else "corrected" if before else "published"
            places = tuple(part for part in (before, where if public else None) if part is not None)
            self.seq += 1
            change = Change(self.seq, places)
            self.changes.append(change_row(change, num, article.version, kind, self.now))
        return Stored("stored", article.version, receipt, corrected=row is not None, change=change)

    def flush(self) -> None:
        if self.originals:
            kept = _originals(self.connection, list(self.originals.values()), self.now)
            self.releases |= zip(self.originals, kept, strict=True)
            self.originals.clear()
        if self.versions:
            for version in self.versions:
                version["release"] = self.releases[id(version["release"])]
            self.connection.execute(insert(versions), self.versions)
        files.enter(self.connection, self.files)
        if self.changes:
            self.connection.execute(insert(changes), self.changes)
        entries.enter(self.connection, feed_entries, self.entries)
        entries.enter(self.connection, embargo_entries, self.waiting)
        search.index(self.connection, self.words)
        audit.record(self.connection, self.events, self.now)
        self.events.clear()
        self.waiting.clear()
        self.words.clear()
        self.touched.clear()
        self.versions.clear()
        self.files.clear()
        self.changes.clear()
        self.entries.clear()


def _following(shown: Article | None, article: Article, public: bool) -> Article:
    """The version as it replaces what is public, if anything is: it keeps the instant at which the article was first to be
    reported, and is a correction where the office does not call it an update."""
    if shown is None:
        return replace(article, signal="")
    signal = (article.signal or "correction") if public else ""
    return replace(article, published=shown.published, signal=signal)


def _rows(connection: Connection, guids: Sequence[str]) -> dict[str, Row]:
    """What the store holds of these guids."""
    found: dict[str, Row] = {}
    for start in range(0, len(guids), ASKED_AT_ONCE):
        for guid, *rest in connection.execute(_ROWS, {"guids": guids[start : start + ASKED_AT_ONCE]}):
            found[guid] = Row(*rest)
    return found


def _refuse(connection: Connection, row: Row | None, item: Item, now: datetime) -> Stored | None:
    """Why this item is not written; None: it is to be."""
    if row is None:
        return None
    if row.office != item.article.office.code:
        return Stored("wrong-office", row.version)
    if row.version > item.article.version:
        return Stored("older", row.version)
    if row.version == item.article.version:
        kept = connection.execute(
            select(versions.c.fingerprint, versions.c.doc, versions.c.receipt).where(
                versions.c.num == row.num, versions.c.version == row.version
            )
        ).one()
        # Another dialect writes the same article in other words: the articles decide then.
        if kept.fingerprint == item.fingerprint or _same(msgspec.json.decode(kept.doc, type=Article), item.article):
            return Stored("same", row.version, kept.receipt)
        return Stored("changed", row.version)
    if row.public and item.article.pubstatus == "usable" and not public_at(item.article, now):
        return Stored("already-public", row.version)
    return None


def _still_waiting(item: Item, kept: Article, now: datetime) -> Item:
    """The item with the embargo of the version before, where it says nothing of one: a correction must not publish by silence."""
    ends = kept.embargoed
    if item.says_embargo or not (kept.held or (ends and ends > now)):
        return item
    article = replace(
        item.article,
        held=kept.held,
        embargoed=ends,
        embargo_wording=kept.embargo_wording,
        published=max(item.article.published, ends) if ends else item.article.published,
        updated=max(item.article.updated, ends) if ends else item.article.updated,
    )
    until = f"until {ends.isoformat().replace('+00:00', 'Z')}" if ends else "until it is released"
    return replace(item, article=article, warnings=(*item.warnings, KEPT_EMBARGO.format(until)))


def public_at(article: Article, now: datetime) -> bool:
    """Whether the article may be seen at that instant."""
    if article.pubstatus != "usable" or article.held:
        return False
    return article.embargoed is None or article.embargoed <= now


def _same(kept: Article, given: Article) -> bool:
    """Whether an office says the same again. Of the signal, what is kept may be what the store set: saying nothing is no other."""
    contrary = kept.signal and given.signal and kept.signal != given.signal
    return not contrary and content(kept) == content(given)


def content(article: Article) -> Article:
    """What the office said, apart from when it came here, what its codes were called then, and which version it replaced."""
    bare = {name: tuple(replace(term, names={}) for term in getattr(article, name)) for name in ("regions", "topics")}
    office = Office(article.office.code, "")
    return replace(article, published=EPOCH, updated=EPOCH, url="", office=office, signal="", **bare)


def _originals(connection: Connection, originals: Sequence[Original], now: datetime) -> list[int]:
    """Keep the documents; their rows, in their order."""
    values = [
        {
            "body": one.body,
            "mimetype": one.mimetype,
            "office": one.office,
            "received": micros(now),
            "actor": one.actor,
            "signature": one.signature,
        }
        for one in originals
    ]
    return list(connection.execute(_KEEP, values).scalars())


def _event(action: str, original: Original, article: Article) -> Event:
    detail = {"signed": original.order or "yes"} if original.signature or original.order else {}
    return Event(action, original.actor, article.office.code, article.id, article.version, detail)


# Built once: SQLAlchemy takes longer to build a statement than SQLite to run it.
_KEEP = insert(releases).returning(releases.c.id, sort_by_parameter_order=True)
_ROWS = select(
    articles.c.guid,
    articles.c.num,
    articles.c.version,
    articles.c.office,
    articles.c.public,
    articles.c.seen,
    articles.c.sort,
).where(articles.c.guid.in_(bindparam("guids", expanding=True)))


@cache
def _deciding(dialect: str) -> Executable:
    """The one statement that decides which version wins: the newer one of the same office."""
    build = postgresql.insert if dialect == "postgresql" else sqlite.insert
    names = ("id", "guid", "office", "version", "pubstatus", "public", "seen", "due", "sort", "edited")
    statement = build(articles).values({name: bindparam(name) for name in names})
    kept: dict[str, Any] = {
        name: statement.excluded[name] for name in ("version", "pubstatus", "public", "due", "sort", "edited")
    }
    kept["seen"] = or_(articles.c.seen, statement.excluded.public)
    newer = and_(articles.c.version < statement.excluded.version, articles.c.office == statement.excluded.office)
    return statement.on_conflict_do_update(index_elements=["guid"], set_=kept, where=newer).returning(articles.c.num)


def _decide(connection: Connection, article: Article, public: bool, sort: int | None, now: datetime) -> int | None:
    """The article's number, or None where a newer version is kept."""
    waits = article.pubstatus == "usable" and not public and not article.held and article.embargoed is not None
    values: dict[str, Any] = {
        "id": article.id,
        "guid": article.guid,
        "office": article.office.code,
        "version": article.version,
        "pubstatus": article.pubstatus,
        "public": public,
        "seen": public,
        "due": micros(article.embargoed) if waits and article.embargoed else None,
        "sort": sort,
        "edited": micros(now),
    }
    decided: int | None = connection.execute(_deciding(connection.dialect.name), values).scalar_one_or_none()
    return decided
