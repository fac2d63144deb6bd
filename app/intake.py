"""A release goes in: parse, normalize, put, announce. The one way for a push, an import, a drop folder and a source."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from app import enclosures, parsers, store
from app import normalize as normalizer
from app.context import Context
from app.errors import Fault, Invalid, Problem
from app.office import OfficeRecord
from app.store import Item, Original, Stored
from app.uploads import Upload
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


class Prepared(Struct, frozen=True):
    """A release ready to be put: its good articles by place, and the receipts of the others."""

    original: Original
    places: tuple[int, ...]
    items: tuple[Item, ...]
    refused: dict[int, Receipt]
    files: Mapping[str, Upload] = {}  # what came with it, by name; on disk until it is put


def take(
    context: Context,
    office: OfficeRecord,
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
    prepared = prepare(context, office, body, content_type, backfill=backfill, files=files)
    if dry_run:
        url = context.settings.url
        told = {
            place: msgspec.structs.replace(_receipt(url, item), index=place + 1, status=200, dry_run=True)
            for place, item in zip(prepared.places, prepared.items, strict=True)
        }
        return [receipt for _, receipt in sorted((prepared.refused | told).items())]
    return store_all(context, [prepared])[0]


def publish(context: Context, office: OfficeRecord, body: bytes, content_type: str, slugline: str = "") -> Receipt:
    """The receipt of a document that holds one article alone. Raises Problem and Unavailable.

    `slugline` is taken where the article has none.
    """
    prepared = prepare(context, office, body, content_type)
    _one(len(prepared.items) + len(prepared.refused))
    if prepared.refused:
        raise as_problem([*prepared.refused.values()])
    (item,) = prepared.items
    if slugline and not item.article.slugline:
        article = msgspec.structs.replace(item.article, slugline=normalizer.line(slugline)[:LONGEST_SLUGLINE])
        prepared = msgspec.structs.replace(prepared, items=(msgspec.structs.replace(item, article=article),))
    receipt = store_all(context, [prepared])[0][0]
    if receipt.problem:
        raise as_problem([receipt])
    return receipt


def correct(context: Context, office: OfficeRecord, current: Article, body: bytes, content_type: str) -> Receipt:
    """The next version of an article from a document that holds it alone; status 200 where it says nothing new.

    The version is raised here where the document does not. Raises Problem, 412 where another correction came first, and
    Unavailable.
    """
    parsed = parsers.parse(body, content_type, max_depth=context.settings.max_depth)
    if parsed.refused:
        raise Invalid([fault for faults in parsed.refused.values() for fault in faults])
    _one(len(parsed.drafts))
    draft = parsed.drafts[0][1]
    if draft.guid.text.strip() != current.guid:
        reason = f"The guid is {draft.guid.text.strip()[:100]!r}; this article's is {current.guid!r}, and stays."
        raise Invalid([Fault(reason, draft.guid.path, draft.guid.line)])
    draft = msgspec.structs.replace(draft, version=max(draft.version, current.version + 1))
    bound = enclosures.bind(draft, {}, _kept(context), context.settings.url)
    normal = _normal(bound, moment(context, office))
    if isinstance(normal, Problem):
        raise normal
    article = normal.article
    if store.content(msgspec.structs.replace(article, version=current.version)) == store.content(current):
        return msgspec.structs.replace(_receipt(context.settings.url, Item(current, b"")), status=200)
    mimetype = content_type.partition(";")[0].strip() or "application/xml"
    item = Item(article, bound.fingerprint, normal.warnings, bound.files)
    return _next(context, Original(body, mimetype, office.code), item)


def cancel(context: Context, current: Article, reason: str = "") -> Receipt:
    """The next version of an article, canceled; the original is a release that says so. Raises Problem and Unavailable."""
    article = msgspec.structs.replace(
        current,
        version=current.version + 1,
        pubstatus="canceled",
        note=reason or current.note,
        updated=datetime.now(UTC),
    )
    body = press_release.render_article(article)
    item = Item(article, hashlib.sha256(body).digest())
    return _next(context, Original(body, "application/xml", article.office.code), item)


def _next(context: Context, original: Original, item: Item) -> Receipt:
    receipt = store_all(context, [Prepared(original, (0,), (item,), {})])[0][0]
    if receipt.status == 409 and receipt.problem and not receipt.problem["type"].endswith("already-public"):
        raise Problem(412, "edited-meanwhile", "Another correction came first", "Read the article again, then repeat.")
    if receipt.problem:
        raise as_problem([receipt])
    return receipt


def _one(count: int) -> None:
    if count != 1:
        raise Problem(422, "one-article", "Not one article", f"The document has {count} articles; expected is one.")


def prepare(
    context: Context,
    office: OfficeRecord,
    body: bytes,
    content_type: str,
    *,
    backfill: bool = False,
    files: Mapping[str, Upload] = NO_FILES,
) -> Prepared:
    """Parse, bind the files and normalize. Raises Problem."""
    settings = context.settings
    parsed = parsers.parse(body, content_type, max_depth=settings.max_depth)
    count = len(parsed.drafts) + len(parsed.refused)
    if count > settings.max_articles:
        reason = f"The release has {count} articles; at most {settings.max_articles} are taken."
        raise Problem(413, "too-many-articles", "Too many articles", reason)
    looked = enclosures.look(files)
    bounds = enclosures.bind_all(parsed, looked, _kept(context), settings.url)


def _refused(place: int, problem: Problem) -> Receipt:
    return Receipt(index=place + 1, status=problem.status, problem=problem.body())


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
    return _refused(place, reasons[stored.outcome])


NOT_STORED = "The article was not stored"
