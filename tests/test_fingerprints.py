"""Fingerprints of copies under embargo: what readers see stays the same, a leaked copy names its outlet, and no other text does."""

import html
import json
import math
import random
import re
import time
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from app import store
from app.accounts.rights import OutletRecord, principal_of_outlet
from app.intake.normalize import public_id
from app.syndication import embargoed, tracing
from app.text import fingerprint
from app.text.fingerprint import Match, chance, key_of, marked, match_outlets, read
from app.text.flatten import words_of
from feeds import FORMATS, Article, Feed, render
from tests.desk import Desk
from tests.pace import NOISE, pace
from tests.test_store import Engine, article, put

SHORT = (
    "도는 내년부터 ‘사랑도민증’을 받을 수 있는 사람을 크게 넓힌다고 밝혔다. 이번 조치는 출향 도민과 관광객이 도내 공공시설을 더 쉽게"
    " 이용하도록 돕기 위한 것이다. 관계 부서와 협의해 문화·체육 시설 할인 혜택을 늘리고, 가맹점 모집도 함께 추진한다. 담당 국장은"
    " “도민과 함께 만드는 제도로 키우겠다”라며 참여를 당부했다."
)
LONG = (
    SHORT
    + " 이어서 도는 시군마다 설명회를 열고 누리집에 자세한 안내를 올리기로 했다. 신청은 가까운 주민센터에서 받으며 어르신과"
    " 장애인은 대리인이 신청할 수 있다. 현장의 목소리를 듣는 간담회도 다달이 마련한다."
    " “작은 불편도 놓치지 않고 고쳐 나가겠다”라는 것이 도의"
    " 설명이다. 전문가들은 지역 소멸을 늦추는 데 보탬이 될 것으로 내다본다. 다만 재원을 어떻게 마련할지는 의회와 더 논의해야 한다…"
)
KEY = key_of(b"a secret of a database")
OUTLETS = [f"outlet-{number}" for number in range(100)]


def made(text: str = SHORT, body: str = "", id: str = "a" * 26) -> Article:
    return replace(
        article(), id=id, text=text, body=body or f"<p>{html.escape(text, quote=False)}</p>", summary=text[:80]
    )


def named(text: str, of: Article, outlets: list[str] = OUTLETS) -> list[str]:
    return [match.outlet for match in match_outlets(of, read(text), KEY, outlets) if match.chance <= tracing.SURE]


def as_read(text: str) -> str:
    """The text as a reader sees it: without invisible characters, and with one form of each sign."""
    bare = re.sub(f"[{fingerprint.UNSEEN}]", "", text).replace("\u00a0", " ").replace("‧", "·").replace("...", "…")
    return re.sub("[“”]", '"', re.sub("[‘’]", "'", bare))


# What readers see


def test_a_reader_reads_the_same_and_tags_numbers_links_code_and_headlines_stay_to_the_byte() -> None:
    body = (
        '<h2>문의 02-123-4567</h2><p title="가 나 다">도는 <a href="https://a.example/b c">누리집 주소</a>에 알린다. 누리집'
        " https://a.example/도움 에서 예산 1,200억 원을 <strong>모두 쓴다</strong> 하고, &lt;가&gt; 나 &amp; 다 라.</p>"
        "<pre>print(가 나)  다 라</pre><p>전주시 완산구 효자로 225 앞, mail@a.example 로. John Smith from Seoul said so.</p>"
    )
    original = made(LONG, body)
    copy = marked(original, KEY, OUTLETS[0])
    assert copy != original and as_read(copy.body) == as_read(body) and as_read(copy.text) == as_read(LONG)
    tags = re.compile(r"<[^>]*>")
    assert tags.findall(copy.body) == tags.findall(body)
    for kept in (
        *(
            "02-123-4567",
            "https://a.example/도움 에서",
            "예산 1,200억 원을",
            "print(가 나)  다 라",
            "&lt;가&gt; 나 &amp; 다",
        ),
        *("전주시 완산구 효자로 225 앞", "mail@a.example 로", "John Smith"),
    ):
        assert kept in copy.body, kept
    fields = {name: getattr(copy, name) for name in Article.__struct_fields__}
    assert replace(original, **{name: fields[name] for name in ("body", "text", "summary", "subheadlines")}) == copy
    # Two neighbouring words are never joined: lines can still break between words.
    assert not re.search("\u00a0[^\\s]+\u00a0", copy.text)


