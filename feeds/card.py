"""The picture of a release for social networks: headline, office and day as PNG, 1200 × 630 (https://ogp.me/#structured), laid out by
Typst (`feeds/card.typ`). The same words give the same bytes."""

from pathlib import Path

import typst

from feeds.article import Article, direction
from feeds.pdf import FONTS

MIMETYPE = "image/png"
WIDTH, HEIGHT = 1200, 630
LONGEST = 110  # characters of the headline
LONGEST_NAME = 60  # and of the names
# Up to so many characters, wide ones counted twice, the headline has this size (pt).
SIZES = ((32, 44), (64, 36), (110, 30))
SMALLEST = 25
TEMPLATE = (Path(__file__).parent / "card.typ").read_bytes()


def render_card(article: Article, site: str, day: str) -> bytes:
    """The picture. `site`: the name of the site; `day`: the day of the issue, as it is to be written."""
    headline = _cut(article.headline, LONGEST)
    inputs = {
        "headline": headline,
        "office": _cut(article.office.name, LONGEST_NAME),
        "day": day,
        "site": _cut(site, LONGEST_NAME),
        "size": str(next((size for length, size in SIZES if _length(headline) <= length), SMALLEST)),
        "rtl": "yes" if direction(article.lang) == "rtl" else "no",
    }
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=[FONTS])
    made = typst.compile(
        TEMPLATE, format="png", ppi=144.0, font_paths=fonts, ignore_system_fonts=True, sys_inputs=inputs
    )
    return bytes(made) if not isinstance(made, list) else bytes(made[0])


def _cut(text: str, most: int) -> str:
    """At most so many characters, without control characters."""
    text = "".join(character for character in text if character.isprintable())
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def _length(text: str) -> int:
    return sum(1 if character.isascii() else 2 for character in text)
