"""Maps of Korea's regions as SVG in the page, made of the shapes that the desk's map has too (static/map). Each region is a link to
its page; its shade, and a number beside its name, say how many releases it has.

The provinces are shown by reference to a file of shapes that browsers keep (app/web/assets.py). The shapes of a province's parts stand
in its page. They have more points than a page can show, and a page's HTML must stay small. So the points are put on a grid that
fits the size of the picture.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from itertools import pairwise
from math import isqrt
from pathlib import Path

import msgspec
from markupsafe import Markup
from msgspec import Struct
from msgspec.structs import replace

from app.syndication.texts import name, text
from app.web import assets
from app.web.context import here
from schemas import codes

FINE = 480  # the points of the grid along the longer side
WHOLE = "kr"
SHADES = 4  # besides the shade for no releases
# The shapes are closed lines of relative steps.
_RING = re.compile(r"M(-?\d+) (-?\d+)l([^z]*)z")
_NUMBER = re.compile(r"-?\d+")

Box = tuple[int, int, int, int]  # left, top, width and height


class MapOutline(Struct, frozen=True):
    """A map: its regions on a grid."""

    box: Box
    shapes: Mapping[
        str, str
    ]  # code of a region -> the path; of a province, where it stands in the file of their shapes
    frames: tuple[Box, ...] = ()  # of islands that are drawn elsewhere than they lie


class Tile(Struct, frozen=True):
    """A place in the grid that stands for the map on a phone; empty if nothing stands there."""

    code: str = ""
    wide: bool = False
    path: str = ""  # its page
    name: str = ""
    short: str = ""  # the name that fits a tile
    shade: int = 0
    amount: str = ""


class Shade(Struct, frozen=True):
    """What a shade of a map means."""

    shade: int
    least: int
    largest: int


class DrawnMap(Struct, frozen=True):
    """A map as a page shows it."""

    picture: Markup
    scale: tuple[Shade, ...] = ()


@cache
def outline(code: str) -> MapOutline | None:
    """The map of the regions below a region; None if there is none."""
    if code != WHOLE and (not re.fullmatch(r"kr:\d{2}", code) or not _file(code).exists()):
        return None
    korea, given = msgspec.json.decode(_file(WHOLE).read_bytes()), msgspec.json.decode(_file(code).read_bytes())
    if code == WHOLE:
        links = {f"kr:{part}": f"#kr-{part}" for part in given["shapes"]}
        return MapOutline(tuple(korea["viewBox"]), links, tuple(map(tuple, korea["insets"])))
    left, top, width, height = korea["frames"][code.partition(":")[2]]
    step = max(width, height) / FINE
    # A city's wards are drawn as the city.
    wards = {code.code for part in given["shapes"] for code in codes("region").children(f"kr:{part}")}
    parts = {f"kr:{part}": path for part, path in given["shapes"].items() if f"kr:{part}" not in wards}
    shapes = {part: _coarser(path, step) for part, path in parts.items()}
    box = (round(left / step), round(top / step), round(width / step), round(height / step))
    return MapOutline(box, shapes)


def provinces() -> tuple[str, ...]:
    """The regions of the whole map."""
    whole = outline(WHOLE)
    return tuple(whole.shapes) if whole else ()


def _file(code: str) -> Path:
    return assets.STATIC / "map" / ("kr.json" if code == WHOLE else f"{code.replace(':', '-')}.json")


@cache
def tiles() -> tuple[Tile, ...]:
    """The provinces as tiles, row by row."""
    korea = msgspec.json.decode(_file(WHOLE).read_bytes())
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


def tile_links(amounts: Mapping[str, int], lang: str, most: int = 0) -> list[Tile]:
    """The provinces as tiles with their names and amounts; amounts above `most`, if given, were not counted exactly."""
    shades = shades_of(amounts, provinces())
    return [
        replace(
            tile,
            path=f"/regions/{tile.code}",
            name=name(tile.code, lang),
            short=_short(tile, lang),
            shade=shades.get(tile.code, 0),
            amount=amount_words(amounts.get(tile.code, 0), most),
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


def map_of(code: str, amounts: Mapping[str, int], lang: str, most: int = 0) -> DrawnMap | None:
    """The map of what is below a region; None if there is none. `most`: as of the tiles."""
    found = outline(code)
    if found is None:
        return None
    shades = shades_of(amounts, found.shapes)
    parts = Markup("").join(
        Markup('<a href="/regions/{}"><title>{}</title>{}</a>').format(
            part, f"{name(part, lang)}: {amount_words(amounts.get(part, 0), most)}", _shape(shape, shades.get(part, 0))
        )
        for part, shape in found.shapes.items()
    )
    frames = Markup("").join(
        map(Markup('<rect class="inset" x="{0[0]}" y="{0[1]}" width="{0[2]}" height="{0[3]}"/>').format, found.frames)
    )
    label = text("browse-map", lang).format(name=name(code, lang))
    start = Markup('<svg viewBox="{}" role="group" aria-label="{}">').format(" ".join(map(str, found.box)), label)
    largest = max((amounts.get(part, 0) for part in found.shapes), default=0)
    return DrawnMap(start + frames + parts + Markup("</svg>"), scale_of(largest))


def _shape(shape: str, shade: int) -> Markup:
    if shape.startswith("#"):
        file = assets.of_site(here().settings).url(assets.MAP)
        return Markup('<use class="s{}" href="{}{}"/>').format(shade, file, shape)
    return Markup('<path class="s{}" d="{}"/>').format(shade, shape)


def amount_words(amount: int, most: int = 0) -> str:
    """A number for readers; "5,000+" if it is at least `most`."""
    return f"{amount:,}+" if most and amount >= most else f"{amount:,}"


def shades_of(amounts: Mapping[str, int], regions: Collection[str]) -> dict[str, int]:
    """The shade of each of these regions: from 1 to SHADES by the square root of its amount, so that one very large amount does not
    leave all others alike; 0 for none."""
    there = {code: amounts.get(code, 0) for code in regions}
    most = max(there.values(), default=0)
    return {code: shade_of(amount, most) for code, amount in there.items()}


def shade_of(amount: int, most: int) -> int:
    """The shade of an amount where `most` is the largest one."""
    return min(SHADES, 1 + isqrt(SHADES**2 * amount // most)) if amount else 0


def scale_of(most: int) -> tuple[Shade, ...]:
    """The shades that there can be where `most` is the largest amount."""
    starts = [0, *(max(1, -(-most * shade**2 // SHADES**2)) for shade in range(SHADES)), most + 1]
    return tuple(
        Shade(shade, least, after - 1) for shade, (least, after) in enumerate(pairwise(starts)) if least < after
    )


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
