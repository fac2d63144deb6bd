"""The attempts to deliver that failed: one row for each, however many changes it should have delivered. An attempt that succeeds is in
the row of the delivery itself, so a subscriber who answers costs nothing here."""

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from app.store.tables import failed_attempts

MOST = 500  # that are read of one subscription: in a day of retries, an attempt is made some twenty times
AT_ONCE = 1000


class FailedAttempt(Struct, frozen=True):
    """An attempt that failed. It was to deliver the changes with the numbers from `first` to `last`."""

    at: int  # when it was over; micros since 1970
    first: int
    last: int
    number: int  # 1 for the first attempt
    status: int  # of the answer; 0: there was none
    error: str
    millis: int  # how long it took; 0: there was no answer


def note_failures(connection: Connection, failures: Sequence[tuple[int, FailedAttempt]]) -> None:
    """Write (subscription, attempt) down."""
    if not failures:
        return
    build = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    rows = [{"subscription": id, **{name: getattr(of, name) for name in _NAMES}} for id, of in failures]
    connection.execute(build(failed_attempts).on_conflict_do_nothing(), rows)


def failures_since(connection: Connection, subscription: int, at: int) -> list[FailedAttempt]:
    """The newest failed attempts of a subscription since `at` (micros), oldest first."""
    mine = failed_attempts.c.subscription == subscription, failed_attempts.c.at >= at
    columns = [failed_attempts.c[name] for name in _NAMES]
    statement = select(*columns).where(*mine).order_by(failed_attempts.c.at.desc()).limit(MOST)
    return [FailedAttempt(*row) for row in connection.execute(statement)][::-1]


def old_failures(connection: Connection, before: int) -> list[tuple[int, int]]:
    """(subscription, at) of some attempts before an instant (micros)."""
    keys = failed_attempts.c.subscription, failed_attempts.c.at
    statement = select(*keys).where(failed_attempts.c.at < before).limit(AT_ONCE)
    return [(id, at) for id, at in connection.execute(statement)]


def forget_failures(connection: Connection, old: Sequence[tuple[int, int]], subscriptions: Sequence[int]) -> None:
    """Delete these attempts, and all of these subscriptions."""
    for id, at in old:
        mine = failed_attempts.c.subscription == id, failed_attempts.c.at == at
        connection.execute(delete(failed_attempts).where(*mine))
    if subscriptions:
        connection.execute(delete(failed_attempts).where(failed_attempts.c.subscription.in_(subscriptions)))


_NAMES = FailedAttempt.__struct_fields__
