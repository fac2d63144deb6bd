"""Finds the names that are most similar to a wrong one. Hangul syllables are split into letters, so 복 is more like 북 than like
남."""

import unicodedata
from collections.abc import Mapping
from typing import TypeVar

from rapidfuzz import fuzz, process

from schemas.text import parted

T = TypeVar("T")
LEAST = 50.0  # similarity in percent from which a name is suggested


def letters(text: str) -> str:
    """The text split into single letters and marks (Normalization Form D)."""
    return text if text.isascii() else unicodedata.normalize("NFD", parted(text))


def alike(text: str, names: Mapping[str, T], most: int, least: float = LEAST) -> list[T]:
    """The values of the names that are most similar to a text, the most similar first; at most `most`, each of at least `least`
    percent. The names must be split by `letters`. The similarity counts how many letters must be inserted or deleted (normalised Indel
    similarity)."""
    found = process.extract(letters(text), list(names), scorer=fuzz.ratio, score_cutoff=least, limit=most)
    return [names[name] for name, *_ in found]
