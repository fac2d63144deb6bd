"""The draft: a release as a parser read it, not yet trusted.

Texts are as they came (entities resolved, white space kept); dates, codes and HTML are not looked at yet. Two drafts are
the same content when `fingerprint` says so, whatever the layout of the file around them.
"""

import hashlib
import re

import msgspec
from msgspec import Struct


class Mark(Struct, frozen=True):
    """Where a value stood in the document."""

    line: int
    path: str


class Value(Struct, frozen=True):
    """A text with its place."""

    text: str
    line: int
    path: str


class DraftTerm(Struct, frozen=True):
    """A region or topic as written: a code, an ISO code or a name."""

    text: str
    line: int
    path: str
    # Another's vocabulary may well be unknown here: then the name is kept as a keyword, with a warning, and is no fault.
    soft: bool = False
    name: str = ""  # what it is called, where the text is a code; becomes the keyword


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
    sha256: str = ""  # of a file that is kept here: then the URL is a path on this server


class DraftRelated(Struct, frozen=True):
    headline: str
    guid: str
    url: Value | None
    translation: Value | None = None  # the language, where it is the same article in another one


class DraftContact(Struct, frozen=True):
    department: str
    role: str
    name: str
    phone: str
    email: str


UNREAD = (
    "{} looks like an embargo, and was not understood: the article is held until a newer version says otherwise, or POST"
    " /articles/ID/release."
)


class Draft(Struct, frozen=True):
    """One article of a release. `Value` fields can be blamed for a fault; plain ones cannot be wrong after the schema."""

    mark: Mark
    guid: Value
    version: int
    lang: Value
    office: Value | None  # code of the office; None: the token's own
    kind: str  # "press-release", "reference" or "explanation"
    pubstatus: str  # "usable", "withheld" or "canceled"
    headline: Value
    subheadlines: tuple[str, ...]
    summary: str
    body: Value  # HTML or XHTML source of a fragment
    base: str  # URL that relative links are relative to; empty: none given
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
    urgency: int = 0  # 1 (most urgent) to 9 (IPTC); 0: not said
    slugline: str = ""
    source: str = ""  # NewsML-G2 infoSource: where the information comes from, if not the office
    copyright: str = ""  # the notice
    byline_soft: bool = False  # the byline may be the office itself: then it says nothing
    issuer: str = ""  # who it says it is from, in words: not the office's name, then it becomes the source
    wording_decides: bool = False  # no instant and no hold is told: the embargo is what its wording means
    # Where the guid is unique only among its office's: the article's is this, the office's code and the guid, by colons.
    guid_space: str = ""
    says_embargo: bool = False  # the release has a place for it, filled in, also where it says that there is none
    waits: bool = False  # not to be published before `issued`, embargo or none
    signal: str = ""  # "correction" or "update": how it differs from the version before; empty: not said
    silent: bool = False  # of the delivery, not of the article: a correction that readers need not be shown again
    # What else looks like an embargo, and what it says: unless that is past, the article is held where the embargo that was read is
    # past, or none was read.
    doubts: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()  # what the parser wants the sender to know

    def fingerprint(self) -> bytes:
        """SHA-256 of the content without its places in the file, what was said of them and how it is delivered: 32 bytes."""
        said = msgspec.json.encode(msgspec.structs.replace(self, warnings=(), silent=False))
        return hashlib.sha256(_PLACE.sub(b"", said)).digest()


# Inside a JSON string a quotation mark is escaped: what looks like these members is these members.
_PLACE = re.compile(rb',?"line":\d+,"path":"(?:[^"\\]|\\.)*"')
