"""An archive of made-up releases, put into the store without the way through parser and normalisation."""

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import TypeVar

import msgspec

from app import store
from app.store import Engine, Original
from bench.releases import OFFICE, Sample, item

AT_ONCE = 1_000  # articles put in one transaction
Made = TypeVar("Made")


def load(engine: Engine, url: str, made: Iterable[Sample]) -> list[tuple[int, float]]:
    """Put these articles; (how many, seconds in the store) of each transaction. `url` is the server's."""
    rates = []
    for batch in batches(made, AT_ONCE):
        items = [item(part, url) for part in batch]
        original = Original(b"<bench/>", "application/xml", OFFICE.code)
        start = time.perf_counter()
        store.put(
            engine, [(original, items)], lambda item: msgspec.json.encode({"id": item.article.id}), datetime.now(UTC)
        )
        rates.append((len(items), time.perf_counter() - start))
    return rates


def batches(made: Iterable[Made], size: int) -> Iterator[list[Made]]:
    """So many at once."""
    left = iter(made)
    while batch := list(islice(left, size)):
        yield batch
