"""The self-test of a callback: calls it as a delivery does, and says step by step what prevents deliveries.

The steps are: the address, DNS, TCP, TLS (app/outbound/diagnosis.py), the answer, and the time that it took. A webhook gets the event
"test" twice, the second time with a wrong signature, which a good receiver refuses. A WebSub callback is asked to echo a challenge.
"""

import asyncio
import secrets
import time
from collections.abc import Coroutine
from datetime import UTC, date, datetime, timedelta
from typing import Any

from msgspec import Struct

from app import store
from app.context import Context
from app.deliveries import hub
from app.deliveries.post import OK
from app.deliveries.webhooks import signed, trial_parcel
from app.errors import Misconfigured, Refused
from app.outbound.callbacks import TOTAL, Answer, check
from app.outbound.diagnosis import Probe

LONGEST = 25.0  # seconds of a whole self-test
SLOW = 3.0  # seconds from which an answer counts as slow: a delivery may take TOTAL
SOON = timedelta(days=14)  # a certificate that ends sooner than this is reported
REFUSED = (400, 401, 403)  # how receivers answer a signature that they do not accept
GOOD, FAULTY, DOUBTFUL, UNKNOWN = "success", "danger", "warning", "plain"


class Finding(Struct, frozen=True):
    """What one step of a self-test found. `key`: of its sentence, after "selftest-"; `values`: what the sentence names."""

    step: str
    key: str
    tone: str = GOOD
    values: dict[str, str] = {}
    millis: int = 0


def examine(context: Context, subscription: store.deliveries.Subscription) -> list[Finding]:
    """Call the callback of a webhook or of a WebSub subscription, at once, and return what was found. Raises Unavailable."""
    policy = hub.policy_of(context)
    try:
        check(subscription.target, policy)
    except Refused as error:
        return [Finding("address", "address", FAULTY, {"why": error.public_message})]
    if subscription.kind == "websub":
        return asyncio.run(_bounded(_challenged(context, subscription)))
    parcel = trial_parcel(context, subscription)
    document = parcel.content
    try:
        signatures = signed(context, subscription, parcel, int(time.time()))
    except Misconfigured:
        return [Finding("signature", "secret", FAULTY)]
    headers = {"Content-Type": document.content_type, **document.headers, **signatures}
    return asyncio.run(_bounded(_posted(context, subscription.target, headers, document.body)))


async def _bounded(found: Coroutine[Any, Any, list[Finding]]) -> list[Finding]:
    try:
        async with asyncio.timeout(LONGEST):
            return await found
    except TimeoutError:
        return [Finding("time", "time-out", FAULTY, {"seconds": f"{LONGEST:g}"})]


async def _posted(context: Context, url: str, headers: dict[str, str], body: bytes) -> list[Finding]:
    probe = _probe(context)
    try:
        answer, found = await _asked(probe, "POST", url, headers, body)
        if answer is None:
            return found
        wrong = headers | {"webhook-signature": f"v1,{'A' * 43}=", "webhook-id": f"msg_test_{secrets.token_hex(8)}"}
        try:
            second: Answer | None = await probe.send("POST", url, wrong, body)
        except Refused:
            second = None
        return [*found, *_answered(answer), *_signature(answer, second), _time(answer)]
    finally:
        await probe.close()


async def _challenged(context: Context, subscription: store.deliveries.Subscription) -> list[Finding]:
    probe, challenge = _probe(context), hub.challenge()
    left = (subscription.expires or 0) - store.micros(datetime.now(UTC))
    intent = store.deliveries.Intent("subscribe", subscription, lease=max(hub.SHORTEST, left // 1_000_000))
    try:
        answer, found = await _asked(probe, "GET", hub.verification(intent, challenge), {}, b"")
        if answer is None:
            return found
        if answer.status not in OK:
            kept = Finding("challenge", "challenge-refused", DOUBTFUL, {"status": str(answer.status)})
            return [*found, kept if answer.status == 404 else _answered(answer)[0], _time(answer)]
        right = not hub.echoed(answer, challenge)
        echo = Finding("challenge", "challenge" if right else "challenge-wrong", GOOD if right else FAULTY)
        return [*found, *_answered(answer), echo, _time(answer)]
    finally:
        await probe.close()


def _probe(context: Context) -> Probe:
    return Probe(hub.policy_of(context), describes=bool(context.settings.push_describe))


async def _asked(
    probe: Probe, method: str, url: str, headers: dict[str, str], body: bytes
) -> tuple[Answer | None, list[Finding]]:
    """(the answer, what the steps to it found)."""
    begun = time.monotonic()
    try:
        answer: Answer | None = await probe.send(method, url, headers, body)
    except Refused:
        answer = None
    found = [_step(step.name, step.code, step.about, step.millis) for step in probe.steps]
    if answer is None and not any(step.code for step in probe.steps):
        late = time.monotonic() - begun >= TOTAL - 0.5
        values = {"seconds": f"{TOTAL:g}"}
        found.append(Finding("answer", "answer-late" if late else "answer-none", FAULTY, values))
    return answer, found


def _step(name: str, code: str, about: str, millis: int) -> Finding:
    if not code:
        old = name == "tls" and bool(about) and date.fromisoformat(about) - datetime.now(UTC).date() < SOON
        key = "tls-soon" if old else name
        return Finding(name, key, DOUBTFUL if old else GOOD, {"about": about}, millis)
    return Finding(name, f"{name}-{code}", FAULTY, {"about": about}, millis)


def _answered(answer: Answer) -> list[Finding]:
    """What the status of an answer says. Pure."""
    values = {"status": str(answer.status)}
    if answer.status in OK:
        return [Finding("answer", "answer", values=values)]
    if 300 <= answer.status < 400:
        where = "".join(c for c in answer.headers.get("location", "")[:300] if c.isprintable())
        return [Finding("answer", "answer-moved", FAULTY, values | {"where": where or "—"})]
    known = {401: "denied", 403: "denied", 404: "missing", 405: "method", 410: "gone", 413: "large", 429: "busy"}
    key = known.get(answer.status, "error" if answer.status >= 500 else "other")
    return [Finding("answer", f"answer-{key}", FAULTY, values)]


def _signature(answer: Answer, second: Answer | None) -> list[Finding]:
    """What the answers to a right and to a wrong signature say, if they say anything. Pure."""
    if answer.status in OK and second is not None and second.status in OK:
        return [Finding("signature", "signature-ignored", DOUBTFUL)]
    if answer.status in OK and second is not None and second.status in REFUSED:
        return [Finding("signature", "signature", values={"status": str(second.status)})]
    if answer.status in REFUSED and second is not None and second.status == answer.status:
        return [Finding("signature", "signature-refused", DOUBTFUL, {"status": str(answer.status)})]
    return [Finding("signature", "signature-unknown", UNKNOWN)]


def _time(answer: Answer) -> Finding:
    slow = answer.seconds >= SLOW
    values = {"seconds": f"{answer.seconds:.1f}", "most": f"{TOTAL:g}"}
    return Finding("time", "time-slow" if slow else "time", DOUBTFUL if slow else GOOD, values)
