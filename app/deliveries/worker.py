"""The delivery worker: claims subscriptions with waiting changes, has a channel deliver them, and settles the results.

Its whole state is in the database: if it is killed, the next worker delivers its claims in the same order and with the same
identifiers. A subscription has at most one delivery in progress, a host a few (app/deliveries/turns.py). An unreachable host rests.
Subscribers that fail or answer slowly wait in separate lines, so that they do not delay the others.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from functools import partial
from typing import Any

from msgspec.structs import replace

from app import spans, store
from app.context import Context
from app.deliveries import hub, letters, retry
from app.deliveries.channel import (
    STOPPED,
    Batch,
    Channel,
    Database,
    Means,
    Outcome,
    Pack,
    Parcel,
    Refusal,
    Stopped,
    Turn,
    reader,
)
from app.deliveries.mail import Mail
from app.deliveries.smtp import Mailer
from app.deliveries.topics import tell_of_endings
from app.deliveries.turns import ASKED, Turns, owed_after
from app.deliveries.webhooks import Webhooks
from app.deliveries.websub import WebSub
from app.errors import Problem, Refused, Unavailable, Unfit
from app.outbound.callbacks import Client
from app.requestid import working_for
from app.store import micros

log = logging.getLogger("pressrelay.push")

# Kind of a subscription -> its channel.
CHANNELS: dict[str, Callable[[Means], Channel[Any]]] = {
    "websub": WebSub,
    "webhook": Webhooks,
    "email": Mail,
}
LOOK = 0.05  # seconds between two checks for due deliveries
SWEEP = 10.0  # seconds between two checks for expired leases and lost rights
SETTLED = 500  # results in one transaction
HELD = 120.0  # seconds after its claim in which a delivery may begin; the claim ends after the store's LEASE
NAMED = 5  # requests that a log line names
STOPPED_WITHIN = 12.0  # seconds that calls in flight may take when the worker stops


class Deliverer:
    """The worker of a process. `who`: its name among all workers; the next worker of that name takes over its claims."""

    def __init__(self, context: Context, who: str, client: Client | None = None) -> None:
        settings = context.settings
        self.context = context
        self.who = who
        self.client = client or Client(hub.policy_of(context))
        self.mailer = Mailer(settings)
        self.turns = Turns(settings.push_flight, settings.push_host, self.client.reached)
        self.settled: asyncio.Queue[store.deliveries.Settled] = asyncio.Queue()
        self.tasks: set[asyncio.Task[None]] = set()
        self.jobs: dict[int, store.deliveries.Job] = {}  # subscription id -> the job that it is claimed for
        self.intents: set[int] = set()  # ids of the intents that are claimed
        self.unsure = False  # whether a claim may have been made without an answer that says so
        # Two threads, so that settling and claiming do not wait for each other.
        self.claiming, self.settling = Database("claim"), Database("settle")
        means = Means(context, self.client, self.mailer, self.claiming)
        self.channels = {kind: channel(means) for kind, channel in CHANNELS.items()}

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop` is set, then finish the calls in flight."""
        await self.claiming.until_it_works(self._release)
        settler = asyncio.create_task(self._settle())
        swept = 0.0
        try:
            while not stop.is_set():
                try:
                    if self.unsure:
                        await self.claiming.call(self._release, tuple(self.jobs), tuple(self.intents))
                        self.unsure = False
                    claimed = await self._claim_and_begin()
                    if time.monotonic() > swept + SWEEP:
                        swept = time.monotonic()
                        await self.claiming.call(self._sweep)
                except Unavailable as error:
                    log.error("%s", error)
                    self.unsure = True
                    claimed = 0
                    await asyncio.sleep(1)
                if not claimed:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(stop.wait(), LOOK)
        finally:
            if self.tasks:
                await asyncio.wait(self.tasks, timeout=STOPPED_WITHIN)
            for task in self.tasks:
                task.cancel()
            await asyncio.wait_for(self.settled.join(), 5)
            settler.cancel()
            await self.client.close()
            with suppress(Unavailable):
                self._release()

    def _release(self, jobs: Sequence[int] = (), intents: Sequence[int] = ()) -> None:
        """Release what is claimed for this worker, but not these subscriptions and intents. Raises Unavailable."""
        now = datetime.now(UTC)
        store.deliveries.release_claims(self.context.engine, self.who, now, jobs)
        store.deliveries.release_intents(self.context.engine, self.who, now, intents)

    def _sweep(self) -> None:
        """End expired leases, deny subscribers that lost their rights, and delete old records. Raises Unavailable."""
        engine, now = self.context.engine, datetime.now(UTC)
        store.deliveries.end_expired(engine, now)
        for subscription in store.deliveries.embargoed_subscriptions(engine):
            try:
                reader(self.context, subscription)
                if subscription.reason in STOPPED.values():  # Its outlet may read again.
                    store.deliveries.resume_subscription(engine, subscription.id, now)
            except Stopped as stopped:
                if subscription.state == store.deliveries.PAUSED:
                    continue
                store.deliveries.pause_subscription(engine, subscription.id, str(stopped), now)
            except Refusal as refusal:
                log.info("%s %s ended: %s", subscription.kind, subscription.name, refusal)
                store.deliveries.deny(engine, subscription, str(refusal), now)
        tell_of_endings(self.context, now)
        store.deliveries.prune(engine, now)

    # Claim

    async def _claim_and_begin(self) -> int:
        """Claim due subscriptions and intents and begin them; how many there were. Raises Unavailable."""
        until = time.monotonic() + HELD
        jobs, packs, intents = await self.claiming.call(self._claim, self.turns.rooms())
        self.jobs |= {job.subscription.id: job for job in jobs}
        self.intents |= {intent.id for intent in intents}
        for intent in intents:
            subscription = intent.subscription
            self._begin(Turn(ASKED, subscription.host, subscription.account), partial(self._ask, intent))
        for job in jobs:
            subscription = job.subscription
            if subscription.id not in packs:
                self.settled.put_nowait(_untried(job, (), micros(datetime.now(UTC)) + 1_000_000))
                continue
            work = partial(self._deliver, job, packs[subscription.id], until)
            self._begin(Turn(job.line, subscription.host, subscription.account), work)
        return len(jobs) + len(intents)

    def _claim(
        self, rooms: dict[int, store.deliveries.Room]
    ) -> tuple[list[store.deliveries.Job], dict[int, Pack[Any] | Exception], list[store.deliveries.Intent]]:
        now, engine = datetime.now(UTC), self.context.engine
        asked = rooms.pop(ASKED)
        busy = {*asked.closed, *(host for host, _ in asked.full("host"))}
        intents = store.deliveries.claim_intents(engine, self.who, now, asked.most, busy) if asked.most > 0 else []
        jobs = store.deliveries.claim(engine, self.who, now, rooms)
        try:
            return jobs, pack(self.context, self.channels, jobs), intents
        except Unavailable as error:  # The claims are released, because otherwise they would last until their end.
            log.error("%s", error)
            return jobs, {}, intents

    def _begin(self, turn: Turn, work: Callable[[Turn], Coroutine[Any, Any, None]]) -> None:
        self.turns.begin(turn)

        task = asyncio.create_task(self.turns.within(turn, partial(work, turn)))
        self.tasks.add(task)

        def over(task: asyncio.Task[None]) -> None:
            self.tasks.discard(task)
            if not turn.lasts:
                self.turns.end(turn)
            if not task.cancelled() and (error := task.exception()):
                log.error("a delivery failed unexpectedly", exc_info=error)

        task.add_done_callback(over)

    # Call a channel

    async def _deliver(self, job: store.deliveries.Job, pack: Pack[Any] | Exception, until: float, turn: Turn) -> None:
        """Send the parcels of a job. `until`: the latest start of a parcel (monotonic seconds)."""
        subscription = job.subscription
        if isinstance(pack, Stopped):
            now = datetime.now(UTC)
            pause = store.deliveries.pause_subscription
            await self.settling.call(pause, self.context.engine, subscription.id, str(pack), now)
            self.settled.put_nowait(_untried(job, ()))
            log.info("%s %s waits: %s", subscription.kind, subscription.name, pack)
        elif isinstance(pack, Refusal):
            now = datetime.now(UTC)
            await self.settling.call(store.deliveries.deny, self.context.engine, subscription, str(pack), now)
            log.info("%s %s ended: %s", subscription.kind, subscription.name, pack)
        elif isinstance(pack, Exception):
            log.error("%s %s: the document could not be made", subscription.kind, subscription.name, exc_info=pack)
            outcome = Outcome(error="The server could not make the document.")
            self.settled.put_nowait(self._failed(job, tuple(row.seq for row in job.rows), (), outcome, 0))
        else:
            self.settled.put_nowait(await self._sent(job, pack, until, turn))

    async def _sent(
        self, job: store.deliveries.Job, pack: Pack[Any], until: float, turn: Turn
    ) -> store.deliveries.Settled:
        """Send the parcels one after the other, until one fails or the claim is too old; returns the result of the job."""
        subscription, channel = job.subscription, self.channels[job.subscription.kind]
        tried = {row.seq: row.attempts for row in job.rows}
        requests = {row.seq: row.request for row in job.rows}
        done = [store.deliveries.Done(seq, "replaced", tried[seq]) for seq in pack.replaced]
        done += [store.deliveries.Done(seq, "dropped", tried[seq]) for seq in pack.dropped]
        owed: int | None = None
        slowest = 0.0
        for place, parcel in enumerate(pack.parcels):
            begun = time.monotonic()
            # What remains is claimed again. Then a subscriber that lost the right meanwhile is notified.
            if begun > until or not await self._may_read(subscription):
                return store.deliveries.Settled(job, tuple(done), owed=owed) if place else _untried(job, done)
            attempt = max(tried[seq] for seq in parcel.seqs) + 1
            causes = [requests[seq] for seq in parcel.seqs]
            with working_for(_named(causes)), _delivering(subscription, parcel, causes) as span:
                outcome = await channel.send(subscription, parcel, attempt, turn)
                if outcome.error:
                    span.fail(str(outcome.status or "no answer"))
                    log.info("%s %s: attempt %d: %s", subscription.kind, subscription.name, attempt, outcome.error)
            slowest = max(slowest, outcome.latency)
            owed = owed_after(job.owed, slowest)
            # Without an answer, the duration would show the subscriber whether something listens there.
            millis = round((time.monotonic() - begun) * 1000) if outcome.status else 0
            if outcome.unreachable:
                self.turns.hosts.rest(subscription.host)
            if outcome.error:
                return replace(self._failed(job, parcel.seqs, done, outcome, millis), owed=owed)
            self.turns.hosts.delivered(subscription.host)
            done += [
                store.deliveries.Done(seq, "delivered", tried[seq] + 1, outcome.status, "", millis)
                for seq in parcel.seqs
            ]
        return store.deliveries.Settled(job, tuple(done), again=pack.due, owed=owed, end=pack.end)

    async def _may_read(self, subscription: store.deliveries.Subscription) -> bool:
        """Whether a subscriber may still read under embargo, if its articles are embargoed: it may have been suspended since its
        parcels were made."""
        if not subscription.embargoed:
            return True
        try:
            await self.claiming.call(reader, self.context, subscription)
        except (Refusal, Unavailable):
            return False
        return True

    def _failed(
        self,
        job: store.deliveries.Job,
        seqs: Sequence[int],
        done: Sequence[store.deliveries.Done],
        outcome: Outcome,
        millis: int,
    ) -> store.deliveries.Settled:
        """The result of a job after an attempt to deliver these rows failed. `millis`: duration of the attempt."""
        now, settings = datetime.now(UTC), self.context.settings
        old = micros(now - timedelta(hours=settings.push_hours))
        rows = {row.seq: row for row in job.rows}
        attempts = max(rows[seq].attempts for seq in seqs) + 1
        dead = {seq for seq in seqs if rows[seq].at <= old}
        became = [
            store.deliveries.Done(
                seq,
                "dead" if seq in dead else "waiting",
                rows[seq].attempts + 1,
                outcome.status,
                outcome.error,
                millis,
            )
            for seq in seqs
        ]
        wait = max(outcome.wait, retry.pause(attempts, settings.push_retry, random.random))
        failing = micros(now) - (job.failing or micros(now))
        pause = ""
        if self.channels[job.subscription.kind].pauses and failing > settings.push_pause * 86_400_000_000:
            pause = f"All deliveries failed for {settings.push_pause} days. The last error: {outcome.error}"
        return store.deliveries.Settled(
            job,
            (*done, *became),
            arrived=False,
            again=micros(now) + int(wait * 1_000_000),
            attempts=attempts,
            last=0 if dead else seqs[-1],
            pause=pause,
            end=outcome.end,
        )

    async def _ask(self, intent: store.deliveries.Intent, turn: Turn) -> None:
        """Let the channel carry out an intent, and settle the answer."""
        verified = await self.channels[intent.subscription.kind].ask(intent, turn)
        if verified is not None:
            engine, now = self.context.engine, datetime.now(UTC)
            most = self.context.settings.push_subscriptions
            await self.claiming.until_it_works(store.deliveries.settle_intent, engine, intent, verified, now, most)
            self.intents.discard(intent.id)

    # Settle

    async def _settle(self) -> None:
        """Write the results of jobs; results that arrive together are written in one transaction."""
        while True:
            batch = [await self.settled.get()]
            while len(batch) < SETTLED and not self.settled.empty():
                batch.append(self.settled.get_nowait())
            while True:
                try:
                    await self.settling.call(
                        store.deliveries.settle, self.context.engine, self.who, batch, datetime.now(UTC)
                    )
                    break
                except Unavailable as error:
                    log.error("%s", error)
                    await asyncio.sleep(0.5)
                except Exception:
                    # The claims end by themselves, and the jobs are delivered again. Other jobs must not wait for that.
                    log.exception("deliveries could not be settled")
                    break
            for settled in batch:
                if self.jobs.get(settled.job.subscription.id) is settled.job:  # and not claimed again meanwhile
                    del self.jobs[settled.job.subscription.id]
                if settled.pause or settled.end:
                    self._report_end(settled)
                self.settled.task_done()

    def _report_end(self, settled: store.deliveries.Settled) -> None:
        """Log that a subscription was ended or paused. Its contact gets an e-mail about a pause."""
        subscription = settled.job.subscription
        state, reason = "ended" if settled.end else "paused", settled.end or settled.pause
        log.warning("%s %s %s: %s", subscription.kind, subscription.name, state, reason)
        if settled.pause and subscription.contact and self.mailer.ready:
            notice = letters.paused(self.context, subscription, settled.pause)
            task = asyncio.create_task(self._notify(notice))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _notify(self, notice: EmailMessage) -> None:
        try:
            await self.mailer.send(notice)
        except Refused as error:
            log.error("a notice could not be sent: %s", error)


