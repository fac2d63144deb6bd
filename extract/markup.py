"""Writes pieces of a document as HTML of the elements that our own dialect has (docs/press-release-format.md, "The body").

A picture's `src` is its name among the saved pictures, relative.
"""

from collections.abc import Sequence
from html import escape

from extract.layout import Grid, Para, Piece, Shot

MOST_HEADING = 4  # h2, h3, h4


def html_of(pieces: Sequence[Piece], notes: Sequence[str] = ()) -> str:
    """The pieces in their order; footnotes stand at the end."""
    out: list[str] = []
    open_lists: list[str] = []  # names of the lists that are open, from the outside
    for piece in pieces:
        item = piece.item if isinstance(piece, Para) else ""
        if isinstance(piece, Para) and item:
            _to_level(out, open_lists, item, piece.level + 1)
            out.append(f"<li>{piece.html}")
            continue
        _to_level(out, open_lists, "", 0)
        out.append(_piece(piece))
    _to_level(out, open_lists, "", 0)
    out += (f"<p><sup>{number})</sup> {note}</p>" for number, note in enumerate(notes, 1))
    return "".join(out)


def _to_level(out: list[str], open_lists: list[str], name: str, level: int) -> None:
    """Close and open lists, so that `level` of them are open and the inner one is `name`. An item stays open for lists in it."""
    while len(open_lists) > level or (len(open_lists) == level and open_lists and open_lists[-1] != name):
        out.append(f"</li></{open_lists.pop()}>")
    if len(open_lists) == level:
        out.append("</li>" if open_lists else "")
        return
    while len(open_lists) < level:
        if open_lists and out[-1].endswith(">") and out[-1] in ("<ul>", "<ol>"):
            out.append("<li>")
        open_lists.append(name)
        out.append(f"<{name}>")


def _piece(piece: Piece) -> str:
    if isinstance(piece, Para):
        if piece.heading:
            level = min(piece.heading + 1, MOST_HEADING)
            return f"<h{level}>{piece.html}</h{level}>"
        html = f"<strong>{piece.html}</strong>" if piece.bold else piece.html
        return f"<p>{html}</p>"
    if isinstance(piece, Shot):
        return figure_html(piece)
    return table_html(piece)


def figure_html(shot: Shot) -> str:
    """A picture with its caption, which is HTML."""
    caption = f"<figcaption>{shot.caption}</figcaption>" if shot.caption else ""
    return f'<figure><img src="{escape(shot.name)}" alt="{shot.alt}"/>{caption}</figure>'


def table_html(grid: Grid) -> str:
    """A table with its spans."""
    rows = []
    for row in grid.rows:
        cells = []
        for box in row:
            spans = f' colspan="{box.columns}"' if box.columns > 1 else ""
            spans += f' rowspan="{box.rows}"' if box.rows > 1 else ""
            tag = "th" if box.head else "td"
            cells.append(f"<{tag}{spans}>{_inside(box.parts, box.head)}</{tag}>")
        rows.append(f"<tr>{''.join(cells)}</tr>")
    caption = f"<caption>{grid.caption}</caption>" if grid.caption else ""
    return f"<table>{caption}<tbody>{''.join(rows)}</tbody></table>"


def _inside(parts: Sequence[Piece], head: bool) -> str:
    """The content of a cell: words alone need no paragraph, and what names a row or column is bold anyway."""
    if all(isinstance(part, Para) and not part.item for part in parts):
        paras = [part for part in parts if isinstance(part, Para)]
        return "<br/>".join(f"<strong>{para.html}</strong>" if para.bold and not head else para.html for para in paras)
    return html_of(parts)
