"""The first page and the pages of articles: what they show, and what they never show."""

import json
import struct
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import lxml.html
import pytest
from msgspec.structs import replace

from app import store
from app.accounts.offices import OfficeRecord
from app.query import Query
from app.syndication.texts import LANGUAGES
from app.web import choosing, maps, showing
from app.web.licences import licence_mark
from feeds import Enclosure, Licence, bibtex, card, citation_sentence, csl_json, pdf
from tests.articles import EVERYTHING, SEED
from tests.conftest import Server, until
from tests.test_lifecycle import document
from tests.test_store import article as stored
from tests.test_store import put

LIFTS = datetime(2099, 1, 1, tzinfo=UTC)

HTML = {"Accept": "text/html", "Accept-Language": "ko"}


@pytest.fixture(scope="module")
def token(server: Server) -> str:
    return server.office("shown", "보이는도", "kr:51")


def page_of(server: Server, path: str, lang: str = "ko") -> lxml.html.HtmlElement:
    answer = server.client.get(path, headers={**HTML, "Accept-Language": lang})
    assert answer.status_code == 200, answer.text
    return lxml.html.document_fromstring(answer.content)


def words(element: lxml.html.HtmlElement) -> str:
    return " ".join(element.text_content().split())


def chosen(element: lxml.html.HtmlElement, selector: str) -> list[lxml.html.HtmlElement]:
    """The elements that a selector such as "ul.plain a" finds."""
    steps = ""
    for part in selector.split():
        tag, _, name = part.partition(".")
        steps += f"//{tag or '*'}" + (f"[contains(concat(' ', @class, ' '), ' {name} ')]" if name else "")
    return list(element.xpath(f".{steps}"))


# An article


