"""A plot of amounts over time as an SVG picture, without a style, a script or a font of its own. Pure.

Each series is a row of bars of its own, with its name, its largest amount and its scale. The colours, blue and vermillion, are two
that colour-blind eyes tell apart (https://jfly.uni-koeln.de/color/), and are not needed to read it.
"""

from collections.abc import Sequence
from html import escape

from msgspec import Struct

COLOURS = ("#0072b2", "#d55e00")
WIDTH, LEFT, RIGHT, TOP, HEIGHT, GAP, FOOT = 760, 56, 12, 30, 110, 34, 26
NARROW = 440  # the width of a picture in a page, whose letters must be read on a phone
INK, LINE, PAPER = "#1e2124", "#8a949e", "#ffffff"
FAMILY = "'Pretendard GOV', Pretendard, 'Noto Sans KR', 'Malgun Gothic', sans-serif"


class BarSeries(Struct, frozen=True):
    """Amounts over time, one for each step, oldest first."""

    label: str
    amounts: Sequence[int]


def plotted(title: str, series: Sequence[BarSeries], ends: tuple[str, str], *, within: bool = False) -> str:
    """The picture. `ends`: what is written below the first and the last step. `within`: it stands in the HTML of a page and takes its
    colours of text and ground, instead of being a file."""
    height = TOP + len(series) * (HEIGHT + GAP) + FOOT
    ink, kind, width = ("currentColor", ' class="plot"', NARROW) if within else (INK, "", WIDTH)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img"'
        f' font-family="{escape(FAMILY)}" font-size="13" fill="{ink}"{kind}>',
        f"<title>{escape(title)}</title>",
        "" if within else f'<rect width="{width}" height="{height}" fill="{PAPER}"/>',
    ]
    for number, one in enumerate(series):
        parts += _row(one, width, TOP + number * (HEIGHT + GAP), COLOURS[number % len(COLOURS)])
    foot = height - 8
    parts.append(f'<text x="{LEFT}" y="{foot}">{escape(ends[0])}</text>')
    parts.append(f'<text x="{width - RIGHT}" y="{foot}" text-anchor="end">{escape(ends[1])}</text>')
    return "".join((*parts, "</svg>"))


def _row(series: BarSeries, width: int, top: int, colour: str) -> list[str]:
    most = max(series.amounts, default=0)
    wide = (width - LEFT - RIGHT) / max(1, len(series.amounts))
    base = top + HEIGHT
    parts = [
        f'<text x="{LEFT}" y="{top - 8}" font-weight="700">{escape(series.label)}</text>',
        f'<text x="{LEFT - 6}" y="{top + 12}" text-anchor="end">{most:,}</text>',
        f'<text x="{LEFT - 6}" y="{base}" text-anchor="end">0</text>',
        f'<path d="M{LEFT} {base}H{width - RIGHT}" stroke="{LINE}"/>',
    ]
    for place, amount in enumerate(series.amounts):
        if amount:
            high = max(1.0, amount / most * HEIGHT)
            left, across = LEFT + place * wide, max(1.0, min(40.0, wide * 0.8))
            parts.append(
                f'<rect x="{left:.2f}" y="{base - high:.2f}" width="{across:.2f}" height="{high:.2f}" fill="{colour}"/>'
            )
    return parts
