"""Each renderer, three ways: golden bytes, its owner's rules, a foreign reader.

`PRESSRELAY_GOLDEN=write pytest tests/test_feeds.py -k golden` writes tests/golden again; read the difference before you commit it.
"""

import ast
import json
import locale
import os
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path

import feedparser
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from lxml import etree
from referencing import Registry, Resource

from feeds import FORMATS, VARIANTS, format_of, fullest, newsml, ninjs, nitf, render
from feeds.article import Article, Contact, Enclosure, Feed, Licence, Office, Related, Term, Withdrawn, direction
from tests import feedrules, jsonfeedrules
from tests.articles import ARABIC, CASES, EVERYTHING, MANY, SEED_TEXT, feed, make, paragraphs

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # its 1.1 has an escape that Python 3.11 warns of
    import NewsMLG2

ROOT = Path(__file__).parent.parent
GOLDEN = Path(__file__).parent / "golden"
XSD = ROOT.parent / "shared/standards/newsml-g2/NewsML-G2_2.35-spec-All-Power.xsd"
NITF_XSD = ROOT.parent / "shared/standards/nitf/nitf-3-6.xsd"
NINJS = ROOT.parent / "shared/standards/ninjs/ninjs-schema_3.1.json"
NAR = {"n": "http://iptc.org/std/nar/2006-10-01/", "h": "http://www.w3.org/1999/xhtml"}
SYNDICATION = ("rss", "atom")
JSON = ("json", "ninjs")
CROWD = {**CASES, "many": MANY}


@cache
def newsml_schema() -> etree.XMLSchema:
    if not XSD.exists():
        pytest.skip(f"the IPTC's schema is not here: {XSD}")
    return etree.XMLSchema(etree.parse(str(XSD)))


@cache
def nitf_schema() -> etree.XMLSchema:
    if not NITF_XSD.exists():
        pytest.skip(f"the IPTC's schema is not here: {NITF_XSD}")
    return etree.XMLSchema(etree.parse(str(NITF_XSD)))


@cache
def ninjs_schema() -> Draft202012Validator:
    if not NINJS.exists():
        pytest.skip(f"the IPTC's schema is not here: {NINJS}")
    # It refers to GeoJSON's, for places with coordinates; ours have none.
    geojson = Resource.from_contents({"$schema": "https://json-schema.org/draft/2020-12/schema"})
    registry = Registry().with_resource("https://geojson.org/schema/GeoJSON.json", geojson)
    schema = json.loads(NINJS.read_text("utf-8"))
    assert '"iri' not in NINJS.read_text("utf-8")  # tests/conftest.py leaves out what checks that format
    return Draft202012Validator(schema, registry=registry, format_checker=FormatChecker())


def json_rules(format: str, subject: Feed) -> None:
    members = json.loads(render(FORMATS[format], subject))
    if format == "json":
        assert jsonfeedrules.check(members) == []
    elif NINJS.exists():
        ninjs_schema().validate(members)


def tree(format: str, subject: Feed) -> etree._Element:
    return etree.fromstring(render(FORMATS[format], subject))


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("case", CASES)
def test_golden_bytes(case: str, format: str) -> None:
    rendered = render(FORMATS[format], CASES[case])
    path = GOLDEN / f"{case}.{format}"
    if os.environ.get("PRESSRELAY_GOLDEN") == "write":
        path.write_bytes(rendered)
    assert rendered == path.read_bytes()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("case", ["everything", "archive"])
def test_golden_bytes_of_variants(case: str, variant: str) -> None:
    rendered = render(format_of(variant), CASES[case])
    path = GOLDEN / f"{case}.{variant}"
    if os.environ.get("PRESSRELAY_GOLDEN") == "write":
        path.write_bytes(rendered)
    assert rendered == path.read_bytes()


@pytest.mark.parametrize("case", [case for case in CASES if len(CASES[case].articles) == 1])
def test_golden_bytes_of_nitf(case: str) -> None:
    rendered = nitf.render_article(CASES[case].articles[0])
    path = GOLDEN / f"{case}.nitf"
    if os.environ.get("PRESSRELAY_GOLDEN") == "write":
        path.write_bytes(rendered)
    assert rendered == path.read_bytes()


