"""Feeds and articles over HTTP: pages, encodings, validators, negotiation, full text, short names, articles that left."""

import gzip
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import brotli
import feedparser
import httpx
import pytest
import zstandard
from lxml import etree

from tests.asking import links_of
from tests.conftest import Server, until

ATOM = "{http://www.w3.org/2005/Atom}"
DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompress(body),
}


def release(number: int, version: int = 1, **parts: str) -> bytes:
    status = f' pubstatus="{parts["pubstatus"]}"' if "pubstatus" in parts else ""
    return (
        f'<release xmlns="urn:pressrelay:press-release:1" xml:lang="{parts.get("lang", "en")}"><article version="{version}"{status}>'
        f"<guid>tag:example.org,2026:http-{number}</guid><issued>2026-03-09T10:00:00+09:00</issued>"
        f"{parts.get('embargo', '')}"
        f"<headline>{parts.get('headline', f'Number {number}')}</headline><body>{parts.get('body', '<p>Text.</p>')}</body>"
        f"{parts.get('more', '')}</article></release>"
    ).encode()


@pytest.fixture(scope="module")
def token(server: Server) -> str:
    """The token of a separate office: articles of other tests are in none of its feeds."""
    token = server.office("http", "HTTP Office", "us:CA")
    for number in range(7):
        assert server.push(token, release(number)).status_code == 201
    return token


def ask(server: Server, path: str, **headers: str) -> httpx.Response:
    """Ask without the headers that the client adds by itself; the answer has the bytes as they came."""
    request = httpx.Request("GET", f"{server.url}{path}", headers={"Host": "x", **headers})
    with httpx.Client(trust_env=False) as client:
        answer = client.send(request, stream=True)
        answer._content = b"".join(answer.iter_raw())  # httpx would unpack it
        answer.close()
    return answer


def entries(answer: httpx.Response) -> list[str]:
    return [entry.findtext(f"{ATOM}title") or "" for entry in etree.fromstring(answer.content).iter(f"{ATOM}entry")]


