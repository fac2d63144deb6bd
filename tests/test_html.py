"""HTML of word processors: what is read, whatever its tags look like."""

import pytest

from app.html import clean


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
