"""Seals the secrets that an earlier version of Pressrelay stored in plain text (app/deliveries/vault.py seals new ones)."""

from collections.abc import Callable

import msgspec
from msgspec.structs import replace
from sqlalchemy import Engine, and_, func, or_, select, update

from app.store.deliveries.intents import Intent
from app.store.engine import reading, writing
from app.store.tables import intents, subscriptions

SEALED = "sealed:"  # the prefix of a sealed secret; the name of its key follows


def seal_all(engine: Engine, seal: Callable[[str], str]) -> int:
    """Seal every secret that is in plain text. Return how many subscriptions and intents had one. Raises Unavailable, and what `seal`
    raises."""
    columns = (subscriptions.c.secret, subscriptions.c.secret_before)
    plain = or_(*(and_(column != "", ~column.startswith(SEALED)) for column in columns))
    with reading(engine) as connection:
        a_subscription = connection.execute(select(subscriptions.c.id).where(plain).limit(1)).first()
        an_intent = connection.execute(select(intents.c.id).limit(1)).first()
    if not a_subscription and not an_intent:
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
    """The names of the keys that sealed the secrets of subscriptions that have not ended. Raises Unavailable."""
    name = func.substr(subscriptions.c.secret, len(SEALED) + 1, 8)
    with reading(engine) as connection:
        found = select(name).where(subscriptions.c.secret.startswith(SEALED), subscriptions.c.state != "ended")
        return set(connection.execute(found.distinct()).scalars())
