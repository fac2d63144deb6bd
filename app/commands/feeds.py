"""`feed`: feeds with a short name."""

from datetime import UTC, datetime
from urllib.parse import parse_qsl

import click
import msgspec

from app import store
from app.commands import as_json, tell
from app.commands.naming import check_name
from app.commands.opened import database, renew
from app.context import connect
from app.deliveries.topics import renew_saved
from app.errors import Misconfigured, Problem
from app.query import query as queries
from app.query.query import Saved
from app.settings import load


@click.group("feed")
def feed_group() -> None:
    """Feeds with a short name: /f/NAME.atom."""


@feed_group.command("add")
@click.argument("name")
@click.argument("query")
@click.option("--title", default="", help="What the feed is called; made of the query if left out.")
@as_json
def add(name: str, query: str, title: str, as_json: bool) -> None:
    """Save QUERY, the parameters of a feed's URL such as "region=kr:52&topic=economy", or change the one of that name."""
    check_name(name)
    settings = load()
    engine = database(settings)
    offices = [office.code for office in store.all_offices(engine)]
    try:
        # A URL copied from a browser will do.
        asked = queries.parse(parse_qsl(query.rpartition("?")[2]), offices)
    except Problem as problem:
        raise Misconfigured(f"{problem.title}: {problem.detail}".rstrip(": ")) from None
    if asked.before or asked.after:
        raise Misconfigured("A cursor names one page, and no feed: leave out before and after.")
    saved = Saved(name, asked.canonical(), " ".join(title.split()))
    new = store.save_feed(engine, saved)
    renew(settings, engine)
    renew_saved(connect(settings), name, datetime.now(UTC))
    url = msgspec.structs.replace(asked, saved=msgspec.structs.replace(saved, limit=asked.limit)).address(
        settings.url, "atom"
    )
    members = {"name": name, "query": saved.query, "title": saved.title, "url": url, "new": new}
    tell(as_json, members, f"Feed {name} {'added' if new else 'changed'}: {url}")


@feed_group.command("list")
@as_json
def listed(as_json: bool) -> None:
    """All saved feeds."""
    found = store.all_saved(database(load()))
    members = [{"name": one.name, "query": one.query, "title": one.title} for one in found]
    tell(as_json, {"feeds": members}, *("\t".join((one.name, one.query, one.title)).rstrip() for one in found))


@feed_group.command("remove")
@click.argument("name")
@as_json
def remove(name: str, as_json: bool) -> None:
    """Forget a name; the articles stay."""
    settings = load()
    engine = database(settings)
    if not store.remove_feed(engine, name):
        raise Misconfigured(f"There is no feed {name!r}.")
    renew(settings, engine)
    renew_saved(connect(settings), name, datetime.now(UTC))
    tell(as_json, {"removed": name}, f"Feed {name} removed.")
