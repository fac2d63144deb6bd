"""The feed builder over HTTP: its address holds the choice, a fault shows beside its field, and it shows what the feed has."""

import html
import re
import time
from collections.abc import Iterator
from urllib.parse import parse_qsl, quote, urlsplit

import httpx
import listparser
import pytest

from app.accounts.offices import OfficeRecord
from app.query import parse
from app.syndication.in_words import feed_in_words
from app.web.routes import build
from tests.conftest import ROOT, Server

HTML = {"Accept": "text/html", "Accept-Language": "ko"}
OFFICES = {
    "jeonbuk": OfficeRecord("jeonbuk", "전북특별자치도", "", ("kr:52",), aliases=("전북도청",)),
    "busan": OfficeRecord("busan", "부산광역시", "", ("kr:26",)),
    "gijang": OfficeRecord("gijang", "기장군", "", ("kr:26710",), parent="busan", above=("busan",)),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    mail = {"smtp_url": "smtp://127.0.0.1:1", "mail_from": "press@press.example"}
    server = Server(tmp_path_factory.mktemp("build"), address_rate="1000000/minute", **mail).start()
    token = server.save(*OFFICES.values())
    assert server.push(token, release("처음")).status_code < 300
    for number in range(12):
        assert server.push(token, release(f"예산 소식 {number}", region="kr:52111")).status_code == 201
    yield server
    server.close()


def release(headline: str, region: str = "kr:52", more: str = "") -> bytes:
    source = (ROOT / "tests" / "releases" / "minimal.xml").read_text("utf-8")
    source = re.sub(r"<guid>.*?</guid>", f"<guid>tag:build,2026:{headline.encode().hex()}</guid>{more}", source)
    source = re.sub(r"<headline>.*?</headline>", f"<headline>{headline}</headline>", source)
    return source.replace("</body>", f"</body><region>{region}</region>").encode()


def ask(site: Server, query: str = "", **headers: str) -> httpx.Response:
    return site.client.get(f"/feeds/build{'?' if query else ''}{query}", headers=HTML | headers)


def said(page: httpx.Response, id: str) -> str:
    """The text of an element without elements of its own."""
    found = re.search(rf'id="{id}"[^>]*>(?:<span class="unseen">[^<]*</span>)?([^<]*)', page.text)
    return html.unescape(found[1]).strip() if found else ""


def test_it_shows_the_feed(site: Server) -> None:
    page = ask(site, f"region=kr:52111&q={quote('예산')}&exclude_office=busan")
    assert page.status_code == 200
    assert said(page, "count") == "최근 30일 동안 12건, 오늘 12건"
    feed = site.client.get(f"/feed.json?region=kr:52111&q={quote('예산')}&exclude_office=busan&limit=10").json()
    shown = re.findall(r'<li lang="ko"><a href="(/articles/\w+)">', page.text)
    assert shown == [urlsplit(item["url"]).path for item in feed["items"]] and len(shown) == 10
    # Its addresses are the canonical ones, and each answers.
    addresses = [html.unescape(one) for one in re.findall(r'id="a-feed-\d+" value="([^"]+)"', page.text)]
    assert len(addresses) == 5
    for address in addresses:
        answer = site.client.get(address)
        assert answer.status_code == 200 and f'<{address}>; rel="self"' in answer.headers["Link"]
    assert len(page.content) < 60 * 1024


def test_english_counts_one_release(site: Server) -> None:
    page = ask(site, f"q={quote('예산 소식 3')}", **{"Accept-Language": "en"})
    assert said(page, "count") == "1 release in the last 30 days, 1 today"


def test_a_name_an_alias_and_a_code_are_the_same(site: Server) -> None:
    for office in ("jeonbuk", "전북특별자치도", "전북도청"):
        page = ask(site, f"region={quote('전북특별자치도')}&office={quote(office)}")
        assert page.status_code == 200 and "/feed.atom?region=kr%3A52&amp;office=jeonbuk" in page.text, office


def test_what_is_wrong_stands_beside_its_field_and_the_rest_is_kept(site: Server) -> None:
    query = f"region={quote('전주싀')}&region=kr:26&topic=medtop:11000000&office={quote('부산광역')}&q={quote('예산')}"
    page = ask(site, query)
    assert page.status_code == 404 and page.headers["Cache-Control"] == "no-store"
    assert said(page, "e-region") == "‘전주싀’: 이런 이름을 찾지 못했습니다."
    assert said(page, "e-office") == "‘부산광역’: 이런 이름을 찾지 못했습니다."
    assert 'href="#f-region"' in page.text and 'href="#f-office"' in page.text
    for kept in ('value="kr:26"', 'value="medtop:11000000"', 'value="예산"', 'value="전주싀"'):
        assert kept in page.text, kept
    assert said(page, "count") == "먼저 표시된 곳을 고쳐 주십시오. 고른 것은 그대로 남아 있습니다."
    assert "/feed.atom" not in page.text, "no feed that is wider than what was asked for"
    # The nearest names lead to the same choice with them.
    near = [html.unescape(one) for one in re.findall(r'href="(/feeds/build\?[^"]*)">전주시', page.text)]
    asked = parse_qsl(urlsplit(near[0]).query)
    assert ("region", "kr:26") in asked and ("q", "예산") in asked and ("region", "전주싀") not in asked
    office = next(html.unescape(one) for one in re.findall(r'href="(/feeds/build\?[^"]*)">부산광역시<', page.text))
    assert ("office", "busan") in parse_qsl(urlsplit(office).query)


@pytest.mark.parametrize(
    ("query", "field", "sentence"),
    [
        (f"region={quote('중구')}", "region", "‘중구’: 같은 이름이 여럿입니다. 골라 주십시오."),
        ("lang=x", "lang", "‘x’: 여기에 쓸 수 없는 값입니다."),
        ("genre=novel", "genre", "‘novel’: 이런 이름을 찾지 못했습니다."),
        ("licence=mine", "licence", "‘mine’: 이런 이름을 찾지 못했습니다."),
        ("q=...", "q", "찾을 말은 200자까지이고, 글자나 숫자가 있어야 합니다."),
        ("since=yesterday", "since", "‘yesterday’: 여기에 쓸 수 없는 값입니다."),
        ("until=never", "until", "‘never’: 여기에 쓸 수 없는 값입니다."),
        ("limit=0", "limit", "‘0’: 여기에 쓸 수 없는 값입니다."),
        (f"region={'9' * 8000}", "region", "너무 깁니다. 이름이나 코드만 적어 주십시오."),
        (
            "&".join(f"topic=medtop:{number}" for number in range(11000000, 11000400)),
            "topic",
            "한 칸에서 20개까지 고를 수 있습니다. 지금은 400개입니다.",
        ),
        (
            "&".join(
                f"region={code}"
                for code in (
                    "us",
                    "jp",
                    "cn",
                    "fr",
                    "de",
                    "it",
                    "es",
                    "gb",
                    "ca",
                    "mx",
                    "br",
                    "in",
                    "id",
                    "vn",
                    "th",
                    "ph",
                    "au",
                    "nz",
                    "se",
                    "no",
                    "fi",
                )
            ),
            "region",
            "한 칸에서 20개까지 고를 수 있습니다. 지금은 21개입니다.",
        ),
    ],
)
def test_one_sentence_where_the_eye_is(site: Server, query: str, field: str, sentence: str) -> None:
    page = ask(site, f"{query}&office=busan")
    assert page.status_code in (400, 404)
    assert said(page, f"e-{field}") == sentence
    assert "부산광역시" in page.text and len(page.content) < 60 * 1024


def test_too_much_for_one_feed(site: Server) -> None:
    regions = "&".join(f"region={code}" for code in ("us", "jp", "cn", "fr", "de", "it", "es", "gb", "ca"))
    topics = "&".join(f"topic=medtop:{number:02}000000" for number in range(1, 15))
    page = ask(site, f"{regions}&{topics}")
    assert page.status_code == 400 and "줄이거나 여러 피드로 나누어 주십시오." in page.text
    assert page.text.count(" checked>") == 9 + 14, "everything is kept"


@pytest.mark.parametrize(
    ("query", "why"),
    [
        (
            "region=kr:52111&exclude_region=kr:52",
            "이 피드에는 아무것도 오지 않습니다. 고르신 ‘완산구’ 전체가 빼기로 하신 ‘전북특별자치도’ 안에 들어 있습니다.",
        ),
        (
            "office=gijang&exclude_office=busan",
            "이 피드에는 아무것도 오지 않습니다. 고르신 ‘기장군’ 전체가 빼기로 하신 ‘부산광역시’ 안에 들어 있습니다.",
        ),
        (
            "genre=reference&exclude_genre=reference",
            "이 피드에는 아무것도 오지 않습니다. 고르신 ‘보도참고자료’ 항목을 빼기로도 하셨습니다.",
        ),
        (
            "lang=en-gb&exclude_lang=en",
            "이 피드에는 아무것도 오지 않습니다. 고르신 ‘영어 (영국)’ 전체가 빼기로 하신 ‘영어’ 안에 들어 있습니다.",
        ),
        (
            "office=busan&region=kr:52111",
            "‘부산광역시’ 기관은 ‘완산구’ 지역에 있지 않아, 두 조건에 모두 맞는 소식이 드뭅니다.",
        ),
        (
            f"q={quote('예산')}&region=kr:52111&exclude_office=jeonbuk",
            "고르신 조건에 맞는 보도자료가 지금은 모두 빼기로 하신 것에 들어 있습니다: 전북특별자치도. "
            "빼기를 줄이시거나, 그대로 구독하고 다른 곳의 소식을 기다리셔도 됩니다.",
        ),
        ("region=jp&exclude_office=jeonbuk", "아직 여기에 맞는 보도자료가 없습니다. 피드는 지금 구독해 두어도 됩니다."),
        ("region=jp", "아직 여기에 맞는 보도자료가 없습니다. 피드는 지금 구독해 두어도 됩니다."),
    ],
)
def test_an_empty_preview_says_why(site: Server, query: str, why: str) -> None:
    page = ask(site, query)
    assert page.status_code == 200 and said(page, "count") == "최근 30일 동안 0건, 오늘 0건"
    assert f"<p>{why}</p>" in page.text


@pytest.mark.parametrize(
    ("hall", "office"),
    [
        ("부산시청", "busan"),
        ("부산 시청", "busan"),
        ("기장군청", "gijang"),
        ("전라북도청", "jeonbuk"),
        ("제주도청", ""),
        ("시청", ""),
        ("중구청", ""),
    ],
)
def test_an_office_is_found_by_what_people_call_its_hall(site: Server, hall: str, office: str) -> None:
    listed = site.client.get("/feeds/build/names", params={"kind": "office", "q": hall}).json()["found"]
    assert [one["code"] for one in listed] == ([office] if office else [])
    page = ask(site, f"exclude_office={quote(hall)}")
    assert page.status_code == (200 if office else 404)
    assert not office or f"exclude_office={office}" in page.text


def test_names(site: Server) -> None:
    def found(**query: str) -> list[str]:
        answer = site.client.get("/feeds/build/names", params=query, headers={"Accept-Language": "ko"})
        assert answer.status_code == 200 and "public" in answer.headers["Cache-Control"]
        return [hint["name"] for hint in answer.json()["found"]]

    assert found(kind="region", q="전주")[0] == "전주시"
    assert len(found(kind="region", under="kr")) == 16
    assert found(kind="topic", q="정치")
    assert found(kind="office", q="도청") == ["전북특별자치도"]
    assert found(kind="office") == sorted(office.name for office in OFFICES.values())
    assert site.client.get("/feeds/build/names?kind=planet").status_code == 400


def test_the_provinces_as_opml(site: Server) -> None:
    page = ask(site, "topic=medtop:11000000")
    link = html.unescape(re.findall(r'href="(/feeds/build\?[^"]*)" data-all', page.text)[0])
    page = site.client.get(link, headers=HTML)
    assert page.status_code == 200 and said(page, "count").startswith("최근 30일 동안 ")
    opml = site.client.get(html.unescape(re.findall(r'href="(/feeds/build/feeds\.opml\?[^"]*)"', page.text)[0]))
    read = listparser.parse(opml.content)
    assert len(read.feeds) == 17 and opml.headers["Access-Control-Allow-Origin"] == "*"
    assert all("topic=medtop" in feed.url for feed in read.feeds)
    both = site.client.get(
        "/feeds/build/feeds.opml?region=kr:11&region=kr:26&topic=medtop:11000000&topic=medtop:04000000"
    )
    assert len(listparser.parse(both.content).feeds) == 1 + 2 * 3


def test_the_picture(site: Server) -> None:
    answer = site.client.get("/feeds/build/qr.svg?region=kr:52")
    assert answer.headers["Content-Type"] == "image/svg+xml" and answer.content.startswith(b"<?xml")
    words = quote("예산" * 90)
    assert site.client.get(f"/feeds/build/qr.svg?q={words}").status_code == 400
    assert "주소가 길어 QR 코드에 담을 수 없습니다." in ask(site, f"q={words}").text


def test_drawing_is_cheap_for_an_address_that_nobody_asked_before() -> None:
    """Each address has its own drawing, and anybody may ask for thousands. It used to take three times as long."""
    took = []
    for number in range(5):
        begun = time.process_time()
        assert build._qr(f"https://press.example/?q={number}{quote('예' * 52)}").startswith(b"<?xml")
        took.append(time.process_time() - begun)
    assert min(took) < 0.018, took


def test_the_code_for_other_sites_holds_nothing_but_the_choice(site: Server) -> None:
    """Somebody may send an office the address of a choice whose words are HTML."""
    words = '예산 "><script>alert(1)</script>'
    page = ask(site, f"q={quote(words)}")
    for id in ("script", "frame"):
        code = html.unescape(re.findall(rf'id="a-{id}"[^>]*>\n(.*?)</textarea>', page.text, re.DOTALL)[0])
        assert "<script>alert" not in code and "&lt;script&gt;" in code
        assert code.count('"') % 2 == 0


def test_alerts_take_the_whole_feed(site: Server) -> None:
    query = f"region=kr%3A52111&exclude_office=jeonbuk&q={quote('예산')}"
    form = site.client.get(f"/alerts?{query}", headers=HTML)
    assert "완산구 보도자료, ‘예산’ 포함, 전북특별자치도 제외" in form.text
    wrong = site.client.post(
        "/alerts",
        data={"address": "nobody", "query": query, "pace": "daily", "language": "ko"},
        headers=HTML | {"Origin": site.url},
    )
    assert wrong.status_code == 400 and "전자우편 주소가 아닙니다" in said(wrong, "e-address")
    assert html.escape(query) in wrong.text and "완산구 보도자료, ‘예산’ 포함" in wrong.text
    assert re.search(r'value="daily"[^>]* checked', wrong.text)
    long = "&".join(f"licence=https://a.example/{number:040}" for number in range(20))
    assert site.client.post("/alerts", data={"address": "a@press.example", "query": long}).status_code == 400
    assert "전자우편으로는 보낼 수 없습니다" in ask(site, long).text


def test_the_form_of_a_webhook_is_filled_in(site: Server) -> None:
    page = ask(site, f"region=kr:52111&q={quote('예산')}")
    link = html.unescape(re.findall(r'href="(/subscriptions\?[^"]*)"', page.text)[0])
    form = site.client.get(link, headers=HTML | site.operator())
    assert form.status_code == 200 and f'value="region=kr%3A52111&amp;q={quote("예산")}"' in form.text


def test_the_frame_alone_may_be_framed(site: Server) -> None:
    frame = site.client.get("/embed?region=kr:52&limit=3&language=ko", headers={"Accept-Language": "en"})
    assert "frame-ancestors *" in frame.headers["Content-Security-Policy"] and "X-Frame-Options" not in frame.headers
    assert frame.headers["Cross-Origin-Resource-Policy"] == "cross-origin" and "Set-Cookie" not in frame.headers
    assert "script" not in frame.headers["Content-Security-Policy"] and "<form" not in frame.text
    assert "<h1>전북특별자치도 보도자료</h1>" in frame.text and frame.text.count("<li ") == 3
    for path in ("/feeds/build", "/", "/alerts", "/embed?region=Atlantis"):
        answer = site.client.get(path, headers=HTML)
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"], path
        assert answer.headers["X-Frame-Options"] == "DENY", path


def test_the_script_is_for_every_site(site: Server) -> None:
    script = site.client.get("/embed.js")
    assert script.headers["Access-Control-Allow-Origin"] == "*" and "Asia/Seoul" in script.text
    assert script.headers["Cross-Origin-Resource-Policy"] == "cross-origin" and "Cookie" not in script.headers["Vary"]
    assert "cookie" not in script.text


@pytest.mark.parametrize(
    ("asked", "ko", "en"),
    [
        ("", "모든 보도자료", "All press releases"),
        (
            "region=kr:52&exclude_office=jeonbuk&q=예산",
            "전북특별자치도 보도자료, ‘예산’ 포함, 전북특별자치도 제외",
            "Press releases of Jeonbuk State, with “예산”, without 전북특별자치도",
        ),
        ("office=busan&genre=reference&lang=en", "부산광역시의 보도참고자료, 영어", "Reference by 부산광역시, English"),
        ("region=jp&region=us&region=fr&region=de", "독일 외 3 보도자료", "Press releases of Germany and 3 more"),
        (
            "licence=kogl-1&exclude_licence=none",
            "모든 보도자료, 공공누리 1유형: 출처 표시, 모든 권리 보유 제외",
            "All press releases, KOGL type 1: attribution, without All rights reserved",
        ),
        (
            "since=2026-01-02",
            "모든 보도자료, 2026-01-02T00:00:00Z부터",
            "All press releases, since 2026-01-02T00:00:00Z",
        ),
    ],
)
def test_a_feed_in_words(asked: str, ko: str, en: str) -> None:
    query = parse(parse_qsl(asked), [*OFFICES])
    assert (feed_in_words(query, OFFICES, "ko"), feed_in_words(query, OFFICES, "en")) == (ko, en)


def test_amounts_in_words() -> None:
    from app.store.feeds import Count

    for number, whole, sentence in (
        (0, True, "0건"),
        (417, False, "417건 이상"),
        (1000, True, "1,000건"),
        (1001, False, "1,000건 넘게"),
    ):
        assert build._amount(Count(number, whole), "ko") == sentence
