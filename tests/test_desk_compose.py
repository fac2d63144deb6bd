"""The page on which a release is written: autosave, two people in one draft, its files, suggested names; and attacks on it."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx
import pytest

from app import create_app, store
from app.desk import content as contents
from app.settings import Settings
from tests.conftest import together
from tests.pace import seconds_of, within
from tests.test_desk import RELEASE, begun, form, revision, step
from tests.test_people import Site, close_browsers  # noqa: F401 -- the fixture closes the browsers of these tests too

JSON = {"Accept": "application/json"}
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 200


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("compose"))
    yield made
    made.close()


def autosave(client: httpx.Client, path: str, fields: dict[str, str], **headers: str) -> httpx.Response:
    """Send the form as the page's script does."""
    parts = [(name, (None, value)) for name, value in fields.items()]
    return client.post(path, files=parts, headers=JSON | headers)


def stored(site: Site, draft: str) -> contents.DraftText:
    engine = site.server.engine()
    found = store.desk.draft_by_id(engine, draft.rpartition("/")[2])
    engine.dispose()
    assert found is not None
    return contents.from_json(found.content)


# Saved as one types


def test_the_first_autosave_begins_one_draft_however_often_it_is_sent(site: Site) -> None:
    writer = site.member("auto@office.example", "writer")
    new = {"office": "jeonbuk", "id": "00112233445566aa", "headline": "처음 쓰는 말", "revision": "0"}
    first = autosave(writer, "/desk/new", new)
    assert first.status_code == 200, first.text
    assert (first.json()["id"], first.json()["revision"]) == ("00112233445566aa", 1)
    assert re.fullmatch(r"\d\d:\d\d:\d\d", first.json()["shown"])
    again = autosave(writer, "/desk/new", new | {"headline": "처음 쓰는 말을 더"})
    assert (again.json()["id"], again.json()["revision"]) == ("00112233445566aa", 2)
    other = site.member("auto-two@office.example", "writer")
    theirs = autosave(other, "/desk/new", new)
    assert theirs.json()["id"] != "00112233445566aa", "nobody writes into a draft by guessing its id"
    assert stored(site, "/desk/drafts/00112233445566aa")["headline"] == "처음 쓰는 말을 더"


def test_the_first_autosave_that_comes_sixteen_times_at_once_begins_one_draft(site: Site) -> None:
    writer = site.member("sixteen@office.example", "writer")
    fields = {"office": "jeonbuk", "id": "0123456789abcdef"} | RELEASE
    codes: list[int] = []
    together(*[lambda: codes.append(form(writer, "/desk/new", **fields).status_code)] * 16)
    assert codes == [303] * 16
    assert stored(site, "/desk/drafts/0123456789abcdef")["headline"] == RELEASE["headline"]


def test_an_autosave_tells_what_is_wrong_in_the_readers_language(site: Site) -> None:
    writer = site.member("told@office.example", "writer")
    wrong = RELEASE | {"region": "전라북동", "body": "", "embargo": "words", "embargo-words": "2030. 1. 1.(월) 09:00"}
    draft = begun(writer)
    answer = autosave(writer, draft, wrong | {"revision": "1"}, **{"Accept-Language": "ko"}).json()
    faults = {fault["field"]: fault for fault in answer["faults"]}
    assert faults["region"]["reason"] == "알 수 없는 지역 이름입니다: ‘전라북동’."
    assert (faults["region"]["wrong"], faults["region"]["nearest"][0]["code"]) == ("전라북동", "kr:52")
    assert faults["body"]["reason"].startswith("본문을 적어 주세요.") and faults["body"]["lang"] == "ko"
    assert "2030-01-01은 화요일인데 월요일로" in answer["notes"][0]["reason"]
    english = autosave(writer, draft, wrong | {"revision": str(answer["revision"])}, **{"Accept-Language": "en"}).json()
    assert "is not a known region" in str(english["faults"])


