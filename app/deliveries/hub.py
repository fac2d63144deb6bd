"""The hub's side of W3C WebSub (https://www.w3.org/TR/websub/): requests to the hub, and its requests to subscribers.

The subscriber is whoever answers at the callback: no subscription begins, changes or ends before the callback has echoed the
challenge.
"""

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import quote, urlencode, urlsplit

from app import store
from app.accounts.rights import Principal
from app.context import Context
from app.deliveries import restraint, vault
from app.deliveries.topics import topic_of
from app.errors import Problem, Refused
from app.outbound.callbacks import Answer, Policy, check

MODES = ("subscribe", "unsubscribe")
ONCE = ("hub.mode", "hub.callback", "hub.topic", "hub.lease_seconds", "hub.secret")
SECRET = 200  # bytes; a secret must be shorter (section 5.1)
SHORTEST, LONGEST = 60, 30 * 86400  # seconds of a lease


def policy_of(context: Context) -> Policy:
    """Which callbacks may be called."""
    settings = context.settings
    ports = tuple(_range(part) for part in settings.push_ports.split())
    return Policy(bool(settings.push_http), ports, tuple(settings.push_private.split()), settings.url)


def _range(text: str) -> tuple[int, int]:
    low, _, high = text.partition("-")
    return int(low), int(high or low)


def requested(
    context: Context, form: Iterable[tuple[str, str]], principal: Principal | None
) -> store.deliveries.Intent:
    """The intent of a request. Raises Problem (400, 401, 403, 404).

    `principal`: the holder of the request's token, if there is one. Unknown parameters are ignored (section 5.1).
    """
    given = _given(form)
    mode = given.get("hub.mode", "")
    if mode == "publish":
        detail = "This hub serves only its own feeds and knows when they change. Do not send hub.mode=publish."
        raise Problem(400, "bad-mode", "Nothing to publish", detail)
    if mode not in MODES:
        raise Problem(400, "bad-mode", "Not a mode", f"hub.mode is {mode[:40]!r}; expected subscribe or unsubscribe.")
    callback = _callback(context, given.get("hub.callback", ""))
    topic = topic_of(context, _needed(given, "hub.topic"))
    secret = given.get("hub.secret", "")
    if len(secret.encode()) >= SECRET:
        detail = f"hub.secret has {len(secret.encode())} bytes; it must have less than {SECRET}."
        raise Problem(400, "bad-secret", "The secret is too long", detail)
    subscription = store.deliveries.Subscription(
        kind="websub",
        target=callback,
        topic=topic.url,
        query=topic.query.canonical(),
        format=topic.format,
        host=host_of(callback),
        saved=topic.saved,
        embargoed=topic.embargoed,
        secret=vault.seal(context.settings, secret),
        token=principal.actor.removeprefix("token ") if principal else "",
        outlet=principal.outlet.code if principal and principal.outlet else "",
        lang=context.settings.language,
    )
    lease = _lease(given.get("hub.lease_seconds", ""), context.settings.hub_lease) if mode == "subscribe" else 0
    return store.deliveries.Intent(mode, subscription, topic.pairs, lease)


def denied(intent: store.deliveries.Intent, principal: Principal | None) -> Problem | None:
    """The problem if a principal may not subscribe to the topic of an intent; None if it may."""
    if not intent.subscription.embargoed or intent.mode != "subscribe":
        return None
    if principal is None:
        detail = "Embargoed articles are only for accredited tokens. Send Authorization: Bearer with such a token."
        return Problem(401, "token-missing", "A token is needed", detail)
    if not principal.reads_embargoed():
        return Problem(403, "insufficient-scope", "The token may not read embargoed articles")
    return None


def wait(context: Context, subscription: store.deliveries.Subscription) -> int:
    """Seconds until the callback is asked to verify a subscription; 0: at once. Somebody who gives the callback of another can cause
    only a few calls, with growing pauses. A callback that has a subscription waits only a short time, so that nobody can keep it from
    renewing. Raises Unavailable."""
    most = context.settings.hub_failures
    if not most:
        return 0
    now = datetime.now(UTC)
    tally = store.deliveries.tally(context.engine, restraint.calling(subscription), now)
    if not tally.sent and not tally.site_day:
        return 0
    known = store.deliveries.same_subscription(context.engine, subscription.identity)
    if known is not None and known.state != store.deliveries.ENDED:
        return min(restraint.KNOWN_WAITS, restraint.repeat_waits(tally, store.micros(now)))
    return restraint.call_waits(
        tally, store.deliveries.count_subscriptions(context.engine, subscription.host), most, store.micros(now)
    )


def _given(form: Iterable[tuple[str, str]]) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in form:
        if name in ONCE and given.setdefault(name, value) != value:
            raise Problem(400, "bad-parameter", "Bad parameter", f"{name} is given more than once.")
    return given


def _needed(given: dict[str, str], name: str) -> str:
    if not given.get(name):
        raise Problem(400, "bad-parameter", "A parameter is missing", f"{name} is required.")
    return given[name]


def _callback(context: Context, url: str) -> str:
    if not url:
        raise Problem(400, "bad-parameter", "A parameter is missing", "hub.callback is required.")
    return checked(context, url)


def checked(context: Context, url: str) -> str:
    """The URL, if it may be called. Raises Problem."""
    try:
        return check(url, policy_of(context))
    except Refused as error:
        raise Problem(400, "bad-callback", "The URL cannot be called", error.public_message) from None


def host_of(url: str) -> str:
    """The host of a target, for which limits are counted."""
    parts = urlsplit(url)
    return f"{(parts.hostname or '').rstrip('.')}"[:255]


def _lease(text: str, default: int) -> int:
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise Problem(
            400, "bad-lease", "Not a lease", f"hub.lease_seconds is {text[:40]!r}; expected a whole number of seconds."
        )
    return min(
        LONGEST, max(SHORTEST, int(text))
    )  # The hub decides, and gives the lease in the verification (section 5.1).


# Requests of the hub to subscribers


def challenge() -> str:
    """A random text for one verification, which the subscriber must echo."""
    return secrets.token_urlsafe(32)


def verification(intent: store.deliveries.Intent, challenge: str) -> str:
    """The URL that asks a subscriber to confirm an intent (section 5.3.1)."""
    parameters = {"hub.mode": intent.mode, "hub.topic": intent.subscription.topic, "hub.challenge": challenge}
    if intent.mode == "subscribe":
        parameters["hub.lease_seconds"] = str(intent.lease)
    return with_query(intent.subscription.target, parameters)


def denial(intent: store.deliveries.Intent) -> str:
    """The URL that tells a subscriber that its subscription is refused or has ended (section 5.2)."""
    parameters = {"hub.mode": "denied", "hub.topic": intent.subscription.topic, "hub.reason": intent.reason}
    return with_query(intent.subscription.target, parameters)


def with_query(url: str, parameters: dict[str, str]) -> str:
    """A URL with added parameters; its own parameters stay unchanged (section 5.1)."""
    own = "" if url.endswith(("?", "&")) else "&" if "?" in url else "?"
    return f"{url}{own}{urlencode(parameters, quote_via=quote)}"


def echoed(answer: Answer, challenge: str) -> str:
    """Why a verification failed; empty if it succeeded (section 5.3.1)."""
    if not 200 <= answer.status < 300:
        return f"The callback answered with the status {answer.status}."
    return "" if answer.body == challenge.encode() else "The callback did not echo the challenge."
