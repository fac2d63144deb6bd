"""Steps of migrations that do not block other transactions."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op


def index_online(name: str, table: str, columns: Sequence[str], *, unique: bool = False) -> None:
    """Make an index while others write: on PostgreSQL CONCURRENTLY, outside a transaction, so it should be the only step of its
    migration. If an earlier attempt was killed, its remains are removed first.
    https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY"""
    context = op.get_context()
    if context.dialect.name != "postgresql" or not (context.as_sql or context.opts.get("online")):
        op.create_index(name, table, list(columns), unique=unique)
        return
    with context.autocommit_block():
        if context.as_sql or op.get_bind().execute(_INVALID, {"name": name}).scalar():
            op.drop_index(name, table, postgresql_concurrently=True, if_exists=True)
        op.create_index(name, table, list(columns), unique=unique, postgresql_concurrently=True, if_not_exists=True)


def drop_index_online(name: str, table: str) -> None:
    """Remove an index while others write."""
    context = op.get_context()
    if context.dialect.name != "postgresql" or not (context.as_sql or context.opts.get("online")):
        op.drop_index(name, table, if_exists=True)
        return
    with context.autocommit_block():
        op.drop_index(name, table, postgresql_concurrently=True, if_exists=True)


_INVALID = sa.text("SELECT true FROM pg_index WHERE indexrelid = to_regclass(:name) AND NOT indisvalid")
