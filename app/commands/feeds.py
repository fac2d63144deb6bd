"""`feed`: saved feeds, which have a short name."""

from datetime import UTC, datetime
from urllib.parse import parse_qsl

import click
import msgspec

from app import store
from app.commands import Misconfigured, Problem, as_json, check_name, connected, opened, report
from app.deliveries.topics import renew_saved
from app.query import Saved, parse


@click.group("feed")
def feed_group() -> None:
    """Feeds with a short name: /f/NAME.atom."""


@feed_group.command("add")
@click.argument("name")
@click.argument("query")
@click.option("--title", default="", help="Title of the feed; made from the query if left out.")
@as_json
def add(name: str, query: str, title: str, as_json: bool) -> None:
    """Save a feed under NAME, or change it. QUERY is the parameters of a feed's URL, such as "region=kr:52&topic=economy"."""
    check_name(name)
    context = connected()
    offices = [office.code for office in store.accounts.all_offices(context.engine)]
    try:
        # A whole URL, copied from a browser, works too.
        parsed = parse(parse_qsl(query.rpartition("?")[2]), offices)
    except Problem as problem:
        raise Misconfigured(f"{problem.title}: {problem.detail}".rstrip(": ")) from None
    saved = Saved(name, parsed.canonical(), " ".join(title.split()))
    new = store.feeds.save_feed(context.engine, saved)
    context.cache.renew()
    renew_saved(context, name, datetime.now(UTC))
    url = msgspec.structs.replace(parsed, saved=msgspec.structs.replace(saved, limit=parsed.limit)).address(
        context.settings.url, "atom"
    )
    members = {"name": name, "query": saved.query, "title": saved.title, "url": url, "new": new}
    report(as_json, members, f"Feed {name} {'added' if new else 'changed'}: {url}")


@feed_group.command("list")
@as_json
def listed(as_json: bool) -> None:
    """List all saved feeds."""
    feeds = store.feeds.all_saved(opened().engine)
    members = [{"name": feed.name, "query": feed.query, "title": feed.title} for feed in feeds]
    report(as_json, {"feeds": members}, *("\t".join((feed.name, feed.query, feed.title)).rstrip() for feed in feeds))


@feed_group.command("remove")
@click.argument("name")
@as_json
def remove(name: str, as_json: bool) -> None:
    """Remove a saved feed; its articles stay."""
    context = connected()
    if not store.feeds.remove_feed(context.engine, name):
        raise Misconfigured(f"There is no saved feed {name!r}: see `pressrelay feed list`.")
    context.cache.renew()
    renew_saved(context, name, datetime.now(UTC))
    report(as_json, {"removed": name}, f"Feed {name} removed.")
