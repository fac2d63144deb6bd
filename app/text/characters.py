"""Which characters a parameter may hold, and which are taken out of what a release says. Nothing else decides it: for requests, for
the command line, and for kept questions alike.

Refused in a parameter are control characters (C0, DEL, C1), what is no character at all (surrogates, which stand for bytes that are
not UTF-8, and noncharacters: https://www.unicode.org/versions/Unicode16.0.0/core-spec/chapter-23/#G19635), and those that turn the
order of a text around (https://www.unicode.org/reports/tr9/, sections 2.1 to 2.4). PostgreSQL stores no NUL, XML 1.0 has no way to
write most of them (https://www.w3.org/TR/xml/#charsets), and a page that shows one may say something else than it holds.
"""

import re

_BEYOND = "".join(f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(17))
_REFUSED = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\u202a-\u202e\u2066-\u2069" + _BEYOND
# No character of XML 1.0, even as a reference.
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# Never in a plain text of ours: C0 and C1 controls, and the marks that turn text around (Unicode TR 36).
UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
_IN_A_TEXT = re.compile(f"[{_REFUSED}]")
_IN_A_LINE = re.compile(f"[\t\n\r{_REFUSED}]")


def refused(text: str, *, lines: bool = False) -> str:
    """The first character of a text that no parameter may hold, as "U+0000"; empty: there is none. `lines`: the text may have
    several lines, and tabs."""
    found = _IN_A_TEXT.search(text) if lines else _IN_A_LINE.search(text)
    return f"U+{ord(found[0]):04X}" if found else ""
