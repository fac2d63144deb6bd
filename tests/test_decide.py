"""Tests what the store decides about an article, from the stored row and from what the office sends, without a database."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from app import store
from app.store import keys, micros
from app.store.articles.decide import NEWS, Row
from app.store.changes import LastChange
from feeds.article import Article, Office, Term
from tests.test_store import NOW, article

EARLIER = NOW - timedelta(hours=1)
FINGERPRINT = b"kept".ljust(32)


def said(words: str) -> Article:
    """The article that some words describe: `v2`, `v2 until 60` (minutes from now), `v2 held`, `v2 canceled`, `v2 withheld`,
    `v2 elsewhere` (another office), `v2 reworded`, `v2 updates` (its signal)."""
    version, *rest = words.split()
    made = article("tag:a", int(version[1:]), updated=NOW)
    while rest:
        word = rest.pop(0)
        if word == "until":
            ends = NOW + timedelta(minutes=int(rest.pop(0)))
            made = replace(made, embargoed=ends, updated=max(NOW, ends))
        elif word in ("canceled", "withheld"):
            made = replace(made, pubstatus=word)
        else:
            made = replace(made, **OTHERWISE[word])
    return made


OTHERWISE: dict[str, dict[str, object]] = {
    "held": {"held": True},
    "elsewhere": {"office": Office("seoul", "서울")},
    "reworded": {"headline": "Other words"},
    "updates": {"signal": "update"},
}


def row(words: str) -> Row | None:
    """The stored row: the words of `said` after `public` (it is), `once` (it was) or `never`; None for `-`."""
    state, _, rest = words.partition(" ")
    if state == "-":
        return None
    kept = replace(said(rest), published=EARLIER, updated=EARLIER)
    public, seen = state == "public", state != "never"
    sort = micros(EARLIER) if public else None
    last = None if public or not seen else LastChange(kept.pubstatus, kept.note, (keys(kept),))
    return Row(7, public, seen, sort, FINGERPRINT, kept, keys(kept), b"given before", last)


def sent(words: str) -> store.articles.Item:
    """An item: the words of `said`, then a comma and how the office sends it: `silent`, `no word of an embargo`, `in its text`,
    `again` (the same draft)."""
    first, _, how = words.partition(", ")
    return store.articles.Item(
        said(first),
        FINGERPRINT if how == "again" else b"given".ljust(32),
        silent=how == "silent",
        says_embargo=how != "no word of an embargo",
        in_words=how == "in its text",
    )


@pytest.mark.parametrize(
    ("kept", "given", "outcome", "version"),
    [
        ("public v2", "v2, again", "same", 2),  # the same draft
        ("public v2", "v2", "same", 2),  # another draft of the same article: another dialect
        ("never v2 until 60", "v2 until 60", "same", 2),
        ("once v2 canceled", "v2 canceled", "same", 2),
        ("public v2 updates", "v2", "same", 2),  # a dialect that has no word for it
        ("public v2", "v2 reworded", "changed", 2),
        ("public v2", "v2 until 60", "changed", 2),
        ("public v2", "v2 canceled", "changed", 2),
        ("never v2 held", "v2", "changed", 2),
        ("public v2", "v1", "older", 2),
        ("public v2", "v1, again", "older", 2),
        ("once v2 canceled", "v1", "older", 2),
        ("never v2 until 60", "v1 canceled", "older", 2),
        ("public v2", "v3 until 60", "already-public", 2),
        ("public v2", "v3 held", "already-public", 2),
        ("public v2", "v3 elsewhere", "wrong-office", 2),
        ("public v2", "v2 elsewhere, again", "wrong-office", 2),
        ("public v2", "v1 elsewhere", "wrong-office", 2),
        ("never v2 held", "v3 elsewhere", "wrong-office", 2),
    ],
)
def test_nothing_is_written(kept: str, given: str, outcome: str, version: int) -> None:
    decision = store.articles.decide(row(kept), sent(given), NOW)
    assert (decision.outcome, decision.version, decision.write) == (outcome, version, None)
    assert decision.receipt == (b"given before" if outcome == "same" else b"")


@pytest.mark.parametrize(
    ("kept", "given", "action", "public", "change", "notice"),
    [
        ("-", "v1", "pushed", True, "published", ""),
        ("-", "v1, silent", "pushed", True, "published", ""),
        ("-", "v1 until -5", "pushed", True, "published", ""),
        ("-", "v1 until 60", "pushed", False, "", "embargoed"),
        ("-", "v1 held", "pushed", False, "", "embargoed"),
        ("-", "v1 canceled", "pushed", False, "", ""),
        ("public v1", "v2", "corrected", True, "corrected", ""),
        ("public v1", "v2, no word of an embargo", "corrected", True, "corrected", ""),
        ("public v1", "v2, silent", "corrected", True, "corrected", ""),
        ("public v1", "v2 canceled", "canceled", False, "canceled", ""),
        ("public v1", "v2 withheld", "withheld", False, "withheld", ""),
        ("public v1", "v5", "corrected", True, "corrected", ""),
        ("never v1 until 60", "v2 until 90", "corrected", False, "", "embargoed"),
        ("never v1 until 60", "v2", "corrected", True, "published", ""),
        ("never v1 held", "v2", "corrected", True, "published", ""),
        ("never v1 until 60", "v2, no word of an embargo", "corrected", False, "", "embargoed"),
        ("never v1 held", "v2, no word of an embargo", "corrected", False, "", "embargoed"),
        ("never v1 until -5", "v2, no word of an embargo", "corrected", True, "published", ""),  # over, not yet lifted
        ("never v1 until 60", "v2, in its text", "corrected", False, "", "embargoed"),
        ("never v1 until 60", "v2 canceled", "canceled", False, "", "lapsed"),
        ("never v1 held", "v2 withheld", "withheld", False, "", "lapsed"),
        ("never v1 canceled", "v2", "corrected", True, "published", ""),
        ("never v1 canceled", "v2 withheld", "withheld", False, "", ""),
        ("once v1 canceled", "v2", "corrected", True, "published", ""),
        ("once v1 canceled", "v2, silent", "corrected", True, "published", ""),
        ("once v1 canceled", "v2 until 60", "corrected", False, "", "embargoed"),
        ("once v1 canceled", "v2 canceled", "canceled", False, "", ""),  # nothing new
        ("once v1 canceled", "v2 withheld", "withheld", False, "withheld", ""),  # left for another reason
        ("once v1 until 60", "v2 canceled", "canceled", False, "canceled", "lapsed"),
    ],
)
def test_it_is_written(kept: str, given: str, action: str, public: bool, change: str, notice: str) -> None:
    before = row(kept)
    decision = store.articles.decide(before, sent(given), NOW)
    write = decision.write
    assert write is not None and write.before == before and write.keys == keys(write.article)
    assert (decision.outcome, decision.version) == ("stored", write.article.version)
    assert (write.action, write.public, write.notice) == (action, public, notice)
    assert (write.change.kind if write.change else "") == change
    assert write.waits == (notice == "embargoed")


def test_a_correction_changes_the_feeds_before_and_after() -> None:
    seoul = replace(said("v2"), regions=(Term("region", "kr:11", {}),))
    before = row("public v1")
    write = store.articles.decide(before, replace(sent("v2"), article=seoul), NOW).write
    assert before and write and write.change
    assert write.change.keys == (before.keys, keys(seoul)) and write.shown == before.keys


@pytest.mark.parametrize(
    ("kept", "given", "signal"),
    [
        ("-", "v1 updates", ""),  # it replaces nothing
        ("public v1", "v2", "correction"),
        ("public v1", "v2 updates", "update"),
        ("public v1", "v2 canceled", ""),
        ("once v1 withheld", "v2 updates", ""),  # what it would replace is not public
    ],
)
def test_a_version_says_how_it_replaces_the_public_one(kept: str, given: str, signal: str) -> None:
    before = row(kept)
    decision = store.articles.decide(before, sent(given), NOW)
    assert decision.write and decision.write.article.signal == decision.item.article.signal == signal
    first = before.article.published if before and before.public else said(given).published
    assert decision.write.article.published == first, "the instant at which it was first to be reported"


def test_a_silent_correction_stays_where_it_stands_and_its_receipt_names_its_own_instant() -> None:
    decision = store.articles.decide(row("public v1"), sent("v2, silent"), NOW)
    assert decision.write and decision.write.sort == micros(EARLIER)
    assert (decision.write.article.updated, decision.item.article.updated) == (EARLIER, NOW)
    heard = store.articles.decide(row("public v1"), sent("v2"), NOW)
    assert heard.write and (heard.write.sort, heard.write.article.updated) == (micros(NOW), NOW)


@pytest.mark.parametrize(
    ("kept", "given", "warned"),
    [
        (
            "never v1 until 60",
            "v2, no word of an embargo",
            "does not mention an embargo, so the embargo of the previous version continues until 20",
        ),
        ("never v1 held", "v2, no word of an embargo", "continues until it is released"),
        ("once v1 until 60", "v2, no word of an embargo", "does not mention an embargo"),
        ("never v1 until 60", "v2, in its text", "before the date that the previous version gave"),
        ("never v1 until 60", "v2 until 30, in its text", "before the date that the previous version gave"),
        ("never v1 until 60", "v2 until 90, in its text", ""),  # later words count
        ("never v1 until 60", "v2 until 30", ""),
        ("public v1", "v2, no word of an embargo", ""),
        ("once v1 canceled", "v2, no word of an embargo", ""),
    ],
)
def test_silence_and_words_end_no_embargo(kept: str, given: str, warned: str) -> None:
    before = row(kept)
    item = store.articles.decide(before, sent(given), NOW).item
    assert before and warned in "".join(item.warnings) and bool(item.warnings) == bool(warned)
    if warned:
        assert (item.article.held, item.article.embargoed) == (before.article.held, before.article.embargoed)
        assert item.article.updated == max(NOW, before.article.embargoed or NOW)


@pytest.mark.parametrize(
    ("kept", "age", "news"), [("-", NEWS, True), ("-", NEWS + 1, False), ("public v1", NEWS + 1, True)]
)
def test_a_loaded_archive_is_no_news(kept: str, age: int, news: bool) -> None:
    item = sent("v2")
    old = replace(item, article=replace(item.article, updated=NOW - timedelta(microseconds=age)))
    write = store.articles.decide(row(kept), old, NOW).write
    assert write and write.change and write.change.news is news


@pytest.mark.parametrize(
    ("kept", "minutes", "waits"),
    [
        ("never v1 held", 0, False),
        ("once v2 held", 0, False),
        ("never v1 held until -5", 0, False),
        ("never v1 held until 60", 60, True),  # the hold ends, the embargo does not
    ],
)
def test_a_hold_ends(kept: str, minutes: int, waits: bool) -> None:
    before, moment = row(kept), NOW + timedelta(minutes=minutes)
    ended = store.articles.end_hold(before, NOW)
    assert before and ended and ended.row == before
    assert ended.until == (moment if waits else None)
    assert ended.article == replace(before.article, held=False, embargoed=moment, published=moment, updated=moment)


@pytest.mark.parametrize(
    "kept",
    ["-", "public v1", "never v1 until 60", "never v1 held canceled", "once v1 held withheld", "once v1 canceled"],
)
def test_what_is_not_held_is_not_released(kept: str) -> None:
    assert store.articles.end_hold(row(kept), NOW) is None


def test_the_item_is_not_changed() -> None:
    item = sent("v2, no word of an embargo")
    copy = replace(item)
    decision = store.articles.decide(row("never v1 until 60"), item, NOW)
    assert item == copy != decision.item
