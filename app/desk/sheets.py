"""Tables as CSV (RFC 4180) that spreadsheets open as they are: in UTF-8 with a mark, and no cell is a formula. Pure."""

import csv
import io
from collections.abc import Iterable, Sequence

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")  # what a cell that is a formula may begin with
MARK = "\ufeff"  # without it, Excel reads Korean as another encoding


def as_text(value: object) -> str:
    """A cell. Text that a spreadsheet would take for a formula gets an apostrophe (https://owasp.org/www-community/attacks/CSV_Injection);
    numbers stay numbers."""
    if isinstance(value, int):
        return str(value)
    said = str(value).replace("\0", "")
    dangerous = said.lstrip(" \u3000").startswith(FORMULAS) or said.startswith(FORMULAS)
    # Full-width signs are signs too, in the spreadsheets of East Asia.
    return f"'{said}" if dangerous or said.lstrip(" \u3000").startswith(("＝", "＋", "－", "＠")) else said


def sheet(rows: Iterable[Sequence[object]]) -> bytes:
    """The rows as CSV."""
    made = io.StringIO()
    csv.writer(made, lineterminator="\r\n").writerows([as_text(cell) for cell in row] for row in rows)
    return (MARK + made.getvalue()).encode()
