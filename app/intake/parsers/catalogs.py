"""Which scheme an alias stands for: the catalogs of NewsML-G2, resolved here and never fetched.

https://iptc.org/std/NewsML-G2/guidelines/#about-catalogs. IPTC's own come with the wheel `newsmlg2`.
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
    """The aliases that an item declares, and where they are not enough, IPTC's."""

    def __init__(self, item: etree._Element) -> None:
        self.unknown: list[str] = []  # catalogs that are somewhere else
        self._declared: dict[str, str] = {}
        above = [item, *item.iterancestors()]
        for element in reversed(above):  # the nearest wins
            for reference in element.findall(f"{NAR}catalogRef"):
                if not _IPTC.fullmatch(reference.get("href", "").strip()):
                    self.unknown.append(reference.get("href", "").strip())
            for scheme in element.findall(f"{NAR}catalog/{NAR}scheme"):
                self._declared[scheme.get("alias", "")] = _uri(scheme)

    def resolve(self, qcode: str) -> tuple[str, str]:
        """(URI of the scheme, code) of a QCode; the URI is empty where nobody knows the alias."""
        alias, _, code = qcode.strip().partition(":")
        return self._declared.get(alias) or _iptc().get(alias, ""), code

    def concept(self, element: etree._Element) -> tuple[str, str]:
        """(URI of the scheme, code) of whatever names a concept: @qcode, or @uri where nobody knows the alias (2.18: both
        may stand); both empty where it has neither."""
        scheme, code = self.resolve(element.get("qcode", ""))
        uri = element.get("uri", "").strip()
        if scheme or not uri:
            return scheme, code
        at = max(uri.rfind("/"), uri.rfind("#"), uri.rfind(":") if uri.startswith("urn:") else -1) + 1
        return uri[:at], uri[at:]


def _uri(scheme: etree._Element) -> str:
    """The URI of a declared scheme, or of the one that its owner calls the same, where only that is known here."""
    uri = scheme.get("uri", "").strip()
    same = (one.text or "" for one in scheme.findall(f"{NAR}sameAsScheme"))
    return uri if terms.known(uri) else next((other.strip() for other in same if terms.known(other.strip())), uri)


@cache
def _iptc() -> dict[str, str]:
    """Alias -> URI of IPTC's catalog, the newest edition first; read when a document needs it."""
    spec = find_spec("NewsMLG2")
    assert spec is not None and spec.submodule_search_locations, "the wheel newsmlg2 is a dependency"
    files = (Path(spec.submodule_search_locations[0]) / "catalogs").glob("catalog.IPTC-G2-Standards_*.xml")
    aliases: dict[str, str] = {}
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True)
    for file in sorted(files, key=lambda file: int(file.stem.rpartition("_")[2]), reverse=True):
        for scheme in etree.parse(str(file), parser).getroot().iter("{*}scheme"):
            aliases.setdefault(scheme.get("alias", ""), scheme.get("uri", ""))
    return aliases
