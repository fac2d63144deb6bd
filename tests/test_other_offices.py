"""The people of another office cannot see or change anything of an office. Every route of pages for people, from the table of
routes, is asked with ids of this office in its address and its form."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from flask import Flask
from sqlalchemy import select

from app import store
from app.accounts.offices import OfficeRecord
from app.store import tables
from app.web.app import BLUEPRINTS
from tests.asking import Answer, Asker
from tests.desk import RELEASE, Desk, form, path_of, soon, step

MARK = "남의눈"  # in everything that the office has but has not published
KINDS = ("/desk", "/people", "/preview", "/account")  # of routes
# These may change: sessions, attempts and the audit log, which record that somebody tried, and the measurements of hosts.
TRIED = {
    "sessions",
    "audit",
    "audit_head",
    "refusals",
    "attempts",
    "ceremonies",
    "desk_looks",
    "counter",
    "samples",
    "hosts",
}
TABLES = [table for name, table in tables.metadata.tables.items() if name not in TRIED]  # what an office has
ACTIONS = {
    "step": (
        *("submit", "return", "take-back", "publish", "discard", "recover"),
        *("correct", "release", "withhold", "withdraw", "restore"),
    ),
    "action": ("start", "remove", "take", "end", "link", "rename"),
    "format": ("atom", "pdf", "hwpx", "csv"),
}


class Owned:
    """An office with something of each kind, and the values that name it in addresses and forms."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        engine, now = desk.context.engine, datetime.now(UTC)
        store.accounts.save_office(engine, OfficeRecord("part", "부분", "", ("kr:52",), parent="jeonbuk"))
        self.editor = desk.person("owner@office.example")
        writer = desk.person("writer@office.example", "writer")
        self.draft = desk.draft(self.editor, headline=f"{MARK} 제목", body=f"{MARK} 본문")
        self.id = self.draft.rpartition("/")[2]
        kept = self.editor.post(
            f"{self.draft}/files",
            files={"file": (f"{MARK}.txt", f"{MARK} 파일".encode(), "text/plain")},
            headers={"Accept": "application/json"},
        )
        assert kept.status_code == 201, kept.text
        stale = form(writer, self.draft, **(RELEASE | {"revision": "0", "headline": f"{MARK} 곁에"}))
        assert stale.status_code == 409
        made = self.editor.post(f"{self.draft}/links", data={"hours": "24"})
        assert made.status_code == 200 and "/preview/" in made.text
        assert self.editor.post(f"{self.draft}/template", data={"name": f"{MARK} 틀"}).status_code == 303
        said = {"office": "jeonbuk", "department": f"{MARK} 부서", "name": "누구", "phone": "", "email": "", "role": ""}
        assert self.editor.post("/desk/contacts", data=said).status_code == 303
        reporter = ("r", "jeonbuk", f"{MARK} 기자", "신문", "r@paper.example", "office=jeonbuk", b"0" * 32)
        assert not store.desk.add_reporter(
            engine, store.desk.Reporter(*reporter, False, "2026-01-02", "전화", "", now), now
        )
        self.token = store.accounts.new_token(engine, "jeonbuk", f"{MARK} 열쇠", now)
        waits = desk.draft(
            self.editor, headline=f"{MARK} 엠바고", embargo="until", **{"embargo-until": soon(days=2)[:16]}
        )
        published = step(self.editor, waits, "publish")
        assert published.status_code == 303, published.text
        self.article = path_of(published).rpartition("/")[2]
        with engine.connect() as connection:

            def one(table: Any, column: str = "id", *which: Any) -> str:
                return str(connection.execute(select(table.c[column]).where(*which)).scalars().first())

            self.ids = (
                *(self.id, self.article, one(tables.office_templates), one(tables.office_contacts)),
                *(one(tables.reporters), one(tables.draft_links), one(tables.tokens, "id", tables.tokens.c.name != "")),
                desk.ids["owner@office.example"],
                one(tables.sessions, "id", tables.sessions.c.person == desk.ids["owner@office.example"]),
            )

    def state(self) -> dict[str, list[Any]]:
        """All that is stored."""
        with self.desk.context.engine.connect() as connection:
            return {table.name: sorted(map(repr, connection.execute(select(table)).all())) for table in TABLES}

    @contextmanager
    def written(self) -> Iterator[Callable[[], bool]]:
        """Whether anybody wrote to the database since the last question (SQLite's data_version), which is faster than reading all
        tables."""
        with closing(sqlite3.connect(self.desk.server.directory / "pressrelay.db")) as connection:

            def version() -> int:
                return int(connection.execute("PRAGMA data_version").fetchone()[0])

            last = version()

            def changed() -> bool:
                nonlocal last
                before, last = last, version()
                return last != before

            yield changed

    def requests(self) -> Iterator[tuple[str, str]]:
        """Method and path of every route for people, with each id of the office at each place."""
        app = Flask("doors", static_folder=None)
        for blueprint in BLUEPRINTS:
            app.register_blueprint(blueprint)
        for rule in app.url_map.iter_rules():
            if not rule.rule.startswith(KINDS):
                continue
            paths = [rule.rule]
            for name in re.findall(r"<(?:\w+:)?(\w+)>", rule.rule):
                values = ACTIONS.get(name) or {
                    "office": ("jeonbuk",),
                    "version": ("1",),
                    "secret": ("x" * 43,),
                    "name": (f"{MARK}.txt", self.ids[5]),
                }.get(name, self.ids)
                paths = [path.replace(f"<{name}>", value) for path in paths for value in values]
            for path in paths:
                for method in sorted(set(rule.methods or ()) - {"OPTIONS", "HEAD"}):
                    yield method, path

    def fields(self) -> dict[str, str]:
        """A form with the fields of every route, all about this office."""
        with self.desk.context.engine.connect() as connection:
            current = connection.execute(
                select(tables.drafts.c.revision).where(tables.drafts.c.id == self.id)
            ).scalar_one()
        return RELEASE | {
            **{"office": "jeonbuk", "revision": str(current), "version": "1", "reason": "x", "at": "", "then": "take"},
            **{"hours": "1", "name": "x", "contact": self.ids[3], "people": self.ids[7], "id": self.id},
            **{
                "approval": "",
                "notice": "1",
                "department": "x",
                "email": "x@x.example",
                "role": "editor",
                "days": "30",
            },
            **{"outlet": "", "regions": "", "topics": "", "agreed": "2026-01-02", "how": "x", "password": "x"},
        }


