"""Alembic's entry: it runs one or more revisions on the connection that `app.store.schema` opened."""

from alembic import context

from app.store.tables import metadata

given = context.config.attributes
context.configure(
    connection=given["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    on_version_apply=given["applied"],
    online=given["online"],  # read by app/store/migrations/steps.py
)
with context.begin_transaction():
    if given["lock_timeout"]:
        given["connection"].exec_driver_sql(f"SET LOCAL lock_timeout = {given['lock_timeout']}")
    context.run_migrations()
