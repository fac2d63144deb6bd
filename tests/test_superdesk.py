"""The values that Superdesk's parsers (superdesk/io/feed_parsers) read without checking that they exist: a document without one of
them is refused as a whole. We describe them in our own words; Superdesk's code is not here."""

from datetime import UTC, datetime

import pytest
from lxml import etree
from msgspec.structs import replace

from app.syndication.embargoed import dated_as_it_came
from feeds import atom, newsml, nitf, nitf_plain, render, rss
from feeds.article import Article, Withdrawn, ascii_uri
from feeds.nar import NAR
from feeds.nitf_body import NITF
from tests.articles import ARABIC, EMOJI, ENGLISH, EVERYTHING, SEED, feed

N = f"{{{NAR}}}"
ARTICLES = [SEED, ENGLISH, ARABIC, EMOJI, EVERYTHING]
GONE = Withdrawn("a", "tag:gone", datetime(2026, 3, 9, tzinfo=UTC), True, 2, "Sent in error.", SEED.office, "ko")


def needed(element: etree._Element | None, path: str) -> etree._Element:
    assert element is not None
    found = element.find("/".join(f"{N}{step}" for step in path.split("/")))
    assert found is not None, path
    return found


def test_newsml_has_what_is_looked_up() -> None:
    """newsml_2_0.py: the header's priority; of each item guid, version, class, date, status, content; of each reference its class."""
    root = etree.fromstring(render(newsml, replace(feed(*ARTICLES), withdrawn=(GONE,))))
    assert 1 <= int(needed(root, "header/priority").text or "") <= 9
    items = list(needed(root, "itemSet"))
    assert len(items) == len(ARTICLES) + 2
    for item in items:
        assert item.get("guid") and int(item.get("version") or "") >= 1
        kind = needed(item, "itemMeta/itemClass").get("qcode", "").split(":")[1]
        assert datetime.fromisoformat(needed(item, "itemMeta/versionCreated").text or "").tzinfo
        status = needed(item, "itemMeta/pubStatus").get("qcode", "").split(":")[1]
        assert status == ("canceled" if item.get("guid") == GONE.guid else "usable")
        needed(item, "contentMeta")
        if kind != "composite":
            contents = list(needed(item, "contentSet"))
            assert contents and all(content.get("contenttype") for content in contents)
            assert all(":" in (content.get("rendition") or ":") for content in contents)
            continue
        for group in needed(item, "groupSet"):
            assert group.get("id") and group.get("role") and len(group) == len(ARTICLES)
            for reference in group:
                assert reference.get("residref") and reference.get("contenttype") and reference.get("version")
                assert needed(reference, "itemClass").get("qcode") and needed(reference, "provider").get("qcode")


@pytest.mark.parametrize("article", ARTICLES, ids=lambda article: article.id)
def test_nitf_without_a_namespace_has_what_is_looked_up(article: Article) -> None:
    """nitf.py: the root is `nitf`, every document has an urgency, and instants are to the second."""
    root = etree.fromstring(nitf_plain.render_article(article))
    assert root.tag == "nitf" and {etree.QName(element).namespace for element in root.iter()} == {None}
    docdata = root.find("head/docdata")
    assert docdata.find("doc-id").get("id-string") == article.guid
    assert 1 <= int(docdata.find("urgency").get("ed-urg")) <= 8
    datetime.strptime(docdata.find("date.issue").get("norm"), "%Y%m%dT%H%M%S%z")
    assert root.findtext("body/body.head/hedline/hl1") == article.headline and len(root.find("body/body.content"))
    whole = etree.fromstring(nitf.render_article(article))
    assert len(list(whole.iter(f"{{{NITF}}}p"))) == len(list(root.iter("p"))), "only the namespace is different"


def test_dates_of_what_waits_are_not_in_the_future() -> None:
    """Readers of RSS hide entries from the future."""
    came, lifts = datetime(2026, 3, 9, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
    shown = dated_as_it_came(replace(SEED, published=lifts, updated=lifts, embargoed=lifts), came)
    assert (shown.published, shown.updated, shown.embargoed) == (came, came, lifts)


@pytest.mark.parametrize(
    ("iri", "uri"),
    [
        ("https://a.example/사진 1.jpg", "https://a.example/%EC%82%AC%EC%A7%84%201.jpg"),
        ("https://서울.kr/가?b=나#다", "https://xn--2i4bq6h.kr/%EA%B0%80?b=%EB%82%98#%EB%8B%A4"),
        ("https://a.example/%EA%B0%80?x=[1]", "https://a.example/%EA%B0%80?x=%5B1%5D"),
        ("https://a.example//b?", "https://a.example//b?"),
        ("urn:example:a:b", "urn:example:a:b"),
        ("https://[2001:db8::1]/가", "https://[2001:db8::1]/%EA%B0%80"),
    ],
)
def test_files_have_uris(iri: str, uri: str) -> None:
    assert ascii_uri(iri) == uri
    file = replace(EVERYTHING.enclosures[0], url=iri)
    for format in (rss, atom):
        assert iri.isascii() or iri not in render(format, feed(replace(EVERYTHING, enclosures=(file,)))).decode()
