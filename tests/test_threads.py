"""Proves that threads share their objects safely: only its own bytes decide about a release, whatever comes at the same time."""

import importlib
import pkgutil
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from lxml import etree

import app
import feeds
import schemas
from app.errors import Invalid, Problem
from app.intake.normalize import public_id
from app.intake.parsers import parse
from tests.conftest import ROOT, Server, together

THREADS = 16
SECONDS = 20.0  # for which the live server is pushed to
RELEASES = ROOT / "tests" / "releases"


def ours(guid: str, inside: str = "", version: str = "1") -> bytes:
    return (
        '<release xmlns="urn:pressrelay:press-release:1" xml:lang="ko">'
        f'<article version="{version}"><guid>{guid}</guid><issued>2026-03-09T10:00:00+09:00</issued>{inside}'
        "<headline>제목</headline><body><p>본문 한 단락.</p></body></article></release>"
    ).encode()


def atom(guid: str, inside: str = "") -> bytes:
    return (
        '<entry xmlns="http://www.w3.org/2005/Atom" xmlns:pr="urn:pressrelay:press-release:1" xml:lang="ko">'
        f"<id>{guid}</id><title>제목</title><updated>2026-03-09T10:00:00+09:00</updated>{inside}"
        "<content type='text'>본문</content></entry>"
    ).encode()


def rss(guid: str, inside: str = "") -> bytes:
    return (
        '<rss version="2.0"><channel><title>청</title><link>https://example.org/</link><description>청</description>'
        f"<language>ko</language><item><guid isPermaLink='false'>{guid}</guid><title>제목</title>"
        f"<pubDate>Mon, 09 Mar 2026 10:00:00 +0900</pubDate>{inside}<description>본문</description></item></channel></rss>"
    ).encode()


# Name -> a release with a guid. An invalid one has its guid in the faulty value, so that a mixed-up refusal would show it.
VALID = {
    "ours": ours,
    "embargo": lambda guid: ours(guid, '<embargo until="2031-03-09T10:00:00+09:00"/>'),
    "held": lambda guid: ours(guid, '<embargo held="true">발표 후</embargo>'),
    "atom": atom,
    "rss": rss,
}
INVALID = {
    "held-yes": lambda guid: ours(guid, f'<embargo held="yes-{guid}"/>'),
    "until-soon": lambda guid: ours(guid, f'<embargo until="soon-{guid}"/>'),
    "version": lambda guid: ours(guid, version=f"x-{guid}"),
    "out-of-place": lambda guid: ours(guid, f"<headline>{guid}</headline>"),
    "atom-date": lambda guid: atom(guid, f"<published>{guid}</published>"),
}


def judged(body: bytes) -> Any:
    """The answer to a release."""
    try:
        parsed = parse(body, "application/xml")
    except Invalid as invalid:
        return sorted((fault.path, fault.reason) for fault in invalid.errors)
    except Problem as problem:
        return problem.type
    faults = [(fault.path, fault.reason) for found in parsed.refused.values() for fault in found]
    return sorted(faults) if faults else len(parsed.drafts)


def test_faults_are_of_the_release_that_has_them() -> None:
    cases = [make(f"tag:t,2026:{name}") for name, make in (VALID | INVALID).items()]
    alone = [judged(case) for case in cases]
    assert sum(isinstance(answer, int) for answer in alone) == len(VALID)
    wrong: list[Any] = []
    end = time.monotonic() + 2

    def judge(first: int) -> None:
        number = first
        while time.monotonic() < end:
            number = (number + 1) % len(cases)
            if (answer := judged(cases[number])) != alone[number]:
                wrong.append((cases[number], answer))

    together(*(lambda first=first: judge(first) for first in range(THREADS)))  # type: ignore[misc]
    assert wrong == []


COMPILING = """
import sys, threading
from lxml import etree
import schemas
sys.setswitchinterval(1e-6)
ready, failed = threading.Barrier(8), []
def compile(name):
    ready.wait()
    try:
        for other in (name, *schemas.SCHEMAS):
            schemas.xsd(other).validate(etree.fromstring("<a/>"))
    except BaseException as error:
        failed.append(error)
threads = [threading.Thread(target=compile, args=(schemas.SCHEMAS[n % len(schemas.SCHEMAS)],)) for n in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
sys.exit(f"{failed[:1]}" if failed else 0)
"""


