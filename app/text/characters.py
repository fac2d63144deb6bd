"""Which characters a parameter may contain, and which are removed from the texts of a release. The rules are the same for requests,
the command line and stored queries.

A parameter may not contain control characters (C0, DEL, C1), surrogates (which stand for bytes that are not UTF-8), noncharacters
(https://www.unicode.org/versions/Unicode16.0.0/core-spec/chapter-23/#G19635), or characters that change the direction of a text
(https://www.unicode.org/reports/tr9/, sections 2.1 to 2.4). PostgreSQL cannot store NUL, XML 1.0 cannot write most of them
(https://www.w3.org/TR/xml/#charsets), and a page with one of them may show something other than the text it contains.
"""

import re

_BEYOND = "".join(f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(17))
_REFUSED = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\u202a-\u202e\u2066-\u2069" + _BEYOND
# Characters that XML 1.0 does not allow, even as references.
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# Removed from plain texts: C0 and C1 controls, and characters that change the direction of a text (Unicode TR 36).
UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
_IN_A_TEXT = re.compile(f"[{_REFUSED}]")
_IN_A_LINE = re.compile(f"[\t\n\r{_REFUSED}]")


def refused(text: str, *, lines: bool = False) -> str:
    """The first character of a text that no parameter may contain, as "U+0000"; empty if there is none. `lines`: the text may contain
    line breaks and tabs."""
    found = _IN_A_TEXT.search(text) if lines else _IN_A_LINE.search(text)
    return f"U+{ord(found[0]):04X}" if found else ""
