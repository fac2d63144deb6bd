"""The webhook channel: sends each changed article to an endpoint, signed as Standard Webhooks demand
(https://www.standardwebhooks.com/)."""

import asyncio
import base64
import hmac
import logging
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import parse_qsl

from msgspec import Struct
from msgspec.structs import replace

from app import store
from app.context import Context
from app.deliveries import vault
from app.deliveries.channel import Batch, Means, Outcome, Pack, Parcel, Turn, delivery_id, recalled
from app.deliveries.documents import DOCUMENTS, article_document, embargoed_document, left_document
from app.deliveries.hub import checked, host_of, policy_of
from app.deliveries.post import Document, post
from app.deliveries.smtp import address
from app.deliveries.topics import EMBARGOED, feed_topic
from app.errors import Misconfigured, Problem, Refused
from app.outbound.callbacks import Client
from app.query import Query
from app.store import micros
from app.syndication import embargoed, page

log = logging.getLogger("pressrelay.push")
FORMATS = tuple(DOCUMENTS)  # that a webhook may have

BOTH = timedelta(hours=24)  # how long deliveries are signed with the old secret too
EVENTS = {"embargoed": "embargoed", "lapsed": "canceled"}  # kind of a row -> name of the event, if it is different


class Webhooks:
    """Sends each article in its own POST, in the order of the changes."""

    pauses = True

    def __init__(self, means: Means) -> None:
        self._means = means
        self._context = means.context

    def pack(
        self, subscription: store.deliveries.Subscription, rows: Sequence[store.deliveries.Waiting], batch: Batch
    ) -> Pack[Document]:
        """One document for each article, in its current state."""
        query = recalled(subscription)
        last = {row.num: row.seq for row in rows}
        replaced = tuple(row.seq for row in rows if last[row.num] != row.seq)
        newest = [row for row in rows if last[row.num] == row.seq]
        if subscription.embargoed:
            principal, waits, gone = batch.readable(subscription, query, rows)
            read = [state.article for state in waits]
            how = f"push {subscription.format}"
            copies = embargoed.copies(self._context.engine, principal, read, how, apart=True)
            waits = [replace(state, article=copy) for state, copy in zip(waits, copies, strict=True)]
        else:
            waits, gone, _ = batch.parted(query, rows)
        states = {state.num: state for state in (*waits, *gone)}
        left = {state.num for state in gone}
        # Where the article is newer than the row, the row of that version waits further back. It is delivered there, once.
        ahead = {
            row.num: row.seq for row in newest if row.num in states and states[row.num].article.version > row.version
        }
        later = store.deliveries.changed_again(self._context.engine, subscription.id, ahead)
        replaced += tuple(row.seq for row in newest if row.num in later)
        newest = [row for row in newest if row.num not in later]
        parcels = []
        for row in newest:
            if row.num in states:
                document = _document(subscription, row, states[row.num], row.num in left)
                parcels.append(Parcel((row.seq,), document, delivery_id(subscription, [row])))
        dropped = tuple(row.seq for row in newest if row.num not in states)
        return Pack(tuple(parcels), replaced, dropped)

    async def send(
        self, subscription: store.deliveries.Subscription, parcel: Parcel[Document], attempt: int, turn: Turn
    ) -> Outcome:
        """Post the document to the endpoint."""
        sign = partial(signed, self._context, subscription, parcel, int(time.time()))
        return await post(self._means.client, subscription, parcel, attempt, turn, sign)

    async def ask(self, intent: store.deliveries.Intent, turn: Turn) -> bool:
        """Never called: a webhook is created with a token, so there is nothing to verify."""
        return False


def _document(
    subscription: store.deliveries.Subscription, row: store.deliveries.Waiting, state: store.articles.State, left: bool
) -> Document:
    """The document for one article. `left`: the article left the feed or was withdrawn."""
    format, event = subscription.format, EVENTS.get(row.kind, row.kind)
    if left:
        event = state.pubstatus if state.pubstatus != "usable" else "left"
        body = left_document(format, state, event)
    else:
        if event not in ("published", "corrected", "embargoed", store.deliveries.RETIRED):
            event = "published"  # the article came back into the feed
        if subscription.embargoed:
            body = embargoed_document(format, state, event)
        else:
            body = article_document(format, state.article, event, state.at)
    return Document(DOCUMENTS[format], body, {"Pressrelay-Event": event})


def signed(
    context: Context, subscription: store.deliveries.Subscription, parcel: Parcel[Document], now: int
) -> dict[str, str]:
    """The headers of Standard Webhooks: id, time and signature, with two signatures while a secret is being replaced. `now`: seconds
    since 1970. Raises Misconfigured if the secret cannot be decrypted."""
    keys = [vault.open(context.settings, subscription.secret)]
    if subscription.secret_before and now * 1_000_000 < subscription.secret_until:
        with suppress(Misconfigured):  # The old secret may have been replaced because its key was lost.
            keys.append(vault.open(context.settings, subscription.secret_before))
    signatures = " ".join(_signature(key, parcel.id, now, parcel.content.body) for key in keys)
    return {"webhook-id": parcel.id, "webhook-timestamp": str(now), "webhook-signature": signatures}


