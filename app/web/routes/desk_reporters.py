"""The list of reporters of an office, by beat. The people on it agreed, and confirm it by the mail that starts every alert."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qsl

from flask import Blueprint, Response, request
from msgspec import Struct

from app import store, web
from app.accounts.sites import mailbox, site
from app.desk.sheets import sheet
from app.web import (
    Context,
    Problem,
    Query,
    Seat,
    Visit,
    alert_of,
    gone,
    here,
    language,
    members,
    own_page,
    parse,
    seat_at,
    sentences,
    signed_in,
    text,
)

blueprint = Blueprint("desk_reporters", __name__)

FIELDS = ("office", "name", "outlet", "email", "regions", "topics", "agreed", "how", "language")
PART, HOW = 100, 500  # characters of a name, and of how somebody agreed
MOST_BEATS = 30  # regions, and topics
OFFICE_HOUR, OFFICE_DAY = 60, 200  # mails to confirm that one office has sent
HEAD = ("name", "outlet", "email", "regions", "topics", "state", "agreed", "how", "added")


class ListedReporter(Struct, frozen=True):
    """A reporter as the page and the file show them."""

    reporter: store.desk.Reporter
    state: str  # "asked", "confirmed" or "left"
    regions: str
    topics: str


@blueprint.get("/desk/reporters")
@signed_in
def listed(visit: Visit) -> Response:
    """The reporters on an office's list, and a form to add one."""
    return _page(seat_at(here(), visit, request.args.get("office", ""), "draft"))