@pytest.mark.parametrize("format", FORMATS)
def test_mimetype_names_its_charset(format: str) -> None:
    assert FORMATS[format].MIMETYPE.endswith(("+xml; charset=utf-8", "json; charset=utf-8"))


@pytest.mark.parametrize("format", SYNDICATION)
@pytest.mark.parametrize("case", CROWD)
def test_w3c_validator_would_say_nothing(case: str, format: str) -> None:
    subject = CROWD[case]
    assert feedrules.check(render(FORMATS[format], subject), subject.self) == []


@pytest.mark.parametrize("format", SYNDICATION)
@pytest.mark.parametrize("case", CROWD)
def test_w3c_validator_would_only_not_know_the_extensions(case: str, format: str) -> None:
    subject = CROWD[case]
    said = feedrules.check(render(format_of(fullest(format)), subject), subject.self)
    assert {event.split()[0] for event in said} <= {"UnknownNamespace"}


BREAKS = {
    "rss": {
        "SelfDoesntMatchLocation": ('href="https://press.example.org/feed', 'href="https://elsewhere.example.org/feed'),
        "MissingAtomSelfLink": (' rel="self"', ' rel="related"'),
        "MissingElement": ("<pubDate>Tue, 09 Mar 2021 05:00:00 +0000</pubDate>", ""),
        "InvalidHttpGUID": ('isPermaLink="false">https://', 'isPermaLink="true">x'),
        "NotSufficientlyUnique": (">https://www.example.org/releases/5?a=1&#x26;b=2<", ">5<"),
        "InvalidContact": ("<item>", "<item><author>Kim</author>"),
        "DuplicateItemSemantics": ("<item>", "<item><author>k@x.example (Kim)</author>"),
        "DuplicateElement": ("<enclosure ", '<enclosure url="https://a.example/" length="0" type="a/b"/><enclosure '),
        "SecurityRisk": ("<h2>", "<script>x</script><h2>"),
        "SecurityRiskAttr": ("<h2>", '<h2 onclick="x()">'),
        "DangerousStyleAttr": ("<h2>", '<h2 style="x">'),
        "ContainsRelRef": ('href="https://www.example.org/x', 'href="/x'),
        "ContainsHTML": ("<title>Headline", "<title>&lt;b&gt;Headline&lt;/b&gt;"),
        "ImplausibleDate": ("2021-03-09T05:00:00.128456", "2999-03-09T05:00:00"),
        "IncorrectDOW": ("Tue, 09 Mar", "Wed, 09 Mar"),
        "InvalidRFC2822Date": ("Tue, 09 Mar 2021", "2021-03-09"),
        "ImageTitleDoesntMatch": ("<item>", "<image><title>x</title></image><item>"),
        "ImageLinkDoesntMatch": ("<item>", "<image><link>x</link></image><item>"),
        "MissingCurrentInArchive": ("<item>", f"<a:archive xmlns:a='{feedrules.HISTORY[1:-1]}'/><item>"),
        "ArchiveIncomplete": ("<item>", f"<a:archive xmlns:a='{feedrules.HISTORY[1:-1]}'/><item>"),
        "MisplacedItem": ("</channel>", "<ttl>5</ttl></channel>"),
        "UnknownNamespace": ("<item>", '<item><x xmlns="urn:pressrelay:press-release:1"/>'),
        "UndefinedElement": ("<media:copyright", '<media:license href="https://a.example/"/><media:copyright'),
        "MediaGroupWithoutAlternatives": ("</item>", '<media:group><media:content type="a/b"/></media:group></item>'),
        "InvalidPositiveInteger": ('fileSize="99"', 'fileSize="0"'),
        "InvalidNonNegativeInteger": ('length="1234"', 'length="-1"'),
        "InvalidMIMEType": ('length="1234" type="application/pdf"', 'length="1234" type="pdf"'),
        "BadCharacters": ("Headline 5", "Headline \ufffd"),
        "InvalidLanguage": ("<dc:language>en", "<dc:language>English, mostly"),
        "UnregisteredAtomLinkRel": ('rel="license"', 'rel="licence"'),
        "FeedHistoryRelInEntry": ('rel="license"', 'rel="next"'),
        "AttrNotBlank": ('title="Earlier"', 'title=" "'),
        "NotHtml": ("<h2>", "<h2"),
        "CharacterData": ("a=1&#x26;b=2", "a=1&amp;b=2"),
        "InvalidURLAttribute": ('<enclosure url="https://', '<enclosure url="ftp://'),
        "UnexpectedAttribute": ("<pubDate>", '<pubDate zone="UTC">'),
        "ReservedPrefix": ("<item>", '<item xmlns:media="urn:example:other">'),
        "NonstdPrefix": ("<item>", '<item xmlns:dublin="http://purl.org/dc/elements/1.1/">'),
    },
    "atom": {
        "SelfDoesntMatchLocation": ('href="https://press.example.org/feed', 'href="https://elsewhere.example.org/feed'),
        "MissingSelf": (' rel="self"', ' rel="related"'),
        "DuplicateAtomLink": ('rel="license"', 'rel="alternate" type="text/html" hreflang="en"'),
        "DuplicateElement": ("<summary>", "<summary>a</summary><summary>"),
        "InvalidFullLink": ("<id>https://www", "<id>www"),
        "NonCanonicalURI": ("<id>https://www.", "<id>https://WWW."),
        "InvalidTAG": ("<id>https://www.example.org/releases/5?a=1", "<id>tag:example.org:5?a=1"),
        "InvalidURN": ("<id>https://www.example.org/releases/5?a=1", "<id>urn:x:5?a=1"),
        "InvalidRFC3339Date": ("T05:00:00.128456+00:00</updated><author", "</updated><author"),
        "ImplausibleDate": ("<updated>2021", "<updated>2999"),
        "SecurityRisk": ("<h2>", "<iframe/><h2>"),
        "MisplacedMetadata": ("</feed>", "<icon>https://a.example/</icon></feed>"),
        "UnknownNamespace": ("</feed>", '<x xmlns="urn:pressrelay:press-release:1"/></feed>'),
        "SelfNotAtom": ('type="application/atom+xml"', 'type="text/xml"'),
        "AvoidNamespacePrefix": ("<feed ", f'<feed xmlns:atom="{feedrules.ATOM[1:-1]}" '),
        "MissingAttribute": ('term="brm02"', 'name="brm02"'),
        "NotBlank": ("<title>Press releases", "<title>"),
    },
}


