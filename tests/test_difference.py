"""How two versions differ: the result is correct, word for word, and stays within its budget, whatever is compared."""

import random
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from app.text import difference as module
from app.text.alignment import Budget, blocks
from app.text.difference import LONGEST, PIECES, Difference, Paragraph, difference
from feeds.article import Article, Term
from tests.articles import ENGLISH, EVERYTHING, NOON, SEED, SEED_TEXT, make, paragraphs


def version(*texts: str, **changes: object) -> Article:
    return make(1, *texts, **{"summary": "Lead.", **changes})


def told(found: Difference, field: str = "text") -> list[str]:
    """`-removed-`, `+added+`, and `=3` for what is skipped."""
    marks = {"same": "", "removed": "-", "added": "+"}
    (text,) = (one for one in found.texts if one.field == field)
    return [
        f"={one.count}"
        if one.op == "skipped"
        else "".join(f"{marks[piece.op]}{piece.text.strip()}{marks[piece.op]} " for piece in one.pieces).strip()
        for one in text.paragraphs
    ]


@pytest.mark.parametrize("article", [SEED, EVERYTHING, ENGLISH])
def test_the_same_differs_in_nothing(article: Article) -> None:
    again = replace(
        article, version=9, updated=NOON + timedelta(days=1), signal="correction", url="https://other.example/"
    )
    assert difference(article, again) == Difference((), ())


def test_korean_by_words() -> None:
    old = version("전북도는 9일 도청 회의실에서 6개 부서를 선정하고 시상했다.", "둘째 문단.")
    new = version("전북도는 10일 도청 대회의실에서 6개 부서를 선정하고 시상했다.", "둘째 문단.")
    line = "전북도는 -9일- +10일+ 도청 -회의실에서- +대회의실에서+ 6개 부서를 선정하고 시상했다."
    assert told(difference(old, new)) == [line, "둘째 문단."]


def test_scripts_that_part_no_words() -> None:
    assert told(difference(version("县政府今天发布了新的公告。"), version("县政府昨天发布了新的公告。"))) == [
        "县政府 -今- +昨+ 天发布了新的公告。"
    ]


def test_paragraphs_that_came_went_and_moved() -> None:
    old = version("One stays.", "Two goes away now.", "Three stays.", "Four stays.", "Five stays.", "Six stays.")
    new = version("One stays.", "Three stays.", "Four stays.", "Five stays.", "Six stays.", "Seven came here too.")
    assert told(difference(old, new)) == [
        "One stays.",
        "-Two goes away now.-",
        "Three stays.",
        "=2",
        "Six stays.",
        "+Seven came here too.+",
    ]


def test_paragraphs_are_matched_by_what_they_share() -> None:
    old = version("The mayor opened the bridge on Monday.", "Costs were met by the state.")
    new = version(
        "Wholly other words begin here.", "The mayor opened the new bridge on Monday.", "Nothing was left over."
    )
    assert told(difference(old, new)) == [
        "+Wholly other words begin here.+",
        "The mayor opened the +new+ bridge on Monday.",
        "-Costs were met by the state.-",
        "+Nothing was left over.+",
    ]


def test_the_real_release() -> None:
    new = (*SEED_TEXT[:4], SEED_TEXT[4].replace("높은 평가", "좋은 평가"), *SEED_TEXT[5:])
    found = difference(SEED, replace(SEED, body=paragraphs(*new), text="\n\n".join(new)))
    assert [text.field for text in found.texts] == ["text"]
    assert [(one.op, one.count) for one in found.texts[0].paragraphs] == [
        ("skipped", 3),
        ("same", 0),
        ("changed", 0),
        ("same", 0),
        ("skipped", 12),
    ]
    assert "-높은- +좋은+ 평가를" in told(found)[2]


def test_other_fields() -> None:
    new = replace(
        EVERYTHING,
        regions=(replace(EVERYTHING.regions[0], names={"ko": "새 이름"}), EVERYTHING.regions[1]),
        topics=EVERYTHING.topics[:1],
        keywords=(Term("keyword", "new"),),
        urgency=4,
        issued=NOON,
        subheadlines=("Second subheadline", "Third one"),
    )
    found = difference(EVERYTHING, new)
    assert [one.field for one in found.fields] == ["issued", "topics", "keywords", "urgency"], "a name is no content"
    assert [(one.old, one.new) for one in found.fields][-1] == (3, 4)
    assert told(found, "subheadlines") == ["-First subheadline-", "Second subheadline", "+Third one+"]


