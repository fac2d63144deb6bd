"""HTML of word processors: what is read, whatever its tags look like."""

import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.text.html import GROWTH, SLACK, TooComplex, active, clean, plain


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p><span>행정</span><span>안전</span>부</p>", "행정안전부"),
        ('<P><SPAN STYLE="x">행정</SPAN><FONT>안전</FONT><o:p>부</o:p></P>', "행정안전부"),
        ("<p>행정<!-- x -->안전<wbr>부</p>", "행정안전부"),
        ("<center>▲ 온실</center>도는", "▲ 온실\n\n도는"),
        ("<section><p>가</p></section><article>나</article>다", "가\n\n나\n\n다"),
        ("<html><head><title>무제</title><style>p{}</style></head><body><p>가</p></body></html>", "가"),
        ("<HTML><HEAD><TITLE>무제</TITLE></HEAD><BODY><P>가&nbsp;나<BR>다</BODY></HTML>", "가 나\n다"),
    ],
)
def test_words(source: str, text: str) -> None:
    body = clean(source, "")
    assert (body.text, body.faults) == (text, ())
    assert clean(body.xhtml, "") == body


@pytest.mark.parametrize(
    "source", ['<A HREF="javascript:x">가</A>', '<a Href="javascript:x">가</a>', '<P><IMG SRC="/a"/></P>']
)
def test_links_in_capitals_are_looked_at(source: str) -> None:
    assert len(clean(source, "").faults) == 1


def _nested(around: str, within: str, *, tags: int, paragraphs: int) -> str:
    """Formatting elements in each other, all different, with paragraphs where they close the one that is open."""
    names = ("b", "i", "em", "strong", "code", "s", "u")
    opened = [(names[at % 7], f'<{names[at % 7]} title="{at}">') for at in range(tags)]
    inner = within * paragraphs
    return around.format("".join(tag for _, tag in opened) + inner + "".join(f"</{name}>" for name, _ in opened[::-1]))


DEAR = {
    "formatting repeated in each paragraph": _nested("<p>{}</p>", "<p>x</p>", tags=240, paragraphs=4_000),
    "few of them, many paragraphs": _nested("<p>{}</p>", "<p>x</p>", tags=60, paragraphs=100_000 // 2),
    "unclosed": "<p>" + "".join(f"<b title={at}>" for at in range(90)) + "<p>x" * 90_000,
    "in tables": _nested("<table><tr><td>{}</td></tr></table>", "<table><tr><td>x</table>", tags=80, paragraphs=20_000),
    "in a list": "<ul>" + "<li><b title=x><i><a href='https://a.example/'><div>x" * 20_000,
    "deep": "<div>" * 90_000 + "x",
    "deep and well-formed": "<div>" * 200 + "x" + "</div>" * 200,
    "deep in disorder": "<b><p><i></b><div></p></i>" * 30_000,
    "one element, many attributes": "<p " + " ".join(f"a{at}=''" for at in range(500_000)) + ">x</p>",
    "attributes without space": "<p " + "/".join(f"a{at}" for at in range(500_000)) + ">x</p>",
    "many elements with attributes": "<p a=''>x</p>" * 99_000,
    "more elements": "<p>x</p>" * 1_000_000,
    "signs that are written longer": "&" * 8_000_000,
    "brackets": ">" * 8_000_000,
    "opened, never closed": "<p <p a='" * 90_000,
    "ampersands in a long text": "&amp;xxxxxxxxxxxx" * 400_000,
    "no-break spaces": "\u00a0x" * 2_000_000,
    "ampersands in many texts": ("<p>" + "&amp;" * 20_000 + "</p>") * 75,
    "open comments": "<!--" * 90_000,
    "references": "&#38;" * 1_600_000,
    "long links": "<a href='/x y'>z</a>" * 30_000,
    "anchors in anchors": "<a href='https://a.example/'>x<p>" * 45_000,
}


@pytest.mark.parametrize("name", DEAR)
def test_no_fragment_costs_more_than_a_second(name: str) -> None:
    """Its text may be refused; nothing hangs, and nothing grows to many times its length."""
    source = DEAR[name]
    base = "https://example.org/" + "d/" * 200
    start = time.thread_time()
    body = clean(source, base)
    assert time.thread_time() - start < 1.5
    assert len(body.xhtml) <= GROWTH * len(source) + SLACK
    assert body.faults or body.text or source.startswith("<!--")
    start = time.thread_time()
    active(source)
    with suppress(TooComplex):
        plain(source)
    assert time.thread_time() - start < 2


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("<div>" * 101 + "x" + "</div>" * 101, "elements are nested more than 100 deep"),
        ("<div>" * 300 + "x" + "</div>" * 300, "elements are nested more than 100 deep"),
        (DEAR["formatting repeated in each paragraph"], "elements are nested more than 100 deep"),
        (DEAR["few of them, many paragraphs"], "too many elements stand in <b>"),
        (DEAR["one element, many attributes"], "an element has more than 64 attributes."),
        (DEAR["more elements"], "there are 1000000 tags; at most 100000 are taken"),
        (DEAR["ampersands in many texts"], "the texts between two tags are too long"),
        (DEAR["brackets"], "the HTML becomes 32000000 characters long when it is cleaned; at most"),
    ],
)
def test_a_fragment_that_is_too_complex_has_one_fault(source: str, reason: str) -> None:
    body = clean(source, "")
    assert (body.text, body.xhtml, len(body.faults)) == ("", "", 1)
    assert body.faults[0].startswith(reason)


def test_a_body_of_a_hundred_levels_is_whole() -> None:
    body = clean("<div>" * 100 + "x" + "</div>" * 100, "")
    assert (body.text, body.faults) == ("x", ())


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(
        ["<b>", "<i title=1>", "<a href=https://a.example/>", "<p>", "<div>", "<table>", "<tr>", "<td>", "<li>", "<ul>", "<h2>", "<q>",
         "<pre>", "<caption>", "<dd>", "<svg>", "<button>", "<select>", "<template>", "<noscript>", "<font color=1>", "<nobr>", "x",
         "</b>", "</i>", "</p>", "</a>",
         "</div>", "</table>", "</td>", "</ul>"]), min_size=3, max_size=14),
    st.integers(0, 6),
    st.integers(0, 13),
)  # fmt: skip
def test_what_is_misnested_costs_no_more(parts: list[str], times: int, at: int) -> None:
    """Any few tags, and one of them numbered and repeated, thousands of times."""
    head, tail = "".join(parts[:at]), "".join(parts[at:])
    opened = "".join(f"<b title={number}>" for number in range(12 * times))
    source = opened + head + (tail + "x") * (20_000 // len(parts))
    start = time.thread_time()
    body = clean(source, "")
    assert time.thread_time() - start < 1
    assert len(body.xhtml) <= GROWTH * len(source) + SLACK
