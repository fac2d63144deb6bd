"""Dates as foreign dialects write them: the instant, or the reason why there is none."""

from datetime import datetime, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.intake.draft import Given, Value
from app.intake.parsers.moments import Moment, embargo_at, first_of, moment
from app.text.zones import is_zone

UNTOLD = Given()
SEOUL, NEW_YORK = Given("Asia/Seoul"), Given("America/New_York")


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
        ("2014-11-26T15:27:03+0100", "2014-11-26T15:27:03+01:00", ""),
        ("20141126T152703+0100", "2014-11-26T15:27:03+01:00", ""),
        ("20141126T152703Z", "2014-11-26T15:27:03+00:00", ""),
        ("20141126152703+01", "2014-11-26T15:27:03+01:00", ""),
        ("2014-11-26t15:27:03,25z", "2014-11-26T15:27:03.250000+00:00", ""),
        ("2014-11-26T15:27:03.1234567899+01:00", "2014-11-26T15:27:03.123456+01:00", ""),
        ("2014-11-26T15:27:03\u221205:00", "2014-11-26T15:27:03-05:00", ""),
        ("2014-W48-3T15:27Z", "2014-11-26T15:27:00+00:00", ""),
        ("2014W483T1527Z", "2014-11-26T15:27:00+00:00", ""),
        ("2014-330T15:27Z", "2014-11-26T15:27:00+00:00", ""),
        ("2014330T15Z", "2014-11-26T15:00:00+00:00", ""),
        ("2014-11-26T24:00:00Z", "2014-11-27T00:00:00+00:00", ""),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00+00:00", ""),
        ("2014/11/26 15:27:03 UTC", "2014-11-26T15:27:03+00:00", ""),
        ("2021. 3. 9. 20:15 KST", "2021-03-09T20:15:00+09:00", ""),
    ],
)
def test_an_instant(text: str, iso: str, weekday: str) -> None:
    assert moment(text, UNTOLD) == moment(text, NEW_YORK) == Moment(iso, weekday)


@pytest.mark.parametrize(
    ("text", "iso", "said"),
    [
        ("20141126T152703", "2014-11-26T15:27:03+09:00", "has no time zone. It was read in Asia/Seoul."),
        ("2016-01-12 12:35:40", "2016-01-12T12:35:40+09:00", "has no time zone. It was read in Asia/Seoul."),
        ("20160112123540", "2016-01-12T12:35:40+09:00", "has no time zone"),
        ("Tue, 09 Mar 2021 20:15:00", "2021-03-09T20:15:00+09:00", "has no time zone. It was read in Asia/Seoul."),
        ("2021-03-09", "2021-03-09T00:00:00+09:00", "is a date without a time. Midnight in Asia/Seoul was used."),
        ("20210309", "2021-03-09T00:00:00+09:00", "is a date without a time."),
        ("2014-W48-3", "2014-11-26T00:00:00+09:00", "is a date without a time."),
        ("2014-330", "2014-11-26T00:00:00+09:00", "is a date without a time."),
        ("2021. 3. 9.", "2021-03-09T00:00:00+09:00", "is a date without a time."),
        ("9 March 2021", "2021-03-09T00:00:00+09:00", "is a date without a time."),
        ("2021-03-09Z", "2021-03-09T00:00:00+00:00", "is a date without a time. Midnight was used."),
        ("2021-03-09-05:00", "2021-03-09T00:00:00-05:00", "is a date without a time. Midnight was used."),
    ],
)
def test_what_is_left_out_is_filled_and_said(text: str, iso: str, said: str) -> None:
    found = moment(text, SEOUL)
    assert isinstance(found, Moment) and found.iso == iso and said in found.warnings[0]


def test_a_name_that_means_three_zones_means_that_of_the_office() -> None:
    found = moment("Tue, 09 Mar 2021 20:15:00 IST", Given("Asia/Kolkata"))
    assert isinstance(found, Moment) and found.iso == "2021-03-09T20:15:00+05:30" and "IST" in found.warnings[0]
    assert isinstance(moment("Tue, 09 Mar 2021 20:15:00 IST", SEOUL), str)


@pytest.mark.parametrize(
    ("text", "iso", "why"),
    [
        ("2026-03-08T02:30:00", "2026-03-08T03:30:00-04:00", "does not exist"),  # 01:59 EST, then 03:00 EDT
        ("2026-11-01T01:30:00", "2026-11-01T01:30:00-05:00", "happens twice"),
        ("2026-03-08T03:00:00", "2026-03-08T03:00:00-04:00", ""),
        ("2026-11-01T02:00:00", "2026-11-01T02:00:00-05:00", ""),
        ("2026-03-08", "2026-03-08T00:00:00-05:00", ""),
    ],
)
def test_when_clocks_change_the_later_instant_counts(text: str, iso: str, why: str) -> None:
    found = moment(text, NEW_YORK)
    assert isinstance(found, Moment) and found.iso == iso
    assert [why in warning for warning in found.warnings[1:]] == ([True] if why else [])
    until = embargo_at(Value(text, 1, "/a"), NEW_YORK)
    assert until.instant is not None and until.instant.text == iso


