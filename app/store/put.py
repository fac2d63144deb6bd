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

from app.errors import Unavailable
from app.store import audit, entries, files, outbox, search, translations
from app.store.audit import Event
from app.store.built import Built
from app.store.engine import reading, writing
from app.store.files import FileRecord
from app.store.instants import EPOCH, micros
from app.store.keys import Keys, keys
from app.store.lists import among, listed
from app.store.order import Change, change_row, last_told, lock, new_stamp, unlock
from app.store.outbox import Told
from app.store.tables import articles, changes, embargo_entries, feed_entries, releases, versions
from feeds.article import Article, Office

KEPT_EMBARGO = (
    "The release says nothing of an embargo: that of the version before stays, {}. To end it, say so: an instant that is over,"
    ' held="false", or POST /articles/ID/release.'
)

KEPT_DATE = (
    "The words of the text name an earlier time than the embargo that the version before gave as a date, which stays, {}. To end it,"
    ' give a date that is over, held="false", or POST /articles/ID/release.'
)

NEWS = 86_400_000_000  # microseconds: what is new and stands further down in its feeds comes of an archive

Outcome = Literal["stored", "same", "older", "changed", "wrong-office", "already-public"]


class Original(Struct, frozen=True):
    """A release as received."""

    body: bytes
    mimetype: str
    office: str
    actor: str = "command"  # as the audit log names who sent it
    signature: bytes | None = None  # of the body, JSON
    order: str = ""  # where the body was made here: the signed request that asked for it, JSON
    articles: int = 1  # that the body holds, whatever becomes of each: it is shown only once all of them are public


class Item(Struct, frozen=True):
    """An article to store, with the fingerprint (SHA-256) of the draft it came from."""

    article: Article
    fingerprint: bytes
    warnings: tuple[str, ...] = ()
    files: tuple[FileRecord, ...] = ()  # their bytes are kept already
    words: str = ""  # what it is found by (app/store/search.py); empty: made of the article when it is stored
    says_embargo: bool = True  # the release says that there is no embargo, or which; else the one that is there stays
    silent: bool = False  # where the article is public, it stays where it stands
    # What it says of an embargo are words of its text: they end none that the office gave as a date.
    in_words: bool = False


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
        writer = _Writer(connection, receipt, now, *lock(connection))
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


class _Pending(Struct):
    """An article that waits to be written."""

    original: Original
    item: Item
    article: Article  # the item's, as it is kept
    where: Keys
    sort: int | None  # where its entries stand; None: it is not public
    receipt: bytes
    changes: Sequence[tuple[Change, str]]  # with their kinds
    num: int = 0  # 0: it is new, and has its number only when it is written
    waited: bool = False  # under embargo, until this version


