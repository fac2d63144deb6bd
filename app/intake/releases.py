"""A release goes in: parse, normalize, put, announce. The one way for a push, an import, a drop folder and a source."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from app import store
from app.accounts.offices import OfficeRecord, Sender
from app.announce import announce
from app.context import Context
from app.errors import Fault, Invalid, Problem
from app.files.multipart import Upload
from app.intake import enclosures, parsers
from app.intake import normalize as normalizer
from app.intake.enclosures import Bound, Kept
from app.intake.normalize import Normal
from app.settings import Settings
from app.store import Item, Original, Stored, search_words
from feeds import press_release
from feeds.article import Article

LONGEST_SLUGLINE = 200  # characters
NO_FILES: Mapping[str, Upload] = {}


class Receipt(Struct, frozen=True, omit_defaults=True):
    """What became of one article; the office keeps it."""

    index: int  # place in the release, from 1
    status: int  # as the HTTP status of this article alone
    id: str = ""
    url: str = ""
    guid: str = ""
    version: int = 0
    pubstatus: str = ""
    public: str = ""  # RFC 3339 instant at which it may be seen; empty: held, withheld or canceled
    regions: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    problem: dict[str, Any] | None = None
    dry_run: bool = False

    @property
    def accepted(self) -> bool:
        """Whether the article is stored now, or would be."""
        return self.problem is None


class Rules(Struct, frozen=True):
    """All that preparing a release needs: no connection, so that another process can do it."""

    settings: Settings
    sender: Sender
    backfill: bool = False  # an archive, whose articles stand in the feeds by their own date

    def now(self) -> normalizer.Context:
        """What a release means at this moment."""
        settings = self.settings
        return normalizer.Context(
            self.sender.office, datetime.now(UTC), settings.url, self.backfill, settings.hours, self.sender.known
        )


class Prepared(Struct, frozen=True):
    """A release ready to be put: its good articles by place, and the receipts of the others."""

    original: Original
    places: tuple[int, ...]
    items: tuple[Item, ...]
    refused: dict[int, Receipt]
    files: Mapping[str, Upload] = {}  # what came with it, by name; on disk until it is put


def take(
    context: Context,
    sender: Sender,
    body: bytes,
    content_type: str,
    *,
    dry_run: bool = False,
    backfill: bool = False,
    files: Mapping[str, Upload] = NO_FILES,
) -> list[Receipt]:
    """One receipt an article. Raises Problem for what is wrong with the whole document, and Unavailable.

    `backfill`: an archive, whose articles stand in the feeds by their own date. `files`: what came with the release, by name.
    """
    prepared = prepare(Rules(context.settings, sender, backfill), body, content_type, kept(context), files)
    if dry_run:
        url = context.settings.url
        foreseen = store.foresee(context.engine, prepared.items, datetime.now(UTC))
        told = {
            place: _outcome(place, item, stored)
            if stored and stored.outcome != "same"
            else msgspec.structs.replace(_receipt(url, item), index=place + 1, status=200, dry_run=True)
            for place, item, stored in zip(prepared.places, prepared.items, foreseen, strict=True)
        }
        return [receipt for _, receipt in sorted((prepared.refused | told).items())]
    return _store(context, prepared)


def publish(context: Context, sender: Sender, body: bytes, content_type: str, slugline: str = "") -> Receipt:
    """The receipt of a document that holds one article alone. Raises Problem and Unavailable.

    `slugline` is taken where the article has none.
    """
    prepared = prepare(Rules(context.settings, sender), body, content_type, kept(context))
    _one(len(prepared.items) + len(prepared.refused))
    if prepared.refused:
        raise as_problem([*prepared.refused.values()])
    (item,) = prepared.items
    _own(sender.office, item.article)
    if slugline and not item.article.slugline:
        article = msgspec.structs.replace(item.article, slugline=normalizer.line(slugline)[:LONGEST_SLUGLINE])
        prepared = msgspec.structs.replace(prepared, items=(msgspec.structs.replace(item, article=article),))
    receipt = _store(context, prepared)[0]
    if receipt.problem:
        raise as_problem([receipt])
    return receipt


def correct(context: Context, sender: Sender, current: Article, body: bytes, content_type: str) -> Receipt:
    """The next version of an article from a document that holds it alone; status 200 where it says nothing new.

    The version is raised here where the document does not. Raises Problem, 412 where another correction came first, and
    Unavailable.
    """
    parsed = parsers.parse(body, content_type, max_depth=context.settings.max_depth)
    if parsed.refused:
        raise Invalid([fault for faults in parsed.refused.values() for fault in faults])
    _one(len(parsed.drafts))
    draft = parsed.drafts[0][1]
    draft = msgspec.structs.replace(draft, version=max(draft.version, current.version + 1))
    bound = enclosures.bind(draft, {}, kept(context), context.settings.url)
    normal = _normal(bound, Rules(context.settings, sender).now())
    if isinstance(normal, Problem):
        raise normal
    article = normal.article
    _own(sender.office, article)
    if article.guid != current.guid:
        reason = f"The guid is {article.guid[:100]!r}; this article's is {current.guid!r}, and stays."
        raise Invalid([Fault(reason, draft.guid.path, draft.guid.line)])
    if store.content(msgspec.structs.replace(article, version=current.version)) == store.content(current):
        return msgspec.structs.replace(told(context, current), status=200)
    mimetype = content_type.partition(";")[0].strip() or "application/xml"
    item = Item(
        article,
        bound.fingerprint,
        normal.warnings,
        bound.files,
        says_embargo=normal.says_embargo,
        silent=normal.silent,
        in_words=normal.in_words,
    )
    held = len(parsed.drafts) + parsed.unread
    original = Original(body, mimetype, sender.office.code, sender.actor, sender.signature, articles=held)
    return _next(context, original, item)


def withdraw(
    context: Context, current: Article, sender: Sender, reason: str = "", pubstatus: str = "canceled"
) -> Receipt:
    """The next version of an article, "canceled" or "withheld"; the original is a release that says so. Raises Problem and
    Unavailable."""
    article = msgspec.structs.replace(
        current,
        version=current.version + 1,
        pubstatus=pubstatus,
        signal="",
        note=reason,  # and not what was said of the last correction
        updated=datetime.now(UTC),
    )
    body = press_release.render_article(article)
    item = Item(article, hashlib.sha256(body).digest())
    return _next(
        context, Original(body, "application/xml", article.office.code, sender.actor, order=_order(sender)), item
    )


def release(context: Context, current: Article, sender: Sender) -> Receipt:
    """End the hold of an article. Raises Problem (409) where it has none, and Unavailable."""
    url = context.settings.url
    done = store.release(
        context.engine,
        current.id,
        lambda article: msgspec.json.encode(_receipt(url, Item(article, b""))),
        datetime.now(UTC),
        sender.actor,
        _order(sender),
    )
    if done is None or done.outcome == "not-held":
        detail = (
            "Only what is held until somebody releases it can be released; move another embargo by a newer version."
        )
        raise Problem(409, "not-held", "The article is not held", detail)
    announce(context.cache, [done.change] if done.change else [])
    return msgspec.json.decode(done.receipt, type=Receipt)


def _order(sender: Sender) -> str:
    """The signed request that said so, for the audit log."""
    return sender.signature.decode() if sender.signature else ""


def told(context: Context, article: Article) -> Receipt:
    """The receipt of an article as it is."""
    return _receipt(context.settings.url, Item(article, b""))


def _next(context: Context, original: Original, item: Item) -> Receipt:
    receipt = _store(context, Prepared(original, (0,), (item,), {}))[0]
    if receipt.status == 409 and receipt.problem and not receipt.problem["type"].endswith("already-public"):
        raise Problem(412, "edited-meanwhile", "Another correction came first", "Read the article again, then repeat.")
    if receipt.problem:
        raise as_problem([receipt])
    return receipt


def _one(count: int) -> None:
    if count != 1:
        raise Problem(422, "one-article", "Not one article", f"The document has {count} articles; expected is one.")


def _own(office: OfficeRecord, article: Article) -> None:
    """A collection holds its own office's articles, also where its token publishes for others."""
    if article.office.code != office.code:
        detail = (
            f"This collection is of {office.code!r}, the article of {article.office.code!r}: send it to POST /releases."
        )
        raise Problem(403, "wrong-office", "Not this collection's office", detail)


