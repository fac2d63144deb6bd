"""Pages of regions, topics and offices, and the search, over HTTP."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from app.accounts.offices import OfficeRecord
from feeds.article import Contact, Office, Term
from schemas import codes
from tests.conftest import Server, until
from tests.test_store import article, end_hold, put

HTML = {"Accept": "text/html", "Accept-Language": "ko"}
LIFTS = datetime(2099, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with releases of this month and of others, and some that wait."""
    server = Server(
        tmp_path_factory.mktemp("subjects"), workers="1", smtp_url="smtp://127.0.0.1:1", mail_from="a@b.example"
    )
    server.start()
    server.save(
        OfficeRecord("jeonbuk", "전북특별자치도", "https://www.jeonbuk.go.kr/", ("kr:52",), aliases=("전라북도청",)),
        OfficeRecord("jeonju", "전주시청", "", ("kr:52110",), parent="jeonbuk"),
    )
    engine, now = server.engine(), datetime.now(UTC)
    jeonju, seoul = (Term("region", "kr:52110"),), (Term("region", "kr:11"),)
    talks = Contact("예산과", "", "홍길동", "063-000-0000", "press@jeonju.example")
    office = Office("jeonju", "전주시청", above=("jeonbuk",))
    for number in range(3):
        put(
            engine,
            _at(f"a{number}", now, headline=f"예산 소식 {number}", regions=jeonju, office=office, contacts=(talks,)),
        )
    put(engine, _at("b", now - timedelta(days=70), headline="예산 <결산>", regions=seoul))
    put(engine, _at("c", now - timedelta(days=900), headline="옛 소식", regions=seoul))
    put(engine, _at("d", now, headline="엠바고 예산", regions=jeonju, office=office, embargoed=LIFTS))
    put(engine, _at("e", now, headline="보류 예산", regions=jeonju, office=office, held=True))
    engine.dispose()
    yield server
    server.close()


def _at(name: str, at: datetime, **fields: object):  # type: ignore[no-untyped-def]
    return article(f"tag:subjects,{name}", updated=at, published=at, issued=at, summary="요약입니다.", **fields)


def read(server: Server, path: str, status: int = 200, lang: str = "ko") -> str:
    answer = server.client.get(path, headers=HTML | {"Accept-Language": lang})
    assert answer.status_code == status, (answer.status_code, answer.text[:500])
    assert "Cookie" in answer.headers["Vary"] and len(answer.content) < 60 * 1024
    return answer.text


def rows(page: str) -> list[tuple[str, int]]:
    """The table of the months."""
    found = re.findall(r'<th scope="row">([^<]+)</th><td>(?:<a [^>]*>)?([\d,]+)', page)
    return [(month, int(amount.replace(",", ""))) for month, amount in found]


def amounts(page: str) -> dict[str, int]:
    """Name -> the number beside it."""
    found = re.findall(r'<li><a href="[^"]*">([^<]+)</a> <span class="count">([\d,]+)', page)
    return {name: int(amount.replace(",", "")) for name, amount in found}


def test_a_region_says_what_it_is_and_what_came_of_it(site: Server) -> None:
    page = read(site, "/regions/kr:52")
    assert "<h1>전북특별자치도</h1>" in page and "kr:52 · KR-45" in page and "2024. 1. 18." in page
    assert '<a href="/regions/kr:45">전라북도(2024. 1. 17.까지)</a>' in page
    assert '<a href="/regions/kr">대한민국</a>' in page
    months = rows(page)
    assert len(months) == 24 and months[0][1] == 3 and sum(amount for _, amount in months) == 3
    assert amounts(page)["전주시"] == 3 and amounts(page)["군산시"] == 0
    assert page.count("예산 소식") == 3 and "엠바고" not in page and "보류" not in page
    assert '<svg viewBox="' in page and '<a href="/regions/kr:52110"><title>전주시: 3</title>' in page
    assert 'href="/alerts?region=kr%3A52"' in page and 'href="/feeds/build?region=kr%3A52"' in page
    for ending in ("rss", "atom", "json", "ninjs", "newsml"):
        assert f"/feed.{ending}?region=kr%3A52" in page
    english = read(site, "/regions/kr:52", lang="en")
    assert "<h1>Jeonbuk State</h1>" in english and "until 17 January 2024" in english


def test_a_month_leads_to_its_releases(site: Server) -> None:
    page = read(site, "/regions/kr:11")
    months = rows(page)
    assert sum(amount for _, amount in months) == 1, "what is older than 24 months is not in the plot"
    path = re.findall(r'<td><a href="([^"]+)">1</a>', page)[0].replace("&amp;", "&")
    found = read(site, path)
    assert "예산 &lt;결산&gt;" in found and "옛 소식" not in found
    # The month is named, and can be dropped.
    assert next(month for month, amount in months if amount) in found