def test_a_copy_is_the_same_each_time_and_another_for_each_outlet_article_and_database() -> None:
    copies = [marked(made(), KEY, outlet).body for outlet in OUTLETS]
    assert copies == [marked(made(), KEY, outlet).body for outlet in OUTLETS] and len(set(copies)) == len(OUTLETS)
    assert marked(made(), key_of(b"another"), OUTLETS[0]).body != copies[0]
    assert marked(made(id="b" * 26), KEY, OUTLETS[0]).body != copies[0]


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_of_feeds_carries_the_marks(format: str) -> None:
    original, module = made(LONG), FORMATS[format]
    copy = module.marked(marked(original, KEY, "outlet-7"))
    feed = Feed("https://a.example/feed", "https://a.example/", "t", "", "ko", copy.updated, (copy,))
    assert named(words_of(render(module, feed)), original) == ["outlet-7"]


# What a leaked copy says


def test_two_hundred_letters_are_enough_and_the_bound_is_told() -> None:
    text = SHORT[:200]
    best, second, *_ = match_outlets(made(text), read(marked(made(text), KEY, "outlet-3").text), KEY, OUTLETS)
    assert best.outlet == "outlet-3" and best.agreed == best.places >= 60 and best.chance < 1e-15 < 1e-3 < second.chance


CLEANERS: dict[str, Callable[[str], str]] = {
    "copied": str,
    "NFC": lambda text: unicodedata.normalize("NFC", text),
    "NFKC": lambda text: unicodedata.normalize("NFKC", text),
    "white space folded": lambda text: " ".join(text.split()),
    "one word a line": lambda text: "\n".join(text.split()),
    "zero-width characters removed": lambda text: re.sub("[\u200b-\u200d\u2060\ufeff]", "", text),
    "format characters removed": lambda text: "".join(one for one in text if unicodedata.category(one) != "Cf"),
    "combining marks removed": lambda text: "".join(one for one in text if unicodedata.category(one) != "Mn"),
    "straight quotes": lambda text: re.sub("[“”]", '"', re.sub("[‘’]", "'", text)),
    "no-break spaces written out": lambda text: html.escape(text).replace("\u00a0", "&nbsp;"),
    "numbered references": lambda text: text.encode("ascii", "xmlcharrefreplace").decode(),
    "in JSON": lambda text: json.dumps({"data": [{"body": f"<p>{text}</p>"}]}),
    "cut out of the middle": lambda text: text[len(text) // 4 : len(text) // 4 + len(text) // 2],
    "sentences in another order": lambda text: ". ".join(reversed(text.split("."))),
    "beside another text": lambda text: (
        "다른 신문의 기사가 앞에 있다. " * 30 + text + " 그리고 뒤에도 다른 말이 더 있다." * 30
    ),
}


@pytest.mark.parametrize("how", CLEANERS)
def test_what_a_copy_goes_through_names_its_outlet_still(how: str) -> None:
    text = CLEANERS[how](marked(made(LONG), KEY, "outlet-42").text)
    assert named(words_of(text.encode()), made(LONG)) == ["outlet-42"]


def test_what_takes_all_marks_names_nobody() -> None:
    text = marked(made(LONG), KEY, "outlet-42").text
    cleaned = as_read(
        "".join(one for one in unicodedata.normalize("NFKC", text) if unicodedata.category(one) not in ("Cf", "Mn"))
    )
    assert named(" ".join(cleaned.split()), made(LONG)) == []


def test_two_and_three_who_mix_their_copies_are_named_and_nobody_else() -> None:
    original = made(LONG)
    halves = [marked(original, KEY, f"outlet-{number}").text for number in (5, 6)]
    assert set(named(halves[0][:200] + " " + halves[1][200:], original)) == {"outlet-5", "outlet-6"}
    dice = random.Random(1)
    copies = [re.split("[ \u00a0]", marked(original, KEY, f"outlet-{number}").text) for number in (5, 6, 7)]
    assert len({len(copy) for copy in copies}) == 1
    mixed = " ".join(dice.choice(word) for word in zip(*copies[:2], strict=True))
    assert set(named(mixed, original)) == {"outlet-5", "outlet-6"}
    three = set(named(" ".join(dice.choice(word) for word in zip(*copies, strict=True)), original))
    assert three <= {"outlet-5", "outlet-6", "outlet-7"}, "three in a short text may hide, but accuse nobody"


EDITS = st.lists(
    st.tuples(st.sampled_from(("drop", "double", "swap", "insert", "space", "strip")), st.integers(0, 10_000)),
    max_size=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(EDITS, st.integers(0, 99))
def test_random_edits_never_name_another_and_few_still_name_the_right_one(
    edits: list[tuple[str, int]], outlet: int
) -> None:
    original = made(LONG)
    words = marked(original, KEY, OUTLETS[outlet]).text.split(" ")
    for edit, number in edits:
        at = number % len(words)
        if edit == "drop" and len(words) > 5:
            del words[at]
        elif edit == "double":
            words.insert(at, words[at])
        elif edit == "swap":
            words[at], words[-1 - at] = words[-1 - at], words[at]
        elif edit == "insert":
            words.insert(at, "새말")
        elif edit == "space":
            words[at] = words[at].replace("\u00a0", " ")
        else:
            words[at] = words[at].strip(fingerprint.UNSEEN)
    found = named(" ".join(words), original)
    assert found == [OUTLETS[outlet]]


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.sampled_from(" \u00a0\u200c\u2060\u034f\n가나다“”\"'‘’·‧….<&"), max_size=300))
def test_any_text_is_marked_without_change_to_what_is_read_and_read_without_failure(text: str) -> None:
    body = f"<p>{html.escape(text, quote=False)}</p>"
    copy = marked(made(text, body), KEY, "outlet-1")
    assert as_read(copy.text) == as_read(text) and as_read(copy.body) == as_read(body)
    assert named(text, made(text, body)) == []
    words_of(text.encode())


