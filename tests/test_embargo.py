"""The wording of an embargo: every row of embargo.csv, and that no wording is taken for earlier than it says."""

import csv
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Misconfigured
from app.settings import load
from app.text.embargo_wording import LONGEST, Hours, find, read

ROWS = list(csv.DictReader((Path(__file__).parent / "embargo.csv").read_text("utf-8").splitlines()))
ISSUED = datetime.fromisoformat("2021-03-09T10:00+09:00")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['wording']} on {row['issued']}")
def test_wording(row: dict[str, str]) -> None:
    embargo = read(row["wording"], datetime.fromisoformat(row["issued"]))
    found = (
        "at once" if embargo.at_once else "held" if embargo.until is None else embargo.until.isoformat("T", "minutes")
    )
    assert found == row["expected"]
    assert embargo.held == (row["expected"] == "held")
    if row["warning"]:
        assert len(embargo.warnings) == 1 and row["warning"] in embargo.warnings[0]
    else:
        assert embargo.warnings == ()


def test_the_editions_come_at_the_hours_that_are_set() -> None:
    hours = Hours(time(5, 30), time(13, 0))
    assert read("3. 10.(수) 조간", ISSUED, hours).until == datetime.fromisoformat("2021-03-10T05:30+09:00")
    assert read("3. 9.(화) 석간", ISSUED, hours).until == datetime.fromisoformat("2021-03-09T13:00+09:00")


def test_the_hours_are_settings() -> None:
    settings = load({"PRESSRELAY_EDITION_MORNING": "05:30"})
    assert settings.hours == Hours(time(5, 30), time(12, 0))
    for wrong in ("6", "24:00", "06:60", "6:00", "morning"):
        with pytest.raises(Misconfigured, match="PRESSRELAY_EDITION_EVENING must be a time HH:MM"):
            load({"PRESSRELAY_EDITION_EVENING": wrong})


@given(st.text(alphabet="0123456789. :'()/-년월일시분반화수조석간온라인배포즉시이후오전후낮정자", max_size=40))
def test_any_text_has_one_meaning(wording: str) -> None:
    embargo = read(wording, ISSUED)
    assert [embargo.at_once, embargo.held, embargo.until is not None].count(True) == 1


@given(st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)), st.timedeltas(timedelta(-60), timedelta(60)))
def test_a_written_instant_is_read_back(moment: datetime, ahead: timedelta) -> None:
    moment = moment.replace(second=0, microsecond=0, tzinfo=UTC)
    day = "월화수목금토일"[moment.weekday()]
    for wording in (
        f"{moment.year}. {moment.month}. {moment.day}.({day}) {moment:%H:%M}",
        f"{moment.year}년 {moment.month}월 {moment.day}일({day}) {moment.hour}시 {moment.minute}분",
        f"{moment.month}. {moment.day}.({day}) {moment:%H:%M}",
    ):
        embargo = read(wording, moment + ahead)
        assert (embargo.until, embargo.warnings) == (moment, ())


def test_a_long_text_is_not_a_time() -> None:
    assert read("즉시 " * LONGEST, ISSUED).held
    assert read("1" * 10_000_000, ISSUED).held


@pytest.mark.parametrize(
    ("text", "wording"),
    [
        (
            "보도자료\n\n보도시점 2021. 3. 9.(화) 14:00 배포 2021. 3. 9.(화) 09:00\n\n제목",
            "2021. 3. 9.(화) 14:00 배포 2021. 3. 9.(화) 09:00",
        ),
        ("보도시점 : 배포 즉시\n제목", "배포 즉시"),
        ("□ 보 도 시 점 : ’21. 3. 9.(화) 석간 / 배포일시: '21. 3. 8.(월)", "’21. 3. 9.(화) 석간"),
        ("【보도시점】\n\n3. 9.(화) 조간\n\n배포\n\n3. 8.(월)", "3. 9.(화) 조간"),
        ("보도일시 2021. 3. 9.(화) 14:00", "2021. 3. 9.(화) 14:00"),
        ("이 자료는 보도시점 이후에 쓰십시오.", ""),
        ("가\n" * 12 + "보도시점 즉시", ""),
        ("보도시점", "보도시점"),
        ("보도시점 배포일시 2031. 3. 9. 10:00 이후", "배포일시 2031. 3. 9. 10:00 이후"),
        ("보도자료 보도시점 2031. 3. 9. 10:00", "2031. 3. 9. 10:00"),
        ("보도시점 2021. 3. 9. 10:00\n보도시점 2031. 3. 9. 10:00", "2021. 3. 9. 10:00 / 2031. 3. 9. 10:00"),
        ("", ""),
        ("보도시점 " + "가" * 10_000_000, ""),
    ],
)
def test_the_head_of_a_body(text: str, wording: str) -> None:
    assert find(text) == wording
