"""`feed`: saved feeds, which have a short name."""

from datetime import UTC, datetime
from urllib.parse import parse_qsl

import click
import msgspec

from app import store
from app.commands import Misconfigured, Problem, as_json, check_name, connected, opened, report
from app.context import Context
from app.deliveries.topics import renew_saved
from app.query import NAME, Query, Saved, parse


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
    parsed = _parsed(context, query)
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
    """List all saved feeds, and those that were removed."""
    engine = opened().engine
    feeds, ended = store.feeds.all_saved(engine), store.feeds.all_saved(engine, ended=True)
    members = [{"name": feed.name, "query": feed.query, "title": feed.title} for feed in feeds]
    past = [{"name": feed.name, "ended": feed.ended, "next": feed.following, "gone": feed.gone} for feed in ended]
    lines = ["\t".join((feed.name, feed.query, feed.title)).rstrip() for feed in feeds]
    lines += [f"{feed.name}\tended {feed.ended:%Y-%m-%d}\t{feed.following}".rstrip() for feed in ended]
    report(as_json, {"feeds": members, "ended": past}, *lines)


@feed_group.command("remove")
@click.argument("name")
@click.option(
    "--next",
    "following",
    default="",
    help="The feed that replaces it: another saved feed, or the parameters of a feed.",
)
@click.option(
    "--gone",
    is_flag=True,
    help="Answer 410 (Gone) from now on, instead of a last entry that says that the feed has ended.",
)
@as_json
def remove(name: str, following: str, gone: bool, as_json: bool) -> None:
    """Remove a saved feed; its articles stay. Its address shows a last entry that says so and links to the next feed. A feed that
    was removed can be removed again, with another --next or with --gone."""
    context = connected()
    following = _following(context, name, following) if following else ""
    if not store.feeds.remove_feed(context.engine, name, datetime.now(UTC), following, gone=gone):
        raise Misconfigured(f"There is no saved feed {name!r}: see `pressrelay feed list`.")
    context.cache.renew()
    renew_saved(context, name, datetime.now(UTC))
    then = "Its address answers 410 now." if gone else "Its address shows a last entry that says so."
    report(as_json, {"removed": name, "next": following, "gone": gone}, f"Feed {name} removed. {then}")


def _following(context: Context, name: str, text: str) -> str:
    """What follows a feed, as it is stored: the name of a saved feed, or a query. Raises Misconfigured."""
    if NAME.fullmatch(text):
        found = store.feeds.saved_feed(context.engine, text)
        if text == name or found is None or found.ended is not None:
            raise Misconfigured(f"There is no other saved feed {text!r}: see `pressrelay feed list`.")
        return text
    query = _parsed(context, text).canonical()
    if not query:
        raise Misconfigured("Give --next the name of a saved feed, or parameters such as region=kr:52.")
    return query


def _parsed(context: Context, query: str) -> Query:
    """The query of parameters, or of a whole URL that was copied from a browser. Raises Misconfigured."""
    offices = [office.code for office in store.accounts.all_offices(context.engine)]
    try:
        return parse(parse_qsl(query.rpartition("?")[2]), offices)
    except Problem as problem:
        raise Misconfigured(f"{problem.title}: {problem.detail}".rstrip(": ")) from None
