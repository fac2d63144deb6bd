"""Whose copy of an article under embargo a text comes from: its fingerprint (app/text/fingerprint.py) is compared with the copies that
outlets got."""

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from app import store
from app.files import extraction, filetypes
from app.store import Engine
from app.text import fingerprint
from app.text.flatten import LARGEST, flat, words_of
from feeds import Article

SURE = 1e-6  # an outlet is named only if the probability is at most this that a text from elsewhere agrees so well with any outlet
MOST_ARTICLES = 3  # articles with which a text is compared
MOST_VERSIONS = 2  # of one article, the newest
LEAST_SHARED = 3  # sequences of four words that a text shares with its article


class TracedOutlet(Struct, frozen=True):
    """An outlet whose copy a text comes from, alone or with other copies."""

    code: str
    name: str  # empty: it is not registered any more
    chance: float  # upper bound of the probability that a text from elsewhere agrees so well with any outlet
    agreed: int  # marks of the text that this outlet's copy has too
    places: int  # marks of the text


class TracedArticle(Struct, frozen=True):
    """An article whose words a text has, and the outlets from whose copies they come."""

    id: str
    headline: str
    office: str
    copies: int  # outlets that got a copy under embargo
    places: int  # marks that could be read; 0: the text has none
    outlets: tuple[TracedOutlet, ...]  # the surest first; empty: none


class Trace(Struct, frozen=True):
    """The result of tracing a text."""

    articles: tuple[
        TracedArticle, ...
    ] = ()  # the article with most words in common first; empty: the text has no article that outlets got
    problem: str = ""  # why there is nothing to trace: "empty" (too few words) or "unread"; empty: it was read

    @property
    def found(self) -> bool:
        """Whether an outlet is named."""
        return any(article.outlets for article in self.articles)


def trace_file(engine: Engine, path: Path, offices: Collection[str] | None) -> Trace:
    """Trace a file of any kind. `offices`: the offices whose articles are searched; None: all. Raises Unavailable."""
    kind = filetypes.see(path).real
    if extraction.readable(kind) and not kind.startswith("text/"):
        extracted = extraction.extract(path, kind, extraction.Deadline())
        if extracted.problem:
            return Trace(problem="unread")
        return trace(engine, extracted.text, offices)
    if extraction.recognisable(kind) and not kind.startswith("text/"):
        recognised = extraction.recognise(path, kind, path.parent, extraction.Deadline())
        if recognised.problem:
            return Trace(problem="unread")
        parts = [guess.value for guesses in recognised.parts.values() for guess in guesses]
        return trace(engine, "\n".join(map(flat, parts)), offices)
    with path.open("rb") as file:
        return trace(engine, words_of(file.read(LARGEST)), offices)


def record_trace(engine: Engine, actor: str, office: str, found: Trace) -> None:
    """Record in the audit log who traced a text, which articles it belongs to, and which outlets were named. Raises Unavailable."""
    events = [
        store.audit.Event(
            *("traced", actor, article.office, article.id),
            detail={"outlets": " ".join(outlet.code for outlet in article.outlets)} if article.outlets else {},
        )
        for article in found.articles
    ]
    store.audit.append(engine, events or [store.audit.Event("traced", actor, office)], datetime.now(UTC))


def trace(engine: Engine, text: str, offices: Collection[str] | None) -> Trace:
    """Trace a text without wrappings. Raises Unavailable."""
    words = fingerprint.asked_shingles(text)
    if not words:
        return Trace(problem="empty")
    likely = store.copies.articles_with(engine, words, offices, MOST_ARTICLES)
    likely = [one for one in likely if one.shared >= min(LEAST_SHARED, len(words))]
    if not likely:
        return Trace()
    marks, key = fingerprint.read(text), fingerprint.key_of(store.identity.secret(engine))
    names = {outlet.code: outlet.name for outlet in store.accounts.all_outlets(engine)}
    return Trace(tuple(_traced(engine, one, marks, key, names, len(likely)) for one in likely))


def _traced(
    engine: Engine,
    one: store.copies.CopiedArticle,
    marks: fingerprint.FoundMarks,
    key: bytes,
    names: dict[str, str],
    tries: int,
) -> TracedArticle:
    """`tries`: how many articles the text is compared with."""
    copies = store.copies.copies_of(engine, one.id)
    outlets = sorted({copy.outlet for copy in copies})
    refs = [(one.num, version) for version in sorted({copy.version for copy in copies}, reverse=True)[:MOST_VERSIONS]]
    documents = store.articles.documents(engine, refs)
    versions = [msgspec.json.decode(documents[ref], type=Article) for ref in refs if ref in documents]
    best: dict[str, fingerprint.Match] = {}
    for version in versions:
        for match in fingerprint.match_outlets(version, marks, key, outlets):
            best[match.outlet] = min(best.get(match.outlet, match), match, key=lambda match: match.chance)
    named = []
    for match in sorted(best.values(), key=lambda match: match.chance):
        chance = min(1.0, match.chance * len(versions) * tries)
        if chance <= SURE:
            name = names.get(match.outlet, "")
            named.append(TracedOutlet(match.outlet, name, chance, match.agreed, match.places))
    places = max((match.places for match in best.values()), default=0)
    headline = versions[0].headline if versions else ""
    return TracedArticle(one.id, headline, one.office, len(outlets), places, tuple(named))
