"""The code tables: every way to name a region or topic, and the history of codes."""

import re
from datetime import date

import pytest

from app.desk import suggesting
from app.errors import Problem
from app.query.parsing import parse
from app.query.query import Query
from app.web.html import called
from schemas import UnknownCode, codes
from schemas.tables import folded, rows

BEFORE, AFTER = date(2021, 3, 9), date(2026, 8, 1)

REGIONS = [  # None: borne by several
    ("kr", None, "kr"),
    ("KR", None, "kr"),
    ("대한민국", None, "kr"),
    ("kr:52", None, "kr:52"),
    ("kr:45", None, "kr:45"),
    ("KR-45", None, "kr:52"),
    ("KR-45", BEFORE, "kr:45"),
    ("전라북도", None, "kr:52"),
    ("전라북도", BEFORE, "kr:45"),
    ("  전북 ", None, "kr:52"),
    ("전북", BEFORE, "kr:45"),
    ("jeonbuk", None, "kr:52"),
    # The digits of ISO 3166-2 are not those of the Korean code.
    ("KR-42", None, "kr:51"),
    ("KR-42", BEFORE, "kr:42"),
    ("kr:42", AFTER, "kr:42"),
    ("KR-50", None, "kr:36"),
    ("KR-49", None, "kr:50"),
    # Merged on 2026-07-01; the successor has no ISO code.
    ("광주", BEFORE, "kr:29"),
    ("광주", AFTER, "kr:12"),
    ("KR-46", None, "kr:46"),
    # A city that is its own province.
    ("세종", None, "kr:36"),
    ("서울특별시 중구", None, "kr:11140"),
    ("완산구", BEFORE, "kr:45111"),
    ("us:CA", None, "us:CA"),
    ("US-CA", None, "us:CA"),
    ("California", None, "us:CA"),
    ("미국", None, "us"),
    ("FRA", None, "fr"),
    ("kr:45", AFTER, "kr:45"),  # an exact id is that very code on any day
    ("KR-29", None, "kr:29"),
    ("서울 중구", None, "kr:11140"),
    ("광주", None, "kr:12"),
    ("고성군", date(2020, 1, 1), None),
    ("광주시", None, None),
    ("Georgia", None, None),
]
TOPICS = [
    ("medtop:20000498", "medtop:20000498"),
    ("20000498", "medtop:20000498"),
    ("http://cv.iptc.org/newscodes/mediatopic/20000498", "medtop:20000498"),
    ("subj:08006000", "medtop:20000498"),
    ("Award and Prize", "medtop:20000498"),
    ("정치·정부", "medtop:11000000"),
    ("brm11", "brm11"),
    ("일반공공행정", "brm11"),
    ("교육", "medtop:05000000"),  # also the name of brm03
    ("복지", "medtop:20000817"),  # also a keyword of brm09
    ("예산", "medtop:20000607"),
    ("정부예산", "medtop:20000607"),
    ("안전", "brm01"),  # a keyword
    # One in force and one retired share these.
    ("subj:16009000", "medtop:20000062"),
    ("subj:04005004", "medtop:20001243"),
    ("Renewable energy", "medtop:20000257"),
    ("medtop:20000436", "medtop:20000436"),
]


