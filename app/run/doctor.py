"""`pressrelay doctor`: tries everything that the server needs."""

import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from lxml import etree
from msgspec import Struct

from app import store
from app.cache.redis import Cache
from app.deliveries import vault
from app.errors import PressrelayError
from app.run.datadir import prepare, too_open
from app.settings import Settings
from app.text.masking import hushed, masked
from schemas import codes, xsd


class Check(Struct, frozen=True):
    """The result of one check."""

    name: str
    ok: bool
    words: str


def checks(settings: Settings) -> list[Check]:
    """The results of all checks, also the failed ones. Raises nothing."""
    found = [Check("python", sys.version_info >= (3, 11), sys.version.split()[0])]
    found.append(Check("lxml", True, f"libxml2 {'.'.join(map(str, etree.LIBXML_VERSION))}"))
    xsd("press-release")
    found.append(
        Check(
            "code tables", True, f"{sum(1 for _ in codes('region'))} regions, {sum(1 for _ in codes('topic'))} topics"
        )
    )
    open_ones = too_open(settings)
    try:
        directory = prepare(settings)
        found.append(Check("data directory", True, f"{directory} is writable"))
    except PressrelayError as error:
        return [*found, Check("data directory", False, hushed(str(error)))]
    found.append(_rights(open_ones, too_open(settings)))
    try:
        engine = store.connect(settings.database)
        store.upgrade(engine)
        seq = store.articles.newest_seq(engine)
        shown = masked(engine.url.render_as_string(hide_password=True))
        found.append(Check("database", True, f"{shown}, {seq} changes"))
        found.append(Check("schema", True, " ".join(store.plan.standing(engine))))
        found.append(_secrets(settings, store.deliveries.key_ids(engine)))
        alive = Cache(settings.redis, store.identity.instance(engine)).alive()
        engine.dispose()
    except PressrelayError as error:
        return [*found, Check("database", False, hushed(str(error)))]
    if settings.redis_url:
        found.append(Check("cache", alive, f"{masked(settings.redis_url)} {'answers' if alive else 'does not answer'}"))
    else:
        words = (
            "the embedded Valkey answers"
            if alive
            else "the embedded Valkey is not running; `pressrelay serve` starts it"
        )
        found.append(Check("cache", True, words))
    return found


def _rights(before: Sequence[Path], after: Sequence[Path]) -> Check:
    """Whether other users may read the server's data. Paths that were open are closed by now, if this user has the right to do so."""
    if after:
        words = f"open to other users: {', '.join(map(str, after))}. Close them with: chmod go= FILE"
    elif before:
        words = f"these were open to other users and are closed now: {', '.join(map(str, before))}"
    else:
        words = "nothing is open to other users"
    return Check("rights", not after, words)


def _secrets(settings: Settings, sealed: Collection[str]) -> Check:
    """Whether this server can decrypt the secrets that sign deliveries. Raises Misconfigured."""
    own = vault.key_id(settings)
    others = sorted(set(sealed) - {own})
    if others:
        words = f"some are encrypted with the key {', '.join(others)}, but this server's key is {own or 'missing'}. Restore secret.key"
        return Check("secrets", False, f"{words}, or set PRESSRELAY_SECRET_KEY")
    return Check("secrets", True, f"encrypted with the key {own}" if own else "none is stored yet")
