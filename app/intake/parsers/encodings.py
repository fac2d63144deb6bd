"""Decodes the bytes of a document, once and before anything is parsed. https://encoding.spec.whatwg.org/#names-and-labels

The labels are those of the Encoding Standard, without the stateful encodings (ISO-2022-*, HZ) and UTF-7: in these, bytes that look
harmless may mean markup. Every codec is strict.
"""

import codecs
import re

from msgspec import Struct

from app.errors import Fault, Problem

_LABELS = {  # Python's codec -> labels. Where several standards share labels, the codec is the largest of them, as browsers have it.
    "utf-8": "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8",
    "cp866": "866 cp866 csibm866 ibm866",
    "iso8859-2": "csisolatin2 iso-8859-2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2 latin2",
    "iso8859-3": "csisolatin3 iso-8859-3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 l3 latin3",
    "iso8859-4": "csisolatin4 iso-8859-4 iso-ir-110 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 l4 latin4",
    "iso8859-5": "csisolatincyrillic cyrillic iso-8859-5 iso-ir-144 iso8859-5 iso88595 iso_8859-5 iso_8859-5:1988",
    "iso8859-6": "arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6 iso-8859-6-e iso-8859-6-i"
    " iso-ir-127 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987",
    "iso8859-7": "csisolatingreek ecma-118 elot_928 greek greek8 iso-8859-7 iso-ir-126 iso8859-7 iso88597 iso_8859-7"
    " iso_8859-7:1987 sun_eu_greek",
    "iso8859-8": "csiso88598e csiso88598i csisolatinhebrew hebrew iso-8859-8 iso-8859-8-e iso-8859-8-i iso-ir-138 iso8859-8"
    " iso88598 iso_8859-8 iso_8859-8:1988 logical visual",
    "iso8859-10": "csisolatin6 iso-8859-10 iso-ir-157 iso8859-10 iso885910 l6 latin6",
    "iso8859-13": "iso-8859-13 iso8859-13 iso885913",
    "iso8859-14": "iso-8859-14 iso8859-14 iso885914",
    "iso8859-15": "csisolatin9 iso-8859-15 iso8859-15 iso885915 iso_8859-15 l9",
    "iso8859-16": "iso-8859-16",
    "koi8-r": "cskoi8r koi koi8 koi8-r koi8_r",
    "koi8-u": "koi8-ru koi8-u",
    "mac-roman": "csmacintosh mac macintosh x-mac-roman",
    "cp874": "dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874",
    "cp1250": "cp1250 windows-1250 x-cp1250",
    "cp1251": "cp1251 windows-1251 x-cp1251",
    "cp1252": "ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 iso_8859-1"
    " iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252",
    "cp1253": "cp1253 windows-1253 x-cp1253",
    "cp1254": "cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 l5 latin5 windows-1254"
    " x-cp1254",
    "cp1255": "cp1255 windows-1255 x-cp1255",
    "cp1256": "cp1256 windows-1256 x-cp1256",
    "cp1257": "cp1257 windows-1257 x-cp1257",
    "cp1258": "cp1258 windows-1258 x-cp1258",
    "mac-cyrillic": "x-mac-cyrillic x-mac-ukrainian",
    "gb18030": "chinese csgb2312 csiso58gb231280 gb18030 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk",
    "big5hkscs": "big5 big5-hkscs cn-big5 csbig5 x-x-big5",
    "euc-jp": "cseucpkdfmtjapanese euc-jp x-euc-jp",
    "cp932": "csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis",
    # In Korea, documents labelled EUC-KR are in CP949, its superset. The second line has labels that are in use there.
    "cp949": "cseuckr csksc56011987 euc-kr iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 windows-949"
    " cp949 euckr ks_c_5601 ms949 uhc x-uhc x-windows-949",
}
CODECS = {label: codec for codec, labels in _LABELS.items() for label in labels.split()}
WIDE = (
    "utf-16",
    "utf-16le",
    "utf-16be",
    "ucs-2",
    "iso-10646-ucs-2",
    "csunicode",
    "unicode",
    "unicodefeff",
    "unicodefffe",
)
# Multi-byte encodings, and Thai: in UTF-8 their letters have three bytes, and a few of their own characters may look like UTF-8's
# sequences of two.
THREE = {"cp874", "gb18030", "big5hkscs", "euc-jp", "cp932", "cp949"}
LONG = re.compile(rb"[\xe0-\xf4]")
BOMS = (
    (codecs.BOM_UTF32_LE, ""),  # not supported; listed before UTF-16, because it begins with the same bytes
    (codecs.BOM_UTF32_BE, ""),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
ACCEPTED = (
    "UTF-8, UTF-16 with a byte order mark, or an encoding of one or more bytes that the Encoding Standard names, such as EUC-KR"
    " (CP949), Shift_JIS or ISO-8859-1 (windows-1252)"
)
CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([^\s\"';]+)", re.IGNORECASE)
DECLARED = re.compile(
    rb"(?:\xef\xbb\xbf|[ \t\r\n])*+<\?xml\s[^>]{0,200}?encoding\s{0,60}=\s{0,60}[\"']([^\"'>]{0,60})[\"']"
)


class Leniency(Struct, frozen=True):
    """A fault of the document outside its text. In a foreign dialect it is a warning; our own dialect is refused for it."""

    warning: str
    problem: Problem


class Decoded(Struct, frozen=True):
    text: str
    lenient: tuple[Leniency, ...] = ()


def decode(body: bytes, content_type: str) -> Decoded:
    """Decode by the byte order mark, else the charset parameter, else the XML declaration, else as UTF-8 (RFC 7303, 3).

    Bytes that are UTF-8 are read as that, whatever another name says: nearly any bytes are valid Latin-1, and would be stored as
    garbage such as "ê°". Raises Problem.
    """
    for bom, codec in BOMS:
        if body.startswith(bom):
            return Decoded(_strictly(body, len(bom), codec, "its byte order mark"))
    if charset := CHARSET.search(content_type):
        return _named(body, charset[1], "Content-Type")
    if declared := DECLARED.match(body):
        return _named(body, declared[1].decode("ascii", "replace"), "the XML declaration")
    if body.startswith((b"<\0", b"\0<")):
        return Decoded(_strictly(body, 0, "", "its first bytes", "UTF-16 or UTF-32 without a byte order mark"))
    return Decoded(_strictly(body, 0, "utf-8", "default"))


def _named(body: bytes, name: str, source: str) -> Decoded:
    """The text in an encoding that something names, or in UTF-8 if the bytes say so."""
    label = name.strip().lower()
    # A declaration of UTF-16 that can be read byte by byte is wrong.
    wide = label in WIDE and source != "Content-Type" and not body.startswith((b"<\0", b"\0<"))
    codec = CODECS.get(label, "")
    if (wide or (codec and codec != "utf-8" and not body.isascii())) and _is_utf8(body, codec):
        reason = f"The document is {name[:60]!r} according to {source}, but its bytes are UTF-8."
        line = body[: next((at for at, byte in enumerate(body) if byte > 127), 0)].count(b"\n") + 1
        detail = f"{reason} Declare UTF-8."
        problem = Problem(
            422, "bad-encoding", "The bytes do not match the encoding", detail, errors=[Fault(detail, line=line)]
        )
        return Decoded(body.decode(), (Leniency(f"{reason} It was read as UTF-8.", problem),))
    return Decoded(_strictly(body, 0, codec, source, name))


def _is_utf8(body: bytes, codec: str) -> bool:
    """Whether bytes that are named otherwise are UTF-8. Few characters in a Korean encoding may be valid UTF-8 by chance."""
    if codec in THREE and not LONG.search(body) and _is(body, codec):
        return False
    return _is(body, "utf-8")


def _is(body: bytes, codec: str) -> bool:
    try:
        body.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


def _strictly(body: bytes, start: int, codec: str, source: str, name: str = "") -> str:
    if not codec:
        shown = f"The encoding {name[:60]!r}" if name else "The encoding"
        detail = f"{shown}, given by {source}, is not supported. Send {ACCEPTED}."
        raise Problem(415, "unsupported-encoding", "Unsupported encoding", detail, errors=[Fault(detail, line=1)])
    try:
        return body[start:].decode(codec)
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode(codec, "replace")
        reason = f"Byte {start + error.start} (counted from 0) is not {name or codec.upper()}, the encoding given by {source}."
        fault = Fault(reason, line=before.count("\n") + 1)
        raise Problem(422, "bad-encoding", "The bytes do not match the encoding", reason, errors=[fault]) from None