class _Writer:
    """One transaction's work: what decides is asked at once, what follows from it is written together at the end."""

    def __init__(
        self, connection: Connection, receipt: Callable[[Item], bytes], now: datetime, seq: int, instance: str
    ) -> None:
        self.connection = connection
        self.receipt = receipt
        self.now = now
        self.seq = seq
        self.instance = instance
        self.rows: dict[str, Row] = {}  # guid -> what was held of it before
        self.releases: dict[int, int] = {}  # id() of an original -> its row
        self.pending: dict[str, _Pending] = {}  # guid -> what waits to be written
        self.events: list[Event] = []

    def store(self, original: Original, item: Item) -> Stored:
        guid = item.article.guid
        if guid in self.pending:
            self.flush()  # A second version in one transaction must see the first.
            self.rows |= _rows(self.connection, [guid])
        row = self.rows.get(guid)
        refused = _refuse(self.connection, row, item, self.now)
        return refused or self._write(original, row, item)

    def _write(self, original: Original, row: Row | None, item: Item) -> Stored:
        before: Keys | None = None
        shown: Article | None = None  # what this version replaces, where that is public
        waited = False
        if row is not None:
            packed, doc = self.connection.execute(_SHOWN, {"of": row.num, "which": row.version}).one()
            kept = msgspec.json.decode(doc, type=Article)
            if row.public:
                before, shown = msgspec.json.decode(packed, type=Keys), kept
            else:  # Also what was public once: it may wait again.
                item = _still_waiting(item, kept, self.now)
                waited = kept.pubstatus == "usable"
                entries.unwait(self.connection, [row.num])
        public = public_at(item.article, self.now)
        item = replace(item, article=_following(shown, item.article, public))
        article = item.article
        sort = micros(article.updated) if public else None
        if item.silent and public and shown is not None and row is not None:
            # RFC 4287, section 4.2.15: `updated` is of what the publisher calls significant. The receipt tells this version's own.
            sort, article = row.sort, replace(article, updated=shown.updated)
        where = keys(article)
        changed: list[tuple[Change, str]] = []
        if row is not None:
            if not _decide(self.connection, [_row(article, sort, self.now)]):
                # Not reached while the counter's row is held; the promise rests on the statement all the same.
                return Stored("older", article.version)
            self._leave(row, before, where if public else None)
            changed = self._left_again(row, article, public, before)
        if public or before is not None:
            kind = article.pubstatus if not public else "corrected" if before else "published"
            changed.append(self._change(kind, tuple(part for part in (before, where if public else None) if part)))
        receipt = self.receipt(item)
        num = 0 if row is None else row.num
        self.pending[article.guid] = _Pending(original, item, article, where, sort, receipt, changed, num, waited)
        action = "pushed" if row is None else "corrected" if article.pubstatus == "usable" else article.pubstatus
        self.events.append(_event(action, original, article))
        change = changed[-1][0] if changed else None
        return Stored("stored", article.version, receipt, corrected=row is not None, change=change)

    def _leave(self, row: Row, before: Keys | None, after: Keys | None) -> None:
        """Take what an older version said out of where it stands."""
        translations.leave(self.connection, row.num)
        if before is not None and row.sort is not None:
            entries.leave(self.connection, row.num, before, row.sort)
        if row.seen:
            entries.withdraw(self.connection, row.num, before, after, self.now)

    def _left_again(self, row: Row, article: Article, public: bool, before: Keys | None) -> list[tuple[Change, str]]:
        """The change of what had left already, and leaves for another reason now: the feeds that tell so show it anew."""
        if public or before is not None or not row.seen or article.pubstatus == "usable":
            return []
        last = last_told(self.connection, row.num)
        if last is None or (last.kind, last.note) == (article.pubstatus, article.note):
            return []
        return [self._change(article.pubstatus, last.keys)]

    def _change(self, kind: str, places: tuple[Keys, ...]) -> tuple[Change, str]:
        self.seq += 1
        return Change(self.seq, places, new_stamp(), self.instance), kind

    def flush(self) -> None:
        """Write what waits, table by table: a statement of many rows costs little more than one of one."""
        connection, pending = self.connection, list(self.pending.values())
        if not pending:
            return
        self._number([one for one in pending if not one.num])
        originals = {id(one.original): one.original for one in pending if id(one.original) not in self.releases}
        if originals:
            kept = _originals(connection, list(originals.values()), self.now)
            self.releases |= zip(originals, kept, strict=True)
        _VERSION.many(connection, [self._version(one) for one in pending])
        files.enter(connection, [(one.num, one.article.version, one.item.files) for one in pending])
        translations.enter(connection, [(one.num, one.article) for one in pending])
        changed = [
            change_row(change, one.num, one.article.version, kind, self.now)
            for one in pending
            for change, kind in one.changes
        ]
        if changed:
            _CHANGE.many(connection, changed)
        shown = [(one, one.sort) for one in pending if one.sort is not None]
        entries.enter(connection, feed_entries, [(one.num, one.where, sort) for one, sort in shown])
        search.index(connection, [(one.num, one.item.words or search.words(one.article)) for one, _ in shown])
        at = micros(self.now)
        waiting = [one for one in pending if one.sort is None and one.article.pubstatus == "usable"]
        entries.enter(connection, embargo_entries, [(one.num, one.where, at) for one in waiting])
        outbox.tell(connection, [told for one in pending for told in self._told(one)], self.now)
        waits = [*((one, "embargoed") for one in waiting), *((one, "lapsed") for one in pending if _lapsed(one))]
        embargoed = [Told(0, one.num, one.article.version, kind, one.where.pairs()) for one, kind in waits]
        outbox.tell(connection, embargoed, self.now, embargoed=True)
        audit.record(connection, self.events, self.now)
        self.pending.clear()
        self.events.clear()

    def _told(self, one: _Pending) -> list[Told]:
        """What subscribers of public feeds are told. A loaded archive is no news to them."""
        loaded = one.sort is not None and micros(self.now) - one.sort > NEWS
        version = one.article.version
        return [
            Told(
                change.seq,
                one.num,
                version,
                kind,
                {pair for keys in change.keys for pair in keys.pairs()},
                change.stamp,
            )
            for change, kind in one.changes
            if not (loaded and kind == "published")
        ]

    def _number(self, new: Sequence[_Pending]) -> None:
        """Write the rows of new articles. Raises Unavailable."""
        nums = _decide(self.connection, [_row(one.article, one.sort, self.now) for one in new])
        if len(nums) < len(new):
            # Not reached while the counter's row is held; the promise rests on the statement all the same.
            raise Unavailable("Another writer stored the same article at the same time.")
        for one in new:
            one.num = nums[one.article.guid]

    def _version(self, one: _Pending) -> dict[str, Any]:
        return {
            "num": one.num,
            "version": one.article.version,
            "release": self.releases[id(one.original)],
            "fingerprint": one.item.fingerprint,
            "doc": msgspec.json.encode(one.article),
            "receipt": one.receipt,
            "axes": msgspec.json.encode(one.where),
        }


