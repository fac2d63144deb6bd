"""The peers that are measured together with our server: the same articles, the same machine, the same load."""

import base64
import importlib.util
import os
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from app.run.serve import _granian
from app.settings import Settings
from bench.processes import HOST, free_port, program
from bench.server import Answer
from feeds.article import Article

TABLE = "CREATE TABLE article (guid TEXT PRIMARY KEY, url TEXT, headline TEXT, summary TEXT, body TEXT, published TEXT, terms TEXT)"
INDEX = "CREATE INDEX newest ON article (published)"
PER_CONNECTION = ("date", "server", "connection")  # headers that a server adds itself


def write_answers(file: Path, answers: dict[str, Answer]) -> None:
    """Write the answers that bench/peers/bare.py sends: our server's answers, by kind."""
    copies = {
        kind: {
            "headers": [header for header in answer.headers if header[0].lower() not in PER_CONNECTION],
            "body": base64.b64encode(answer.body).decode(),
        }
        for kind, answer in answers.items()
    }
    for answer in copies.values():  # Granian writes names in lower case
        answer["headers"] = [("ETag" if name.lower() == "etag" else name, value) for name, value in answer["headers"]]
    file.write_bytes(msgspec.json.encode(copies))


def write_articles(file: Path, articles: Sequence[Article]) -> None:
    """Write the database of the peers that render feeds, with these articles."""
    database = sqlite3.connect(file)
    database.execute(TABLE)
    database.execute(INDEX)
    rows = [
        (
            article.guid,
            article.url,
            article.headline,
            article.summary,
            article.body,
            article.published.strftime("%Y-%m-%d %H:%M:%S+00:00"),
            "\n".join(name for term in (*article.regions, *article.topics) for name in term.names.values()),
        )
        for article in articles
    ]
    database.executemany("INSERT INTO article VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    database.commit()
    database.close()


@contextmanager
def granian(settings: Settings, application: str, data: Path, log: Path) -> Iterator[tuple[int, int]]:
    """(port, process id) of an application of bench/peers, module:name, under Granian with the options of `pressrelay serve`."""
    port = free_port()
    command = _granian(msgspec.structs.replace(settings, host=HOST, port=port), None)
    command = [
        sys.executable,
        "-m",
        "granian",
        *command[command.index("--interface") : -1],
        f"bench.peers.{application}",
    ]
    with program(command, log, port, {**os.environ, "BENCH_PEER": str(data)}) as process:
        yield port, process.pid


def missing(package: str) -> str:
    """The reason why a peer cannot be measured; empty if it can."""
    return "" if importlib.util.find_spec(package) else f"{package} is not installed: pip install 'pressrelay[bench]'"
