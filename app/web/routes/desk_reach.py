"""Whom a release of an office reached: a page, its plot as a picture, and the same as CSV, for the people of that office."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from app import store, web
from app.desk.sheets import sheet
from app.web import Context, Visit, article_at, here, language, own_page, reach, signed_in, text, when
from feeds import Article

blueprint = Blueprint("desk_reach", __name__)

POSITION = re.compile(r"(\d{1,18})-(\d{1,18})")


@blueprint.get("/desk/articles/<id>/reach")
@signed_in
def shown(visit: Visit, id: str) -> Response:
    """Whom a release reached. `state`: the recipients to list; `after`: where the page of them begins."""
    context, now = here(), datetime.now(UTC)
    seat, article, _ = article_at(context, visit, id, "read")
    counts = store.reach.count_recipients(context.engine, article.id)
    state = _state(counts, request.args.get("state", ""))
    found = POSITION.fullmatch(request.args.get("after", ""))
    after = (int(found[1]), int(found[2])) if found else (0, 0)
    rows, more = store.reach.recipients(context.engine, article.id, state, after, reach.ROWS)
    public = store.reach.first_public(context.engine, article.id)
    traffic = reach.traffic_of(context, article, public, now) if public else None
    return own_page(
        "desk_reach.html",
        seat=seat,
        article=article,
        public=public,
        counts=counts,
        kinds=[kind for kind in reach.KINDS if any(key[0] == kind for key in counts)],
        states=reach.STATES,
        listed=[name for name in reach.LISTED if name in {key[1].replace("failing", "waiting") for key in counts}],
        state=state,
        rows=rows,
        state_of=reach.state_of,
        older=f"/desk/articles/{id}/reach?state={state}&after={more[0]}-{more[1]}" if more else "",
        outlets=reach.outlets_of(context, article),
        outlet_names={outlet.code: outlet.name for outlet in store.accounts.all_outlets(context.engine)},
        traffic=traffic,
        titles=reach.titles_of(context, traffic, language()) if traffic else {},
        day=lambda number: datetime.fromtimestamp(number * 86_400, UTC).date().isoformat(),
        kept=context.settings.reach_days,
    )


@blueprint.get("/desk/articles/<id>/reach.svg")
@signed_in
def plot(visit: Visit, id: str) -> Response:
    """The polls and views of a release over time, as a picture."""
    context, now = here(), datetime.now(UTC)
    _, article, _ = article_at(context, visit, id, "read")
    public = store.reach.first_public(context.engine, article.id)
    if public is None:
        raise NotFound
    traffic, lang = reach.traffic_of(context, article, public, now), language()
    starts = traffic.span.starts
    series = (
        web.plot.BarSeries(text("reach-polls", lang), traffic.polls),
        web.plot.BarSeries(text("reach-views", lang), traffic.views),
    )
    made = web.plot.plotted(text("reach-plot", lang), series, (when(starts[0], lang), when(starts[-1], lang)))
    return Response(made, mimetype="image/svg+xml")


@blueprint.get("/desk/articles/<id>/reach.csv")
@signed_in
def table(visit: Visit, id: str) -> Response:
    """Whom a release reached, as a table for spreadsheets."""
    context, now = here(), datetime.now(UTC)
    _, article, _ = article_at(context, visit, id, "read")
    with web.places.asking():
        made = sheet(_rows(context, article, now, language()))
    response = Response(made, content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="reach-{article.id}.csv"'
    return response


def _state(counts: dict[tuple[str, str], int], asked: str) -> str:
    """The state whose recipients are listed: the requested one, else the first that needs attention."""
    there = {state.replace("failing", "waiting") for kind, state in counts if kind != "email"}
    return asked if asked in reach.LISTED else next((state for state in reach.LISTED if state in there), "delivered")


def _rows(context: Context, article: Article, now: datetime, lang: str) -> Iterator[Sequence[object]]:
    """The rows of the CSV file: part, name, kind, state, first, last, number, note."""

    def said(instant: datetime | None) -> str:
        return "" if instant is None else web.html.sheet_time(instant)

    yield [
        text(f"reach-head-{name}", lang) for name in ("part", "name", "kind", "state", "first", "last", "count", "note")
    ]
    deliveries, counted = text("reach-deliveries", lang), text("reach-counted", lang)
    for (kind, state), number in sorted(store.reach.count_recipients(context.engine, article.id).items()):
        yield (
            deliveries,
            counted,
            text(f"reach-kind-{kind}", lang),
            text(f"reach-state-{state}", lang),
            "",
            "",
            number,
            "",
        )
    names = {outlet.code: outlet.name for outlet in store.accounts.all_outlets(context.engine)}
    for state in reach.LISTED:
        after, left = (0, 0), reach.WHOLE
        while after is not None and left > 0:
            page, after = store.reach.recipients(context.engine, article.id, state, after, min(1000, left))  # type: ignore[assignment]
            left -= len(page)
            for row in page:
                kind, outcome = text(f"reach-kind-{row.kind}", lang), text(f"reach-state-{reach.state_of(row)}", lang)
                who = names.get(row.outlet, row.outlet) or row.host
                yield deliveries, who, kind, outcome, said(row.at), said(row.done), row.attempts, row.error
    for outlet in reach.outlets_of(context, article):
        seen = text(f"reach-{outlet.state}", lang)
        push = text(f"reach-state-{outlet.push}", lang) if outlet.push else ""
        yield (
            text("reach-outlets", lang),
            outlet.name,
            push,
            seen,
            said(outlet.first),
            said(outlet.last),
            "",
            outlet.error,
        )
    public = store.reach.first_public(context.engine, article.id)
    if public is None:
        return
    traffic = reach.traffic_of(context, article, public, now, step=1)
    titles = reach.titles_of(context, traffic, lang)
    for name, polls in traffic.feeds:
        yield text("reach-feeds", lang), titles[name], name, "", "", "", polls, ""
    for claim in traffic.claims:
        says = text("reach-says", lang)
        yield text("reach-readers", lang), claim.program, titles[claim.feed], says, "", "", claim.count, ""
    for label, amounts in (("reach-polls", traffic.polls), ("reach-views", traffic.views)):
        for start, amount in zip(traffic.span.starts, amounts, strict=True):
            if amount:
                yield text(label, lang), "", "", "", said(start), "", amount, ""