@pytest.fixture(scope="module")
def owned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Owned]:
    desk = Desk(tmp_path_factory.mktemp("owned"))
    yield Owned(desk)
    desk.close()


def bodies(fields: dict[str, str]) -> list[tuple[str, bytes]]:
    """Type and bytes of the bodies that are sent to every route: a form, the same in parts, and a file."""
    files: list[dict[str, Any]] = [
        {"data": fields},
        {"files": [(name, (None, value)) for name, value in fields.items()]},
        {"files": {"office": (None, "jeonbuk"), "file": ("x.txt", b"x")}},
    ]
    made = [httpx.Request("POST", "http://x/", **how) for how in files]
    return [(one.headers["Content-Type"], one.read()) for one in made]


def knocked(owned: Owned, client: httpx.Client, few: bool = False) -> list[str]:
    """Every request of this person that was answered with something of the office, or changed something. `few`: forms in parts go
    only to addresses with the draft's or the article's own id."""
    found, before, fields = [], owned.state(), owned.fields()
    whole, *parts = bodies(fields)
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    headers = {**client.headers, "Cookie": cookies, "Accept-Encoding": "identity"}
    with owned.written() as written, Asker(owned.desk.server.url, headers) as asker:
        assert asker.ask("GET", "/account").status == 200, "signed in"
        for method, path in owned.requests():
            if path == "/account" and method == "POST":
                continue  # One's own name.

            def post(type: str, body: bytes, path: str = path) -> Answer:
                return asker.ask("POST", path, {"Content-Type": type}, body)

            if method == "POST":
                answers = [post(*whole)]
                if known := re.search(
                    r"The parameters are ([\w, ]*)\.", answers[0].text
                ):  # a route takes only what it knows
                    wanted = {name: fields[name] for name in known[1].split(", ") if name in fields}
                    answers.append(post(whole[0], urlencode(wanted).encode()))
                    assert "unknown-parameter" not in answers[-1].text, (path, answers[-1].text)
                if not few or any(id in path for id in owned.ids[:2]):
                    answers += [post(*part) for part in parts]
            else:
                answers = [asker.ask("GET", path), asker.ask("GET", f"{path}?office=jeonbuk&from=1&to=1")]
            for answer in answers:
                if MARK in answer.text or answer.status >= 500:
                    found.append(f"{method} {path}: {answer.status}")
            if method == "POST" and written() and (after := owned.state()) != before:
                changed = [name for name in after if after[name] != before[name]]
                found.append(f"{method} {path}: {[one.status for one in answers]} changed {changed}")
                before = after
    return found