@pytest.mark.parametrize(("format", "event"), [(format, event) for format in BREAKS for event in BREAKS[format]])
def test_each_rule_can_fail(format: str, event: str) -> None:
    subject = CASES["everything"]
    before, after = BREAKS[format][event]
    document = render(FORMATS[format], subject).decode()
    assert before in document
    broken = document.replace(before, after).encode()
    assert event in {found.split()[0] for found in feedrules.check(broken, subject.self)}


def test_the_rules_between_entries_can_fail() -> None:
    twins = feed(make(1), make(1))
    atom = {event.split()[0] for event in feedrules.check(render(FORMATS["atom"], twins), twins.self)}
    assert atom == {"DuplicateUpdated", "DuplicateEntries"}
    rss = {event.split()[0] for event in feedrules.check(render(FORMATS["rss"], twins), twins.self)}
    assert rss == {"DuplicateValue"}
    alone = render(FORMATS["atom"], feed(make(1, summary="", body="", text=""))).decode()
    bare = alone[: alone.index("<author>")] + alone[alone.index("</author>") + 9 :]
    bare = bare[: bare.index("<author>")] + bare[bare.index("</author>") + 9 :]
    events = {event.split()[0] for event in feedrules.check(bare.encode(), twins.self)}
    assert {"MissingElement", "MissingTextualContent"} <= events


@pytest.mark.parametrize("case", CROWD)
def test_newsml_is_valid_against_the_iptc_schema(case: str) -> None:
    newsml_schema().assertValid(tree("newsml", CROWD[case]))
    for article in CROWD[case].articles[:10]:
        newsml_schema().assertValid(etree.fromstring(newsml.render_article(article)))