def _signature(secret: str, id: str, seconds: int, body: bytes) -> str:
    """A webhook-signature, version 1 (specification, section "Signature scheme")."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = b".".join((id.encode(), str(seconds).encode(), body))
    return f"v1,{base64.b64encode(hmac.digest(key, content, 'sha256')).decode()}"


# Managing webhooks


class Trial(Struct, frozen=True):
    """The result of a test delivery."""

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
) -> store.deliveries.Subscription:
    """Create a webhook. The result has its secret, which is never shown again. Raises Problem: 400, 403, 404, 409.

    The webhook belongs to the outlet, whichever token was used. `accredited`: whether its creator may read embargoed articles.
    `query`: the parameters of the feed, such as `region=kr:52&status=embargoed`; empty: everything.
    """
    if format not in DOCUMENTS:
        known = ", ".join(DOCUMENTS)
        raise Problem(
            404, "unknown-format", "Unknown format", f"{format[:40]!r} is not a format; expected one of {known}."
        )
    target = checked(context, url)
    contact = address(contact) if contact else ""
    pairs = parse_qsl(query.lstrip("?"), keep_blank_values=True)
    embargoed = EMBARGOED in pairs
    topic = feed_topic(context, [pair for pair in pairs if pair != EMBARGOED], "json", embargoed)
    if embargoed and not accredited:
        raise Problem(403, "insufficient-scope", "The token may not read embargoed articles")
    now, secret = datetime.now(UTC), new_secret()
    subscription = store.deliveries.Subscription(
        kind="webhook",
        target=target,
        topic=topic.url,
        query=topic.query.canonical(),
        format=format,
        host=host_of(target),
        embargoed=embargoed,
        secret=vault.seal(context.settings, secret),
        token=token,
        outlet=outlet,
        contact=contact,
        lang=context.settings.language,
    )
    existing = store.deliveries.same_subscription(context.engine, subscription.identity)
    if existing is not None and existing.state != "ended":
        if existing.outlet != outlet:  # Do not reveal details of another account's webhook.
            raise Problem(
                409, "taken", "The endpoint is in use", "Another account has a webhook for this feed and URL."
            )
        detail = f"The webhook {existing.name} delivers this feed to this URL already."
        raise Problem(409, "taken", "The webhook exists already", detail)
    most = context.settings.push_subscriptions if outlet else 0
    try:
        made = store.deliveries.add_subscription(context.engine, subscription, topic.pairs, now, most)
    except store.deliveries.NoMoreSubscriptions:
        detail = f"An outlet may have at most {most} webhooks. Remove one first."
        raise Problem(403, "too-many-subscriptions", "Too many webhooks", detail) from None
    except store.deliveries.TokenEnded:
        raise Problem(401, "token-revoked", "The token was revoked", "Ask for a new token.") from None
    if made is None:  # Somebody made it a moment ago: its secret stays.
        raise Problem(409, "taken", "The endpoint is in use", "There is a webhook for this feed and URL.")
    return replace(made, secret=secret)


def new_secret() -> str:
    """A secret of 256 random bits in the format of Standard Webhooks."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def readdress(context: Context, subscription: store.deliveries.Subscription, url: str) -> store.deliveries.Subscription:
    """Let a webhook call another URL from now on; its secret and what waits stay. Raises Problem (400, 409) and Unavailable."""
    target = checked(context, url)
    moved = replace(subscription, target=target, host=host_of(target))
    known = store.deliveries.same_subscription(context.engine, moved.identity)
    if (known is not None and known.id != subscription.id) or not store.deliveries.move_subscription(
        context.engine, moved, datetime.now(UTC)
    ):
        raise Problem(409, "taken", "The endpoint is in use", "A webhook delivers this feed to this URL already.")
    return moved


def rotate(context: Context, subscription: store.deliveries.Subscription) -> store.deliveries.Subscription:
    """Give a webhook a new secret. The result has the secret, which is never shown again. For a day, deliveries are signed with the
    old one too. Raises Unavailable."""
    until, secret = micros(datetime.now(UTC) + BOTH), new_secret()
    sealed = vault.seal(context.settings, secret)
    changed = replace(subscription, secret=sealed, secret_before=subscription.secret, secret_until=until)
    store.deliveries.change_subscription(context.engine, changed)
    return replace(changed, secret=secret)


def trial_parcel(context: Context, subscription: store.deliveries.Subscription) -> Parcel[Document]:
    """The newest public article of the webhook's feed (or of any feed) as the event "test". Raises Unavailable."""
    query = replace(recalled(subscription), limit=1)
    found = page.find(context, query) or page.find(context, Query(limit=1))
    body = article_document(subscription.format, found[0] if found else None, "test", datetime.now(UTC))
    document = Document(DOCUMENTS[subscription.format], body, {"Pressrelay-Event": "test"})
    return Parcel((), document, f"msg_test_{secrets.token_hex(8)}")


def test(context: Context, subscription: store.deliveries.Subscription) -> Trial:
    """Send the event "test" at once; it is not repeated. Raises Unavailable."""
    parcel = trial_parcel(context, subscription)
    document, body = parcel.content, parcel.content.body
    try:
        signatures = signed(context, subscription, parcel, int(time.time()))
    except Misconfigured as unread:
        log.error("webhook %s: %s", subscription.name, unread)
        return Trial(0, "The server cannot read the secret of this webhook.", 0)
    headers = {"Content-Type": document.content_type, **document.headers, **signatures}
    begun = time.monotonic()

    async def send() -> tuple[int, str]:
        client = Client(policy_of(context))
        try:
            answer = await client.send("POST", subscription.target, headers, body)
        except Refused as error:
            log.info("%s %s: test: %s", subscription.kind, subscription.name, error)
            return 0, error.public_message
        finally:
            await client.close()
        ok = 200 <= answer.status < 300
        return answer.status, "" if ok else f"The endpoint answered with the status {answer.status}."

    status, error = asyncio.run(send())
    # Without an answer, the duration would show whether something listens there.
    return Trial(status, error, round((time.monotonic() - begun) * 1000) if status else 0)
