"""Embargo wordings: every row of tests/embargo.csv; an exclamation mark: with a warning."""

import csv
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from app.embargo import Embargo, Hours, read

ROWS = list(csv.DictReader((Path(__file__).parent / "embargo.csv").read_text("utf-8").splitlines()))


def said(embargo: Embargo) -> str:
    mark = " !" if embargo.warnings else ""
    if embargo.held:
        return f"held{mark}"
    if embargo.until is None:
        return f"at once{mark}"
    assert embargo.until.isoformat().endswith("+09:00")
    return f"{embargo.until:%Y-%m-%dT%H:%M}{mark}"


def noon(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(9), ZoneInfo("Asia/Seoul"))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["wording"])
def test_wording(row: dict[str, str]) -> None:
    assert said(read(row["wording"], noon(row["day"]))) == row["expected"]


def test_the_hours_of_editions_are_a_setting() -> None:
    hours = Hours(time(5, 30), time(11))
    assert said(read("조간", noon("2021-03-09"), hours)) == "2021-03-10T05:30 !"
    assert said(read("석간", noon("2021-03-09"), hours)) == "2021-03-09T11:00"
