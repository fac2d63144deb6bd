"""Documents by which programs find feeds and articles: OPML, sitemaps, robots.txt and security.txt."""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser

import httpx
import listparser
import pytest
from lxml import etree
from msgspec.structs import replace

from app import store
from app.settings import load
from app.store import Engine
from app.syndication.catalogue import directory
from feeds import opml, sitemap
from feeds.article import Term
from tests.articles import CASES, SEED
from tests.conftest import Server
from tests.test_http import DECODERS, ask, release
from tests.test_store import NOW, article, put

SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
NEWS = "{http://www.google.com/schemas/sitemap-news/0.9}"
HOSTILE = (
    "</script><script>alert(1)</script>",
    "<!-- <script> \u2028 & \u2029 -->",
    "전북 “으뜸” & <b>굵게</b> \"따옴표\" '작은'",
    "بيان صحفي \u202e مقلوب",
    "🎉👩‍👩‍👧‍👦 축제 \\u003c/script\\u003e",
)
ALWAYS = ("/", "/feeds", "/regions", "/topics", "/offices", "/press-calendar")
LISTS = ("/feeds", "/feeds.opml", "/sitemap.xml", "/sitemap-news.xml")


def release_of(guid: str, **parts: str) -> bytes:
    """A release issued now, in Sejong, about sport: a region and a topic that no other test uses together."""
    now = datetime.now(UTC).isoformat()
    text = release(0, int(parts.pop("version", "1")), **{"more": "<region>kr:36</region><topic>sport</topic>", **parts})
    text = text.replace(b"tag:example.org,2026:http-0", guid.encode())
    return text.replace(b"2026-03-09T10:00:00+09:00", parts.get("issued", now).encode())


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server only for this module: articles of other modules, in other months, would change whether the sitemap is an index."""
    server = Server(tmp_path_factory.mktemp("discovery")).start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def token(server: Server) -> str:
    return server.office("found", "Office <of> Finding & Keeping", "us:OR")


@pytest.fixture(scope="module")
def shown(server: Server, token: str) -> dict[str, Any]:
    """A public article with a hostile headline; its receipt. Some more make the lists long enough to be compressed."""
    for number in range(9):
        assert server.push(token, release_of(f"tag:example.org,2026:found-more-{number}")).status_code == 201
    body = release_of("tag:example.org,2026:found", headline=escaped(HOSTILE[0]), lang="ko")
    answer = server.push(token, body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def outlines(answer: httpx.Response) -> list[etree._Element]:
    """The feeds of an OPML document, by the rules of OPML 2.0."""
    root = etree.fromstring(answer.content)
    assert (root.tag, root.get("version"), [child.tag for child in root]) == ("opml", "2.0", ["head", "body"])
    assert root.findtext("head/title")
    every = list(root.iter("outline"))
    assert every and all(outline.get("text") for outline in every)
    feeds = [outline for outline in every if outline.get("type")]
    for outline in feeds:
        assert outline.get("type") == "rss"
        assert all(urlsplit(str(outline.get(name))).scheme == "http" for name in ("xmlUrl", "htmlUrl"))
    addresses = [outline.get("xmlUrl") for outline in feeds]
    assert len(set(addresses)) == len(addresses)
    return feeds


def locations(answer: httpx.Response, kind: str = "urlset") -> list[str]:
    """The URLs of a sitemap, by the rules of the protocol: what may stand where, and how long it may be."""
    root = etree.fromstring(answer.content)
    assert root.tag == SITEMAP + kind
    assert len(root) <= sitemap.MOST and len(answer.content) <= 50 * 2**20
    for row in root:
        assert row.tag == SITEMAP + {"urlset": "url", "sitemapindex": "sitemap"}[kind]
        assert [child.tag for child in row if child.tag.startswith(SITEMAP)] in (
            [f"{SITEMAP}loc"],
            [f"{SITEMAP}loc", f"{SITEMAP}lastmod"],
        )
        changed = row.findtext(f"{SITEMAP}lastmod")
        assert changed is None or datetime.fromisoformat(changed).tzinfo
    found = [str(loc.text) for loc in root.iter(f"{SITEMAP}loc")]
    assert all(len(url) < 2048 for url in found)
    assert len(set(found)) == len(found)
    return found


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_opml_lists_what_has_articles_and_nothing_else(server: Server, shown: dict[str, Any], lang: str) -> None:
    answer = ask(server, "/feeds.opml", **{"Accept-Language": lang})
    assert (answer.headers["Content-Type"], answer.headers["Content-Language"]) == ("text/x-opml; charset=utf-8", lang)
    feeds = {str(outline.get("xmlUrl")): outline for outline in outlines(answer)}
    base = f"{server.url}/feed.rss"
    crossed = feeds[f"{base}?region=kr%3A36&topic=medtop%3A15000000"]
    assert (
        crossed.get("text") == {"ko": "Pressrelay: 세종특별자치시 / 스포츠", "en": "Pressrelay: Sejong / sport"}[lang]
    )
    assert crossed.get("language") == "ko", "of the feed, not of the list"
    assert {base, f"{base}?office=found", f"{base}?region=kr"} <= set(feeds)
    assert f"{base}?region=kr%3A36&topic=medtop%3A20000498" not in feeds, "each has articles, together they have none"
    for url in list(feeds)[:: max(1, len(feeds) // 40)]:
        assert b"<item>" in httpx.get(url, trust_env=False).content, url
    assert f"{server.url}/?region=kr%3A36" in server.client.get("/feeds", headers={"Accept-Language": lang}).text


def test_opml_is_read_by_another(server: Server, shown: dict[str, Any]) -> None:
    answer = server.client.get("/feeds.opml")
    read = listparser.parse(answer.text)
    assert (read.version, read.bozo) == ("opml2", 0)
    assert {feed.url for feed in read.feeds} == {outline.get("xmlUrl") for outline in outlines(answer)}
    assert "Pressrelay: Office <of> Finding & Keeping" in {feed.title for feed in read.feeds}


def test_the_feeds_with_a_short_name_are_listed(server: Server, shown: dict[str, Any]) -> None:
    done = server.run("feed", "add", "sejong", "region=kr:36", "--title", "세종 <소식>")
    assert done.returncode == 0, done.stderr
    listed = {outline.get("xmlUrl"): outline.get("title") for outline in outlines(server.client.get("/feeds.opml"))}
    assert listed[f"{server.url}/f/sejong.rss"] == "세종 <소식>"
    assert server.run("feed", "remove", "sejong").returncode == 0


@pytest.mark.parametrize("path", LISTS)
def test_lists_as_http_has_them(server: Server, shown: dict[str, Any], path: str) -> None:
    plain = ask(server, path)
    assert plain.status_code == 200 and "max-age" in plain.headers["Cache-Control"]
    assert ask(server, path, **{"If-None-Match": plain.headers["ETag"]}).status_code == 304
    for name, decode in DECODERS.items():
        packed = ask(server, path, **{"Accept-Encoding": name})
        assert packed.headers.get("Content-Encoding", "") == name and decode(packed.content) == plain.content
    head = server.client.head(path, headers={"Accept-Encoding": "identity"})
    assert (head.status_code, head.content, head.headers["ETag"]) == (200, b"", plain.headers["ETag"])
    assert ("Accept-Language" in plain.headers["Vary"]) == path.startswith("/feeds")
    assert ask(server, f"{path}?utm_source=x").content == plain.content, "what links collect on their way is ignored"


def test_a_sitemap_names_pages_that_are_there(server: Server, shown: dict[str, Any]) -> None:
    answer = server.client.get("/sitemap.xml")
    assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
    index = b"<sitemapindex" in answer.content
    pages = [httpx.get(page, trust_env=False) for page in locations(answer, "sitemapindex")] if index else [answer]
    found = [url for page in pages for url in locations(page)]
    listed = locations(server.client.get("/sitemap.xml?from=pages"))
    assert found[:6] == [f"{server.url}{path}" for path in ALWAYS] and shown["url"] in found
    assert found[: len(listed)] == listed and len(set(listed)) == len(listed) > 8
    assert {url.split("/")[3] for url in listed[6:]} == {"regions", "topics", "offices"}
    for url in (*listed, shown["url"]):
        assert httpx.get(url, trust_env=False).status_code == 200
    for wrong, status in (("1", 400), ("-1", 400), ("٥", 400), ("x", 400), ("0&from=1", 400), ("-2592000000000", 404)):
        problem = server.client.get(f"/sitemap.xml?from={wrong}")
        assert (problem.status_code, problem.headers["Content-Type"]) == (status, "application/problem+json"), wrong


def test_news_is_of_two_days(server: Server, token: str, shown: dict[str, Any]) -> None:
    old = release_of("tag:example.org,2026:found-old", issued="2026-03-09T10:00:00+09:00")
    before = server.push(token, old).json()
    answer = server.client.get("/sitemap-news.xml")
    assert "Last-Modified" not in answer.headers, "articles leave it while nothing is changed"
    found = locations(answer)
    assert shown["url"] in found and before["url"] not in found
    assert before["url"] in locations(server.client.get("/sitemap.xml"))
    assert len(found) <= sitemap.MOST_NEWS
    row = next(row for row in etree.fromstring(answer.content) if row.findtext(f"{SITEMAP}loc") == shown["url"])
    (news,) = row.findall(f"{NEWS}news")
    assert [child.tag.removeprefix(NEWS) for child in news] == ["publication", "publication_date", "title"]
    assert news.findtext(f"{NEWS}publication/{NEWS}name") == "Pressrelay"
    assert news.findtext(f"{NEWS}publication/{NEWS}language") == "ko"
    assert news.findtext(f"{NEWS}title") == HOSTILE[0]
    age = datetime.now(UTC) - datetime.fromisoformat(str(news.findtext(f"{NEWS}publication_date")))
    assert timedelta(0) <= age < timedelta(hours=48)


def test_what_is_not_public_is_nowhere(server: Server, token: str, shown: dict[str, Any]) -> None:
    """An article under embargo, withheld or canceled is not listed, and nothing shows that a feed would have it."""
    place = "<region>us:WY</region><topic>medtop:20000500</topic>"
    signs = ("us%3AWY", "kr%3A36&amp;topic=medtop%3A20000500")
    until = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    hidden = {
        "embargoed": {"embargo": f"<embargo until='{until}'/>"},
        "withheld": {"pubstatus": "withheld"},
    }
    ids = []
    for name, parts in hidden.items():
        answer = server.push(token, release_of(f"tag:example.org,2026:found-{name}", more=place, **parts))
        assert answer.status_code == 201, answer.text
        ids.append(answer.json()["id"])
    guid = "tag:example.org,2026:found-canceled"
    public = server.push(token, release_of(guid, more=place)).json()
    for path in LISTS:
        text = server.client.get(path).text
        assert not any(id in text for id in ids)
        assert (public["id"] if "sitemap" in path else signs[0]) in text
    assert server.push(token, release_of(guid, more=place, version="2", pubstatus="canceled")).status_code == 201
    for path in (*LISTS, "/sitemap.xml?from=pages"):
        text = server.client.get(path).text
        assert not any(sign in text for sign in (*ids, public["id"], *signs)), path


def test_many_articles_are_an_index(own_server: Callable[..., Server]) -> None:
    server = own_server().start()
    token = server.office()
    assert locations(server.client.get("/sitemap.xml")) == [f"{server.url}{path}" for path in ALWAYS]
    assert locations(server.client.get("/sitemap-news.xml")) == []
    urls = [server.push(token, release(number)).json()["url"] for number in range(3)]
    assert locations(server.client.get("/sitemap.xml"))[-3:] == urls[::-1], "one period needs no index"
    period = 30 * 86_400_000_000
    with sqlite3.connect(server.directory / "pressrelay.db") as database:
        # As if the first had come two periods earlier.
        database.execute(f"UPDATE feed_entries SET sort = sort - 2 * {period} WHERE num = 1")
        (sort,) = database.execute("SELECT max(sort) FROM feed_entries").fetchone()
    database.close()
    now = sort // period * period
    pages = locations(server.client.get("/sitemap.xml"), "sitemapindex")
    assert pages == [f"{server.url}/sitemap.xml?from={start}" for start in ("pages", now - 2 * period, now)]
    listed = [locations(httpx.get(page, trust_env=False)) for page in pages]
    assert listed[0][:6] == [f"{server.url}{path}" for path in ALWAYS] and len(listed[0]) > 6
    assert listed[1:] == [urls[:1], urls[:0:-1]]
    assert server.client.get(f"/sitemap.xml?from={now - period}").status_code == 404
    # Articles under embargo are not counted: the length of a period's list follows from what it lists.
    held = release(9).replace(b"<headline>", b'<embargo held="true"/><headline>', 1)
    assert server.push(token, held).status_code == 201
    assert server.push(token, release(10)).status_code == 201
    assert [len(locations(httpx.get(page, trust_env=False))) for page in pages] == [len(listed[0]), 1, 3]


def test_robots(server: Server) -> None:
    answer = server.client.get("/robots.txt")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    robots = RobotFileParser()
    robots.parse(answer.text.splitlines())
    assert robots.site_maps() == [f"{server.url}/sitemap.xml", f"{server.url}/sitemap-news.xml"]
    for path, allowed in (("/", True), ("/feed.atom?region=kr", True), ("/articles/x", True), ("/atompub/x/", False)):
        assert robots.can_fetch("Anybot", f"{server.url}{path}") == allowed, path


def test_security(server: Server, own_server: Callable[..., Server]) -> None:
    missing = server.client.get("/.well-known/security.txt")
    assert (missing.status_code, missing.json()["type"]) == (404, "urn:pressrelay:problem:no-security-contact")
    base = "https://press.example.org"
    own = own_server(security_contact="mailto:security@example.org", base_url=base).start()
    answer = own.client.get("/.well-known/security.txt")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    fields = dict(line.split(": ", 1) for line in answer.text.splitlines())
    assert fields["Contact"] == "mailto:security@example.org"
    assert fields["Preferred-Languages"] == "ko, en"
    assert fields["Canonical"] == f"{base}/.well-known/security.txt"
    left = datetime.fromisoformat(fields["Expires"]) - datetime.now(UTC)
    assert timedelta(days=30) < left < timedelta(days=365) and "T00:00:00Z" in fields["Expires"]
    etag = answer.headers["ETag"]
    again = own.client.get("/.well-known/security.txt", headers={"If-None-Match": etag})
    assert again.status_code == 304 or fields["Expires"] not in again.text, "the same all day"


@pytest.mark.parametrize("contact", ["security@example.org", "http://example.org", "mailto:a@b\nExpires: never"])
def test_a_contact_is_a_uri(contact: str) -> None:
    from app.errors import Misconfigured

    with pytest.raises(Misconfigured, match="PRESSRELAY_SECURITY_CONTACT must be"):
        load({"PRESSRELAY_SECURITY_CONTACT": contact})


@pytest.mark.parametrize("case", CASES)
def test_news_of_every_case(case: str) -> None:
    articles = CASES[case].articles
    root = etree.fromstring(sitemap.news("Press & News", [(one.url, one) for one in articles]))
    assert [row.findtext(f"{NEWS}news/{NEWS}title") for row in root] == [one.headline for one in articles]
    chinese = [replace(SEED, lang=lang) for lang in ("zh", "zh-Hans", "zh-Hant-HK", "en-GB")]
    root = etree.fromstring(sitemap.news("x", [(one.url, one) for one in chinese]))
    assert [language.text for language in root.iter(f"{NEWS}language")] == ["zh-cn", "zh-cn", "zh-tw", "en"]


def test_an_opml_of_headings_only() -> None:
    root = etree.fromstring(opml.render("x", "https://press.example.org/", (opml.Outline("비었음"),)))
    assert [dict(outline.attrib) for outline in root.iter("outline")] == [{"text": "비었음"}]


def test_the_store_skips_from_feed_to_feed(engine: Engine) -> None:
    sport, weather = Term("medtop", "medtop:15000000"), Term("medtop", "medtop:17000000")
    seoul, busan = Term("region", "kr:11"), Term("region", "kr:26")
    put(engine, article("a", regions=(seoul,), topics=(sport,)), article("b", regions=(busan,), topics=(weather,)))
    put(engine, article("c", regions=(seoul,), topics=(sport,)), article("d", regions=(busan,), topics=(sport,)))
    asked = ["kr:11", "kr:26", "kr:27"]
    wanted = {("kr:11", sport.code), ("kr:26", weather.code), ("kr:26", sport.code)}
    both = {(place, topic) for place in asked[:2] for topic in ("*", "lang:ko")}
    found = store.feeds.crossed(engine, asked)
    assert len(found) == len(set(found)) and set(found) == wanted | both
    put(engine, article("b", 2, pubstatus="canceled"))
    assert set(store.feeds.crossed(engine, asked)) == wanted - {("kr:26", weather.code)} | both
    used = store.feeds.names_in_use(engine)
    assert {"kr", "kr:11", "kr:26", sport.code, "office:jeonbuk"} <= used and weather.code not in used


def test_what_is_listed_is_bounded_and_widest_first(engine: Engine) -> None:
    topics = tuple(Term("medtop", f"medtop:{code}") for code in ("15000000", "17000000", "20000498"))
    put(engine, article("a", regions=(Term("region", "kr:52111"),), topics=topics))
    for most, cut in ((5, True), (1000, False)):
        found = directory(engine, "Pressrelay", "en", most)
        (regions,) = (feeds for key, feeds in found.groups if key == "regions")
        crossed = [(listed.query.regions[0], len(listed.below)) for listed in regions]
        assert found.cut == cut
        assert [code for code, _ in crossed[:2]] == ["kr", "kr:52"], "each region's own feed is always there"
        assert (sum(count for _, count in crossed) == most) == cut
        assert crossed[0][1] == crossed[1][1] or (cut and crossed[0][1] >= crossed[1][1])


def test_the_store_lists_by_blocks(engine: Engine) -> None:
    hour = 3_600_000_000
    assert store.feeds.blocks(engine, 3 * hour, 100) == []
    for first in (NOW, datetime(1969, 12, 31, 20, tzinfo=UTC)):
        articles = [article(f"n{first.year}{n}", updated=first + timedelta(hours=n)) for n in range(10)]
        put(engine, *articles)
    starts = store.feeds.blocks(engine, 3 * hour, 100)
    found = [id for start in starts for id, _ in store.feeds.block(engine, start, 3 * hour, 100)[::-1]]
    assert found[:10] == [one.id for one in articles] and len(set(found)) == 20 == len(found), "each once, in order"
    assert store.feeds.blocks(engine, 3 * hour, 2) == starts[:2]
    assert len(store.feeds.block(engine, starts[1], 3 * hour, 1)) == 1
    gone = {id for id, _ in store.feeds.block(engine, starts[1], 3 * hour, 100)}
    put(engine, *(article(one.guid, 2, pubstatus="canceled") for one in articles if one.id in gone))
    assert store.feeds.blocks(engine, 3 * hour, 100) == [starts[0], *starts[2:]]