def test_links_and_markup_of_a_body_whose_words_stay() -> None:
    def fields(old: str, new: str) -> list[tuple[str, object, object]]:
        found = difference(replace(make(), body=old), replace(make(), body=new))
        assert found.texts == ()
        return [(one.field, one.old, one.new) for one in found.fields]

    assert fields(
        '<p><a href="https://a.example/?x&amp;y">Lead.</a></p>', '<p><a href="https://b.example/">Lead.</a></p>'
    ) == [("links", ("https://a.example/?x&y",), ("https://b.example/",))]
    assert fields("<p>Lead.</p>", "<p><b>Lead.</b></p>") == [("markup", "", "")]
    assert fields("<p>Lead.</p>", "<p>Lead.</p>") == []


WORDS = st.lists(st.sampled_from(["a", "b", "c", "가", "나", "漢", "x!"]), max_size=12).map(" ".join)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(WORDS, max_size=8),
    st.lists(WORDS, max_size=8),
    st.sampled_from([0, 20, 2_000_000]),
    st.sampled_from([0, 9, PIECES]),
)
def test_the_pieces_are_the_texts(old: list[str], new: list[str], steps: int, most: int) -> None:
    """Without the additions it is the old text, and without the removals the new one, whatever the budget."""
    left = module._Left(Budget(steps), most)
    sides = [[" ".join(line.split()) for line in text if line.strip()] for text in (old, new)]
    found = module._text(sides[0], sides[1], left)
    for op, side in (("added", sides[0]), ("removed", sides[1])):
        assert restored(found, op, side) == words(side)
    assert left.steps.left >= 0


def restored(found: Sequence[Paragraph], without: str, side: Sequence[str]) -> list[str]:
    at, said = 0, []
    for one in found:
        if one.op == "skipped":
            said += words(side[at : at + one.count])
            at += one.count
        else:
            text = " ".join(piece.text for piece in one.pieces if piece.op != without)
            said += words([text])
            at += 0 if one.op == without else max(1, text.count("\n") + 1)
    return said


def words(lines: Sequence[str]) -> list[str]:
    return [word for line in lines for part in line.split() for word in module.WORD.findall(part)]


class Counted(str):
    """A word that counts how often it is looked at."""

    looks = 0

    def __hash__(self) -> int:
        Counted.looks += 1
        return super().__hash__()

    def __eq__(self, other: object) -> bool:
        Counted.looks += 1
        return super().__eq__(other)


def long(kind: str) -> tuple[list[str], list[str]]:
    chance = random.Random(1)
    size = 20_000
    if kind == "two words in turn":
        return ["a", "b"] * (size // 2), [*["b", "a"] * (size // 2), "c"]
    if kind == "three hundred words":
        return [[str(chance.randrange(300)) for _ in range(size)] for _ in range(2)]  # type: ignore[return-value]
    old = [str(number) for number in range(size)]
    if kind == "shuffled":
        return old, chance.sample(old, size)
    if kind == "every second word":
        return old, [word if number % 2 else f"{word}!" for number, word in enumerate(old)]
    return ["x"] * size, ["x"] * (size - 1) + ["y"] * 2


@pytest.mark.parametrize(
    "kind", ["two words in turn", "three hundred words", "shuffled", "every second word", "one word"]
)
def test_the_work_is_bounded(kind: str) -> None:
    old, new = ([Counted(word) for word in side] for side in long(kind))
    budget = Budget(50_000)
    Counted.looks = 0
    found = blocks(old, new, budget)
    assert Counted.looks <= 20 * (len(old) + len(new)) + 2 * 50_000
    assert 0 <= budget.left <= 50_000
    for a, b, length in found:
        assert old[a : a + length] == new[b : b + length]


def test_what_is_told_is_bounded() -> None:
    old, new = (version(*(f"{side} {number}" for number in range(3 * PIECES))) for side in ("old", "new"))
    found = difference(old, new)
    assert [one.op for one in found.texts[0].paragraphs] == ["removed", "added"]
    many = version(" ".join(f"{number}" for number in range(3 * PIECES)))
    other = version(" ".join(f"{number}{'!' * (number % 2)}" for number in range(3 * PIECES)))
    assert len(other.text) < LONGEST
    (text,) = difference(many, other).texts
    assert sum(len(one.pieces) for one in text.paragraphs) <= PIECES


def test_of_a_very_long_text_it_is_told_only_that_it_changed() -> None:
    """Two texts of 9 MB used to take 3 s and 18 MB for every request."""
    old, new = (version("word " * (LONGEST // 4) + side) for side in ("old", "new"))
    found = difference(old, new)
    assert found.texts == () and [(one.field, one.old, one.new) for one in found.fields] == [("text", "", "")]
    assert difference(old, old).fields == ()