@pytest.mark.parametrize(
    ("given", "leads"),
    [
        ("전라북도", "/regions/kr:52"),
        ("KR-45", "/regions/kr:52"),
        ("jeonbuk state", "/regions/kr:52"),
        ("전주시", "/regions/kr:52110"),
        ("KR:52", "/regions/kr:52"),
    ],
)
def test_another_spelling_and_a_former_name_lead_to_the_present_code(site: Server, given: str, leads: str) -> None:
    answer = site.client.get(f"/regions/{quote(given)}")
    assert answer.status_code == 301 and answer.headers["Location"] == f"{site.url}{leads}"


def test_a_code_that_has_ended_says_since_when_and_what_follows(site: Server) -> None:
    answer = site.client.get("/regions/kr:45", headers=HTML)
    assert (
        "이 지역은 2024. 1. 17.까지 있었습니다." in answer.text
        and '<a href="/regions/kr:52">전북특별자치도</a>' in answer.text
    )
    assert answer.headers["Link"] == f'<{site.url}/regions/kr:52>; rel="successor-version"'
    two = site.client.get("/regions/kr:28110", headers=HTML)
    assert "제물포구" in two.text and "영종구" in two.text and two.headers["Link"].count("successor-version") == 2
    assert "최근 24개월 동안 나온 보도자료가 없습니다." in two.text


def test_a_city_and_a_country_are_no_provinces(site: Server) -> None:
    assert "<svg viewBox" not in read(site, "/regions/kr:52110").replace("plot", "")
    assert "영국" in read(site, "/regions/gb")
    korea = read(site, "/regions/kr")
    assert amounts(korea)["전북특별자치도"] == 3 and 'class="tiles"' in korea


def test_every_region_and_topic_has_a_page_that_is_small(site: Server) -> None:
    for region in codes("region"):
        if region.level in ("sido", "country") and (
            region.parent == "kr" or region.code in ("kr", "gb", "us", "si", "fr")
        ):
            read(site, f"/regions/{region.code}")
    for topic in list(codes("topic"))[::100]:
        read(site, f"/topics/{topic.code}")


def test_unknown_ones_name_the_nearest(site: Server) -> None:
    page = read(site, "/regions/" + quote("전주사"), 404)
    assert '<a href="/regions/kr:52110">전주시' in page
    several = read(site, "/regions/" + quote("동구"), 404)
    assert several.count('<li><a href="/regions/') >= 3
    assert '<a href="/topics/' in read(site, "/topics/" + quote("education polcy"), 404)
    assert '<a href="/offices/jeonju">전주시청' in read(site, "/offices/" + quote("전주시정"), 404)
    answer = site.client.get("/offices/none")
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (404, "unknown-office")
    assert site.client.get("/regions/kr:52?utm_source=x", headers=HTML).status_code == 301


def test_a_topic(site: Server) -> None:
    page = read(site, "/topics/medtop:11000000")
    assert "<h1>정치·정부</h1>" in page and rows(page)[0][1] == 3
    answer = site.client.get("/topics/11000000")
    assert answer.headers["Location"] == f"{site.url}/topics/medtop:11000000"
    field = read(site, "/topics/brm11")
    assert re.search(r'href="/topics/medtop:\d+"', field)
    retired = next(topic for topic in codes("topic") if topic.retired)
    assert "IPTC가" in read(site, f"/topics/{retired.code}")


def test_an_office(site: Server) -> None:
    page = read(site, "/offices/jeonju")
    assert "<h1>전주시청</h1>" in page and rows(page)[0][1] == 3
    assert "홍길동" in page and page.count("063-000-0000") == 1 and "mailto:press@jeonju.example" in page
    assert '<a href="/offices/jeonbuk">전북특별자치도</a>' in page and '<a href="/regions/kr:52110">전주시</a>' in page
    above = read(site, "/offices/jeonbuk")
    assert amounts(above)["전주시청"] == 3 and 'href="https://www.jeonbuk.go.kr/"' in above
    answer = site.client.get("/offices/" + quote("전라북도청"))
    assert answer.headers["Location"] == f"{site.url}/offices/jeonbuk"


def test_the_lists(site: Server) -> None:
    page = read(site, "/regions")
    assert amounts(page)["전북특별자치도"] == 3 and amounts(page)["서울특별시"] == 1 and amounts(page)["대한민국"] == 4
    assert amounts(read(site, "/topics"))["정치·정부"] == 4
    assert amounts(read(site, "/offices")) == {"전북특별자치도": 4, "전주시청": 3}
    assert read(site, "/offices?page=1") and site.client.get("/offices?page=2").status_code == 404
    assert site.client.get("/offices?page=x").status_code == 404