def pack(
    context: Context, channels: Mapping[str, Channel[Any]], jobs: Sequence[store.deliveries.Job]
) -> dict[int, Pack[Any] | Exception]:
    """Subscription id -> the parcels of its job; a Refusal if the subscription must end; or another exception. Raises Unavailable."""
    batch = Batch(context, jobs)
    packs: dict[int, Pack[Any] | Exception] = {}
    for job in jobs:
        subscription = job.subscription
        try:
            packs[subscription.id] = channels[subscription.kind].pack(subscription, _tried(job), batch)
        except Problem as problem:  # The query is not valid any more, for example because a code table changed.
            packs[subscription.id] = Refusal(problem.detail or problem.title)
        except Unfit as error:  # The database will refuse the same query again.
            packs[subscription.id] = Refusal(str(error))
        except Unavailable:
            raise
        except Exception as error:  # including Refusal; one failing job must not stop the others
            packs[subscription.id] = error
    return packs


def _delivering(
    subscription: store.deliveries.Subscription, parcel: Parcel[Any], causes: Sequence[str]
) -> AbstractContextManager[spans.TraceSpan]:
    """The span of an attempt: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/"""
    return spans.followed(
        f"deliver {subscription.kind}",
        spans.CONSUMER,
        causes,
        messaging__system="pressrelay",
        messaging__operation__name="deliver",
        messaging__operation__type="process",
        messaging__destination__name=subscription.name,
        messaging__message__id=parcel.id,
    )


def _named(requests: Sequence[str]) -> str:
    """The requests that a parcel comes from, for log lines: each once, and of many the first."""
    return ",".join([id for id in dict.fromkeys(requests) if id][:NAMED])


def _tried(job: store.deliveries.Job) -> Sequence[store.deliveries.Waiting]:
    """The rows of this delivery, without rows that came later."""
    return [row for row in job.rows if row.seq <= job.last] or job.rows


def _untried(
    job: store.deliveries.Job, done: Sequence[store.deliveries.Done], again: int | None = None
) -> store.deliveries.Settled:
    """The result of a job for which nothing more was sent; its state does not change."""
    return store.deliveries.Settled(job, tuple(done), job.failing is None, again, job.attempts, job.last)
