"""Pushes and polls under faults, and the checks of what they saw: no error, nothing lost, nothing older than the told bound."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import httpx
from msgspec import Struct

from tests.conftest import Server
from tests.test_lifecycle import document
from tests.valkeys import loaded

BOUND = 1.0  # seconds from the answer to a push until every answer of every host shows it: docs/scaling.md
USUAL = 0.2  # seconds that half of the polls may take, also on a busy machine: a frozen cache holds up no reader


class Seen(Struct, frozen=True):
    """What a poll saw."""

    began: float  # monotonic seconds
    lasted: float
    status: int
    number: int  # of the newest release in the answer


class History:
    """The releases of one office, one after the other, and the polls of its feed."""

    def __init__(self, office: str, token: str, name: str = "") -> None:
        """`name`: of this history, if the office has several, one after the other."""
        self.office = office
        self.name = name or office
        self.token = token
        self.acknowledged: list[float] = []  # when, by number
        self.refused: list[tuple[int, str]] = []
        self.polls: list[Seen] = []

    def push(self, client: httpx.Client) -> None:
        guid = f"tag:{self.name},2026:{len(self.acknowledged):06d}"
        headers = {"Content-Type": "application/xml", "Authorization": f"Bearer {self.token}"}
        answer = client.post("/releases", content=document(guid), headers=headers)
        if answer.status_code == 201:
            self.acknowledged.append(time.monotonic())
        else:
            self.refused.append((answer.status_code, answer.text))

    def poll(self, client: httpx.Client) -> None:
        began = time.monotonic()
        answer = client.get(f"/feed.ninjs?limit=1&office={self.office}")
        _, _, found = answer.text.partition(f"tag:{self.name},2026:")
        self.polls.append(Seen(began, time.monotonic() - began, answer.status_code, int(found[:6]) if found else -1))

    @contextmanager
    def under_load(self, writer: Server, readers: list[Server]) -> Iterator[None]:
        """Push to `writer` and poll each of `readers`, each in a thread and with a client of its own."""
        with ExitStack() as stack:
            clients = [
                stack.enter_context(httpx.Client(base_url=server.url, trust_env=False, timeout=30))
                for server in (writer, *readers)
            ]
            calls = [partial(self.push, clients[0]), *(partial(self.poll, client) for client in clients[1:])]
            with loaded(*calls):
                yield

    def check(self, server: Server, bound: float = BOUND) -> None:
        """Raises AssertionError if an answer was an error or too old, or if an acknowledged release is lost or doubled."""
        assert not self.refused, self.refused[:3]
        statuses = {poll.status for poll in self.polls}
        assert statuses == {200}, statuses
        assert sorted(poll.lasted for poll in self.polls)[len(self.polls) // 2] < USUAL
        assert self.stalest() <= bound, self.stalest()
        assert self.numbers(server) == list(range(len(self.acknowledged)))

    def numbers(self, server: Server) -> list[int]:
        """The numbers of its releases in the order of their changes."""
        found: list[int] = []
        since = ""
        while True:
            answer = server.client.get("/changes", params={"limit": "200", **({"since": since} if since else {})})
            lines = [json.loads(line) for line in answer.text.splitlines()]
            if not lines:
                return found
            found += [int(line["guid"][-6:]) for line in lines if line["guid"].startswith(f"tag:{self.name},2026:")]
            since = lines[-1]["cursor"]

    def stalest(self) -> float:
        """The age of the oldest answer: seconds from the answer to the first push that it did not show, to its beginning."""
        ages = [
            poll.began - self.acknowledged[poll.number + 1]
            for poll in self.polls
            if poll.number + 1 < len(self.acknowledged)
        ]
        return max([0.0, *ages])