@pytest.mark.parametrize(
    ("fields", "wording", "wrong"),
    [
        ({"embargo": "at", "embargo-at": "2030-11-27T09:00"}, "2030. 11. 27.(수) 09:00 이후", ""),
        ({"embargo": "edition", "embargo-day": "2030-11-27", "embargo-edition": "morning"}, "2030. 11. 27.(수) 조간", ""),
        ({"embargo": "at", "embargo-at": "2020-11-27T09:00"}, "2020. 11. 27.(금) 09:00 이후", "embargo-at"),
        ({"embargo": "edition", "embargo-day": "2020-11-27", "embargo-edition": "evening"}, "2020. 11. 27.(금) 석간", "embargo-day"),
        ({"embargo": "at", "embargo-at": ""}, "", "embargo-at"),
        ({"embargo": "now"}, "배포 즉시", ""),
    ],
)  # fmt: skip
def test_the_embargo_is_worded_and_checked(site: Site, fields: dict[str, str], wording: str, wrong: str) -> None:
    writer = site.admin
    answer = autosave(writer, "/desk/new", RELEASE | fields | {"revision": "0"}).json()
    assert answer["wording"] == wording
    assert [fault["field"] for fault in answer["faults"]] == ([wrong] if wrong else [])


def test_a_wrong_name_is_put_right_by_a_button(site: Site) -> None:
    writer = site.member("names@office.example", "writer")
    draft = begun(writer, region="전라북동\n김제시")
    page = form(writer, draft, **(RELEASE | {"region": "전라북동\n김제시", "revision": "1", "then": "check"}))
    button = re.search(r'name="then" value="(take-region kr:52 [^"]+)"', page.text)
    assert button, page.text
    fixed = form(
        writer, draft, **(RELEASE | {"region": "전라북동\n김제시", "revision": revision(page), "then": button[1]})
    )
    assert fixed.status_code == 200 and 'id="e-region"' not in fixed.text
    assert stored(site, draft).all("region") == ("kr:52", "김제시")


@pytest.mark.slow
def test_an_autosave_is_cheap(site: Site) -> None:
    writer = site.member("cheap@office.example", "writer")
    draft = begun(writer)
    app = create_app(Settings(data_dir=str(site.server.directory), base_url=site.server.url))
    client = app.test_client()
    client.set_cookie("pressrelay", writer.cookies["pressrelay"], domain="127.0.0.1")
    body = "".join(f"<p>{'도는 올해 스마트팜 단지 세 곳을 더 연다. ' * 10}</p>" for _ in range(8))
    at = [1]

    def save() -> None:
        fields = RELEASE | {"body": f"{body}<p>{at[0]}</p>", "revision": str(at[0])}
        answer = client.post(
            draft, data=fields, content_type="multipart/form-data", base_url=site.server.url,
            headers=JSON | {"Sec-Fetch-Site": "same-origin"},
        )  # fmt: skip
        assert answer.status_code == 200 and answer.json, answer.text
        at[0] = answer.json["revision"]

    save()
    assert within(0.02, lambda: min(seconds_of(save) for _ in range(10))), "20 ms of processor time"


# Two people in one draft


def test_two_people_are_told_and_nothing_is_overwritten(site: Site) -> None:
    one, other = site.member("kim@office.example", "writer"), site.member("lee@office.example", "writer")
    draft = begun(one, headline="함께 쓴다")
    assert one.post(f"{draft}/here").json()["others"] == []
    seen = other.post(f"{draft}/here").json()
    assert (seen["others"], seen["writer"]) == (["kim"], "kim")
    theirs = autosave(other, draft, RELEASE | {"headline": "이가 쓴 것", "revision": "1"}).json()
    late = autosave(one, draft, RELEASE | {"headline": "김이 쓴 것", "revision": "1"}, **{"Accept-Language": "ko"})
    assert late.status_code == 409
    assert (late.json()["meanwhile"], late.json()["revision"]) == ("lee", theirs["revision"])
    more = autosave(one, draft, RELEASE | {"headline": "김이 더 쓴 것", "revision": "1"})
    assert more.status_code == 409, "it goes on into what is kept beside"
    assert stored(site, draft)["headline"] == "이가 쓴 것"
    # Later, the page offers the stored text, but only to its writer.
    page = one.get(draft)
    assert f"{draft}/aside" in page.text
    assert f"{draft}/aside" not in other.get(draft).text and other.get(f"{draft}/aside").status_code == 404
    beside = one.get(f"{draft}/aside")
    assert "김이 더 쓴 것" in beside.text and "이가 쓴 것" in beside.text
    # An ordinary save does not forget it; taking it does, and the other text stays among the versions.
    kept = autosave(one, draft, RELEASE | {"headline": "이가 쓴 것!", "revision": revision(page)}).json()
    assert one.get(f"{draft}/aside").status_code == 200
    stale = one.post(f"{draft}/aside", data={"then": "take", "revision": "1"})
    assert stale.status_code == 409 and "김이 더 쓴 것" in stale.text
    taken = one.post(f"{draft}/aside", data={"then": "take", "revision": str(kept["revision"])})
    assert taken.status_code == 303 and stored(site, draft)["headline"] == "김이 더 쓴 것"
    assert one.get(f"{draft}/aside").status_code == 404
    versions = one.get(f"{draft}/versions")
    assert "이가 쓴 것" in versions.text
    old = one.get(f"{draft}/versions/{theirs['revision']}")
    assert "이가 쓴 것" in old.text
    back = one.post(f"{draft}/versions/{theirs['revision']}", data={"revision": revision(old)})
    assert back.status_code == 303 and stored(site, draft)["headline"] == "이가 쓴 것"


