"""A licence in words that people understand: its name, and what it demands.

https://www.kogl.or.kr/info/license.do, https://creativecommons.org/share-your-work/cclicenses/
"""

import re

from msgspec import Struct

from app.syndication.texts import text
from feeds import Licence

KOGL = re.compile(r"https?://www\.kogl\.or\.kr/info/licenseType([0-4])\.do")
KOGL_DEMANDS = (("free",), ("by",), ("by", "nc"), ("by", "nd"), ("by", "nc", "nd"))  # by type
CREATIVE = re.compile(r"https?://creativecommons\.org/licenses/(by(?:-nc)?(?:-nd|-sa)?)/([0-9.]{3})(?:/.*)?")
CC0 = re.compile(r"https?://creativecommons\.org/publicdomain/(?:zero|mark)/1\.0/?.*")
OGL = re.compile(r"https?://www\.nationalarchives\.gov\.uk/doc/open-government-licence/version/([0-9])/?")


class LicenceMark(Struct, frozen=True):
    """A licence as a page shows it."""

    label: str
    demands: tuple[str, ...]  # in words, in the reader's language
    family: str  # "kogl", "cc" or "ogl": its colour


def licence_mark(licence: Licence, lang: str) -> LicenceMark | None:
    """The mark of a known licence; None for another one."""
    found = _known(licence.uri, lang)
    if found is None:
        return None
    label, demands, family = found
    return LicenceMark(label, tuple(text(f"licence:{demand}", lang) for demand in demands), family)


def _known(uri: str, lang: str) -> tuple[str, tuple[str, ...], str] | None:
    if kogl := KOGL.fullmatch(uri):
        return text("licence:kogl", lang).format(type=kogl[1]), KOGL_DEMANDS[int(kogl[1])], "kogl"
    if creative := CREATIVE.fullmatch(uri):
        return f"CC {creative[1].upper()} {creative[2]}", tuple(creative[1].split("-")), "cc"
    if CC0.fullmatch(uri):
        return "CC0", ("free",), "cc"
    if ogl := OGL.fullmatch(uri):
        return f"Open Government Licence {ogl[1]}.0", ("by",), "ogl"
    return None
