"""E-mail alerts: /alerts takes a request, a mail asks for confirmation, and each alert has a one-click unsubscribe link (RFC 8058).

Opening a link changes nothing, because programs follow the links in mails before people do. Only its button does.
"""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from flask import Blueprint, Response, request

from app import store, web
from app.deliveries import links
from app.query import PARAMETERS
from app.web import (
    Context,
    Problem,
    Query,
    alert_of,
    fields,
    form_sent,
    here,
    html_page,
    html_wanted,
    language,
    meant,
    members,
    parse,
)

blueprint = Blueprint("alerts", __name__)

FILTERS = ("region", "topic", "office", "lang", "genre", "licence")
FIELDS = ("address", "pace", "language", "query", *FILTERS)
# The type of a problem -> the field of the form that it is about.
FIELD_OF = {
    "bad-address": "address",
    **{f"{how}-{field}": field for how in ("unknown", "ambiguous") for field in ("region", "topic", "office")},
}
LONGEST = 1_000  # bytes of a query, which the link of the confirmation mail holds
PACES = {"": "", "now": "", "daily": "daily"}


@blueprint.get("/alerts")
def form() -> Response:
    """The form; the parameters of a feed fill it in. A feed that has no field for each of its values is named above the form."""
    context = _ready()
    pairs = [pair for pair in meant(PARAMETERS) if pair[1].strip()]
    names = [name for name, _ in pairs]
    if len(set(names)) == len(names) and {*names} <= {*FILTERS}:
        return _page(step="form", filled={name: value[:200] for name, value in pairs})
    return _page(step="form", filled={"query": _query(context, pairs).canonical()})


@blueprint.post("/alerts")
def ask() -> Response:
    """Request alerts: 202, and a mail that asks for confirmation. If the address got such a mail recently, no mail is sent, but the
    answer is the same, so that it reveals nothing about the address. 429 if this client or all clients together send too many
    requests."""
    context = _ready()
    sent = members(FIELDS)
    try:
        return _asked(context, sent)
    except Problem as problem:
        field = FIELD_OF.get(problem.type)
        if field is None or not form_sent():
            raise
        faults = {field: web.html.fault_of(problem, language())}
        return _answer(problem.status, step="form", filled=sent, faults=faults)


def _asked(context: Context, sent: dict[str, str]) -> Response:
    target = web.smtp.address(sent.get("address", ""))
    pace = sent.get("pace", "")
    if pace not in PACES:
        raise Problem(400, "bad-parameter", "Bad parameter", f"pace must be now or daily, not {pace[:40]!r}.")
    lang = sent.get("language", "") or language()
    if lang not in ("ko", "en"):
        raise Problem(400, "bad-parameter", "Bad parameter", f"language must be ko or en, not {lang[:40]!r}.")
    pairs = [(name, sent[name]) for name in FILTERS if sent.get(name)]
    query = _query(context, [*parse_qsl(sent.get("query", "")), *pairs])
    if len(query.canonical()) > LONGEST:
        detail = f"The feed's parameters have {len(query.canonical())} bytes. Alerts can have {LONGEST}. Choose less."
        raise Problem(400, "bad-parameter", "Too much for alerts", detail)
    subscription = alert_of(context, target, query, PACES[pace], lang)
    if web.alerting.may_mail(context, target, request.remote_addr or ""):
        store.deliveries.ask(
            context.engine, store.deliveries.Intent("confirm", subscription, query.scans()), datetime.now(UTC)
        )
    return _answer(202, step="asked", address=target, query=query.canonical(), pace=PACES[pace] or "now")


@blueprint.get("/alerts/confirm")
def confirmation() -> Response:
    """The page that the link in the confirmation mail opens, with the button that starts the alerts."""
    target, canonical, pace, _ = links.confirmed(_ready(), _token())
    return _answer(200, step="confirm", address=target, token=_token(), query=canonical, pace=pace or "now")


@blueprint.post("/alerts/confirm")
def confirm() -> Response:
    """Start the alerts."""
    context = _ready()
    target, canonical, pace, lang = links.confirmed(context, _token())
    query = _query(context, parse_qsl(canonical))
    store.deliveries.confirmed(context.engine, web.restraint.writing(target, ""))
    subscription = alert_of(context, target, query, pace, lang)
    known = store.deliveries.same_subscription(context.engine, subscription.identity)
    if known is None or known.state == store.deliveries.ENDED or (known.pace, known.lang) != (pace, lang):
        store.deliveries.save_subscription(context.engine, subscription, query.scans(), datetime.now(UTC))
    return _answer(200, step="begun", address=target, query=canonical, pace=pace or "now")


@blueprint.get("/alerts/unsubscribe")
def leaving() -> Response:
    """The page that the link in each alert opens, with the button that ends the alerts."""
    links.left(here(), _token())
    return _answer(200, step="leave", token=_token())


@blueprint.post("/alerts/unsubscribe")
def leave() -> Response:
    """End the alerts: by the button, or by the mail program's one click (RFC 8058, section 3.1). Repeating it does no harm."""
    context = here()
    found = store.deliveries.subscription(context.engine, links.left(context, _token()))
    if found is not None:
        store.deliveries.end_subscription(context.engine, found.id, "The reader ended it.", datetime.now(UTC))
    return _answer(200, step="left")


def _ready() -> Context:
    context = here()
    if not context.settings.smtp_url:
        raise Problem(404, "no-mail", "There are no e-mail alerts here", "No mail server is set up for this server.")
    return context


def _query(context: Context, pairs: list[tuple[str, str]]) -> Query:
    return parse(pairs, [office.code for office in store.accounts.all_offices(context.engine)])


def _token() -> str:
    token = request.args.get("token", "")
    return (token or (dict(fields()).get("token", "") if request.method == "POST" else ""))[:2000]


def _answer(status: int, **values: Any) -> Response:
    if html_wanted():
        page = _page(**values)
        page.status_code = status
        return page
    body = {name: value for name, value in values.items() if name in ("step", "address")}
    return web.embargoed.private(Response(msgspec.json.encode(body), status, mimetype="application/json"))


def _page(**values: Any) -> Response:
    values = {"title": "", "filled": {}, "faults": {}, **values}
    values["feed"] = _in_words(values.get("query", values["filled"].get("query", "")))
    return web.embargoed.private(html_page("alerts.html", language(), **values))


def _in_words(query: str) -> str:
    """What a query holds, in words; empty if there is none, or if it is wrong."""
    offices = web.building.offices_by_code() if query else {}
    try:
        return web.building.feed_in_words(parse(parse_qsl(query), [*offices]), offices, language()) if query else ""
    except Problem:
        return ""
