"""The delivery worker: claims who is to be told something, sends hundreds of requests at once, and settles what became of them.

Everything it knows is in the database: when it is killed, what it had is delivered by the next one, in order, under the same
identifiers. A subscription has one delivery under way at most. A host has a few (app/deliveries/turns.py); one that fails rests, and
those that fail or answer slowly wait in a line of their own, so that the dead and the slow take nothing from the others.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import msgspec

from app import store
from app.context import Context
from app.deliveries import hub, mail, restraint, retry, turns, vault
from app.deliveries.documents import Pack, Packer, Parcel, Refusal, hub_signature, webhook_signature
from app.deliveries.turns import ASKED, Turn, Turns
from app.errors import Misconfigured, Unavailable
from app.outbound.addresses import Refused
from app.outbound.callbacks import Answer, Client
from app.settings import Settings
from app.store import Done, Intent, Job, Room, Settled, Subscription, micros

log = logging.getLogger("pressrelay.push")

LOOK = 0.05  # seconds between two looks for what is due
SWEEP = 10.0  # seconds between two looks for leases that are over and rights that ended
SETTLED = 500  # in one transaction
HELD = 120.0  # seconds after its claim in which a delivery may begin: the claim ends after store's LEASE, and then it is another's
REST = 2.0  # seconds for which a host that cannot be reached rests, twice as long each time
LONGEST_REST = 60.0
STOPPED_WITHIN = 12.0  # seconds that what is in flight has when the worker is to stop
OK = range(200, 300)
CUT = "No answer came while others were waiting."

T = TypeVar("T")


class Deliverer:
    """One for each process. `who` names it among all workers; the next of that name takes up what this one had."""

    def __init__(self, context: Context, who: str, client: Client | None = None) -> None:
        settings = context.settings
        self.context = context
        self.who = who
        self.client = client or Client(hub.policy_of(settings))
        self.mailer = mail.Mailer(settings)
        self.packer = Packer(context)
        self.turns = Turns(settings.push_flight, settings.push_host, self.client.reached)
        self.resting: dict[str, tuple[float, float]] = {}  # host -> until (monotonic seconds), how long
        self.settled: asyncio.Queue[Settled] = asyncio.Queue()
        self.tasks: set[asyncio.Task[None]] = set()
        # Neither waits for the other: what is settled makes room for what is claimed.
        self.claiming = ThreadPoolExecutor(1, "claim")
        self.settling = ThreadPoolExecutor(1, "settle")

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop` is set, then finish what is in flight."""
        await self._until_it_works(lambda: self._release())
        settler = asyncio.create_task(self._settle())
        swept = 0.0
        try:
            while not stop.is_set():
                try:
                    took = await self._take()
                    if time.monotonic() > swept + SWEEP:
                        swept = time.monotonic()
                        await self._in(self.claiming, self._sweep)
                except Unavailable as error:
                    log.error("%s", error)
                    took = 0
                    await asyncio.sleep(1)
                if not took:
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

    async def _until_it_works(self, call: Callable[[], None]) -> None:
        while True:
            try:
                return await self._in(self.claiming, call)
            except Unavailable as error:
                log.error("%s", error)
                await asyncio.sleep(0.5)

    async def _in(self, pool: ThreadPoolExecutor, call: Callable[..., T], *given: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, call, *given)

    def _release(self) -> None:
        now = datetime.now(UTC)
        store.release_claims(self.context.engine, self.who, now)
        store.release_intents(self.context.engine, self.who, now)

    # What is due

    async def _take(self) -> int:
        """Claim what is due and begin it; how much it was. Raises Unavailable."""
        moment = time.monotonic()
        until = moment + HELD
        resting = [host for host, (until, _) in self.resting.items() if until > moment]
        jobs, packs, intents = await self._in(self.claiming, self._claim, self.turns.rooms(resting))
        for intent in intents:
            one = intent.subscription
            self._begin(Turn(ASKED, one.host, one.account), partial(self._ask, intent))
        for job in jobs:
            one = job.subscription
            if one.id not in packs:
                self.settled.put_nowait(_untried(job, (), micros(datetime.now(UTC)) + 1_000_000))
                continue
            work = partial(self._deliver, job, packs[one.id], until)
            self._begin(Turn(job.line, one.host, one.account), work)
        return len(jobs) + len(intents)

    def _claim(self, rooms: dict[int, Room]) -> tuple[list[Job], dict[int, Pack | Exception], list[Intent]]:
        now, engine = datetime.now(UTC), self.context.engine
        asked = rooms.pop(ASKED)
        busy = {*asked.closed, *(host for host, _ in asked.full("host"))}
        intents = store.claim_intents(engine, self.who, now, asked.most, busy) if asked.most > 0 else []
        jobs = store.claim(engine, self.who, now, rooms)
        try:
            return jobs, self.packer.pack(jobs), intents
        except Unavailable as error:  # What is claimed is let go, or it would wait until the claim ends.
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

    # One subscription

    async def _deliver(self, job: Job, pack: Pack | Exception, until: float, turn: Turn) -> None:
        one = job.subscription
        if isinstance(pack, Refusal):
            await self._in(self.settling, store.deny, self.context.engine, one, str(pack), datetime.now(UTC))
            log.info("%s %s ended: %s", one.kind, one.name, pack)
            return
        if isinstance(pack, Exception):
            whole = Parcel(tuple(row.seq for row in job.rows))
            log.error("%s %s: what is to be sent cannot be made", one.kind, one.name, exc_info=pack)
            self.settled.put_nowait(
                self._failed(job, whole, (), 0, "The server could not make the document.", 0.0, "", 0)
            )
            return
        tried = {row.seq: row.attempts for row in job.rows}
        done = [Done(seq, "replaced", tried[seq]) for seq in pack.replaced]
        done += [Done(seq, "dropped", tried[seq]) for seq in pack.dropped]
        if one.kind == "email" and (at := self._digest(one, pack)) is not None:
            self.settled.put_nowait(Settled(job, tuple(done), again=at))
            return
        owed: int | None = None
        slowest = 0.0
        for place, parcel in enumerate(pack.parcels):
            begun = time.monotonic()
            if begun > until:  # The rest is claimed anew.
                self.settled.put_nowait(Settled(job, tuple(done), owed=owed) if place else _untried(job, done))
                return
            status, error, wait, ends = await self._send(one, parcel, pack, tried, turn)
            slowest = max(slowest, time.monotonic() - begun)
            # How soon a mail goes is our relay's doing.
            owed = 0 if one.kind == "email" else turns.owed_after(job.owed, slowest)
            # How long no answer took would tell the subscriber whether something listens there.
            millis = round((time.monotonic() - begun) * 1000) if status else 0
            attempts = {seq: tried[seq] + 1 for seq in parcel.seqs}
            if status in OK or (one.kind == "email" and not error):
                self.resting.pop(one.host, None)
                done += [Done(seq, "delivered", attempts[seq], status, "", millis) for seq in parcel.seqs]
                continue
            log.info("%s %s: attempt %d: %s", one.kind, one.name, max(attempts.values()), error or status)
            failed = self._failed(job, parcel, done, status, error, wait, ends, millis)
            self.settled.put_nowait(msgspec.structs.replace(failed, owed=owed))
            return
        self.settled.put_nowait(Settled(job, tuple(done), owed=owed))

    def _digest(self, one: Subscription, pack: Pack) -> int | None:
        """When a digest is sent next (micros), if not now."""
        if one.pace != "daily" or not pack.parcels:
            return None
        return mail.due(min(row.at for row in pack.rows), datetime.now(UTC), self.context.settings)

    async def _send(
        self, one: Subscription, parcel: Parcel, pack: Pack, tried: dict[int, int], turn: Turn
    ) -> tuple[int, str, float, str]:
        """The status of the answer, what went wrong, the seconds it wants to be left alone, and why the subscription ends."""
        if one.kind == "email":
            return await self._mail(one, parcel, pack)
        headers = {"Content-Type": parcel.content_type, "Pressrelay-Delivery": parcel.id}
        headers["Pressrelay-Attempt"] = str(max(tried[seq] for seq in parcel.seqs) + 1)
        try:
            headers |= signed_headers(self.context.settings, one, parcel)
        except Misconfigured as error:  # What it says is the operator's to read, not the subscriber's.
            log.error("%s %s: %s", one.kind, one.name, error)
            return 0, "The server cannot read the secret of this subscription.", 0.0, ""
        try:
            async with turn.calling():
                answer = await self.client.send("POST", one.target, headers, parcel.body)
        except TimeoutError:
            return 0, CUT, 0.0, ""
        except Refused as error:
            self._rest(one.host)
            log.info("%s %s: %s", one.kind, one.name, error)
            return 0, error.told, 0.0, ""
        ends = "The subscriber answered 410." if answer.status == 410 else ""
        return answer.status, _said(answer), retry.asked(answer.headers.get("retry-after", ""), datetime.now(UTC)), ends

    async def _mail(self, one: Subscription, parcel: Parcel, pack: Pack) -> tuple[int, str, float, str]:
        mine = set(parcel.seqs)
        rows = [row for row in pack.rows if row.seq in mine]
        message = await self._in(
            self.claiming, mail.alert, self.context, one, [(r, pack.states.get(r.num)) for r in rows]
        )
        try:
            await self.mailer.send(mail.dated(message, datetime.now(UTC)))
        except mail.Rejected as error:
            return 550, str(error), 0.0, "The mail server refuses this address."
        except Refused as error:
            log.info("%s %s: %s", one.kind, one.name, error)
            return 0, error.told, 0.0, ""
        return 250, "", 0.0, ""

    def _rest(self, host: str) -> None:
        """The host is left alone for a while: whoever else is at it would wait for it in vain."""
        _, before = self.resting.get(host, (0.0, REST / 2))
        long = min(LONGEST_REST, 2 * before)
        self.resting[host] = (time.monotonic() + long, long)
        if len(self.resting) > 10_000:
            moment = time.monotonic()
            self.resting = {name: found for name, found in self.resting.items() if found[0] > moment}

    def _failed(
        self,
        job: Job,
        parcel: Parcel,
        done: Sequence[Done],
        status: int,
        error: str,
        wait: float,
        ends: str,
        millis: int,
    ) -> Settled:
        now, settings = datetime.now(UTC), self.context.settings
        old = micros(now - timedelta(hours=settings.push_hours))
        rows = {row.seq: row for row in job.rows}
        attempts = max(rows[seq].attempts for seq in parcel.seqs) + 1
        dead = {seq for seq in parcel.seqs if rows[seq].at <= old}
        became = [
            Done(seq, "dead" if seq in dead else "waiting", rows[seq].attempts + 1, status, error, millis)
            for seq in parcel.seqs
        ]
        pause = max(wait, retry.pause(attempts, settings.push_retry, random.random))
        failing = job.failing or micros(now)
        stop = ""
        if job.subscription.kind == "webhook" and micros(now) - failing > settings.push_pause * 86_400_000_000:
            stop = f"Nothing arrived for {settings.push_pause} days: {error or status}"
        return Settled(
            job,
            (*done, *became),
            arrived=False,
            again=micros(now) + int(pause * 1_000_000),
            attempts=attempts,
            last=0 if dead else parcel.seqs[-1],
            pause=stop,
            end=ends,
        )

    async def _settle(self) -> None:
        """Write what became of jobs, together where they end together."""
        while True:
            batch = [await self.settled.get()]
            while len(batch) < SETTLED and not self.settled.empty():
                batch.append(self.settled.get_nowait())
            while True:
                try:
                    now = datetime.now(UTC)
                    await self._in(self.settling, store.settle, self.context.engine, self.who, batch, now)
                    break
                except Unavailable as error:
                    log.error("%s", error)
                    await asyncio.sleep(0.5)
                except Exception:
                    # Their claims end by themselves, and they are delivered again: nothing else may wait for that.
                    log.exception("deliveries could not be settled")
                    break
            for one in batch:
                if one.pause or one.end:
                    self._tell_of_end(one)
                self.settled.task_done()

    def _tell_of_end(self, settled: Settled) -> None:
        one = settled.job.subscription
        log.warning(
            "%s %s %s: %s", one.kind, one.name, "ended" if settled.end else "paused", settled.end or settled.pause
        )
        if settled.pause and one.contact and self.mailer.ready:
            notice = mail.paused(self.context, one, settled.pause)
            task = asyncio.create_task(self._notice(notice))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _notice(self, message: Any) -> None:
        try:
            await self.mailer.send(mail.dated(message, datetime.now(UTC)))
        except Refused as error:
            log.error("a notice could not be sent: %s", error)

    # What the hub was asked

    async def _ask(self, intent: Intent, turn: Turn) -> None:
        """Verify a request with the subscriber, or tell it of a denial."""
        fault = ""
        strange = intent.mode in hub.MODES
        calling = restraint.calling(intent.subscription)
        if strange and await self._waits(intent.subscription):
            # It was asked for before the others failed, and would only be one more.
            await self._settled(intent, False)
            return
        try:
            if intent.mode == "denied":
                async with turn.calling():
                    await self.client.send("GET", hub.denial(intent), {})
            elif intent.mode == "confirm":
                if not await self._confirmed(intent):
                    return  # It stays, and is tried again when the claim is over.
            else:
                challenge = hub.challenge()
                async with turn.calling():
                    answer = await self.client.send("GET", hub.verification(intent, challenge), {})
                fault = hub.echoed(answer, challenge)
        except TimeoutError:
            fault = CUT
        except Refused as error:
            fault = str(error)
        verified = not fault and intent.mode in hub.MODES
        told = f"{intent.mode} {intent.subscription.target[:200]} {intent.subscription.topic[:200]}"
        log.info("%s: %s", told, fault or ("verified" if verified else "told"))
        await self._settled(intent, verified)
        if strange:
            engine, now = self.context.engine, datetime.now(UTC)
            count = (
                partial(store.confirmed, engine, calling) if verified else partial(store.failed, engine, calling, now)
            )
            await self._until_it_works(count)

    async def _waits(self, one: Subscription) -> bool:
        try:
            return await self._in(self.claiming, hub.wait, self.context, one) > 0
        except Unavailable as error:
            log.error("%s", error)
            return False

    async def _settled(self, intent: Intent, verified: bool) -> None:
        await self._until_it_works(
            lambda: (store.settle_intent(self.context.engine, intent, verified, datetime.now(UTC)), None)[1]
        )

    async def _confirmed(self, intent: Intent) -> bool:
        """Send the mail that asks for a confirmation; whether it went, or never will."""
        message = await self._in(self.claiming, mail.confirmation, self.context, intent.subscription)
        try:
            await self.mailer.send(mail.dated(message, datetime.now(UTC)))
        except mail.Rejected as error:
            log.info("%s", error)
        except Refused as error:
            log.warning("%s", error)
            asked = datetime.now(UTC) - timedelta(hours=self.context.settings.push_hours)
            return intent.subscription.created < micros(asked)
        return True

    def _sweep(self) -> None:
        """End leases that are over, deny who lost its rights, and forget what is old. Raises Unavailable."""
        engine, now = self.context.engine, datetime.now(UTC)
        store.end_expired(engine, now)
        for one in store.embargoed_subscriptions(engine):
            try:
                self.packer.reader(one)
            except Refusal as refusal:
                log.info("%s %s ended: %s", one.kind, one.name, refusal)
                store.deny(engine, one, str(refusal), now)
        store.prune(engine, now)


