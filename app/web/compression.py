"""Compression of answers: quickly for the first requests, and better in the background for answers that are often requested
(`app/web/polish.py`).

A coding is the content coding of RFC 9110 (section 8.4.1) and a mark of the very bytes that its compressor makes: "gzip.3f2a".
Libraries compress differently on other processors and in other versions, and other bytes need another strong validator (section
8.8.1). So the coding stands in the ETag.
"""

import gzip
import hashlib
from collections.abc import Callable
from functools import lru_cache

import brotli
import zstandard
from isal import igzip

from app.web.conditional import ENCODINGS, encoding_in

Compress = Callable[[bytes], bytes]

# Quick levels, for the answer that waits; the best ones take many times as long for a somewhat smaller result.
QUICK: dict[str, Compress] = {
    "zstd": lambda body: zstandard.compress(body, 3),
    "br": lambda body: brotli.compress(body, quality=1),
    "gzip": lambda body: igzip.compress(body, 2, mtime=0),
}
# Higher levels take several times as long again and save little.
BEST: dict[str, Compress] = {
    "zstd": lambda body: zstandard.compress(body, 15),
    "br": lambda body: brotli.compress(body, quality=7),
    "gzip": lambda body: gzip.compress(body, 9, mtime=0),
}
DECOMPRESS: dict[str, Compress] = {
    "zstd": lambda body: zstandard.ZstdDecompressor().decompress(body),
    "br": brotli.decompress,
    "gzip": igzip.decompress,
}
assert set(QUICK) == set(BEST) == set(DECOMPRESS) == set(ENCODINGS)


def quickly(body: bytes, name: str) -> tuple[bytes, str]:
    """The body in the content coding of that name, and the coding. On one machine the same body always gives the same bytes."""
    return QUICK[name](body), _coding(name, best=False)


def best(body: bytes, name: str) -> tuple[bytes, str]:
    """The same, smaller: it takes some ten times as long."""
    return BEST[name](body), _coding(name, best=True)


def improved(body: bytes, coding: str) -> tuple[bytes, str]:
    """A body that is in a coding, in the best one of its kind."""
    return best(decompressed(body, coding), encoding_in(coding))


def is_best(coding: str) -> bool:
    """Whether `best` makes bytes of this coding, on this machine."""
    return coding == _coding(encoding_in(coding), best=True)


def decompressed(body: bytes, coding: str) -> bytes:
    """The body without its coding."""
    return DECOMPRESS[encoding_in(coding)](body)


# A sample with many kinds of words, some of them repeated, so that different compressors give different bytes.
_SAMPLE = b" ".join(
    hashlib.sha256(b"%d" % (number % 97)).hexdigest()[: 3 + number % 29].encode() for number in range(600)
)


@lru_cache(16)
def _coding(name: str, *, best: bool) -> str:
    made = (BEST if best else QUICK)[name](_SAMPLE)
    return f"{name}.{'b' if best else 'q'}{hashlib.sha256(made).hexdigest()[:4]}"
