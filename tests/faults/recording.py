"""The processes whose operations make a history: offices that push and withdraw, readers, a follower and a webhook."""

import gzip
import hashlib
import json
import os
import random
import re
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import httpx
from msgspec import Struct

from tests.conftest import Server, until
from tests.faults.history import History, Operation
from tests.subscriber import Subscriber
from tests.test_lifecycle import document

PUSHES = int(os.environ.get("PRESSRELAY_TEST_PUSHES", "0"))
BATCH = int(os.environ.get("PRESSRELAY_TEST_BATCH", "1"))
SECONDS = 8.0  # of faults
PAUSE = 6.0  # seconds between faults: a worker that dies within 5.5 s of its start ends Granian
EVERY = 0.0 if PUSHES else 0.1  # seconds between the releases of an office
SLOWLY = 1.0  # the same of the last office, whose feeds stay as they are for many polls
READS, POLLS = (
    (0.05, 0.2) if PUSHES else (0.01, 0.02)
)  # seconds between those of one reader: a long run has enough of them
EMBARGO = 3.0  # seconds
WITHIN = 15 + PUSHES / 200  # seconds that the deliverer may be behind at the end
BOUND = 1.0  # docs/scaling.md: 0.5 seconds and what a worker may be late
LONGEST = 200  # articles of a page
FORMATS = ("rss", "atom", "json", "ninjs", "newsml")
# The headline of each article says its guid and its version, so each format shows both in one way.
SHOWN = re.compile(rb"(tag:mixed[0-9]+,2026:[0-9-]+) v([0-9]+)")


def release(guids: Iterable[str], version: int, inside: str) -> bytes:
    """One release of these articles."""
    parts = [document(guid, version, inside, f"{guid} v{version}") for guid in guids]
    begins, ends = parts[0].index(b"<article"), b"</release>"
    return parts[0][:begins] + b"".join(part[begins : -len(ends)] for part in parts) + ends


def keep_running(server: Server) -> bool:
    """Whether a server had ended, because a part of it ended again and again. It is started again: systemd's Restart=always."""
    if server.process is not None and server.process.poll() is None:
        return False
    print("the server ended, and is started again", flush=True)
    server.start()
    return True


class Copy(Struct, frozen=True):
    """What a reader keeps of a feed."""

    etag: str
    shown: dict[str, int]
    digest: str


