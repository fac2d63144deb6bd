"""Decides what to do with an article that an office sends, by comparing it with the stored row of the same article.

`decide` is pure: it uses no database and no clock. app/store/articles/put.py reads the rows and writes what a Decision says;
app/intake makes the receipt from the Decision.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from app.store.articles.files import FileRecord
from app.store.changes import Keys, LastChange, keys
from app.store.tables import micros
from feeds import EPOCH, Article, Office, rfc3339

KEPT_EMBARGO = (
    "The release does not mention an embargo, so the embargo of the previous version continues {}. To end it, give a date that has"
    ' passed, held="false", or POST /articles/ID/release.'
)

KEPT_DATE = (
    "The text would end the embargo before the date that the previous version gave, so the embargo continues {}. To end it, give a"
    ' date that has passed, held="false", or POST /articles/ID/release.'
)

NEWS = 86_400_000_000  # microseconds; a new article whose place in its feeds is older than this comes from an archive

Outcome = Literal["stored", "same", "older", "changed", "wrong-office", "already-public"]


class Item(Struct, frozen=True):
    """An article to store, with the fingerprint (SHA-256) of the draft it came from."""

    article: Article
    fingerprint: bytes
    warnings: tuple[str, ...] = ()
    files: tuple[FileRecord, ...] = ()  # their bytes are stored already
    words: str = (
        ""  # tokens for the full-text index (app/store/feeds/search.py); empty: made when the article is stored
    )
    says_embargo: bool = True  # the release states its embargo, or that there is none; False: the present embargo stays
    silent: bool = False  # a silent correction: a public article keeps its place in its feeds
    # The embargo comes from wording in the text. Such wording does not end an embargo that the office gave as a date.
    in_words: bool = False
    # The release has no date of issue and no version: the stored date stays, and other content is the next version.
    undated: bool = False


class Row(Struct, frozen=True):
    """A stored article with its newest version."""

    num: int
    public: bool
    seen: bool  # it was public once
    sort: int | None  # its place in its feeds, microseconds; None: it is not public
    fingerprint: bytes  # of the draft it came from
    article: Article
    keys: Keys  # as they were stored with this version
    receipt: bytes  # JSON, as it was sent
    last: LastChange | None = None  # only for an article that was public once and is not public now


class FeedChange(Struct, frozen=True):
    """A change of public feeds."""

    kind: str  # "published", "corrected", "canceled" or "withheld"
    keys: tuple[Keys, ...]  # the feeds that showed the article before, and those that show it now
    news: bool = True  # whether subscribers are notified; they are not when an archive is loaded


class Write(Struct, frozen=True):
    """A version to write, and what follows from it."""

    before: Row | None  # the row that it replaces
    article: Article  # as it is stored
    keys: Keys
    sort: int | None  # the place of its feed entries, microseconds; None: it is not public
    change: FeedChange | None
    notice: Literal["", "embargoed", "lapsed"]  # the notice for subscribers to articles under embargo
    action: str  # as the audit log names it

    @property
    def public(self) -> bool:
        """Whether the version is public from now on."""
        return self.sort is not None

    @property
    def moves(self) -> bool:
        """Whether the article gets a new place in its feeds."""
        return self.before is None or self.before.sort != self.sort

    @property
    def waits(self) -> bool:
        """Whether the version is under embargo or held."""
        return self.notice == "embargoed"

    @property
    def shown(self) -> Keys | None:
        """The feeds that show the previous version; None if it is not public."""
        return self.before.keys if self.before is not None and self.before.public else None


class Decision(Struct, frozen=True):
    """What to do with an item. Only the outcome "stored" writes anything."""

    outcome: Outcome
    version: int  # the newest stored version from now on
    item: Item  # with the embargo that continues and the warning about it; the receipt of "stored" is made from it
    receipt: bytes = b""  # only for "same": the receipt of the first time, JSON
    write: Write | None = None  # only for "stored"


class EndedHold(Struct, frozen=True):
    """The end of a hold. The version number stays the same; the office may use the next number for a correction."""

    row: Row  # with the held article
    article: Article  # without the hold
    until: datetime | None  # an embargo that continues after the hold; None: the article is public at once


def end_hold(row: Row | None, now: datetime) -> EndedHold | None:
    """The end of an article's hold at `now`; None if the article is not held."""
    if row is None or row.public or row.article.pubstatus != "usable" or not row.article.held:
        return None
    held = row.article
    until = held.embargoed if held.embargoed and held.embargoed > now else None
    moment = until or now
    published = max(held.published, moment)
    article = replace(held, held=False, embargoed=moment, published=published, updated=moment)
    return EndedHold(row, article, until)


def decide(row: Row | None, item: Item, now: datetime) -> Decision:
    """Decide what to do with an item at `now`. `row`: the stored article of the same guid; None if there is none."""
    if row is None:
        return _stored(None, item, now)
    if item.undated:
        item = _first_seen(row, item)
    current, sent = row.article, item.article
    if current.office.code != sent.office.code:
        return Decision("wrong-office", current.version, item)
    if current.version > sent.version:
        return Decision("older", current.version, item)
    if current.version == sent.version:
        # The same article in another dialect has another fingerprint, so the articles themselves are compared.
        if row.fingerprint == item.fingerprint or _same(current, sent):
            return Decision("same", current.version, item, row.receipt)
        return Decision("changed", current.version, item)
    if row.public and sent.pubstatus == "usable" and not public_at(sent, now):
        return Decision("already-public", current.version, item)
    return _stored(row, item, now)