def test_what_was_kept_can_be_dropped(site: Site) -> None:
    one, other = site.member("drop@office.example", "writer"), site.member("drop-two@office.example", "writer")
    draft = begun(one)
    autosave(other, draft, RELEASE | {"headline": "먼저", "revision": "1"})
    assert autosave(one, draft, RELEASE | {"headline": "나중", "revision": "1"}).status_code == 409
    assert one.post(f"{draft}/aside", data={"then": "drop"}).status_code == 303
    assert one.get(f"{draft}/aside").status_code == 404 and stored(site, draft)["headline"] == "먼저"


def test_sixteen_threads_save_one_draft(site: Site) -> None:
    writers = [site.member(f"many-{number}@office.example", "writer") for number in range(4)]
    draft = begun(writers[0], headline="열여섯")
    answers: list[tuple[int, str]] = []

    def save(number: int) -> None:
        words = f"글 {number}"
        got = autosave(writers[number % 4], draft, RELEASE | {"headline": words, "revision": "1"})
        answers.append((got.status_code, words))

    together(*(partial(save, number) for number in range(16)))
    won = [words for status, words in answers if status == 200]
    assert len(won) == 1 and {status for status, _ in answers} == {200, 409}
    assert stored(site, draft)["headline"] == won[0]


# Files


def put(client: httpx.Client, draft: str, name: str, data: bytes, type: str = "", **headers: str) -> httpx.Response:
    return client.post(f"{draft}/files", files={"upload": (name, data, type)}, headers=JSON | headers)


def test_a_file_goes_up_by_itself_and_is_for_the_drafts_people_only(site: Site) -> None:
    writer, stranger = site.member("file@office.example", "writer"), site.member("jeju@jeju.example", "editor", "jeju")
    draft = begun(writer)
    name = "사진 <b>&\"'.png"
    answer = put(writer, draft, name, PNG, "image/png")
    assert answer.status_code == 201, answer.text
    (entry,) = answer.json()["files"]
    assert (entry["type"], entry["role"]) == ("image/png", "photo")
    fields = {f"file-{part}": value for part, value in entry.items()} | {"file-caption": "<script>x</script>"}
    assert autosave(writer, draft, RELEASE | fields | {"revision": "1"}).json()["faults"] == []
    page = writer.get(draft).text
    assert "<script>x" not in page and "<b>&" not in page
    there = re.search(r'href="(/desk/drafts/[^"]+/files/[^"]+)"', page)
    assert there
    got = writer.get(there[1])
    assert (got.status_code, got.content, got.headers["Cache-Control"]) == (200, PNG, "private, no-store")
    assert "sandbox" in got.headers["Content-Security-Policy"]
    assert stranger.get(there[1]).status_code == 404
    assert put(stranger, draft, "x.png", PNG).status_code == 404
    assert httpx.get(site.server.url + there[1], trust_env=False).status_code == 303


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("setup.exe", b"MZ" + b"\0" * 300, "Programs and active pages"),
        ("page.html", b"<html><script>alert(1)</script>", "Programs and active pages"),
        ("nothing.png", b"", "empty"),
        ("large.png", PNG + b"\0" * (51 * 1024 * 1024), "too large"),
    ],
)
def test_a_file_that_cannot_be_taken_is_told_and_the_rest_is_kept(site: Site, name: str, data: bytes, why: str) -> None:
    writer = site.admin
    draft = begun(writer)
    answer = put(writer, draft, name, data)
    assert answer.status_code == 422 and why in answer.json()["wrong"][0]["reason"], answer.text
    # The same with the form itself, without scripts; the fields after the file are stored too.
    parts = [(field, (None, value)) for field, value in RELEASE.items()]
    parts += [
        ("revision", (None, "1")),
        ("upload", (name, data)),
        ("upload", ("good.png", PNG)),
        ("note", (None, "알림")),
    ]
    page = writer.post(draft, files=parts)
    assert page.status_code == 422, page.text[:300]
    assert re.search(r'id="e-file"[^>]*>.*' + re.escape(why), page.text)
    kept = stored(site, draft)
    assert kept["note"] == "알림" and [entry["name"] for entry in kept.entries("file")] == ["good.png"]


