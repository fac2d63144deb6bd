"""Loads an archive of made-up articles into the store directly, without parsing and normalisation."""

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import TypeVar

import msgspec

from app import store
from app.store import Engine
from bench.releases import OFFICE, Sample, item

AT_ONCE = 1_000  # articles in one transaction
Made = TypeVar("Made")


def load(engine: Engine, url: str, made: Iterable[Sample]) -> list[tuple[int, float]]:
    """Store these articles. Returns (number of articles, seconds) for each transaction. `url` is the server's public URL."""
    rates = []
    for batch in batches(made, AT_ONCE):
        items = [item(part, url) for part in batch]
        original = store.articles.Original(b"<bench/>", "application/xml", OFFICE.code)
        start = time.perf_counter()
        with store.articles.writer(engine, {item.article.guid for item in items}, datetime.now(UTC)) as writer:
            for new in items:
                decision = store.articles.decide(writer.row(new.article.guid), new, writer.now)
                writer.add(original, decision, msgspec.json.encode({"id": new.article.id}))
        rates.append((len(items), time.perf_counter() - start))
    return rates


def batches(made: Iterable[Made], size: int) -> Iterator[list[Made]]:
    """The elements in lists of `size`; the last list may be shorter."""
    left = iter(made)
    while batch := list(islice(left, size)):
        yield batch
