"""The mail channel: alerts to readers, who have confirmed their address and can unsubscribe with one click (RFC 8058)."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

from app import store
from app.deliveries import letters, outlet_letters
from app.deliveries.channel import Batch, Means, Outcome, Pack, Parcel, Turn, delivery_id, recalled
from app.deliveries.smtp import Rejected
from app.errors import Refused
from app.store import instant, micros

log = logging.getLogger("pressrelay.push")


class Mail:
    """Alerts by e-mail, at once or as a daily digest."""

    pauses = False

    def __init__(self, means: Means) -> None:
        self._means = means
        self._context = means.context

    def pack(
        self, subscription: store.deliveries.Subscription, rows: Sequence[store.deliveries.Waiting], batch: Batch
    ) -> Pack[EmailMessage]:
        """One mail with all articles, each once. A digest waits until it is due."""
        waits, gone, _ = batch.parted(recalled(subscription), rows)
        states = {state.num: state for state in (*waits, *gone)}
        last = {row.num: row.seq for row in rows}
        replaced = tuple(row.seq for row in rows if last[row.num] != row.seq and row.num in states)
        dropped = tuple(row.seq for row in rows if row.num not in states)
        shown = [(row, states[row.num]) for row in rows if row.num in states and last[row.num] == row.seq]
        if not shown:
            return Pack((), replaced, dropped)
        if subscription.pace == "daily":
            at = due(min(row.at for row in rows), datetime.now(UTC), self._context.settings.digest_at)
            if at is not None:
                return Pack((), replaced, dropped, at)
        message = letters.alert(self._context, subscription, shown)
        parcel = Parcel(tuple(row.seq for row, _ in shown), message, delivery_id(subscription, rows))
        return Pack((parcel,), replaced, dropped)

    async def send(
        self, subscription: store.deliveries.Subscription, parcel: Parcel[EmailMessage], attempt: int, turn: Turn
    ) -> Outcome:
        """Hand the mail to the mail server. There is no latency, because the reader does not influence how long that takes."""
        try:
            await self._means.mailer.send(parcel.content)
        except Rejected as error:
            return Outcome(550, str(error), end="The mail server rejects this address.")
        except Refused as error:
            log.info("%s %s: %s", subscription.kind, subscription.name, error)
            return Outcome(error=error.public_message)
        return Outcome(250)

    async def ask(self, intent: store.deliveries.Intent, turn: Turn) -> bool | None:
        """Send the mail that asks for confirmation, has a person's link, or tells a person of the desk something. What follows comes
        through the link in it. None: the mail is to be sent again."""
        subscription = intent.subscription
        message = await self._means.database.call(self._letter, intent)
        if message is None:
            return False
        try:
            await self._means.mailer.send(message)
        except Rejected as error:
            log.info("%s", error)
        except Refused as error:
            log.warning("%s", error)
            given_up = micros(datetime.now(UTC) - timedelta(hours=self._context.settings.push_hours))
            if subscription.created >= given_up:
                return None
        log.info("%s %s %s: done", intent.mode, subscription.target[:200], subscription.topic[:200])
        return False

    def _letter(self, intent: store.deliveries.Intent) -> EmailMessage | None:
        """The mail of an intent; None if its link does not work any more. Raises Unavailable."""
        if intent.outlet is not None:
            return outlet_letters.about_outlet(self._context, intent.subscription, intent.outlet)
        if intent.letter is not None:
            return letters.to_desk(self._context, intent.subscription.target, intent.letter)
        if intent.mode != "link":
            return letters.confirmation(self._context, intent.subscription, intent.reason)
        link = store.accounts.link_by_id(self._context.engine, intent.subscription.query, datetime.now(UTC))
        return letters.once(self._context, intent.subscription.target, link) if link else None


def due(since: int, now: datetime, digest_at: str) -> int | None:
    """When the digest of changes since `since` is due (both in microseconds since 1970); None: now."""
    at = datetime.strptime(digest_at, "%H:%M%z")
    begun = instant(since).astimezone(at.tzinfo)
    first = begun.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
    if first <= begun:
        first += timedelta(days=1)
    return None if first <= now else micros(first)
