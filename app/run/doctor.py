"""`pressrelay doctor`: tries everything that the server needs."""

import sys
import time
from collections.abc import Collection, Sequence
from pathlib import Path

from lxml import etree
from msgspec import Struct

from app import store
from app.cache.redis import Cache
from app.deliveries import vault
from app.errors import PressrelayError
from app.files import blobs
from app.run.datadir import full, prepare, too_open
from app.settings import Settings
from app.text.masking import hushed, masked, masked_address
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
    disk = full(settings)
    found.append(Check("disk", not disk, disk or "there is room for more"))
    found.append(_rights(open_ones, too_open(settings)))
    try:
        engine = store.connect(settings.database)
        store.upgrade(engine)
        seq = store.articles.newest_seq(engine)
        shown = masked(engine.url.render_as_string(hide_password=True))
        found.append(Check("database", True, f"{shown}, {seq} changes"))
        clock = store.clock.complaint(engine)
        found.append(Check("clock", not clock, clock or "agrees with the database"))
        found.append(Check("schema", True, " ".join(store.plan.standing(engine))))
        found.append(_secrets(settings, store.deliveries.key_ids(engine)))
        found += _operation(store.operation.now_holds(engine), time.time())
        if settings.read_database_url:
            found.append(_replica(settings, store.identity.head(engine)))
        cache = Cache(settings.cache, store.identity.instance(engine))
        refused = cache.trial()
        cache.close()
        engine.dispose()
    except PressrelayError as error:
        return [*found, Check("database", False, hushed(str(error)))]
    return [*found, _cache(settings, refused), _files(settings)]


def _files(settings: Settings) -> Check:
    """Whether files that come with releases can be kept, read and removed."""
    where = f"the bucket {settings.s3_bucket}" if settings.s3_bucket else "the data directory"
    try:
        blobs.connect(settings).trial()
    except PressrelayError as error:
        return Check("files", False, f"{where}: {hushed(str(error))}")
    return Check("files", True, f"{where} keeps, gives and removes files")


def _cache(settings: Settings, refused: str) -> Check:
    """`refused`: what the cache refused of a trial; empty: nothing."""
    if settings.redis_url:
        words = f"cannot be used: {refused}" if refused else "sets, gets and deletes keys and sends messages"
        return Check("cache", not refused, f"{masked_address(settings.redis_url)} {words}")
    if refused:
        words = f"the embedded Valkey is not running ({refused}); `pressrelay serve` starts it"
    else:
        words = "the embedded Valkey answers"
    return Check("cache", True, words)


def _rights(before: Sequence[Path], after: Sequence[Path]) -> Check:
    """Whether other users may read the server's data. Paths that were open are closed by now, if this user has the right to do so."""
    if after:
        words = f"open to other users: {', '.join(map(str, after))}. Close them with: chmod go= FILE"
    elif before:
        words = f"these were open to other users and are closed now: {', '.join(map(str, before))}"
    else:
        words = "nothing is open to other users"
    return Check("rights", not after, words)


def _operation(operation: store.operation.OperatorOrders, now: float) -> list[Check]:
    """Whether the server does everything, and how old its newest backup is."""
    held = f"this server {store.operation.HELD}" if operation.held else "on"
    drained = f"this server {store.operation.DRAINED}" if operation.drained else "on"
    hours = (now - operation.backed_up / 1_000_000) / 3600
    backup = f"the newest is {hours:.1f} hours old" if operation.backed_up else "none was made with `pressrelay backup`"
    return [
        Check("deliveries", not operation.held, held),
        Check("intake", not operation.drained, drained),
        Check("backup", True, backup),
    ]


def _replica(settings: Settings, newest: store.identity.NewestChange) -> Check:
    """Whether public feeds can be read from the standby."""
    name = "read database"
    try:
        engine = store.connect(settings.read_database_url, replica=True)
        found = store.identity.head(engine)
        engine.dispose()
    except PressrelayError as error:
        return Check(name, False, hushed(str(error)))
    shown = masked(engine.url.render_as_string(hide_password=True))
    if found.instance != newest.instance:
        return Check(
            name, False, f"{shown} is not a standby of the database, or has not followed it since it was restored"
        )
    return Check(name, True, f"{shown}, {newest.mark[0] - found.mark[0]} changes behind")


def _secrets(settings: Settings, sealed: Collection[str]) -> Check:
    """Whether this server can decrypt the secrets that sign deliveries. Raises Misconfigured."""
    own = vault.key_id(settings)
    others = sorted(set(sealed) - {own})
    if others:
        words = f"some are encrypted with the key {', '.join(others)}, but this server's key is {own or 'missing'}. Restore secret.key"
        return Check("secrets", False, f"{words}, or set PRESSRELAY_SECRET_KEY")
    return Check("secrets", True, f"encrypted with the key {own}" if own else "none is stored yet")