@pytest.mark.parametrize("case", CROWD)
def test_ninjs_is_valid_against_the_iptc_schema(case: str) -> None:
    ninjs_schema().validate(json.loads(render(FORMATS["ninjs"], CROWD[case])))
    for article in CROWD[case].articles[:10]:
        ninjs_schema().validate(json.loads(ninjs.render_article(article)))


@pytest.mark.parametrize("case", CROWD)
def test_json_feed_follows_its_rules(case: str) -> None:
    assert jsonfeedrules.check(json.loads(render(FORMATS["json"], CROWD[case]))) == []


def test_the_rules_of_json_feed_can_fail() -> None:
    members = json.loads(render(FORMATS["json"], CASES["everything"]))
    members["items"] += [members["items"][0] | {"url": "/relative", "date_published": "2021-03-09", "extra": 1}]
    members["items"][1]["attachments"] = [{"url": "https://a.example/"}]
    assert jsonfeedrules.check(members | {"version": "1.1"}) == [
        "version is not the URL of 1.1",
        "items[1].id is not unique",
        "items[1].url is not an absolute URL",
        "items[1].date_published is not RFC 3339",
        "items[1].extra is not a member of an item",
        "items[1].attachments[0].mime_type is missing",
    ]


@pytest.mark.parametrize("case", CASES)
def test_nitf_is_valid_against_the_iptc_schema(case: str) -> None:
    for article in CASES[case].articles:
        nitf_schema().assertValid(etree.fromstring(nitf.render_article(article)))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<p>a <b>b</b> c<br/>d</p>", '<p>a <em class="b">b</em> c<br/>d</p>'),
        ("<div>a<p>b</p>c</div>", "<p>a</p><p>b</p><p>c</p>"),
        (
            "<h3>t</h3><ol><li>a</li><li><p>b</p></li></ol>",
            '<hl2 class="h3">t</hl2><ol><li>a</li><li><p>b</p></li></ol>',
        ),
        (
            '<p>x<img src="https://a.example/i.png" alt="i"/>y</p>',
            '<p>xy</p><media media-type="image"><media-reference source="https://a.example/i.png" alternate-text="i"/></media>',
        ),
        (
            "<figure><img src='https://a.example/i.png'/><figcaption>c</figcaption></figure>",
            '<media media-type="image"><media-reference source="https://a.example/i.png"/><media-caption>c</media-caption></media>',
        ),
        (
            "<table><caption>c</caption><thead><tr><th>h</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>",
            "<table><caption>c</caption><tr><th>h</th></tr><tr><td>1</td></tr></table>",
        ),
        (
            '<blockquote cite="https://a.example/"><p>q</p></blockquote>',
            '<bq quote-source="https://a.example/"><block><p>q</p></block></bq>',
        ),
        ("<dl><dt>t</dt><dd>d</dd></dl>", "<dl><dt>t</dt><dd><block><p>d</p></block></dd></dl>"),
        ("<ul></ul><table></table><p>a <span>b</span></p>", "<p>a b</p>"),
    ],
)
def test_nitf_keeps_every_word_of_a_body(body: str, expected: str) -> None:
    root = etree.fromstring(nitf.render_article(make(body=body)))
    content = root.find(".//{*}body.content")
    assert content is not None
    inside = "".join(etree.tostring(child, encoding="unicode") for child in content)
    assert inside.replace(f' xmlns="{nitf.NITF}"', "") == expected
    nitf_schema().assertValid(root)


