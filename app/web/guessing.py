"""Limits on guessing passwords: for each account from one network, for each account, and for each network.

The limits for an account say nothing of whether it exists. Attempts from a network that used the account before do not count for
the account as a whole. So a stranger's guesses do not keep anybody out of their own office.
"""

import hashlib
from datetime import UTC, datetime

from app import store
from app.accounts.sites import mailbox
from app.context import Context
from app.errors import Problem

FREE = 5  # wrong passwords of an account from one network that cause no pause
WAITS = (30, 60, 300, 900)  # seconds after the next ones; the last value repeats
ACCOUNT_HOUR, ACCOUNT_DAY = 60, 200  # wrong passwords of one account from networks that it was not used from
CLIENT_HOUR, CLIENT_DAY = 300, 1000  # sign-ins from one network, right or wrong
KIND = "signin"


def tried(context: Context, email: str, client: str) -> store.deliveries.Attempt:
    """Count an attempt to sign in from a network, before the password is looked at. Raises Problem (429) if there were too many."""
    box = mailbox(email) if "@" in email else email[:200].lower()
    account = hashlib.sha256(box.encode()).hexdigest()[:32]  # what somebody typed may be a password
    attempt = store.deliveries.Attempt(KIND, f"{account} {client}", account, client)
    now = datetime.now(UTC)

    def judge(tally: store.deliveries.Tally) -> str:
        wait = waits(tally, store.micros(now))
        if wait:
            raise too_many(wait)
        return store.deliveries.OPEN

    store.deliveries.attempt(context.engine, attempt, judge, now)
    return attempt


def right(context: Context, attempt: store.deliveries.Attempt) -> None:
    """The password was right: the wrong ones before it do not count any more."""
    store.deliveries.confirmed(context.engine, attempt)


def waits(tally: store.deliveries.Tally, now: int) -> int:
    """Seconds until the next attempt is allowed; 0: now. `now`: microseconds since 1970. Pure."""
    if tally.client_day >= CLIENT_DAY or (not tally.known and tally.site_day >= ACCOUNT_DAY):
        return 6 * 3600
    if tally.client_hour >= CLIENT_HOUR or (not tally.known and tally.site_hour >= ACCOUNT_HOUR):
        return 3600
    if tally.sent < FREE:
        return 0
    wait = WAITS[min(tally.sent - FREE, len(WAITS) - 1)]
    return max(0, -((now - tally.last - wait * 1_000_000) // 1_000_000))


def too_many(wait: int) -> Problem:
    """The answer to too many attempts."""
    detail = f"Try again in {wait} seconds." if wait < 120 else f"Try again in {-(-wait // 60)} minutes."
    return Problem(429, "too-many-attempts", "Too many attempts to sign in", detail, headers={"Retry-After": str(wait)})
