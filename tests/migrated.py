"""New databases of the newest schema: migrated once, and copied for each test, because a migration takes longer than most tests.
Each copy gets its own name and secret, like a migrated database. Migrations themselves are tested by tests/test_store.py and
tests/test_serve.py, and by `.ci/first-run`.
"""

import secrets
import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from app import store

TEMPLATE = "migrated"  # the PostgreSQL database that is copied
_ITS_OWN = "UPDATE counter SET instance = {0}, secret = {0}"  # {0}: the mark of a parameter


@cache
def _sqlite_template() -> bytes:
    with TemporaryDirectory() as directory:
        file = Path(directory, "migrated.db")
        engine = store.connect(f"sqlite:///{file}")
        store.upgrade(engine)
        engine.dispose()
        return file.read_bytes()


def sqlite_database(file: Path) -> None:
    """Make this file a new database, unless there is one."""
    if file.exists():
        return
    file.touch(0o600)
    file.write_bytes(_sqlite_template())
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(_ITS_OWN.format("?"), (secrets.token_hex(8), secrets.token_hex(16)))


def postgres_database(postgres: str, empty: bool = False) -> str:
    """The URL of a new database on that PostgreSQL."""
    name = f"t{secrets.token_hex(8)}"
    if not empty:
        _postgres_template(postgres)
    with psycopg.connect(_dsn(postgres, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE \"{name}\" TEMPLATE {'template0' if empty else TEMPLATE} ENCODING 'UTF8'")
    if not empty:
        with psycopg.connect(_dsn(postgres, name)) as connection:
            connection.execute(_ITS_OWN.format("%s"), (secrets.token_hex(8), secrets.token_hex(16)))
    return postgres.format(name)


@cache
def _postgres_template(postgres: str) -> None:
    with psycopg.connect(_dsn(postgres, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {TEMPLATE} ENCODING 'UTF8' TEMPLATE template0")
    engine = store.connect(postgres.format(TEMPLATE))
    store.upgrade(engine)
    engine.dispose()


def _dsn(postgres: str, name: str) -> str:
    return postgres.format(name).replace("+psycopg", "")
