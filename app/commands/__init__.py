"""The commands of `pressrelay`, one module for each subject; app/cli.py lists them. This file has the code that all of them share.

The settings, the database, the cache and the codes are imported where they are used, because their libraries take longer than most
commands.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import click
import msgspec

from app.errors import Misconfigured, Problem
from app.text.masking import masked

if TYPE_CHECKING:
    from app.context import Context
    from app.settings import Settings
    from app.store import Engine

__all__ = [
    "Misconfigured",
    "Opened",
    "Problem",
    "as_json",
    "check_name",
    "check_zone",
    "connected",
    "open_database",
    "opened",
    "renew",
    "report",
    "resolved",
    "untouched",
]

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def report(as_json: bool, members: dict[str, Any], *sentences: str) -> None:
    """Print one answer: `members` as JSON with `--json`, else the sentences. Passwords in URLs are masked."""
    if as_json:
        click.echo(masked(msgspec.json.encode(members).decode()))
        return
    for sentence in sentences:
        click.echo(masked(sentence))


class Opened(NamedTuple):
    """What most commands need."""

    settings: "Settings"
    engine: "Engine"


def opened(*, lasting: bool = False) -> Opened:
    """The settings in force, and the database after an upgrade of its schema, because any command may be the first. `lasting`: this
    process runs until it is stopped. So it logs in the format of the settings, and waits while PostgreSQL is away. Raises
    Misconfigured and Unavailable."""
    settings = _loaded(lasting)
    if lasting:
        from app.run.awaiting import patiently

        return Opened(settings, patiently(settings.database, lambda: open_database(settings)))
    return Opened(settings, open_database(settings))


def untouched() -> Opened:
    """The same without an upgrade of the schema, for commands that must not change anything. Raises Misconfigured."""
    from app import store
    from app.settings import load

    settings = load()
    return Opened(settings, store.connect(settings.database))


def connected(*, lasting: bool = False) -> "Context":
    """The same with the cache and the files, for processes that take releases in or deliver."""
    from app import spans, store
    from app.context import connect
    from app.run.awaiting import patiently
    from app.run.sampling import own_version

    settings, engine = opened(lasting=lasting)
    engine.dispose()
    if not lasting:
        return connect(settings)
    context = patiently(settings.database, lambda: connect(settings))
    spans.start(settings.traces_url, store.identity.secret(context.engine), own_version())
    return context


def _loaded(lasting: bool) -> "Settings":
    from app.settings import load

    settings = load()
    if lasting:
        from app.logs import configure

        configure(settings.log_format)
    return settings


def open_database(settings: "Settings") -> "Engine":
    """The database, after an upgrade of its schema, because any command may be the first. Raises Misconfigured and Unavailable."""
    from app import store
    from app.run.datadir import prepare

    if not settings.database_url:
        prepare(settings)
    engine = store.connect(settings.database)
    store.upgrade(engine)
    return engine


def renew(settings: "Settings", engine: "Engine") -> bool:
    """Mark all cached feeds as out of date, for example because a name in them may have changed. False: no cache is running."""
    from app.context import cache_of

    cache = cache_of(settings, engine)
    renewed = cache.renew()
    cache.close()
    return renewed


def check_name(name: str) -> None:
    """Raises Misconfigured if this cannot be the name of a feed, a source or an outlet."""
    from app.query import NAME

    if not NAME.fullmatch(name):
        raise Misconfigured(
            f"{name!r} cannot be used as a name. Use at most 63 lower-case letters, digits and hyphens."
        )


def check_zone(name: str) -> str:
    """The name of a time zone, or nothing. Raises Misconfigured if there is no such zone."""
    from app.text.zones import EXPECTED, is_zone

    if name and not is_zone(name):
        raise Misconfigured(f"The time zone is {name!r}; {EXPECTED}.")
    return name


def resolved(scheme: str, texts: tuple[str, ...]) -> tuple[str, ...]:
    """The codes of regions or topics that are given by code or exact name. Raises Misconfigured with the nearest known names."""
    from schemas import UnknownCode, codes

    found = []
    for text in texts:
        try:
            found.append(codes("region" if scheme == "region" else "topic").resolve(text).code)
        except UnknownCode as error:
            hint = f" The nearest are: {'; '.join(error.nearest)}." if error.nearest else ""
            known = "the name of several" if error.candidates else "not a known"
            raise Misconfigured(f"{text!r} is {known} {scheme}{'s' if error.candidates else ''}.{hint}") from None
    return tuple(found)