def test_a_form_adds_files_to_the_text(site: Site) -> None:
    writer = site.member("plain@office.example", "writer")
    draft = begun(writer)
    sent = writer.post(f"{draft}/files", files={"upload": ("a.png", PNG), "revision": (None, "1")})
    assert sent.status_code == 303
    assert [entry["name"] for entry in stored(site, draft).entries("file")] == ["a.png"]
    late = writer.post(f"{draft}/files", files={"upload": ("b.png", PNG), "revision": (None, "1")}, headers=JSON)
    assert late.status_code == 409


# Names that may be meant


def test_names_are_found_and_suggested(site: Site) -> None:
    writer = site.member("search@office.example", "writer")

    def found(**query: str) -> list[str]:
        answer = writer.get("/desk/suggest", params=query, headers=JSON | {"Accept-Language": "ko"})
        assert answer.status_code == 200, answer.text
        return [hint["name"] for hint in answer.json()["found"]]

    assert found(kind="region", q="고창") == ["고창군"]
    assert "전북특별자치도" in found(kind="region", q="전라북동")
    assert len(found(kind="region", under="kr")) == 16 and "김제시" in found(kind="region", under="kr:52")
    assert "교육" in found(kind="topic", under="")
    begun(writer, region="남원시")
    assert "남원시" in found(kind="region")
    text = {"office": "jeonbuk", "headline": "김제시 소식", "body": "고창군에서\n농업을 배운다."}
    told = writer.post("/desk/suggest", json=text, headers=JSON | {"Accept-Language": "ko"}).json()
    assert [hint["name"] for hint in told["region"]] == ["김제시", "고창군"]
    assert told["topic"], told
    assert writer.get("/desk/suggest?kind=planet", headers=JSON).status_code == 400


# Attacks


def test_a_body_full_of_scripts_is_harmless_everywhere(site: Site) -> None:
    writer = site.member("xss@office.example", "writer")
    evil = '<p onclick="x()">a<script>alert(1)</script><a href="javascript:x()">b</a><img src=x onerror=x()></p></textarea><script>y'
    draft = begun(writer, headline='"><script>h</script>', body=evil)
    for path in (draft, f"{draft}/preview", f"{draft}/versions", f"{draft}/versions/1"):
        page = writer.get(path).text
        assert "<script>" not in page and "<p onclick" not in page and "<img src=x" not in page, path
        assert '<a href="javascript:' not in page, path


