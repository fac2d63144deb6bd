"""Articles as the formats write them. Each version of an article is written once in a format, and its fragment is kept: in the memory
of the process, and in the cache.

Fragments need no revision, because a version of an article never changes. Their keys name the code that wrote them (`BY`), so
fragments of another version of this program are not found.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from html import escape
from importlib import metadata, resources
from zlib import crc32

import msgspec
from msgspec.structs import replace

from app import store
from app.cache.redis import Ref
from app.context import Context
from app.syndication.texts import text
from feeds import Article, Fragment, format_of

log = logging.getLogger("pressrelay.feeds")

LONGEST_BODY = 512 * 1024  # characters of HTML; a feed shows only the summary of a longer body
OVERHEAD = 600  # bytes of memory that a fragment needs besides its pieces
LIBRARIES = ("feedgen", "lxml", "msgspec")


def _writer() -> str:
    """A name that changes with all that decides the bytes of a fragment: the code of `feeds`, and the libraries that it uses."""
    files = [file for file in resources.files("feeds").iterdir() if file.name.endswith(".py")]
    parts = [file.read_bytes() for file in sorted(files, key=lambda file: file.name)]
    parts += [metadata.version(name).encode() for name in LIBRARIES]
    parts += [text("full-text", lang).encode() for lang in ("en", "ko")]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


BY = _writer()


def kept_as(format: str) -> str:
    """The name under which the cache has fragments in a format."""
    return f"{format}/{BY}"


def shortened(article: Article) -> Article:
    """The article as feeds show it: a very long body is replaced by the summary and a link to the full text."""
    if len(article.body) <= LONGEST_BODY:
        return article
    words = text("full-text", "ko" if article.lang.partition("-")[0].lower() == "ko" else "en")
    body = f'<p>{escape(article.summary, quote=False)}</p><p><a href="{escape(article.url)}">{words}</a></p>'
    return replace(article, body=body, text=f"{article.summary}\n\n{words}: {article.url}")


def fragments_of(format: str, articles: Sequence[Article]) -> tuple[Fragment, ...]:
    """The fragments of articles that must not be kept: copies for one reader, or articles that are not a stored version."""
    return tuple(format_of(format).fragment_of(shortened(article)) for article in articles)


def fresh_fragments(context: Context, format: str, dated: Sequence[Ref]) -> tuple[Fragment, ...]:
    """The fragments of these versions, written again from the database. Raises Unavailable."""
    return fragments_of(format, list(_articles(context, dated).values()))


def remembered(context: Context, format: str, dated: Sequence[Ref]) -> dict[Ref, Fragment]:
    """The fragments of these versions that this process has."""
    here = context.fragments.find((format, ref) for ref in dated)
    return {ref: fragment for (_, ref), fragment in here.items()}


def lacking(here: Mapping[Ref, Fragment], dated: Sequence[Ref]) -> list[Ref]:
    """The versions whose fragments are not there."""
    return [ref for ref in dated if ref not in here]


def completed(
    context: Context, format: str, dated: Sequence[Ref], here: Mapping[Ref, Fragment], cached: Mapping[Ref, bytes]
) -> tuple[tuple[Fragment, ...], dict[Ref, bytes]]:
    """The fragments of these versions, in the same order, and those that the cache did not have, as it keeps them. `here`: those that
    this process has; `cached`: of the others, those that the cache has. Raises Unavailable.

    If an article cannot be written, its fragment is empty, and the feed leaves it out.
    """
    found = dict(here)
    for ref, kept in cached.items():
        if (fragment := _unpacked(kept)) is not None:
            found[ref] = fragment
            _remember(context, format, ref, fragment)
    new: dict[Ref, bytes] = {}
    for ref, article in _articles(context, lacking(found, dated)).items():
        found[ref] = fragment = _written(format, article)
        if fragment.pieces:
            new[ref] = _packed(fragment)
            _remember(context, format, ref, fragment)
    return tuple(found[ref] for ref in dated), new


def fragments(context: Context, format: str, dated: Sequence[Ref]) -> tuple[Fragment, ...]:
    """The fragments of these versions, in the same order. Raises Unavailable."""
    here = remembered(context, format, dated)
    there = context.cache.documents(lacking(here, dated), kept_as(format))
    found, new = completed(context, format, dated, here, there)
    context.cache.keep_documents(new, kept_as(format))
    return found


def _articles(context: Context, dated: Sequence[Ref]) -> dict[Ref, Article]:
    refs = [(num, version) for num, version, _ in dated]
    documents = context.read(lambda engine: store.articles.documents(engine, refs)) if refs else {}
    return {ref: msgspec.json.decode(documents[ref[:2]], type=Article) for ref in dated}


def _written(format: str, article: Article) -> Fragment:
    try:
        return format_of(format).fragment_of(shortened(article))
    except Exception:
        log.exception("Article %s cannot be written as %s; feeds leave it out.", article.id, format)
        return Fragment(article.id, article.updated, article.office, ())


def _remember(context: Context, format: str, ref: Ref, fragment: Fragment) -> None:
    context.fragments.keep((format, ref), fragment, OVERHEAD + sum(map(len, fragment.pieces)) + len(fragment.listed))


# In the cache a checksum is before the fragment: a wrong byte in a fragment would be in every feed that contains it.

_decoder = msgspec.msgpack.Decoder(Fragment)


def _packed(fragment: Fragment) -> bytes:
    made = msgspec.msgpack.encode(fragment)
    return crc32(made).to_bytes(4, "big") + made


def _unpacked(kept: bytes) -> Fragment | None:
    if int.from_bytes(kept[:4], "big") != crc32(kept[4:]):
        return None
    try:
        return _decoder.decode(kept[4:])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
