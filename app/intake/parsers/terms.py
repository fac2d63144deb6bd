"""Finds the vocabulary of a term in a foreign dialect by the URI of its scheme."""

import re
from typing import Literal

import pycountry

from feeds import SCHEMES
from schemas.wikidata import place_of

Kind = Literal["region", "topic", "keyword"]

# Schemes with codes in our tables: (beginning of the URI, kind, prefix of the codes). Older subject codes are mapped to Media Topics.
KNOWN: tuple[tuple[str, Kind, str], ...] = (
    (SCHEMES["region"], "region", ""),
    (SCHEMES["brm"], "topic", ""),
    (SCHEMES["medtop"], "topic", "medtop:"),
    ("https://cv.iptc.org/newscodes/mediatopic", "topic", "medtop:"),
    ("http://cv.iptc.org/newscodes/subjectcode", "topic", "subj:"),
    ("https://cv.iptc.org/newscodes/subjectcode", "topic", "subj:"),
)
# ISO publishes no URI for its codes, so publishers invent their own.
ISO_3166 = re.compile(r"iso[^a-z]*(?:std:iso:)?3166|/iso/country_codes", re.IGNORECASE)


WIKIDATA = re.compile(r"https?://(?:www\.)?wikidata\.org/(?:entity|wiki)/?")


def known(scheme: str) -> tuple[Kind, str] | None:
    """(kind, prefix in our tables) of the codes of a scheme; None if our tables do not have them."""
    for uri, kind, prefix in KNOWN:
        if scheme.rstrip("/#:").startswith(uri.rstrip("/#:")):
            return kind, prefix
    return ("region", "") if ISO_3166.search(scheme) else None


def term(scheme: str, code: str) -> tuple[Kind, str, bool]:
    """(kind, text for our tables, whether the scheme is our own) of a code under a scheme's URI."""
    if WIKIDATA.fullmatch(scheme):
        place = place_of(code)
        return ("region", place, False) if place else ("keyword", code, False)
    found = known(scheme) if scheme else None
    if found is None:
        return "keyword", code, False
    kind, prefix = found
    if kind == "region" and re.fullmatch(r"\d{3}", code) and ISO_3166.search(scheme):
        country = pycountry.countries.get(numeric=code)
        return kind, country.alpha_2 if country else code, False
    text = code if not prefix or code.startswith(prefix) or "/" in code else prefix + code
    return kind, text, scheme in (SCHEMES["region"], SCHEMES["brm"])