def test_pages_archives_and_withdrawals_are_told() -> None:
    subject = CASES["archive"]
    for format in SYNDICATION:
        parsed = feedparser.parse(render(FORMATS[format], subject))
        links = {link.rel: link.href for link in parsed.feed.links}
        assert links["prev-archive"] == subject.links["prev-archive"] and links["next"] == subject.links["next"]
        assert "fh_archive" in parsed.feed, format
    assert tree("atom", subject).find("{http://purl.org/atompub/tombstones/1.0}deleted-entry") is None
    whole = etree.fromstring(render(format_of("atom-all"), subject))
    deleted = whole.findall("{http://purl.org/atompub/tombstones/1.0}deleted-entry")
    assert [(gone.get("ref"), gone.get("when")) for gone in deleted] == [
        ("urn:kr:9", "2021-03-09T05:00:00.123456+00:00"),
        ("urn:pressrelay:article:a0010", "2021-03-09T05:00:00.123456+00:00"),
    ]
    items = tree("newsml", subject).findall(".//n:newsItem", NAR)
    assert [(item.get("guid"), item.find(".//n:pubStatus", NAR).get("qcode")) for item in items] == [  # type: ignore[union-attr]
        ("office-0002", "stat:usable"),
        ("urn:kr:9", "stat:canceled"),
    ]
    assert "office-0010" not in render(FORMATS["newsml"], subject).decode()
    listed = json.loads(render(FORMATS["ninjs"], subject))["associations"]
    assert [(item["uri"], item["pubStatus"]) for item in listed] == [
        ("urn:pressrelay:article:a0002", "usable"),
        ("urn:kr:9", "canceled"),
    ]
    assert json.loads(render(FORMATS["json"], subject))["next_url"] == subject.links["next"]
    assert b"urn:kr:9" not in render(FORMATS["rss"], subject) + render(FORMATS["json"], subject)


@pytest.mark.parametrize("format", SYNDICATION)
def test_feedparser_reads_everything_back(format: str) -> None:
    parsed = feedparser.parse(render(FORMATS[format], CASES["everything"]))
    entry = parsed.entries[0]
    assert not parsed.bozo
    assert (parsed.feed.title, parsed.feed.link) == ("Press releases", feed().home)
    assert {(link.rel, link.href) for link in parsed.feed.links} >= {("self", feed().self), ("hub", feed().hub)}
    # The page, not the translation, which is linked too.
    assert (entry.title, entry.link, entry.summary) == (EVERYTHING.headline, EVERYTHING.url, "The lead.")
    assert (entry.author, entry.id) == ("Example Office", EVERYTHING.guid)
    assert entry.content[0].value == EVERYTHING.body.replace("<br/>", "<br />")
    assert entry.published_parsed[:6] == EVERYTHING.published.timetuple()[:6]
    assert entry.updated_parsed[:6] == EVERYTHING.updated.timetuple()[:6]
    terms = {(tag.scheme, tag.term) for tag in entry.tags}
    assert terms >= {("http://cv.iptc.org/newscodes/mediatopic/", "medtop:20000500"), (None, "smart farm")}
    assert ("urn:pressrelay:region:", "kr:45") in terms
    first = entry.enclosures[0]
    assert (first.href, first.type, first.length) == ("https://files.example.org/a.pdf", "application/pdf", "1234")
    assert "licenseType1" in entry.rights


def test_rss_has_one_enclosure_and_all_files_as_media() -> None:
    item = tree("rss", CASES["everything"]).find("channel/item")
    assert item is not None
    assert len(item.findall("enclosure")) == 1
    assert [media.get("url") for media in item.iter(f"{feedrules.MEDIA}content")] == [
        enclosure.url for enclosure in EVERYTHING.enclosures
    ]
    assert {"전라북도", "North Jeolla", "tourism"} <= {category.text for category in item.findall("category")}
    assert item.find("guid").get("isPermaLink") == "false"  # type: ignore[union-attr]
    assert parsedate_to_datetime(item.findtext("pubDate") or "") == EVERYTHING.published.replace(microsecond=0)


def test_atom_keeps_microseconds_links_and_labels() -> None:
    entry = tree("atom", CASES["everything"]).find(f"{feedrules.ATOM}entry")
    assert entry is not None
    assert entry.findtext(f"{feedrules.ATOM}updated") == "2021-03-09T05:00:00.128456+00:00"
    files = [link for link in entry.findall(f"{feedrules.ATOM}link") if link.get("rel") == "enclosure"]
    assert [(file.get("title"), file.get("length")) for file in files] == [
        ("The paper", "1234"),
        ("A photo", None),
        (None, "99"),
    ]
    labels = [
        (category.get("term"), category.get("label"), category.get(feedrules.LANG))
        for category in entry.findall(f"{feedrules.ATOM}category")
        if category.get("term") in ("kr:45", "brm02")
    ]
    assert labels == [
        ("kr:45", "North Jeolla", None),
        ("brm02", "Science", None),
        ("kr:45", "전라북도", "ko"),
        ("brm02", "과학기술", "ko"),
    ]