# What accuses nobody


def test_no_text_without_marks_and_no_public_version_names_anybody() -> None:
    for text in (SHORT, LONG, LONG.replace(" ", "\u00a0"), LONG.replace(" ", "\u200c "), as_read(LONG)):
        assert named(text, made(LONG)) == []


@pytest.mark.parametrize(("texts", "most"), [(25, 4), pytest.param(100, 12, marks=pytest.mark.slow)])
def test_false_accusations_are_as_rare_as_told(texts: int, most: int) -> None:
    """Compares copies with 200 outlets that never got them: with all marks of the texts, and with random marks."""
    original, worst, dice = made(LONG), 1.0, random.Random(7)
    innocent = [f"innocent-{number}" for number in range(200)]
    below = 0
    for number in range(texts):
        text = marked(original, KEY, f"leaker-{number}").text
        if number % 2:
            text = "".join(one if one not in fingerprint.THIN or dice.random() < 0.7 else "" for one in text)
        matches: list[Match] = match_outlets(original, read(text), KEY, innocent)
        worst = min(worst, matches[0].chance)
        below += matches[0].chance <= 0.05
    assert worst > 1e-4 and below <= most, "the bound is the chance that any of the 200 agrees so well"


def test_the_bound_is_never_below_the_real_chance() -> None:
    for places in (1, 5, 20, 60):
        for agreed in range(places + 1):
            tail = sum(math.comb(places, number) for number in range(agreed, places + 1)) / 2**places
            assert chance(agreed, places) >= tail * (1 - 1e-12)


# With a database


OFFICES = ("jeonbuk",)


def handed(engine: Engine, outlet: str, *articles: Article) -> list[Article]:
    record = OutletRecord(outlet, f"신문 {outlet}")
    now = datetime.now(UTC)
    store.accounts.save_outlet(engine, record, now)
    principal = principal_of_outlet("token x", ("embargo",), record, [], now)
    return embargoed.copies(engine, principal, articles, "page")


def waiting(guid: str, text: str) -> Article:
    later = datetime.now(UTC) + timedelta(days=3)
    return replace(made(text, id=public_id(guid)), guid=guid, embargoed=later, published=later)