@blueprint.get("/desk/reporters.csv")
@signed_in
def exported(visit: Visit) -> Response:
    """The list as CSV (RFC 4180), in UTF-8 with a byte order mark, which spreadsheets need for Korean."""
    context = here()
    seat = seat_at(context, visit, request.args.get("office", ""), "draft")
    rows: list[Sequence[object]] = [HEAD]
    for one in _listed(context, seat):
        reporter = one.reporter
        row = (reporter.name, reporter.outlet, reporter.email, one.regions, one.topics, one.state, reporter.agreed)
        rows.append((*row, reporter.how, f"{reporter.created:%Y-%m-%d}"))
    response = Response(sheet(rows), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="reporters-{seat.office.code}.csv"'
    return web.sessions.private(response)


@blueprint.post("/desk/reporters")
@signed_in
def add(visit: Visit) -> Response:
    """Put a reporter on the list, and send the mail that asks them to confirm. Nothing else is sent before they do."""
    context, now = here(), datetime.now(UTC)
    sent = members(FIELDS)
    seat = seat_at(context, visit, sent.get("office", ""), "draft")
    faults: dict[str, str] = {}
    values = {name: " ".join(sent.get(name, "").split()) for name in FIELDS}
    for name, most in (("name", PART), ("outlet", PART), ("how", HOW)):
        if not 0 < len(values[name]) <= most:
            faults[name] = f"desk-reporter-{name}"
    if not _is_past_day(values["agreed"], now):
        faults["agreed"] = "desk-reporter-agreed"
    try:
        target = web.smtp.address(values["email"])
    except Problem:
        target, faults["email"] = "", "email-wrong"
    query, said = _beat(seat, sent.get("regions", ""), sent.get("topics", ""))
    lang = values["language"] if values["language"] in ("ko", "en") else "ko"
    if not context.settings.smtp_url:
        faults["email"] = "desk-reporter-no-mail"
    if faults or said or query is None:
        return _page(seat, sentences(faults) | said, sent)
    alert = alert_of(context, target, query, "", lang)
    known = store.deliveries.same_subscription(context.engine, alert.identity)
    subscribed = known is not None and known.state != store.deliveries.ENDED
    if not subscribed and not _may_ask(context, seat, target, now):
        return _page(seat, sentences({"email": "desk-reporter-often"}), sent, 429)
    reporter = store.desk.Reporter(
        *(
            "",
            seat.office.code,
            values["name"],
            values["outlet"],
            target,
            query.canonical(),
            alert.identity,
            subscribed,
        ),
        *(values["agreed"], values["how"], seat.person, now),
    )
    if refused := store.desk.add_reporter(context.engine, reporter, now):
        return _page(seat, sentences({"email": f"desk-reporter-{refused}"}), sent)
    if not subscribed:
        intent = store.deliveries.Intent("confirm", alert, query.scans(), reason=seat.office.name)
        store.deliveries.ask(context.engine, intent, now)
    return gone(f"/desk/reporters?office={seat.office.code}")


@blueprint.post("/desk/reporters/<id>/remove")
@signed_in
def remove(visit: Visit, id: str) -> Response:
    """Take a reporter off the list. They get no more mails, unless they had asked for them by themselves before."""
    context, now = here(), datetime.now(UTC)
    sent = members(("office",))
    seat = seat_at(context, visit, sent.get("office", ""), "draft")
    for one in store.desk.reporters_of(context.engine, seat.office.code):
        if one.id == id:
            store.desk.remove_reporter(context.engine, seat.office.code, id, seat.actor, now)
            known = store.deliveries.same_subscription(context.engine, one.identity)
            if known is not None and not one.own:
                reason = "The office took the reader off its list."
                store.deliveries.end_subscription(context.engine, known.id, reason, now)
    return gone(f"/desk/reporters?office={seat.office.code}")


def _beat(seat: Seat, regions: str, topics: str) -> tuple[Query | None, dict[str, str]]:
    """The query of a beat within the office's own releases, and what is wrong with it by field."""
    pairs = [("office", seat.office.code)]
    said: dict[str, str] = {}
    for field, name, given in (("regions", "region", regions), ("topics", "topic", topics)):
        values = [value.strip() for value in given.replace(",", "\n").splitlines() if value.strip()]
        if len(values) > MOST_BEATS:
            said[field] = text("desk-reporter-beats", language())
            continue
        try:
            parse([(name, value) for value in values], [seat.office.code])
        except Problem as problem:
            said[field] = problem.detail
        pairs += [(name, value) for value in values]
    return (None if said else parse(pairs, [seat.office.code])), said


def _may_ask(context: Context, seat: Seat, target: str, now: datetime) -> bool:
    """Whether the mail to confirm may be sent: by the same limits as for other alerts, but counted for the office instead of the
    network."""
    counted = store.deliveries.Attempt(
        "mail", mailbox(target), site(target.rpartition("@")[2]), f"office {seat.office.code}"
    )

    def judge(tally: store.deliveries.Tally) -> str:
        much = tally.client_hour >= OFFICE_HOUR or tally.client_day >= OFFICE_DAY
        allowed = not much and web.restraint.may_write(tally, store.micros(now))
        return store.deliveries.OPEN if allowed else store.deliveries.DROPPED

    return store.deliveries.attempt(context.engine, counted, judge, now)


def _is_past_day(given: str, now: datetime) -> bool:
    try:
        return len(given) == 10 and date(2000, 1, 1) <= date.fromisoformat(given) <= (now + timedelta(days=1)).date()
    except ValueError:
        return False


def _listed(context: Context, seat: Seat) -> list[ListedReporter]:
    found = []
    offices = [office.code for office in store.accounts.all_offices(context.engine)]
    reporters = store.desk.reporters_of(context.engine, seat.office.code)
    states = store.deliveries.states_of(context.engine, [one.identity for one in reporters])
    for one in reporters:
        query = parse(parse_qsl(one.query), offices)
        state = states.get(one.identity, "")
        found.append(
            ListedReporter(
                one,
                "left" if state == store.deliveries.ENDED else "confirmed" if state else "asked",
                ", ".join(query.regions),
                ", ".join(query.topics),
            )
        )
    return found


def _page(
    seat: Seat, faults: Mapping[str, str] | None = None, filled: Mapping[str, str] | None = None, status: int = 422
) -> Response:
    found: Sequence[ListedReporter] = _listed(here(), seat)
    return own_page(
        "desk_reporters.html",
        status=status if faults else 200,
        seat=seat,
        reporters=found,
        mail=bool(here().settings.smtp_url),
        faults=dict(faults or {}),
        filled=dict(filled or {}),
    )
