"""Fills a large archive in minutes: some articles are stored as usual, and SQL copies their rows with new numbers and older instants.

Queries of feeds or words read the same as in a loaded archive: entries, articles, versions, changes, and the index of words. Copies
have the documents of their originals, so the guid and id inside the documents are the same. Only for SQLite.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from bench.figures import Say
from bench.scale import fill
from bench.server import Prepared

ORIGINALS = 10_000
AT_ONCE = 10  # sets of copies between two messages about the progress


def fill_by_copies(ready: Prepared, size: int, say: Say) -> None:
    """Fill the archive up to that size, rounded down to whole sets of copies. A directory that was filled before is left
    unchanged."""
    directory = Path(ready.settings.data_dir)
    if size <= ORIGINALS or ready.settings.database_url:
        fill(ready, size, say)
        return
    done = directory / "copied"
    if done.exists():
        return
    fill(ready, ORIGINALS, say)
    ready.engine.dispose()
    with closing(sqlite3.connect(directory / "pressrelay.db", isolation_level=None)) as database:
        # If this is killed, the directory must be removed by hand. A finished one has the file `copied`.
        database.execute("PRAGMA synchronous=OFF")
        database.execute("PRAGMA cache_size=-400000")
        _copy(database, size // ORIGINALS, say)
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    done.write_text(f"{size}\n", "utf-8")


def _copy(database: sqlite3.Connection, sets: int, say: Say) -> None:
    """Copy the articles this many times; the originals become the oldest set, and the newest copy has their instants."""
    first, last, top = database.execute("SELECT MIN(sort), MAX(sort), MAX(num) FROM articles").fetchone()
    step = last - first + 1
    shift = f"({sets - 1} - k) * {step}"
    database.execute("CREATE TEMP TABLE sets(k INTEGER PRIMARY KEY)")
    database.executemany("INSERT INTO sets VALUES (?)", [(number,) for number in range(sets)])
    say("builder, copying the entries")
    database.execute("CREATE TEMP TABLE entries AS SELECT * FROM feed_entries")
    database.execute("CREATE INDEX temp.by_feed ON entries(place, topic, sort, num)")
    feeds = database.execute("SELECT DISTINCT place, topic FROM entries ORDER BY 1, 2").fetchall()
    database.execute("BEGIN")
    database.execute("DELETE FROM feed_entries")
    for number, feed in enumerate(feeds):
        database.execute(
            f"INSERT INTO feed_entries SELECT place, topic, sort - {shift}, num + k * {top} FROM sets CROSS JOIN entries "
            "WHERE place = ? AND topic = ? ORDER BY k, sort, num",
            feed,
        )
        if not number % 5_000:
            say(f"builder, copying the entries: {number:,} of {len(feeds):,} feeds")
    database.execute("COMMIT")
    articles = "num + k * :top, id || '-' || k, guid || '-' || k, office, version, pubstatus, public, seen, due, "
    for start in range(1, sets, AT_ONCE):
        bounds = {"top": top, "start": start, "end": min(sets, start + AT_ONCE)}
        say(f"builder, copying articles: {start * top:,} of {sets * top:,}")
        within = "sets WHERE k >= :start AND k < :end"
        database.execute("BEGIN")
        for statement in (
            f"INSERT INTO articles SELECT {articles} sort - {shift}, edited FROM (SELECT * FROM articles WHERE num <= :top), {within}",
            "INSERT INTO versions SELECT num + k * :top, version, release, fingerprint, doc, receipt, axes "
            f"FROM (SELECT * FROM versions WHERE num <= :top), {within}",
            "INSERT INTO changes SELECT seq + k * :top, num + k * :top, version, kind, at, axes, stamp "
            f"FROM (SELECT * FROM changes WHERE seq <= :top), {within}",
            "INSERT INTO search(rowid, words) SELECT id + k * :top, c0 "
            f"FROM (SELECT * FROM search_content WHERE id <= :top), {within}",
        ):
            database.execute(statement, bounds)
        database.execute("COMMIT")
    database.execute(f"UPDATE articles SET sort = sort - {(sets - 1) * step} WHERE num <= ?", (top,))
    database.execute(f"UPDATE feed_amounts SET amount = amount * {sets}")
    database.execute("UPDATE counter SET seq = (SELECT MAX(seq) FROM changes)")