@pytest.mark.parametrize(
    ("role", "office", "few"),
    [
        ("editor", "jeju", True),
        pytest.param("editor", "jeju", False, marks=pytest.mark.slow),
        pytest.param("editor", "part", False, marks=pytest.mark.slow),
        pytest.param("writer", "part", False, marks=pytest.mark.slow),
        pytest.param("nobody", "jeju", False, marks=pytest.mark.slow),
    ],
)
def test_people_of_another_office_find_nothing_of_this_one(owned: Owned, role: str, office: str, few: bool) -> None:
    name = f"{role}-{office}-{few}@other.example".lower()
    client = owned.desk.person(name, "reader" if role == "nobody" else role, office)
    if role == "nobody":
        store.accounts.take_role(owned.desk.context.engine, owned.desk.ids[name], office, "test", datetime.now(UTC))
    assert knocked(owned, client, few) == []


@pytest.mark.slow
def test_a_reader_of_the_office_changes_nothing(owned: Owned) -> None:
    reader = owned.desk.person("reader@office.example", "reader")
    told = [one for one in knocked(owned, reader) if "changed" in one or ": 5" in one]
    assert [one for one in told if "/here" not in one] == []  # others may know that a reader is at a draft


def test_a_colleague_who_is_not_named_finds_nothing_of_a_draft(owned: Owned) -> None:
    colleague = owned.desk.person("colleague@office.example")
    engine, now = owned.desk.context.engine, datetime.now(UTC)
    store.desk.limit_people(engine, owned.id, [owned.desk.ids["owner@office.example"]], "test", now)
    seen = [path for method, path in owned.requests() if owned.id in path and method == "GET"]
    found = [path for path in seen if MARK in colleague.get(path).text]
    store.desk.limit_people(engine, owned.id, [], "test", now)
    assert seen and not found


def test_the_office_itself_finds_all_of_it_behind_the_same_doors(owned: Owned) -> None:
    seen = {path for method, path in owned.requests() if method == "GET" and MARK in owned.editor.get(path).text}
    parts = ("/preview/page", "/versions/1", "/files/", "/templates", "/contacts", "reporters.csv", "/tokens", "/reach")
    assert all(any(part in path for path in seen) for part in parts), seen


@pytest.mark.slow  # tests/test_desk_postgres.py opens the pages of each step of a draft
def test_no_page_for_people_fails_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    desk = Desk(tmp_path, database_url=postgres_url)
    try:
        owned = Owned(desk)
        paths = {path for method, path in owned.requests() if method == "GET"}
        asked = [*paths, "/desk?q=x", "/desk?state=embargo&q=x", "/desk?state=draft", f"/desk?q={MARK}"]
        assert [path for path in asked if owned.editor.get(path).status_code >= 500] == []
        assert f"{MARK} 엠바고" in owned.editor.get("/desk").text
    finally:
        desk.close()
