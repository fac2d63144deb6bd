"""Offices by name: which office a release belongs to, who may publish for others, and the commands that register them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from app.accounts.offices import OfficeRecord, issuing, may_publish_for, nearest
from app.errors import Fault, Problem
from app.intake import parsers
from app.intake.normalize import Circumstances, Normal, normalize
from app.query.parsing import NAME
from schemas import agencies, codes
from tests.conftest import ROOT, Server

MOIS = OfficeRecord("mois", "행정안전부", "", ("kr",), ("brm11",), ("행안부", "Ministry of the Interior and Safety"))
MAFRA = OfficeRecord("mafra", "농림축산식품부", aliases=("농식품부",))
TWIN = OfficeRecord("twin", "쌍둥이부", aliases=("농식품부",))
PORTAL = OfficeRecord("portal", "정책 포털", others=True)
ALL = (MOIS, MAFRA, PORTAL)
RELEASE = """<release xmlns="urn:pressrelay:press-release:1" xml:lang="ko">
<article version="1"><guid>tag:example.org,2026:{guid}</guid>
<office>{office}</office><issued>{issued}</issued>{embargo}<headline>제목</headline><body><p>본문.</p></body></article></release>"""


def release(guid: str, office: str = "mois", issued: str = "2026-03-09T10:00:00+09:00", embargo: str = "") -> bytes:
    return RELEASE.format(guid=guid, office=office, issued=issued, embargo=embargo).encode()


@pytest.mark.parametrize(
    ("named", "own", "expected"),
    [
        ("mois", MOIS, MOIS),
        ("행정안전부", MOIS, MOIS),
        (" 행정 안전부\n", MOIS, MOIS),
        ("행안부", MOIS, MOIS),
        ("ministry of the interior and safety", MOIS, MOIS),
        ("행안부", PORTAL, MOIS),
        ("mois", PORTAL, MOIS),
        ("정책 포털", PORTAL, PORTAL),
    ],
)
def test_a_name_means_an_office(named: str, own: OfficeRecord, expected: OfficeRecord) -> None:
    assert issuing(named, own, ALL, "/a", 1) == expected


@pytest.mark.parametrize("named", ["농식품부", "mafra", "행정안전", "nobody", "MOIS"])
def test_an_office_publishes_only_as_itself(named: str) -> None:
    with pytest.raises(Problem) as raised:
        issuing(named, MOIS, may_publish_for(MOIS, ALL), "/a", 7)
    assert (raised.value.status, raised.value.type) == (403, "wrong-office")
    assert raised.value.errors == (
        Fault(f"This token publishes for 'mois', but the release names the office {named!r}.", "/a", 7),
    )


def test_a_name_that_is_not_registered_is_told_the_nearest() -> None:
    fault = issuing("행정안정부", PORTAL, ALL, "/a", 7)
    assert fault == Fault("'행정안정부' is not a registered office.", "/a", 7, ("mois 행정안전부",))
    fault = issuing("농식품부", PORTAL, (*ALL, TWIN), "/a", 7)
    assert isinstance(fault, Fault) and "is the name of several registered offices" in fault.reason
    assert fault.nearest == ("mafra 농림축산식품부", "twin 쌍둥이부")
    assert nearest("x" * 10_000_000, ALL) == ()


def test_the_table_of_korean_agencies() -> None:
    table = agencies()
    assert len(table) == len({code for code, _, _ in table}) == 52
    assert all(NAME.fullmatch(code) for code, _, _ in table)
    names = [name for _, name, aliases in table for name in (name, *aliases)]
    assert len(names) == len(set(names)), "a name means one agency"


@pytest.mark.parametrize(
    ("issued", "embargo", "field", "expected", "warning"),
    [
        ("2026-03-09T10:00:00+09:00", "2026. 3. 9.(월) 14:00", "embargoed", "2026-03-09T05:00:00Z", ""),
        ("2026-03-09T01:00:00Z", "2026. 3. 9.(월) 14:00", "embargoed", "2026-03-09T05:00:00Z", ""),
        ("2026-03-09T10:00:00+09:00", "3. 10.(화) 조간", "embargoed", "2026-03-09T21:00:00Z", ""),
        ("2026-03-09T10:00:00-05:00", "3. 9.(월) 14:00", "embargoed", "2026-03-09T19:00:00Z", ""),
        ("2026-03-09T10:00:00+09:00", "2099. 3. 9.(월) 14:00", "embargoed", "2099-03-09T05:00:00Z", ""),
        ("2026-03-09T10:00:00+09:00", "2026. 3. 9.(화) 14:00", "embargoed", "2026-03-09T05:00:00Z", "is a 월요일"),
        ("2026-03-09T10:00:00+09:00", "배포 즉시", "held", False, ""),
        ("2026-03-09T10:00:00+09:00", "국무회의 안건보고 후", "held", True, "does not name a date and time"),
        ("2026-03-09T10:00:00+09:00", "2026. 2. 30. 14:00", "held", True, "in the embargo wording does not exist"),
        ("2026-03-09T10:00:00+09:00", "", "held", True, ""),
    ],
)
def test_an_embargo_in_words(issued: str, embargo: str, field: str, expected: object, warning: str) -> None:
    done = normalized(release("words", "mois", issued, f"<embargo>{embargo}</embargo>"))
    assert fields(done)[field] == expected
    assert any(warning in told for told in done.warnings) if warning else done.warnings == ()


def test_words_beside_an_instant_or_a_hold_decide_nothing() -> None:
    until = fields(normalized(release("a", embargo='<embargo until="2099-01-01T00:00:00Z">배포 즉시</embargo>')))
    assert (until["embargoed"], until["held"], until["embargo_wording"]) == ("2099-01-01T00:00:00Z", False, "배포 즉시")
    held = fields(normalized(release("a", embargo='<embargo held="true">배포 즉시</embargo>')))
    assert (held["embargoed"], held["held"]) == (None, True)


def normalized(body: bytes) -> Normal:
    ((_, draft),) = parsers.parse(body, "application/xml").drafts
    done = normalize(draft, Circumstances(MOIS, datetime(2026, 7, 15, tzinfo=UTC), "https://press.example"))
    assert isinstance(done, Normal), done
    return done


def fields(done: Normal) -> dict[str, Any]:
    return dict(json.loads(msgspec.json.encode(done.article)))


def test_the_layout_of_a_release_is_not_its_content() -> None:
    one = (ROOT / "tests" / "releases" / "everything.xml").read_bytes()
    other = one.replace(b"<region>", b"\n\n<region>").replace(b"<enclosure", b"\n<enclosure")
    marks = [
        [draft.fingerprint() for _, draft in parsers.parse(body, "application/xml").drafts] for body in (one, other)
    ]
    assert marks[0] == marks[1]


def test_a_portal_publishes_for_those_that_are_registered(own_server: Callable[..., Server]) -> None:
    server = own_server().start()
    portal, mois = server.save(PORTAL, MOIS), server.save(MOIS)
    answer = server.push(portal, release("portal-1", "행안부"))
    assert answer.status_code == 201, answer.text
    article = server.client.get(f"/articles/{answer.json()['id']}.json").json()
    assert article["office"]["code"] == "mois" and "brm11" in answer.json()["topics"]
    assert answer.json()["id"] in server.client.get("/feed.atom", params={"office": "mois"}).text
    assert answer.json()["id"] not in server.client.get("/feed.atom", params={"office": "portal"}).text
    again = server.push(mois, release("portal-1", "행안부"))
    assert again.status_code == 200, "the office itself sends the same article"
    refused = server.push(portal, release("portal-2", "행정안정부"))
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:pressrelay:problem:invalid-release")
    assert refused.json()["errors"][0]["nearest"][0] == "mois 행정안전부"
    other = server.push(mois, release("portal-3", "portal"))
    assert (other.status_code, other.json()["type"]) == (403, "urn:pressrelay:problem:wrong-office")
    taken = server.push(portal, release("portal-1", "portal"))
    assert (taken.status_code, taken.json()["type"]) == (403, "urn:pressrelay:problem:wrong-office")


def test_commands(own_server: Callable[..., Server]) -> None:
    server = own_server()
    done = server.run(
        "office", "add", "gate", "--name", "관문", "--alias", "옛 관문", "--alias", "gateway", "--for-others"
    )
    assert done.returncode == 0, done.stderr
    server.save(MOIS)
    first = server.run("office", "add-korea", "--json")
    assert first.returncode == 0, first.stderr
    told = json.loads(first.stdout)
    assert "mois" not in told["added"]
    assert "0 agencies added" in server.run("office", "add-korea").stdout
    listed = server.run("office", "list").stdout
    assert "gate\t관문\t\t옛 관문, gateway\tfor others\n" in listed
    assert "molit\t국토교통부\tkr\t국토부\t\t\tAsia/Seoul\n" in listed
    zoned = ("office", "add", "zoned", "--name", "A")
    for more, zone in ((("--timezone", "Asia/Seoul"), "Asia/Seoul"), ((), "Asia/Seoul"), (("--timezone", ""), "")):
        done = server.run(*zoned, *more, "--json")
        assert json.loads(done.stdout)["timezone"] == zone, done.stderr
    wrong = server.run(*zoned, "--timezone", "KST")
    assert wrong.returncode == 1 and wrong.stderr.strip() == (
        "pressrelay: The time zone is 'KST'; expected an IANA name such as Asia/Seoul, Europe/Berlin or UTC."
    )
    offices = {
        office["code"]: office for office in json.loads(server.run("office", "list", "--json").stdout)["offices"]
    }
    assert offices["gate"]["others"] is True and offices["gate"]["aliases"] == ["옛 관문", "gateway"]
    assert offices["mois"]["aliases"] == list(MOIS.aliases), "what is here stays as it is"
    assert all(codes("region").get(region) for office in offices.values() for region in office["regions"])
