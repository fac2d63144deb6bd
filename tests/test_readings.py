"""The audit log records everything that an accredited token learns of an article under embargo. Every GET route of the application
is asked with each method and condition, and an answer that differs from a stranger's must have left a record."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import httpx
import pytest

from app import store
from app.accounts.rights import OutletRecord
from app.intake.normalize import public_id
from tests.conftest import Server
from tests.test_leaks import FORMATS, paths, release

GUID = "tag:example.org,2026:leak-secret"  # the routes of test_leaks name it
FILE = b"waits\n"
LIFTS = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
# Headers that differ but reveal nothing of an article: the time of the request, and the rate limit.
PASSING = {"date", "server", "connection", "ratelimit", "ratelimit-policy", "cache-control", "vary", "x-request-id"}
WAYS: tuple[tuple[str, dict[str, str]], ...] = (
    ("GET", {}),
    ("HEAD", {}),
    ("GET", {"Range": "bytes=0-9"}),
    ("GET", {"If-None-Match": "*"}),
    ("HEAD", {"If-None-Match": "*"}),
    ("GET", {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}),
    ("GET", {"Accept": "text/html"}),
    ("GET", {"Accept": "application/atom+xml"}),
)
# Addresses about the account, the server and the log itself: they have no word of an article.
OWN = ("/subscriptions", "/metrics", "/readyz", f"/articles/{public_id(GUID)}/audit")


@pytest.fixture(scope="module")
def tokens(server: Server) -> dict[str, str]:
    office = server.office("leak-office", "비밀청", "kr:50")
    engine = server.engine()
    now = datetime.now(UTC)
    store.accounts.save_outlet(engine, OutletRecord("readings", "일보"), now)
    found = {
        "outlet": store.accounts.new_token(engine, "", "", now, role="outlet", outlet="readings"),
        "reader": store.accounts.new_token(engine, "leak-office", "", now, role="reader"),
    }
    engine.dispose()
    waits = release(
        GUID,
        "기다리는 것",
        f"<embargo until='{LIFTS.isoformat()}'/>",
        "<enclosure url='cid:leak-secret-plan.txt' type='text/plain'/>",
    )
    files = {"release": ("r.xml", waits, "application/xml"), "file": ("leak-secret-plan.txt", FILE, "text/plain")}
    pushed = server.client.post("/releases", files=files, headers={"Authorization": f"Bearer {office}"})
    assert pushed.status_code in (200, 201), pushed.text
    return found


@pytest.fixture(scope="module")
def strangers(server: Server, tokens: dict[str, str]) -> dict[str, tuple[object, ...]]:
    """What everybody gets, by address and method."""
    assert tokens, "the article waits already"
    return {
        f"{method} {path} {headers}": told(server.client.request(method, path, headers=headers))
        for path in doors()
        for method, headers in WAYS
    }


def doors() -> list[str]:
    found = {
        path.replace(path.split("/")[2], sha256(FILE).hexdigest()) if path.startswith("/files/") else path
        for path in paths()
    }
    feeds = {f"/feed.{format}?status=embargoed&region=kr:50" for format in FORMATS}
    return sorted(
        path for path in found | feeds | {"/feed?status=embargoed"} if not path.startswith(OWN) and path != "/atompub"
    )


@pytest.mark.slow
@pytest.mark.parametrize("role", ["outlet", "reader"])
def test_what_is_learned_is_recorded(
    server: Server, tokens: dict[str, str], strangers: dict[str, tuple[object, ...]], role: str
) -> None:
    engine = server.engine()
    try:
        shown, forgotten = set(), []
        for path in doors():
            for method, headers in WAYS:
                before = store.audit.head(engine)[0]
                bearer = {"Authorization": f"Bearer {tokens[role]}"}
                answer = server.client.request(method, path, headers=headers | bearer)
                if answer.status_code >= 400 or told(answer) == strangers[f"{method} {path} {headers}"]:
                    continue
                new = store.audit.records(engine, article=public_id(GUID), action="read", after=before)
                shown.add(f"{method} {path}")
                if not new:
                    forgotten.append(f"{method} {path} {headers}: {answer.status_code}")
    finally:
        engine.dispose()
    assert len(shown) > 15, sorted(shown)
    assert forgotten == []


def told(answer: httpx.Response) -> tuple[object, ...]:
    return (answer.status_code, *sorted((k, v) for k, v in answer.headers.items() if k not in PASSING), answer.content)
