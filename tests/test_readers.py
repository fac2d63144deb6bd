"""Programs of others read a live server during publication, correction and cancellation: each sees one article, in its newest
version.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import fastfeedparser
import feedparser
import pytest
from lxml import etree
from msgspec.structs import replace

from feeds import nar, press_release
from feeds.article import Article, Enclosure, Office, Term
from tests.articles import make
from tests.conftest import Server

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # newsmlg2's 1.1 has an escape that Python 3.11 warns of
    import NewsMLG2
    import reader

OFFICE = Office("readers", "전북특별자치도 독자실", "https://www.readers.example/")
HEADLINES = ("첫 보도자료 & <시작>", "고친 보도자료", "고친 보도자료")


@dataclass
class Story:
    """One article through its life; `feed` is where it is read."""

    server: Server
    token: str
    article: Article

    def url(self, format: str) -> str:
        return f"{self.server.url}/feed.{format}?office={self.article.office.code}"

    def push(self, **changes: object) -> None:
        self.article = replace(self.article, **changes)
        answer = self.server.push(self.token, press_release.render_article(self.article))
        assert answer.status_code == 201, answer.text

    def publish(self) -> None:
        self.push(version=1, headline=HEADLINES[0])

    def correct(self) -> None:
        self.push(version=2, headline=HEADLINES[1])

    def cancel(self) -> None:
        self.push(version=3, pubstatus="canceled", note="착오로 배포됨")


@pytest.fixture
def story(server: Server) -> Iterator[Story]:
    """An article of an office of its own, which holds nothing else."""
    code = f"readers-{len(_told)}"
    _told.append(code)
    token = server.office(code, OFFICE.name)
    files = (Enclosure("https://files.example.org/a.pdf", "application/pdf", 1234, caption="붙임"),)
    article = make(1, "첫 문단.", "둘째 문단.", lang="ko", guid=f"tag:example.org,2026:{code}", enclosures=files)
    region = Term("region", "kr:52", {})
    yield Story(server, token, replace(article, office=replace(OFFICE, code=code), regions=(region,)))


_told: list[str] = []


def stages(story: Story) -> Iterator[tuple[int, list[str]]]:
    """After each step: its number, and the headlines that a feed then has."""
    for number, step in enumerate((story.publish, story.correct, story.cancel)):
        step()
        yield number, [] if number == 2 else [HEADLINES[number]]


def by_feedparser(document: bytes) -> list[tuple[str, str]]:
    parsed = feedparser.parse(document)
    assert not parsed.bozo, parsed.bozo_exception
    return [(entry.id, entry.title) for entry in parsed.entries]


def by_fastfeedparser(document: bytes) -> list[tuple[str, str]]:
    return [(entry["id"], entry["title"]) for entry in fastfeedparser.parse(document).entries]


def by_newsmlg2(document: bytes) -> list[tuple[str, str]]:
    """Each item of the message that is usable."""
    items = etree.fromstring(document).iter(f"{{{nar.NAR}}}newsItem")
    read = [NewsMLG2.NewsMLG2Document(etree.tostring(item)).get_item() for item in items]
    usable = [item for item in read if item.itemmeta.pubstatus.qcode == "stat:usable"]
    return [(item.guid, str(item.itemmeta.title[0])) for item in usable]


PARSERS: dict[str, tuple[Callable[[bytes], list[tuple[str, str]]], tuple[str, ...]]] = {
    "feedparser": (by_feedparser, ("rss", "atom")),
    "fastfeedparser": (by_fastfeedparser, ("rss", "atom", "json")),
    "newsmlg2": (by_newsmlg2, ("newsml",)),
}


@pytest.mark.parametrize("parser", PARSERS)
def test_parsers_see_the_newest_version(story: Story, parser: str) -> None:
    read, formats = PARSERS[parser]
    for _, headlines in stages(story):
        for format in formats:
            document = story.server.client.get(story.url(format)).content
            assert read(document) == [(story.article.guid, headline) for headline in headlines], format


def test_ninjs_sees_the_newest_version(story: Story) -> None:
    """No program reads it; its schema is in tests/test_feeds.py."""
    for number, _ in stages(story):
        listed = json.loads(story.server.client.get(story.url("ninjs")).content)["associations"]
        assert [(item["uri"], item["version"]) for item in listed] == [(story.article.guid, str(number + 1))]
        assert listed[0]["pubStatus"] == ("canceled" if number == 2 else "usable")


def test_reader_updates_its_entry_and_does_not_double_it(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """https://reader.readthedocs.io/: a library that polls, with a database; it keeps what left a feed."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    urls = [story.url(format) for format in ("rss", "atom", "json")]
    with reader.make_reader(":memory:") as library:
        for url in urls:
            library.add_feed(url)
        for number, _ in stages(story):
            for url in urls:
                library.update_feed(url)
                entries = list(library.get_entries(feed=url))
                assert [(entry.id, entry.title) for entry in entries] == [(story.article.guid, HEADLINES[number])], url
                assert [file.href for file in entries[0].enclosures][:1] == [story.article.enclosures[0].url]
                assert library.get_feed(url).last_exception is None
            library.update_feeds()  # again, with nothing new: a 304


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("newsboat"), reason="newsboat is not installed: apt-get install newsboat")
@pytest.mark.parametrize("format", ["rss", "atom"])
def test_newsboat_updates_its_item_and_does_not_double_it(story: Story, tmp_path: Path, format: str) -> None:
    """https://newsboat.org/, a reader from Debian, with its own parsers and a cache in SQLite; it keeps what left a feed."""
    url = story.url(format)
    (tmp_path / "urls").write_text(f'"{url}"\n')
    (tmp_path / "config").write_text("use-proxy no\n")
    paths = (("url", "urls"), ("cache", "db"), ("config", "config"))
    files = [f"--{name}-file={tmp_path / file}" for name, file in paths]
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    for number, _ in stages(story):
        done = subprocess.run(["newsboat", *files, "-x", "reload"], env=environ, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        with closing(sqlite3.connect(tmp_path / "db")) as cache:
            found = cache.execute("select feedurl, guid, title, author, content from rss_item").fetchall()
        assert [row[:3] for row in found] == [(url, story.article.guid, HEADLINES[number])]
        assert "전북특별자치도" in found[0][3] and "둘째 문단." in found[0][4]