@pytest.mark.parametrize("times", [4, pytest.param(40, marks=pytest.mark.slow)])
def test_schemas_may_be_compiled_by_threads_that_start_at_once(times: int) -> None:
    """Compiled without a lock, one fresh process in twelve had a schema that could never be compiled again."""
    for _ in range(times):
        done = subprocess.run([sys.executable, "-c", COMPILING], cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr


def test_a_schema_that_could_not_be_compiled_is_compiled_at_the_next_call(monkeypatch: pytest.MonkeyPatch) -> None:
    import schemas

    found: list[Any] = []

    def ask() -> None:
        with monkeypatch.context() as broken:
            broken.setattr(schemas, "files", lambda name: Path("/nowhere"))
            with pytest.raises(OSError):
                schemas.xsd("korea")
        found.append(schemas.xsd("korea"))

    together(ask)  # a new thread, which has compiled nothing yet
    assert len(found) == 1


def test_a_thread_that_may_open_no_file_compiles_nothing_by_half(tmp_path: Path) -> None:
    """libxml2 leaves out, without an error, an import that it cannot read."""
    code = (
        "import os, resource, threading, schemas\n"
        "from errno import EMFILE\n"
        "schemas.prepare()\n"
        "used = len(os.listdir('/proc/self/fd')) - 1\n"
        "for free in range(3):\n"
        "    resource.setrlimit(resource.RLIMIT_NOFILE, (used + free, 4096))\n"
        "    told = []\n"
        "    def compile():\n"
        "        try:\n"
        "            told.append(schemas.xsd('atom'))\n"
        "        except OSError as error:\n"
        "            told.append(error.errno == EMFILE)\n"
        "    thread = threading.Thread(target=compile); thread.start(); thread.join()\n"
        "    assert told and told[0], told\n"
        "    print(type(told[0]).__name__)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) <= {"bool", "XMLSchema"} and "bool" in done.stdout


@pytest.fixture(scope="module")
def hammered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("threads"), workers="2", token_rate="0/minute").start()
    yield server
    server.close()


def told(answer: httpx.Response, guid: str) -> Any:
    """A receipt or a problem without the values that differ between releases."""
    members = answer.json()
    if answer.status_code == 422:
        members = sorted((fault["path"], fault["reason"].replace(guid, "GUID")) for fault in members["errors"])
        return 422, members
    return answer.status_code, members["pubstatus"], members.get("public", "") > "2031"


@pytest.mark.slow
def test_sixteen_threads_and_two_workers(hammered: Server) -> None:
    """Valid, invalid and embargoed releases of several offices at once: each answer is what the same release gets alone."""
    offices = [("threads-a", "가청", "kr:11"), ("threads-b", "나청", "kr:26"), ("threads-c", "다청", "kr:52")]
    tokens = [hammered.office(*office) for office in offices]
    cases = list((VALID | INVALID).items())
    alone = {}
    for name, make in cases:
        guid = f"tag:alone,2026:{name}"
        alone[name] = told(hammered.push(tokens[0], make(guid)), guid)
    assert {alone[name][0] for name in VALID} == {201} and {alone[name][0] for name in INVALID} == {422}
    wrong: list[Any] = []
    sent: list[tuple[str, str]] = []
    end = time.monotonic() + SECONDS

    def push(thread: int) -> None:
        with httpx.Client(base_url=hammered.url, trust_env=False, timeout=30) as client:
            number = thread
            while time.monotonic() < end:
                number += 1
                name, make = cases[number % len(cases)]
                guid = f"tag:hammer,2026:{thread}-{number}"
                headers = {"Content-Type": "application/xml", "Authorization": f"Bearer {tokens[number % len(tokens)]}"}
                answer = client.post("/releases", content=make(guid), headers=headers)
                sent.append((name, guid))
                if told(answer, guid) != alone[name]:
                    wrong.append((name, answer.text))
                elif others := set(re.findall(r"tag:hammer,2026:[\d-]+", answer.text)) - {guid}:
                    wrong.append((name, others))

    together(*(lambda thread=thread: push(thread) for thread in range(THREADS)), seconds=SECONDS + 60)  # type: ignore[misc]
    assert wrong == []
    assert len(sent) > THREADS * len(cases)
    hidden = [guid for name, guid in sent if name in INVALID or name in ("embargo", "held")]
    lines = hammered.client.get("/changes?limit=200")
    seen = set()
    while lines.content:
        seen |= set(re.findall(r"tag:hammer,2026:[\d-]+", lines.text))
        cursor = httpx.QueryParams(
            since=lines.text.strip().splitlines()[-1].partition('"cursor":"')[2].partition('"')[0]
        )
        lines = hammered.client.get(f"/changes?limit=200&{cursor}")
    public = {guid for name, guid in sent if name in VALID and name not in ("embargo", "held")}
    assert seen == public
    for guid in hidden[:: max(1, len(hidden) // 50)]:
        assert hammered.client.get(f"/articles/{public_id(guid)}.json").status_code == 404


# What threads share

COMPILED = (etree.XPath, etree.XSLT, etree.XMLSchema, etree.RelaxNG, etree.XMLParser, etree.HTMLParser)
ONES_OWN = (threading.local, type(threading.Lock()), type(threading.RLock()))


def shared() -> Iterator[str]:
    """Every object of a module that could be changed by one thread while another uses it: compiled by lxml, a cache, a lock, a
    container that is no constant, an instance of a class of ours."""
    for package in (app, feeds, schemas):
        names = [found.name for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
        for name in [package.__name__, *names]:
            if ".migrations" in name:
                continue
            for attribute, value in vars(importlib.import_module(name)).items():
                if type(value).__name__ == "LocalProxy" or attribute.startswith("__") or isinstance(value, type):
                    continue
                cached = hasattr(value, "cache_clear") and value.__module__ == name
                container = isinstance(value, (dict, list, set)) and not attribute.isupper()
                ours = type(value).__module__.partition(".")[0] in ("app", "feeds", "schemas")
                if cached or container or ours or isinstance(value, COMPILED + ONES_OWN):
                    yield f"{name}.{attribute}"


def test_what_threads_share_is_listed_with_the_reason() -> None:
    listed = (ROOT / "docs" / "design.md").read_text().partition("## What threads share")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in listed.splitlines() if line.startswith("| `")]
    told: set[str] = set()
    for row in rows:
        module, colon, names = row.partition(":")
        prefix = f"{module.strip(' `')}." if colon else ""
        told |= {prefix + name for name in re.findall(r"`([\w.]+)`", names if colon else row)}
    found = set(shared())
    by_home: dict[int, set[str]] = {}
    for name in found:  # An object that other modules import is told once.
        module, _, attribute = name.rpartition(".")
        by_home.setdefault(id(vars(importlib.import_module(module))[attribute]), set()).add(name)
    missing = [names for names in by_home.values() if not names & told]
    assert not missing, "say in docs/design.md why threads may share it"
    assert not {name for name in told if name not in found} - {"app.context.Context"}
