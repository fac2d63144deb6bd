"""Webhooks: each changed article to an endpoint of an account, signed as Standard Webhooks (https://www.standardwebhooks.com/)."""

import asyncio
import base64
import logging
import secrets
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

from msgspec import Struct
from msgspec.structs import replace

from app import store
from app.context import Context
from app.deliveries import vault
from app.deliveries.documents import DOCUMENTS, Parcel, article_document, recalled
from app.deliveries.hub import checked, host_of, policy_of
from app.deliveries.topics import EMBARGOED, asked
from app.deliveries.worker import webhook_headers
from app.errors import Misconfigured, Problem
from app.outbound.addresses import Refused
from app.outbound.callbacks import Client
from app.query.query import Query
from app.store import Subscription, micros
from app.syndication import page

log = logging.getLogger("pressrelay.push")

BOTH = timedelta(hours=24)  # for which the secret before signs as well
CONTACT = 254  # characters of an address (RFC 5321, section 4.5.3.1.3)


class Tried(Struct, frozen=True):
    """How a test went."""

    status: int  # 0: there was no answer
    error: str
    millis: int  # 0: there was no answer


def add(
    context: Context,
    url: str,
    query: str,
    format: str,
    *,
    outlet: str,
    token: str = "",
    contact: str = "",
    accredited: bool = True,
) -> Subscription:
    """A new webhook of an outlet; its secret is told here and never again. Raises Problem: 400, 403, 404, 409.

    It is the outlet's, whichever token made it; `accredited`: whether whoever makes it may read under embargo.
    `query`: the feed's parameters, `region=kr:52&status=embargoed`; empty: everything.
    """
    if format not in DOCUMENTS:
        known = ", ".join(DOCUMENTS)
        raise Problem(404, "unknown-format", "Unknown format", f"{format[:40]!r} is not one of {known}.")
    target = checked(context, url)
    if contact and (contact.count("@") != 1 or len(contact) > CONTACT or not contact.isprintable() or " " in contact):
        raise Problem(400, "bad-address", "Not an e-mail address", f"{contact[:80]!r} is none.")
    pairs = parse_qsl(query.lstrip("?"), keep_blank_values=True)
    embargoed = EMBARGOED in pairs
    topic = asked(context, [pair for pair in pairs if pair != EMBARGOED], "json", embargoed)
    if embargoed and not accredited:
        raise Problem(403, "insufficient-scope", "The token may not read under embargo")
    now, secret = datetime.now(UTC), new_secret()
    one = Subscription(
        kind="webhook",
        target=target,
        topic=topic.url,
        query=topic.query.canonical(),
        format=format,
        host=host_of(target),
        embargoed=embargoed,
        secret=vault.seal(context.settings, secret),
        token="" if outlet else token,
        outlet=outlet,
        contact=contact,
        lang=context.settings.language,
    )
    known_one = store.same_subscription(context.engine, one.identity)
    if known_one is not None and known_one.state != "ended":
        if known_one.outlet != outlet:  # Of another's nothing is told.
            raise Problem(409, "taken", "The endpoint is taken", "Another account delivers the same there.")
        detail = f"{known_one.name} delivers the same to the same URL already."
        raise Problem(409, "taken", "There is such a webhook", detail)
    mine = store.find_subscriptions(
        context.engine, outlet=outlet, kind="webhook", limit=context.settings.push_subscriptions
    )
    if outlet and len([found for found in mine if found.state != "ended"]) >= context.settings.push_subscriptions:
        raise Problem(403, "too-many-subscriptions", "Too many webhooks", f"There are {len(mine)} of them.")
    return replace(store.save_subscription(context.engine, one, topic.pairs, now), secret=secret)


def new_secret() -> str:
    """256 random bits, as Standard Webhooks writes them."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def rotate(context: Context, one: Subscription) -> Subscription:
    """With a new secret, which is told here and never again; the one before signs as well for a day. Raises Unavailable."""
    until, secret = micros(datetime.now(UTC) + BOTH), new_secret()
    sealed = vault.seal(context.settings, secret)
    changed = replace(one, secret=sealed, secret_before=one.secret, secret_until=until)
    store.change_subscription(context.engine, changed)
    return replace(changed, secret=secret)


def test(context: Context, one: Subscription) -> Tried:
    """Send the newest public article of its feed, or of any, as an event "test", at once and once. Raises Unavailable."""
    query = replace(recalled(one), limit=1)
    found = page.find(context, query) or page.find(context, Query(limit=1))
    body = article_document(one.format, found[0] if found else None, "test", datetime.now(UTC))
    parcel = Parcel((), f"msg_test_{secrets.token_hex(8)}", DOCUMENTS[one.format], body, "test")
    try:
        signed = webhook_headers(context.settings, one, parcel, int(time.time()))
    except Misconfigured as unread:
        log.error("webhook %s: %s", one.name, unread)
        return Tried(0, "The server cannot read the secret of this webhook.", 0)
    headers = {"Content-Type": parcel.content_type, **signed}
    begun = time.monotonic()

    async def send() -> tuple[int, str]:
        client = Client(policy_of(context.settings))
        try:
            answer = await client.send("POST", one.target, headers, parcel.body)
        except Refused as error:
            log.info("%s %s: a test: %s", one.kind, one.name, error)
            return 0, error.told
        finally:
            await client.close()
        return answer.status, "" if 200 <= answer.status < 300 else f"The endpoint answered {answer.status}."

    status, error = asyncio.run(send())
    # How long no answer took would tell whether something listens there.
    return Tried(status, error, round((time.monotonic() - begun) * 1000) if status else 0)