@pytest.mark.parametrize(
    ("guid", "expected"),
    [
        ("office-1", "urn:pressrelay:article:a0001"),
        ("jeonbuk:2021-1", "urn:pressrelay:article:a0001"),
        ("https://a.example/한", "urn:pressrelay:article:a0001"),
        ("urn:newsml:example.org:20210309:1", "urn:newsml:example.org:20210309:1"),
        ("tag:example.org,2021:1", "tag:example.org,2021:1"),
        ("https://a.example/1", "https://a.example/1"),
    ],
)
def test_atom_id_is_a_uri(guid: str, expected: str) -> None:
    root = tree("atom", feed(make(guid=guid)))
    assert root.findtext(f"{feedrules.ATOM}entry/{feedrules.ATOM}id") == expected


def test_atom_feed_author_is_the_only_office_or_this_server() -> None:
    path = f"{feedrules.ATOM}author/{feedrules.ATOM}name"
    assert [tree("atom", CASES[case]).findtext(path) for case in ("seed", "mixed", "empty")] == [
        "전라북도",
        "Pressrelay",
        "Pressrelay",
    ]


def test_the_whole_release_is_in_every_feed() -> None:
    for format in SYNDICATION:
        entry = feedparser.parse(render(FORMATS[format], CASES["seed"]), sanitize_html=False).entries[0]
        assert entry.content[0].value == paragraphs(*SEED_TEXT)
    body = tree("newsml", CASES["seed"]).find(".//h:body", NAR)
    assert body is not None
    assert ["".join(paragraph.itertext()) for paragraph in body] == list(SEED_TEXT)


def test_newsmlg2_reads_everything_back() -> None:
    item = tree("newsml", CASES["everything"]).find(".//n:newsItem", NAR)
    assert item is not None
    news = NewsMLG2.NewsMLG2Document(etree.tostring(item)).get_item()
    assert (news.guid, news.version, news.conformance, news.standardversion) == (EVERYTHING.guid, "3", "power", "2.35")
    meta, content = news.itemmeta, news.contentmeta
    assert meta.provider.qcode == "office:example" and str(meta.versioncreated) == EVERYTHING.updated.isoformat()
    assert str(meta.title[0]) == EVERYTHING.headline and meta.pubstatus.qcode == "stat:usable"
    assert [str(headline) for headline in content.headline] == [EVERYTHING.headline, *EVERYTHING.subheadlines]
    assert [subject.qcode for subject in content.subject] == ["medtop:20000500", "brm:brm02"]
    assert [str(keyword) for keyword in content.keyword] == ["smart farm", "R&D"]


def test_newsml_carries_places_contacts_files_and_rights() -> None:
    item = tree("newsml", CASES["everything"]).find(".//n:newsItem", NAR)
    assert item is not None

    def values(path: str) -> list[object]:
        found = item.xpath(path, namespaces=NAR)
        return list(found) if isinstance(found, list) else [found]

    assert values(".//n:located/@qcode") == ["region:kr:45", "region:us:CA"]
    assert values(".//n:contributor/n:name/text()") == ["Lee", "Planning Division"]
    assert values(".//n:contributor//n:email/text()") == ["press@example.org"]
    assert values(".//n:remoteContent/@href") == [enclosure.url for enclosure in EVERYTHING.enclosures]
    assert values(".//n:remoteContent/@size") == ["1234", "99"]
    assert values("n:rightsInfo[@idrefs='file-1-2']/n:link/@href") == ["https://www.kogl.or.kr/info/licenseType4.do"]
    assert values(".//n:embargoed/text()") == [EVERYTHING.published.isoformat()]
    assert values(".//n:edNote/text()") == ["Replaces an earlier figure.", "조간"]


@pytest.mark.parametrize("case", CASES)
def test_a_package_lists_the_newsml_feed(case: str) -> None:
    subject = CASES[case]
    message = tree("newsml", subject)
    packages = message.findall("n:itemSet/n:packageItem", NAR)
    assert [package.get("guid") for package in packages] == [subject.self]
    listed = [(one.get("residref"), one.get("version")) for one in packages[0].iter(f"{{{NAR['n']}}}itemRef")]
    assert listed == [(article.guid, str(article.version)) for article in subject.articles]
    usable = message.xpath("//n:newsItem[n:itemMeta/n:pubStatus/@qcode='stat:usable']/@guid", namespaces=NAR)
    assert usable == [guid for guid, _ in listed]
    read = NewsMLG2.NewsMLG2Document(etree.tostring(packages[0])).get_item()
    assert (read.guid, str(read.itemmeta.title[0])) == (subject.self, subject.title)


