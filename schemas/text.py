"""Unicode normalisation in linear time. https://www.unicode.org/reports/tr15/

Python sorts the combining marks after a letter by insertion: 40,000 of them take 1.5 s, during which no other thread runs. So long
runs of marks are split first, as in the Stream-Safe Text Format (section 13). No script puts thirty marks on one letter.
"""

import re
import unicodedata
from functools import cache

MOST_MARKS = 30  # in a row (UAX15-D3)
JOINER = "\u034f"  # COMBINING GRAPHEME JOINER: invisible, and separates marks (UAX15-D4)
# Characters that do not combine themselves but are decomposed into marks.
COMPOSED = frozenset("\u0f73\u0f75\u0f81\uff9e\uff9f")
FIRST, LAST = 0x300, 0x1F000  # the range of all marks


def nfc(text: str) -> str:
    """The text in Normalization Form C; runs of more than MOST_MARKS combining marks are split by a joiner."""
    return text if text.isascii() else unicodedata.normalize("NFC", parted(text))


def nfkc(text: str) -> str:
    """The text in Normalization Form KC, with long runs of marks split likewise."""
    return text if text.isascii() else unicodedata.normalize("NFKC", parted(text))


def parted(text: str) -> str:
    """The text with a joiner after each MOST_MARKS marks in a row."""
    # A longer run has a mark at one of these positions. Checking them is fast, because most texts use few different characters.
    seen = text[:: MOST_MARKS + 1]
    if not _possible().search(seen) or not any(unicodedata.combining(char) or char in COMPOSED for char in set(seen)):
        return text
    return _long().sub(lambda run: run[0] + JOINER, text)


@cache
def _possible() -> re.Pattern[str]:
    """Every mark, and every character beyond the first plane: a class of these would be slow."""
    marks = "".join(char for char in map(chr, range(FIRST, 0x10000)) if unicodedata.combining(char) or char in COMPOSED)
    return re.compile(f"[{marks}\U00010000-\U0010ffff]")


@cache
def _long() -> re.Pattern[str]:
    marks = [char for char in map(chr, range(FIRST, LAST)) if unicodedata.combining(char) or char in COMPOSED]
    # Marks beyond the first plane have a class of their own; in a common class, each letter would be compared with every one of them.
    low, high = ("".join(char for char in marks if (char > "\uffff") == far) for far in (False, True))
    mark = f"(?:[{low}]|(?=[\U00010000-\U0001ffff])[{high}])"
    return re.compile(f"{mark}{{{MOST_MARKS}}}(?={mark})")
