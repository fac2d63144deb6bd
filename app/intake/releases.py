"""Takes a release in: parse, normalize, store, announce. Pushes, imports, drop folders and sources all come through here."""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import msgspec
from msgspec import Struct

from app import measures, spans, store
from app.accounts.offices import OfficeRecord, Sender
from app.announce import announce
from app.context import Context
from app.errors import Fault, Invalid, Listing, Problem
from app.files.multipart import Upload
from app.intake import enclosures, parsers
from app.intake import normalize as normalizer
from app.intake.draft import Assigned, Given, Parsed
from app.intake.enclosures import Bound, FilesOf
from app.intake.normalize import Normal
from app.intake.quarantine import read_safely
from app.requestid import current_request
from app.settings import Settings
from feeds import Article, press_release, rfc3339

LONGEST_SLUGLINE = 200  # characters
NO_FILES: Mapping[str, Upload] = {}


# Each combination of a place and a topic is a row, written while every other writer waits. A usual article has 60 of them, and
# one of all 17 provinces of Korea with five topics 400.
MOST_FEEDS = 1_000  # of an article
MOST_FEEDS_OF_RELEASE = 100_000  # of all its articles together
USUAL_FEEDS = 60

ENTRIES = UUID("6f4e2c1a-0b5d-4b8e-9d0c-5a7c3f1e8b42")  # the space of ids that entries without an id get


class Receipt(Struct, frozen=True, omit_defaults=True):
    """The result for one article, for the office to keep."""

    index: int  # place in the release, from 1
    status: int  # the HTTP status for this article alone
    id: str = ""
    url: str = ""
    guid: str = ""
    version: int = 0
    pubstatus: str = ""
    public: str = ""  # RFC 3339 instant from which the article is public; empty: held, withheld or canceled
    regions: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    problem: dict[str, Any] | None = None
    dry_run: bool = False

    @property
    def accepted(self) -> bool:
        """Whether the article is stored, or would be in a dry run."""
        return self.problem is None


class Rules(Struct, frozen=True):
    """What preparing a release needs. It has no connection, so another process can prepare."""

    settings: Settings
    sender: Sender
    backfill: bool = False  # an archive, whose articles are sorted into feeds by their own dates
    zone: str = ""  # IANA time zone of the source; empty: that of the office
    name: str = ""  # of the document's file; empty: it has none
    base: str = ""  # the URL that the document was fetched from; empty: it was pushed
    ahead: float = 0.0  # seconds by which this host's clock is ahead of the clock that decides

    @property
    def instant(self) -> datetime:
        """Now, by the clock that decides."""
        return datetime.now(UTC) - timedelta(seconds=self.ahead)

    @property
    def given(self) -> Given:
        """What parsers may fill in where a foreign document says nothing."""
        office = self.sender.office
        zone = self.zone or office.timezone or self.settings.timezone
        return Given(zone, office.code, self.name, self.instant, self.base)

    def now(self) -> normalizer.Circumstances:
        """The circumstances for normalizing at this moment."""
        settings = self.settings
        return normalizer.Circumstances(
            self.sender.office, self.instant, settings.url, self.backfill, settings.hours, self.sender.known
        )


