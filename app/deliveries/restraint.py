"""How often strangers may have this server write to somebody, or call somebody. Pure.

Whoever types an address or a callback need not own it. So what nobody confirmed is limited by who asks, by who is asked and by the
domain that bears it, and the time to the next one grows; a confirmation ends that.
"""

from app.accounts.sites import mailbox, network, site
from app.store import Attempt, Subscription, Tally

# Seconds after the first, second, … mail to one mailbox, until the next; the last one goes on.
MAIL_WAITS = (600, 3600, 6 * 3600, 86_400)
KNOWN_FREE = 3  # mails without waiting to a mailbox that confirmed before: it may want several feeds
CLIENT_HOUR, CLIENT_DAY = 10, 30  # requests for mails from one network
SITE_HOUR, SITE_DAY = (
    20,
    60,
)  # mails to one domain that nobody confirmed; each confirmation of the last 30 days allows one more
CALL_WAITS = (0, 10, 60, 600, 3600)  # seconds after the first, second, … failed verification of one subscription
KNOWN_WAITS = 10  # seconds at most, for one that confirmed before
DAYS_WORTH = 3  # times the failures of an hour that a callback's domain may have in a day


def writing(address: str, client: str) -> Attempt:
    """A mail that asks this address, for a client at that IP address."""
    return Attempt("mail", mailbox(address), site(address.rpartition("@")[2]), network(client))


def calling(one: Subscription) -> Attempt:
    """A call that asks a callback whether it means what was asked for it."""
    return Attempt("hub", one.identity.hex(), site(one.host))


def client_waits(tally: Tally) -> int:
    """Seconds that the client waits before it may ask for another mail; 0: it may."""
    if tally.client_day >= CLIENT_DAY:
        return 86_400
    return 3600 if tally.client_hour >= CLIENT_HOUR else 0


def may_write(tally: Tally, now: int) -> bool:
    """Whether a mail goes to this mailbox and its domain now (micros since 1970)."""
    more = tally.site_good
    if tally.site_hour >= SITE_HOUR + more or tally.site_day >= SITE_DAY + more:
        return False
    sent = tally.mine - (KNOWN_FREE - 1 if tally.known else 0)
    if sent <= 0:
        return True
    wait = MAIL_WAITS[min(sent, len(MAIL_WAITS)) - 1]
    return now >= tally.last + wait * 1_000_000


def call_waits(tally: Tally, alive: int, most: int, now: int) -> int:
    """Seconds until this callback may be asked again whether it means it; 0: now. `alive`: subscriptions of its host, each of which
    allows one failure more; `most`: failures of its domain within an hour; `now`: micros since 1970."""
    if tally.site_day >= DAYS_WORTH * most + alive:
        return 6 * 3600
    if tally.site_hour >= most + alive:
        return 3600
    return repeat_waits(tally, now)


def repeat_waits(tally: Tally, now: int) -> int:
    """The same for what failed of this very subscription alone."""
    if not tally.mine:
        return 0
    wait = CALL_WAITS[min(tally.mine, len(CALL_WAITS)) - 1]
    return max(0, -((now - tally.last - wait * 1_000_000) // 1_000_000))