def test_a_midnight_that_clocks_skip_is_the_beginning_of_the_day() -> None:
    found = moment("2018-11-04", Given("America/Sao_Paulo"))
    assert isinstance(found, Moment) and found.iso == "2018-11-04T01:00:00-02:00"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Tue, 09 Mar 2021 20:15:00 IST", "'IST' is not known"),
        ("Tue, 09 Mar 2021 20:15:00 A", "'A' is not known"),
        ("Tue, 09 Mar 2021 20:15:00 +9900", "'+9900' is not known"),
        ("Tue, 09 Mär 2021 20:15:00 +0900", "expected a date such as"),
        ("Tue, 09 Mrz 2021 20:15:00 +0900", "'Mrz' is not a month"),
        ("Tue, 31 Feb 2021 20:15:00 +0900", "this date or time does not exist"),
        ("Tue, 09 Mar 2021 24:15:00 +0900", "this date or time does not exist"),
        ("Tue, 09 Mar 0000 20:15:00 +0900", "this date or time does not exist"),
        ("2021-02-31", "this date or time does not exist"),
        ("2021-366", "this date or time does not exist"),
        ("2021-W54-1", "this date or time does not exist"),
        ("2021-03-09T25:00:00Z", "this date or time does not exist"),
        ("2021-03-09T24:00:01Z", "this date or time does not exist"),
        ("0001-01-01T00:00:00+14:00", "out of range"),
        ("9999-12-31T24:00:00Z", "this date or time does not exist"),
        ("2021", "names no day"),
        ("2021-03", "names no day"),
        ("2021-W10", "names no day"),
        ("09/03/2021 20:15", "expected a date such as"),  # March or September
        ("2021년 3월 9일", "expected a date such as"),
        ("어제", "expected a date such as"),
        ("", "expected a date such as"),
        ("2021-03-09T10:00:00Z" + "x" * 100, "expected a date"),
        ("9" * 10_000, "expected a date"),
    ],
)
def test_no_instant(text: str, reason: str) -> None:
    found = moment(text, UNTOLD)
    assert isinstance(found, str) and reason in found, found


def test_an_embargo_is_never_guessed() -> None:
    def until(text: str, told: Given = UNTOLD) -> tuple[str, bool]:
        found = embargo_at(Value(text, 1, "/a"), told)
        assert bool(found.warnings) == (found.held and bool(text)) or found.instant
        return found.instant.text if found.instant else "", found.held

    assert until("2031-03-09T10:00:00+09:00") == ("2031-03-09T10:00:00+09:00", False)
    assert until("2031-03-09T10:00:00", SEOUL) == ("2031-03-09T10:00:00+09:00", False)
    assert until("2031-03-09", SEOUL) == ("2031-03-09T00:00:00+09:00", False)
    assert until("2031-03-09T10:00:00") == ("", True), (
        "nobody has told the zone, and ten o'clock in Seoul is not in London"
    )
    assert until("2031-03") == until("Monday") == until("") == ("", True)


def test_the_first_date_with_a_time_is_chosen() -> None:
    def chosen(*texts: str) -> tuple[str, int, int]:
        found = first_of([Value(text, 1, "/a") for text in texts], SEOUL, timed=True)
        return found.value.text if found.value else "", len(found.warnings), len(found.faults)

    assert chosen("", "2021-03-08", "2021-03-09T10:00:00Z") == ("2021-03-09T10:00:00+00:00", 0, 0)
    assert chosen("2021", "2021-03-08") == ("2021-03-08T00:00:00+09:00", 1, 0)
    assert chosen("soon", "2021-03-09T10:00:00Z") == ("2021-03-09T10:00:00+00:00", 1, 0)
    assert chosen("soon", "2021") == ("", 0, 2)
    assert chosen("", " ") == ("", 0, 0)


@pytest.mark.parametrize("name", ["Asia/Seoul", "UTC", "Etc/GMT+9", "America/Argentina/Buenos_Aires", "CET"])
def test_a_zone(name: str) -> None:
    assert is_zone(name)


@pytest.mark.parametrize(
    "name", ["", "Seoul", "asia/seoul", "KST", "+09:00", "../UTC", "/etc/localtime", "Asia", "A" * 900]
)
def test_no_zone(name: str) -> None:
    assert not is_zone(name)


@given(st.datetimes(datetime(1950, 1, 1), datetime(2200, 1, 1), timezones=st.timezones()))
def test_what_the_library_writes_is_read(written: datetime) -> None:
    written = written.replace(microsecond=0)
    offset = written.utcoffset()
    assert offset is not None
    if offset.total_seconds() % 60 == 0:
        for text in (format_datetime(written), written.isoformat()):
            found = moment(text, SEOUL)
            assert isinstance(found, Moment)
            assert datetime.fromisoformat(found.iso) == written.replace(tzinfo=timezone(offset))


@given(st.text())
def test_nothing_breaks_it(text: str) -> None:
    for start in ("", "Tue, 09 Mar 2021 20:15:00 ", "2021-03-09T10:00:00", "2021"):
        assert isinstance(moment(start + text, NEW_YORK), Moment | str)