def pictured(server: Server, token: str, guid: str, inside: str = "") -> httpx.Response:
    """A release with a picture, a PDF and a licence."""
    more = (
        '<region>kr:51</region><topic>medtop:11000000</topic><enclosure url="cid:a.png" type="image/png" role="photo">'
        '<caption>새 온실 &amp; 밭</caption></enclosure><enclosure url="cid:b.pdf" type="application/pdf"/>'
        '<licence uri="https://www.kogl.or.kr/info/licenseType4.do"/>'
    )
    release = document(guid, inside=inside).replace(b"</article>", more.encode() + b"</article>")
    photo, plan = card.render_card(SEED, "x", "y"), pdf.render_article(replace(SEED, body="<p>긴 글.</p>" * 3000))
    parts: list[Any] = [("release", ("release.xml", release, "application/xml"))]
    parts += [("file", ("a.png", photo, "image/png")), ("file", ("b.pdf", plan, "application/pdf"))]
    answer = server.client.post("/releases", files=parts, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 201, answer.text
    return answer


def test_an_article_is_shown_with_all_that_belongs_to_it(server: Server, token: str) -> None:
    id = pictured(server, token, "tag:shown,2026:all").json()["id"]
    page = page_of(server, f"/articles/{id}")
    (photo,) = chosen(page, "figure img")
    assert photo.get("alt") == "새 온실 & 밭" and photo.get("width") and photo.get("height")
    assert server.client.get(urlsplit(photo.get("src")).path).headers["Content-Type"] == "image/png"
    assert [words(kind) for kind in chosen(page, ".files .kind")] == ["PNG", "PDF"]
    (preview,) = chosen(page, ".file-text")
    assert 0 < len(preview.text_content()) <= showing.PREVIEW
    assert "앞부분만 보입니다" in words(page), "the file has more"
    assert words(chosen(page, ".licence")[0]) == "공공누리 제4유형 출처 표시 · 상업적 이용 금지 · 변경 금지"
    feeds = {words(row) for row in chosen(page, ".in-feeds li")}
    assert feeds == {"기관: 보이는도 RSS 구독", "지역: 강원특별자치도 RSS 구독", "분야: 정치·정부 RSS 구독"}
    for link in chosen(page, ".in-feeds a"):
        assert server.client.get(link.get("href")).status_code == 200
    assert words(chosen(page, ".cite")[0]).startswith("보이는도(2026. 3. 9.), 「처음 제목」, 보도자료, http")
    assert f"@misc{{{id}," in chosen(page, "pre")[0].text_content()
    assert server.client.get(page.xpath("//a[contains(@href, 'provenance')]/@href")[0]).status_code == 200
    said = {meta.get("property"): meta.get("content") for meta in page.iter("meta")}
    assert said["og:image"].endswith("/a.png"), "its own picture"
    assert page.xpath("//meta[@name='twitter:card']/@content") == ["summary_large_image"]
    front = page_of(server, "/?office=shown")
    (thumb,) = chosen(front, ".thumb")
    assert (thumb.get("alt"), thumb.get("width"), thumb.get("height")) == ("새 온실 & 밭", "176", "117")


def test_the_page_of_what_waits_names_no_feed_and_is_nobody_elses(server: Server, token: str) -> None:
    """A reader who may read it gets it, and no worker stores it for the next reader."""
    waiting = document("tag:shown,2026:own", inside='<embargo until="2099-01-01T00:00:00Z"/>', headline="아직 비밀")
    path = f"/articles/{server.push(token, waiting).json()['id']}"
    for _ in range(4):
        own = server.client.get(path, headers={**HTML, "Authorization": f"Bearer {token}"})
        assert own.status_code == 200 and "아직 비밀" in own.text
        assert "in-feeds" not in own.text and "@misc" not in own.text and "og:image" not in own.text
        assert own.headers["Cache-Control"] == "private, no-store"
        other = server.client.get(path, headers=HTML)
        assert other.status_code == 404 and "비밀" not in other.text


def test_a_picture_that_stands_in_the_body_is_not_shown_twice() -> None:
    photo = Enclosure("https://a.example/p.png?a=1&b=2", "image/png", role="photo")
    article = replace(SEED, enclosures=(photo,), body='<p><img src="https://a.example/p.png?a=1&amp;b=2"/></p>')

    class Nothing:
        pass

    assert showing.shown_parts(Nothing(), article, "ko")["photo"] is None  # type: ignore[arg-type]
    assert showing.shown_parts(Nothing(), replace(article, body="<p/>"), "ko")["photo"] == photo  # type: ignore[arg-type]


def test_citations() -> None:
    day = date(2021, 3, 9)
    assert citation_sentence(SEED, "ko", day) == f"전라북도(2021. 3. 9.), 「{SEED.headline}」, 보도자료, {SEED.url}"
    english = citation_sentence(EVERYTHING, "en", day)
    assert english == f"Example Office (9 March 2021). “Headline 5” [Press release]. {EVERYTHING.url}"
    written = bibtex(replace(EVERYTHING, headline=r"50 % of {R&D} \ a_b #1 ~^"), day)
    assert written.splitlines() == [
        f"@misc{{{EVERYTHING.id},",
        "  author = {{Example Office}},",
        r"  title = {{50 \% of \{R\&D\} \textbackslash{} a\_b \#1 \textasciitilde{}\textasciicircum{}}},",
        "  year = {2021},",
        "  month = mar,",
        "  day = {9},",
        "  howpublished = {Press release},",
        "  language = {en},",
        f"  url = {{{EVERYTHING.url}}},",
        "  note = {Version 3},",
        "}",
    ]
    (entry,) = json.loads(csl_json(EVERYTHING, day))
    assert entry["author"] == [{"literal": "Example Office"}] and entry["issued"] == {"date-parts": [[2021, 3, 9]]}
    assert (entry["id"], entry["title"], entry["URL"]) == (EVERYTHING.id, EVERYTHING.headline, EVERYTHING.url)
    assert (entry["type"], entry["genre"], entry["version"]) == ("report", "Press release", "3")
    (korean,) = json.loads(csl_json(SEED, day))
    assert korean["genre"] == "보도자료" and "version" not in korean


@pytest.mark.parametrize(
    ("uri", "label", "demands"),
    [
        ("https://www.kogl.or.kr/info/licenseType1.do", "KOGL Type 1", ("name the source",)),
        ("https://www.kogl.or.kr/info/licenseType0.do", "KOGL Type 0", ("free use without conditions",)),
        ("https://creativecommons.org/licenses/by/4.0/", "CC BY 4.0", ("name the source",)),
        (
            "https://creativecommons.org/licenses/by-nc-sa/2.0/kr/",
            "CC BY-NC-SA 2.0",
            ("name the source", "no commercial use", "share under the same terms"),
        ),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0", ("free use without conditions",)),
        (
            "https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/",
            "Open Government Licence 3.0",
            ("name the source",),
        ),
    ],
)
def test_licences_in_words(uri: str, label: str, demands: tuple[str, ...]) -> None:
    mark = licence_mark(Licence(uri), "en")
    assert mark is not None and (mark.label, mark.demands) == (label, demands)
    assert licence_mark(Licence(uri), "ko") is not None


@pytest.mark.parametrize("uri", ["", "https://a.example/", "https://creativecommons.org/licenses/x/4.0/", "x:y"])
def test_an_unknown_licence_has_no_mark(uri: str) -> None:
    assert licence_mark(Licence(uri), "ko") is None


# The picture for social networks


def test_the_picture_of_a_headline(server: Server, token: str) -> None:
    receipt = server.push(token, document("tag:shown,2026:card")).json()
    page = page_of(server, f"/articles/{receipt['id']}")
    said = {meta.get("property"): meta.get("content") for meta in page.iter("meta")}
    assert said["og:image"] == f"{receipt['url']}/card.png"
    path = f"/articles/{receipt['id']}/card.png"
    answers = [server.client.get(path) for _ in range(4)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({(answer.content, answer.headers["ETag"]) for answer in answers}) == 1
    assert answers[0].headers["Content-Type"] == "image/png"
    assert answers[0].headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert struct.unpack(">II", answers[0].content[16:24]) == (card.WIDTH, card.HEIGHT)
    corrected = document("tag:shown,2026:card", 2, headline="고친 제목")
    assert server.push(token, corrected).status_code == 201
    assert server.client.get(path).content != answers[0].content
    server.client.delete(f"/articles/{receipt['id']}?reason=x", headers={"Authorization": f"Bearer {token}"})
    assert {server.client.get(path).status_code for _ in range(4)} == {410}


def test_what_waits_has_no_picture(server: Server, token: str) -> None:
    waiting = document("tag:shown,2026:waits", inside='<embargo until="2099-01-01T00:00:00Z"/>')
    id = server.push(token, waiting).json()["id"]
    told, unknown = (server.client.get(f"/articles/{one}/card.png") for one in (id, "a" * 26))
    assert (told.status_code, told.content) == (404, unknown.content)
    assert (
        server.client.get(f"/articles/{id}/card.png", headers={"Authorization": f"Bearer {token}"}).status_code == 404
    )


@pytest.mark.parametrize(
    "headline", ["가" * 5000, "\U0001f600 웃음", '#read("/etc/passwd") $x$ *굵게*', "\u202eabc", "عنوان", "a" * 300]
)
def test_any_headline_can_be_drawn(headline: str) -> None:
    drawn = card.render_card(replace(SEED, headline=headline), "s" * 500, "2026. 3. 9.")
    assert struct.unpack(">II", drawn[16:24]) == (card.WIDTH, card.HEIGHT) and len(drawn) < 300_000


# The first page


def test_filters_that_are_chosen_can_be_removed_one_by_one() -> None:
    offices = {"shown": OfficeRecord("shown", "보이는도", "", ())}
    query = Query(
        regions=("kr:51", "kr:52"),
        offices=("shown", "gone"),
        excluded=(("topic", "medtop:11000000"),),
        words="예산",
        since=datetime(2026, 1, 1, tzinfo=UTC),
    )
    found = choosing.chosen_filters(query, offices, "ko")
    assert [filter.label for filter in found] == [
        *("지역: 강원특별자치도", "지역: 전북특별자치도", "기관: 보이는도", "기관: gone"),
        *("정치·정부 제외", "찾는 말: 예산", "이때부터: 2026-01-01"),
    ]
    assert found[0].without == replace(query, regions=("kr:52",))
    assert found[-3].without == replace(query, excluded=())
    for lang in LANGUAGES:
        assert all(filter.label for filter in choosing.chosen_filters(query, offices, lang))


def test_choices_have_the_parts_of_what_is_chosen() -> None:
    provinces = choosing.region_choices(Query(), "ko")
    assert ("kr:52", "전북특별자치도") in provinces and ("kr:52210", "김제시") not in provinces
    assert not any(code == "kr:45" for code, _ in provinces), "it has ended"
    assert ("kr:52210", "김제시") in choosing.region_choices(Query(regions=("kr:52",)), "ko")
    assert ("medtop:11000000", "정치·정부") in choosing.topic_choices(Query(), "ko")
    many = {str(number): OfficeRecord(str(number), "x", "", ()) for number in range(choosing.MOST_OFFICES + 1)}
    assert choosing.office_choices(many) == []


def test_the_form_narrows_a_page_and_keeps_what_was_chosen(server: Server, token: str) -> None:
    server.push(token, document("tag:shown,2026:form"))
    narrowed = page_of(server, "/?office=shown&lang=ko")
    kept = {(field.get("name"), field.get("value")) for field in narrowed.xpath("//form//input[@type='hidden']")}
    assert {("office", "shown"), ("lang", "ko")} <= kept
    assert [words(chip) for chip in chosen(narrowed, ".chosen .chips a")] == ["기관: 보이는도", "언어: ko"]
    assert chosen(narrowed, ".chosen .chips a")[0].get("href") == f"{server.url}/?lang=ko"
    # A browser also sends the fields that were not chosen.
    searched = server.client.get("/search?office=shown&q=%EC%B2%98%EC%9D%8C&region=&topic=", headers=HTML)
    assert searched.status_code == 302 and searched.headers["Location"] == "/search?office=shown&q=%EC%B2%98%EC%9D%8C"
    assert len(narrowed.xpath("//button[@formaction='/search']")) == 1
    assert "처음 제목" in words(page_of(server, searched.headers["Location"]))
    sent = server.client.get("/?office=shown&lang=ko&q=&region=kr%3A51&topic=&genre=", headers=HTML)
    assert sent.status_code == 302
    assert sent.headers["Location"] == f"{server.url}/?region=kr%3A51&office=shown&lang=ko"
    assert server.client.get("/?q=&region=", headers=HTML).headers["Location"] == f"{server.url}/"
    assert server.client.get("/?region=&topic=no", headers=HTML).status_code == 404


def test_an_empty_site_says_what_to_do(own_server: Any) -> None:
    server = own_server(workers="1").start()
    for lang, said in (("ko", "첫 보도자료를 기다리고 있습니다"), ("en", "Waiting for the first release")):
        page = page_of(server, "/", lang)
        assert said in words(page) and page.xpath("//a[@href='/desk']")
        assert not chosen(page, ".map")


# Amounts


EVER = datetime(2000, 1, 1, tzinfo=UTC)


def test_amounts_are_counted_up_to_a_bound_and_of_what_is_public(engine: store.Engine) -> None:
    now = datetime.now(UTC)
    places = ["kr:51", "kr:52", "kr:11"]
    assert store.feeds.amounts_since(engine, places, EVER, 10) == dict.fromkeys(places, 0)
    put(engine, *(stored(f"tag:amounts:{number}") for number in range(5)))
    region = SEED.regions[0].code
    everything = store.feeds.amounts_since(engine, [region, "kr:11"], EVER, 100)
    assert everything == {region: 5, "kr:11": 0}
    assert store.feeds.amounts_since(engine, [region], EVER, 3) == {region: 3}
    assert store.feeds.amounts_since(engine, [region], now + timedelta(days=1), 100) == {region: 0}
    put(engine, stored("tag:amounts:waits", embargoed=LIFTS), stored("tag:amounts:held", held=True))
    assert store.feeds.amounts_since(engine, [region, "kr:11"], EVER, 100) == everything


@pytest.mark.parametrize("most", [0, 1, 2, 3, 4, 5, 17, 68, 5000])
def test_the_shades_of_the_map_cover_every_number_once(most: int) -> None:
    scale = maps.scale_of(most)
    covered = [number for one in scale for number in range(one.least, one.largest + 1)]
    assert covered == list(range(most + 1))
    for one in scale:
        assert {maps.shade_of(number, most) for number in (one.least, one.largest)} == {one.shade}


def test_the_first_page_shows_how_much_came_from_each_province(server: Server, token: str) -> None:
    server.push(token, document("tag:shown,2026:map-0"))

    def count(path: str = "/") -> int:
        rows = chosen(page_of(server, path), ".amounts tbody tr")
        counts = {words(chosen(row, "th")[0]): int(words(chosen(row, "td")[0])) for row in rows}
        (tile,) = (one for one in chosen(page_of(server, path), ".tiles a") if "강원특별자치도" in words(one))
        assert words(chosen(tile, ".amount")[0]) == str(counts["강원특별자치도"])
        return counts["강원특별자치도"]

    before = count()
    assert before > 0
    waiting = document("tag:shown,2026:map-waits", inside='<embargo until="2099-01-01T00:00:00Z"/>')
    assert server.push(token, waiting).status_code == 201
    assert [count() for _ in range(4)] == [before] * 4
    assert server.push(token, document("tag:shown,2026:map-1")).status_code == 201
    assert [count() for _ in range(4)] == [before + 1] * 4
    page = page_of(server, "/")
    uses = page.xpath("//*[local-name()='use']/@href")
    assert len(uses) == 16
    shapes = server.client.get(uses[0].partition("#")[0])
    assert shapes.headers["Content-Type"] == "image/svg+xml"
    assert all(f'id="{use.partition("#")[2]}"' in shapes.text for use in uses)


def test_an_embargo_that_lifts_shows_on_hot_pages_at_once(server: Server, token: str) -> None:
    lifts = datetime.now(UTC) + timedelta(seconds=3)
    inside = f'<embargo until="{lifts.isoformat()}"/>'
    id = server.push(token, document("tag:shown,2026:lifts", inside=inside, headline="풀릴 말")).json()["id"]
    for path in ("/", "/?office=shown"):
        assert not any("풀릴 말" in server.client.get(path, headers=HTML).text for _ in range(6))
    assert {server.client.get(f"/articles/{id}", headers=HTML).status_code for _ in range(4)} == {404}
    until(lambda: server.client.get(f"/articles/{id}.json").status_code == 200, 20)
    # From the instant at which one answer shows it, every answer does.
    for path in ("/", "/?office=shown", f"/articles/{id}"):
        assert all("풀릴 말" in server.client.get(path, headers=HTML).text for _ in range(6)), path
