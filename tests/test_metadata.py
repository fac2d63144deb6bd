"""The metadata of pages for programs: JSON-LD, OpenGraph, and links to feeds."""

import json

import httpx
import lxml.html
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from feeds import FORMATS, metadata
from feeds.article import Enclosure, Term
from tests.articles import EVERYTHING, SEED
from tests.conftest import Server
from tests.test_discovery import HOSTILE, escaped, release_of


@pytest.fixture(scope="module")
def token(server: Server) -> str:
    return server.office("told", "Office <of> Telling", "us:OR")


def head(page: httpx.Response) -> lxml.html.HtmlElement:
    return lxml.html.document_fromstring(page.content).find("head")


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_every_page_names_its_feeds_and_itself(server: Server, token: str, lang: str) -> None:
    id = server.push(token, release_of(f"tag:example.org,2026:told-{lang}")).json()["id"]
    for path in ("/", "/?region=KR-50&limit=5", "/feeds", f"/articles/{id}"):
        page = head(server.client.get(path, headers={"Accept-Language": lang}))
        feeds = page.findall("link[@rel='alternate'][@title]")
        types = [module.MIMETYPE.partition(";")[0] for module in FORMATS.values()]
        assert [link.get("type") for link in feeds] == types
        assert all("Pressrelay" in link.get("title") for link in feeds)
        assert all(server.client.head(link.get("href")).status_code == 200 for link in feeds)
        (canonical,) = page.findall("link[@rel='canonical']")
        assert server.client.head(canonical.get("href")).status_code == 200
        (outline,) = page.findall("link[@rel='outline']")
        assert (outline.get("type"), outline.get("href")) == ("text/x-opml", "/feeds.opml")
        assert page.find("meta[@name='description']").get("content")


def test_an_article_says_what_it_is(server: Server, token: str) -> None:
    for number, headline in enumerate(HOSTILE):
        guid = f"tag:example.org,2026:told-{number}"
        receipt = server.push(token, release_of(guid, headline=escaped(headline)))
        assert receipt.status_code == 201, receipt.text
        answer = server.client.get(f"/articles/{receipt.json()['id']}")
        # Intake removes characters that reverse the direction of writing; the page shows the rest.
        kept = server.client.get(f"/articles/{receipt.json()['id']}.json").json()
        page = lxml.html.document_fromstring(answer.content)
        (script,) = page.iter("script")
        assert script.get("type") == "application/ld+json"
        told = json.loads(script.text)
        assert (told["@context"], told["@type"]) == ("https://schema.org", "NewsArticle")
        assert told["headline"] == kept["headline"] == " ".join(headline.replace("\u202e", "").split())
        assert told["mainEntityOfPage"]["@id"] == receipt.json()["url"]
        said = {meta.get("property"): meta.get("content") for meta in page.iter("meta") if meta.get("property")}
        assert (said["og:title"], said["og:url"], said["og:locale"]) == (kept["headline"], kept["url"], "en_US")
        assert "script-src 'self';" in answer.headers["Content-Security-Policy"]  # and no inline script
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_the_whole_of_json_ld() -> None:
    told = metadata.newsarticle(EVERYTHING, "Pressrelay", "https://press.example.org/")
    office = {"@type": "Organization", "name": "Example Office", "url": "https://www.example.org/"}
    assert told == {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "@id": EVERYTHING.url,
        "identifier": EVERYTHING.guid,
        "url": EVERYTHING.url,
        "mainEntityOfPage": {"@type": "WebPage", "@id": EVERYTHING.url},
        "headline": "Headline 5",
        "alternativeHeadline": ["First subheadline", "Second subheadline"],
        "description": "The lead.",
        "datePublished": "2021-03-09T05:00:00Z",
        "dateModified": "2021-03-09T05:00:00Z",
        "inLanguage": "en",
        "author": office,
        "publisher": office,
        "creditText": "Kim Minji",
        "dateline": "Jeonju",
        "image": [
            {
                "@type": "ImageObject",
                "url": "https://files.example.org/b.jpg",
                "contentUrl": "https://files.example.org/b.jpg",
                "encodingFormat": "image/jpeg",
                "caption": "A photo",
                "license": "https://www.kogl.or.kr/info/licenseType4.do",
            }
        ],
        "license": "https://www.kogl.or.kr/info/licenseType1.do",
        "copyrightNotice": "© 2021 Example Office",
        "keywords": ["tourism", "Science", "smart farm", "R&D"],
        "contentLocation": [
            {
                "@type": "AdministrativeArea",
                "name": "North Jeolla",
                "alternateName": "전라북도",
                "identifier": "kr:45",
            },
            {"@type": "AdministrativeArea", "name": "California", "identifier": "us:CA"},
        ],
        "isAccessibleForFree": True,
        "version": 3,
        "sdPublisher": {"@type": "Organization", "name": "Pressrelay", "url": "https://press.example.org/"},
    }


def test_opengraph() -> None:
    photo = Enclosure("https://files.example.org/photo?1", "application/octet-stream", role="photo")
    zipped = Enclosure("https://files.example.org/photos.zip", "application/zip", role="photo")
    subject = replace(SEED, enclosures=(photo, zipped, *EVERYTHING.enclosures), summary="요약 “하나”")
    assert metadata.opengraph(subject, "Pressrelay") == (
        ("og:type", "article"),
        ("og:title", "명품‘으뜸 도정상’2021년 힘차게 달린다"),
        ("og:description", "요약 “하나”"),
        ("og:url", SEED.url),
        ("og:site_name", "Pressrelay"),
        ("og:locale", "ko_KR"),
        ("article:published_time", "2021-03-09T05:00:00Z"),
        ("article:modified_time", "2021-03-09T05:00:00Z"),
        ("article:tag", "일반공공행정"),
        ("article:tag", "politics"),
        ("og:image", "https://files.example.org/photo?1"),
        ("og:image", "https://files.example.org/b.jpg"),
        ("og:image:type", "image/jpeg"),
        ("og:image:alt", "A photo"),
    )


@pytest.mark.parametrize(
    ("lang", "locale"),
    [("ko", "ko_KR"), ("en", "en_US"), ("en-GB", "en_GB"), ("zh-Hant", "zh_TW"), ("sr-Latn", "sr_RS"), ("eo", "")],
)
def test_locales(lang: str, locale: str) -> None:
    assert metadata.locale(lang) == locale


@given(st.text())
def test_a_data_block_cannot_be_left(text: str) -> None:
    subject = replace(EVERYTHING, headline=text, summary=text, keywords=(Term("keyword", text),), byline=text)
    embedded = metadata.embedded(subject, text, "https://press.example.org/")
    assert not set("<>&\u2028\u2029") & set(embedded)
    assert json.loads(embedded)["headline" if text else "url"] == (text or subject.url)
