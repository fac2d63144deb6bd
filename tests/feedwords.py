"""The vocabulary of the W3C's feed validator, which the rules in feedrules.py use."""


def words(text: str) -> set[str]:
    return set(text.split())


ATOM = "{http://www.w3.org/2005/Atom}"
DC = "{http://purl.org/dc/elements/1.1/}"
TERMS = "{http://purl.org/dc/terms/}"
HISTORY = "{http://purl.org/syndication/history/1.0}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
MEDIA = "{http://search.yahoo.com/mrss/}"

# The namespaces that it knows, with the elements that it accepts in an item or entry; None: all of them.
KNOWN: dict[str, set[str] | None] = {
    "": None,
    ATOM[1:-1]: None,
    "http://www.w3.org/XML/1998/namespace": None,
    DC[1:-1]: words(
        "title description publisher contributor type format identifier source language relation coverage rights creator"
        " subject date"
    ),
    TERMS[1:-1]: words(
        "alternative abstract tableOfContents created valid available issued modified dateAccepted dateCopyrighted"
        " dateSubmitted extent isVersionOf hasVersion isReplacedBy replaces isRequiredBy requires isPartOf hasPart"
        " isReferencedBy references isFormatOf hasFormat conformsTo spatial temporal audience mediator accessRights"
        " bibliographicCitation license provenance rightsHolder"
    ),
    MEDIA[1:-1]: words(
        "content group adult category copyright credit description keywords hash player rating restriction text title"
        " thumbnail"
    ),
    CONTENT[1:].partition("}")[0]: {"encoded"},
    HISTORY[1:-1]: {"archive", "complete"},
    "http://backend.userland.com/creativeCommonsRssModule": {"license"},
}
# The prefix that it expects for each namespace (base.py, `namespaces`).
PREFIXES = {
    ATOM[1:-1]: "atom",
    DC[1:-1]: "dc",
    TERMS[1:-1]: "dcterms",
    MEDIA[1:-1]: "media",
    HISTORY[1:-1]: "fh",
    CONTENT[1:].partition("}")[0]: "content",
}
# The attributes that it expects of an element, besides those of XML (`getExpectedAttrNames` of each).
EXPECTED = {
    "rss": {"version"},
    "guid": {"isPermaLink"},
    "category": {"domain"},
    "enclosure": {"url", "length", "type"},
    "source": {"url"},
    f"{ATOM}link": words("type title rel href length hreflang"),
    f"{ATOM}category": words("term scheme label"),
    **{ATOM + name: {"type", "src"} for name in ("title", "subtitle", "summary", "content", "rights")},
    f"{ATOM}generator": {"uri", "version"},
    f"{MEDIA}content": words(
        "bitrate channels duration expression fileSize framerate height isDefault lang medium samplingrate type url width"
    ),
    f"{MEDIA}category": {"label", "scheme"},
    f"{MEDIA}copyright": {"url"},
    f"{MEDIA}title": {"type"},
    f"{MEDIA}thumbnail": words("height time url width"),
}
CHANNEL = words(
    "title link description language copyright managingEditor webMaster pubDate lastBuildDate category generator docs cloud"
    " ttl image rating textInput skipHours skipDays item"
)
ITEM = words("title link description author category comments enclosure guid pubDate source")
FEED = words("author category contributor generator icon id link logo rights subtitle title updated entry")
ENTRY = words("author category content contributor id link published rights source summary title updated")
RELATIONS = words(
    "alternate current describedby edit edit-media enclosure first hub last license next next-archive payment prev-archive"
    " previous related replies search self service up via"
)
PAGING = {"current", "first", "last", "next", "next-archive", "prev-archive", "previous"}
FEED_TYPES = {"application/atom+xml", "application/rss+xml", "application/rdf+xml"}
HTML = words(
    "a abbr acronym address area article aside audio b bdi big blockquote br button canvas caption center cite code col"
    " colgroup data datalist dd del details dfn dialog dir div dl dt em fieldset figcaption figure footer font form header"
    " h1 h2 h3 h4 h5 h6 hgroup hr i img input ins kbd label legend li main map mark menu meter nav ol optgroup option output"
    " p picture pre progress q rp rt ruby s samp section select small source span strike strong sub summary sup table tbody"
    " td template textarea tfoot th thead time tr track tt u ul var video wbr"
)
ATTRIBUTES = words(
    "abbr align alt border cite class colspan coords datetime dir headers height href hreflang id label lang media name rel"
    " rev reversed rowspan scope shape size span src start summary target title type usemap valign value width"
)
# One thing said twice: an element of RSS and another vocabulary's beside it.
SAID_TWICE = {
    "author": [f"{DC}creator"],
    "category": [f"{DC}subject"],
    "guid": [f"{ATOM}id"],
    "pubDate": [f"{DC}date", f"{ATOM}published"],
    "source": [f"{DC}source"],
    "language": [f"{DC}language"],
    "copyright": [f"{DC}rights"],
    "lastBuildDate": [f"{TERMS}modified"],
    "managingEditor": [f"{DC}creator"],
    "webMaster": [f"{DC}publisher"],
}
