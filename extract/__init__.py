"""Files in, their text out. `python -m extract TYPE < FILE` reads one hostile file in a process of its own.

This code knows nothing of the server: no settings, database, cache or network. It starts in a tenth of a second, which the
whole application does not. `app.files.extraction` starts it, with a deadline.
"""

from msgspec import Struct

MOST_TEXT = 1_000_000  # characters kept of one file
MOST_PARTS = 50_000  # paragraphs, rows and cells kept of one file, empty ones too: each is an object in the server
MOST_INFLATED = 64 * 1024 * 1024  # bytes that the compressed parts of one file may hold together


class Unreadable(Exception):
    """The text of a file cannot be read; the message is one sentence for its office."""


class Cell(Struct, frozen=True):
    """A cell of a table."""

    text: str
    columns: int = 1  # how many it spans
    rows: int = 1


class Block(Struct, frozen=True):
    """A paragraph, or a table where there are rows."""

    text: str = ""
    rows: tuple[tuple[Cell, ...], ...] = ()


class Extracted(Struct, frozen=True):
    """What a file says."""

    blocks: tuple[Block, ...] = ()
    problem: str = ""  # why it could not be read, one sentence; empty: it was
    cut: bool = False  # there was more text than is kept

    @property
    def text(self) -> str:
        """Plain text: a blank line between blocks, a tab between the cells of a row."""
        return "\n\n".join(filter(None, map(_plain, self.blocks)))


def _plain(block: Block) -> str:
    if not block.rows:
        return block.text.strip()
    rows = ("\t".join(" ".join(cell.text.split()) for cell in row) for row in block.rows)
    return "\n".join(row for row in rows if row.strip())
