"""A code table: finds codes by code or exact name, ancestors and successors of a code, and names similar to a wrong one."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property, partial
from importlib.resources import files

from msgspec import Struct

from schemas.alike import LEAST, alike, letters
from schemas.text import nfc

LONGEST = 100  # characters of a wrong name to compare; more would only cost time
NEAREST = 5


class Code(Struct, frozen=True):
    """One code with its names and its history."""

    scheme: str  # "region", "medtop" or "brm"
    code: str
    names: dict[str, str]  # BCP 47 language -> name, at least one
    parent: str = ""  # code of the next level up; empty: none
    aliases: tuple[str, ...] = ()
    iso: str = ""  # ISO 3166-2
    valid_from: date | None = None
    valid_to: date | None = None  # the last day; None: still in force
    successors: tuple[str, ...] = ()
    retired: date | None = None  # Media Topics: still accepted, with a warning
    maps_to: tuple[str, ...] = ()  # a policy field's Media Topics
    level: str = ""

    def named(self, lang: str) -> tuple[str, str]:
        """The name for a reader of `lang`, and its language: the wanted one, else English, else any."""
        spoken = next((tag for tag in (lang, "en", *self.names) if self.names.get(tag)), "")
        return self.names.get(spoken, self.code), spoken

    def valid(self, on: date) -> bool:
        """Whether the code was in force on a day."""
        return (self.valid_from is None or self.valid_from <= on) and (self.valid_to is None or on <= self.valid_to)


class UnknownCode(LookupError):
    """No code has this name, or several have it (`candidates`)."""

    def __init__(self, text: str, find: Callable[[], tuple[str, ...]], candidates: tuple[Code, ...] = ()) -> None:
        super().__init__(text)
        self.text = text
        self.candidates = candidates
        self._find = find

    @cached_property
    def nearest(self) -> tuple[str, ...]:
        """Codes that may be meant, as `Table.nearest` writes them. They are computed at the first access, which takes milliseconds."""
        return self._find()


def rows(name: str) -> list[dict[str, str]]:
    """The rows of a file in `schemas/codes`, with the column names from its first line."""
    return list(csv.DictReader((files("schemas") / "codes" / name).read_text(encoding="utf-8").splitlines()))


def folded(text: str) -> str:
    """The form in which names are compared: NFC, single spaces, no letter case."""
    return " ".join(nfc(text).split()).casefold()


class Table:
    """All codes of one dimension."""

    def __init__(self, codes: Sequence[Code], names: Mapping[str, Sequence[str]]) -> None:
        """`names`: folded name -> the codes that have it."""
        self._codes = {code.code: code for code in codes}
        self._folded = {code.code.casefold(): code.code for code in codes}
        self._names = names
        self._children: dict[str, list[Code]] = {}
        for code in codes:
            self._children.setdefault(code.parent, []).append(code)

    def __iter__(self) -> Iterator[Code]:
        return iter(self._codes.values())

    def get(self, code: str) -> Code | None:
        """The code with exactly this id."""
        return self._codes.get(code)

    def children(self, code: str) -> tuple[Code, ...]:
        """The codes one level below."""
        return tuple(self._children.get(code, ()))

    def knows(self, text: str) -> bool:
        """Whether at least one code has this id or name. Does not search for similar names."""
        wanted = folded(text)
        return wanted in self._folded or wanted in self._names

    def resolve(self, text: str, on: date | None = None, within: Sequence[str] = ()) -> Code:
        """The code with an id, an ISO code or an exact name. A name must be the whole text.

        `on`: the day on which the code must be in force; None: now. `within`: codes that decide between several codes of the same
        name: the one that shares the nearest ancestor with them is chosen. Raises UnknownCode.
        """
        wanted = folded(text)
        if wanted in self._folded:
            return self._codes[self._folded[wanted]]
        bearers = [self._codes[code] for code in self._names.get(wanted, ())]
        if not bearers:
            raise UnknownCode(text, partial(self.nearest, text))
        for choice in (
            [code for code in bearers if on is not None and code.valid(on) and code.retired is None],
            [code for code in bearers if on is not None and code.valid(on)],
            [code for code in bearers if code.valid_to is None and code.retired is None],
            [code for code in bearers if code.valid_to is None],
            bearers,
        ):
            if choice:
                return self._one(text, choice, within)
        raise AssertionError("unreachable: bearers is not empty")

    def _one(self, text: str, choice: Sequence[Code], within: Sequence[str]) -> Code:
        if len(choice) == 1:
            return choice[0]
        # A city that is also a province has the name of the province; the province is meant.
        for code in choice:
            if all(code.code in self.ancestors(other.code) for other in choice if other is not code):
                return code
        # Go up from the given codes level by level, because an office may write the short name of a neighbouring district.
        scope = set(within)
        while scope:
            near = [code for code in choice if scope & set(self.lineage(code.code))]
            if len(near) == 1:
                return near[0]
            if near:
                break
            scope = {known.parent for code in scope if (known := self._codes.get(code)) and known.parent}
        raise UnknownCode(text, lambda: tuple(self._shown(code) for code in choice[:NEAREST]), tuple(choice))

    def ancestors(self, code: str) -> tuple[str, ...]:
        """The codes above a code, from its parent up."""
        found: list[str] = []
        known = self._codes.get(code)
        while known and known.parent and known.parent not in found:
            found.append(known.parent)
            known = self._codes.get(known.parent)
        return tuple(found)

    def lineage(self, code: str) -> tuple[str, ...]:
        """A code, its ancestors, its successors and the codes it maps to, each with its own lineage; without duplicates."""
        found: dict[str, None] = {}
        todo = [code]
        while todo:
            current = todo.pop(0)
            known = self._codes.get(current)
            if known is None or current in found:
                continue
            found[current] = None
            todo += [known.parent] if known.parent else []
            todo += [*known.successors, *known.maps_to]
        return tuple(found)

    @cached_property
    def _spelt(self) -> dict[str, str]:
        """Letters of a name -> name. Two threads may compute it at the same time, with the same result."""
        return {letters(name): name for name in self._names}

    def nearest(self, text: str, n: int = NEAREST) -> tuple[str, ...]:
        """The codes with the most similar names, as "kr:52 전북특별자치도 (Jeonbuk State)"; at most n."""
        return tuple(self._shown(code) for code in self.similar(text, n))

    def similar(self, text: str, n: int = NEAREST, least: float = LEAST) -> tuple[Code, ...]:
        """The codes with the most similar names; at most n, each similar by at least `least` percent."""
        found: dict[str, Code] = {}
        for name in alike(folded(text[:LONGEST]), self._spelt, 4 * n, least):
            current = [self._codes[code] for code in self._names[name]]
            for code in [code for code in current if code.valid_to is None] or current:
                found[code.code] = code
        return tuple(found.values())[:n]

    def _shown(self, code: Code) -> str:
        names = list(dict.fromkeys(code.names.get(lang, "") for lang in ("ko", "en")))
        first, *rest = [name for name in names if name]
        where = self._codes.get(code.parent)
        upper = f", {where.names.get('ko', where.names.get('en', ''))}" if where and where.parent else ""
        return f"{code.code} {first}{f' ({rest[0]})' if rest else ''}{upper}"
