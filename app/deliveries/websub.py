"""The WebSub channel (https://www.w3.org/TR/websub/): sends the changed articles of a topic as one document in the topic's format."""

import hmac
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from msgspec.structs import replace

from app import store
from app.deliveries import hub, restraint, vault
from app.deliveries.channel import CUT, Batch, Means, Outcome, Pack, Parcel, Turn, delivery_id, recalled
from app.deliveries.documents import withdrawn
from app.deliveries.post import Document, post
from app.errors import Refused, Unavailable
from app.syndication import embargoed, page
from app.syndication.written import fragments_of
from feeds import format_of, fullest, render

log = logging.getLogger("pressrelay.push")


class WebSub:
    """The hub: delivers to callbacks, and asks them to verify subscriptions."""

    pauses = False

    def __init__(self, means: Means) -> None:
        self._means = means
        self._context = means.context

    def pack(
        self, subscription: store.deliveries.Subscription, rows: Sequence[store.deliveries.Waiting], batch: Batch
    ) -> Pack[Document]:
        """One document for all rows. A public document is made once for all subscribers of the topic that wait for the same rows."""
        seqs = tuple(row.seq for row in rows)
        if subscription.saved and any(row.kind == store.deliveries.RETIRED for row in rows):
            return self._last(subscription, rows, seqs)
        if subscription.embargoed:
            document = self._embargoed_feed(subscription, rows, batch)
        else:
            key = "websub", subscription.topic, seqs
            document = batch.once(key, partial(self._feed, subscription, rows, batch))
        if document is None:
            return Pack(dropped=seqs)
        return Pack((Parcel(seqs, document, delivery_id(subscription, rows)),))

    def _last(
        self,
        subscription: store.deliveries.Subscription,
        rows: Sequence[store.deliveries.Waiting],
        seqs: tuple[int, ...],
    ) -> Pack[Document]:
        """The whole feed with its last entry, after which the subscription ends."""
        saved = store.feeds.saved_feed(self._context.engine, subscription.saved)
        if saved is None or saved.ended is None:  # It is in use again.
            return Pack(dropped=seqs)
        query = recalled(subscription, saved)
        module = format_of(subscription.format)
        body = module.assemble(page.feed(self._context, query, subscription.format))
        document = Document(module.MIMETYPE, body, {"Link": link_header(page.hub(self._context), subscription.topic)})
        return Pack((Parcel(seqs, document, delivery_id(subscription, rows)),), end="The feed has ended.")

    def _feed(
        self, subscription: store.deliveries.Subscription, rows: Sequence[store.deliveries.Waiting], batch: Batch
    ) -> Document | None:
        """The changed articles as a feed; None if none of them belongs to the topic."""
        query, context = recalled(subscription), self._context
        newest, left, _ = batch.parted(query, rows)
        gone = [withdrawn(state) for state in left]
        shown: list[store.articles.State] = sorted(newest, key=lambda state: (state.sort or 0, state.num), reverse=True)
        articles = tuple(state.article for state in shown)
        if not articles and not gone:
            return None
        module = format_of(fullest(subscription.format))
        if all(map(module.tells, gone)):
            written = fragments_of(fullest(subscription.format), articles)
            feed = page.shown(context, query, subscription.topic, written, {}, tuple(gone))
        else:  # The format cannot express withdrawals, so the whole feed is sent, without the withdrawn articles.
            feed, module = page.feed(context, query, subscription.format), format_of(subscription.format)
        address = page.hub(context)
        body = module.assemble(replace(feed, hub=address))
        return Document(module.MIMETYPE, body, {"Link": link_header(address, subscription.topic)})

    def _embargoed_feed(
        self, subscription: store.deliveries.Subscription, rows: Sequence[store.deliveries.Waiting], batch: Batch
    ) -> Document | None:
        """The same for embargoed articles. It is recorded in the audit log before it is sent."""
        context, query = self._context, recalled(subscription)
        principal, waits, left = batch.readable(subscription, query, rows)
        if not waits and not left:
            return None
        gone = tuple(map(withdrawn, left))
        dated = [embargoed.dated_as_it_came(state.article, state.at) for state in waits]
        articles = embargoed.copies(context.engine, principal, dated, f"push feed.{subscription.format}")
        feed = embargoed.feed(context, query, subscription.format, articles, {}, gone)
        module = format_of(fullest(subscription.format))
        return Document(module.MIMETYPE, render(module, feed), {"Link": link_header(feed.hub, subscription.topic)})

    async def send(
        self, subscription: store.deliveries.Subscription, parcel: Parcel[Document], attempt: int, turn: Turn
    ) -> Outcome:
        """Post the document to the callback."""
        sign = partial(self._signed, subscription, parcel.content.body)
        return await post(self._means.client, subscription, parcel, attempt, turn, sign)

    def _signed(self, subscription: store.deliveries.Subscription, body: bytes) -> dict[str, str]:
        """The signature, if the subscription has a secret. Raises Misconfigured if the secret cannot be decrypted."""
        settings = self._context.settings
        secret = vault.open(settings, subscription.secret) if subscription.secret else ""
        return hub_signature(secret, body, settings.hub_signature) if secret else {}

    async def ask(self, intent: store.deliveries.Intent, turn: Turn) -> bool:
        """Verify a request with the subscriber (section 5.3), or send it a denial (section 5.2)."""
        if intent.mode not in hub.MODES:
            fault = await self._fault(intent, hub.denial(intent), "", turn)
            _log(intent, fault or "denied")
            return False
        if await self._waits(intent.subscription):
            # Other verifications have failed since this one was requested, so it is dropped.
            return False
        challenge = hub.challenge()
        fault = await self._fault(intent, hub.verification(intent, challenge), challenge, turn)
        _log(intent, fault or "verified")
        await self._count(intent.subscription, verified=not fault)
        return not fault

    async def _fault(self, intent: store.deliveries.Intent, url: str, challenge: str, turn: Turn) -> str:
        """Why a call of the callback failed, or did not echo the challenge if there is one; empty if it succeeded."""
        try:
            async with turn.calling():
                answer = await self._means.client.send("GET", url, {})
        except TimeoutError:
            return CUT
        except Refused as error:
            return str(error)
        return hub.echoed(answer, challenge) if challenge else ""

    async def _waits(self, subscription: store.deliveries.Subscription) -> bool:
        try:
            return await self._means.database.call(hub.wait, self._context, subscription) > 0
        except Unavailable as error:
            log.error("%s", error)
            return False

    async def _count(self, subscription: store.deliveries.Subscription, *, verified: bool) -> None:
        """Count a failed verification for the callback's domain; a successful one resets the count."""
        engine, attempt = self._context.engine, restraint.calling(subscription)
        if verified:
            await self._means.database.until_it_works(store.deliveries.confirmed, engine, attempt)
        else:
            await self._means.database.until_it_works(store.deliveries.failed, engine, attempt, datetime.now(UTC))


def _log(intent: store.deliveries.Intent, result: str) -> None:
    target, topic = intent.subscription.target[:200], intent.subscription.topic[:200]
    log.info("%s %s %s: %s", intent.mode, target, topic, result)


def link_header(hub: str, topic: str) -> str:
    """One Link header with hub and self (section 7)."""
    return f'<{hub}>; rel="hub", <{topic}>; rel="self"'


def hub_signature(secret: str, body: bytes, method: str) -> dict[str, str]:
    """X-Hub-Signature (section 8)."""
    return {"X-Hub-Signature": f"{method}={hmac.new(secret.encode(), body, method).hexdigest()}"}
