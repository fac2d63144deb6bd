"""Ended feeds say so in a first entry that leads to the successor: saved feeds that were removed, and regions that no longer
exist."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import feedparser
import httpx
import pytest

from app import store
from app.context import connect
from app.deliveries.documents import DOCUMENTS, article_document
from app.deliveries.topics import tell_of_endings
from app.query import Query, Saved
from app.settings import Settings
from app.store import Engine
from app.syndication.retired import ending
from feeds import FORMATS
from feeds.article import Term
from tests import feedrules, jsonfeedrules
from tests.conftest import ROOT, Server, until
from tests.subscriber import subscribing
from tests.test_hub import PUSH, accredited, delivered, settled, state, subscribe
from tests.test_store import article, put
from tests.test_webhooks import hook

NOW = datetime(2026, 11, 1, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("retired"), workers="2").start()
    made.office()
    engine, now = made.engine(), datetime.now(UTC)
    old, new = (Term("region", "kr:45"),), (Term("region", "kr:52"),)
    put(
        engine,
        article("tag:a", headline="옛 전북", regions=old, updated=now),
        article("tag:b", headline="새 전북", regions=new, updated=now),
    )
    engine.dispose()
    for name, query in (("kept", "region=kr:52"), ("short", "region=kr:52"), ("other", "region=kr:11")):
        assert made.run("feed", "add", name, query, "--title", f"피드 {name}").returncode == 0
    yield made
    made.close()


def entries(answer: httpx.Response, format: str) -> list[tuple[str, str]]:
    """(id, headline) of each entry, in the order of the document."""
    if format in ("rss", "atom"):
        return [(entry.id, entry.title) for entry in feedparser.parse(answer.content).entries]
    if format == "json":
        return [(item["id"], item["title"]) for item in answer.json()["items"]]
    if format == "ninjs":
        return [(item["uri"], item["headlines"][0]["value"]) for item in answer.json()["associations"]]
    found = answer.text.split("<newsItem ")[1:]
    return [
        (
            item.partition('guid="')[2].partition('"')[0],
            item.partition("<headline")[2].partition(">")[2].partition("<")[0],
        )
        for item in found
    ]


def get(server: Server, path: str, **headers: str) -> httpx.Response:
    return server.client.get(path, headers=headers)


@pytest.mark.parametrize("format", FORMATS)
def test_the_feed_of_a_region_that_ended_leads_to_the_next(server: Server, format: str) -> None:
    answer = get(server, f"/feed.{format}?region=kr:45")
    assert answer.status_code == 200
    (guid, headline), *others = entries(answer, format)
    assert guid == f"{server.url}/feed?region=kr%3A45#ended" and headline == "이 피드는 끝났습니다: 전라북도"
    assert [other for _, other in others] == ["옛 전북"]
    assert f'<{server.url}/feed.{format}?region=kr%3A52>; rel="successor-version"' in answer.headers["Link"]
    assert f"{server.url}/regions/kr:52" in answer.text and "2024. 1. 18." in answer.text
    # The bytes are the same at any time: they do not depend on the clock.
    again = get(server, f"/feed.{format}?region=kr:45", **{"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    now = get(server, f"/feed.{format}?region=kr:52")
    assert "successor-version" not in now.headers["Link"] and "#ended" not in now.text


def test_an_entry_is_there_once_and_on_the_first_page_alone(server: Server) -> None:
    first = get(server, "/feed.json?region=kr:45&limit=1")
    assert [title for _, title in entries(first, "json")] == ["이 피드는 끝났습니다: 전라북도", "옛 전북"]
    pages = get(server, "/feed.json?region=kr:52&limit=1").json()["next_url"].replace("kr%3A52", "kr%3A45")
    assert "#ended" not in get(server, pages).text
    both = get(server, "/feed.atom?region=kr:45&region=kr:11")
    assert "#ended" not in both.text, "one of its regions is still there"
    narrower = get(server, "/feed.atom?region=kr:45&topic=medtop:11000000&lang=ko")
    assert f"{server.url}/feed.atom?region=kr%3A52&amp;topic=medtop%3A11000000&amp;lang=ko" in narrower.text
    several = get(server, "/feed.atom?region=kr:28110")
    assert several.headers["Link"].count("successor-version") == 2


def test_a_removed_feed_says_so_in_every_format(server: Server) -> None:
    before = get(server, "/f/short.atom")
    assert before.headers["Link"].count("/hub") == 1 and len(entries(before, "atom")) == 2
    told = server.run("feed", "remove", "short", "--next", "kept")
    assert told.returncode == 0 and "last entry" in told.stdout
    after = get(server, "/f/short.atom", **{"If-None-Match": before.headers["ETag"], "A-IM": "feed"})
    assert after.status_code == 200, "the whole feed, once"
    for format in FORMATS:
        answer = get(server, f"/f/short.{format}")
        (guid, headline), *others = entries(answer, format)
        assert (guid, headline) == (f"{server.url}/f/short#ended", "이 피드는 끝났습니다: 피드 short")
        assert (
            len(others) == 2 and f"{server.url}/f/kept.{format}" in answer.text and "/hub" not in answer.headers["Link"]
        )
        assert f'<{server.url}/f/kept.{format}>; rel="successor-version"' in answer.headers["Link"]
        assert get(server, f"/f/short.{format}", **{"If-None-Match": answer.headers["ETag"]}).status_code == 304
    # Later articles are not in it; withdrawn articles leave it.
    bytes_before = get(server, "/f/short.atom").content
    token = server.office()
    assert server.push(token, (ROOT / "tests" / "releases" / "minimal.xml").read_bytes()).status_code == 201
    assert len(entries(get(server, "/f/kept.atom"), "atom")) == 3
    assert get(server, "/f/short.atom").content == bytes_before
    assert "/f/short" not in get(server, "/feeds").text and "/f/short" not in get(server, "/feeds.opml").text
    listed = server.run("feed", "list", "--json")
    assert '"name": "short"' in listed.stdout.replace('":"', '": "') and "ended" in listed.stdout
    # Removed again with another successor, it keeps its day; then it is gone; then it is in use again.
    assert server.run("feed", "remove", "short", "--next", "region=kr:11").returncode == 0
    assert f"{server.url}/feed.atom?region=kr%3A11" in get(server, "/f/short.atom").text
    assert server.run("feed", "remove", "short", "--gone").returncode == 0
    gone = get(server, "/f/short.atom")
    assert (gone.status_code, gone.json()["type"]) == (410, "urn:pressrelay:problem:ended-feed")
    assert server.run("feed", "add", "short", "region=kr:52").returncode == 0
    assert "#ended" not in get(server, "/f/short.atom").text


def test_without_a_next_one_the_builder_follows(server: Server) -> None:
    assert server.run("feed", "remove", "other").returncode == 0
    answer = get(server, "/f/other.json")
    (item,) = answer.json()["items"]
    assert (
        item["url"] == f"{server.url}/feeds/build?region=kr%3A11" and "successor-version" not in answer.headers["Link"]
    )


@pytest.mark.parametrize(
    ("following", "said"),
    [
        ("kept", "There is no other saved feed"),
        ("nothing", "There is no other"),
        ("region=Atlantis", "Unknown region"),
        ("x=1", "Unknown"),
    ],
)
def test_what_cannot_follow_is_refused(server: Server, following: str, said: str) -> None:
    told = server.run("feed", "remove", "kept", "--next", following)
    assert told.returncode == 1 and said in told.stderr
    assert "#ended" not in get(server, "/f/kept.atom").text


def test_a_removed_feed_stays_in_the_store(engine: Engine) -> None:
    assert store.feeds.save_feed(engine, Saved("a", "region=kr%3A52", "가"))
    assert not store.feeds.save_feed(engine, Saved("a", "region=kr%3A11", "가"))
    assert not store.feeds.remove_feed(engine, "b", NOW)
    assert store.feeds.remove_feed(engine, "a", NOW, "b")
    assert store.feeds.all_saved(engine) == []
    ended = Saved("a", "region=kr%3A11", "가", ended=NOW, following="b")
    assert store.feeds.all_saved(engine, ended=True) == [ended] and store.feeds.saved_feed(engine, "a") == ended
    assert store.feeds.remove_feed(engine, "a", NOW + timedelta(days=1), gone=True)
    found = store.feeds.saved_feed(engine, "a")
    assert found is not None and (found.ended, found.following, found.gone) == (NOW, "b", True)
    assert store.feeds.save_feed(engine, Saved("a", "region=kr%3A52")), "it begins again"
    assert store.feeds.saved_feed(engine, "a") == Saved("a", "region=kr%3A52")


@pytest.fixture(scope="module")
def pushing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("retired-push"), **PUSH).start()
    made.office("hubs", "허브청", "kr:52")
    yield made
    made.close()


def test_subscribers_of_a_region_that_ended_are_told_once(pushing: Server) -> None:
    with subscribing(pushing) as subscriber:
        topic = f"{pushing.url}/feed.atom?region=kr%3A45"
        subscribe(pushing, subscriber, topic, "/websub")
        outlet = accredited(pushing, "daily")
        for path, query in (("/old", "region=kr:45"), ("/now", "region=kr:52"), ("/both", "region=kr:45&region=kr:52")):
            made = hook(pushing, outlet, subscriber, path, query=query)
            assert made["state"] == "active"
        context = connect(Settings(data_dir=str(pushing.directory), base_url=pushing.url))
        for _ in range(2):
            tell_of_endings(context, datetime.now(UTC))
        context.engine.dispose()
        until(lambda: subscriber.to("/old") and subscriber.to("/websub") and settled(pushing))
        (document,) = subscriber.to("/websub")
        delivered(pushing, document, topic)
        assert b"#ended" in document.body and b"region=kr%3A52" in document.body
        (event,) = subscriber.to("/old")
        told = json.loads(event.body)
        assert (told["type"], told["data"]["headline"]) == ("article.retired", "이 피드는 끝났습니다: 전라북도")
        assert told["data"]["url"] == f"{pushing.url}/regions/kr:52"
        assert not subscriber.to("/now") and not subscriber.to("/both")
        assert state(pushing, topic, subscriber.url("/websub")) == "active", "it goes on"


def test_the_entry_is_a_good_one_in_every_format_of_articles(pushing: Server) -> None:
    """A webhook may ask for any of them, and what receives it checks it."""
    context = connect(Settings(data_dir=str(pushing.directory), base_url=pushing.url))
    query = Query(regions=("kr:45",))
    entry = ending(context, query, "atom")
    assert entry is not None and entry == ending(context, query, "atom")
    assert (entry.published, entry.updated) == (datetime(2024, 1, 17, 15, tzinfo=UTC),) * 2, "midnight in Korea"
    for format in DOCUMENTS:
        assert b"#ended" in article_document(format, entry, "retired", entry.updated), format
    assert ending(context, Query(regions=("kr:45", "kr:52")), "atom") is None
    english = ending(context, Query(regions=("kr:45",), langs=("en",)), "atom")
    assert english is not None and english.headline == "This feed has ended: Jeollabuk-do / en"
    context.engine.dispose()
    for format in ("rss", "atom"):
        path = f"/feed.{format}?region=kr%3A45"
        assert feedrules.check(get(pushing, path).content, f"{pushing.url}{path}") == []
    assert jsonfeedrules.check(get(pushing, "/feed.json?region=kr%3A45").json()) == []
