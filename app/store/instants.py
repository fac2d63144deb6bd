"""Instants as the tables hold them."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(instant: datetime) -> int:
    """Whole microseconds since 1970."""
    return (instant - EPOCH) // timedelta(microseconds=1)


def instant(micros: int) -> datetime:
    """The instant of so many microseconds since 1970, in UTC."""
    return EPOCH + timedelta(microseconds=micros)