def kept(context: Context) -> Kept:
    """Asks for the files that an article has already."""
    return partial(store.files_of, context.engine)


def prepare(
    rules: Rules, body: bytes, content_type: str, kept: Kept, files: Mapping[str, Upload] = NO_FILES
) -> Prepared:
    """Parse, bind the files and normalize. Raises Problem, and what `kept` raises."""
    settings = rules.settings
    parsed = parsers.parse(body, content_type, max_depth=settings.max_depth)
    count = len(parsed.drafts) + len(parsed.refused)
    if count > settings.max_articles:
        reason = f"The release has {count} articles; at most {settings.max_articles} are taken."
        raise Problem(413, "too-many-articles", "Too many articles", reason)
    bounds = enclosures.bind_all(parsed, enclosures.look(files), kept, settings.url)
    refused = {place: _refused(place, Invalid(faults)) for place, faults in parsed.refused.items()}
    places: list[int] = []
    items: list[Item] = []
    for place, bound, answer in _normals(bounds, rules.now()):
        if isinstance(answer, Problem):
            refused[place] = _refused(place, answer)
        else:
            places.append(place)
            # The words are looked for here, where an import has a process for each core.
            words = search_words(answer.article) if answer.article.pubstatus == "usable" else ""
            items.append(
                Item(
                    answer.article,
                    bound.fingerprint,
                    answer.warnings,
                    bound.files,
                    words,
                    answer.says_embargo,
                    answer.silent,
                    answer.in_words,
                )
            )
    mimetype = content_type.partition(";")[0].strip() or "application/xml"
    sender = rules.sender
    return Prepared(
        Original(body, mimetype, sender.office.code, sender.actor, sender.signature, articles=count + parsed.unread),
        tuple(places),
        tuple(items),
        refused,
        files,
    )