@pytest.mark.parametrize(("text", "on", "expected"), REGIONS)
def test_regions(text: str, on: date | None, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(UnknownCode) as raised:
            codes("region").resolve(text, on)
        assert len(raised.value.candidates) > 1
    else:
        assert codes("region").resolve(text, on).code == expected


@pytest.mark.parametrize(("text", "expected"), TOPICS)
def test_topics(text: str, expected: str) -> None:
    assert codes("topic").resolve(text).code == expected


@pytest.mark.parametrize(
    "text", ["", "전북이", "화성에서", "중구", "고성군", "kr:99", "x" * 10_000, "한" * 10_000, f"전북{' ' * 500}소식"]
)
def test_what_is_not_one_known_region(text: str) -> None:
    with pytest.raises(UnknownCode):
        codes("region").resolve(text)


def test_the_office_decides_between_bearers_of_a_name() -> None:
    assert codes("region").resolve("중구", None, ("kr:26",)).code == "kr:26110"
    with pytest.raises(UnknownCode) as raised:
        codes("region").resolve("중구")
    assert {code.code for code in raised.value.candidates} >= {"kr:11140", "kr:26110"}


@pytest.mark.parametrize(
    ("text", "within", "expected"),
    [
        ("광주시", ("kr:41",), "kr:41610"),
        ("고성군", ("kr:48",), "kr:48820"),
        ("동구", ("kr:26110",), "kr:26170"),  # the neighbour district of the office's
        ("동구", ("kr:52",), None),
        ("Georgia", ("us:CA",), "us:GA"),
    ],
)
def test_the_nearest_ancestor_decides(text: str, within: tuple[str, ...], expected: str | None) -> None:
    if expected is None:
        with pytest.raises(UnknownCode):
            codes("region").resolve(text, None, within)
    else:
        assert codes("region").resolve(text, None, within).code == expected


AMBIGUOUS = {  # the facts that came with regions-kr.csv
    "광주시": "12 41610",
    "세종특별자치시": "36 36110",
    "세종": "36 36110",
    "세종시": "36 36110",
    "Sejong-si": "36 36110",
    "중구": "11140 26110 27110 30140 31110",
    "강서구": "11500 26440",
    "Gangseo gu": "11500 26440",
    "동구": "12210 26170 27140 30110 31170",
    "서구": "12240 26140 27170 30170",
    "남구": "12270 26290 27200 31140 47111",
    "북구": "12300 26320 27230 31200 47113",
    "고성군": "48820 51820",
    "Goseong gun": "48820 51820",
}


@pytest.mark.parametrize(("text", "bearers"), AMBIGUOUS.items())
def test_a_name_of_several(text: str, bearers: str) -> None:
    expected = {f"kr:{code}" for code in bearers.split()}
    if "kr:36" in expected:  # the province is the city's ancestor
        assert codes("region").resolve(text).code == "kr:36"
        return
    with pytest.raises(UnknownCode) as raised:
        codes("region").resolve(text)
    assert {code.code for code in raised.value.candidates} == expected
    assert all(hint.split()[0] in expected for hint in raised.value.nearest)


@pytest.mark.parametrize(
    ("scheme", "text", "nearest"),
    [("region", "전라복도", "kr:52"), ("region", "Jeonbok", "kr:52"), ("topic", "award and price", "medtop:20000498")],
)
def test_a_wrong_name_has_nearest_ones(scheme: str, text: str, nearest: str) -> None:
    table = codes("region" if scheme == "region" else "topic")
    assert table.nearest(text)[0].split()[0] == nearest


def test_lineage() -> None:
    regions = codes("region")
    assert set(regions.lineage("kr:45111")) == {"kr:45111", "kr:45110", "kr:45", "kr", "kr:52111", "kr:52110", "kr:52"}
    assert set(regions.lineage("us:CA")) == {"us:CA", "us"}
    assert "medtop:11000000" in codes("topic").lineage("brm11")


@pytest.mark.parametrize("scheme", ["region", "topic"])
def test_every_code_is_whole(scheme: str) -> None:
    """Parents and successors exist, every name leads to a code or to several, and each code to itself."""
    table = codes("region" if scheme == "region" else "topic")
    for code in table:
        assert code.names, code
        for other in (code.parent, *code.successors, *code.maps_to):
            assert not other or table.get(other), (code.code, other)
        assert table.resolve(code.code) is code
        for name in (*code.names.values(), *code.aliases):
            if not name:
                continue
            try:
                table.resolve(name)
            except UnknownCode as error:
                assert error.candidates, (code.code, name)


@pytest.mark.parametrize(
    ("asked", "canonical"),
    [
        ([], ""),
        ([("region", "전북"), ("topic", "award and prize")], "region=kr%3A52&topic=medtop%3A20000498"),
        (
            [("topic", "subj:08006000"), ("region", "KR-45"), ("region", "kr:52")],
            "region=kr%3A52&topic=medtop%3A20000498",
        ),
        ([("lang", "KO"), ("limit", "50"), ("office", "Jeonbuk")], "office=jeonbuk&lang=ko"),
        ([("limit", "7")], "limit=7"),
        ([("region", "")], ""),
    ],
)
def test_one_question_has_one_spelling(asked: list[tuple[str, str]], canonical: str) -> None:
    query = parse(asked, ["jeonbuk"])
    assert query.canonical() == canonical


def test_a_query_has_bounds() -> None:
    with pytest.raises(Problem):
        parse([("region", code) for code in ("kr:11", "kr:26", "kr:27", "kr:28", "kr:30")] * 5, [])
    assert Query().scans() == (("*", "*"),)


MEDIA_TOPICS = [code for code in codes("topic") if code.scheme == "medtop"]


def test_the_first_two_levels_of_topics_have_korean_names() -> None:
    assert not [code.code for code in MEDIA_TOPICS if code.level in ("1", "2") and "ko" not in code.names]
    assert len([code for code in MEDIA_TOPICS if code.level > "2" and "ko" in code.names]) > 300


def test_korean_names_of_topics_are_korean_and_of_one_topic_each() -> None:
    """A name, or another spelling of it, leads to this topic, even if a policy field has that name or keyword too."""
    proposed = {row["qcode"]: row for row in rows("mediatopics-ko.csv")}
    found: dict[str, str] = {}
    for code in MEDIA_TOPICS:
        if "ko" not in code.names:
            continue
        name = code.names["ko"]
        assert proposed[code.code]["name_en"] == code.names["en"]
        assert re.fullmatch(r"[가-힣0-9·()A-Z, ]+", name) and re.match(r"[가-힣]", name), name
        others = [one for one in proposed[code.code]["aliases_ko"].split("|") if one]
        for one in dict.fromkeys((name, name.replace(" ", ""), *others)):
            assert folded(one) not in found, (one, code.code, found[folded(one)])
            found[folded(one)] = code.code
            assert codes("topic").resolve(one) is code, one


def test_a_field_with_a_keyword_that_a_topic_has_for_a_name_is_in_the_topics_feed() -> None:
    """So `topic=복지` finds the articles of the topic and those of the policy field."""
    topics = {folded(code.names["ko"]): code.code for code in MEDIA_TOPICS if "ko" in code.names}
    shared = [
        (code, topics[folded(name)])
        for code in codes("topic")
        if code.scheme == "brm"
        for name in (code.names["ko"], *code.aliases)
        if folded(name) in topics
    ]
    assert len(shared) > 5
    assert not [(code.code, topic) for code, topic in shared if topic not in codes("topic").lineage(code.code)]


def test_a_name_is_in_the_readers_language_where_there_is_one() -> None:
    assert called("medtop:20000607", "ko") == "정부 예산"
    assert called("medtop:20000607", "en") == "government budget"
    assert called("medtop:20000675", "ko") == '<span lang="en">Freemasonry</span>'
    assert called("us:CA", "ko") == '<span lang="en">California</span>'
    assert called("nothing", "ko") == "nothing"
    assert suggesting.search("topic", "예산", "ko")[0] == suggesting.Hint("medtop:20000607", "정부 예산", "정부")
    assert suggesting.search("topic", "zoroastrianism", "ko")[0].lang == "en"
    assert all(hint.lang == "" for hint in suggesting.under("topic", "medtop:11000000", "ko"))
    assert [hint.name for hint in suggesting.suggested("topic", "산불 진화", "산불이 났다", "ko")] == ["산불"]