def test_no_number_says_anything_of_what_waits(site: Server) -> None:
    paths = ["/regions", "/regions/kr", "/regions/kr:52", "/regions/kr:52110", "/topics", "/topics/medtop:11000000"]
    paths += ["/offices", "/offices/jeonju", "/search", "/search?q=" + quote("예산")]
    before = [site.client.get(path, headers=HTML).content for path in paths]
    engine, now = site.engine(), datetime.now(UTC)
    jeonju, office = (Term("region", "kr:52110"),), Office("jeonju", "전주시청", above=("jeonbuk",))
    put(engine, _at("f", now, headline="엠바고 예산 2", regions=jeonju, office=office, embargoed=LIFTS))
    put(engine, _at("g", now, headline="보류 예산 2", regions=jeonju, office=office, held=True))
    assert [site.client.get(path, headers=HTML).content for path in paths] == before
    end_hold(engine, "tag:subjects,g", now)
    # Nobody announces it here, so the background worker does.
    until(lambda: rows(read(site, "/regions/kr:52110"))[0][1] == 4, 10)
    put(engine, _at("g", now, headline="보류", regions=jeonju, office=office, version=2, pubstatus="canceled"))
    until(lambda: rows(read(site, "/regions/kr:52110"))[0][1] == 3, 10)
    engine.dispose()


# The search


def test_a_search_marks_counts_and_divides(site: Server) -> None:
    page = read(site, "/search?q=" + quote("예산"))
    assert "보도자료 4건" in page and "<mark>예산</mark> 소식 0" in page and "<mark>예산</mark> &lt;결산&gt;" in page
    found = amounts(page)
    assert (found["전북특별자치도"], found["서울특별시"], found["전주시청"], found["정치·정부"]) == (4, 1, 3, 4)
    assert re.search(r'region=kr%3A52[^"]*">전북특별자치도</a> <span class="count">3<', page)
    narrowed = re.findall(r'<a href="(/search\?[^"]+)">서울특별시</a> <span class="count">1', page)[0].replace(
        "&amp;", "&"
    )
    only = read(site, narrowed)
    assert "보도자료 1건" in only and 'aria-label="서울특별시 빼기"' in only and 'name="region" value="kr:11"' in only
    districts = read(site, "/search?region=kr:52&q=" + quote("예산"))
    assert amounts(districts)["전주시"] == 3, "of a province, its districts"
    assert f"/feed.atom?q={quote('예산')}" in page and "/feeds/build?q=" in page


def test_a_search_without_words_shows_what_is_newest(site: Server) -> None:
    page = read(site, "/search")
    assert "보도자료 5건" in page and "옛 소식" in page
    assert "/alerts" in read(site, "/search?region=kr:52")


def test_a_misspelt_name_and_an_exact_one(site: Server) -> None:
    page = read(site, "/search?q=" + quote("전주사"))
    assert '전주사 → <a href="/regions/kr:52110">전주시</a>' in page
    more = read(site, "/search?q=" + quote("전주사 예산"))
    assert f'전주사 → <a href="/search?region=kr%3A52110&amp;q={quote("예산")}">전주시</a>' in more
    exact = read(site, "/search?q=" + quote("전주시 예산"))
    assert '<a href="/regions/kr:52110">전주시</a>' in exact and "전주시의 “예산”만 보기" in exact
    assert "혹시" not in read(site, "/search?q=" + quote("예산"))
    office = read(site, "/search?q=" + quote("전주시정"))
    assert '전주시정 → <a href="/offices/jeonju">전주시청</a>' in office


def test_pages_of_a_search(site: Server) -> None:
    engine, now = site.engine(), datetime.now(UTC)
    for number in range(45):
        at = now - timedelta(minutes=number)
        put(engine, _at(f"p{number}", at, headline=f"쪽마다 {number:02}", regions=(Term("region", "kr:50"),)))
    engine.dispose()
    path, seen = "/search?q=" + quote("쪽마다"), []
    for _ in range(3):
        page = read(site, path)
        assert "보도자료 45건" in page
        seen += re.findall(r"<mark>쪽마다</mark> (\d\d)", page)
        older = re.findall(r'<a rel="next" href="([^"]+)"', page)
        path = older[0].replace("&amp;", "&") if older else ""
    assert seen == [f"{number:02}" for number in range(45)] and path == ""


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/search?region=Atlantis", 404),
        ("/search?q=%21%21", 400),
        ("/search?regoin=kr", 400),
        ("/search?before=x", 400),
    ],
)
def test_what_cannot_be_searched_for(site: Server, path: str, status: int) -> None:
    page = read(site, path, status)
    assert "<h1>" in page and "Traceback" not in page


def test_a_search_that_finds_very_much_says_where_it_stops(site: Server) -> None:
    engine, now = site.engine(), datetime.now(UTC)
    many = [_at(f"m{number}", now - timedelta(seconds=number), headline=f"많다 {number}") for number in range(505)]
    put(engine, *many)
    engine.dispose()
    page = read(site, "/search?q=" + quote("많다"))
    assert "최근 500건 안에서 찾아 나누었습니다." in page and page.count("<mark>많다</mark>") == 20
    assert re.search(r'<span class="count">500</span>', page)
    assert "가장 새로운 500건만 세었습니다" in page and "건만 세었습니다" not in read(
        site, "/search?q=" + quote("예산")
    )
