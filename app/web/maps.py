"""Maps of Korea's regions as SVG in the page, made of the shapes that the desk's map has too (static/map). Each region is a link.

The shapes are finer than a page can show, and a page's HTML is small. So their points are put on a grid as fine as the picture is
large.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache

import msgspec
from markupsafe import Markup
from msgspec import Struct
from msgspec.structs import replace

from app.syndication.texts import name, text
from app.web.assets import STATIC
from schemas import codes

FINE = 480  # the points of the grid along the longer side
WHOLE = "kr"
# The shapes are closed lines of relative steps.
_RING = re.compile(r"M(-?\d+) (-?\d+)l([^z]*)z")
_NUMBER = re.compile(r"-?\d+")

Box = tuple[int, int, int, int]  # left, top, width and height


class MapOutline(Struct, frozen=True):
    """A map: its regions on a grid."""

    box: Box
    shapes: Mapping[str, str]  # code of a region -> the path
    source: str  # who made it; it has to be named


class Tile(Struct, frozen=True):
    """A place in the grid that stands for the map on a phone; empty if nothing stands there."""

    code: str = ""
    wide: bool = False
    path: str = ""  # its page
    name: str = ""
    short: str = ""  # the name that fits a tile
    shade: int = 0
    amount: int = 0


class DrawnMap(Struct, frozen=True):
    """A map as a page shows it."""

    picture: Markup
    source: str


@cache
def outline(code: str) -> MapOutline | None:
    """The map of the regions below a region; None if there is none."""
    file = "kr.json" if code == WHOLE else f"{code.replace(':', '-')}.json"
    path = STATIC / "map" / file
    if (code != WHOLE and not re.fullmatch(r"kr:\d{2}", code)) or not path.exists():
        return None
    korea = msgspec.json.decode((STATIC / "map" / "kr.json").read_bytes())
    given = korea if code == WHOLE else msgspec.json.decode(path.read_bytes())
    left, top, width, height = korea["viewBox"] if code == WHOLE else korea["frames"][code.partition(":")[2]]
    step = max(width, height) / FINE
    # A city's wards are drawn as the city.
    wards = {code.code for part in given["shapes"] for code in codes("region").children(f"kr:{part}")}
    parts = {f"kr:{part}": path for part, path in given["shapes"].items() if f"kr:{part}" not in wards}
    shapes = {part: _coarser(path, step) for part, path in parts.items()}
    box = (round(left / step), round(top / step), round(width / step), round(height / step))
    return MapOutline(box, shapes, korea["source"])


@cache
def tiles() -> tuple[Tile, ...]:
    """The provinces as tiles, row by row."""
    korea = msgspec.json.decode((STATIC / "map" / "kr.json").read_bytes())
    placed = {(row, column): (code, wide) for code, (column, row, wide) in _placed(korea["tiles"])}
    columns = 1 + max(column + wide - 1 for (_, column), (_, wide) in placed.items())
    found: list[Tile] = []
    for row in range(1 + max(row for row, _ in placed)):
        column = 0
        while column < columns:
            code, wide = placed.get((row, column), ("", 1))
            found.append(Tile(f"kr:{code}" if code else "", wide > 1))
            column += wide
    return tuple(found)


def _placed(given: Mapping[str, Sequence[int]]) -> list[tuple[str, tuple[int, int, int]]]:
    return [(code, (place[0], place[1], place[2] if len(place) > 2 else 1)) for code, place in given.items()]


def tile_links(amounts: Mapping[str, int], lang: str) -> list[Tile]:
    """The provinces as tiles with their names and amounts."""
    shades = shades_of(amounts)
    return [
        replace(
            tile,
            path=f"/regions/{tile.code}",
            name=name(tile.code, lang),
            short=_short(tile, lang),
            shade=shades.get(tile.code, 0),
            amount=amounts.get(tile.code, 0),
        )
        if tile.code
        else tile
        for tile in tiles()
    ]


def _short(tile: Tile, lang: str) -> str:
    """The short name of a province: 전북, Chungnam."""
    known, whole = codes("region").get(tile.code), name(tile.code, lang)
    aliases = known.aliases if known else ()
    if lang == "ko":
        return whole[:4] if tile.wide else next((alias for alias in aliases if len(alias) == 2), whole)
    short = re.split("[ -]", whole)[0]
    like = [alias for alias in aliases if alias.isascii() and alias.isalpha() and alias[0] == short[0]]
    return min((alias for alias in like if len(alias) > 3), key=len, default=short) if len(short) > 9 else short


def drawn(code: str, amounts: Mapping[str, int], lang: str) -> DrawnMap | None:
    """The map of what is below a region; None if there is none."""
    found = outline(code)
    if found is None:
        return None
    label = text("browse-map", lang).format(name=name(code, lang))
    return DrawnMap(_picture(found, label, lambda part: name(part, lang), amounts), found.source)


def _picture(drawn: MapOutline, label: str, named: Callable[[str], str], amounts: Mapping[str, int]) -> Markup:
    """The map as SVG. `named`: the name of a region; `amounts`: how many releases each has, which its shade and its title say."""
    shades = shades_of(amounts)
    paths = [
        Markup('<a href="/regions/{}"><title>{}</title><path class="s{}" d="{}"/></a>').format(
            part, f"{named(part)}: {amounts.get(part, 0):,}", shades.get(part, 0), Markup(shape)
        )
        for part, shape in drawn.shapes.items()
    ]
    start = Markup('<svg viewBox="{}" role="group" aria-label="{}">').format(" ".join(map(str, drawn.box)), label)
    return start + Markup("").join(paths) + Markup("</svg>")


def shades_of(amounts: Mapping[str, int]) -> dict[str, int]:
    """The shade of each region: from 1 to 4 by the square root of its amount, so that one very large amount does not leave all others
    alike; 0 for none."""
    most = max(amounts.values(), default=0)
    return {code: min(4, 1 + int(4 * (amount / most) ** 0.5)) if amount else 0 for code, amount in amounts.items()}


def _coarser(path: str, step: float) -> str:
    """A path on a grid of that step. Each point is rounded by itself, so neighbours keep the border that they share. An island that
    becomes a point or a line is left out, unless it is the whole region."""
    drawn = [_ring(int(x), int(y), lines, step) for x, y, lines in _RING.findall(path)]
    seen = [ring for ring, points in drawn if points > 2] or [max(drawn, key=lambda one: one[1])[0]]
    return "".join(seen)


def _ring(x: int, y: int, lines: str, step: float) -> tuple[str, int]:
    """One closed line on the grid, and how many of its points lie apart."""
    shown = round(x / step), round(y / step)
    made = [f"M{shown[0]} {shown[1]}l"]
    numbers = list(map(int, _NUMBER.findall(lines)))
    for dx, dy in zip(numbers[::2], numbers[1::2], strict=True):
        x, y = x + dx, y + dy
        there = round(x / step), round(y / step)
        if there != shown:
            made.append(f"{there[0] - shown[0]:+d}{there[1] - shown[1]:+d}")
            shown = there
    return "".join((*made, "z")).replace("l+", "l").replace("+", " "), len(made)
