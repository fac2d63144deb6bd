"""What each address for programs takes and answers: the table from which the API reference and `/openapi.json` are made.

A route whose view is in `PAGES` or `FORMS` of app/web/html.py needs no line: pages and forms for people are described by their row in
docs/http.md alone. Every other route has a line in `WAYS`, under its endpoint; tests/test_openapi.py fails where it is missing.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from app.query import KINDS, LICENCES, LIMIT, MOST, NO_LICENCE, VALUES, WORDS
from app.query import PARAMETERS as ASKED
from app.web.representation import media_type
from feeds import CHOICES, FORMATS, article_json, atompub, hwpx, newsml, nitf, of_articles, opml, pdf, sitemap, variants

JSON = "application/json"
PROBLEM = "application/problem+json"
HTML = "text/html"
PLAIN = "text/plain"
CSV = "text/csv"
FORM = "application/x-www-form-urlencoded"
FILES = "multipart/form-data"
XML = ("application/xml", "text/xml")
ANY = "*/*"  # the bytes as an office sent them
FEED_TYPES = tuple(media_type(format.MIMETYPE) for format in FORMATS.values())
ENTRY = media_type(atompub.ENTRY)
OF_ARTICLES = {
    "json": article_json.ARTICLE_MIMETYPE,
    **{name: format.ARTICLE_MIMETYPE for name, format in of_articles().items()},
    "nitf": nitf.ARTICLE_MIMETYPE,
    "hwpx": hwpx.MIMETYPE,
    "pdf": pdf.MIMETYPE,
}
ARTICLE_TYPES = tuple(dict.fromkeys(map(media_type, OF_ARTICLES.values())))

# Problems that come together.
EVERYWHERE = (
    "bad-characters",
    "bad-parameter",
    "too-many-values",
    "rate-limited",
    "header-too-long",
    "internal",
    "unavailable",
)
# A status before a type means only this one of its statuses.
TOKEN = ("token-missing", "401 token-wrong", "401 token-expired", "token-revoked", "insufficient-scope")
LINK = ("403 token-wrong", "410 token-expired")
TOKEN_MAY = TOKEN[1:]
ARTICLE = ("unknown-article", "canceled", "withheld")
VALUE: tuple[str, ...] = tuple(f"unknown-{name}" for name in ("region", "topic", "office", "genre", "licence"))
VALUE += ("ambiguous-region", "ambiguous-topic", "bad-language", "unknown-parameter")
QUERY = (
    *VALUE,
    "bad-limit",
    "bad-cursor",
    "bad-status",
    "bad-instant",
    "bad-words",
    "bad-variant",
    "too-costly",
    "busy",
    *TOKEN_MAY,
)
BODY = ("cut-off", "length-required", "too-large", "busy")
DIGEST = ("bad-digest", "digest-mismatch", "empty-body", "content-encoding", "unsupported-media-type")
SIGNED = ("signature-wrong", "signature-replayed", "key-revoked", "signature-unknown", "wrong-office")
RELEASE: tuple[str, ...] = (
    *BODY,
    *DIGEST,
    *SIGNED,
    "not-well-formed",
    "unsupported-encoding",
    "bad-encoding",
    "forbidden-character",
    "doctype-forbidden",
)
RELEASE += ("too-complex", "unknown-dialect", "empty-release", "source-error", "invalid-release", "too-many-articles")
RELEASE += ("older-version", "changed-version", "already-public")
SENT = (*BODY, "cross-site", "unsupported-media-type", "bad-json")
DRAFT = ("cross-site", "not-found")


class Way(Struct, frozen=True):
    """What an address takes and answers."""

    answers: Mapping[int, tuple[str, ...]]  # status -> media types; none: no body
    query: tuple[str, ...] = ()  # names of parameters, in PARAMETERS
    path: Mapping[str, tuple[str, ...]] = {}  # a part of the path -> the values that it may have
    body: tuple[str, ...] = ()  # media types
    fields: tuple[str, ...] = ()  # of a form or of a JSON object
    schema: str = ""  # of an answer in JSON: the name of a schema in app/web/openapi.py
    who: str = ""  # "token", "token-may", "session"; empty: everybody
    problems: tuple[str, ...] = ()
    errors: tuple[str, ...] = (PROBLEM,)  # media types of problems
    example: str = ""  # the rest of a curl command, where it is more than the address


def of_queries() -> dict[str, dict[str, Any]]:
    """The parameters of a feed: name -> (schema, what it means)."""
    values: dict[str, Any] = {"type": "array", "items": {"type": "string"}, "maxItems": VALUES}
    kinds = {**values, "items": {"type": "string", "enum": list(KINDS)}}
    known = {
        "region": (values, "A code (`kr:52`), an ISO 3166-2 code, or an exact name in Korean or English."),
        "topic": (values, "A Media Topic (`medtop:20000498`), a policy field (`brm03`), or an exact name."),
        "office": (values, "The code of an office."),
        "lang": (values, "A language tag (BCP 47)."),
        "genre": (kinds, "The kind of release."),
        "licence": (values, f"A licence's URI, or one of {', '.join((*LICENCES, NO_LICENCE))}."),
    }
    found = {name: {"schema": schema, "description": meaning} for name, (schema, meaning) in known.items()}
    for name, (schema, _) in known.items():
        found[f"exclude_{name}"] = {
            "schema": schema,
            "description": f"Leave out articles that match; values as for `{name}`.",
        }
    return found


def _one(meaning: str, **schema: Any) -> dict[str, Any]:
    return {"schema": {"type": "string", **schema}, "description": meaning}


def _number(meaning: str, least: int, most: int, default: int | None = None) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "integer", "minimum": least, "maximum": most}
    return {"schema": schema | ({} if default is None else {"default": default}), "description": meaning}


# Every parameter that a line of WAYS names.
PARAMETERS: dict[str, dict[str, Any]] = of_queries() | {
    "q": _one("Full text: articles with every word; words in quotation marks stand together.", maxLength=WORDS),
    "since": _one(
        "Changed at or after this instant (RFC 3339), or this date in UTC. For `/changes`: a cursor, or `now`."
    ),
    "until": _one("Changed before this instant."),
    "limit": _number("How many.", 1, MOST, LIMIT),
    "before": _one("A cursor from a link of a page: what comes after it in the list."),
    "after": _one("A cursor from a link of a page: what comes before it in the list, or the next events."),
    "status": _one(
        "`embargoed`: articles under embargo, for a token that may read them.",
        enum=["public", "embargoed"],
        default="public",
    ),
    "version": _one("For ninjs: its version. For a provenance: the number of the article's version."),
    "extensions": _one("For RSS and Atom: `all` writes every extension.", enum=list(variants("rss"))),
    "namespace": _one("For NITF: `none` writes it without a namespace.", enum=["none"]),
    "wait": {
        "schema": {"type": "number", "minimum": 0, "maximum": 30},
        "description": "Seconds to wait for the next change.",
    },
    "format": _one("The format of the answer.", enum=["jsonl", "newsml"]),
    "dry_run": _one("`1`: check everything and store nothing.", enum=["0", "1"], default="0"),
    "reason": _one("Why it is withdrawn; everybody can read it.", maxLength=1000),
    "pubstatus": _one("`withheld`: take it back for now.", enum=["canceled", "withheld"], default="canceled"),
    "action": _one("Only events of this kind, such as `read`."),
    "below": _one("Only versions below this number.", pattern="^[0-9]+$"),
    "from": _one("The older version of a difference; the period of a sitemap."),
    "to": _one("The newer version of a difference.", pattern="^[0-9]+$"),
    "token": _one("The token in a link of a mail."),
    "kind": _one("The words to search for.", enum=["region", "topic", "office"]),
    "under": _one("A code: lists the codes one level below it."),
}
FILTERS = tuple(name for name in ASKED if name not in ("limit", "before", "after"))
KEPT_FILTERS = tuple(name for name in FILTERS if name not in ("q", "since", "until"))
VARIED = tuple(dict.fromkeys(name for name, _ in CHOICES.values()))
FEED = (*ASKED, "status", *VARIED)
FORMAT = {"format": tuple(FORMATS)}
HUB = ("hub.mode", "hub.topic", "hub.callback", "hub.secret", "hub.lease_seconds")
ALERT = ("address", "pace", "language", "query", "region", "topic", "office", "lang", "genre", "licence")
MEMBER = ("unknown-article", "wrong-office", *TOKEN)

_feed = Way({200: FEED_TYPES}, FEED, FORMAT, who="token-may", problems=(*QUERY, "unknown-format"))
_archive = Way(
    {200: FEED_TYPES},
    (*KEPT_FILTERS, "before", "after", *VARIED),
    FORMAT,
    problems=(*QUERY, "unknown-format", "unknown-month"),
)
_versions = Way(
    {200: (HTML, JSON)}, ("below",), schema="Versions", problems=(*ARTICLE, "unknown-parameter", "not-acceptable")
)
_difference = Way(
    {200: (HTML, JSON)}, ("from", "to"), schema="Compared",
    problems=(*ARTICLE, "unknown-version", "same-version", "unknown-parameter", "not-acceptable"),
)  # fmt: skip
_text = Way({200: (PLAIN,)}, problems=("unknown-parameter",))
_passkey = Way({200: (JSON,)}, body=(FORM, JSON), problems=(*SENT, "no-passkeys", "too-many-attempts"))

# Endpoint -> what it takes and answers.
WAYS: dict[str, Way] = {
    "ingest.post": Way(
        {201: (JSON,), 200: (JSON,), 207: (JSON,)},
        ("dry_run",),
        body=(*XML, JSON, FILES),
        schema="Receipt",
        who="token",
        problems=(*TOKEN, *RELEASE, "bad-multipart", "signed-files", "file-too-large", "too-many-files"),
        example='-H "Authorization: Bearer $PRESSRELAY_TOKEN" -H "Content-Type: application/xml" --data-binary @release.xml',
    ),
    "lifecycle.correct": Way(
        {201: (JSON,), 200: (JSON,)},
        body=(*XML, JSON),
        schema="Receipt",
        who="token",
        problems=(*MEMBER, *RELEASE, "one-article", "edited-meanwhile"),
        example='-X PUT -H "Authorization: Bearer $PRESSRELAY_TOKEN" -H "Content-Type: application/xml" --data-binary @release.xml',
    ),
    "lifecycle.withdraw": Way(
        {200: (JSON,)},
        ("reason", "pubstatus"),
        schema="Receipt",
        who="token",
        problems=(*MEMBER, *BODY, *SIGNED, "reason-missing"),
    ),
    "lifecycle.release": Way(
        {200: (JSON,), 201: (JSON,)}, schema="Receipt", who="token", problems=(*MEMBER, *BODY, *SIGNED, "not-held")
    ),
    "lifecycle.audit": Way({200: (JSON,)}, ("action", "after"), who="token", problems=(*MEMBER, "bad-cursor")),
    "atompub.service": Way({200: (media_type(atompub.SERVICE),)}, who="token", problems=(*TOKEN, "wrong-office")),
    "atompub.categories": Way(
        {200: (media_type(atompub.CATEGORIES),)},
        path={"scheme": ("region", "medtop", "brm")},
        problems=("unknown-scheme",),
    ),
    "atompub.collection": Way(
        {200: (ENTRY,)}, ("before",), who="token", problems=(*TOKEN, "wrong-office", "bad-cursor")
    ),
    "atompub.post": Way({201: (ENTRY,), 200: (ENTRY,)}, body=(ENTRY, *XML), who="token", problems=(*TOKEN, *RELEASE)),
    "atompub.read": Way({200: (ENTRY,)}, who="token", problems=MEMBER),
    "atompub.put": Way(
        {200: (ENTRY,)},
        body=(ENTRY, *XML),
        who="token",
        problems=(*MEMBER, *RELEASE, "one-article", "edited-meanwhile"),
    ),
    "atompub.delete": Way(
        {204: ()}, ("reason",), who="token", problems=(*MEMBER, *BODY, "edited-meanwhile", "reason-missing")
    ),
    "feeds.get": _feed,
    "feeds.negotiated": Way({200: FEED_TYPES}, FEED, who="token-may", problems=(*QUERY, "not-acceptable")),
    "feeds.saved": Way(
        {200: FEED_TYPES},
        ("limit", "before", "after", "status", *VARIED),
        FORMAT,
        who="token-may",
        problems=(*QUERY, "unknown-feed", "unknown-format"),
    ),
    "archives.newest": Way(_archive.answers, (*KEPT_FILTERS, *VARIED), FORMAT, problems=(*QUERY, "unknown-format")),
    "archives.of_month": _archive,
    "changes.get": Way(
        {200: ("application/jsonl", media_type(newsml.MIMETYPE))},
        ("since", "limit", "wait", "format"),
        problems=(
            "bad-cursor",
            "bad-limit",
            "bad-wait",
            "unknown-parameter",
            "unknown-format",
            "not-acceptable",
            "busy",
        ),
    ),
    "articles.page": Way(
        {200: (HTML, *ARTICLE_TYPES, *XML)},
        who="token-may",
        schema="Article",
        problems=(*ARTICLE, *TOKEN_MAY, "not-acceptable"),
    ),
    "articles.as_data": Way(
        {200: ARTICLE_TYPES},
        ("namespace", "version"),
        {"format": tuple(OF_ARTICLES)},
        who="token-may",
        schema="Article",
        problems=(*ARTICLE, *TOKEN_MAY, "unknown-format", "bad-variant", "busy"),
    ),
    "articles.as_received": Way({200: (ANY,)}, problems=ARTICLE),
    "provenance.get": Way({200: (JSON,)}, ("version",), problems=(*ARTICLE, "unknown-version", "unknown-parameter")),
    "versions.listed": _versions,
    "versions.listed_json": Way(
        {200: (JSON,)}, ("below",), schema="Versions", problems=(*ARTICLE, "unknown-parameter")
    ),
    "versions.one_json": Way({200: (JSON,)}, schema="Article", problems=(*ARTICLE, "unknown-version")),
    "versions.one_as_received": Way({200: (ANY,)}, problems=(*ARTICLE, "unknown-version")),
    "differences.compared": _difference,
    "differences.compared_json": Way(
        {200: (JSON,)}, ("from", "to"), schema="Compared", problems=_difference.problems[:-1]
    ),
    "files.file": Way({200: (ANY,), 206: (ANY,)}, who="token-may", problems=("unknown-file", "bad-range", *TOKEN_MAY)),
    "hub.explanation": _text,
    "hub.post": Way(
        {202: ()},
        body=(FORM,),
        fields=HUB,
        who="token-may",
        problems=(
            *TOKEN_MAY,
            *SENT,
            *QUERY,
            "bad-mode",
            "bad-callback",
            "not-canonical",
            "bad-lease",
            "bad-secret",
            "too-many-subscriptions",
            "unknown-feed",
        ),
        errors=(PLAIN, PROBLEM),
        example="-d hub.mode=subscribe --data-urlencode hub.topic='{base}/feed.atom?region=kr%3A52'"
        " --data-urlencode hub.callback=https://desk.example.org/websub",
    ),
    "subscriptions.listed": Way({200: (JSON, HTML)}, who="token", problems=TOKEN),
    "subscriptions.add": Way(
        {201: (JSON, HTML)},
        body=(FORM, JSON),
        fields=("url", "query", "format", "contact"),
        who="token",
        problems=(
            *TOKEN,
            *SENT,
            *QUERY,
            "bad-callback",
            "bad-address",
            "unknown-format",
            "taken",
            "too-many-subscriptions",
        ),
        example='-H "Authorization: Bearer $DESK" --json \'{{"url": "https://desk.example.org/hook", "query": "region=kr:52"}}\'',
    ),
    "subscriptions.one": Way({200: (JSON, HTML)}, who="token", problems=(*TOKEN, "unknown-subscription")),
    "subscriptions.steer": Way(
        {200: (JSON,), 303: ()},
        path={"action": ("pause", "resume", "resend", "test", "rotate", "end")},
        who="token",
        problems=(*TOKEN, "cross-site", *BODY, "unknown-subscription", "unknown-action", "bad-parameter"),
    ),
    "subscriptions.end": Way({204: ()}, who="token", problems=(*TOKEN, "cross-site", *BODY, "unknown-subscription")),
    "alerts.ask": Way(
        {202: (JSON, HTML)}, body=(FORM, JSON), fields=ALERT, problems=(*SENT, *VALUE, "bad-address", "no-mail")
    ),
    "alerts.confirm": Way(
        {200: (JSON, HTML)},
        query=("token",),
        body=(FORM, JSON),
        fields=("token",),
        problems=(*SENT, *LINK, "no-mail"),
    ),
    "alerts.leave": Way(
        {200: (JSON, HTML)},
        query=("token",),
        body=(FORM, JSON),
        fields=("token",),
        problems=(*SENT, *LINK, "no-mail"),
    ),
    "discovery.subscriptions": Way({200: (media_type(opml.MIMETYPE),)}, problems=("unknown-parameter",)),
    "discovery.sitemaps": Way(
        {200: (media_type(sitemap.MIMETYPE),)},
        ("from",),
        problems=("unknown-sitemap", "bad-cursor", "unknown-parameter"),
    ),
    "discovery.sitemap_news": Way({200: (media_type(sitemap.MIMETYPE),)}, problems=("unknown-parameter",)),
    "discovery.robots": _text,
    "cards.card": Way({200: ("image/png",)}, problems=(*ARTICLE, "unknown-parameter", "busy")),
    "build.names": Way({200: (JSON,)}, ("kind", "q", "under")),
    "build.outlines": Way({200: (media_type(opml.MIMETYPE),)}, ASKED, problems=QUERY),
    "build.picture": Way({200: ("image/svg+xml",)}, ASKED, problems=QUERY),
    "embed.script": Way({200: ("text/javascript",)}),
    "press_calendar.subscribed": Way(
        {200: ("text/calendar", *(media_type(FORMATS[name].MIMETYPE) for name in ("atom", "rss", "json")))},
        ("region", "topic", "office"),
        {"format": ("ics", "atom", "rss", "json")},
        problems=(*VALUE, "unknown-format"),
    ),
    "desk_sharing.shared_file": Way({200: (ANY,)}, problems=("not-found",)),
    "discovery.security": Way({200: (PLAIN,)}, problems=("no-security-contact",)),
    "look.asset": Way({200: (ANY,)}, problems=("not-found",)),
    "ops.health": Way({200: (JSON,)}),
    "ops.ready": Way({200: (JSON,), 503: (JSON,)}, who="token-may", problems=TOKEN_MAY),
    "ops.metrics": Way({200: (PLAIN,)}, who="token", problems=(*TOKEN, "no-metrics")),
    "reference.openapi_document": Way({200: ("application/openapi+json",)}, problems=("unknown-parameter",)),
    "documentation.picture": Way({200: ("image/png", "image/svg+xml")}, problems=("not-found",)),
    "signin.asking": _passkey,
    "signin.asking_again": Way(_passkey.answers, body=_passkey.body, who="session", problems=_passkey.problems),
    "account.asking": Way(
        _passkey.answers, body=_passkey.body, who="session", problems=(*_passkey.problems, "not-proven")
    ),
    "compose.present": Way({200: (JSON,)}, who="session", problems=(*DRAFT, *BODY)),
    "compose.searched": Way(
        {200: (JSON,)}, ("kind", "q", "under", "office"), who="session", problems=(*DRAFT, "unknown-parameter")
    ),
    "compose.suggested": Way(
        {200: (JSON,)}, body=(JSON,), fields=("office", "headline", "body"), who="session", problems=(*DRAFT, *SENT)
    ),
    "desk_start.printed": Way(
        {200: (hwpx.MIMETYPE, pdf.MIMETYPE)}, path={"format": ("hwpx", "pdf")}, who="session", problems=(*DRAFT, "busy")
    ),
    "desk_reach.plot": Way({200: ("image/svg+xml",)}, who="session", problems=DRAFT),
    "desk_reach.table": Way({200: (CSV,)}, who="session", problems=DRAFT),
    "desk_reporters.exported": Way({200: (CSV,)}, ("office",), who="session", problems=DRAFT),
}
