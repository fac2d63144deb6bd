"""Embargo wordings: every row of tests/embargo.csv. "held ?": held because it is not understood; a weekday at the end is wrong."""

import csv
from datetime import date, time
from pathlib import Path

import pytest

from app.embargo import Embargo, Hours, read

ROWS = list(csv.DictReader((Path(__file__).parent / "embargo.csv").read_text("utf-8").splitlines()))


def said(embargo: Embargo) -> str:
    if embargo.held:
        return "held" if embargo.understood else "held ?"
    if embargo.until is None:
        return "at once"
    assert embargo.until.isoformat().endswith("+09:00")
    return f"{embargo.until:%Y-%m-%dT%H:%M} {embargo.weekday_wrong}".strip()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["wording"])
def test_wording(row: dict[str, str]) -> None:
    assert said(read(row["wording"], date.fromisoformat(row["day"]))) == row["expected"]


def test_the_hours_of_editions_are_a_setting() -> None:
    hours = Hours(time(5, 30), time(11))
    assert said(read("조간", date(2021, 3, 9), hours)) == "2021-03-10T05:30"
    assert said(read("석간", date(2021, 3, 9), hours)) == "2021-03-09T11:00"