def test_pages_are_walked_while_articles_arrive(server: Server, token: str) -> None:
    answer = ask(server, "/feed.atom?office=http&limit=2")
    assert {"first", "next", "last", "self"} <= set(links_of(answer)) and "previous" not in links_of(answer)
    before = entries(answer)
    seen = list(before)
    assert server.push(token, release(100, headline="Meanwhile")).status_code == 201
    while "next" in links_of(answer):
        answer = httpx.get(links_of(answer)["next"], trust_env=False)
        assert links_of(answer)["next" if "next" in links_of(answer) else "last"]
        seen += entries(answer)
        inside = {link.get("rel"): link.get("href") for link in etree.fromstring(answer.content).findall(f"{ATOM}link")}
        assert inside["previous"] == links_of(answer)["previous"], "in the feed as in the header"
    assert seen == [f"Number {number}" for number in reversed(range(7))], "each once, whatever came meanwhile"
    last = httpx.get(links_of(answer)["last"], trust_env=False)
    assert entries(last)[-1] == "Number 0" and "next" not in links_of(last)
    up = httpx.get(links_of(last)["previous"], trust_env=False)
    assert entries(up)[-1] == "Number 2"
    while "previous" in links_of(up):
        up = httpx.get(links_of(up)["previous"], trust_env=False)
    assert entries(up)[0] == "Meanwhile"
    assert server.push(token, release(100, 2, pubstatus="canceled")).status_code == 201


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("", ""),
        ("gzip", "gzip"),
        ("gzip, br, zstd", "zstd"),
        ("zstd;q=0.5, br;q=0.8, gzip;q=0.8", "br"),
        ("gzip;q=0", ""),
        ("identity, gzip;q=0.5", ""),
        ("*", "zstd"),
        ("*;q=0.1, br", "br"),
        ("gzip;q=x, , ;;", ""),
        ("garbage !! gzip", ""),
        ("deflate, compress", ""),
    ],
)
@pytest.mark.parametrize("path", ["/feed.atom?office=http", "/feed.newsml?office=http", "/articles/{id}.newsml"])
def test_encodings(server: Server, token: str, path: str, accepted: str, encoding: str) -> None:
    path = path.format(id=identity(server))
    answer = ask(server, path, **({"Accept-Encoding": accepted} if accepted else {}))
    assert answer.headers.get("Content-Encoding", "") == encoding
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    plain = ask(server, path)
    assert (DECODERS[encoding](answer.content) if encoding else answer.content) == plain.content
    assert (answer.headers["ETag"] != plain.headers["ETag"]) == bool(encoding), "other bytes, another strong tag"
    again = ask(server, path, **{"Accept-Encoding": accepted, "If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def identity(server: Server) -> str:
    feed = server.client.get("/feed.json?office=http").json()
    return str(feed["items"][0]["url"].rpartition("/")[2])


def test_304_by_date(server: Server, token: str) -> None:
    def modified() -> str | None:
        return ask(server, "/feed.rss?office=http").headers.get("Last-Modified")

    until(modified, 5, 0.1)  # It is told when its second is over.
    told = modified()
    assert told
    assert ask(server, "/feed.rss?office=http", **{"If-Modified-Since": told}).status_code == 304
    old = "Mon, 09 Mar 2020 00:00:00 GMT"
    assert ask(server, "/feed.rss?office=http", **{"If-Modified-Since": old}).status_code == 200
    for broken in ("yesterday", "Mon, 99 Foo 2026 00:00:00 GMT"):
        assert ask(server, "/feed.rss?office=http", **{"If-Modified-Since": broken}).status_code == 200
    both = {"If-Modified-Since": told, "If-None-Match": '"another"'}
    assert ask(server, "/feed.rss?office=http", **both).status_code == 200, "the tag decides (RFC 9110, 13.2.2)"
    for broken in ("x", '"', "W/", ",,,", '"a" "b"'):
        assert ask(server, "/feed.rss?office=http", **{"If-None-Match": broken}).status_code == 200
    assert server.push(token, release(200)).status_code == 201
    assert ask(server, "/feed.rss?office=http", **{"If-Modified-Since": told}).status_code == 200
    assert server.push(token, release(200, 2, pubstatus="canceled")).status_code == 201


@pytest.mark.parametrize(
    ("accept", "type"),
    [
        ("", "application/rss+xml"),
        ("*/*", "application/rss+xml"),
        ("application/atom+xml", "application/atom+xml"),
        ("application/feed+json, application/json;q=0.5", "application/feed+json"),
        ("application/json", "application/json"),
        ("text/html, application/rss+xml;q=0.9", "application/rss+xml"),
        ("application/vnd.iptc.g2.newsmessage+xml", "application/vnd.iptc.g2.newsmessage+xml"),
        ("text/xml", "application/rss+xml"),
        ("application/xml;q=0.9, text/xml;q=0.8", "application/rss+xml"),
        ("application/atom+xml;type=feed;q=0.9, */*;q=0.1", "application/atom+xml"),
        ("application/feed+json; charset=utf-8", "application/feed+json"),
    ],
)
def test_the_format_by_accept(server: Server, token: str, accept: str, type: str) -> None:
    answer = ask(server, "/feed?office=http", **({"Accept": accept} if accept else {}))
    assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (200, type)
    assert "Accept" in answer.headers["Vary"].split(", ")
    own = answer.headers["Content-Location"]
    assert httpx.get(own, trust_env=False, headers={"Accept-Encoding": "identity"}).content == answer.content


@pytest.mark.parametrize(
    ("accept", "type"),
    [
        ("", "text/html"),
        ("*/*", "text/html"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("application/json", "application/json"),
        ("application/nitf+xml", "application/nitf+xml"),
        ("application/pdf", "application/pdf"),
        ("application/hwp+zip", "application/hwp+zip"),
        ("application/vnd.iptc.g2.newsitem+xml, text/html;q=0.1", "application/vnd.iptc.g2.newsitem+xml"),
        ("text/xml", "application/vnd.iptc.g2.newsitem+xml"),
        ("application/xml", "application/vnd.iptc.g2.newsitem+xml"),
        ("text/html;level=1, application/json;q=0.5", "text/html"),
        ("application/json;profile=x", "application/json"),
    ],
)
def test_an_article_by_accept(server: Server, token: str, accept: str, type: str) -> None:
    answer = ask(server, f"/articles/{identity(server)}", **({"Accept": accept} if accept else {}))
    assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (200, type)
    assert "Accept" in answer.headers["Vary"].split(", ")


@pytest.mark.parametrize("path", ["/feed", "/articles/{id}"])
def test_what_nobody_writes_is_406(server: Server, token: str, path: str) -> None:
    answer = ask(server, path.format(id=identity(server)), Accept="image/png")
    assert (answer.status_code, answer.json()["type"]) == (406, "urn:pressrelay:problem:not-acceptable")
    assert answer.headers["Vary"] == "Accept"


TRACKED = "utm_source=news&fbclid=abc&utm_medium=x&_=1"


@pytest.mark.parametrize(
    "path", ["/feed.atom?office=http", "/feed?office=http", "/feed.atom/archive?office=http", "/feeds.opml", "/changes"]
)
def test_what_links_collect_on_their_way_is_ignored(server: Server, token: str, path: str) -> None:
    path = path if "?" in path else f"{path}?"
    assert ask(server, f"{path}&{TRACKED}").content == ask(server, path).content


def test_a_page_is_redirected_to_its_own_address(server: Server, token: str) -> None:
    id = identity(server)
    for path, own in (
        (f"/?office=http&{TRACKED}", "/?office=http"),
        (f"/?{TRACKED}", "/"),
        (f"/articles/{id}?{TRACKED}&lang=ko", f"/articles/{id}"),
        (f"/articles/{'a' * 26}?{TRACKED}", f"/articles/{'a' * 26}"),
        (f"/articles/{id}/versions?{TRACKED}", f"/articles/{id}/versions"),
        (f"/feeds?{TRACKED}", "/feeds"),
    ):
        answer = ask(server, path, Accept="text/html")
        assert (answer.status_code, answer.headers["Location"]) == (301, f"{server.url}{own}"), path
    assert ask(server, f"/?{TRACKED}&regoin=kr", Accept="text/html").status_code == 400


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("regoin", "region"),
        ("Office", "office"),
        ("exclude-topic", "exclude_topic"),
        ("language", "lang"),
        ("untill", "until"),
    ],
)
def test_a_misspelt_filter_widens_no_feed(server: Server, token: str, name: str, nearest: str) -> None:
    problem = ask(server, f"/feed.atom?{name}=x").json()
    assert (problem["status"], problem["type"]) == (400, "urn:pressrelay:problem:unknown-parameter")
    assert problem["errors"][0]["nearest"] == [nearest] and f"Did you mean {nearest}?" in problem["detail"]


@pytest.mark.parametrize(
    "path", ["/feed.atom", "/feeds", "/articles/{id}", "/articles/{id}.json", "/changes", "/f/none.rss"]
)
def test_a_slash_at_the_end_is_redirected(server: Server, token: str, path: str) -> None:
    path = path.format(id=identity(server))
    answer = ask(server, f"{path}/?office=http&q=%EB%8F%84")
    assert (answer.status_code, answer.headers["Location"]) == (308, f"{server.url}{path}?office=http&q=%EB%8F%84")
    assert ask(server, "/nothing/here/").status_code == 404


def test_a_language_range_finds_longer_tags(server: Server, token: str) -> None:
    """RFC 4647, section 3.3.1."""
    assert server.push(token, release(777, lang="zh-Hant-TW", headline="Traditional")).status_code == 201
    found = {
        lang: len(entries(ask(server, f"/feed.atom?office=http&lang={lang}")))
        for lang in ("zh", "zh-Hant", "ZH_hant-tw")
    }
    assert found == {"zh": 1, "zh-Hant": 1, "ZH_hant-tw": 1}
    assert not entries(ask(server, "/feed.atom?office=http&lang=zh-TW")), "a range is a prefix"
    assert server.push(token, release(777, 2, lang="zh-Hant-TW", pubstatus="canceled")).status_code == 201


def test_basic_is_offered_first_in_a_field_of_its_own(server: Server, token: str) -> None:
    """Clients such as libwww-perl read only the first challenge."""
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        answer = ask(server, "/feed.atom?status=embargoed", **headers)
        basic, bearer = answer.headers.get_list("WWW-Authenticate")
        assert answer.status_code == 401 and basic.startswith("Basic realm=") and bearer.startswith("Bearer realm=")


def test_a_feed_links_to_its_other_formats(server: Server, token: str) -> None:
    told = ask(server, "/feed.rss?office=http").headers["Link"]
    for format in ("atom", "json", "ninjs", "newsml"):
        assert f'<{server.url}/feed.{format}?office=http>; rel="alternate"' in told
    assert f'<{server.url}/?office=http>; rel="alternate"; type="text/html"' in told


def test_an_article_in_each_format(server: Server, token: str) -> None:
    id = identity(server)
    page = server.client.get(f"/articles/{id}")
    assert page.headers["Link"].count('rel="alternate"') == 6 and 'rel="canonical"' in page.headers["Link"]
    assert server.client.get(f"/articles/{id}.ninjs").json()["headlines"][0]["value"].startswith("Number")
    for suffix, root in (("newsml", "newsItem"), ("nitf", "nitf")):
        answer = server.client.get(f"/articles/{id}.{suffix}")
        assert etree.QName(etree.fromstring(answer.content)).localname == root
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    # It is told when its second is over.
    until(lambda: "Last-Modified" in server.client.get(f"/articles/{id}.nitf").headers, 5, 0.1)
    assert server.client.get(f"/articles/{id}.odt").json()["type"] == "urn:pressrelay:problem:unknown-format"


def test_an_article_as_a_document(server: Server, token: str) -> None:
    id = identity(server)
    page = server.client.get(f"/articles/{id}").text
    for suffix, type, how, magic in (
        ("hwpx", "application/hwp+zip", "attachment", b"PK"),
        ("pdf", "application/pdf", "inline", b"%PDF"),
    ):
        assert f'href="/articles/{id}.{suffix}"' in page
        answer = ask(server, f"/articles/{id}.{suffix}", **{"Accept-Encoding": "br, gzip"})
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, type) and answer.content.startswith(magic)
        assert "Content-Encoding" not in answer.headers and answer.headers["Access-Control-Allow-Origin"] == "*"
        said, _, name = unquote(answer.headers["Content-Disposition"]).partition(";")
        assert said == how and name.endswith(f'.{suffix}"') and "Number" in name
        again = ask(server, f"/articles/{id}.{suffix}", **{"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_nitf_without_a_namespace(server: Server, token: str) -> None:
    path = f"/articles/{identity(server)}.nitf"
    plain, whole = ask(server, f"{path}?namespace=none"), ask(server, path)
    assert etree.fromstring(plain.content).tag == "nitf" and etree.fromstring(whole.content).tag.endswith("}nitf")
    assert (
        plain.headers["Content-Type"] == whole.headers["Content-Type"]
        and plain.headers["ETag"] != whole.headers["ETag"]
    )
    refused = ask(server, f"{path}?namespace=dtd")
    assert (refused.status_code, refused.json()["type"]) == (400, "urn:pressrelay:problem:bad-parameter")


def test_scripts_of_any_site_may_read_feeds(server: Server, token: str) -> None:
    answer = ask(server, "/feed.json", Origin="https://reader.example")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
    asked = {"Origin": "https://reader.example", "Access-Control-Request-Method": "GET"}
    preflight = server.client.options("/feed.json", headers=asked)
    assert preflight.status_code in (200, 204)
    assert "If-None-Match" in preflight.headers["Access-Control-Allow-Headers"]


def test_full_text(server: Server, token: str) -> None:
    """Korean words are found within others, words in any order, and quoted words in their order; only public articles are found."""
    body = "<p>전북의 으뜸도정상은 6개 부서가 받았다. Semiconductor cluster opens.</p>"
    more = "<keyword>벚꽃축제</keyword>"
    assert server.push(token, release(300, headline="도정상 시상", body=body, more=more)).status_code == 201
    assert (
        server.push(
            token, release(301, headline="으뜸도정상 비밀", body=body, embargo='<embargo held="true"/>')
        ).status_code
        == 201
    )

    def found(words: str, **others: str) -> list[str]:
        feed = server.client.get("/feed.json", params={"q": words, "office": "http", **others}).json()
        return [item["title"] for item in feed["items"]]

    for words in ("도정상", "으뜸도정상", "벚꽃", "cluster semiconductor", "SEMICONDUCTOR", '"cluster opens"', "받"):
        assert found(words) == ["도정상 시상"], words
    for words in ("비밀", '"opens cluster"', "도정상 없음", "conductor"):
        assert found(words) == [], words
    assert found("도정상", lang="ko") == [] and found("도정상", region="us:CA") == ["도정상 시상"]
    page = server.client.get("/", params={"q": "도정상 cluster"}, headers={"Accept-Language": "ko"}).text
    assert "<mark>도정상</mark> 시상" in page and "<mark>cluster</mark>" in page
    assert server.push(token, release(300, 2, headline="도정상 시상", pubstatus="canceled")).status_code == 201
    assert found("도정상") == []


def test_filters(server: Server, token: str) -> None:
    by = '<licence uri="https://creativecommons.org/licenses/by/4.0/">CC BY</licence>'
    assert server.push(token, release(400, headline="Open", lang="en-GB", more=by)).status_code == 201

    def titles(**params: Any) -> list[str]:
        return [
            i["title"] for i in server.client.get("/feed.json", params={"office": "http", **params}).json()["items"]
        ]

    numbers = {f"Number {number}" for number in range(7)}
    assert titles(licence="cc-by-4.0") == ["Open"] == titles(exclude_licence="none")
    assert set(titles(licence="none")) == numbers == set(titles(exclude_licence="cc-by-4.0"))
    assert set(titles(genre="press-release")) == {*numbers, "Open"} and titles(genre="reference") == []
    assert titles(lang="en-GB") == ["Open"] and set(titles(lang="en")) == {*numbers, "Open"}
    assert titles(exclude_lang="en") == [] and titles(exclude_region="us:CA") == []
    now = datetime.now(UTC)
    day = timedelta(days=1)
    assert len(titles(since=(now - day).isoformat())) == 8 and titles(until=(now - day).isoformat()) == []
    assert len(titles(until=(now + day).isoformat(), since=(now - day).date().isoformat())) == 8
    assert server.push(token, release(400, 2, lang="en-GB", pubstatus="canceled")).status_code == 201


def test_what_left_is_told(server: Server, token: str) -> None:
    guid = "tag:example.org,2026:http-500"
    assert server.push(token, release(500, headline="Wrong")).status_code == 201
    first = ask(server, "/feed.atom?office=http&extensions=all")
    gone = server.push(token, release(500, 2, pubstatus="canceled", more="<note>Sent by mistake.</note>"))
    assert gone.status_code == 201, gone.text
    atom = ask(server, "/feed.atom?office=http&extensions=all")
    assert atom.headers["ETag"] != first.headers["ETag"]
    tombs = etree.fromstring(atom.content).findall("{http://purl.org/atompub/tombstones/1.0}deleted-entry")
    assert [tomb.findtext("{*}comment") for tomb in tombs if tomb.get("ref") == guid] == ["Sent by mistake."]
    news = etree.fromstring(ask(server, "/feed.newsml?office=http").content)
    (status,) = (
        s.get("qcode")
        for item in news.iter("{*}newsItem")
        if item.get("guid") == guid
        for s in item.iter("{*}pubStatus")
    )
    assert status == "stat:canceled"
    ninjs = server.client.get("/feed.ninjs?office=http").json()
    assert [item["pubStatus"] for item in ninjs["associations"] if item["uri"] == guid] == ["canceled"]
    for format in ("rss", "json"):
        assert guid not in server.client.get(f"/feed.{format}?office=http").text
    assert server.push(token, release(500, 3, headline="Right")).status_code == 201
    back = etree.fromstring(ask(server, "/feed.atom?office=http&extensions=all").content)
    refs = [t.get("ref") for t in back.findall("{http://purl.org/atompub/tombstones/1.0}deleted-entry")]
    assert guid not in refs, "what came back has not left"
    assert server.push(token, release(500, 4, pubstatus="canceled")).status_code == 201


def test_a_feed_by_a_short_name(server: Server, token: str) -> None:
    added = server.run(
        "feed", "add", "http-office", "office=http&limit=3&lang=en", "--title", "Of one office", "--json"
    )
    assert added.returncode == 0, added.stderr
    assert added.stdout.count(f"{server.url}/f/http-office.atom") == 1
    answer = ask(server, "/f/http-office.atom")
    feed = feedparser.parse(answer.content)
    assert (feed.feed.title, len(feed.entries)) == ("Of one office", 3)
    assert links_of(answer)["self"] == f"{server.url}/f/http-office.atom"
    assert {link["rel"]: link["href"] for link in feed.feed.links}["self"] == f"{server.url}/f/http-office.atom"
    following = links_of(answer)["next"]
    assert urlsplit(following).path == "/f/http-office.atom" and list(parse_qs(urlsplit(following).query)) == ["before"]
    assert entries(httpx.get(following, trust_env=False)) == ["Number 3", "Number 2", "Number 1"]
    assert len(entries(ask(server, "/f/http-office.atom?limit=50"))) == 7
    assert ask(server, "/f/http-office.json").json()["feed_url"] == f"{server.url}/f/http-office.json"
    for path, status, type in (
        ("/f/http-office.atom?region=kr", 400, "unknown-parameter"),
        ("/f/http-office.pdf", 404, "unknown-format"),
        ("/f/nobody.atom", 404, "unknown-feed"),
        ("/f/%EA%B0%80.atom", 404, "unknown-feed"),
    ):
        problem = ask(server, path).json()
        assert (problem["status"], problem["type"]) == (status, f"urn:pressrelay:problem:{type}"), path
    changed = server.run("feed", "add", "http-office", f"{server.url}/feed.rss?office=http&limit=1")
    assert changed.returncode == 0 and "changed" in changed.stdout
    assert entries(ask(server, "/f/http-office.atom")) == ["Number 6"]
    assert "http-office\toffice=http&limit=1" in server.run("feed", "list").stdout
    for words, said in (
        (("add", "A b", "lang=ko"), "cannot be used as a name"),
        (("add", "a", "region=nowhere"), "Unknown region"),
        (("add", "a", "before=1-1"), "A cursor names one page"),
        (("remove", "nobody"), "There is no saved feed"),
    ):
        done = server.run("feed", *words)
        assert done.returncode == 1 and said in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert server.run("feed", "remove", "http-office").returncode == 0
    ended = feedparser.parse(ask(server, "/f/http-office.atom").content)
    assert ended.entries[0].title.startswith(("이 피드는 끝났습니다", "This feed has ended")), (
        "test_retired has the rest"
    )


def test_titles_in_the_language_asked_for(server: Server, token: str) -> None:
    for params, lang, title in (
        ({"region": "kr:52", "lang": "en"}, "en", "Pressrelay: Jeonbuk State / en"),
        ({"region": "kr:52", "lang": "ko-KR"}, "ko", "Pressrelay: 전북특별자치도 / ko-kr"),
        ({"genre": "reference", "exclude_region": "kr:11"}, "ko", "Pressrelay: 보도참고자료 / − 서울특별시"),
    ):
        feed = server.client.get("/feed.ninjs", params=params).json()
        assert (feed["language"], feed["headlines"][0]["value"]) == (lang, title)


def test_language_versions_find_each_other(server: Server, token: str) -> None:
    """Whichever of them names the other; one that is not public is not named."""
    guid = "tag:example.org,2026:http-"
    assert server.push(token, release(600, lang="ko", headline="한국어")).status_code == 201
    english = f'<related guid="{guid}600" translation="ko">한국어</related>'
    korean = server.client.get("/feed.json?office=http").json()["items"][0]["url"]
    assert server.push(token, release(601, headline="English", more=english)).status_code == 201
    french = f'<related guid="{guid}600" translation="ko"/>'
    pushed = server.push(token, release(602, lang="fr", embargo='<embargo held="true"/>', more=french))
    assert pushed.status_code == 201
    other = server.client.get("/feed.json?office=http").json()["items"][0]["url"]
    for here, there, tag, label in ((korean, other, "en", "English"), (other, korean, "ko", "한국어")):
        page = server.client.get(here.removeprefix(server.url)).text
        assert f'<link rel="alternate" hreflang="{tag}" href="{there}">' in page and f">{label}</a>" in page
        assert "fran" not in page
    atom = etree.fromstring(ask(server, "/feed.atom?office=http&limit=1").content)
    alternates = {link.get("hreflang"): link.get("href") for link in atom.iter(f"{ATOM}link") if link.get("hreflang")}
    assert alternates == {"en": other, "ko": korean}
    news = etree.fromstring(ask(server, "/feed.newsml?office=http&limit=1").content)
    assert [link.get("residref") for link in news.xpath("//*[local-name()='link'][*/@tag='ko']")] == [f"{guid}600"]
    ninjs = server.client.get("/feed.ninjs?office=http&limit=1").json()["associations"][0]["associations"]
    assert [(one["rel"], one["language"], one["uri"]) for one in ninjs] == [("translation", "ko", korean)]
    open_ = '<embargo held="false"/>'
    assert server.push(token, release(602, 2, lang="fr", embargo=open_, more=french)).status_code == 201
    assert ">français</a>" in server.client.get(korean.removeprefix(server.url)).text
    wrong = server.push(token, release(603, more='<related guid="a" translation="en"/>'))
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "/release/article[1]/related/@translation")
    for number in (600, 601, 602):
        lang = {600: "ko", 601: "en", 602: "fr"}[number]
        assert server.push(token, release(number, 9, lang=lang, pubstatus="canceled")).status_code == 201
