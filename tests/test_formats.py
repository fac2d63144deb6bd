"""The table of docs/formats.md is true: an article has every field, and each value must be at each place that the table names."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from lxml import etree, html
from msgspec import Struct
from msgspec.structs import fields, replace

from feeds import FORMATS, format_of, fullest, nar, nitf, nitf_body, render
from feeds.article import SCHEMES, Article
from feeds.beside import DC, MEDIA, PRISM, TERMS
from tests.articles import EVERYTHING, feed
from tests.feedwords import ATOM, CONTENT

PAGE = (Path(__file__).parent.parent / "docs" / "formats.md").read_text("utf-8")
COLUMNS = ("rss", "atom", "json", "ninjs", "newsml", "nitf")
ALL = replace(EVERYTHING, held=True)
DEFAULT = {"rss": "", "atom": ATOM[1:-1], "newsml": nar.NAR, "nitf": nitf_body.NITF}
PREFIXES = {
    "atom": ATOM[1:-1],
    "content": CONTENT[1:].partition("}")[0],
    "dc": DC[1:-1],
    "dcterms": TERMS[1:-1],
    "iptc": nar.NAR,
    "media": MEDIA[1:-1],
    "nar": nar.NAR,
    "prism": PRISM[1:-1],
}
KEYWORD = ("keywords.scheme", "keywords.names")  # a keyword is its own name and of no scheme


def table() -> dict[str, dict[str, str]]:
    """field -> column -> cell."""
    rows = re.findall(r"^\| `([a-z_.]+)` \| (.+) \|$", PAGE.partition("\n\nAn article in a feed")[0], re.MULTILINE)
    return {field: dict(zip(COLUMNS, cells.split(" | "), strict=True)) for field, cells in rows}


TABLE = table()


def leaves(kind: type[Struct]) -> Iterator[str]:
    """Every field of an article, and of what it is made of."""
    for field in fields(kind):
        inner = next(
            (one for one in (field.type, *get_args(field.type)) if isinstance(one, type) and issubclass(one, Struct)),
            None,
        )
        if inner is None:
            yield field.name
        else:
            yield from (f"{field.name}.{name}" for name in leaves(inner))


def values(found: object, path: list[str]) -> Iterator[object]:
    """What the article says there: of lists and names in languages each."""
    if isinstance(found, tuple):
        for one in found:
            yield from values(one, path)
    elif path:
        if found is not None:
            yield from values(getattr(found, path[0]), path[1:])
    elif isinstance(found, dict):
        yield from found.values()
    elif found not in ("", None):
        yield found


def spellings(value: object, field: str, cell: str) -> list[str]:
    """How a format may write it."""
    if isinstance(value, datetime):
        if "to the second" in cell:
            return [format_datetime(value)]
        basic = f"{value.astimezone(UTC):%Y%m%dT%H%M%S.%f}Z"
        return [value.isoformat(), value.isoformat().replace("+00:00", "Z"), basic]
    if isinstance(value, bool):
        return [str(value).lower()]
    if field.endswith(".scheme"):
        return [str(value), SCHEMES[str(value)]]
    return [str(value)]


def at(path: str, column: str, item: Any) -> list[str]:
    """The texts at a place."""
    if column in ("json", "ninjs"):
        return [str(one).lower() if isinstance(one, bool) else str(one) for one in walk(item, path.split("."))]
    steps = re.findall(r"(?:[^/\[]|\[[^\]]*\])+", path)
    prefixed = (step if step.startswith("@") or ":" in step.partition("[")[0] else f"d:{step}" for step in steps)
    query = "/".join(prefixed if DEFAULT[column] else steps)
    found = item.xpath(query, namespaces={"d": DEFAULT[column] or "urn:none", **PREFIXES})
    return [str(one) if isinstance(one, str) else "".join(one.itertext()) for one in found]


def walk(found: Any, path: list[str]) -> Iterator[object]:
    """`a[].b` is the b of each a, `a[k=v].b` of those whose k is v."""
    if not path:
        inner = found.values() if isinstance(found, dict) else found if isinstance(found, list) else None
        if inner is None:
            yield found
        else:
            for one in inner:
                yield from walk(one, [])
        return
    name, _, condition = path[0].removesuffix("]").partition("[")
    if name not in found:
        return
    key, _, wanted = condition.partition("=")
    many = found[name] if path[0].endswith("]") else [found[name]]
    for one in many:
        if not key or one.get(key) == wanted:
            yield from walk(one, path[1:])


def item(column: str) -> Any:
    """The article as the format writes it."""
    if column == "nitf":
        return etree.fromstring(nitf.render_article(ALL))
    document = render(format_of(fullest(column)), feed(ALL))
    if column == "json":
        return json.loads(document)["items"][0]
    if column == "ninjs":
        return json.loads(document)["associations"][0]
    path = {"rss": "channel/item", "atom": f"{ATOM}entry", "newsml": f".//{{{nar.NAR}}}newsItem"}[column]
    return etree.fromstring(document).find(path)


def plain(text: str) -> str:
    """Words alone: of a body without its markup."""
    if re.search(r"</[a-z0-9]+>", text):
        text = " ".join(html.fragment_fromstring(text, create_parent="div").itertext())
    return " ".join(text.split())


ITEMS = {column: item(column) for column in COLUMNS}


def test_what_plain_rss_and_atom_lack_is_said() -> None:
    """They have no element of PRISM or the IPTC, and the page names the fields that are nowhere else in them."""
    said = " ".join(PAGE.partition("So plain RSS and Atom have no place for")[2].partition(" Who needs")[0].split())
    both, _, rss_alone = said.partition(", and for ")
    for column, more in (("rss", rss_alone), ("atom", "")):
        lacks = {
            field.partition(".")[0] if field.startswith("contacts.") else field
            for field, row in TABLE.items()
            if row[column] != "–"
            and all(re.match(r"(iptc|prism):", place) for place in re.findall("`(.+?)`", row[column]))
        }
        assert lacks == set(re.findall(r"`([a-z_.]+)`", both + more)), column
        assert not re.search(b"<(iptc|prism):", render(FORMATS[column], feed(ALL)))


def test_the_table_has_every_field() -> None:
    assert sorted(TABLE) == sorted(set(leaves(Article)) - set(KEYWORD))


@pytest.mark.parametrize(
    ("field", "column"), [(field, column) for field in TABLE for column in COLUMNS if TABLE[field][column] != "–"]
)
def test_the_value_is_there(field: str, column: str) -> None:
    cell = TABLE[field][column]
    paths = re.findall(r"`([^`]+)`", cell)
    found = {path: [plain(text) for text in at(path, column, ITEMS[column])] for path in paths}
    assert all(found.values()), found
    said = list(values(ALL, field.split(".")))
    assert said, "the sample says nothing there"
    texts = [text for texts in found.values() for text in texts]
    if field in ("body", "text"):
        said = [word for one in said for word in (text_nodes(one) if field == "body" else str(one).split("\n\n"))]
        assert all(any(squeezed(word) in squeezed(text) for text in texts) for word in said), (said, found)
        return
    for value in said:
        written = [plain(one) for one in spellings(value, field, cell)]
        assert any(holds(text, one) for one in written for text in texts), (value, found)


def text_nodes(xhtml: object) -> list[str]:
    return [*html.fragment_fromstring(str(xhtml), create_parent="div").itertext()]


def squeezed(text: str) -> str:
    return "".join(text.split())


def holds(text: str, value: str) -> bool:
    """Whether it is that, or has it as a word."""
    before, after = (r"(?<!\w)" if value[0].isalnum() else ""), (r"(?!\w)" if value[-1].isalnum() else "")
    return re.search(f"{before}{re.escape(value)}{after}", text) is not None