class Prepared(Struct, frozen=True):
    """A release that is ready to be stored: its valid articles, and the receipts of the refused ones."""

    original: store.articles.Original
    places: tuple[int, ...]  # of the items, from 0
    items: tuple[store.articles.Item, ...]
    refused: dict[int, Receipt]  # by place
    files: Mapping[str, Upload] = {}  # the files that came with the release, by name; on disk until it is stored
    feeds: int = 0  # rows that the items are in feeds
    dialect: str = ""

    @property
    def weight(self) -> int:
        """How much work it is to write this, counted in usual articles."""
        return max(len(self.items), self.feeds // USUAL_FEEDS)


def take(
    context: Context,
    sender: Sender,
    body: bytes,
    content_type: str,
    *,
    dry_run: bool = False,
    backfill: bool = False,
    files: Mapping[str, Upload] = NO_FILES,
    zone: str = "",
    name: str = "",
    base: str = "",
) -> list[Receipt]:
    """Take a release; one receipt for each article. Raises Problem if the document as a whole is wrong, and Unavailable.

    `backfill`: an archive, whose articles are sorted into feeds by their own dates. `files`: the files of the release, by name.
    `zone`: the time zone of its dates without a zone, if it is not that of the office. `name`: of the document's file.
    `base`: the URL that the document was fetched from.
    """
    rules = Rules(context.settings, sender, backfill, zone, name, base, store.clock.ahead(context.engine))
    try:
        prepared = prepare_safely(rules, body, content_type, files_of(context), files)
    except Problem as problem:
        if not dry_run:
            _count(problem.dialect or "unknown", problem.type)
        raise
    if dry_run:
        url = context.settings.url
        foreseen = store.articles.foresee(context.engine, prepared.items, context.now())
        receipts = {
            place: _refusal(place, decision)
            if decision.outcome not in ("stored", "same")
            else msgspec.structs.replace(_receipt(url, item), index=place + 1, status=200, dry_run=True)
            for place, item, decision in zip(prepared.places, prepared.items, foreseen, strict=True)
        }
        return [receipt for _, receipt in sorted((prepared.refused | receipts).items())]
    return _store(context, prepared)


def publish(context: Context, sender: Sender, body: bytes, content_type: str, slugline: str = "") -> Receipt:
    """Take a document with exactly one article, and return its receipt. Raises Problem and Unavailable.

    `slugline`: used if the article has none. An Atom entry without `id` gets one that is made from its bytes, so that the same entry
    again is the same article.
    """
    guid = f"urn:uuid:{uuid5(ENTRIES, f'{sender.office.code} {hashlib.sha256(body).hexdigest()}')}"
    assigned = Assigned(guid, context.now().isoformat())
    rules = Rules(context.settings, sender, ahead=store.clock.ahead(context.engine))
    prepared = prepare_safely(rules, body, content_type, files_of(context), assigned=assigned)
    _require_one(len(prepared.items) + len(prepared.refused))
    if prepared.refused:
        raise as_problem([*prepared.refused.values()])
    (item,) = prepared.items
    _require_own(sender.office, item.article)
    if item.article.guid == guid and (known := store.articles.newest(context.engine, item.article.id)):
        return msgspec.structs.replace(receipt_of(context, known.article), status=200)
    if slugline and not item.article.slugline:
        article = msgspec.structs.replace(item.article, slugline=normalizer.line(slugline)[:LONGEST_SLUGLINE])
        prepared = msgspec.structs.replace(prepared, items=(msgspec.structs.replace(item, article=article),))
    receipt = _store(context, prepared)[0]
    if receipt.problem:
        raise as_problem([receipt])
    return receipt


def correct(context: Context, sender: Sender, current: Article, body: bytes, content_type: str) -> Receipt:
    """Store the next version of an article from a document with exactly this article; status 200 if nothing changed.

    If the document does not raise the version, it is raised here. Raises Problem (412 if another correction came first) and
    Unavailable.
    """
    rules = Rules(context.settings, sender, ahead=store.clock.ahead(context.engine))
    assigned = Assigned(current.guid, context.now().isoformat(), current.issued.isoformat())
    parsed = parse_safely(rules, body, content_type, assigned)
    if parsed.refused:
        raise Invalid([fault for faults in parsed.refused.values() for fault in faults])
    _require_one(len(parsed.drafts))
    draft = parsed.drafts[0][1]
    draft = msgspec.structs.replace(draft, version=max(draft.version, current.version + 1))
    bound = enclosures.bind(draft, {}, files_of(context), context.settings.url)
    normal = _normal(bound, rules.now())
    if isinstance(normal, Problem):
        raise normal
    article = normal.article
    _require_own(sender.office, article)
    if article.guid != current.guid:
        reason = (
            f"The guid is {article.guid[:100]!r}, but this article has the guid {current.guid!r}, which cannot change."
        )
        raise Invalid([Fault(reason, draft.guid.path, draft.guid.line)])
    if store.articles.content(msgspec.structs.replace(article, version=current.version)) == store.articles.content(
        current
    ):
        return msgspec.structs.replace(receipt_of(context, current), status=200)
    mimetype = parsers.media_type(body, content_type)
    held = len(parsed.drafts) + parsed.unread
    original = store.articles.Original(
        body, mimetype, sender.office.code, sender.actor, sender.signature, articles=held
    )
    return _next(context, original, _item(bound, normal))


def withdraw(
    context: Context, current: Article, sender: Sender, reason: str = "", pubstatus: str = "canceled"
) -> Receipt:
    """Store the next version of an article as "canceled" or "withheld"; its original is a release made here. Raises Problem and
    Unavailable."""
    article = msgspec.structs.replace(
        current,
        version=current.version + 1,
        pubstatus=pubstatus,
        signal="",
        note=reason,  # replaces the note of the version before
        updated=context.now(),
    )
    body = press_release.render_article(article)
    item = store.articles.Item(article, hashlib.sha256(body).digest())
    return _next(
        context,
        store.articles.Original(body, "application/xml", article.office.code, sender.actor, order=_order(sender)),
        item,
    )


def release(context: Context, current: Article, sender: Sender) -> Receipt:
    """End the hold of an article. Raises Problem (409) if it has no hold, and Unavailable."""
    with store.articles.writer(context.engine, {current.guid}, context.now()) as writer:
        ended = store.articles.end_hold(writer.row(current.guid), writer.now)
        if ended is None:
            detail = "Only a held article can be released. To change the instant of an embargo, send a newer version."
            raise Problem(409, "not-held", "The article is not held", detail)
        receipt = _receipt(context.settings.url, store.articles.Item(ended.article, b""))
        writer.end_hold(ended, msgspec.json.encode(receipt), sender.actor, _order(sender))
    announce(context.cache, writer.changes)
    return receipt


def _order(sender: Sender) -> str:
    """The signed request that gave the order, for the audit log."""
    return sender.signature.decode() if sender.signature else ""


def receipt_of(context: Context, article: Article) -> Receipt:
    """The receipt of an article as it is."""
    return _receipt(context.settings.url, store.articles.Item(article, b""))


def _next(context: Context, original: store.articles.Original, item: store.articles.Item) -> Receipt:
    prepared = Prepared(original, (0,), (item,), {}, feeds=store.keys(item.article).count())
    receipt = _store(context, prepared)[0]
    if receipt.status == 409 and receipt.problem and not receipt.problem["type"].endswith("already-public"):
        raise Problem(
            412, "edited-meanwhile", "Another correction came first", "Read the article again, then repeat your change."
        )
    if receipt.problem:
        raise as_problem([receipt])
    return receipt


def _require_one(count: int) -> None:
    if count != 1:
        raise Problem(
            422, "one-article", "Not one article", f"The document has {count} articles; expected exactly one."
        )


def _require_own(office: OfficeRecord, article: Article) -> None:
    """A collection takes only articles of its own office, even if the token may publish for others. Raises Problem (403)."""
    if article.office.code != office.code:
        detail = (
            f"This collection takes articles of {office.code!r}, but the article is of {article.office.code!r}."
            " Send it to POST /releases instead."
        )
        raise Problem(403, "wrong-office", "Not this collection's office", detail)


def files_of(context: Context) -> FilesOf:
    """A function that returns the files of an article's newest version by its guid. It raises Unavailable."""
    return partial(store.articles.files_of, context.engine)


@spans.traced("parse and check release")
def prepare_safely(
    rules: Rules,
    body: bytes,
    content_type: str,
    files_of: FilesOf,
    files: Mapping[str, Upload] = NO_FILES,
    assigned: Assigned | None = None,
) -> Prepared:
    """The same as `prepare`, but a document that was read during a crash is prepared in another process, and refused if that crashes
    (app/intake/quarantine.py). Raises also Problem (422, 503)."""
    return read_safely(
        rules.settings,
        body,
        partial(prepare, rules, body, content_type, files_of, files, assigned),
        partial(_prepare_alone, rules, body, content_type, files, assigned),
    )


def _prepare_alone(
    rules: Rules, body: bytes, content_type: str, files: Mapping[str, Upload], assigned: Assigned | None
) -> Prepared:
    """The same in another process, which has its own connection."""
    files_of = partial(store.articles.files_of, store.connect(rules.settings.database))
    return prepare(rules, body, content_type, files_of, files, assigned)


def parse_safely(rules: Rules, body: bytes, content_type: str, assigned: Assigned | None = None) -> Parsed:
    """The drafts in a document; one that was read during a crash is parsed in another process. Raises Problem."""
    return read_safely(rules.settings, body, partial(_parse, rules, body, content_type, assigned))


def _parse(rules: Rules, body: bytes, content_type: str, assigned: Assigned | None) -> Parsed:
    return parsers.parse(body, content_type, rules.given, max_depth=rules.settings.max_depth, assigned=assigned)


def prepare(
    rules: Rules,
    body: bytes,
    content_type: str,
    files_of: FilesOf,
    files: Mapping[str, Upload] = NO_FILES,
    assigned: Assigned | None = None,
) -> Prepared:
    """Parse a release, bind its files and normalize it. Raises Problem, and whatever `files_of` raises."""
    settings = rules.settings
    parsed = _parse(rules, body, content_type, assigned)
    count = len(parsed.drafts) + len(parsed.refused)
    if count > settings.max_articles:
        reason = (
            f"The release has {count} articles; at most {settings.max_articles} are allowed. Send several releases."
        )
        raise Problem(413, "too-many-articles", "Too many articles", reason)
    if (
        parts := sum(len(getattr(draft, name)) for _, draft in parsed.drafts for name in normalizer.MOST)
    ) > parsers.MAX_PARTS:
        reason = (
            f"The articles of the release have {parts} regions, topics, keywords, contacts, files and related articles in all; at most"
            f" {parsers.MAX_PARTS} are allowed. Send several releases."
        )
        raise Problem(422, "too-complex", "Too many parts", reason)
    bounds = enclosures.bind_all(parsed, enclosures.look(files), files_of, settings.url)
    listing = Listing()
    refused = {
        place: _refused(place, Invalid(faults), listing=listing) for place, faults in sorted(parsed.refused.items())
    }
    places: list[int] = []
    items: list[store.articles.Item] = []
    feeds = 0
    for place, bound, answer in _normals(bounds, rules.now()):
        if isinstance(answer, Problem):
            refused[place] = _refused(place, answer, listing=listing)
        else:
            feeds += store.keys(answer.article).count()
            if feeds > MOST_FEEDS_OF_RELEASE:
                reason = (
                    f"The articles of the release belong to more than {MOST_FEEDS_OF_RELEASE} combinations of a place and a topic."
                    " Send several releases, or name fewer regions and topics."
                )
                raise Problem(422, "too-complex", "Too many feeds", reason)
            places.append(place)
            items.append(_item(bound, answer))
    mimetype = parsers.media_type(body, content_type)
    sender = rules.sender
    return Prepared(
        store.articles.Original(
            body, mimetype, sender.office.code, sender.actor, sender.signature, articles=count + parsed.unread
        ),
        tuple(places),
        tuple(items),
        refused,
        files,
        feeds,
        parsed.dialect,
    )


def store_all(context: Context, prepared: Sequence[Prepared]) -> list[list[Receipt]]:
    """Store releases in one transaction and announce them; the receipts of each release. Raises Unavailable."""
    for release in prepared:
        _keep(context, release)
    decided: Sequence[Sequence[Receipt]] = [[] for _ in prepared]
    if any(release.items for release in prepared):
        decided, tell = _put(context, lambda: prepared)
        tell()
    return [_in_order(release, receipts) for release, receipts in zip(prepared, decided, strict=True)]


def _store(context: Context, prepared: Prepared) -> list[Receipt]:
    """Store a release, in one transaction with releases that other threads store now, and announce it. Raises Unavailable."""
    original = msgspec.structs.replace(prepared.original, request=current_request())
    prepared = msgspec.structs.replace(prepared, original=original)
    _keep(context, prepared)
    receipts: Sequence[Receipt] = ()
    if prepared.items:
        with spans.span("decide and commit"):
            receipts = context.together.write(prepared, prepared.weight, partial(_put, context))
    _count_receipts(prepared.dialect, found := _in_order(prepared, receipts), context.now())
    return found


def _count_receipts(dialect: str, receipts: Sequence[Receipt], now: datetime) -> None:
    """Count the results of the articles of a release, except of those that wait: no metric may reveal that something waits."""
    for receipt in receipts:
        if receipt.problem is not None:
            _count(dialect, str(receipt.problem["type"]).rpartition(":")[2])
        elif is_readable(receipt, now):
            _count(dialect, "accepted" if receipt.status == 201 else "unchanged")


def is_readable(receipt: Receipt, now: datetime) -> bool:
    """Whether the article was accepted and everybody may read it at `now`, by the clock that decides."""
    if receipt.problem is not None or receipt.pubstatus != "usable" or not receipt.public:
        return False
    return datetime.fromisoformat(receipt.public) <= now


def _count(dialect: str, outcome: str) -> None:
    measures.count("articles_taken", (dialect, outcome))


def _put(
    context: Context, gather: Callable[[], Sequence[Prepared]]
) -> tuple[list[list[Receipt]], Callable[[], object]]:
    """Decide about each item and write the decisions in one transaction; the receipts of each release, and the announcement that
    remains to be made. What is written is gathered when it is the transaction's turn. Raises Unavailable."""
    url, now, asked = context.settings.url, context.now(), time.monotonic()
    with store.articles.writer(context.engine, (), now) as writer:
        prepared = gather()
        # The clock is not asked again, because that may need a second connection while other writers wait for this one.
        writer.begin(
            {item.article.guid for release in prepared for item in release.items},
            now + timedelta(seconds=time.monotonic() - asked),
        )
        receipts = [
            [
                _decide(writer, url, release.original, place, item)
                for place, item in zip(release.places, release.items, strict=True)
            ]
            for release in prepared
        ]
    return receipts, partial(announce, context.cache, writer.changes)


def _decide(
    writer: store.articles.Writer, url: str, original: store.articles.Original, place: int, item: store.articles.Item
) -> Receipt:
    """Decide about the item at a place of its release, write it if it is to be stored, and return its receipt. Raises Unavailable."""
    decision = store.articles.decide(writer.row(item.article.guid), item, writer.now)
    if decision.outcome == "stored":
        receipt = _receipt(url, decision.item)
        writer.add(original, decision, msgspec.json.encode(receipt))
    elif decision.outcome == "same":
        receipt = msgspec.structs.replace(msgspec.json.decode(decision.receipt, type=Receipt), status=200)
    else:
        return _refusal(place, decision)
    return msgspec.structs.replace(receipt, index=place + 1)


def _in_order(release: Prepared, receipts: Sequence[Receipt]) -> list[Receipt]:
    """All receipts of a release, in the order of its articles."""
    return sorted([*release.refused.values(), *receipts], key=lambda receipt: receipt.index)


def as_problem(receipts: list[Receipt]) -> Problem:
    """One problem with the faults of every article, for receipts that were all refused with the same status."""
    first = receipts[0].problem or {}
    errors = [
        msgspec.convert(fault, Fault)
        for receipt in receipts
        for fault in (receipt.problem or {}).get("errors", [{"reason": (receipt.problem or {}).get("detail", "")}])
    ]
    kind = str(first["type"]).rpartition(":")[2]
    if receipts[0].status == 422:
        return Invalid(errors, type=kind)
    detail = (
        str(first.get("detail", ""))
        if len(receipts) == 1
        else f"{len(receipts)} articles were refused; nothing was stored."
    )
    return Problem(receipts[0].status, kind, str(first["title"]), detail, errors=errors)


def _keep(context: Context, release: Prepared) -> None:
    """Store the files before the articles. If a file is not used in the end, the sweep removes it."""
    wanted = {file.sha256 for item in release.items for file in item.files}
    for sha256, upload in {upload.sha256: upload for upload in release.files.values()}.items():
        if sha256 in wanted:
            context.blobs.keep(sha256, Path(upload.path))


def _normals(
    bounds: Mapping[int, Bound], now: normalizer.Circumstances
) -> Iterator[tuple[int, Bound, Normal | Problem]]:
    for number, (place, bound) in enumerate(bounds.items()):
        # A microsecond apart, so that the articles of a release have different `updated` instants in their order.
        later = msgspec.structs.replace(now, now=now.now + timedelta(microseconds=number))
        yield place, bound, _normal(bound, later)


def _normal(bound: Bound, now: normalizer.Circumstances) -> Normal | Problem:
    """The article of a draft, or all faults of the draft and its files, with one source of faults for each place."""
    try:
        normal = normalizer.normalize(bound.draft, now)
    except Problem as problem:
        return problem
    if isinstance(normal, Normal):
        if not bound.faults and (feeds := store.keys(normal.article).count()) > MOST_FEEDS:
            article, mark = normal.article, bound.draft.mark
            reason = (
                f"The article's {len(article.regions)} regions and {len(article.topics)} topics, with all above them, make {feeds}"
                f" combinations of a place and a topic; at most {MOST_FEEDS} are allowed. Name fewer regions or topics."
            )
            return Invalid([Fault(reason, mark.path, mark.line)])
        return Invalid(bound.faults) if bound.faults else normal
    blamed = {fault.path for fault in bound.faults}
    return Invalid([*bound.faults, *(fault for fault in normal if fault.path not in blamed)])


def _item(bound: Bound, normal: Normal) -> store.articles.Item:
    """A checked article as the store takes it. The index words are computed here, because an import runs this on every core."""
    words = store.feeds.search_words(normal.article) if normal.article.pubstatus == "usable" else ""
    return store.articles.Item(
        normal.article,
        bound.fingerprint,
        normal.warnings,
        bound.files,
        words,
        normal.says_embargo,
        normal.silent,
        normal.in_words,
        normal.undated,
    )


def _receipt(url: str, item: store.articles.Item) -> Receipt:
    article = item.article
    public = article.pubstatus == "usable" and not article.held
    places = [place for place in store.keys(article).places if place != "*" and not place.startswith("office:")]
    return Receipt(
        index=1,
        status=201,
        id=article.id,
        url=article.url,
        guid=article.guid,
        version=article.version,
        pubstatus=article.pubstatus,
        public=rfc3339(article.updated) if public else "",
        regions=tuple(term.code for term in article.regions),
        topics=tuple(term.code for term in article.topics),
        feeds=tuple(f"{url}/feed.atom?region={place.replace(':', '%3A')}" for place in places) if public else (),
        warnings=item.warnings,
    )


def _refused(place: int, problem: Problem, article: Article | None = None, listing: Listing | None = None) -> Receipt:
    receipt = Receipt(index=place + 1, status=problem.status, problem=problem.body(listing))
    if article is None:
        return receipt
    return msgspec.structs.replace(receipt, id=article.id, guid=article.guid, version=article.version)


def _refusal(place: int, decision: store.articles.Decision) -> Receipt:
    """The receipt of an item that the store refused."""
    article, current = decision.item.article, decision.version
    guid, version = article.guid, article.version
    reasons = {
        "older": Problem(
            409,
            "older-version",
            NOT_STORED,
            f"Version {version} of {guid} is older than version {current}, which is stored.",
        ),
        "changed": Problem(
            409,
            "changed-version",
            NOT_STORED,
            f"Version {version} of {guid} is stored with other content. Raise the version to correct it.",
        ),
        "wrong-office": Problem(403, "wrong-office", NOT_STORED, f"{guid} belongs to another office."),
        "already-public": Problem(
            409, "already-public", NOT_STORED, f"{guid} is public already. It is too late for an embargo or a hold."
        ),
    }
    return _refused(place, reasons[decision.outcome], article)


NOT_STORED = "The article was not stored"