def _first_seen(row: Row, item: Item) -> Item:
    """An item without a date, with the date when it was first seen. It never brings back what was withdrawn."""
    current = row.article
    article = replace(item.article, issued=current.issued, version=current.version)
    if current.pubstatus != "usable":
        return replace(item, article=replace(article, version=current.version - 1))
    if row.fingerprint != item.fingerprint and not _same(current, article):
        article = replace(article, version=current.version + 1)
    return replace(item, article=article)


def _stored(row: Row | None, item: Item, now: datetime) -> Decision:
    shown = row.article if row is not None and row.public else None  # the public version that this one replaces
    if row is not None and shown is None:  # This includes a withdrawn article: it may be under embargo again.
        item = _still_waiting(item, row.article, now)
    public = public_at(item.article, now)
    item = replace(item, article=_following(shown, item.article, public))
    article = item.article
    sort = micros(article.updated) if public else None
    if item.silent and public and shown is not None and row is not None:
        # RFC 4287, section 4.2.15: `updated` changes only for what the publisher calls significant. The receipt has the new instant.
        sort, article = row.sort, replace(article, updated=shown.updated)
    where = keys(article)
    write = Write(
        row,
        article,
        where,
        sort,
        _change(row, article, where if public else None, _is_news(sort, now)),
        _notice(row, article, public),
        "pushed" if row is None else "corrected" if article.pubstatus == "usable" else article.pubstatus,
    )
    return Decision("stored", article.version, item, write=write)


def _change(row: Row | None, article: Article, after: Keys | None, news: bool) -> FeedChange | None:
    """How public feeds change. `after`: the feeds that show this version; None if it is not public."""
    before = row.keys if row is not None and row.public else None
    if before is not None:
        if after is not None:
            return FeedChange("corrected", (before, after))
        return FeedChange(article.pubstatus, (before,))
    if after is not None:
        return FeedChange("published", (after,), news)
    last = row.last if row is not None else None
    if last is None or article.pubstatus == "usable" or (last.kind, last.note) == (article.pubstatus, article.note):
        return None
    # The article had left its feeds already; now the reason changes, and the feeds must show the new reason.
    return FeedChange(article.pubstatus, last.keys)


def _is_news(sort: int | None, now: datetime) -> bool:
    """Whether its place is near the top of its feeds. Articles from an archive have places further down."""
    return sort is None or micros(now) - sort <= NEWS


def _notice(row: Row | None, article: Article, public: bool) -> Literal["", "embargoed", "lapsed"]:
    if public:
        return ""
    if article.pubstatus == "usable":
        return "embargoed"
    waited = row is not None and not row.public and row.article.pubstatus == "usable"
    return "lapsed" if waited else ""  # withdrawn before anybody else saw it


def _following(shown: Article | None, article: Article, public: bool) -> Article:
    """The article with the first `published` of the public version that it replaces, and with its signal: "correction" unless the
    office calls it an update. A version that replaces nothing public has no signal."""
    if shown is None:
        return replace(article, signal="")
    signal = (article.signal or "correction") if public else ""
    return replace(article, published=shown.published, signal=signal)


def _still_waiting(item: Item, before: Article, now: datetime) -> Item:
    """The item with the embargo of the previous version, if the item does not end that embargo: a correction that does not mention the
    embargo must not publish the article, and wording in the text must not end an embargo that was given as a date."""
    ends = before.embargoed
    ahead = bool(ends and ends > now)
    words = item.in_words and ahead and not before.embargo_wording and _sooner(item.article, ends)
    if not words and (item.says_embargo or not (before.held or ahead)):
        return item
    article = replace(
        item.article,
        held=before.held,
        embargoed=ends,
        embargo_wording=before.embargo_wording,
        published=max(item.article.published, ends) if ends else item.article.published,
        updated=max(item.article.updated, ends) if ends else item.article.updated,
    )
    until = f"until {rfc3339(ends)}" if ends else "until it is released"
    return replace(
        item, article=article, warnings=(*item.warnings, (KEPT_DATE if words else KEPT_EMBARGO).format(until))
    )


def _sooner(article: Article, ends: datetime | None) -> bool:
    """Whether the article would be public before `ends`."""
    return not article.held and ends is not None and (article.embargoed is None or article.embargoed < ends)


def public_at(article: Article, now: datetime) -> bool:
    """Whether the public may see the article at `now`."""
    if article.pubstatus != "usable" or article.held:
        return False
    return article.embargoed is None or article.embargoed <= now


def _same(current: Article, sent: Article) -> bool:
    """Whether two articles of one version have the same content. The store may have set the signal of the current version, so a
    release without a signal does not contradict it."""
    contrary = current.signal and sent.signal and current.signal != sent.signal
    return not contrary and content(current) == content(sent)


def content(article: Article) -> Article:
    """What the office said: the article without its instants, its URL, its signal, and the names of the office and of the codes."""
    bare = {name: tuple(replace(term, names={}) for term in getattr(article, name)) for name in ("regions", "topics")}
    office = Office(article.office.code, "")
    return replace(article, published=EPOCH, updated=EPOCH, url="", office=office, signal="", **bare)
