"""Finds an SQLite database that was put back beside the write-ahead log of the one before it.

A server that was killed leaves its log behind. SQLite applies that log to whatever database it finds there
(https://www.sqlite.org/howtocorrupt.html#_separating_a_database_file_from_its_wal_file), so the two become a mixture of both.
"""

import sqlite3
from pathlib import Path
from urllib.parse import quote

from app.errors import Misconfigured

CHECKPOINT = 2_000_000_000  # nanoseconds that the database may change after its log: a checkpoint follows a commit


def check_log(file: Path) -> None:
    """Check a database whose file changed after the log beside it, before anything writes to either. No program can set the time of
    the last change (ctime), so even a copy that keeps its dates is detected. Reads the whole database, in this case alone. Raises
    Misconfigured."""
    log = file.with_name(f"{file.name}-wal")
    try:
        written, changed, size = log.stat().st_ctime_ns, file.stat().st_ctime_ns, log.stat().st_size
    except OSError:
        return
    if not size or changed < written + CHECKPOINT:
        return
    try:
        # Read only: nothing is moved from the log into the database, so the database that was put back stays as it is.
        connection = sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)
        try:
            found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
            if found == "ok" and (row := connection.execute("PRAGMA foreign_key_check").fetchone()):
                found = f"a row of {row[0]} belongs to a row of {row[2]} that is not there"
        finally:
            connection.close()
    except sqlite3.Error as error:
        found = str(error)
    if found != "ok":
        raise Misconfigured(
            f"{file.name} was put there after {log.name} was written, and the two do not belong together"
            f" ({found.splitlines()[-1][:200]}). If you restored a backup, remove {log} and {file.name}-shm, and start again."
            " If not, restore a backup: the database is damaged."
        )
