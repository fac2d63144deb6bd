"""Dates as feeds write them: the instant, or the reason why there is none."""

from datetime import datetime, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.intake.parsers.rfc822 import Instant, instant


@pytest.mark.parametrize(
    ("text", "iso", "weekday"),
    [
        ("Tue, 09 Mar 2021 20:15:00 +0900", "2021-03-09T20:15:00+09:00", "Tue"),
        ("Tue, 9 Mar 2021 20:15 KST", "2021-03-09T20:15:00+09:00", "Tue"),
        ("09 Mar 2021 11:15:00 GMT", "2021-03-09T11:15:00+00:00", ""),
        ("Tue, 09 Mar 21 11:15:00 UT", "2021-03-09T11:15:00+00:00", "Tue"),
        ("Sat, 09 Mar 96 11:15:00 Z", "1996-03-09T11:15:00+00:00", "Sat"),
        ("Tue, 09 Mar 2021 06:15:00 EST", "2021-03-09T06:15:00-05:00", "Tue"),
        ("Tue,09 Mar 2021 07:15:00 EDT", "2021-03-09T07:15:00-04:00", "Tue"),
        ("Tuesday, 09 March 2021 20:15:00 +09:00", "2021-03-09T20:15:00+09:00", "Tuesday"),
        ("Tue, 09-Mar-2021 20:15:00 GMT+9", "2021-03-09T20:15:00+09:00", "Tue"),
        ("Tue, 09 Mar 2021 20:15:00 +0900 (KST)", "2021-03-09T20:15:00+09:00", "Tue"),
        ("Tue, 09 Mar 2021 20:15:00 (KST)", "2021-03-09T20:15:00+09:00", "Tue"),
        ("  Tue, 09\n Mar 2021 20:15:00.5  +0900 ", "2021-03-09T20:15:00+09:00", "Tue"),
        ("Wed, 10 Mar 2021 00:15:00 NZDT", "2021-03-10T00:15:00+13:00", "Wed"),
        ("Tue, 09 Mar 2021 11:15:00 -0000", "2021-03-09T11:15:00+00:00", "Tue"),
        ("2021-03-09T20:15:00+09:00", "2021-03-09T20:15:00+09:00", ""),
        ("2021-03-09 20:15:00 +0900", "2021-03-09T20:15:00+09:00", ""),
        ("2021-03-09T11:15Z", "2021-03-09T11:15:00+00:00", ""),
    ],
)
def test_an_instant(text: str, iso: str, weekday: str) -> None:
    assert instant(text) == Instant(iso, weekday)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Tue, 09 Mar 2021 20:15:00", "no time zone"),
        ("2021-03-09 20:15:00", "no time zone"),
        ("2021-03-09", "no time zone"),
        ("Tue, 09 Mar 2021 20:15:00 IST", "'IST' is not known"),
        ("Tue, 09 Mar 2021 20:15:00 A", "'A' is not known"),
        ("Tue, 09 Mar 2021 20:15:00 +9900", "'+9900' is not known"),
        ("Tue, 09 Mär 2021 20:15:00 +0900", "expected is a date such as"),
        ("Tue, 09 Mrz 2021 20:15:00 +0900", "'Mrz' is no month"),
        ("Tue, 31 Feb 2021 20:15:00 +0900", "no such day"),
        ("Tue, 09 Mar 2021 24:15:00 +0900", "no such day"),
        ("Tue, 09 Mar 0000 20:15:00 +0900", "no such day"),
        ("09/03/2021 20:15", "expected is a date such as"),
        ("2021년 3월 9일", "expected is a date such as"),
        ("어제", "expected is a date such as"),
        ("", "expected is a date such as"),
    ],
)
def test_no_instant(text: str, reason: str) -> None:
    found = instant(text)
    assert isinstance(found, str) and reason in found, found


@given(st.datetimes(datetime(1950, 1, 1), datetime(2200, 1, 1), timezones=st.timezones()))
def test_what_the_library_writes_is_read(moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    offset = moment.utcoffset()
    assert offset is not None
    if offset.total_seconds() % 60 == 0:
        found = instant(format_datetime(moment))
        assert isinstance(found, Instant)
        assert datetime.fromisoformat(found.iso) == moment.replace(tzinfo=timezone(offset))


@given(st.text())
def test_nothing_breaks_it(text: str) -> None:
    assert isinstance(instant(text), Instant | str)
    assert isinstance(instant(f"Tue, 09 Mar 2021 20:15:00 {text}"), Instant | str)