def store_all(context: Context, prepared: Sequence[Prepared]) -> list[list[Receipt]]:
    """Put releases in one transaction and announce them; the receipts of each. Raises Unavailable."""
    for release in prepared:
        _keep(context, release)
    outcomes = _put(context, prepared) if any(release.items for release in prepared) else [[] for _ in prepared]
    return [_told(release, done) for release, done in zip(prepared, outcomes, strict=True)]


def _store(context: Context, prepared: Prepared) -> list[Receipt]:
    """Put a release, in one transaction with those that other threads put now, and announce it. Raises Unavailable."""
    _keep(context, prepared)
    done: Sequence[Stored] = ()
    if prepared.items:
        done = context.together.write(prepared, len(prepared.items), partial(_put, context))
    return _told(prepared, done)


def _put(context: Context, prepared: Sequence[Prepared]) -> list[list[Stored]]:
    url = context.settings.url
    batch = [(release.original, release.items) for release in prepared]
    outcomes = store.put(
        context.engine, batch, lambda item: msgspec.json.encode(_receipt(url, item)), datetime.now(UTC)
    )
    announce(context.cache, [stored.change for done in outcomes for stored in done if stored.change])
    return outcomes


def _told(release: Prepared, done: Sequence[Stored]) -> list[Receipt]:
    """The receipts of a release, in the order of its articles."""
    told = dict(release.refused)
    for place, item, stored in zip(release.places, release.items, done, strict=True):
        told[place] = _outcome(place, item, stored)
    return [receipt for _, receipt in sorted(told.items())]


def as_problem(receipts: list[Receipt]) -> Problem:
    """All were refused alike: one problem with the faults of every article."""
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
    """Files before articles: one that no article names in the end harms nobody, and is swept."""
    wanted = {file.sha256 for item in release.items for file in item.files}
    for sha256, upload in {upload.sha256: upload for upload in release.files.values()}.items():
        if sha256 in wanted:
            context.blobs.keep(sha256, Path(upload.path))


def _normals(bounds: Mapping[int, Bound], now: normalizer.Context) -> Iterator[tuple[int, Bound, Normal | Problem]]:
    for number, (place, bound) in enumerate(bounds.items()):
        # A microsecond apart: no two articles of a release carry the same `updated`, and they keep their order.
        later = msgspec.structs.replace(now, now=now.now + timedelta(microseconds=number))
        yield place, bound, _normal(bound, later)


def _normal(bound: Bound, now: normalizer.Context) -> Normal | Problem:
    """The article of a draft, or every fault of it and of its files; a place that is blamed already is blamed once."""
    try:
        normal = normalizer.normalize(bound.draft, now)
    except Problem as problem:
        return problem
    if isinstance(normal, Normal):
        return Invalid(bound.faults) if bound.faults else normal
    blamed = {fault.path for fault in bound.faults}
    return Invalid([*bound.faults, *(fault for fault in normal if fault.path not in blamed)])


def _receipt(url: str, item: Item) -> Receipt:
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
        public=article.updated.isoformat().replace("+00:00", "Z") if public else "",
        regions=tuple(term.code for term in article.regions),
        topics=tuple(term.code for term in article.topics),
        feeds=tuple(f"{url}/feed.atom?region={place.replace(':', '%3A')}" for place in places) if public else (),
        warnings=item.warnings,
    )


def _refused(place: int, problem: Problem, article: Article | None = None) -> Receipt:
    receipt = Receipt(index=place + 1, status=problem.status, problem=problem.body())
    if article is None:
        return receipt
    return msgspec.structs.replace(receipt, id=article.id, guid=article.guid, version=article.version)


def _outcome(place: int, item: Item, stored: Stored) -> Receipt:
    if stored.outcome in ("stored", "same"):
        receipt = msgspec.json.decode(stored.receipt, type=Receipt)
        return msgspec.structs.replace(receipt, index=place + 1, status=201 if stored.outcome == "stored" else 200)
    guid, version = item.article.guid, item.article.version
    reasons = {
        "older": Problem(
            409,
            "older-version",
            NOT_STORED,
            f"Version {version} of {guid} came late: version {stored.version} is kept.",
        ),
        "changed": Problem(
            409,
            "changed-version",
            NOT_STORED,
            f"Version {version} of {guid} is kept with other content: raise the version to correct it.",
        ),
        "wrong-office": Problem(403, "wrong-office", NOT_STORED, f"{guid} belongs to another office."),
        "already-public": Problem(
            409, "already-public", NOT_STORED, f"{guid} is public already: an embargo or a hold would come too late."
        ),
    }
    return _refused(place, reasons[stored.outcome], item.article)


NOT_STORED = "The article was not stored"
