"""Secrets as they are kept: sealed (app/deliveries/vault.py), once an earlier version's are."""

from collections.abc import Callable

import msgspec
from msgspec.structs import replace
from sqlalchemy import Engine, and_, func, or_, select, update

from app.store.engine import reading, writing
from app.store.intents import Intent
from app.store.tables import intents, subscriptions

SEALED = "sealed:"  # what a sealed secret begins with; the name of its key follows


def seal_all(engine: Engine, seal: Callable[[str], str]) -> int:
    """Seal what is not; how many subscriptions and requests had such a secret. Raises Unavailable, and what `seal` raises."""
    columns = (subscriptions.c.secret, subscriptions.c.secret_before)
    plain = or_(*(and_(column != "", ~column.startswith(SEALED)) for column in columns))
    with reading(engine) as connection:
        some = connection.execute(select(subscriptions.c.id).where(plain).limit(1)).first()
        asked = connection.execute(select(intents.c.id).limit(1)).first()
    if not some and not asked:
        return 0
    count = 0
    with writing(engine) as connection:
        rows = connection.execute(select(subscriptions.c.id, *columns).where(plain).with_for_update()).all()
        for id, *given in rows:
            values = {column.name: seal(secret) for column, secret in zip(columns, given, strict=True)}
            connection.execute(update(subscriptions).where(subscriptions.c.id == id).values(**values))
        count += len(rows)
        for id, doc in connection.execute(select(intents.c.id, intents.c.doc).with_for_update()).all():
            intent = msgspec.json.decode(doc, type=Intent)
            secret = seal(intent.subscription.secret)
            if secret != intent.subscription.secret:
                sealed = replace(intent, subscription=replace(intent.subscription, secret=secret))
                connection.execute(update(intents).where(intents.c.id == id).values(doc=msgspec.json.encode(sealed)))
                count += 1
    return count


def key_ids(engine: Engine) -> set[str]:
    """The names of the keys under which secrets are sealed. Raises Unavailable."""
    name = func.substr(subscriptions.c.secret, len(SEALED) + 1, 8)
    with reading(engine) as connection:
        found = select(name).where(subscriptions.c.secret.startswith(SEALED), subscriptions.c.state != "ended")
        return set(connection.execute(found.distinct()).scalars())
