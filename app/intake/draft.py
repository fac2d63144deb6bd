"""The input of a parser, and its output: drafts. A draft is an article as a parser read it, not yet checked.

Texts are as sent (entities resolved, white space unchanged); dates, codes and HTML are not checked yet. Two drafts have the same
content if their fingerprints are equal, whatever the layout of their files.
"""

import hashlib
import re
from datetime import datetime

import msgspec
from msgspec import Struct

from app.errors import Fault


class Given(Struct, frozen=True):
    """What is known without reading the document: what the office has told us, and how the document came. Where a foreign document
    says nothing, a parser may take it from here, with a warning."""

    zone: str = ""  # IANA name: of the source, else of the office, else of the site; empty: not known
    office: str = ""  # code of the office that sends
    name: str = ""  # of the file; empty: it has none
    now: datetime | None = None  # when the document came
    base: str = ""  # the URL that the document was fetched from; relative links are resolved against it


class Assigned(Struct, frozen=True):
    """What the server assigns to an entry that lacks it (RFC 5023, section 9.2)."""

    guid: str
    updated: str
    published: str = ""  # only for an entry that has no instant at all


class ArticlePlace(Struct, frozen=True):
    """The place of an article in its document."""

    line: int
    path: str


class Value(Struct, frozen=True):
    """A text with its place in the document."""

    text: str
    line: int
    path: str


class DraftTerm(Struct, frozen=True):
    """A region or topic as written: a code, an ISO code or a name."""

    text: str
    line: int
    path: str
    # The term is from a foreign vocabulary. If it is unknown here, its name becomes a keyword, with a warning and not a fault.
    soft: bool = False
    name: str = ""  # its name if the text is a code; becomes the keyword


class DraftEnclosure(Struct, frozen=True):
    url: Value
    type: str
    length: int | None
    role: str
    caption: str
    lang: str
    licence_uri: str
    licence_text: str
    has_licence: bool
    sha256: str = ""  # of a file that is stored here; the URL is then a path on this server


class DraftRelated(Struct, frozen=True):
    headline: str
    guid: str
    url: Value | None
    translation: Value | None = None  # the language, if it is a translation of this article


class DraftContact(Struct, frozen=True):
    department: str
    role: str
    name: str
    phone: str
    email: str


DOUBLED = (
    "{} has more than one embargo. The article is held. To release it, send a newer version with only one, or POST"
    " /articles/ID/release."
)
UNREAD = (
    "{} looks like an embargo but was not understood. The article is held. To release it, send a newer version without it, or POST"
    " /articles/ID/release."
)


class Draft(Struct, frozen=True):
    """One article of a release. A fault can name the place of a `Value`; plain fields cannot be wrong once the schema is valid."""

    mark: ArticlePlace
    guid: Value
    version: int
    lang: Value
    office: Value | None  # code or name of the office; None: the office of the token
    kind: str  # "press-release", "reference" or "explanation"
    pubstatus: str  # "usable", "withheld" or "canceled"
    headline: Value
    subheadlines: tuple[str, ...]
    summary: str
    body: Value  # HTML or XHTML source of a fragment
    base: str  # base URL of relative links; empty: none given
    dateline: str
    byline: str
    issued: Value
    issued_weekday: str  # as written beside the date, "화" or "Tue"; empty: none
    embargo: Value | None
    held: bool
    embargo_wording: str
    regions: tuple[DraftTerm, ...]
    topics: tuple[DraftTerm, ...]
    keywords: tuple[str, ...]
    contacts: tuple[DraftContact, ...]
    enclosures: tuple[DraftEnclosure, ...]
    licence_uri: str
    licence_text: str
    related: tuple[DraftRelated, ...]
    note: str
    urgency: int = 0  # 1 (most urgent) to 9 (IPTC); 0: not given
    slugline: str = ""
    source: str = ""  # NewsML-G2 infoSource: where the information comes from, if not the office
    copyright: str = ""  # the notice
    byline_soft: bool = False  # the byline is ignored if it is the name of the office
    issuer: str = ""  # the issuer that the release names; becomes the source unless it is the name of the office
    wording_decides: bool = False  # the release gives no instant and no hold, so the embargo follows from its wording
    # For a guid that is unique only within its office. The article's guid is then "guid_space:code of the office:guid".
    guid_space: str = ""
    says_embargo: bool = False  # the release says whether there is an embargo, even if it says that there is none
    waits: bool = False  # the article must not be published before `issued`, even without an embargo
    signal: str = ""  # "correction" or "update": how it differs from the version before; empty: not given
    undated: bool = (
        False  # the release has no date of issue: the moment when it is first seen counts, and `version` is 1
    )
    silent: bool = False  # a correction that readers need not see again; not part of the content
    # (place, text) of other parts that look like an embargo. The article is held if one of them is not past, and the embargo that was
    # read is past or missing.
    doubts: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()  # from the parser to the sender
    private: str = ""  # notes for editors, which are not published, but may tell an embargo
    foreign: bool = False  # of another dialect than ours: what is active in its HTML is removed, not refused

    def fingerprint(self) -> bytes:
        """SHA-256 (32 bytes) of the content, without lines and paths, warnings, `silent` and `foreign`."""
        content = msgspec.json.encode(msgspec.structs.replace(self, warnings=(), silent=False, foreign=False))
        content = content.replace(b',"private":"","foreign":false', b"").replace(
            b',"foreign":false', b""
        )  # releases were stored before there was this member
        # A NUL stands for a place meanwhile: JSON has none. A pattern that may begin with a comma would be tried at each byte.
        bare = _PLACE.sub(b"\0", content).replace(b",\0", b"").replace(b"\0", b"")
        return hashlib.sha256(bare).digest()


# Quotation marks inside JSON strings are escaped, so this matches members only, never text.
_PLACE = re.compile(rb'"line":\d+,"path":"(?:[^"\\]|\\.)*"')


class Parsed(Struct, frozen=True):
    """The articles of a release by their place, from 0. Each article is either a draft or refused."""

    drafts: tuple[tuple[int, Draft], ...]
    refused: dict[int, tuple[Fault, ...]]
    unread: int = 0  # other parts of the document that may contain something that must not be published
    read: frozenset[str] = frozenset()  # JSON pointers of what was read as an embargo
    dialect: str = ""  # the name of its dialect in docs/dialects
