"""The interface of a format: a module of `feeds/` that has these names (PEP 544, "Modules as implementations of protocols").

https://peps.python.org/pep-0544/#modules-as-implementations-of-protocols
"""

from typing import Protocol, runtime_checkable

from msgspec import Struct
from msgspec.structs import replace

from feeds.article import Article, Feed, Fragment, Withdrawn


class Format(Protocol):
    """A feed format. In `FORMATS`, its name is the ending of its URLs."""

    MIMETYPE: str  # of a feed, with its charset
    LABEL: str  # name of the format on pages
    LINKED: frozenset[
        str
    ]  # relations of the links that its documents have (RFC 8288), so that no header has to repeat them

    def fragment_of(self, article: Article) -> Fragment:
        """What the format writes of the article in every feed. Depends on nothing else; never fails for a valid article."""

    def assemble(self, feed: Feed) -> bytes:
        """The feed as UTF-8 bytes, with `feed.fragments` for its articles; the same feed gives the same bytes. Never fails."""

    def tells(self, gone: Withdrawn) -> bool:
        """Whether `assemble` can express this withdrawal. If not, a delta or a delivery sends the whole feed instead."""

    def marked(self, article: Article) -> Article:
        """The article as it is rendered while it is under embargo, built with the functions in `feeds.article`."""


def render(format: Format, feed: Feed) -> bytes:
    """The feed with its articles, as UTF-8 bytes; the same feed gives the same bytes. Never fails for valid articles."""
    return format.assemble(replace(feed, fragments=tuple(map(format.fragment_of, feed.articles))))


@runtime_checkable
class ArticleFormat(Protocol):
    """A format of single articles. If a feed format also has these names, articles are available in it at `/articles/<id>.<name>`
    and for webhooks."""

    ARTICLE_MIMETYPE: str  # of the document of one article

    def render_article(self, article: Article) -> bytes:
        """The article as bytes; the same article gives the same bytes. Never fails for a valid article."""

    def marked(self, article: Article) -> Article:
        """As in `Format`."""


class Variant(Struct, frozen=True):
    """Another way to write a format in `FORMATS`. Its addresses have a parameter: /feed.ninjs?version=1.3."""

    of: str  # the name of the format
    value: str  # of the parameter (`CHOICES`)
    format: Format  # a module, or an object with the same names


class Syndication(Protocol):
    """What a module has that can be `Extended`."""

    MIMETYPE: str
    LABEL: str
    LINKED: frozenset[str]

    def fragment_of(self, article: Article, *, extended: bool = False) -> Fragment:
        """As in `Format`; `extended`: with all extensions."""

    def assemble(self, feed: Feed, *, extended: bool = False) -> bytes:
        """As in `Format`; `extended`: with all extensions."""

    def tells(self, gone: Withdrawn, *, extended: bool = False) -> bool:
        """As in `Format`."""

    def marked(self, article: Article) -> Article:
        """As in `Format`."""


class Extended:
    """RSS or Atom with all extensions. It has the names of `Format`, as a module has."""

    def __init__(self, module: Syndication) -> None:
        self._module = module
        self.MIMETYPE, self.LABEL, self.LINKED = module.MIMETYPE, module.LABEL, module.LINKED
        self.marked = module.marked

    def fragment_of(self, article: Article) -> Fragment:
        """As in `Format`."""
        return self._module.fragment_of(article, extended=True)

    def assemble(self, feed: Feed) -> bytes:
        """As in `Format`."""
        return self._module.assemble(feed, extended=True)

    def tells(self, gone: Withdrawn) -> bool:
        """Whether the format has an extension for withdrawals."""
        return self._module.tells(gone, extended=True)
