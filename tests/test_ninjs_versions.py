"""ninjs 1.3, 2.0 and 2.1 beside 3.1: what each version carries, at every address at which ninjs is served."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from jsonschema import Draft4Validator, Draft202012Validator, FormatChecker
from msgspec.structs import replace
from referencing import Registry, Resource

from app.accounts.offices import OfficeRecord
from feeds import VARIANTS, Article, Withdrawn, ending_of, format_of, ninjs_older, render, variants
from tests import ninjsrules
from tests.articles import CASES, EVERYTHING, SEED, feed
from tests.conftest import Server, until
from tests.subscriber import Subscriber, subscribing
from tests.test_feeds import CROWD
from tests.test_hub import PUSH, accredited, delivered, push, subscribe
from tests.test_roundtrip import returned, settled
from tests.test_webhooks import ask, hook, signed

VERSIONS = ("1.3", "2.0", "2.1")
GONE = Withdrawn("a", "tag:gone", datetime(2026, 3, 9, 1, 2, 3, 4, UTC), True, 2, "Sent in error.", SEED.office, "ko")
PLAIN = {"Accept-Encoding": "identity"}


def written(version: str, article: Article) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(VARIANTS[f"ninjs-{version}"].format.render_article(article))  # type: ignore[attr-defined]
    return found


def test_the_names_of_versions() -> None:
    assert list(variants("ninjs")) == [*VERSIONS, "3.1"] and variants("json") == {}
    assert [ending_of(name) for name in ("ninjs-1.3", "ninjs")] == [("ninjs", "version=1.3"), ("ninjs", "")]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", CROWD)
def test_each_version_has_only_its_own_members(case: str, version: str) -> None:
    format = format_of(f"ninjs-{version}")
    subject = replace(CROWD[case], withdrawn=(*CROWD[case].withdrawn, GONE))
    rendered = render(format, subject)
    assert rendered == render(format, subject)
    assert ninjsrules.check(version, json.loads(rendered)) == []
    for article in subject.articles[:10]:
        assert ninjsrules.check(version, written(version, article)) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_the_rules_can_fail(version: str) -> None:
    document = json.loads(render(format_of("ninjs"), CASES["everything"]))
    assert len(ninjsrules.check(version, document)) >= 2, "3.1 is another version"
    good = written(version, EVERYTHING)
    for wrong in ({"uri": "x"}, {"versioncreated": "2026-03-09T10:00:00.5Z"}, {"extra": 1}, {"urgency": 0}):
        assert ninjsrules.check(version, good | wrong), wrong


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", CROWD)
def test_each_version_is_valid_against_the_iptc_schema(case: str, version: str) -> None:
    path = ninjsrules.PLACES[version]
    if not path.exists():
        pytest.skip(f"the IPTC's schema of ninjs {version} is not here: {path}")
    schema = json.loads(path.read_text("utf-8"))
    assert '"iri' not in path.read_text("utf-8")  # tests/conftest.py leaves out what checks that format
    geojson = Resource.from_contents({"$schema": "https://json-schema.org/draft/2020-12/schema"})
    registry = Registry().with_resource("https://geojson.org/schema/GeoJSON.json", geojson)
    kind = Draft4Validator if "draft-04" in schema["$schema"] else Draft202012Validator
    kind(schema, registry=registry, format_checker=FormatChecker()).validate(
        json.loads(render(format_of(f"ninjs-{version}"), CROWD[case]))
    )


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("article", CASES["mixed"].articles, ids=lambda article: str(article.id))
def test_what_comes_back_from_each_version(article: Article, version: str) -> None:
    """Everything except the fields that the version has no place for, according to docs/formats.md. Instants are to the second."""
    office = OfficeRecord(article.office.code, article.office.name)
    issued, updated = article.issued.replace(microsecond=0), article.updated.replace(microsecond=0)
    article = replace(article, issued=issued, updated=updated)
    again = returned(VARIANTS[f"ninjs-{version}"].format.render_article(article), office)  # type: ignore[attr-defined]
    before = settled(article, office)
    names = ["guid", "version", "lang", "kind", "pubstatus", "headline", "subheadlines", "summary", "body", "issued"]
    names += ["dateline", "byline", "slugline", "urgency", "source", "copyright", "related"]
    names += ["licence", "enclosures"] if version != "1.3" else []
    names += ["contacts"] if version == "2.1" else []
    for name in names:
        assert getattr(again, name) == getattr(before, name), name
    for name in ("regions", "topics", "keywords"):
        codes = [term.code for term in getattr(again, name)]
        assert codes == [term.code for term in getattr(before, name)], name
    assert [file.url for file in again.enclosures] == [file.url for file in before.enclosures]


def test_superdesk_reads_version_1() -> None:
    """superdesk/io/feed_parsers/ninjs.py: of each item `uri`; objects of renditions and associations; concepts by name and code; and
    instants in UTC to the second, or the whole document is refused."""
    document = json.loads(render(ninjs_older.VERSION_1_3, replace(feed(SEED, EVERYTHING), withdrawn=(GONE,))))
    items = [document, *document["associations"].values()]
    items += [inner for item in items[1:] for inner in item.get("associations", {}).values()]
    assert len(items) > 5
    for item in items:
        assert item["uri"] and isinstance(item.get("renditions", {}), dict)
        for name in ("firstcreated", "versioncreated", "embargoed"):
            assert name not in item or datetime.strptime(item[name], "%Y-%m-%dT%H:%M:%SZ")
        for name in ("subject", "place", "genre"):
            assert all(concept["name"] and concept["code"] for concept in item.get(name, ()))
    first = document["associations"]["article-1"]
    assert first["body_html"] and first["body_text"] and first["description_text"] and first["headline"]
    assert document["associations"]["canceled-1"]["pubstatus"] == "canceled"


# On a server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("versions"), **PUSH)
    yield server.start()
    server.close()


@pytest.fixture(scope="module")
def token(server: Server) -> str:
    return server.office("older", "판본청", "kr:51")


@pytest.fixture(scope="module")
def outlet(server: Server) -> str:
    return accredited(server, "older-daily")


@pytest.fixture
def subscriber(server: Server) -> Iterator[Subscriber]:
    with subscribing(server) as subscriber:
        yield subscriber


def read(server: Server, path: str, version: str, **headers: str) -> tuple[dict[str, Any], Any]:
    answer = server.client.get(path, headers={**PLAIN, **headers})
    assert answer.status_code in (200, 226), answer.text
    document = answer.json()
    name = "$standard" if version == "1.3" else "standard"
    assert document[name]["version"] == version and answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert version == "3.1" or ninjsrules.check(version, document) == []
    return document, answer


def articles(document: dict[str, Any]) -> list[str]:
    listed = document.get("associations", [])
    return [item["uri"].rpartition(":")[2] for item in (listed.values() if isinstance(listed, dict) else listed)]


def test_every_address_of_a_feed(server: Server, token: str) -> None:
    ids = [push(server, token, f"tag:older,2026:{number}") for number in range(3)]
    tags = set()
    for version in (*VERSIONS, "3.1"):
        own = "" if version == "3.1" else f"&version={version}"
        whole, answer = read(server, f"/feed.ninjs?version={version}&office=older", version)
        assert whole["uri"] == f"{server.url}/feed.ninjs?office=older{own}" and articles(whole)[0] == "2"
        assert f'<{whole["uri"]}>; rel="self"' in answer.headers["Link"]
        assert f'<{server.url}/feed.rss?office=older>; rel="alternate"' in answer.headers["Link"]
        tags.add(answer.headers["ETag"])
        unchanged = server.client.get(whole["uri"], headers={**PLAIN, "If-None-Match": answer.headers["ETag"]})
        assert unchanged.status_code == 304
        page, answer = read(server, f"/feed.ninjs?office=older&limit=2&version={version}", version)
        following = answer.links["next"]["url"]
        assert articles(page) == ["2", "1"] and (version == "3.1" or following.endswith(own))
        assert articles(read(server, following, version)[0]) == ["0"]
        month, answer = read(server, f"/feed.ninjs/archive?office=older&version={version}", version)
        assert articles(month) == ["2", "1", "0"] and answer.links["current"]["url"] == whole["uri"]
        assert month["uri"] == f"{server.url}/feed.ninjs/archive?office=older{own}"
        article, _ = read(server, f"/articles/{ids[0]}.ninjs?version={version}", version)
        assert article["uri"] == "tag:older,2026:0"
        wanted = {"Accept": "application/json"}
        _, answer = read(server, f"/feed?office=older&version={version}", version, **wanted)
        assert answer.headers["Content-Location"] == whole["uri"]
    assert len(tags) == 4
    assert server.run("feed", "add", "old-box", "office=older").returncode == 0
    box, _ = read(server, "/f/old-box.ninjs?version=2.0&limit=2", "2.0")
    assert box["uri"] == f"{server.url}/f/old-box.ninjs?limit=2&version=2.0" and articles(box) == ["2", "1"]


@pytest.mark.parametrize(
    "path",
    ["/feed.ninjs", "/feed.ninjs/archive", "/f/none.ninjs", "/articles/{id}.ninjs", "/feed.ninjs?status=embargoed"],
)
def test_other_versions_are_refused(server: Server, token: str, path: str) -> None:
    id = push(server, token, f"tag:older,2026:refused-{len(path)}")
    path = path.format(id=id)
    mark = "&" if "?" in path else "?"
    said = server.client.get(f"{path}{mark}version=1.2")
    assert (said.status_code, said.json()["type"]) == (400, "urn:pressrelay:problem:bad-variant")
    assert said.json()["detail"] == ("version is '1.2'; for ninjs it must be one of 1.3, 2.0, 2.1, 3.1.")
    twice = server.client.get(f"{path}{mark}version=1.3&version=2.0")
    assert (twice.status_code, twice.json()["detail"]) == (400, "version is given more than once.")


def test_other_formats_have_no_versions(server: Server) -> None:
    """They ignore it, like the tracking parameters of links."""
    assert server.client.get("/feed.rss?version=1.3").headers["ETag"] == server.client.get("/feed.rss").headers["ETag"]
    misspelt = server.client.get("/feed.ninjs?verson=1.3")
    assert misspelt.status_code == 400 and "Did you mean version?" in misspelt.json()["detail"]


def test_a_delta_and_what_left(server: Server, token: str) -> None:
    path = "/feed.ninjs?office=older&version=1.3"
    push(server, token, "tag:older,2026:stays")
    id = push(server, token, "tag:older,2026:gone")
    before = server.client.get(path, headers=PLAIN).headers["ETag"]
    assert ask(server, "DELETE", f"/articles/{id}", token, params={"reason": "Sent in error."}).status_code == 200
    part, answer = read(server, path, "1.3", **{"A-IM": "feed", "If-None-Match": before})
    assert answer.status_code == 226 and [item["pubstatus"] for item in part["associations"].values()] == ["canceled"]


def test_what_is_under_embargo(server: Server, token: str, outlet: str) -> None:
    id = push(server, token, "tag:older,2026:early", embargo=datetime(2031, 3, 9, 21, 0, tzinfo=UTC))
    path = "/feed.ninjs?office=older&status=embargoed&version=2.1"
    assert server.client.get(path).status_code == 401
    assert server.client.get(f"/articles/{id}.ninjs?version=2.1").status_code == 404
    found, answer = read(server, path, "2.1", Authorization=f"Bearer {outlet}")
    (item,) = found["associations"]
    assert item["embargoed"] == "2031-03-09T21:00:00Z" and "엠바고" in item["ednote"]
    assert found["uri"] == f"{server.url}{path}" and f'<{found["uri"]}>; rel="self"' in answer.headers["Link"]
    alone = ask(server, "GET", f"/articles/{id}.ninjs?version=2.1", outlet).json()
    assert alone["embargoed"] == item["embargoed"]


def test_deliveries(server: Server, token: str, outlet: str, subscriber: Subscriber) -> None:
    topic = f"{server.url}/feed.ninjs?office=older&version=1.3"
    subscribe(server, subscriber, topic, "/websub", secret="s")
    made = hook(server, outlet, subscriber, "/hook", query="office=older", format="ninjs-2.0")
    push(server, token, "tag:older,2026:sent")
    until(lambda: subscriber.to("/websub") and subscriber.to("/hook"))
    feed_sent, sent = subscriber.to("/websub")[0], subscriber.to("/hook")[0]
    delivered(server, feed_sent, topic, "s")
    document = json.loads(feed_sent.body)
    assert ninjsrules.check("1.3", document) == [] and articles(document) == ["sent"] and document["uri"] == topic
    assert signed(sent, made["secret"]) and ninjsrules.check("2.0", json.loads(sent.body)) == []
    wrong = {
        "hub.mode": "subscribe",
        "hub.callback": subscriber.url("/x"),
        "hub.topic": f"{server.url}/feed.ninjs?version=3.1",
    }
    told = server.client.post("/hub", data=wrong)
    assert told.status_code == 400 and f"{server.url}/feed.ninjs." in told.text
