"""Renders articles as bytes. Pure: nothing here uses Flask, SQL, Redis, the clock or the environment.

A feed format is one module with the names that `feeds/format.py` describes, and one line in `FORMATS`. Other rooms import
from here what all formats share, such as `Article`.
"""

from feeds import atom, jsonfeed, newsml, ninjs, ninjs_older, rss
from feeds.article import (
    ALL_RIGHTS_RESERVED,
    BASE,
    BLANK,
    EPOCH,
    KOREA,
    LANG,
    NEVER,
    SCHEMES,
    SIGNALS,
    Article,
    Brief,
    Contact,
    Enclosure,
    Feed,
    Fragment,
    Licence,
    Office,
    Related,
    Term,
    Withdrawn,
    embargo_sentence,
    is_uri,
    rfc3339,
    rfc3339_utc,
    withdrawal,
)
from feeds.citation import bibtex, citation_sentence, csl_json
from feeds.format import ArticleFormat, Extended, Format, Variant, render
from feeds.opml import Outline

FORMATS: dict[str, Format] = {
    "rss": rss,
    "atom": atom,
    "newsml": newsml,
    "json": jsonfeed,
    "ninjs": ninjs,
}
DEFAULT = "rss"  # if no format is given

# The parameter that chooses between the variants of a format, and its value for the format in FORMATS, which may be left out.
CHOICES = {"ninjs": ("version", "3.1"), "rss": ("extensions", "known"), "atom": ("extensions", "known")}
# Other ways to write a format. The name of a variant can be used wherever the name of a format is used.
VARIANTS: dict[str, Variant] = {
    "ninjs-1.3": Variant("ninjs", "1.3", ninjs_older.VERSION_1_3),
    "ninjs-2.0": Variant("ninjs", "2.0", ninjs_older.VERSION_2_0),
    "ninjs-2.1": Variant("ninjs", "2.1", ninjs_older.VERSION_2_1),
    "rss-all": Variant("rss", "all", Extended(rss)),
    "atom-all": Variant("atom", "all", Extended(atom)),
}


def format_of(name: str) -> Format:
    """The format with a name in FORMATS or VARIANTS. Raises KeyError."""
    return VARIANTS[name].format if name in VARIANTS else FORMATS[name]


def ending_of(name: str) -> tuple[str, str]:
    """How addresses name a format or a variant: the ending, and a parameter or "". ("ninjs", "version=1.3")"""
    variant = VARIANTS.get(name)
    return (variant.of, f"{CHOICES[variant.of][0]}={variant.value}") if variant else (name, "")


def variants(format: str) -> dict[str, str]:
    """The values of the parameter of a format in FORMATS -> the names of the variants; empty if it has none."""
    if format not in CHOICES:
        return {}
    others = {variant.value: name for name, variant in VARIANTS.items() if variant.of == format}
    return dict(sorted((others | {CHOICES[format][1]: format}).items()))


def fullest(name: str) -> str:
    """The name of the variant with all extensions, for documents that nobody validates: deliveries, deltas and feeds under
    embargo."""
    return f"{name}-all" if f"{name}-all" in VARIANTS else name


def of_articles() -> dict[str, ArticleFormat]:
    """The formats in FORMATS that can also write single articles."""
    return {name: format for name, format in FORMATS.items() if isinstance(format, ArticleFormat)}


def variants_of_articles() -> dict[str, ArticleFormat]:
    """The variants that can also write single articles."""
    return {name: variant.format for name, variant in VARIANTS.items() if isinstance(variant.format, ArticleFormat)}


__all__ = [
    "ALL_RIGHTS_RESERVED",
    "BASE",
    "BLANK",
    "CHOICES",
    "DEFAULT",
    "EPOCH",
    "FORMATS",
    "KOREA",
    "LANG",
    "NEVER",
    "SCHEMES",
    "SIGNALS",
    "VARIANTS",
    "Article",
    "ArticleFormat",
    "Brief",
    "Contact",
    "Enclosure",
    "Feed",
    "Fragment",
    "Licence",
    "Office",
    "Outline",
    "Related",
    "Term",
    "Variant",
    "Withdrawn",
    "bibtex",
    "citation_sentence",
    "csl_json",
    "embargo_sentence",
    "ending_of",
    "format_of",
    "fullest",
    "is_uri",
    "of_articles",
    "render",
    "rfc3339",
    "rfc3339_utc",
    "variants",
    "variants_of_articles",
    "withdrawal",
]
