"""HTML of word processors: it is read whatever its tags look like."""

import re
from contextlib import suppress
from functools import partial
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from app.intake.parsers import ours, tree
from app.text.html import GROWTH, SLACK, TooComplex, clean, plain
from tests.pace import seconds_of, within


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
        ("<p>가 \n \n \t나</p><p> \n</p>다\n", "가\n\n나\n\n다"),
        ("<p>가&lt;b&gt; &amp;lt; 나</p><ul><li></li><li>다</li></ul>", "가<b> &lt; 나\n\n- 다"),
        ('<table><tr><td title="a>b">가</td><td>나</td></tr></table>라<hr/>마', "가 나\n\n라\n\n마"),
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


DEAREST = {"unclosed", "many elements with attributes", "signs that are written longer", "brackets"}
DEAREST |= {"ampersands in a long text", "ampersands in many texts", "long links"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in DEAREST else name for name in DEAR]
)
def test_no_fragment_costs_more_than_a_second(name: str) -> None:
    """Its text may be refused; but reading does not hang, and the result is never many times as long."""
    source = DEAR[name]
    base = "https://example.org/" + "d/" * 200
    assert within(1, partial(seconds_of, partial(clean, source, base)))
    body = clean(source, base)
    assert len(body.xhtml) <= GROWTH * len(source) + SLACK
    assert body.faults or body.text or source.startswith("<!--")
    assert within(1.3, partial(seconds_of, partial(clean, source, "", tolerant=True)))
    assert within(1.3, partial(seconds_of, partial(plainly, source)))


def plainly(source: str) -> None:
    """The plain text of a fragment, which may be too complex."""
    with suppress(TooComplex):
        plain(source)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("<div>" * 101 + "x" + "</div>" * 101, "The body has elements nested more than 100 deep."),
        ("<div>" * 300 + "x" + "</div>" * 300, "The body has elements nested more than 100 deep."),
        (DEAR["formatting repeated in each paragraph"], "The body has elements nested more than 100 deep."),
        (DEAR["few of them, many paragraphs"], "The body has too many elements inside nested <b>"),
        (DEAR["one element, many attributes"], "The body has an element with more than 64 attributes."),
        (DEAR["more elements"], "The body has 1000000 tags; at most 100000 are allowed."),
        (DEAR["ampersands in many texts"], "The body has texts without tags that are too long"),
        (DEAR["brackets"], "The body has 32000000 characters after cleaning; at most"),
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
    """A few arbitrary tags, one of them numbered and repeated thousands of times."""
    head, tail = "".join(parts[:at]), "".join(parts[at:])
    opened = "".join(f"<b title={number}>" for number in range(12 * times))
    source = opened + head + (tail + "x") * (20_000 // len(parts))
    assert within(0.7, partial(seconds_of, partial(clean, source, "")))
    body = clean(source, "")
    assert len(body.xhtml) <= GROWTH * len(source) + SLACK


PARTS = """<script>alert(1)</script>
<SCRIPT SRC=//x>
<iframe src='javascript:x'>
<iframe srcdoc='<p>'>
<svg onload=x>
<math>
<style>
<p ONCLICK=x>
<a href='java\tscript:x'>
<img src=x onerror=x>
</p>
<template>
<noscript>
<!--
-->
<embed src='https://a.example/'>
<object data=data:text/html,x>
text
<title>
]]>
<textarea>
</svg>
<base href=x>
<meta http-equiv=refresh content='0;url=javascript:x'>
<form action=x>
<a xlink:href='javascript:x'>
<b:p on:x='y'>""".splitlines()
HOSTILE = st.lists(st.sampled_from(PARTS), max_size=12)
ACTIVE = re.compile(
    r"<(?:script|style|iframe|object|embed|form|svg|math|base|meta|template)|<[^>]*\son\w+=|<[^>]*(?:script|data):",
    re.I,
)


@given(HOSTILE)
def test_what_is_active_never_gets_through(parts: list[str]) -> None:
    body = clean("".join(parts), "", tolerant=True)
    assert not ACTIVE.search(body.xhtml)
    assert not body.faults
    assert clean(body.xhtml, "").xhtml == body.xhtml


def test_an_embedded_page_becomes_a_link_to_it() -> None:
    body = clean('<p>가 <iframe src="//v.example/1"></iframe> 나</p>', "", tolerant=True)
    assert body.xhtml == '<p>가 <a href="https://v.example/1">https://v.example/1</a> 나</p>'
    assert body.warnings == ("<iframe> was removed from the body. A link to its address is there instead.",)
    assert clean('<iframe src="javascript:x">가</iframe>', "", tolerant=True).xhtml == "가"


def test_many_wrong_links_are_told_in_few_warnings() -> None:
    body = clean("".join(f'<a href="/{number}">가</a>' for number in range(500)), "", tolerant=True)
    assert (
        body.text == "가" * 500
        and len(body.warnings) == 21
        and body.warnings[-1] == "480 more links were removed from the body."
    )


def test_a_wrong_link_takes_nothing_from_a_plain_text() -> None:
    assert plain('<p>가 <a href="x">나</a></p><p>다</p>') == "가 나\n\n다"


NAMES = ("p", "br", "img", "td", "b", "pr:p", "q:x")
ATTRIBUTES = (
    "",
    ' a="1"',
    ' title="x&quot;y"',
    ' xml:lang="ko"',
    ' a="&lt;&gt;&amp;"',
    ' b="&#10;&#9;&#13;"',
    " c='\"'",
    ' pr:d="1"',
)
TEXTS = ("", "x", " ", "&amp;", "&lt;b/&gt;", '"', "&#13;", "\u00a0", "<![CDATA[<a>&amp;]]>", "\n", ' a:b="', "]]&gt;")
elements = st.recursive(
    st.sampled_from(TEXTS),
    lambda inner: st.builds(
        lambda name, attribute, texts: f"<{name}{attribute}>{''.join(texts)}</{name}>",
        st.sampled_from(NAMES),
        st.sampled_from((*ATTRIBUTES, ' xmlns="urn:y"')),
        st.lists(inner, max_size=3),
    ),
    max_leaves=8,
)


LETTERS = (
    *(
        "가나",
        "a",
        " ",
        "\n",
        "\u3000",
        "\u0085",
        "'",
        '"',
        "]]",
        "\ufeff",
        "\u200b",
        "\u00ad",
        "e\u0301",
        "\U0001f600",
    ),
    *("\u00a0", "&amp;"),
)


@settings(deadline=None)
@given(st.lists(st.sampled_from((*LETTERS, "<p></p>", "</p><p>", "</p>\n<p>", "<br/>")), max_size=12), st.booleans())
def test_plain_paragraphs_are_left_as_they_are(parts: list[str], tolerant: bool) -> None:
    """A comment makes no difference but that the body is parsed, cleaned and written."""
    source = f"<p>{''.join(parts)}</p>"
    assert clean(source, "", tolerant=tolerant) == clean(f"<!-- -->{source}", "", tolerant=tolerant)


@settings(deadline=None)
@given(st.lists(elements, max_size=4))
def test_what_libxml2_writes_of_a_body_is_what_is_written_element_by_element(contents: list[str]) -> None:
    """Fingerprints of releases are made of it."""
    source = f'<pr:body xmlns="{ours.NAMESPACE}" xmlns:pr="{ours.NAMESPACE}" xmlns:q="urn:q" z="&gt;">{"".join(contents)}</pr:body>'
    body, same = (etree.fromstring(source) for _ in range(2))
    parts = [escape(same.text or "")]
    tree._children(same, parts)
    assert tree.fragment(body) == "".join(parts).strip()
