"""The version of an article whose feed counts none: the seconds from 1970 to the instant at which it was last changed.

So a later instant is a newer version. They fit until 2038-01-19T03:14:07Z, the largest version that the database holds; whoever
runs this then must widen that column, and until it is done a later instant is refused rather than taken for an old version.
"""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NEWEST = 2**31 - 1
RANGE = "a version is made of it, which can be from 1970 to 2038-01-19"


def version(moment: datetime) -> int | None:
    """The version of a zoned instant; None where it is out of range."""
    seconds = (moment - EPOCH) // timedelta(seconds=1)
    return seconds if 1 <= seconds <= NEWEST else None
