"""Unicode normalisation of linear cost. https://www.unicode.org/reports/tr15/

Python sorts the combining marks behind a letter by insertion: 40,000 of them take 1.5 s, and no other thread runs meanwhile. So a
longer run of marks is parted first, as the Stream-Safe Text Format does it (section 13): no writing puts thirty on one letter.
"""

import re
import unicodedata
from functools import cache

MOST_MARKS = 30  # in a row (UAX15-D3)
JOINER = "\u034f"  # COMBINING GRAPHEME JOINER: it parts marks and is not seen (UAX15-D4)
# They combine with nothing themselves, and are marks when they are taken apart.
COMPOSED = frozenset("\u0f73\u0f75\u0f81\uff9e\uff9f")
FIRST, LAST = 0x300, 0x1F000  # between them lie all marks


def nfc(text: str) -> str:
    """Normalization Form C; a run of more than MOST_MARKS combining marks is parted by a joiner."""
    return text if text.isascii() else unicodedata.normalize("NFC", parted(text))


def nfkc(text: str) -> str:
    """Normalization Form KC, likewise."""
    return text if text.isascii() else unicodedata.normalize("NFKC", parted(text))


def parted(text: str) -> str:
    """The text with a joiner after each MOST_MARKS marks in a row."""
    # A longer run than that has a mark at one of these places. Most texts have few characters, and none of them is one.
    if not any(unicodedata.combining(char) or char in COMPOSED for char in set(text[:: MOST_MARKS + 1])):
        return text
    return _long().sub(lambda run: run[0] + JOINER, text)


@cache
def _long() -> re.Pattern[str]:
    marks = [char for char in map(chr, range(FIRST, LAST)) if unicodedata.combining(char) or char in COMPOSED]
    # Those beyond the first plane are asked for apart: in one class with them each letter is compared with every one of them.
    low, high = ("".join(char for char in marks if (char > "\uffff") == far) for far in (False, True))
    mark = f"(?:[{low}]|(?=[\U00010000-\U0001ffff])[{high}])"
    return re.compile(f"{mark}{{{MOST_MARKS}}}(?={mark})")