def test_a_text_finds_its_article_and_outlet_and_an_office_only_its_own(engine: Engine) -> None:
    one, other = (
        waiting("tag:one", LONG),
        waiting("tag:other", SHORT[::-1] + " 다른 글이다. 이 글은 아무와도 같지 않다."),
    )
    put(engine, one, other)
    copies = {outlet: handed(engine, outlet, one, other) for outlet in ("hani", "donga", "mbc")}
    assert handed(engine, "hani", one, other) == copies["hani"], "the same each time"
    assert [copy.outlet for copy in store.copies.copies_of(engine, one.id)] == ["hani", "donga", "mbc"]
    for outlet in copies:
        found = tracing.trace(engine, copies[outlet][0].text, {one.office.code})
        assert [(article.id, [one.code for one in article.outlets]) for article in found.articles] == [
            (one.id, [outlet])
        ]
        assert found.articles[0].copies == 3 and found.found
    assert tracing.trace(engine, copies["hani"][0].text, {"another-office"}) == tracing.Trace()
    public = tracing.trace(engine, one.text, None)
    assert public.articles[0].id == one.id and not public.found and public.articles[0].places == 0
    assert tracing.trace(engine, "아무 데도 없는 글이며 누구도 쓰지 않았다", None) == tracing.Trace()
    assert tracing.trace(engine, "짧다", None).problem == "empty"
    # A correction under embargo: both versions are known, each by its own copy.
    second = replace(one, version=2, text=LONG.replace("간담회", "공청회"), body=one.body.replace("간담회", "공청회"))
    put(engine, second)
    (newer,) = handed(engine, "donga", second)
    assert tracing.trace(engine, newer.text, None).articles[0].outlets[0].code == "donga"
    assert tracing.trace(engine, copies["mbc"][0].text, None).articles[0].outlets[0].code == "mbc"


def test_words_that_many_articles_have_are_not_noted(engine: Engine) -> None:
    common = "이 자료는 담당 부서에 물어보면 자세히 알 수 있다"
    many = [
        waiting(f"tag:common-{number}", f"{common} 글{number}가 나{number}다 라{number}마 바{number}사")
        for number in range(25)
    ]
    put(engine, *many)
    for one in many:
        handed(engine, "hani", one)
    found = store.copies.articles_with(engine, fingerprint.asked_shingles(common), None, 100)
    assert len(found) == store.copies.COMMON


# Over HTTP


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = Desk(tmp_path_factory.mktemp("traces"))
    yield made
    made.close()


GUID = "tag:traces,2026:one"


@pytest.fixture(scope="module")
def leaked(desk: Desk) -> str:
    """The token of an outlet that may read a release under embargo."""
    later = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    paragraphs = "".join(f"<p>{html.escape(part.strip(), quote=False)}.</p>" for part in LONG.split(". "))
    body = (
        f'<release xmlns="urn:pressrelay:press-release:1" xml:lang="ko"><article version="1"><guid>{GUID}</guid>'
        f"<issued>2026-03-09T10:00:00+09:00</issued><embargo until='{later}'>해제 전</embargo><headline>사랑도민증 넓힌다</headline>"
        f"<body>{paragraphs}</body></article></release>"
    ).encode()
    assert desk.server.push(desk.token, body).status_code == 201
    now, engine = datetime.now(UTC), desk.context.engine
    tokens = []
    for code in ("hani", "donga"):
        store.accounts.save_outlet(engine, OutletRecord(code, f"신문 {code}"), now)
        tokens.append(store.accounts.new_token(engine, "", "", now, role="outlet", outlet=code))
    for path in (f"/articles/{public_id(GUID)}", "/feed.json?status=embargoed"):
        assert desk.server.client.get(path, headers={"Authorization": f"Bearer {tokens[1]}"}).status_code == 200
    return tokens[0]


DOORS = (
    *(
        f"/articles/{public_id(GUID)}{suffix}"
        for suffix in ("", ".json", ".ninjs", ".newsml", ".nitf", ".hwpx", ".pdf")
    ),
    *(f"/feed.{format}?status=embargoed" for format in FORMATS),
)


@pytest.mark.parametrize("door", DOORS)
def test_each_door_gives_an_outlet_its_own_copy_and_the_command_names_it(
    desk: Desk, leaked: str, door: str, tmp_path: Path
) -> None:
    def got(token: str) -> bytes:
        answer = desk.server.client.get(door, headers={"Authorization": f"Bearer {token}", "Accept": "*/*"})
        assert answer.status_code == 200 and answer.headers["Cache-Control"] == "private, no-store", answer.text
        return answer.content

    first = got(leaked)
    assert got(leaked) == first, "the same bytes each time"
    file = tmp_path / "leak"
    file.write_bytes(first)
    answer = desk.server.run("trace", str(file), "--json")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    found = json.loads(answer.stdout)["articles"][0]
    assert [one["code"] for one in found["outlets"]] == ["hani"] and found["outlets"][0]["chance"] < 1e-6
    own = desk.server.client.get(door, headers={"Authorization": f"Bearer {desk.token}"}).content
    if not door.endswith((".hwpx", ".pdf")):  # whose bytes are compressed
        assert not any(mark.encode() in own for mark in fingerprint.THIN), "an office's own articles have no marks"


