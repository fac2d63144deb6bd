"""The versions of an article and how they differ, over HTTP and in the store; text that was never public shows nowhere."""

from datetime import timedelta
from html import unescape
from itertools import count
from typing import Any

import httpx
import pytest
from lxml import html

from app import store
from app.store import Engine
from app.web.representation import OF_ARTICLE
from tests.conftest import Server, until
from tests.test_http import ask
from tests.test_store import NOW, article, put

numbers = count(1)


@pytest.fixture(scope="module")
def token(server: Server) -> str:
    return server.office("versions", "Office of Versions", "us:CA")


def document(number: int, version: int, headline: str, body: str, more: str = "", **attributes: str) -> str:
    given = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return (
        f'<article version="{version}"{given}><guid>tag:example.org,2026:versions-{number}</guid>'
        f"<issued>2026-03-09T10:00:00+09:00</issued><headline>{headline}</headline>"
        f"<body>{body}</body>{more}</article>"
    )


def release(*articles: str, lang: str = "en") -> bytes:
    return f'<release xmlns="urn:pressrelay:press-release:1" xml:lang="{lang}">{"".join(articles)}</release>'.encode()


def push(server: Server, token: str, *articles: str, lang: str = "en") -> Any:
    answer = server.push(token, release(*articles, lang=lang))
    assert answer.status_code == 201, answer.text
    return answer.json()


def corrected(server: Server, token: str, lang: str = "en") -> tuple[str, int]:
    """The path of an article of versions 1 and 3, and its number."""
    number = next(numbers)
    first = document(number, 1, "Fares rise by 5", "<p>Fares rise by 5.</p><p>From May.</p>", "<region>us:CA</region>")
    push(server, token, first, lang=lang)
    second = document(
        number,
        3,
        "Fares rise by 50",
        "<p>Fares rise by 50.</p><p>From May.</p>",
        '<region>us:NY</region><contact><name>Kim</name></contact><note>&lt;b&gt;Right&lt;/b&gt; figure "now"</note>',
    )
    return f"/articles/{push(server, token, second, lang=lang)['id']}", number


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["type"]).rpartition(":")[2]


def test_the_list(server: Server, token: str) -> None:
    path, number = corrected(server, token)
    told = server.client.get(f"{path}/versions.json").json()
    assert told["guid"] == f"tag:example.org,2026:versions-{number}" and "next" not in told
    newest, first = told["versions"]
    assert (newest["version"], newest["kind"], newest["signal"], newest["note"]) == (
        (3, "corrected", "correction", '<b>Right</b> figure "now"')
    )
    assert (first["version"], first["kind"], "signal" in first, "difference" in first) == (1, "published", False, False)
    assert newest["at"] > first["at"] and newest["headline"] == "Fares rise by 50"
    for url in (newest["url"], first["url"], newest["difference"]):
        assert httpx.get(url, trust_env=False).status_code == 200, url
    page = server.client.get(f"{path}/versions")
    assert "<b>Right" not in page.text and "&lt;b&gt;Right" in page.text
    assert page.text.count("diff?from=1&amp;to=3") == 1
    korean = server.client.get(f"{path}/versions", headers={"Accept-Language": "ko"})
    assert "모든 판" in korean.text and korean.headers["Content-Language"] == "ko"
    asked = server.client.get(f"{path}/versions", headers={"Accept": "application/json"})
    assert asked.json() == told and asked.headers["Content-Location"] == f"{server.url}{path}/versions.json"


