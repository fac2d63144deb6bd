"""The article: one press release as we keep and serve it.

The words follow IPTC NewsML-G2 (https://iptc.org/std/NewsML-G2/guidelines/). Every object here is frozen; `msgspec` gives
each its JSON and its bytes in the cache. All instants are timezone-aware and in UTC.
"""

from datetime import datetime

from msgspec import Struct


class Term(Struct, frozen=True):
    """One classification of an article, with the names it had when the article was normalised."""

    scheme: str  # "region", "medtop", "brm" or "keyword"
    code: str  # the code within feeds and queries: "kr:52", "medtop:20000500", "brm11"; a keyword is its own code
    names: dict[str, str] = {}  # BCP 47 language -> name; empty for a keyword


class Office(Struct, frozen=True):
    """Who issues (NewsML-G2 `provider`)."""

    code: str  # short, stable, ASCII: "jeonbuk"
    name: str  # in the office's own language
    url: str = ""  # its home page
    above: tuple[str, ...] = ()  # codes of the offices it is part of, the nearest first: their feeds show it too


class Contact(Struct, frozen=True):
    """Whom to ask; any part may be empty."""

    department: str = ""
    role: str = ""
    name: str = ""
    phone: str = ""
    email: str = ""


class Licence(Struct, frozen=True):
    """Under which terms a text or a file may be used; both empty: all rights reserved."""

    uri: str = ""
    text: str = ""


class Enclosure(Struct, frozen=True):
    """An attached file, by reference."""

    url: str  # absolute http or https URL
    type: str  # media type, "application/pdf"
    length: int | None = None  # bytes, where the office says so
    role: str = "document"  # "photo" or "document"
    caption: str = ""
    lang: str = ""  # BCP 47; empty: as the article
    licence: Licence | None = None  # its own, where it differs from the article's


class Related(Struct, frozen=True):
    """Another article this one belongs with, or this one in another language; a guid or a URL is given."""

    headline: str = ""
    guid: str = ""
    url: str = ""
    translation: str = ""  # BCP 47: it is this article in that language; empty: another article


class Article(Struct, frozen=True):
    """One press release, trusted: everything a renderer writes is checked and cleaned before this object exists."""

    id: str  # our public id, derived from guid
    guid: str  # the sender's globally unique id
    version: int  # the sender's revision, from 1
    lang: str  # BCP 47 language of the text
    pubstatus: str  # "usable", "withheld" or "canceled" (IPTC pubstatusg2)
    office: Office
    kind: str  # "press-release", "reference" or "explanation"
    headline: str  # plain text, one line
    subheadlines: tuple[str, ...]  # plain text
    summary: str  # plain text, never empty: the lead paragraph where the release gives none
    body: str  # well-formed XHTML fragment (see app.normalize), URLs absolute
    text: str  # the body as plain text, paragraphs parted by a blank line
    dateline: str  # place name, may be empty
    byline: str  # may be empty
    issued: datetime  # the office's own instant
    published: datetime  # when it may first be reported: the later of issued and embargoed
    updated: datetime  # when this version became public here; unique within one release
    embargoed: datetime | None  # the instant the embargo lifts or lifted
    held: bool  # embargoed until somebody releases it
    embargo_wording: str  # the office's own words for the embargo
    regions: tuple[Term, ...]  # as the release says, not their ancestors
    topics: tuple[Term, ...]  # "medtop" and "brm"
    keywords: tuple[Term, ...]
    contacts: tuple[Contact, ...]
    enclosures: tuple[Enclosure, ...]
    licence: Licence
    related: tuple[Related, ...]
    note: str  # editor's note
    url: str  # the article's page here, absolute
    urgency: int = 0  # 1 (most urgent) to 9 (IPTC); 0: not said
    slugline: str = ""
    source: str = ""  # where the information comes from, if not the office (NewsML-G2 infoSource)
    copyright: str = ""  # the notice; empty: the office's
    signal: str = (
        ""  # "correction" or "update" (IPTC signal): how this version differs from the public one that it replaced
    )


class Withdrawn(Struct, frozen=True):
    """An article that left a feed: RFC 6721 `deleted-entry`, NewsML-G2 `stat:canceled`."""

    id: str  # our public id
    guid: str
    at: datetime  # when it left
    canceled: bool  # False: it was corrected, and belongs to other feeds now
    version: int = 0  # the canceling one; 0 where it was not canceled
    note: str = ""  # the office's words
    office: Office = Office("", "")
    lang: str = ""
    withheld: bool = False  # it belongs nowhere for now: NewsML-G2 `stat:withheld`


class Feed(Struct, frozen=True):
    """What a renderer gets: the answer to one query."""

    self: str  # canonical URL of this very document
    home: str  # URL of the HTML page for the same query
    title: str
    subtitle: str
    lang: str  # language of title and subtitle
    updated: datetime  # the newest change; a fixed instant for an empty feed
    articles: tuple[Article, ...]  # newest change first
    hub: str = ""  # WebSub hub; empty: none
    links: dict[str, str] = {}  # RFC 5005: "first", "previous", "next", "last", "prev-archive", … -> absolute URL
    archive: bool = False  # RFC 5005, section 4: this document is part of the archive
    withdrawn: tuple[Withdrawn, ...] = ()  # newest first
