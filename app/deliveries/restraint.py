"""Limits how often strangers can make this server send mail to somebody, or call somebody. Pure.

Somebody who enters an address or a callback may not own it. So unconfirmed mails and calls are limited for each client, for each
address or subscription, and for each domain. The pause grows with each unconfirmed mail or call; a confirmation resets it.
"""

from app import store
from app.accounts.sites import mailbox, network, site

# Seconds between the first and second mail to one mailbox, the second and third, and so on; the last value repeats.
MAIL_WAITS = (600, 3600, 6 * 3600, 86_400)
# Mails without a pause to a mailbox that confirmed before, because its owner may want several feeds; invitations to any mailbox.
KNOWN_FREE = 3
CLIENT_HOUR, CLIENT_DAY = 10, 30  # requests for mails from one network
INVITER_HOUR, INVITER_DAY = 60, 200  # invitations by mail of one person
# Unconfirmed mails to one domain; each confirmation in the last 30 days allows one more.
SITE_HOUR, SITE_DAY = 20, 60
CALL_WAITS = (0, 10, 60, 600, 3600)  # seconds after the first, second, … failed verification of one subscription
KNOWN_WAITS = 10  # the longest pause in seconds for a subscription that was confirmed before
DAYS_WORTH = 3  # a callback's domain may have this many times the failures of an hour in a day


def writing(address: str, client: str) -> store.deliveries.Attempt:
    """The attempt to send a confirmation mail to an address, for a client at an IP address."""
    return store.deliveries.Attempt("mail", mailbox(address), site(address.rpartition("@")[2]), network(client))


def calling(subscription: store.deliveries.Subscription) -> store.deliveries.Attempt:
    """The attempt to have a callback verify a subscription."""
    return store.deliveries.Attempt("hub", subscription.identity.hex(), site(subscription.host))


def client_waits(tally: store.deliveries.Tally) -> int:
    """Seconds until a client may ask for another mail; 0: now."""
    if tally.client_day >= CLIENT_DAY:
        return 86_400
    return 3600 if tally.client_hour >= CLIENT_HOUR else 0


def may_write(tally: store.deliveries.Tally, now: int) -> bool:
    """Whether a mail may be sent to a mailbox now (microseconds since 1970)."""
    more = tally.site_good
    if tally.site_hour >= SITE_HOUR + more or tally.site_day >= SITE_DAY + more:
        return False
    sent = tally.sent - (KNOWN_FREE - 1 if tally.known else 0)
    if sent <= 0:
        return True
    wait = MAIL_WAITS[min(sent, len(MAIL_WAITS)) - 1]
    return now >= tally.last + wait * 1_000_000


def invitation(address: str, maker: str) -> store.deliveries.Attempt:
    """The attempt to invite an address, by a person."""
    return store.deliveries.Attempt("invite", mailbox(address), site(address.rpartition("@")[2]), maker)


def may_send_invitation(tally: store.deliveries.Tally, now: int) -> bool:
    """Whether an invitation may be sent to a mailbox now (microseconds since 1970). Its domain does not count: a whole office may be
    invited in a day."""
    if tally.client_hour >= INVITER_HOUR or tally.client_day >= INVITER_DAY:
        return False
    sent = tally.sent - (KNOWN_FREE - 1)
    return sent <= 0 or now >= tally.last + MAIL_WAITS[min(sent, len(MAIL_WAITS)) - 1] * 1_000_000


def call_waits(tally: store.deliveries.Tally, alive: int, most: int, now: int) -> int:
    """Seconds until a callback may be asked again to verify a subscription; 0: now. `alive`: subscriptions of its host, each of which
    allows one more failure; `most`: allowed failures of its domain within an hour; `now`: microseconds since 1970."""
    if tally.site_day >= DAYS_WORTH * most + alive:
        return 6 * 3600
    if tally.site_hour >= most + alive:
        return 3600
    return repeat_waits(tally, now)


def repeat_waits(tally: store.deliveries.Tally, now: int) -> int:
    """The same, counting only the failures of this subscription."""
    if not tally.sent:
        return 0
    wait = CALL_WAITS[min(tally.sent, len(CALL_WAITS)) - 1]
    return max(0, -((now - tally.last - wait * 1_000_000) // 1_000_000))