@pytest.mark.parametrize(
    "page", ["/versions", "/versions.json", "/versions/1", "/versions/1.json", "/versions/1.xml", "/diff", "/diff.json"]
)
def test_as_http_has_it(server: Server, token: str, page: str) -> None:
    path = corrected(server, token)[0] + page
    answer = ask(server, path)
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == OF_ARTICLE
    again = ask(server, path, **{"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = server.client.head(path, headers={"Accept-Encoding": "identity"})
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == answer.headers["Content-Length"]
    if page.endswith(".json"):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    elif page.endswith(".xml"):
        assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none';")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    else:
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"] and b"<script" not in answer.content
        assert "Accept-Language" in answer.headers["Vary"]
        assert {"canonical", "latest-version", "version-history"} <= set(answer.links)


def test_a_version(server: Server, token: str) -> None:
    path, _ = corrected(server, token)
    url = f"{server.url}{path}"
    old, current = (server.client.get(f"{path}/versions/{version}") for version in (1, 3))
    assert "It is not the current version." in old.text and "Fares rise by 5." in old.text
    assert "not the current" not in current.text
    for page in (old, current):
        assert page.links["canonical"]["url"] == url
        assert html.fromstring(page.content).xpath("string(//link[@rel='canonical']/@href)") == url
    assert "ld+json" not in old.text, "machines are not told old words under the article's address"
    told = server.client.get(f"{path}/versions/1.json").json()
    assert (told["version"], told["headline"]) == (1, "Fares rise by 5")
    first = server.client.get(f"{path}/versions/1.xml")
    assert b'version="1"' in first.content and first.headers["Content-Type"] == "application/xml"
    assert server.client.get(f"{path}/versions/3.xml").content == server.client.get(f"{path}.xml").content
    assert server.client.get(path).links["version-history"]["url"] == f"{url}/versions"


def test_the_page_says_that_it_was_corrected(server: Server, token: str) -> None:
    path, number = corrected(server, token)
    page = server.client.get(path).text
    assert "Corrected on " in page and "(version 3)" in page and "&lt;b&gt;Right" in page
    assert f'href="{path}/diff"' in page and f'href="{path}/versions"' in page
    update = document(number, 4, "Fares rise by 50", "<p>Fares rise by 50.</p><p>And more.</p>", signal="update")
    push(server, token, update)
    assert "4판" in (page := server.client.get(path, headers={"Accept-Language": "ko"}).text) and "보완" in page
    alone = push(server, token, document(next(numbers), 2, "Alone", "<p>Alone.</p>"))
    page = server.client.get(f"/articles/{alone['id']}").text
    assert "Corrected on" not in page and f"{alone['id']}/versions" not in page


def test_the_difference(server: Server, token: str) -> None:
    path, _ = corrected(server, token)
    told = server.client.get(f"{path}/diff.json").json()
    assert (told["from"], told["to"]) == (1, 3)
    assert [text["field"] for text in told["texts"]] == ["headline", "summary", "text"]
    assert told["texts"][2]["paragraphs"] == [
        {
            "op": "changed",
            "pieces": [
                {"op": "same", "text": "Fares rise by "},
                {"op": "removed", "text": "5."},
                {"op": "added", "text": "50."},
            ],
        },
        {"op": "same", "pieces": [{"op": "same", "text": "From May."}]},
    ]
    fields = {field["field"]: field for field in told["fields"]}
    assert set(fields) == {"regions", "contacts", "note"}
    assert [[term["code"] for term in fields["regions"][side]] for side in ("old", "new")] == [["us:CA"], ["us:NY"]]
    page = server.client.get(f"{path}/diff?from=1&to=3")
    tree = html.fromstring(page.content)
    words = [(one.tag, "".join(one.itertext())) for one in tree.xpath("//h2[.='Text']/..//*[self::del or self::ins]")]
    assert words == [("del", "[removed: 5.] "), ("ins", "[added: 50.] ")], "not by colour alone"
    assert "&lt;b&gt;Right" in page.text and "<b>Right" not in page.text
    back = server.client.get(f"{path}/diff.json?from=3&to=1").json()
    assert back["texts"][0]["paragraphs"][0]["pieces"][1:] == [
        {"op": "removed", "text": "50"},
        {"op": "added", "text": "5"},
    ]


@pytest.mark.parametrize(
    ("asked", "status", "type"),
    [
        ("/diff?from=1&to=1", 400, "same-version"),
        ("/diff?from=3", 400, "same-version"),
        ("/diff?to=1", 404, "unknown-version"),
        ("/diff?from=2", 404, "unknown-version"),
        ("/diff?from=1000000000000000000", 404, "unknown-version"),
        ("/diff.json?to=" + "9" * 4000, 404, "unknown-version"),
        ("/diff?from=0", 404, "unknown-version"),
        ("/diff?from=-1", 400, "bad-parameter"),
        ("/diff?from=one", 400, "bad-parameter"),
        ("/diff?from=١", 400, "bad-parameter"),
        ("/diff?from=1&from=3", 400, "bad-parameter"),
        ("/diff?form=1", 400, "unknown-parameter"),
        ("/versions?below=x", 400, "bad-parameter"),
        ("/versions?limit=1", 400, "unknown-parameter"),
        ("/versions/2", 404, "unknown-version"),
        ("/versions/2.json", 404, "unknown-version"),
        ("/versions/2.xml", 404, "unknown-version"),
        ("/versions/01", 404, "unknown-version"),
        ("/versions/1000000000000000000", 404, "unknown-version"),
        ("/versions/" + "9" * 5000, 404, "unknown-version"),
        ("/versions/1.pdf", 404, "unknown-version"),
    ],
)
def test_what_is_no_version(server: Server, token: str, asked: str, status: int, type: str) -> None:
    path, _ = corrected(server, token)
    assert problem(server.client.get(f"{path}{asked}")) == (status, type)


PAGES = ("/versions", "/versions.json", "/versions/1", "/versions/1.json", "/versions/1.xml", "/diff", "/diff.json")


def test_what_is_not_public_has_no_versions(server: Server, token: str) -> None:
    number = next(numbers)
    held = document(number, 1, "Secret", "<p>Secret.</p>").replace("<headline>", '<embargo held="true"/><headline>')
    path = f"/articles/{push(server, token, held)['id']}"
    for page in (*PAGES, "/versions/2"):
        assert problem(server.client.get(path + page)) == (404, "unknown-article")
    open_ = document(number, 2, "Open", "<p>Open.</p>")
    push(server, token, open_.replace("<headline>", '<embargo held="false"/><headline>'))
    told = server.client.get(f"{path}/versions.json")
    assert [one["version"] for one in told.json()["versions"]] == [2] and "Secret" not in told.text
    assert "Secret" not in server.client.get(path).text + server.client.get(f"{path}/versions").text
    for page in ("/versions/1", "/versions/1.json", "/versions/1.xml", "/diff", "/diff?from=1&to=2", "/diff.json"):
        answer = server.client.get(path + page)
        assert problem(answer) == (404, "unknown-version") and "Secret" not in answer.text
    push(server, token, document(number, 3, "Open", "<p>Open.</p>", "<note>Why</note>", pubstatus="canceled"))
    for page in PAGES:
        answer = server.client.get(path + page)
        assert problem(answer) == (410, "canceled") and answer.json()["detail"] == "Why"
    push(server, token, document(number, 4, "Again", "<p>Again.</p>"))
    again = server.client.get(f"{path}/versions.json").json()["versions"]
    assert [(one["version"], one["kind"]) for one in again] == [(4, "published")], "what was canceled stays gone"
    assert problem(server.client.get(f"{path}/versions/2")) == (404, "unknown-version")


def test_unknown_articles(server: Server, token: str) -> None:
    for id in ("a" * 26, "x", "가"):
        for page in PAGES:
            assert problem(server.client.get(f"/articles/{id}{page}")) == (404, "unknown-article")


def test_a_release_is_hidden_with_what_was_never_public_in_it(server: Server, token: str) -> None:
    """The document contains embargoed words of another article, which were removed before they were public."""
    open_, other = next(numbers), next(numbers)
    secret = document(other, 1, "Secret", "<p>Secret.</p>").replace("<headline>", '<embargo held="true"/><headline>')
    receipts = push(server, token, document(open_, 1, "Open", "<p>Open.</p>"), secret)["receipts"]
    path = f"/articles/{receipts[0]['id']}"
    harmless = document(other, 2, "Harmless", "<p>Harmless.</p>")
    push(server, token, harmless.replace("<headline>", '<embargo held="false"/><headline>'))
    for page in (".xml", "/versions/1.xml"):
        answer = server.client.get(path + page)
        assert problem(answer) == (404, "unknown-article") and "Secret" not in answer.text
    push(server, token, document(open_, 2, "Open now", "<p>Open.</p>"))
    assert problem(server.client.get(f"{path}/versions/1.xml")) == (404, "unknown-article")
    assert (
        server.client.get(f"{path}/versions/2.xml").status_code == 200 == server.client.get(f"{path}.xml").status_code
    )


def test_other_directions(server: Server, token: str) -> None:
    number = next(numbers)
    push(server, token, document(number, 1, "بيان صحفي", "<p>أعلنت الوزارة اليوم.</p>"), lang="ar")
    receipt = push(server, token, document(number, 2, "بيان صحفي جديد", "<p>أعلنت الوزارة أمس.</p>"), lang="ar")
    page = html.fromstring(server.client.get(f"/articles/{receipt['id']}/diff").content)
    told = page.xpath("//p[@class='changed']")
    assert told and all((one.get("lang"), one.get("dir")) == ("ar", "auto") for one in told)


def test_a_long_list_has_pages(server: Server, token: str) -> None:
    number = next(numbers)
    for version in range(1, 46):
        receipt = push(server, token, document(number, version, f"Version {version}", "<p>Text.</p>"))
    found: list[int] = []
    address = f"/articles/{receipt['id']}/versions.json"
    while address:
        told = server.client.get(address).json()
        assert len(told["versions"]) <= 20
        found += [one["version"] for one in told["versions"]]
        address = told.get("next", "").removeprefix(server.url)
    assert found == [*range(45, 0, -1)]
    page = html.fromstring(server.client.get(f"/articles/{receipt['id']}/versions").content)
    (older,) = page.xpath("//a[@rel='next']/@href")
    assert older.endswith("/versions?below=26") and server.client.get(older).status_code == 200
    ends = server.client.get(f"/articles/{receipt['id']}/versions.json?below=1").json()
    assert ends["versions"] == []


def test_a_silent_correction_over_http(server: Server, token: str) -> None:
    number, other = next(numbers), next(numbers)
    first = push(server, token, document(number, 1, "Tpyo", "<p>Text.</p>"))
    push(server, token, document(other, 1, "Other", "<p>Other.</p>"))
    path = f"/articles/{first['id']}.json"
    before, feed = server.client.get(path).json(), ask(server, "/feed.json?office=versions&limit=2")
    until(lambda: "Last-Modified" in server.client.get(path).headers, 5, 0.1)  # It is told when its second is over.
    modified = server.client.get(path).headers["Last-Modified"]
    receipt = push(server, token, document(number, 2, "Typo", "<p>Text.</p>", silent="true"))
    assert receipt["public"] > first["public"]
    after, now = server.client.get(path).json(), ask(server, "/feed.json?office=versions&limit=2")
    assert (after["headline"], after["updated"], after["published"]) == (
        "Typo",
        before["updated"],
        before["published"],
    )
    assert [item["title"] for item in now.json()["items"]] == ["Other", "Typo"]
    assert now.headers["ETag"] != feed.headers["ETag"]
    assert server.client.get(path, headers={"If-Modified-Since": modified}).status_code == 200, "other bytes"
    told = server.client.get(f"{path.removesuffix('.json')}/versions.json").json()["versions"]
    assert [(one["version"], one["kind"]) for one in told] == [(2, "corrected"), (1, "published")]
    again = server.push(token, release(document(number, 2, "Typo", "<p>Text.</p>")))
    assert (again.status_code, again.json()["public"]) == (200, receipt["public"]), "the flag is no content"
    wrong = server.push(token, release(document(number, 3, "Typo", "<p>Text.</p>", silent="maybe", signal="louder")))
    assert wrong.status_code == 422
    reasons = " ".join(error["reason"] for error in wrong.json()["errors"])
    assert "true or false" in reasons and "correction, update" in reasons


def test_versions_that_were_public(engine: Engine) -> None:
    """On each database: lifted ones were; replaced ones under embargo never were; and a cancellation hides all before it."""
    lifts = NOW + timedelta(hours=1)
    put(engine, article(embargoed=lifts, updated=lifts))
    put(engine, article(version=2, embargoed=lifts, updated=lifts))
    assert store.articles.history(engine, "id-tag:a", 9) == []
    store.articles.lift(engine, lifts)
    later = lifts + timedelta(minutes=1)
    put(engine, article(version=4, updated=later), now=later)

    def versions() -> list[tuple[int, str]]:
        return [(one.version, one.kind) for one in store.articles.history(engine, "id-tag:a", 9)]

    assert versions() == [(4, "corrected"), (2, "published")]
    assert [one.at for one in store.articles.history(engine, "id-tag:a", 9)] == [later, lifts]
    assert [one.version for one in store.articles.history(engine, "id-tag:a", 1, below=4)] == [2]
    assert [one.version for one in store.articles.corrected(engine, "id-tag:a")] == [4, 2]
    assert store.articles.public_version(engine, "id-tag:a", 1) is None
    assert (
        store.articles.original(engine, "id-tag:a", 1) is None
        and store.articles.original(engine, "id-tag:a", 2) is not None
    )
    put(engine, article(version=5, pubstatus="withheld"), now=later)
    assert versions() == [] and store.articles.original(engine, "id-tag:a", 4) is None
    put(engine, article(version=6, updated=later), now=later)
    assert versions() == [(6, "published")] and store.articles.corrected(engine, "id-tag:a") == []
    assert (
        store.articles.original(engine, "id-tag:a", 4) is None
        and store.articles.original(engine, "id-tag:a") is not None
    )


def test_the_original_of_several_hides_what_was_never_public(engine: Engine) -> None:
    put(engine, article("tag:a"), article("tag:b", held=True))
    put(engine, article("tag:b", 2))
    assert (
        store.articles.original(engine, "id-tag:a") is None and store.articles.original(engine, "id-tag:a", 1) is None
    )
    assert store.articles.original(engine, "id-tag:b") is not None
    put(engine, article("tag:c"), article("tag:d"))
    put(engine, article("tag:d", 2))
    assert (
        store.articles.original(engine, "id-tag:c") is not None
        and store.articles.original(engine, "id-tag:d", 1) is not None
    )


def test_notes_are_text(server: Server, token: str) -> None:
    number = next(numbers)
    evil = '&lt;img src=x onerror="alert(1)"&gt;'
    push(server, token, document(number, 1, "A", "<p>A.</p>"))
    made = push(
        server, token, document(number, 2, evil, f"<p>{evil}</p>", f"<keyword>{evil}</keyword><note>{evil}</note>")
    )
    for page in ("", "/versions", "/diff", "/versions/2"):
        text = server.client.get(f"/articles/{made['id']}{page}").text
        assert "<img" not in text and "onerror" in unescape(text), page


@pytest.mark.parametrize("order", ["same", "refused", "older", "changed"])
def test_an_original_is_hidden_while_it_holds_what_was_not_stored_from_it(
    server: Server, token: str, order: str
) -> None:
    """The envelope holds an article that waits, but that article was stored from another release, or was refused."""
    waits, new = next(numbers), next(numbers)
    held = '<embargo held="true"/><headline>'
    secret = document(waits, 3, "Waiting", "<p>Waiting words.</p>").replace("<headline>", held)
    receipt = push(server, token, secret)
    again = {
        "same": secret,
        "refused": secret.replace("<guid>", "<guid>no guid "),
        "older": document(waits, 2, "Waiting", "<p>Waiting words.</p>").replace("<headline>", held),
        "changed": secret.replace("Waiting words", "Other Waiting words"),
    }[order]
    answer = server.push(token, release(document(new, 1, "Open", "<p>Open.</p>"), again))
    assert answer.status_code == 207, answer.text
    path = f"/articles/{answer.json()['receipts'][0]['id']}"
    assert server.client.get(f"{path}.json").status_code == 200
    for page in (".xml", "/versions/1.xml", "/provenance"):
        shown = server.client.get(path + page)
        assert problem(shown) == (404, "unknown-article") and "Waiting" not in shown.text
    # It stays hidden when the other article is public, because that has its own original.
    bearer = {"Authorization": f"Bearer {token}"}
    assert server.client.post(f"/articles/{receipt['id']}/release", headers=bearer).status_code == 200
    assert server.client.get(f"{path}.xml").status_code == 404
    assert "Waiting words" in server.client.get(f"/articles/{receipt['id']}.xml").text


def test_an_original_of_one_new_and_one_repeated_article_in_the_store(engine: Engine) -> None:
    put(engine, article("tag:waits", held=True))
    put(engine, article("tag:new"), article("tag:waits", held=True))
    assert store.articles.original(engine, "id-tag:new") is None
    put(engine, article("tag:alone"))
    assert store.articles.original(engine, "id-tag:alone") is not None
