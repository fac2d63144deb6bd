"""Places, topics and words of a NewsML-G2 item. https://iptc.org/std/NewsML-G2/guidelines/#controlled-values"""

from collections.abc import Iterable, Iterator

from lxml import etree
from msgspec import Struct

from app.intake.draft import DraftTerm
from app.intake.parsers import terms
from app.intake.parsers.catalogs import NAR, Catalogs
from app.intake.parsers.tree import LANG, place
from schemas import UnknownCode, codes


class Concepts(Struct, frozen=True):
    """What an item is classified by, in its order."""

    regions: tuple[DraftTerm, ...]
    topics: tuple[DraftTerm, ...]
    keywords: tuple[str, ...]


def read(elements: Iterable[etree._Element], catalogs: Catalogs, lang: str) -> Concepts:
    """Of `located` and `subject`: what our tables do not know becomes a keyword, with a warning (normalize)."""
    regions: list[DraftTerm] = []
    topics: list[DraftTerm] = []
    keywords: list[str] = []
    for element in elements:
        # A faceted subject (2.32) is its main concept; what it is seen by are words.
        main = element.find(f"{NAR}mainConcept")
        subject = element if main is None else main
        keywords += filter(None, (name(facet, lang) for facet in element.findall(f"{NAR}facetConcept")))
        kind, written = _known(subject, catalogs)
        called = name(subject, lang) or subject.get("literal", "") or catalogs.concept(subject)[1]
        if kind == "keyword" and not called:
            continue
        is_place = kind == "region" or (kind == "keyword" and _is_place(element, catalogs))
        own = kind != "keyword" and _own(subject, catalogs)
        term = DraftTerm(
            called if kind == "keyword" else written, element.sourceline or 0, place(element), not own, called
        )
        (regions if is_place else topics).append(term)
        if is_place and kind == "keyword":
            regions += _above(subject, catalogs, called, lang)
    return Concepts(tuple(regions), tuple(topics), tuple(keywords))


def name(element: etree._Element, lang: str) -> str:
    """What a concept or party is called: in that language, else first."""
    names = element.findall(f"{NAR}name")
    first = next((one for one in names if speaks(one, lang)), names[0] if names else None)
    return "" if first is None else " ".join("".join(first.itertext()).split())


def speaks(element: etree._Element, lang: str) -> bool:
    """Whether an element says nothing of its language, or that it is this one (their first subtags)."""
    own = element.get(LANG, "")
    return not own or not lang or own.lower().split("-")[0] == lang.lower().split("-")[0]


def constrained(element: etree._Element) -> bool:
    """Whether something constrains its publication: it, or what it stands in, for that applies to all within."""
    around = (element, *element.iterancestors())
    return any(one.get("pubconstraint") or one.get("pubconstrainturi") for one in around)


def _known(element: etree._Element, catalogs: Catalogs) -> tuple[terms.Kind, str]:
    """By its own scheme, else by that of a concept which is declared to be the same; else a keyword."""
    for one in (element, *element.findall(f"{NAR}sameAs")):
        scheme, code = catalogs.concept(one)
        kind, text, _ = terms.term(scheme, code)
        if kind != "keyword" and code:
            return kind, text
    return "keyword", ""


def _own(element: etree._Element, catalogs: Catalogs) -> bool:
    """Whether the code is of our own vocabulary: then it must be known."""
    return terms.term(*catalogs.concept(element))[2]


def _is_place(element: etree._Element, catalogs: Catalogs) -> bool:
    if element.tag == f"{NAR}located":
        return True
    scheme, code = catalogs.resolve(element.get("type", ""))
    return code == "geoArea" and scheme.rstrip("/").endswith("/cpnature")


def _above(element: etree._Element, catalogs: Catalogs, called: str, lang: str) -> Iterator[DraftTerm]:
    """The nearest known place around one whose name our table does not know: Germany for a Berlin that were unknown."""
    if _unmistakable(called):
        return
    for wider in element.findall(f"{NAR}broader"):
        kind, text = _known(wider, catalogs)
        if kind == "region":
            yield DraftTerm(text, wider.sourceline or 0, place(wider), soft=True, name=name(wider, lang) or text)
            return


def _unmistakable(name: str) -> bool:
    """Whether the name is a region's, and of one only."""
    regions = codes("region")
    if not regions.knows(name):
        return False
    try:
        regions.resolve(name)
    except UnknownCode:
        return False
    return True