def test_right_to_left_is_said() -> None:
    assert tree("newsml", CASES["arabic"]).xpath("//n:newsItem/@dir", namespaces=NAR) == ["rtl"]
    assert direction(ARABIC.lang) == direction("az-Arab") == "rtl"
    assert direction("ar-Latn") == direction("ko") == "ltr"


DIGESTS = """
import hashlib, locale, os, time
from functools import partial
from feeds import FORMATS, nitf, render
from tests.articles import CASES
try:
    locale.setlocale(locale.LC_ALL, "")
except locale.Error:
    pass  # this machine does not have it
time.tzset()
renders = {f"feed.{name}": partial(render, format) for name, format in FORMATS.items()}
renders["nitf"] = lambda feed: b"".join(map(nitf.render_article, feed.articles))
print({(case, name): hashlib.sha256(renders[name](CASES[case])).hexdigest() for case in CASES for name in renders})
"""


def test_same_bytes_in_every_process() -> None:
    outputs = set()
    for zone, language, seed in (
        ("Asia/Seoul", "C", "1"),
        ("America/New_York", "tr_TR.UTF-8", "77"),
        ("UTC", "ko_KR.UTF-8", "0"),
        ("Pacific/Chatham", "C.UTF-8", "4294967295"),
    ):
        env = {**os.environ, "TZ": zone, "LC_ALL": language, "PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", DIGESTS], cwd=ROOT, env=env, capture_output=True, check=True)
        outputs.add(done.stdout)
    assert len(outputs) == 1
    assert len(ast.literal_eval(outputs.pop().decode())) == len(CASES) * (len(FORMATS) + 1)


def test_threads_leave_the_locale_alone() -> None:
    before = locale.setlocale(locale.LC_ALL)
    subject = feed(*MANY.articles[:20])
    with ThreadPoolExecutor(8) as pool:
        rendered = set(pool.map(lambda _: render(FORMATS["rss"], subject), range(64)))
    assert len(rendered) == 1
    assert locale.setlocale(locale.LC_ALL) == before


