"""Polls a server and measures its rate of answers: 200, compressed 200, and 304."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from urllib.parse import quote

from msgspec import Struct

from bench import wrk
from bench.releases import START, axes
from bench.server import Answer, Connection, get
from schemas import Code, codes

KINDS = ("200", "gzip", "304")
CLIENTS = 4  # clients that send the first requests


class Contender(Struct, frozen=True):
    """A server that is polled: its port, the requests, and the size of the answers."""

    port: int
    requests: dict[str, list[bytes]]  # by kind
    sizes: dict[str, float]  # mean bytes of an answer, by kind


def contender(port: int, paths: Sequence[str], kinds: Sequence[str]) -> Contender:
    """The contender on a port. Each path is requested once for each kind, to learn its ETags and the expected sizes."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        seen = list(pool.map(lambda number: _asked(port, paths[number::CLIENTS], kinds), range(CLIENTS)))
    requests = {kind: [request for part in seen for request in part.requests[kind]] for kind in kinds}
    total = {kind: sum(part.sizes[kind] for part in seen) for kind in kinds}
    return Contender(port, requests, {kind: size / len(paths) for kind, size in total.items()})


def _asked(port: int, paths: Sequence[str], kinds: Sequence[str]) -> Contender:
    """The same for one client's paths, with the sums of the sizes. The bodies are not kept, because they may be a gigabyte."""
    found = Contender(port, {kind: [] for kind in kinds}, dict.fromkeys(kinds, 0.0))
    with Connection(port) as connection:
        for path in paths:
            tag = ""
            for kind in kinds:
                request = _request(path, kind, tag)
                answer = connection.answer(request, 304 if kind == "304" else 200)
                tag = answer.header(
                    "etag"
                )  # in the order of KINDS, the 304 is requested with the ETag of the compressed answer
                found.requests[kind].append(request)
                found.sizes[kind] += answer.size
    return found


def answers(port: int, path: str) -> dict[str, Answer]:
    """The answer of each kind for a path."""
    with Connection(port) as connection:
        found = {kind: connection.answer(_request(path, kind), 200) for kind in ("200", "gzip")}
        found["304"] = connection.answer(_request(path, "304", found["gzip"].header("etag")), 304)
        return found


def _request(path: str, kind: str, tag: str = "") -> bytes:
    """A poller's request. Pollers that send If-None-Match also accept compressed answers."""
    headers = {"200": {}, "gzip": {"Accept_Encoding": "gzip"}, "304": {"Accept_Encoding": "gzip", "If_None_Match": tag}}
    return get(path, **headers[kind])


def path_of(region: Code, topic: Code, limit: int) -> str:
    return f"/feed.rss?limit={limit}&region={quote(region.code, '')}&topic={quote(topic.code, '')}"


def pairs_of_grid(side: int) -> list[tuple[Code, Code]]:
    """Pairs of so many first-level regions and so many topics. None of the topics contains another."""
    regions = [code for code in codes("region") if len(code.code) == len("kr:11") and code.valid(START.date())]
    topics = [code for code in codes("topic") if code.scheme == "medtop" and code.level == "2" and not code.retired]
    return list(product(regions[:side], topics[:side]))


def pairs_by_frequency() -> Iterator[tuple[Code, Code]]:
    """All pairs of region and topic, those of frequent regions and topics first."""
    regions, topics = (axis.values for axis in axes())
    for total in range(len(regions) + len(topics) - 1):
        for at in range(max(0, total - len(topics) + 1), min(total + 1, len(regions))):
            yield regions[at], topics[total - at]


def rate(asked: Contender, kind: str, seconds: float) -> float:
    """Answers a second. Raises RuntimeError if their sizes are not those expected."""
    seen = wrk.load(asked.port, asked.requests[kind], seconds)
    expected = asked.sizes[kind]
    # Answers that are incomplete at the end count in bytes but not in answers.
    if abs(seen.bytes / seen.requests - expected) > expected * (0.1 + wrk.CONNECTIONS / seen.requests):
        mean = seen.bytes / seen.requests
        raise RuntimeError(
            f"The answers have {mean:,.0f} bytes instead of {expected:,.0f}, so they are not the expected ones."
        )
    return seen.rate
