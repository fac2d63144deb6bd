"""A server with two offices and people at their desks, as their browsers see it."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from app import store
from app.accounts.offices import OfficeRecord
from app.accounts.people import INVITED
from app.context import Context, connect
from app.settings import load
from tests.conftest import Server

RELEASE = {
    "headline": "전북 스마트팜 단지, 올해 세 곳 더 문 연다",
    "body": "도는 올해 스마트팜 단지 세 곳을 더 연다.\n\n신청은 누리집에서 받는다.",
    "embargo": "now",
    "region": "김제시",
    "topic": "medtop:20000210",
    "language": "ko",
    "kind": "press-release",
}
BROWSER = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin", "Accept-Language": "en", "User-Agent": "Mozilla/5.0"}


class Desk:
    """The server, its people by address, and a context on its database."""

    def __init__(self, directory: Path, **settings: str) -> None:
        self.server = Server(directory, **settings).start()
        self.token = self.server.save(
            OfficeRecord("jeonbuk", "전북특별자치도", "", ("kr:52",)), OfficeRecord("jeju", "제주", "", ("kr:50",))
        )
        self.context: Context = connect(load(self.server.environ))
        self.ids: dict[str, str] = {}
        self.clients: list[httpx.Client] = []
        self.admin = self.person("admin@press.example", "admin", "")

    def close(self) -> None:
        for client in self.clients:
            client.close()
        self.context.cache.close()
        self.context.engine.dispose()
        self.server.close()

    def person(self, email: str, role: str = "editor", office: str = "jeonbuk") -> httpx.Client:
        """A browser in which a new person is signed in."""
        engine, now = self.context.engine, datetime.now(UTC)
        if role == "admin":
            link = store.accounts.new_link(engine, "setup", now, INVITED, role="admin")
        else:
            link = store.accounts.new_link(engine, "invite", now, INVITED, email=email, office=office, role=role)
        person = store.accounts.join(engine, link.id, email.partition("@")[0], email, "stored", now)
        self.ids[email] = person.id
        client = httpx.Client(base_url=self.server.url, trust_env=False, timeout=60, headers=BROWSER)
        client.cookies.set("pressrelay", store.accounts.begin_session(engine, person, "", "", now))
        self.clients.append(client)
        return client

    def proven(self, client: httpx.Client) -> None:
        """The person at that browser showed again who they are."""
        now = datetime.now(UTC)
        found = store.accounts.session_of(self.context.engine, client.cookies["pressrelay"], now)
        assert found
        store.accounts.prove(self.context.engine, found[0], "password", now)

    def stranger(self) -> httpx.Client:
        """A browser in which nobody is signed in."""
        client = httpx.Client(base_url=self.server.url, trust_env=False, timeout=60, headers=BROWSER)
        self.clients.append(client)
        return client

    def draft(self, client: httpx.Client, office: str = "jeonbuk", **fields: str) -> str:
        """The path of a new draft."""
        answer = form(client, "/desk/new", **({"office": office} | RELEASE | fields))
        assert answer.status_code == 303, answer.text
        return path_of(answer)


def form(client: httpx.Client, path: str, **fields: str) -> httpx.Response:
    """Send the compose form as a browser does."""
    return client.post(path, files=[(name, (None, value)) for name, value in fields.items()])


def path_of(answer: httpx.Response) -> str:
    """Where an answer leads to, without a query."""
    return "/" + answer.headers["Location"].partition("//")[2].partition("/")[2].partition("?")[0]


def revision(page: httpx.Response) -> str:
    found = re.search(r'name="revision" value="(\d+)"', page.text)
    assert found, page.text
    return found[1]


def step(client: httpx.Client, draft: str, action: str, **fields: str) -> httpx.Response:
    """Take a step with a draft as it is now."""
    return client.post(f"{draft}/{action}", data={"revision": revision(client.get(f"{draft}/preview")), **fields})


def saved(client: httpx.Client, draft: str, **fields: str) -> httpx.Response:
    """Store a new text of a draft."""
    return form(client, draft, **(RELEASE | {"revision": revision(client.get(draft))} | fields))


def soon(**after: float) -> str:
    """An instant from now, as a field of a form in Korea has it."""
    return (datetime.now(UTC) + timedelta(hours=9) + timedelta(**after)).isoformat(timespec="seconds")[:19]
