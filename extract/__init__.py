"""Extracts the text of files. `python -m extract TYPE < FILE` reads one file, which may be hostile, in its own process.

This code does not use the server: no settings, database, cache or network. So it starts in a tenth of a second, much faster than the
whole application. `app.files.extraction` starts it, with a deadline.
"""

from msgspec import Struct

MOST_TEXT = 1_000_000  # characters of one file
MOST_PARTS = (
    50_000  # paragraphs, rows and cells of one file, including empty ones, because each becomes an object in the server
)
MOST_INFLATED = 64 * 1024 * 1024  # decompressed bytes of all parts of one file


class Unreadable(Exception):
    """A file cannot be read. The message is one sentence for the office; `key` is the kind: "broken", "protected" or "large"."""

    def __init__(self, sentence: str, key: str = "broken") -> None:
        super().__init__(sentence)
        self.key = key


class Cell(Struct, frozen=True):
    """A cell of a table."""

    text: str
    columns: int = 1  # columns that it spans
    rows: int = 1  # rows that it spans


class Block(Struct, frozen=True):
    """A paragraph; or a table, if it has rows."""

    text: str = ""
    rows: tuple[tuple[Cell, ...], ...] = ()


class Extracted(Struct, frozen=True):
    """The content of a file."""

    blocks: tuple[Block, ...] = ()
    problem: str = ""  # why the file could not be read, in one sentence; empty: it was read
    cut: bool = False  # the file has more text than the limits allow

    @property
    def text(self) -> str:
        """The content as plain text, with a blank line between blocks and a tab between the cells of a row."""
        return "\n\n".join(filter(None, map(_plain, self.blocks)))


def _plain(block: Block) -> str:
    if not block.rows:
        return block.text.strip()
    rows = ("\t".join(" ".join(cell.text.split()) for cell in row) for row in block.rows)
    return "\n".join(row for row in rows if row.strip())
