"""Sorts the categories of a feed into regions, topics and keywords."""

from collections.abc import Iterable

from msgspec import Struct

from app.intake.draft import DraftTerm
from app.intake.parsers import terms
from feeds import SCHEMES

# Schemes that our feeds use for other facts about an article; their terms are not classifications.
PASSED = (SCHEMES["office"], SCHEMES["kind"], SCHEMES["role"])
# (the URI of a scheme, the beginning of a term that is written with it)
STARTS = tuple((uri, uri if uri.endswith((":", "/")) else f"{uri}/") for uri, _, _ in terms.KNOWN)


class Category(Struct, frozen=True):
    """A category as a feed writes it; any of the three may be empty."""

    scheme: str  # URI, or RSS's domain
    term: str
    label: str  # for people
    line: int
    path: str


class Classified(Struct, frozen=True):
    """The categories of an article, in their order."""

    regions: tuple[DraftTerm, ...]
    topics: tuple[DraftTerm, ...]
    keywords: tuple[str, ...]


def classify(categories: Iterable[Category]) -> Classified:
    """A category of a known scheme becomes a region or topic, one of a foreign scheme a topic (a keyword if its name is unknown), and
    one without a scheme a keyword."""
    regions: list[DraftTerm] = []
    topics: list[DraftTerm] = []
    keywords: list[str] = []
    for category in categories:
        scheme, code = _split(category.scheme.strip(), category.term.strip())
        if scheme in PASSED:
            continue
        name = category.label.strip() or code
        kind, text, own = terms.term(scheme, code)
        if kind == "region":
            regions.append(DraftTerm(text, category.line, category.path, soft=not own, name=name))
        elif kind == "topic":
            topics.append(DraftTerm(text, category.line, category.path, soft=not own, name=name))
        elif scheme:
            topics.append(DraftTerm(name, category.line, category.path, soft=True, name=name))
        elif name:
            keywords.append(name)
    return Classified(tuple(regions), tuple(topics), tuple(keywords))


def _split(scheme: str, term: str) -> tuple[str, str]:
    """(scheme, code) of a term, which may be a whole URI that includes the scheme."""
    if ":" in term:  # as in each of these
        for uri, start in STARTS:
            if term.startswith(start):
                return uri, term.removeprefix(start)
        if not scheme and (found := terms.WIKIDATA.match(term)):
            return found[0], term[found.end() :]
    return scheme, term
