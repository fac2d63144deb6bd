"""The bytes of a document are decoded once, before anything is parsed: by every label of the Encoding Standard that is safe."""

from xml.sax.saxutils import escape

import pytest

from app.errors import Problem
from app.intake import parsers
from app.intake.draft import Parsed
from app.intake.parsers.encodings import CODECS, decode

LETTERS = {  # a word that the encoding has
    "utf-8": "한글", "cp866": "Приказ", "iso8859-2": "Žluťoučký", "iso8859-3": "ĉiuj", "iso8859-4": "ģimene", "iso8859-5": "Приказ",
    "iso8859-6": "بيان", "iso8859-7": "Δελτίο", "iso8859-8": "הודעה", "iso8859-10": "íslensk", "iso8859-13": "ministrų",
    "iso8859-14": "ŵyth", "iso8859-15": "œuvre", "iso8859-16": "știre", "koi8-r": "Приказ", "koi8-u": "Київ", "mac-roman": "été",
    "cp874": "ข่าว", "cp1250": "Žluťoučký", "cp1251": "Приказ", "cp1252": "Forêt €", "cp1253": "Δελτίο", "cp1254": "Bakanlığı",
    "cp1255": "הודעה", "cp1256": "بيان", "cp1257": "ministrų", "cp1258": "đưa",
    "mac-cyrillic": "Приказ", "gb18030": "新闻公报𠀀", "big5hkscs": "新聞稿", "euc-jp": "報道発表", "cp932": "報道発表①",
    "cp949": "똠방각하",
}  # fmt: skip
RSS = (
    '{}<rss version="2.0"><channel><language>en</language><item><guid>urn:x:1</guid><title>{}</title>'
    "<pubDate>Mon, 09 Mar 2026 10:00:00 +0900</pubDate><description>Text {}</description></item></channel></rss>"
)


def rss(title: str, before: str = "", text: str = "") -> str:
    return RSS.format(before, escape(title), text)


def parse(body: bytes, content_type: str = "application/rss+xml") -> Parsed:
    return parsers.parse(body, content_type)


@pytest.mark.parametrize("label", CODECS)
def test_every_label_is_read(label: str) -> None:
    codec = CODECS[label]
    word = LETTERS[codec]
    declaration = f'<?xml version="1.0" encoding="{label}"?>'
    named = ":" not in label and not label[0].isdigit()  # an XML declaration may have it
    body = rss(word, declaration if named else "").encode(codec)
    ((_, draft),) = parse(body, "text/xml" if named else f"text/xml; charset={label}").drafts
    assert draft.headline.text == word
    assert draft.warnings == ()
    ((_, draft),) = parse(rss(word).encode(codec), f'text/xml; charset="{label.upper()}"').drafts
    assert draft.headline.text == word


@pytest.mark.parametrize(
    "label",
    ["utf-7", "UTF-7", "unicode-1-1-utf-7", "iso-2022-jp", "iso-2022-kr", "iso-2022-cn", "hz-gb-2312", "hz", "utf-32", "cp037",
     "x-user-defined", "replacement", "rot13", "idna", "punycode", "unicode_escape", "base64", "nonsense"],
)  # fmt: skip
def test_no_other_label_is_read(label: str) -> None:
    """Python's codecs have many more names; none of them is reached by its own name."""
    for body, type in (
        (rss("a", f'<?xml version="1.0" encoding="{label}"?>'), "text/xml"),
        (rss("a"), f"text/xml; charset={label}"),
    ):
        with pytest.raises(Problem) as caught:
            parse(body.encode(), type)
        assert (caught.value.status, caught.value.type) == (415, "unsupported-encoding")


@pytest.mark.parametrize(
    "label", ["ISO-8859-1", "EUC-KR", "windows-1251", "Shift_JIS", "gb2312", "windows-874", "utf-16"]
)
def test_a_declaration_that_lies_is_overruled_by_the_bytes(label: str) -> None:
    body = rss("한글 Forêt", f'<?xml version="1.0" encoding="{label}"?>').encode()
    ((_, draft),) = parse(body).drafts
    assert draft.headline.text == "한글 Forêt"
    assert draft.warnings == (
        f"The document is {label!r} according to the XML declaration, but its bytes are UTF-8. It was read as UTF-8.",
    )