def _lapsed(one: _Pending) -> bool:
    """Whether it waited, and was withdrawn before anybody else saw it."""
    return one.waited and one.sort is None and one.article.pubstatus != "usable"


def _following(shown: Article | None, article: Article, public: bool) -> Article:
    """The version as it replaces what is public, if anything is: it keeps the instant at which the article was first to be
    reported, and is a correction where the office does not call it an update."""
    if shown is None:
        return replace(article, signal="")
    signal = (article.signal or "correction") if public else ""
    return replace(article, published=shown.published, signal=signal)


def _rows(connection: Connection, guids: Sequence[str]) -> dict[str, Row]:
    """What the store holds of these guids."""
    found = _HELD.rows(connection, guids=listed(connection, guids))
    return {
        guid: Row(num, version, office, bool(public), bool(seen), sort)
        for guid, num, version, office, public, seen, sort in found
    }


def _refuse(connection: Connection, row: Row | None, item: Item, now: datetime) -> Stored | None:
    """Why this item is not written; None: it is to be."""
    if row is None:
        return None
    if row.office != item.article.office.code:
        return Stored("wrong-office", row.version)
    if row.version > item.article.version:
        return Stored("older", row.version)
    if row.version == item.article.version:
        kept = connection.execute(_GIVEN, {"of": row.num, "which": row.version}).one()
        # Another dialect writes the same article in other words: the articles decide then.
        if kept.fingerprint == item.fingerprint or _same(msgspec.json.decode(kept.doc, type=Article), item.article):
            return Stored("same", row.version, kept.receipt)
        return Stored("changed", row.version)
    if row.public and item.article.pubstatus == "usable" and not public_at(item.article, now):
        return Stored("already-public", row.version)
    return None


def _still_waiting(item: Item, kept: Article, now: datetime) -> Item:
    """The item with the embargo of the version before, where it says nothing of one: a correction must not publish by silence, nor
    words what a date keeps."""
    ends = kept.embargoed
    ahead = bool(ends and ends > now)
    words = item.in_words and ahead and not kept.embargo_wording and _sooner(item.article, ends)
    if not words and (item.says_embargo or not (kept.held or ahead)):
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
    return replace(
        item, article=article, warnings=(*item.warnings, (KEPT_DATE if words else KEPT_EMBARGO).format(until))
    )


def _sooner(article: Article, ends: datetime | None) -> bool:
    """Whether it would be public before that instant."""
    return not article.held and ends is not None and (article.embargoed is None or article.embargoed < ends)


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
            "articles": one.articles,
        }
        for one in originals
    ]
    if len(values) == 1:
        return [id for (id,) in _KEEP_ONE.rows(connection, **values[0])]
    return list(connection.execute(_KEEP, values).scalars())


def _event(action: str, original: Original, article: Article) -> Event:
    detail = {"signed": original.order or "yes"} if original.signature or original.order else {}
    return Event(action, original.actor, article.office.code, article.id, article.version, detail)


_VERSION, _CHANGE = Built(lambda _: insert(versions)), Built(lambda _: insert(changes))
_WHICH = and_(versions.c.num == bindparam("of"), versions.c.version == bindparam("which"))
_SHOWN = select(versions.c.axes, versions.c.doc).where(_WHICH)
_GIVEN = select(versions.c.fingerprint, versions.c.doc, versions.c.receipt).where(_WHICH)
_RELEASE = ("body", "mimetype", "office", "received", "actor", "signature", "articles")
_KEEP_ONE = Built(
    lambda _: insert(releases).values({name: bindparam(name) for name in _RELEASE}).returning(releases.c.id)
)
_KEEP = insert(releases).returning(releases.c.id, sort_by_parameter_order=True)


_ROW = ("guid", "num", "version", "office", "public", "seen", "sort")
_HELD = Built(
    lambda dialect: select(*(articles.c[name] for name in _ROW)).where(among(articles.c.guid, "guids", dialect))
)


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
    decided = statement.on_conflict_do_update(index_elements=["guid"], set_=kept, where=newer)
    return decided.returning(articles.c.guid, articles.c.num)


def _decide(connection: Connection, rows: Sequence[dict[str, Any]]) -> dict[str, int]:
    """guid -> number, without those of which a newer version is kept. No two rows are of one guid."""
    if not rows:
        return {}
    if len(rows) == 1:
        return dict(_DECIDE_ONE.rows(connection, **rows[0]))
    return {guid: num for guid, num in connection.execute(_deciding(connection.dialect.name), rows)}


_DECIDE_ONE = Built(_deciding)


def _row(article: Article, sort: int | None, now: datetime) -> dict[str, Any]:
    """The row of an article that stands there, or is not public."""
    public = sort is not None
    waits = article.pubstatus == "usable" and not public and not article.held and article.embargoed is not None
    return {
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
