"""The sentences of intake about a draft are Korean on a Korean page: all that the form can cause, and the reasons of
tests/rejects."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from app.accounts.offices import OfficeRecord, Sender
from app.desk import writing
from app.desk.content import DraftText, from_fields
from app.desk.sentences import LONGEST, PATTERNS, korean, said
from app.errors import Problem
from app.intake import releases
from app.settings import Settings
from schemas import codes
from tests.pace import seconds_of, within

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
ZONE = "Asia/Seoul"
OFFICE = OfficeRecord("jeonbuk", "전북특별자치도", "", ("kr:52",))
GOOD = {"headline": "제목", "body": "글", "language": "ko", "kind": "press-release", "embargo": "now"}
# Each form has a different fault.
WRONG: list[dict[str, str]] = [
    {"headline": ""},
    {"headline": "가" * 1001},
    {"headline": "제\x07목"},
    {"body": ""},
    {"body": "<script>x</script>"},
    {"body": "<p>a<iframe src='https://a.example/'></iframe><iframe></iframe><object></object></p>"},
    {"body": "<p onclick='x'>a<a href='/relative'>b</a><a href='javascript:x'>c</a><a href='http://[x'>d</a></p>"},
    {"body": "<p>" + "<a href='x:y'>a</a>" * 40 + "</p>"},
    {"body": "<div>" * 120 + "x"},
    {"body": "<b>" * 90 + "<p>a</p>" * 4000},
    {"body": "<p " + " ".join(f"a{n}=1" for n in range(70)) + ">x</p>"},
    {"body": "<p>x</p>" * 100_001},
    {"body": "<p>" + "<a href='http://a.example'>x</a>" * 30_001 + "</p>"},
    {"language": "deutsch!"},
    {"language": "x"},
    {"kind": "poem"},
    {"urgency": "12"},
    {"issued": "gestern"},
    {"issued": "0001-01-01T00:00"},
    {"issued": "2030-01-01T00:00"},
    {"embargo": "at", "embargo-at": ""},
    {"embargo": "at", "embargo-at": "morgen"},
    {"embargo": "at", "embargo-at": "2020-01-01T00:00"},
    {"embargo": "edition", "embargo-day": "", "embargo-edition": "morning"},
    {"embargo": "edition", "embargo-day": "2020-01-01", "embargo-edition": "morning"},
    {"embargo": "words", "embargo-words": ""},
    {"embargo": "words", "embargo-words": "국무회의 의결 후"},
    {"embargo": "words", "embargo-words": "2026. 12. 1.(월) 09:00"},
    {"embargo": "words", "embargo-words": "2026. 2. 30. 09:00"},
    {"embargo": "words", "embargo-words": "2026. 12. 1. 29:00"},
    {"embargo": "words", "embargo-words": "1999. 12. 1. 09:00"},
    {"embargo": "words", "embargo-words": "2026. 12. 1."},
    {"embargo": "words", "embargo-words": "오후 3시"},
    {"embargo": "words", "embargo-words": "2026. 12. 1. 09:00 / 2026. 12. 2. 09:00"},
    {"embargo": "words", "embargo-words": "2020. 12. 1. 09:00"},
    {"region": "전라북동"},
    {"region": "it's"},
    {"region": "중구", "office": "x"},
    {"region": "\n".join(code.code for code in list(codes("region"))[:120])},
    {"topic": "없는 분야"},
    {"topic": "medtop:20000001\nmedtop:20000305"},
    {"keyword": ",".join(f"k{n}" for n in range(300))},
    {"contact-name": "", "contact-email": "no address"},
    {"contact-name": "a", "contact-email": "a@b c"},
    {"contact-phone": "\x01"},
    {"related-headline": "a", "related-url": "javascript:x"},
    {"related-headline": "a", "related-url": "no url"},
    {"related-headline": "a", "related-url": "http://a.example/" + "x" * 9000},
    {"related-headline": "a", "related-url": "http://a.example/", "related-translation": "ko"},
    {"related-headline": "a", "related-url": "http://a.example/", "related-translation": "!!"},
    {"related-headline": "a"},
    {"file-url": "ftp://a.example/x", "file-type": "application/pdf"},
    {"file-url": "http://a.example/x", "file-type": "no type"},
    {"file-url": "http://a.example/x", "file-role": "poster"},
    {"file-url": "http://a.example/x", "file-length": "many"},
    {"file-url": "http://a.example/x", "file-licence": "no address"},
    {"file-url": "http://a.example/x", "file-language": "!!"},
    {"file-name": "never.pdf"},
    {"licence": "no address"},
]  # fmt: skip


def sentences(content: DraftText) -> Iterator[str]:
    """Everything that intake and the form itself say about a draft."""
    yield from (sentence for _, sentence, _ in writing.timing(content, ZONE, NOW, Settings().hours))
    cleaned = writing.cleaned(content["body"])
    yield from (*cleaned.faults, *cleaned.warnings)
    rules = releases.Rules(Settings(), Sender(OFFICE, (), "desk"))
    body = writing.to_release(content, "urn:uuid:0b1f4f5e-6b3a-4f0e-9d57-0d5c5f6f9a11", 1, ZONE, NOW)
    try:
        prepared = releases.prepare(rules, body, writing.CONTENT_TYPE, lambda _: [])
    except Problem as problem:
        yield from (fault.reason for fault in problem.errors)
        return
    for receipt in prepared.refused.values():
        yield from (error["reason"] for error in (receipt.problem or {}).get("errors", ()))
    for item in prepared.items:
        yield from item.warnings


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: ", ".join(f"{k}={v[:16]!r}" for k, v in wrong.items()))
def test_everything_that_a_form_can_make_intake_say_is_korean(wrong: dict[str, str]) -> None:
    told = list(sentences(from_fields([*(GOOD | wrong).items()])))
    assert [sentence for sentence in told if not korean(sentence)] == []


def reasons(found: Any) -> Iterator[str]:
    if isinstance(found, dict):
        yield from ([found["reason"]] if isinstance(found.get("reason"), str) else [])
        for value in found.values():
            yield from reasons(value)
    elif isinstance(found, list):
        for value in found:
            yield from reasons(value)


# Reasons that no draft can cause: it is always our own XML, in UTF-8, with a guid and without unknown elements.
NEVER = {
    *(
        "doctype",
        "charset",
        "namespace",
        "encoding",
        "root",
        "xml",
        "utf",
        "article",
        "guid",
        "euc",
        "gzip",
        "xxe",
        "laughs",
    ),
    *("entity", "first"),
}


def test_the_reasons_of_refused_releases_of_our_dialect() -> None:
    """Read each document of tests/rejects that could come from the form: its reasons are in Korean."""
    root, seen = Path(__file__).parent / "rejects", 0
    rules = releases.Rules(Settings(), Sender(OFFICE, (), "desk"))
    for path in sorted(root.glob("*.xml")):
        if NEVER & set(path.stem.split("-")) or not list(reasons(json.loads(path.with_suffix(".json").read_text()))):
            continue
        try:
            prepared = releases.prepare(rules, path.read_bytes(), writing.CONTENT_TYPE, lambda _: [])
        except Problem as problem:
            told = [fault.reason for fault in problem.errors]
        else:
            refused = [receipt.problem or {} for receipt in prepared.refused.values()]
            told = [error["reason"] for problem in refused for error in problem.get("errors", ())]
        seen += len(told)
        assert [reason for reason in told if writing_can_say(reason) and not korean(reason)] == [], path.name
    assert seen > 5


def writing_can_say(reason: str) -> bool:
    """Whether the form can cause it: it cannot send bad characters in the document itself."""
    return "U+" not in reason and "not well-formed" not in reason


def test_what_is_not_known_stays_english_and_is_marked() -> None:
    assert said("Something new happened.", "ko") == ("Something new happened.", "en")
    assert said("The headline is empty.", "ko") == ("제목을 적어 주세요.", "ko")
    assert said("The headline is empty.", "en") == ("The headline is empty.", "en")


def test_particles_follow_the_last_sound() -> None:
    assert korean("<note> is empty or too short; expected at least one character.").startswith("알림을")
    assert korean("<region> is empty or too short; expected at least one character.").startswith("지역을")
    assert korean("<role> is empty or too short; expected at least one character.").startswith("구분을")
    assert korean("<name> is empty or too short; expected at least one character.").startswith("이름을")
    assert korean("<subheadline> is empty or too short; expected at least one character.").startswith("부제를")


def test_no_reason_can_be_made_dear() -> None:
    """The reasons quote the person's own words. So each pattern is tried with many repetitions of its own parts."""
    texts = [
        atom * (LONGEST // len(atom)) for pattern, _ in PATTERNS for atom in re.findall(r"[\w<>' ]{1,40}", pattern)
    ]
    assert len(texts) > 100
    assert within(0.02 * len(texts) / 10, partial(seconds_of, lambda: [korean(text) for text in texts]))
    assert korean("x" * (LONGEST + 1)) == ""
