"""The hub's side of W3C WebSub (https://www.w3.org/TR/websub/): what is asked of it, and what it asks the subscriber.

Who subscribes is whoever answers at the callback: nothing begins, ends or changes before the callback has echoed the challenge.
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
from app.errors import Problem
from app.outbound.addresses import Refused
from app.outbound.callbacks import Answer, Policy, check
from app.settings import Settings
from app.store import Intent, Subscription
from app.syndication import embargoed

MODES = ("subscribe", "unsubscribe")
ONCE = ("hub.mode", "hub.callback", "hub.topic", "hub.lease_seconds", "hub.secret")
SECRET = 200  # bytes: shorter than this (section 5.1)
SHORTEST, LONGEST = 60, 30 * 86400  # seconds of a lease


def policy_of(settings: Settings) -> Policy:
    """Which callbacks may be called."""
    ports = tuple(_range(part) for part in settings.push_ports.split())
    return Policy(bool(settings.push_http), ports, tuple(settings.push_private.split()), settings.url)


def _range(text: str) -> tuple[int, int]:
    low, _, high = text.partition("-")
    return int(low), int(high or low)


def requested(context: Context, form: Iterable[tuple[str, str]], principal: Principal | None) -> Intent:
    """What a request asks for. Raises Problem, where it asks for nothing that can be: 400, 401, 403, 404.

    `principal`: whose token came with it, if one did. Parameters that are not known are ignored (section 5.1).
    """
    given = _given(form)
    mode = given.get("hub.mode", "")
    if mode == "publish":
        detail = "This hub tells of its own feeds only, and knows by itself when they change."
        raise Problem(400, "bad-mode", "Nothing to publish", detail)
    if mode not in MODES:
        raise Problem(400, "bad-mode", "Not a mode", f"hub.mode takes subscribe or unsubscribe, not {mode[:40]!r}.")
    callback = _callback(context, given.get("hub.callback", ""))
    topic = topic_of(context, _needed(given, "hub.topic"))
    secret = given.get("hub.secret", "")
    if len(secret.encode()) >= SECRET:
        detail = f"hub.secret takes less than {SECRET} bytes; it has {len(secret.encode())}."
        raise Problem(400, "bad-secret", "The secret is too long", detail)
    one = Subscription(
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
    return Intent(mode, one, topic.pairs, lease)


def denied(intent: Intent, principal: Principal | None) -> Problem | None:
    """Why who asks may not subscribe to that; None where it may."""
    if not intent.subscription.embargoed or intent.mode != "subscribe":
        return None
    if principal is None:
        detail = "What is under embargo is told to accredited tokens only: send Authorization: Bearer …"
        return Problem(401, "token-missing", "A token is needed", detail)
    if not embargoed.may(principal):
        return Problem(403, "insufficient-scope", "The token may not read under embargo")
    return None


def wait(context: Context, one: Subscription) -> int:
    """Seconds until this callback is asked whether it means it; 0: at once. Whoever names somebody else's callback can have it called
    a few times, less and less often; one that has a subscription waits for a moment only, so that nobody can keep it from renewing.
    Raises Unavailable."""
    most = context.settings.hub_failures
    if not most:
        return 0
    now = datetime.now(UTC)
    tally = store.tally(context.engine, restraint.calling(one), now)
    if not tally.mine and not tally.site_day:
        return 0
    known = store.same_subscription(context.engine, one.identity)
    if known is not None and known.state != store.ENDED:
        return min(restraint.KNOWN_WAITS, restraint.repeat_waits(tally, store.micros(now)))
    return restraint.call_waits(tally, store.count_subscriptions(context.engine, one.host), most, store.micros(now))


def _given(form: Iterable[tuple[str, str]]) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in form:
        if name in ONCE and given.setdefault(name, value) != value:
            raise Problem(400, "bad-parameter", "Bad parameter", f"{name} is given more than once.")
    return given


def _needed(given: dict[str, str], name: str) -> str:
    if not given.get(name):
        raise Problem(400, "bad-parameter", "A parameter is missing", f"{name} is needed.")
    return given[name]


def _callback(context: Context, url: str) -> str:
    if not url:
        raise Problem(400, "bad-parameter", "A parameter is missing", "hub.callback is needed.")
    return checked(context, url)


def checked(context: Context, url: str) -> str:
    """A URL that may be called. Raises Problem."""
    try:
        return check(url, policy_of(context.settings))
    except Refused as error:
        raise Problem(400, "bad-callback", "Not a URL that is called", error.told) from None


def host_of(url: str) -> str:
    """What the limits of a target go by."""
    parts = urlsplit(url)
    return f"{(parts.hostname or '').rstrip('.')}"[:255]


def _lease(text: str, default: int) -> int:
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise Problem(400, "bad-lease", "Not a lease", f"hub.lease_seconds takes whole seconds, not {text[:40]!r}.")
    return min(LONGEST, max(SHORTEST, int(text)))  # The hub decides; the verification tells (section 5.1).


# What the hub asks


def challenge() -> str:
    """What the subscriber is to echo, made for one verification."""
    return secrets.token_urlsafe(32)


def verification(intent: Intent, challenge: str) -> str:
    """The URL by which a subscriber is asked whether it means it (section 5.3.1)."""
    asked = {"hub.mode": intent.mode, "hub.topic": intent.subscription.topic, "hub.challenge": challenge}
    if intent.mode == "subscribe":
        asked["hub.lease_seconds"] = str(intent.lease)
    return with_query(intent.subscription.target, asked)


def denial(intent: Intent) -> str:
    """The URL by which a subscriber is told that it is told nothing, or nothing more (section 5.2)."""
    asked = {"hub.mode": "denied", "hub.topic": intent.subscription.topic, "hub.reason": intent.reason}
    return with_query(intent.subscription.target, asked)


def with_query(url: str, asked: dict[str, str]) -> str:
    """A URL with more parameters: its own stay as they are (section 5.1)."""
    own = "" if url.endswith(("?", "&")) else "&" if "?" in url else "?"
    return f"{url}{own}{urlencode(asked, quote_via=quote)}"


def echoed(answer: Answer, challenge: str) -> str:
    """Why the verification failed; empty: it did not (section 5.3.1)."""
    if not 200 <= answer.status < 300:
        return f"The callback answered {answer.status}."
    return "" if answer.body == challenge.encode() else "The callback did not echo the challenge."
