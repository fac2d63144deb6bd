"""What was recognised in a document: the answer of the process that reads it."""

from msgspec import Struct

from extract.pictures import Picture

SURE, LIKELY, UNSURE = "sure", "likely", "unsure"


class Where(Struct, frozen=True):
    """A place in a document. `kind`: "paragraph", "table", "line" or "document"; numbers are counted from 1, 0: none."""

    kind: str = "document"
    number: int = 0
    row: int = 0


class Guess(Struct, frozen=True):
    """One value of a part."""

    value: str
    sure: str  # "sure", "likely" or "unsure"
    where: Where


class Person(Struct, frozen=True):
    """A contact; any text may be empty."""

    department: str = ""
    role: str = ""  # in the release: 책임자, 담당자
    position: str = ""  # in the office: 과장, 주무관
    name: str = ""
    phone: str = ""
    email: str = ""
    sure: str = UNSURE
    where: Where = Where()


class Recognised(Struct, frozen=True):
    """The parts of a press release.

    `parts`: name -> its values in their order. One value: "headline", "body" (HTML), "summary", "embargo" and "issued" (as the
    office words them), "kind" ("press-release", "reference", "explanation"), "office", "licence" (URI), "note". Any number:
    "subheadline", "attachment", "keyword", and "other" for what has no place in an article.
    """

    parts: dict[str, tuple[Guess, ...]] = {}
    people: tuple[Person, ...] = ()
    pictures: tuple[Picture, ...] = ()
    warnings: tuple[str, ...] = ()  # keys
    problem: str = ""  # the key of the reason why it could not be read; empty: it was read
