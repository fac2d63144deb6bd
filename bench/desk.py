"""Measures how long a press officer waits for the pages of the desk, with a large archive."""

import time
from datetime import UTC, datetime, timedelta
from itertools import islice

from app import store
from app.desk.content import DraftText, to_json
from bench import archive
from bench.amounts import Amounts
from bench.figures import Figure, Say, Target, figure, percentile
from bench.processes import HOST
from bench.releases import OFFICE, samples
from bench.server import Connection, Prepared, get, prepared, serving

PAGE = Target(20.0, sense="at most")  # milliseconds
DRAFTS = 1_000
TEXT = "도는 올해 스마트팜 단지 세 곳을 더 연다. 신청은 누리집에서 받는다.\n\n" * 20


def desk(amounts: Amounts, say: Say) -> list[Figure]:
    """One person reads the pages in turn, over one connection."""
    figures = []
    with prepared() as ready:
        say(f"desk, loading {amounts.desk:,} articles")
        archive.load(ready.engine, ready.settings.url, islice(samples(amounts.desk, "desk"), amounts.desk))
        cookie, draft = _person(ready)
        with serving(ready) as server, Connection(server.port) as connection:
            article = _article(connection, cookie)
            pages = {
                "the list": f"/desk?office={OFFICE.code}",
                "the list of corrected releases": f"/desk?office={OFFICE.code}&state=corrected",
                "a search": f"/desk?office={OFFICE.code}&q=zzz",
                "the form of a draft": f"/desk/drafts/{draft}",
                "a draft, checked": f"/desk/drafts/{draft}/preview",
                "the life of a release": article,
                "whom a release reached": f"{article}/reach",
            }
            for name, path in pages.items():
                say(f"desk, {name}")
                request = get(path, Cookie=cookie, Accept="text/html")
                runs = [_times(connection, request, amounts.pages) for _ in range(amounts.rounds)]
                what = f"{name}, {amounts.desk:,} releases and {DRAFTS:,} drafts, p50"
                figures.append(figure("desk", what, "ms", [percentile(run, 0.5) for run in runs], target=PAGE))
            saves = [_saves(connection, cookie, draft, amounts.pages) for _ in range(amounts.rounds)]
            what = "a save, with its check, p50"
            figures.append(figure("desk", what, "ms", [percentile(run, 0.5) for run in saves], target=PAGE))
    return figures


def _person(ready: Prepared) -> tuple[str, str]:
    """(the cookie of a signed-in editor, the id of a draft among many)."""
    now = datetime.now(UTC)
    link = store.accounts.new_link(
        ready.engine, "invite", now, timedelta(hours=1), email="bench@press.example", office=OFFICE.code, role="editor"
    )
    person = store.accounts.join(ready.engine, link.id, "bench", "bench@press.example", "-", now)
    text = to_json(DraftText({"headline": "제목", "body": TEXT, "language": "ko"}, {"region": ("전주시",)}))
    ids = [store.desk.new_id() for _ in range(DRAFTS)]
    for number, id in enumerate(ids):
        draft = store.desk.DraftRecord(
            id, OFFICE.code, f"tag:bench,2026:{id}", "draft", 1, f"초안 {number}", text, person.id, person.id, now, now
        )
        store.desk.create(ready.engine, draft, person.actor)
    secret = store.accounts.begin_session(ready.engine, person, "bench", HOST, now)
    return f"__Host-pressrelay={secret}", ids[0]


def _article(connection: Connection, cookie: str) -> str:
    page = connection.ask(get(f"/desk?office={OFFICE.code}&state=published", Cookie=cookie, Accept="text/html"), 200)
    return page.partition(b'href="/desk/articles/')[2].partition(b'"')[0].decode().join(("/desk/articles/", ""))


def _times(connection: Connection, request: bytes, count: int) -> list[float]:
    taken = []
    for _ in range(count):
        start = time.perf_counter()
        connection.ask(request, 200)
        taken.append((time.perf_counter() - start) * 1000)
    return taken


def _saves(connection: Connection, cookie: str, draft: str, count: int) -> list[float]:
    """Saves of a draft as its page sends them, each with a different text."""
    page = connection.ask(get(f"/desk/drafts/{draft}", Cookie=cookie, Accept="text/html"), 200)
    revision = int(page.partition(b'name="revision" value="')[2].partition(b'"')[0])
    taken = []
    for number in range(count):
        fields = {
            "revision": str(revision + number),
            "headline": f"제목 {revision + number}",
            "body": TEXT,
            "region": "전주시",
        }
        parts = [
            f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in fields.items()
        ]
        body = ("".join(parts) + "--x--\r\n").encode()
        head = (
            f"POST /desk/drafts/{draft} HTTP/1.1\r\nHost: {HOST}\r\nCookie: {cookie}\r\nAccept: application/json\r\n"
            "Sec-Fetch-Site: same-origin\r\nContent-Type: multipart/form-data; boundary=x\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        start = time.perf_counter()
        connection.ask(head.encode() + body, 200)
        taken.append((time.perf_counter() - start) * 1000)
    return taken
