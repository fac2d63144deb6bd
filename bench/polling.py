"""Who is polled, with which requests, and how fast the answers come: 200, 200 compressed, and 304."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from msgspec import Struct

from bench import wrk
from bench.releases import axes
from bench.server import Answer, Connection, get
from schemas import Code

KINDS = ("200", "gzip", "304")
CLIENTS = 4  # that ask for the first time


class Contender(Struct, frozen=True):
    """Who is asked: where, what, and how large the answers are."""

    port: int
    requests: dict[str, list[bytes]]  # by kind
    sizes: dict[str, float]  # mean bytes of an answer, by kind


def contender(port: int, paths: Sequence[str], kinds: Sequence[str]) -> Contender:
    """One that answers these paths, each asked once for each kind: its ETags are known then, and the sizes to expect."""
    with ThreadPoolExecutor(CLIENTS) as pool:
        seen = list(pool.map(lambda number: _asked(port, paths[number::CLIENTS], kinds), range(CLIENTS)))
    requests = {kind: [request for one in seen for request in one.requests[kind]] for kind in kinds}
    total = {kind: sum(one.sizes[kind] for one in seen) for kind in kinds}
    return Contender(port, requests, {kind: size / len(paths) for kind, size in total.items()})


def _asked(port: int, paths: Sequence[str], kinds: Sequence[str]) -> Contender:
    """The same for one client, with the sum of the sizes. The bodies are not kept: they may be a gigabyte."""
    found = Contender(port, {kind: [] for kind in kinds}, dict.fromkeys(kinds, 0.0))
    with Connection(port) as connection:
        for path in paths:
            tag = ""
            for kind in kinds:
                request = _request(path, kind, tag)
                answer = connection.answer(request, 304 if kind == "304" else 200)
                tag = answer.header("etag")  # in the order of KINDS, 304 is asked for with the compressed one's
                found.requests[kind].append(request)
                found.sizes[kind] += answer.size
    return found


def answers(port: int, path: str) -> dict[str, Answer]:
    """The answer of each kind."""
    with Connection(port) as connection:
        found = {kind: connection.answer(_request(path, kind), 200) for kind in ("200", "gzip")}
        found["304"] = connection.answer(_request(path, "304", found["gzip"].header("etag")), 304)
        return found


def _request(path: str, kind: str, tag: str = "") -> bytes:
    """A poller's request: whoever asks whether a feed changed takes it compressed as well."""
    headers = {"200": {}, "gzip": {"Accept_Encoding": "gzip"}, "304": {"Accept_Encoding": "gzip", "If_None_Match": tag}}
    return get(path, **headers[kind])


def path_of(region: Code, topic: Code, limit: int) -> str:
    return f"/feed.rss?limit={limit}&region={quote(region.code, '')}&topic={quote(topic.code, '')}"


def pairs_by_frequency() -> Iterator[tuple[Code, Code]]:
    """All pairs, those of frequent regions and topics first."""
    regions, topics = (axis.values for axis in axes())
    for total in range(len(regions) + len(topics) - 1):
        for at in range(max(0, total - len(topics) + 1), min(total + 1, len(regions))):
            yield regions[at], topics[total - at]


def rate(asked: Contender, kind: str, seconds: float) -> float:
    """Answers a second. Raises RuntimeError where they are not those that were asked for."""
    seen = wrk.load(asked.port, asked.requests[kind], seconds)
    expected = asked.sizes[kind]
    # Those under way at the end are counted in bytes and not in answers.
    if abs(seen.bytes / seen.requests - expected) > expected * (0.1 + wrk.CONNECTIONS / seen.requests):
        mean = seen.bytes / seen.requests
        raise RuntimeError(f"Answers of {mean:,.0f} bytes, not {expected:,.0f}: these are not what was asked for.")
    return seen.rate