def test_another_sites_page_saves_nothing(site: Site) -> None:
    writer = site.member("csrf@office.example", "writer")
    draft = begun(writer)
    for path in (draft, f"{draft}/files", f"{draft}/here", f"{draft}/aside", "/desk/new", "/desk/suggest"):
        answer = autosave(writer, path, RELEASE | {"revision": "1"}, **{"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403, path


def test_a_reader_saves_nothing(site: Site) -> None:
    writer, reader = site.member("w@office.example", "writer"), site.member("r@office.example", "reader")
    draft = begun(writer)
    assert autosave(reader, draft, RELEASE | {"revision": "1"}).status_code == 404
    assert put(reader, draft, "a.png", PNG).status_code == 404
    assert reader.get("/desk/new").status_code == 404
    assert reader.post(f"{draft}/versions/1", data={"revision": "1"}).status_code == 404
    assert autosave(reader, "/desk/new", RELEASE).status_code == 404
    assert reader.get(f"{draft}/preview").status_code == 200


def test_a_draft_limited_to_persons_is_theirs_alone(site: Site) -> None:
    writer, other = site.member("own@office.example", "writer"), site.member("curious@office.example", "editor")
    draft = begun(writer, headline="둘만 아는 일")
    put(writer, draft, "a.png", PNG)
    engine = site.server.engine()
    record = store.desk.draft_by_id(engine, draft.rpartition("/")[2])
    assert record
    states = store.desk.EDITABLE
    store.desk.move(engine, record.id, 1, states, "limited", "test", datetime.now(UTC), people=(record.author,))
    engine.dispose()
    for path in (draft, f"{draft}/versions", f"{draft}/versions/1", f"{draft}/aside", f"{draft}/files/a.png"):
        assert other.get(path).status_code == 404, path
    for path in (draft, f"{draft}/files"):
        assert autosave(other, path, RELEASE | {"revision": "2"}).status_code == 404, path
    for path in (f"{draft}/here", f"{draft}/aside", f"{draft}/versions/1"):
        assert other.post(path, data={}).status_code == 404, path
    assert writer.get(draft).status_code == 200


def test_huge_forms_are_refused_and_a_large_body_is_kept(site: Site) -> None:
    writer = site.member("huge@office.example", "writer")
    draft = begun(writer)
    parts = [("contact-name", (None, str(number))) for number in range(5001)]
    assert writer.post(draft, files=parts, headers=JSON).status_code == 413
    many = [("revision", (None, "1"))] + [("keyword", (None, f"k{number}")) for number in range(4900)]
    kept = writer.post(draft, files=many, headers=JSON)
    assert kept.status_code == 200, kept.text
    large = RELEASE | {"body": "<p>" + "가" * 990_000 + "</p>", "revision": str(kept.json()["revision"])}
    saved = autosave(writer, draft, large)
    assert saved.status_code == 200 and len(stored(site, draft)["body"]) == 990_007, saved.text[:300]
    over = autosave(writer, draft, large | {"body": "가" * 1_100_000})
    assert over.status_code == 413 and len(stored(site, draft)["body"]) == 990_007


def test_a_closed_draft_keeps_a_late_text_beside_it(site: Site) -> None:
    writer = site.member("late@office.example", "writer")
    draft = begun(writer)
    assert step(writer, draft, "submit").status_code == 303
    late = autosave(writer, draft, RELEASE | {"headline": "너무 늦은 글", "revision": "1"})
    assert late.status_code == 409 and late.json()["state"] == "review"
    assert put(writer, draft, "a.png", PNG).status_code == 409
    assert "너무 늦은 글" in writer.get(f"{draft}/aside").text


def test_the_scripts_ask_for_nothing_elsewhere() -> None:
    from app.web import assets

    files = assets.of_site(Settings()).files
    scripts = {name: asset.body.decode() for name, asset in files.items() if name.endswith(".js")}
    for name, body in scripts.items():
        assert not re.search(r"\beval\(|new Function|document\.write|https?://(?!www\.w3\.org/2000/svg)[a-z]", body), (
            name
        )


PASTES = sorted((Path(__file__).parent / "pastes").glob("*.html"))


@pytest.mark.parametrize(
    "paste", [path for path in PASTES if not path.name.endswith(".clean.html")], ids=lambda p: p.stem
)
def test_what_other_programs_paste_is_cleaned_by_the_server(paste: Path) -> None:
    """The raw HTML of a clipboard loses everything but its text; HTML that the page's script has cleaned stays unchanged."""
    from app.desk.writing import body_of
    from app.text import html

    raw = body_of(paste.read_text("utf-8"))
    assert not re.search(r"(?i)style=|class=|<script|onclick|javascript:|mso|<o:p|<!--|file:", raw)
    words = " ".join(paste.with_suffix(".txt").read_text("utf-8").split())
    assert " ".join(html.plain(raw).split()) == words
    cleaned = paste.with_suffix(".clean.html").read_text("utf-8").strip()
    assert body_of(cleaned) == cleaned
