"""The categories of a feed as regions, topics and keywords."""

from collections.abc import Iterable

from msgspec import Struct

from app.intake.draft import DraftTerm
from app.intake.parsers import terms
from feeds.wording import SCHEMES

# What our feeds say of an article besides: no classification.
PASSED = (SCHEMES["office"], SCHEMES["kind"], SCHEMES["role"])


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
    """A known scheme makes a region or topic; a foreign one a topic if we know its name; none a keyword."""
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
    """(scheme, code): a term may be the whole URI."""
    for uri, _, _ in terms.KNOWN:
        start = uri if uri.endswith((":", "/")) else f"{uri}/"
        if term.startswith(start):
            return uri, term.removeprefix(start)
    return scheme, term
