"""Texts that are expensive to normalise or to split into words."""

import sys
import time
from datetime import datetime
from unicodedata import combining, normalize

import pytest

from app.intake.parsers.rss import AUTHOR
from app.text.embargo_wording import find, read
from app.text.fulltext import marked, search_terms, tokens
from schemas.text import COMPOSED, FIRST, JOINER, LAST, MOST_MARKS, nfc, nfkc

ISSUED = datetime.fromisoformat("2021-03-09T20:15:00+09:00")
MARKS = "\u0301\u0316"  # of two classes, so that they must be sorted


def test_every_mark_of_unicode_is_known() -> None:
    """In the Unicode version of this Python: every character that begins with a mark when it is decomposed."""
    every = (chr(number) for number in range(sys.maxunicode + 1) if not 0xD800 <= number < 0xE000)
    for char in every:
        if combining(normalize("NFKD", char)[0]):
            assert FIRST <= ord(char) < LAST, hex(ord(char))
            assert combining(char) or char in COMPOSED, hex(ord(char))


@pytest.mark.parametrize("text", ["도정", "ᄃ\u1169", "e\u0301", "ế" * 40, "ﾊﾟ", "a" + MARKS * 15, "ascii"])
def test_what_people_write_is_normalised_as_unicode_says(text: str) -> None:
    assert (nfc(text), nfkc(text)) == (normalize("NFC", text), normalize("NFKC", text))


def test_a_long_run_of_marks_is_parted() -> None:
    once = nfc("x" + "\u0316" * 61)
    assert once == "x" + ("\u0316" * MOST_MARKS + JOINER) * 2 + "\u0316"
    assert nfc(once) == once


DEAR = {
    "marks": "a" + MARKS * 700_000,
    "half-width marks": "a" + "\uff9e\u0316" * 1_000_000,
    "marks on many letters": ("a" + MARKS * 15) * 100_000,
    "a character of eighteen": "\ufdfa" * 800_000,
    "brackets": "(" * 1_000_000,
    "spaces": " " * 1_000_000,
    "exclamation marks": "!" * 1_000_000,
    "the word itself": "보도" * 1_000_000,
    "handed out": "배포 [" * 500_000,
    "quotation marks": '"a' * 1_000_000,
}


@pytest.mark.parametrize("name", DEAR)
@pytest.mark.parametrize(
    "reads",
    [nfc, tokens, search_terms, lambda text: read(text, ISSUED), lambda text: find(f"보도시점 {text}"),
     lambda text: find(f"보도시점\n{text}"), lambda text: marked("도정 상황 " * 200, text)],
)  # fmt: skip
def test_no_text_is_dear(name: str, reads: object) -> None:
    start = time.thread_time()
    assert callable(reads)
    reads(DEAR[name])
    assert time.thread_time() - start < 1


def test_the_instant_of_handing_out_is_cut_off() -> None:
    assert find("보도시점 : 2021. 3. 10.(수) 조간 / (배포일시 : 2021. 3. 9.)") == "2021. 3. 10.(수) 조간"
    assert find("보도시점: 배포 즉시") == "배포 즉시"
    assert read("※※ [보도시점] 즉시", ISSUED).at_once


@pytest.mark.parametrize(
    ("author", "name"),
    [("lawyer@boyer.net (Lawyer Boyer)", "Lawyer Boyer"), ("a@b.kr(홍길동)", "홍길동"), ("a@b.kr", ""), ("@((", ""), ("@(" * 9, "")],
)  # fmt: skip
def test_who_an_author_is(author: str, name: str) -> None:
    found = AUTHOR.fullmatch(author)
    assert (found[1] if found else "") == name
