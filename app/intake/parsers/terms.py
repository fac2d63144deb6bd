"""Which vocabulary a term of a foreign dialect is of, by its scheme's URI."""

import re
from typing import Literal

from feeds.wording import SCHEMES

Kind = Literal["region", "topic", "keyword"]

# Schemes whose codes our tables know, by the beginning of their URI. The older subject codes are mapped to Media Topics.
KNOWN: tuple[tuple[str, Kind, str], ...] = (
    (SCHEMES["region"], "region", ""),
    (SCHEMES["brm"], "topic", ""),
    (SCHEMES["medtop"], "topic", "medtop:"),
    ("https://cv.iptc.org/newscodes/mediatopic", "topic", "medtop:"),
    ("http://cv.iptc.org/newscodes/subjectcode", "topic", "subj:"),
    ("https://cv.iptc.org/newscodes/subjectcode", "topic", "subj:"),
)
# ISO publishes no URI for its codes, so everybody makes one.
ISO_3166 = re.compile(r"iso[^a-z]*(?:std:iso:)?3166|/iso/country_codes", re.IGNORECASE)


def known(scheme: str) -> tuple[Kind, str] | None:
    """What the codes of a scheme's URI are, and the prefix that our tables have them with; None: not one of ours."""
    for uri, kind, prefix in KNOWN:
        if scheme.rstrip("/#:").startswith(uri.rstrip("/#:")):
            return kind, prefix
    return ("region", "") if ISO_3166.search(scheme) else None


def term(scheme: str, code: str) -> tuple[Kind, str, bool]:
    """(kind, text for our tables, whether the scheme is our own) of a code under a scheme's URI."""
    found = known(scheme) if scheme else None
    if found is None:
        return "keyword", code, False
    kind, prefix = found
    text = code if not prefix or code.startswith(prefix) or "/" in code else prefix + code
    return kind, text, scheme in (SCHEMES["region"], SCHEMES["brm"])
