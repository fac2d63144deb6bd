"""E-mail alerts: /alerts asks for them, a mail asks whether that is meant, and each alert can be left with one click (RFC 8058).

A link alone does nothing: programs follow links in mails before people do.
"""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from flask import Blueprint, Response, request

from app import store
from app.context import Context
from app.deliveries import mail, restraint
from app.errors import Problem
from app.query import query as queries
from app.query.query import Query
from app.store import Intent, Subscription, Tally
from app.web.context import here
from app.web.forms import fields, members
from app.web.routes import embargoed, pages

blueprint = Blueprint("alerts", __name__)

FILTERS = ("region", "topic", "office", "lang", "genre", "licence")
GIVEN = ("address", "pace", "language", *FILTERS)
PACES = {"": "", "now": "", "daily": "daily"}


@blueprint.get("/alerts")
def form() -> Response:
    """The form; the parameters of a feed fill it in."""
    _ready()
    filled = {name: request.args.get(name, "")[:200] for name in FILTERS}
    return _page(step="form", filled=filled)


@blueprint.post("/alerts")
def ask() -> Response:
    """Ask for alerts: 202, and a mail that asks whether it is meant. The answer is the same where no mail goes because the address was
    asked lately, so it tells nothing of the address. 429 for a client that asks too often, and while too many ask."""
    context = _ready()
    given = members(GIVEN)
    target = mail.address(given.get("address", ""))
    pace = given.get("pace", "")
    if pace not in PACES:
        raise Problem(400, "bad-parameter", "Bad parameter", f"pace takes now or daily, not {pace[:40]!r}.")
    lang = given.get("language", "") or pages.language()
    if lang not in ("ko", "en"):
        raise Problem(400, "bad-parameter", "Bad parameter", f"language takes ko or en, not {lang[:40]!r}.")
    query = _query(context, [(name, given[name]) for name in FILTERS if given.get(name)])
    one = _subscription(context, target, query, PACES[pace], lang)
    if _may_write(context, target):
        store.ask(context.engine, Intent("confirm", one, query.scans()), datetime.now(UTC))
    return _answer(202, step="asked", address=target)


@blueprint.get("/alerts/confirm")
def confirmation() -> Response:
    """The page behind the link of that mail, with the button that begins the alerts."""
    target, _, _, _ = mail.confirmed(_ready(), _token())
    return _answer(200, step="confirm", address=target, token=_token())


@blueprint.post("/alerts/confirm")
def confirm() -> Response:
    """Begin the alerts."""
    context = _ready()
    target, canonical, pace, lang = mail.confirmed(context, _token())
    query = _query(context, parse_qsl(canonical))
    store.confirmed(context.engine, restraint.writing(target, ""))
    one = _subscription(context, target, query, pace, lang)
    known = store.same_subscription(context.engine, one.identity)
    if known is None or known.state == store.ENDED or (known.pace, known.lang) != (pace, lang):
        store.save_subscription(context.engine, one, query.scans(), datetime.now(UTC))
    return _answer(200, step="begun", address=target)


@blueprint.get("/alerts/unsubscribe")
def leaving() -> Response:
    """The page behind the link of each alert, with the button that ends them."""
    mail.left(here(), _token())
    return _answer(200, step="leave", token=_token())


@blueprint.post("/alerts/unsubscribe")
def leave() -> Response:
    """End the alerts: the button, or the mail program's one click (RFC 8058, section 3.1). Once more is harmless."""
    context = here()
    found = store.subscription(context.engine, mail.left(context, _token()))
    if found is not None:
        store.end_subscription(context.engine, found.id, "The reader ended it.", datetime.now(UTC))
    return _answer(200, step="left")


def _ready() -> Context:
    context = here()
    if not context.settings.smtp_url:
        raise Problem(404, "no-mail", "There are no e-mail alerts here", "This server has no mail server.")
    return context


def _subscription(context: Context, target: str, query: Query, pace: str, lang: str) -> Subscription:
    return Subscription(
        kind="email",
        target=target,
        topic=query.home(context.settings.url),
        query=query.canonical(),
        format="email",
        host=target.rpartition("@")[2],
        pace=pace,
        lang=lang,
        created=store.micros(datetime.now(UTC)),
    )


def _query(context: Context, pairs: list[tuple[str, str]]) -> Query:
    return queries.parse(pairs, [office.code for office in store.all_offices(context.engine)])


def _may_write(context: Context, target: str) -> bool:
    """Whether the mail goes: an address that somebody else types here must not be filled with mail. Raises Problem (429)."""
    now, most = datetime.now(UTC), context.settings.alerts_hour

    def judge(tally: Tally) -> str:
        wait = restraint.client_waits(tally)
        if wait:
            raise _too_many("Too many alerts were asked for from this network.", wait)
        if most and tally.all_hour >= most:
            raise _too_many("Too many alerts are asked for just now.", 600)
        return store.OPEN if restraint.may_write(tally, store.micros(now)) else store.DROPPED

    return store.attempt(context.engine, restraint.writing(target, request.remote_addr or ""), judge, now)


def _too_many(sentence: str, wait: int) -> Problem:
    detail = f"{sentence} Ask again in {wait // 60} minutes."
    return Problem(429, "rate-limited", "Too many requests", detail, headers={"Retry-After": str(wait)})


def _token() -> str:
    given = request.args.get("token", "")
    return (given or (dict(fields()).get("token", "") if request.method == "POST" else ""))[:2000]


def _answer(status: int, **values: Any) -> Response:
    if pages.html_wanted():
        page = _page(**values)
        page.status_code = status
        return page
    body = {name: value for name, value in values.items() if name != "token"}
    return embargoed.private(Response(msgspec.json.encode(body), status, mimetype="application/json"))


def _page(**values: Any) -> Response:
    return embargoed.private(pages.html("alerts.html", pages.language(), **{"title": "", "filled": {}, **values}))