def _untried(job: Job, done: Sequence[Done], again: int | None = None) -> Settled:
    """Nothing was sent: it stands as it stood."""
    return Settled(job, tuple(done), job.failing is None, again, job.attempts, job.last)


def signed_headers(settings: Settings, one: Subscription, parcel: Parcel) -> dict[str, str]:
    """What a delivery to a subscriber says besides its document, signed. Raises Misconfigured where another key sealed the secret."""
    if one.kind == "webhook":
        return webhook_headers(settings, one, parcel, int(time.time()))
    headers = {"Link": parcel.link}
    if one.secret:
        secret = vault.open(settings, one.secret)
        headers["X-Hub-Signature"] = hub_signature(settings.hub_signature, secret, parcel.body)
    return headers


def webhook_headers(settings: Settings, one: Subscription, parcel: Parcel, now: int) -> dict[str, str]:
    """Standard Webhooks: id, time and signatures; two while a secret is replaced by another. Raises Misconfigured where another key
    sealed the secret."""
    keys = [vault.open(settings, one.secret)]
    if one.secret_before and now * 1_000_000 < one.secret_until:
        with suppress(Misconfigured):  # The new one is there because the key of the one before is lost.
            keys.append(vault.open(settings, one.secret_before))
    signed = " ".join(webhook_signature(key, parcel.id, now, parcel.body) for key in keys)
    return {
        "webhook-id": parcel.id,
        "webhook-timestamp": str(now),
        "webhook-signature": signed,
        "Pressrelay-Event": parcel.event,
    }


def _said(answer: Answer) -> str:
    return "" if answer.status in OK else f"The callback answered {answer.status}."
