"""The documentation as pages: the Markdown of `docs/` (https://commonmark.org, with tables) as clean HTML.

A file is read and rendered once in each process. Raw HTML in it is shown as text, and the result is cleaned as well.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from posixpath import dirname, join, normpath

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape
from msgspec import Struct

DOCS = Path(__file__).parent.parent.parent / "docs"
INDEX = "README"
BESIDE = ("CONTRIBUTING", "SECURITY")  # documents that stand beside the folder, where a checkout has them
PLAIN = (".conf", ".vcl")  # files that are shown as they are
PICTURES = {".png": "image/png", ".svg": "image/svg+xml"}
# Sections that are pages of their own, which would say the same: (document, heading) -> path.
ELSEWHERE = {("http", "routes"): "/docs/api", ("http", "problems"): "/docs/api/problems"}
MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
MARKDOWN.parse("a")  # it sorts its rules at the first use; two threads must not do that at once
TAGS = {
    *(
        "p",
        "h1",
        "h2",
        "h3",
        "h4",
        "ul",
        "ol",
        "li",
        "pre",
        "code",
        "strong",
        "em",
        "a",
        "img",
        "blockquote",
        "hr",
        "br",
    ),
    *("table", "thead", "tbody", "tr", "th", "td", "div"),
}
ATTRIBUTES = {
    "a": {"href"},
    "img": {"src", "alt"},
    "div": {"class", "tabindex", "role", "aria-label"},
    "pre": {"class"},
    "th": {"scope"},
    "ol": {"start"},
    **{f"h{level}": {"id"} for level in range(1, 5)},
}
HERE = "http://127.0.0.1:8080"  # this server, in the examples
THERE = re.compile(
    r"https://press\.example(?:\.org)?(?=[/\s&\"'<]|$)"
)  # the address of a server on the internet, in the examples
OFFICE = re.compile(r"(office=|/atompub/|(?:token|office|key) add |--office )(?:jeonbuk|seoul)\b")
NAMES = re.compile(r"[\w. &]+")  # on both sides of an arrow
PART = re.compile(r'^\s*subgraph \w+\["(.*)"\]\s*$')
EXAMPLES = re.compile(r"<(code|pre)[^>]*>.*?</\1>", re.DOTALL)


class Chapter(Struct, frozen=True):
    """A heading of a page."""

    id: str
    title: str
    level: int


class ManualPage(Struct, frozen=True):
    """A document as a page."""

    name: str  # as in its path: "http", "dialects/atom"
    title: str
    lead: str  # its first paragraph, without markup
    body: str  # clean HTML without the title
    chapters: tuple[Chapter, ...]


class Shelf(Struct, frozen=True):
    """A group of the contents list."""

    title: str
    pages: tuple[tuple[str, str], ...]  # (path, title)


@cache
def documents() -> frozenset[str]:
    """The names of all documents."""
    found = {str(path.relative_to(DOCS).with_suffix("")) for path in DOCS.rglob("*.md")}
    found |= {name for name in BESIDE if _file(name).exists()}
    return frozenset(found | {path.name for path in DOCS.iterdir() if path.suffix in PLAIN})


def _file(name: str) -> Path:
    return (DOCS.parent if name in BESIDE else DOCS) / f"{name}.md"


@cache
def page_of(name: str) -> ManualPage:
    """A document. Raises KeyError for a name that is none."""
    if name not in documents():
        raise KeyError(name)
    if name.endswith(PLAIN):
        source = (DOCS / name).read_text("utf-8")
        return ManualPage(name, name, "", f"<pre><code>{escape(source)}</code></pre>", ())
    return _page(name, MARKDOWN.parse(_file(name).read_text("utf-8")))


@cache
def shelves() -> tuple[Shelf, ...]:
    """The contents list: the links below each heading of the index."""
    found: list[tuple[str, list[tuple[str, str]]]] = []
    heading = False
    for token in _linked(INDEX, MARKDOWN.parse((DOCS / f"{INDEX}.md").read_text("utf-8"))):
        heading = token.type == "heading_open" or (heading and token.type == "inline")
        if token.type != "inline":
            continue
        if heading:
            found.append((_text(token), []))
        elif found:
            found[-1][1].extend(_links(token))
    return tuple(Shelf(title, tuple(pages)) for title, pages in found if pages)


@cache
def picture(name: str) -> tuple[bytes, str]:
    """The bytes and the media type of a picture of the documentation. Raises KeyError."""
    known = {path.name: path for path in (DOCS / "pictures").iterdir() if path.suffix in PICTURES}
    return known[name].read_bytes(), PICTURES[known[name].suffix]


def addressed(body: str, base: str, office: str = "") -> Markup:
    """The HTML of a page with the address of this server in its examples, and the reader's office where an office's code stands."""

    def own(match: re.Match[str]) -> str:
        example = THERE.sub(str(escape(base)), match[0].replace(HERE, str(escape(base))))
        return OFFICE.sub(rf"\g<1>{escape(office)}", example) if office else example

    return Markup(EXAMPLES.sub(own, body))


@cache
def rendered(source: str) -> Markup:
    """A line or a table of Markdown as HTML; links lead as from a document of the top folder."""
    return Markup(_html(_linked("", MARKDOWN.parse(source))))


def _page(name: str, tokens: list[Token]) -> ManualPage:
    tokens, chapters = _with_ids(tokens)
    title, *below = chapters
    lead = next((_text(tokens[at + 1]) for at, token in enumerate(tokens) if token.type == "paragraph_open"), "")
    body = _html(
        _framed(name, _linked(name, _drawn(_kept(name, tokens[3:]))))
    )  # 3: the title, which the page shows itself
    return ManualPage(
        name, title.title, lead, body, tuple(one for one in below if one.level <= 3 and (name, one.id) not in ELSEWHERE)
    )


def _html(tokens: Iterable[Token]) -> str:
    return _clean(MARKDOWN.renderer.render(list(tokens), MARKDOWN.options, {}))


def _clean(html: str) -> str:
    return nh3.clean(html, tags=TAGS, attributes=ATTRIBUTES, link_rel=None)


def _with_ids(tokens: list[Token]) -> tuple[list[Token], list[Chapter]]:
    """The tokens with ids on the headings, which are made as GitHub makes them, so that links work there and here."""
    chapters: list[Chapter] = []
    for number, token in enumerate(tokens):
        if token.type != "heading_open":
            continue
        title = _text(tokens[number + 1])
        slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        repeated = sum(slug == re.sub(r"-\d+$", "", one.id) for one in chapters)
        token.attrSet("id", f"{slug}-{repeated}" if repeated else slug)
        chapters.append(Chapter(str(token.attrs["id"]), title, int(token.tag[1])))
    return tokens, chapters


def _kept(name: str, tokens: Sequence[Token]) -> Iterator[Token]:
    """The tokens without the text of those sections that are pages of their own: a link stands in its place."""
    path = ""
    for number, token in enumerate(tokens):
        if token.type == "heading_open" and token.tag == "h2":
            path = ELSEWHERE.get((name, str(token.attrs["id"])), "")
            if path:
                yield from MARKDOWN.parse(f"## [{_text(tokens[number + 1])}]({path})")
        if not path:
            yield token


def _drawn(tokens: Iterable[Token]) -> Iterator[Token]:
    """The tokens with a table in place of each drawing: what each arrow leads from, and what it leads to."""
    for token in tokens:
        if token.type == "fence" and token.info.strip() == "mermaid":
            yield from MARKDOWN.parse(arrows_of(token.content))
        else:
            yield token


def arrows_of(drawing: str) -> str:
    """A flowchart in Mermaid (https://mermaid.js.org/syntax/flowchart.html) as tables in Markdown, one for each of its parts. Raises
    ValueError for a line that is not of the kinds that the documentation uses."""
    found: list[str] = []
    begun = False
    for line in drawing.splitlines():
        if part := PART.match(line):
            found.append(f"\n**{part[1]}**\n")
            begun = False
        elif len(sides := line.strip().split("-->")) == 2 and all(NAMES.fullmatch(side) for side in sides):
            if not begun:
                found.append("\n| from | to |\n|---|---|")
                begun = True
            left, right = (", ".join(f"`{name.strip()}`" for name in side.split("&")) for side in sides)
            found.append(f"| {left} | → {right} |")
        elif line.strip() != "end" and not line.strip().startswith("flowchart "):
            raise ValueError(f"A drawing has a line that is not understood: {line[:80]!r}")
    return "\n".join(found)


def _linked(name: str, tokens: Iterable[Token]) -> list[Token]:
    """The tokens with links and pictures that lead to pages of ours. A link to a file that is no page loses its address."""
    found = list(tokens)
    for token in found:
        for child in token.children or ():
            if child.type == "link_open":
                address = _address(name, str(child.attrs["href"]))
                child.attrs = {"href": address} if address else {}
            elif child.type == "image":
                child.attrs["src"] = f"/docs/{normpath(join(dirname(name), str(child.attrs['src'])))}"
    return found


def _address(name: str, href: str) -> str:
    """The path of what a document links to; empty if that is not shown here."""
    if href.startswith(("https://", "http://", "/")):
        return href
    target, _, fragment = href.partition("#")
    folder = "" if name in BESIDE else "docs"
    document = normpath(join(folder, dirname(name), target)).removesuffix(".md") if target else name
    document = document if document in BESIDE else document.removeprefix("docs/")
    if moved := ELSEWHERE.get((document, fragment)):
        return moved
    if document not in documents():
        return ""
    path = "/docs" if document == INDEX else f"/docs/{document}"
    return f"{'' if document == name else path}#{fragment}" if fragment else path


def _framed(name: str, tokens: list[Token]) -> Iterator[Token]:
    """The tokens with each table in a part that scrolls by itself on a narrow screen."""
    heading = name
    for number, token in enumerate(tokens):
        if token.type == "heading_open":
            heading = _text(tokens[number + 1])
        if token.type == "table_open":
            frame = Token("frame_open", "div", 1, block=True)
            frame.attrs = {"class": "scroll", "tabindex": "0", "role": "group", "aria-label": heading}
            yield frame
        if token.type == "th_open" and not tokens[number + 1].content:
            token.tag = tokens[number + 2].tag = "td"  # the corner of a table is not a heading
        elif token.type == "th_open":
            token.attrSet("scope", "col")
        yield token
        if token.type == "table_close":
            yield Token("frame_close", "div", -1, block=True)


def _text(token: Token) -> str:
    return "".join(
        child.content for child in token.children or () if child.type in ("text", "code_inline", "softbreak")
    )


def _links(token: Token) -> Iterator[tuple[str, str]]:
    """(path, text) of each link in a line."""
    children = token.children or []
    for number, child in enumerate(children):
        if child.type == "link_open" and child.attrs:
            yield str(child.attrs["href"]), children[number + 1].content
