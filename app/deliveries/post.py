"""Delivers over HTTP: one POST of a document to a subscriber's URL, for WebSub and webhooks."""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from app import spans, store
from app.deliveries import retry
from app.deliveries.channel import CUT, Outcome, Parcel, Turn
from app.errors import Misconfigured, Refused
from app.outbound.callbacks import Client

log = logging.getLogger("pressrelay.push")

OK = range(200, 300)


class Document(Struct, frozen=True):
    """A document to post."""

    content_type: str
    body: bytes
    headers: dict[str, str] = {}  # further headers of the request


async def post(
    client: Client,
    subscription: store.deliveries.Subscription,
    parcel: Parcel[Document],
    attempt: int,
    turn: Turn,
    sign: Callable[[], dict[str, str]],
) -> Outcome:
    """Post a parcel. `sign` returns the headers that sign it, and raises Misconfigured if the secret cannot be read."""
    document, begun = parcel.content, time.monotonic()
    headers = {
        "Content-Type": document.content_type,
        "Pressrelay-Delivery": parcel.id,
        "Pressrelay-Attempt": str(attempt),
        **document.headers,
    }
    try:
        headers |= sign()
    except Misconfigured as error:  # The message is for the operator, not for the subscriber.
        log.error("%s %s: %s", subscription.kind, subscription.name, error)
        return Outcome(error="The server cannot read the secret of this subscription.")
    outcome = await _called(client, subscription, headers, document.body, turn)
    return replace(outcome, latency=time.monotonic() - begun)


async def _called(
    client: Client, subscription: store.deliveries.Subscription, headers: dict[str, str], body: bytes, turn: Turn
) -> Outcome:
    try:
        with spans.span("POST", spans.CLIENT, http__request__method="POST", server__address=subscription.host) as span:
            async with turn.calling():
                answer = await client.send("POST", subscription.target, headers, body)
            span.set("http.response.status_code", answer.status)
    except TimeoutError:
        return Outcome(error=CUT)
    except Refused as error:
        log.info("%s %s: %s", subscription.kind, subscription.name, error)
        return Outcome(error=error.public_message, unreachable=True)
    return Outcome(
        status=answer.status,
        error="" if answer.status in OK else f"The callback answered with the status {answer.status}.",
        wait=retry.asked_pause(answer.headers.get("retry-after", ""), datetime.now(UTC)),
        end="The subscriber answered with the status 410 (Gone)." if answer.status == 410 else "",
    )