def test_the_page_names_the_outlet_to_the_office_alone_and_it_is_recorded(desk: Desk, leaked: str) -> None:
    headers = {"Authorization": f"Bearer {leaked}"}
    text = desk.server.client.get(f"/articles/{public_id(GUID)}.json", headers=headers).json()["text"]
    editor, writer = desk.person("trace-editor@press.example"), desk.person("trace-writer@press.example", "writer")
    other = desk.person("trace-jeju@press.example", office="jeju")
    assert editor.get("/desk/trace").status_code == 200 and "/desk/trace?office=jeonbuk" in editor.get("/desk").text
    assert writer.get("/desk/trace").status_code == 404 and "/desk/trace" not in writer.get("/desk").text
    fields = {"office": "jeonbuk", "text": text}
    page = editor.post("/desk/trace", files=[(name, (None, value)) for name, value in fields.items()])
    assert page.status_code == 200 and "This text comes from the copy of 신문 hani." in page.text
    assert "at most 1 in 1,000,000,000,000" in page.text and "who passed it on" in page.text
    assert page.headers["Cache-Control"].startswith("private, no-store") or "no-store" in page.headers["Cache-Control"]
    records = store.audit.records(desk.context.engine, action="traced")
    last = records[-1].event
    assert (last.office, last.article, last.detail["outlets"]) == ("jeonbuk", public_id(GUID), "hani")
    for client, office in ((other, "jeonbuk"), (desk.stranger(), "jeonbuk")):
        refused = client.post("/desk/trace", files={"office": (None, office), "text": (None, text)})
        assert refused.status_code in (303, 401, 404) and "hani" not in refused.text
    theirs = other.post("/desk/trace", files={"office": (None, "jeju"), "text": (None, text)})
    assert theirs.status_code == 200 and "No release of this office" in theirs.text and "사랑도민증" not in theirs.text
    mail = EmailMessage()
    mail["Subject"] = "leak"
    mail.set_content(text, charset="utf-8", cte="base64")
    upload = {"office": (None, "jeonbuk"), "text": (None, ""), "file": ("leak.eml", mail.as_bytes(), "message/rfc822")}
    assert "신문 hani" in editor.post("/desk/trace", files=upload).text
    for body, status, said in (
        ({"text": (None, "")}, 422, "Paste a text or choose a file."),
        ({"text": (None, "두 낱말")}, 422, "There are too few words"),
        ({"text": (None, ""), "file": ("a.pdf", b"%PDF-1.4 broken", "application/pdf")}, 422, "cannot be read"),
        ({"text": (None, SHORT)}, 200, "there are no marks"),
    ):
        answer = editor.post("/desk/trace", files={"office": (None, "jeonbuk"), **body})  # type: ignore[arg-type]
        assert (answer.status_code, said in answer.text) == (status, True), (body, answer.text)


def test_the_public_version_has_no_marks(desk: Desk, leaked: str) -> None:
    assert desk.server.client.post(
        f"/articles/{public_id(GUID)}/release", headers={"Authorization": f"Bearer {desk.token}"}
    ).status_code in (200, 409, 422)
    stored = store.articles.newest(desk.context.engine, public_id(GUID))
    assert stored is not None and not any(mark in stored.article.body for mark in fingerprint.THIN)


HOSTILE = {
    "tags that never end": "<p " * 400_000,
    "comments that never end": "<!--" * 300_000,
    "scripts that never end": "<script>" * 200_000,
    "CDATA that never ends": "<![CDATA[" * 200_000,
    "references": "&amp;" * 300_000,
    "references of references": "&" + "amp;" * 400_000,
    "arrays": "[" + "[]," * 400_000 + "0]",
    "arrays in each other": "[" * 900_000,
    "quotes": "“" * 400_000,
    "straight quotes": " '" * 400_000,
    "dots": "가·" * 300_000,
    "spaces": " \u00a0" * 300_000,
    "marks": "가\u200c " * 200_000,
    "one letter words": "가 나 " * 200_000,
    "a mail of parts": "MIME-Version: 1.0\n" + "--\ncontent-transfer-encoding: base64\n\n====\n" * 40_000,
    "a mail of one line": "MIME-Version: 1.0\nContent-Transfer-Encoding: quoted-printable\n\n" + "=3D" * 400_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_text_takes_long(name: str) -> None:
    document, before = HOSTILE[name].encode(), time.process_time()
    text = words_of(document)
    fingerprint.asked_shingles(text)
    match_outlets(made(LONG), read(text), KEY, OUTLETS)
    assert time.process_time() - before < 1.5 * NOISE * pace(), name