class Run:
    """What makes one history."""

    def __init__(self, server: Server, endpoint: Subscriber, seed: int, offices: int) -> None:
        self.server, self.endpoint, self.chance, self.offices = server, endpoint, random.Random(seed), offices
        self.history: History = []
        self.ids: dict[str, str] = {}  # guid -> public id
        self.found: list[
            tuple[str, str]
        ] = []  # the same, in the order of the answers; readers read it while pushers add to it
        self.acknowledged = self.releases = 0
        self.errors: list[BaseException] = []
        self._stop = threading.Event()
        self._followed = ""
        self._hooks: list[tuple[str, int, str]] = []

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=self.server.url, trust_env=False, timeout=30)

    def _note(self, op: str, proc: object, key: str, ver: int, began: float, **more: object) -> None:
        told = {
            "proc": f"{op}{proc}",
            "op": op,
            "key": key,
            "ver": ver,
            "t_invoke": began,
            "t_return": time.monotonic(),
        }
        self.history.append(Operation(**told, **more))  # type: ignore[arg-type]

    # Offices

    def push(self, number: int, token: str) -> None:
        """Releases of one office, each until the answer is definite. Each second one is corrected, each fifth under embargo, and
        of each seventh one article is withdrawn."""
        headers = {"Content-Type": "application/xml", "Authorization": f"Bearer {token}"}
        pause = SLOWLY if number == self.offices - 1 else EVERY
        with self._client() as http:
            at = 0
            while not self._stop.is_set():
                until_instant, inside = 0.0, ""
                if at % 5 == 4:
                    instant = datetime.now(UTC) + timedelta(seconds=EMBARGO)
                    until_instant = time.monotonic() + (instant - datetime.now(UTC)).total_seconds()
                    inside = f"<embargo until='{instant.isoformat()}'/>"
                guids = self._guids(number, at)
                for version in (1, 2) if at % 2 == 0 and not inside else (1,):
                    self._push(http, headers, number, guids, version, inside, until_instant)
                if at % 7 == 3 and (at - 3) % 5 != 4:  # what is withdrawn under embargo is withdrawn in silence
                    self._withdraw(http, headers, number, self._guids(number, at - 3)[0])
                at += 1
                self._stop.wait(pause)

    def _guids(self, number: int, at: int) -> list[str]:
        guid = f"tag:mixed{number},2026:{at}"
        return [guid if BATCH == 1 else f"{guid}-{part}" for part in range(BATCH)]

    def _push(
        self,
        http: httpx.Client,
        headers: dict[str, str],
        number: int,
        guids: list[str],
        version: int,
        inside: str,
        until_instant: float,
    ) -> None:
        body, outcome = release(guids, version, inside), ""
        while outcome != "ok":
            began, outcome = time.monotonic(), "unknown"
            with suppress(httpx.HTTPError):
                answer = http.post("/releases", content=body, headers=headers)
                assert answer.status_code in (200, 201, 503), answer.text
                if answer.status_code != 503:
                    outcome = "ok"
                    told = answer.json()
                    for guid, receipt in zip(guids, told.get("receipts", [told]), strict=True):
                        if guid not in self.ids:
                            self.ids[guid] = receipt["id"]
                            self.found.append((guid, receipt["id"]))
            for guid in guids:
                self._note("push", number, guid, version, began, outcome=outcome, until=until_instant)
            if outcome != "ok":
                self._stop.wait(0.05)
        self.acknowledged += len(guids)
        self.releases += 1

    def _withdraw(self, http: httpx.Client, headers: dict[str, str], number: int, guid: str) -> None:
        outcome, version = "", 0
        while outcome != "ok":
            began, outcome = time.monotonic(), "unknown"
            with suppress(httpx.HTTPError):
                answer = http.delete(f"/articles/{self.ids[guid]}", params={"reason": "착오"}, headers=headers)
                assert answer.status_code in (200, 503), answer.text
                if answer.status_code == 200:
                    outcome, version = "ok", answer.json()["version"]
            self._note("withdraw", number, guid, version, began, outcome=outcome)
            if outcome != "ok":
                self._stop.wait(0.05)

    # Readers

    def read(self, number: int) -> None:
        """Random articles, by the ids that the answers to pushes gave."""
        chance = random.Random(number)
        with self._client() as http:
            while not self._stop.wait(READS):
                if not self.found:
                    continue
                recent = chance.random() < 0.7
                guid, id = (
                    self.found[-chance.randint(1, min(20, len(self.found)))] if recent else chance.choice(self.found)
                )
                began = time.monotonic()
                with suppress(httpx.HTTPError):
                    answer = http.get(f"/articles/{id}.json")
                    assert answer.status_code in (200, 404, 410, 503), answer.text
                    if answer.status_code != 503:
                        shown = {guid: int(answer.json()["version"])} if answer.status_code == 200 else {}
                        more = {
                            "etag": answer.headers.get("ETag", ""),
                            "body": hashlib.sha256(answer.content).hexdigest(),
                        }
                        self._note("read", number, guid, 0, began, shown=shown, **more)

    def poll(self, number: int) -> None:
        """Feeds of everything and of one office, in all formats, compressed or not, mostly with the validator of a copy."""
        chance = random.Random(100 + number)
        kept: dict[tuple[str, str], Copy] = {}
        office = self.offices - 1 - number  # the first reads the office that pushes slowly
        with self._client() as http:
            while not self._stop.wait(POLLS):
                asked, scope = chance.choice(
                    [("region=kr:52", "tag:mixed"), (f"office=mixed{office}", f"tag:mixed{office},")]
                )
                path = f"/feed.{chance.choice(FORMATS)}?{asked}&limit={LONGEST}"
                coding = chance.choice(("identity", "gzip"))
                copy = kept.get((path, coding)) if chance.random() < 0.8 else None
                headers = {"Accept-Encoding": coding} | ({"If-None-Match": copy.etag} if copy else {})
                began = time.monotonic()
                with suppress(httpx.HTTPError):
                    with http.stream("GET", path, headers=headers) as answer:
                        body = b"".join(answer.iter_raw())  # as it came: compressed bytes have one ETag too
                    assert answer.status_code in (200, 304, 503), body
                    if answer.status_code == 503:
                        continue
                    etag = answer.headers["ETag"]
                    if answer.status_code == 304:
                        assert copy and etag == copy.etag
                    else:
                        text = gzip.decompress(body) if answer.headers.get("Content-Encoding") == "gzip" else body
                        pairs = [(guid.decode(), int(version)) for guid, version in SHOWN.findall(text)]
                        copy = kept[path, coding] = Copy(etag, dict(pairs), hashlib.sha256(body).hexdigest())
                    more = {"etag": etag, "body": copy.digest, "scope": scope, "full": len(copy.shown) >= LONGEST}
                    self._note("read", f"er{number}", f"{path} {coding}", 0, began, shown=copy.shown, **more)

    def follow(self) -> None:
        while not self._stop.wait(0.02):
            with suppress(httpx.HTTPError):
                self._follow_on("follow")

    def _follow_on(self, op: str, since: str | None = None) -> str:
        """Note the changes after a cursor (without one: after the last that was followed); the next cursor."""
        began = time.monotonic()
        cursor = self._followed if since is None else since
        answer = httpx.get(
            f"{self.server.url}/changes",
            params={"limit": "200"} | ({"since": cursor} if cursor else {}),
            trust_env=False,
            timeout=30,
        )
        for line in map(json.loads, answer.text.splitlines() if answer.status_code == 200 else []):
            self._note(op, "", line["guid"], line["version"], began, seq=len(self.history))
            cursor = line["cursor"]
        if since is None:
            self._followed = cursor
        return cursor

    # From the first push to the last delivery

    def go(self, tokens: list[str], faults: list[Callable[[], bool]]) -> None:
        """Each fault says whether it took the server or its database away. Raises AssertionError and what a thread raised."""

        def run(call: Callable[..., None], *given: object) -> None:
            try:
                call(*given)
            except BaseException as error:  # a thread's failure must reach the test
                self.errors.append(error)

        calls: list[tuple[Callable[..., None], ...]] = [(self.follow,)]
        calls += [(call, number) for call in (self.read, self.poll) for number in range(2)]  # type: ignore[misc]
        calls += [(self.push, number, token) for number, token in enumerate(tokens)]  # type: ignore[misc]
        threads = [threading.Thread(target=run, args=call) for call in calls]
        for thread in threads:
            thread.start()
        try:
            began = time.monotonic()
            while time.monotonic() - began < SECONDS or self.acknowledged < PUSHES:
                assert not self.errors, self.errors
                self._stop.wait(PAUSE / 2)
                fault, at = self.chance.choice(faults), time.monotonic()
                print(f"{at - began:.1f} s, {self.acknowledged} pushes: {fault.__name__}", flush=True)
                away = fault()
                self._note("fault", "", fault.__name__, 0, at, away=away)
                self._stop.wait(PAUSE / 2)
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(60)
        assert not self.errors, self.errors

    def finish(self) -> None:
        """The end: what is there, what was followed and what was delivered."""
        until(self._answers, 60, 0.1)  # a worker that was killed soon after its start is back later
        last = max(op.until for op in self.history if op.op == "push") + 2 * BOUND
        until(lambda: time.monotonic() > last, 60)
        self._all("follow", None)
        self._all("final", "")
        wanted = {(op.key, op.ver) for op in self.history if op.op == "final"}
        print(f"{self.releases} releases, {self.acknowledged} articles, {len(wanted)} changes at the end", flush=True)
        until(lambda: not self._behind(wanted), WITHIN, 0.5 + PUSHES / 20_000)
        print(f"{len(self._hooks)} deliveries", flush=True)
        for key, ver, id in self._hooks:
            self._note("deliver", "", key, ver, 0.0, delivery=id)

    def _answers(self) -> bool:
        keep_running(self.server)
        with suppress(httpx.HTTPError):
            return httpx.get(f"{self.server.url}/readyz", trust_env=False, timeout=5).status_code == 200
        return False

    def _behind(self, wanted: set[tuple[str, int]]) -> list[tuple[str, int]]:
        """What the webhook has neither in that version nor in a later one."""
        for got in self.endpoint.to("/hook")[len(self._hooks) :]:
            data = json.loads(got.body)["data"]
            self._hooks.append((data["guid"], int(data["version"]), got.headers["webhook-id"]))
        newest: dict[str, int] = {}
        for key, ver, _ in self._hooks:
            newest[key] = max(ver, newest.get(key, 0))
        return [(key, ver) for key, ver in wanted if newest.get(key, 0) < ver]

    def _all(self, op: str, since: str | None) -> None:
        while True:
            before = len(self.history)
            since = self._follow_on(op, since) if since is not None else (self._follow_on(op), None)[1]
            if len(self.history) == before:
                return