# The characters that intake accepts: every character that XML 1.0 allows, except controls and noncharacters.
ANY = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn"), exclude_characters="\u2028\u2029"), max_size=30)
HARD = ["]]>", "&", "&amp;", "&#0;", "<b>", "</p>", "<!--", "<![CDATA[", '"', "'", "%s {} $", "\\u0000", "‘인용’ “…”"]
HARD += ["\u200fעברית\u200e", "بيان", "👩‍👩‍👧‍👦🇰🇷", "e\u0301", "\U0001d11e", "길" * 3000, "https://" + "a" * 2000]
WORDS = (ANY | st.lists(st.sampled_from(HARD) | ANY, max_size=4).map(" ".join)).map(str.strip)
SAID = WORDS.map(lambda text: f"x{text}".strip())
URLS = st.sampled_from(["https://a.example/", "http://b.example/x?a=1&b=2#c", "https://a.example/%ED%95%9C"])
LANGS = st.sampled_from(["ko", "en", "en-GB", "ar", "zh-Hant-TW", "he", "mn-Mong"])
INSTANTS = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
NAMES = st.dictionaries(LANGS, SAID, max_size=2)
TERMS = st.one_of(
    st.builds(Term, st.just("medtop"), st.just("medtop:20000500"), NAMES),
    st.builds(Term, st.just("brm"), st.just("brm11"), NAMES),
)
LICENCES = st.builds(Licence, st.one_of(st.just(""), URLS), WORDS)
ENCLOSURES = st.builds(
    Enclosure,
    URLS,
    st.just("application/pdf"),
    st.none() | st.integers(0, 2**40),
    st.sampled_from(["photo", "document"]),
    WORDS,
    st.just("") | LANGS,
    st.none() | LICENCES,
)
ARTICLES = st.builds(
    lambda texts, changes: make(1, *texts, **changes),
    st.lists(SAID, min_size=1, max_size=3),
    st.fixed_dictionaries(
        {},
        optional={
            "guid": SAID,
            "version": st.integers(1, 2**31),
            "lang": LANGS,
            "office": st.builds(Office, st.just("office-1"), SAID, st.just("") | URLS),
            "headline": SAID,
            "subheadlines": st.lists(SAID, max_size=2).map(tuple),
            "dateline": WORDS,
            "byline": WORDS,
            "issued": INSTANTS,
            "published": INSTANTS,
            "updated": INSTANTS,
            "embargoed": st.none() | INSTANTS,
            "embargo_wording": WORDS,
            "regions": st.lists(st.builds(Term, st.just("region"), st.sampled_from(["kr", "kr:52"]), NAMES)).map(tuple),
            "topics": st.lists(TERMS, max_size=3).map(tuple),
            "keywords": st.lists(st.builds(Term, st.just("keyword"), SAID), max_size=2).map(tuple),
            "contacts": st.lists(st.builds(Contact, WORDS, WORDS, WORDS, WORDS, WORDS), max_size=2).map(tuple),
            "enclosures": st.lists(ENCLOSURES, max_size=3).map(tuple),
            "licence": LICENCES,
            "related": st.lists(st.builds(Related, WORDS, SAID, st.just("") | URLS), max_size=2).map(tuple),
            "note": WORDS,
            "kind": st.sampled_from(["press-release", "reference", "explanation"]),
            "held": st.booleans(),
            "urgency": st.integers(0, 9),
            "slugline": WORDS,
            "source": WORDS,
            "copyright": WORDS,
        },
    ),
)
# Messages of the W3C's validator about an article's own words and instants; we write everything else ourselves.
THEIRS = {"ContainsHTML", "ImplausibleDate", "DuplicateUpdated", "BadCharacters"}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ARTICLES, st.lists(WORDS, max_size=1))
def test_any_article_renders(article: Article, notes: list[str]) -> None:
    withdrawn = tuple(
        Withdrawn("a0002", "urn:x-office:2", article.updated, True, 2, note, article.office, article.lang)
        for note in notes
    )
    subject = feed(article, withdrawn=withdrawn, title=f"x{article.headline}", subtitle=article.note)
    for format in FORMATS:
        if format in JSON:
            json_rules(format, subject)
            continue
        root = tree(format, subject)
        if format == "newsml" and XSD.exists():
            newsml_schema().assertValid(root)
        if format in SYNDICATION:
            said = {event.split()[0] for event in feedrules.check(render(FORMATS[format], subject), subject.self)}
            assert said <= THEIRS, said
    document = etree.fromstring(nitf.render_article(article))
    if NITF_XSD.exists():
        nitf_schema().assertValid(document)


def test_ids_of_atom_are_in_their_normal_form() -> None:
    """Any other guid is written next to our own URN, and is read back unchanged."""
    for guid in (
        "https://WWW.example.org/1",
        "https://www.example.org",
        "https://a.example:443/%7Ex",
        "https://a.example/a/../b",
    ):
        subject = feed(make(1, guid=guid))
        document = render(FORMATS["atom"], subject)
        assert feedrules.check(document, subject.self) == []
        entry = etree.fromstring(document).find("{*}entry")
        assert entry.findtext("{*}id") == "urn:pressrelay:article:a0001"
        assert entry.findtext("{http://purl.org/dc/elements/1.1/}identifier") == guid


def test_a_title_is_not_taken_for_html() -> None:
    subject = feed(make(1, headline="R&D5 <AI> 전략 &amp; 계획", subheadlines=("a < b",)))
    for format in SYNDICATION:
        document = render(FORMATS[format], subject)
        assert feedrules.check(document, subject.self) == [] and b"R&#x26;D5 &#x3C;AI>" in document.replace(
            b"&gt;", b">"
        )
        assert feedparser.parse(document, sanitize_html=False).entries[0].title in (
            "R&D5 <AI> 전략 &amp; 계획",
            "R&D5 <AI> 전략 & 계획",
        )
