"""The words of a text in any wrapping: HTML, XML, JSON, a mail, or several of these in each other. Pure; never raises.

What it reads may be hostile: each step takes time in proportion to the length of the text.
"""

import binascii
import html
import re
from contextlib import suppress

import msgspec

LARGEST = 4 * 1024 * 1024  # bytes that are read
DEEPEST = 4  # wrappings in each other, such as HTML in JSON in a mail
_BLOCK = re.compile(
    r"</?(?:p|div|h[1-6]|li|ul|ol|tr|t[dh]|table|blockquote|br|hr|section|article|hp:p|w:p|w:br)\b[^<>]*>",
    re.IGNORECASE,
)
# Spans that are not text, or that are text whatever they contain: how they begin and end.
_SPANS = (("<!--", "-->", False), ("<script", "</script>", False), ("<style", "</style>", False))
_CDATA = ("<![CDATA[", "]]>", True)
_TAG = re.compile(r"<[/!?A-Za-z][^<>]*>")
_BETWEEN = re.compile(r"(?<=>)\s+(?=<)")
_REFERENCE = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_MAIL = re.compile(rb"(?:mime-version|received|from|return-path|delivered-to|date|subject|to): ?\S", re.IGNORECASE)
_MIME = re.compile(rb"^mime-version:", re.IGNORECASE | re.MULTILINE)


def words_of(document: bytes) -> str:
    """The text of a document."""
    document = document[:LARGEST]
    if _MAIL.match(document) and _MIME.search(document[:20_000]):
        return "\n".join(flat(decoded(part)) for part in _parts(document))
    return flat(decoded(document))


def decoded(document: bytes) -> str:
    """The characters of a text file: UTF-8 or UTF-16, else Korean Windows."""
    if document.startswith((b"\xff\xfe", b"\xfe\xff")):
        return document.decode("utf-16", "replace")
    try:
        return document.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.end >= len(document) - 4:  # The text was cut within a letter.
            return document.decode("utf-8-sig", "replace")
        return document.decode("cp949", "replace")


def flat(text: str, depth: int = DEEPEST) -> str:
    """A text without its wrappings."""
    if depth and text.lstrip()[:1] in ("{", "["):
        with suppress(msgspec.MsgspecError, RecursionError):
            return "\n".join(flat(one, depth - 1) for one in _strings(msgspec.json.decode(text)))
    for _ in range(depth):
        plain = _unwrapped(text)
        if plain == text:
            break
        text = plain
    return text


def _unwrapped(text: str) -> str:
    """A text without one layer of markup."""
    if _TAG.search(text):
        for span in (*_SPANS, _CDATA):
            text = _without(text, *span)
        text = _TAG.sub("", _BLOCK.sub("\n", _BETWEEN.sub("\n", text)))
    return html.unescape(text) if _REFERENCE.search(text) else text


def _without(text: str, begins: str, ends: str, kept: bool) -> str:
    """A text without the spans that begin and end so. `kept`: their content stays as text."""
    parts, at = [], 0
    while (start := text.find(begins, at)) >= 0 and (end := text.find(ends, start)) >= 0:
        within = html.escape(text[start + len(begins) : end], quote=False) if kept else "\n"
        parts += [text[at:start], within]
        at = end + len(ends)
    return "".join((*parts, text[at:]))


def _strings(value: object) -> list[str]:
    """The texts in a JSON value, in order."""
    found, todo = [], [value]
    while todo:
        one = todo.pop()
        if isinstance(one, str):
            found.append(one)
        elif isinstance(one, list):
            todo += reversed(one)
        elif isinstance(one, dict):
            todo += reversed(one.values())
    return found


def _parts(mail: bytes) -> list[bytes]:
    """The texts of a mail. Its structure is not followed: after a line that begins with two hyphens, a part begins with its header."""
    found: list[bytes] = []
    header: list[bytes] = []
    body: list[bytes] | None = None  # None: within a header
    for line in (*mail.splitlines(), b"--"):
        if body is None:
            header += [line.lower()] if line.strip() else []
            body = None if line.strip() else []
        elif line.startswith(b"--"):
            found.append(_content(b"\n".join(header), body))
            header, body = [], None
        else:
            body.append(line)
    return found


def _content(header: bytes, body: list[bytes]) -> bytes:
    """The text of a part of a mail; empty if it is no text."""
    if b"content-type:" in header and b"content-type: text/" not in header and b"content-type:text/" not in header:
        return b""
    if b"content-transfer-encoding: base64" in header:
        with suppress(binascii.Error):
            return binascii.a2b_base64(b"".join(body))
    if b"content-transfer-encoding: quoted-printable" in header:
        return binascii.a2b_qp(b"\n".join(body))
    return b"\n".join(body)