def test_few_korean_letters_that_might_be_utf_8_are_read_as_declared() -> None:
    """ "혔" is D2 C5 in EUC-KR, "쨌" is C2 B7, which is "·" in UTF-8."""
    body = rss("쨌", '<?xml version="1.0" encoding="EUC-KR"?>').encode("cp949")
    assert b"\xc2\xb7" in body and body.decode()
    ((_, draft),) = parse(body).drafts
    assert (draft.headline.text, draft.warnings) == ("쨌", ())


def test_bytes_that_are_no_text_are_refused() -> None:
    for label in ("EUC-KR", "utf-8", "windows-1252", "Shift_JIS"):
        with pytest.raises(Problem) as caught:
            parse(rss("x", f'<?xml version="1.0" encoding="{label}"?>').encode() + b"<!-- \x81\xff -->")
        assert caught.value.type == "bad-encoding"


@pytest.mark.parametrize("before", ["\n", " \r\n\t", "\n\ufeff", "\ufeff\ufeff", "\ufeff \ufeff\n"])
def test_white_space_and_byte_order_marks_before_the_declaration_are_skipped(before: str) -> None:
    body = rss("한글", before + '<?xml version="1.0" encoding="utf-8"?>\n').encode()
    ((_, draft),) = parse(body).drafts
    assert draft.headline.text == "한글"
    assert draft.mark.line == before.count("\n") + 2
    euc = rss("한글", "\n" + '<?xml version="1.0" encoding="euc-kr"?>').encode("cp949")
    ((_, draft),) = parse(euc).drafts
    assert (draft.headline.text, len(draft.warnings)) == ("한글", 1)


NETSCAPE = (
    '<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN"\n'
    ' "http://my.netscape.com/publish/formats/rss-0.91.dtd">'
)


def test_an_external_doctype_is_dropped_and_its_entities_are_read() -> None:
    text = "caf&eacute; &amp; &copy;&nbsp;2026 &lt;b&gt; <!-- &eacute; --> <![CDATA[&eacute;]]>"
    ((_, draft),) = parse(rss("Title", f'<?xml version="1.0"?>\n<!-- a -->\n{NETSCAPE}\n', text).encode()).drafts
    assert "café" in draft.body.text and "©\xa02026" in draft.body.text and "&eacute;" in draft.body.text
    assert (draft.warnings, draft.mark.line) == ((), 5)
    for other in ("<!DOCTYPE rss SYSTEM 'a.dtd'>", '<!DOCTYPE rss PUBLIC "-//a//b">'):
        assert parse(rss("Title", other).encode()).drafts
    with pytest.raises(Problem, match="nbsp"):
        parse(rss("Title", "", "&nbsp;").encode())
    with pytest.raises(Problem, match="nbsp"):
        parse(rss("Title", '<!DOCTYPE feed SYSTEM "a.dtd">', "&nbsp;").encode())


@pytest.mark.parametrize(
    "doctype",
    ["<!DOCTYPE rss>", "<!DOCTYPE rss []>", "<!DOCTYPE rss SYSTEM 'a.dtd' []>", "<!DOCTYPE rss SYSTEM 'a.dtd' [<!ENTITY a 'b'>]>",
     "<!DOCTYPE rss PUBLIC 'a' 'b' [<!ENTITY % a SYSTEM 'file:///etc/passwd'> %a;]>", "<!DOCTYPE rss SYSTEM>", NETSCAPE * 2,
     f"<!DOCTYPE rss SYSTEM '{'a' * 501}'>"],
)  # fmt: skip
def test_a_doctype_with_declarations_is_refused(doctype: str) -> None:
    with pytest.raises(Problem) as caught:
        parse(rss("Title", doctype).encode())
    assert caught.value.type in ("doctype-forbidden", "not-well-formed")


def test_the_decision_is_made_once() -> None:
    """One encoding can hide text from another: so the same decoded text is parsed and searched."""
    body = (
        rss("엠바고 제목", '<?xml version="1.0" encoding="gb18030"?>')
        .replace("</item>", "<x>엠바고</x></item>")
        .encode("gb18030")
    )
    assert decode(body, "text/xml").text.encode("gb18030") == body
    body = (
        rss("제목", '<?xml version="1.0" encoding="gb18030"?>')
        .replace("</item>", "<엠바고>내일</엠바고></item>")
        .encode("gb18030")
    )
    ((_, draft),) = parse(body).drafts
    assert draft.held
