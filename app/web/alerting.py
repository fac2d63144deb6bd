"""Mails that somebody asks for: alerts, as `/alerts` and the desk's lists of reporters ask for them, and whether a mail may go out."""

from datetime import UTC, datetime

from app import store
from app.context import Context
from app.deliveries import restraint
from app.errors import Problem
from app.query import Query


def alert_of(context: Context, target: str, query: Query, pace: str, lang: str) -> store.deliveries.Subscription:
    """A subscription by mail that is not stored yet. `pace`: "" or "daily"; `lang`: of the text around the releases."""
    return store.deliveries.Subscription(
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


def may_mail(context: Context, target: str, client: str) -> bool:
    """Whether a mail that asks to confirm something may be sent, for a client at an IP address: nobody may flood the address of
    somebody else with mail. Raises Problem (429) if this client or all clients together ask too often."""
    now, most = datetime.now(UTC), context.settings.alerts_hour

    def judge(tally: store.deliveries.Tally) -> str:
        wait = restraint.client_waits(tally)
        if wait:
            raise _too_many("This network sent too many requests that cause mails.", wait)
        if most and tally.all_hour >= most:
            raise _too_many("The server gets too many requests that cause mails at the moment.", 600)
        return store.deliveries.OPEN if restraint.may_write(tally, store.micros(now)) else store.deliveries.DROPPED

    return store.deliveries.attempt(context.engine, restraint.writing(target, client), judge, now)


def _too_many(sentence: str, wait: int) -> Problem:
    detail = f"{sentence} Try again in {wait // 60} minutes."
    return Problem(429, "rate-limited", "Too many requests", detail, headers={"Retry-After": str(wait)})
