"""Finds the scheme of an alias in the catalogs of NewsML-G2. Catalogs are never fetched; IPTC's own come with the wheel `newsmlg2`.

https://iptc.org/std/NewsML-G2/guidelines/#about-catalogs
"""

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from lxml import etree

from app.intake.parsers import terms

NAR = "{http://iptc.org/std/nar/2006-10-01/}"
_IPTC = re.compile(r"https?://(www\.)?iptc\.org/std/catalog/catalog\.IPTC-G2-Standards_\d+\.xml")


class Catalogs:
    """The aliases that an item declares, and those of IPTC's catalog."""

    def __init__(self, item: etree._Element) -> None:
        self.unknown: list[str] = []  # URLs of catalogs that are not IPTC's
        self._declared: dict[str, str] = {}
        above = [item, *item.iterancestors()]
        for element in reversed(above):  # the nearest declaration wins
            for reference in element.findall(f"{NAR}catalogRef"):
                if not _IPTC.fullmatch(reference.get("href", "").strip()):
                    self.unknown.append(reference.get("href", "").strip())
            for scheme in element.findall(f"{NAR}catalog/{NAR}scheme"):
                self._declared[scheme.get("alias", "")] = _uri(scheme)

    def resolve(self, qcode: str) -> tuple[str, str]:
        """(URI of the scheme, code) of a QCode; the URI is empty if the alias is unknown."""
        alias, _, code = qcode.strip().partition(":")
        return self._declared.get(alias) or _iptc().get(alias, ""), code

    def concept(self, element: etree._Element) -> tuple[str, str]:
        """(URI of the scheme, code) of an element that names a concept: by @qcode, or by @uri if the alias is unknown (since 2.18, an
        element may have both). Both are empty if it has neither."""
        scheme, code = self.resolve(element.get("qcode", ""))
        uri = element.get("uri", "").strip()
        if scheme or not uri:
            return scheme, code
        at = max(uri.rfind("/"), uri.rfind("#"), uri.rfind(":") if uri.startswith("urn:") else -1) + 1
        return uri[:at], uri[at:]


def _uri(scheme: etree._Element) -> str:
    """The URI of a declared scheme; or of a scheme that it declares to be the same, if only that one is known here."""
    uri = scheme.get("uri", "").strip()
    same = (element.text or "" for element in scheme.findall(f"{NAR}sameAsScheme"))
    return uri if terms.known(uri) else next((other.strip() for other in same if terms.known(other.strip())), uri)


@cache
def _iptc() -> dict[str, str]:
    """Alias -> URI from IPTC's catalogs; newer editions take precedence. Loaded when a document first needs it."""
    spec = find_spec("NewsMLG2")
    assert spec is not None and spec.submodule_search_locations, "the wheel newsmlg2 is a dependency"
    files = (Path(spec.submodule_search_locations[0]) / "catalogs").glob("catalog.IPTC-G2-Standards_*.xml")
    aliases: dict[str, str] = {}
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True)
    for file in sorted(files, key=lambda file: int(file.stem.rpartition("_")[2]), reverse=True):
        for scheme in etree.parse(str(file), parser).getroot().iter("{*}scheme"):
            aliases.setdefault(scheme.get("alias", ""), scheme.get("uri", ""))
    return aliases
