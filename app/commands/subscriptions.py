"""`subscription` and `webhook`: who is told of changes, and what was delivered."""

from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from app import store
from app.commands import as_json, tell
from app.commands.opened import database
from app.context import Context, connect
from app.deliveries import account, webhooks
from app.deliveries.documents import DOCUMENTS
from app.errors import Misconfigured, Problem
from app.settings import load
from app.store import Subscription


def _context() -> Context:
    settings = load()
    database(settings).dispose()
    return connect(settings)


def _named(context: Context, name: str) -> Subscription:
    found = store.subscription(context.engine, name)
    if found is None:
        raise Misconfigured(f"There is no subscription {name!r}.")
    return found


@click.group("subscription")
def subscription_group() -> None:
    """Who is told of changes: WebSub subscribers, webhooks and e-mail alerts."""


@subscription_group.command("list")
@click.option("--kind", type=click.Choice(["websub", "webhook", "email"]), help="Only these.")
@click.option("--state", type=click.Choice(["active", "paused", "ended"]), help="Only these.")
@click.option("--outlet", default="", help="Only those of this outlet.")
@click.option("--host", default="", help="Only those to this host.")
@click.option("--limit", default=1000, show_default=True, help="At most so many.")
@as_json
def listed(kind: str | None, state: str | None, outlet: str, host: str, limit: int, as_json: bool) -> None:
    """Subscriptions, the oldest first."""
    context = _context()
    found = store.find_subscriptions(
        context.engine, kind=kind or "", state=state or "", outlet=outlet, host=host, limit=limit
    )
    told = [account.told(context, one) for one in found]
    lines = ("\t".join((one["name"], one["kind"], one["state"], one["target"], one["topic"])) for one in told)
    tell(as_json, {"subscriptions": told}, *lines)


@subscription_group.command("show")
@click.argument("name")
@click.option("--limit", default=50, show_default=True, help="At most so many deliveries.")
@as_json
def show(name: str, limit: int, as_json: bool) -> None:
    """A subscription, and what was delivered last."""
    context = _context()
    told = account.whole(context, _named(context, name), limit)
    lines = [f"{key}: {value}" for key, value in told.items() if key != "deliveries" and value not in ("", None)]
    tell(as_json, told, *lines, *map(_line, told["deliveries"]))


def _line(row: dict[str, Any]) -> str:
    took = "" if row["seconds"] is None else f"{row['seconds']} s"
    said = f"{row['status'] or ''} {row['error']}".strip()
    number = str(row["number"])
    return "\t".join(
        (number, row["changed"], row["event"], row["article"], row["state"], str(row["attempts"]), took, said)
    )


@subscription_group.command("pause")
@click.argument("name")
@click.option("--reason", default="The operator paused it.", help="What its subscriber is told.")
@as_json
def pause(name: str, reason: str, as_json: bool) -> None:
    """Deliver nothing until it is resumed; what comes meanwhile waits."""
    context = _context()
    found = _named(context, name)
    if found.state != "active":
        raise Misconfigured(f"Subscription {name} is {found.state}.")
    store.pause_subscription(context.engine, found.id, reason, datetime.now(UTC))
    tell(as_json, {"paused": name}, f"Subscription {name} is paused.")


@subscription_group.command("resume")
@click.argument("name")
@as_json
def resume(name: str, as_json: bool) -> None:
    """Deliver again, what waits first."""
    context = _context()
    found = _named(context, name)
    if not store.resume_subscription(context.engine, found.id, datetime.now(UTC)):
        raise Misconfigured(f"Subscription {name} is {found.state}.")
    tell(as_json, {"resumed": name}, f"Subscription {name} is active.")


@subscription_group.command("resend")
@click.argument("name")
@click.argument("numbers", nargs=-1, type=int)
@as_json
def resend(name: str, numbers: tuple[int, ...], as_json: bool) -> None:
    """Deliver once more: deliveries by their NUMBERS, or without any all that were given up."""
    context = _context()
    found = _named(context, name)
    if found.state == "ended":
        raise Misconfigured(f"Subscription {name} is ended.")
    count = store.resend(context.engine, found.id, datetime.now(UTC), numbers)
    tell(as_json, {"resent": count}, f"{count} deliveries of {name} wait to be sent again.")


@subscription_group.command("end")
@click.argument("name")
@click.option("--reason", default="The operator ended it.", help="What its subscriber is told.")
@as_json
def end(name: str, reason: str, as_json: bool) -> None:
    """End a subscription; a WebSub subscriber is told (hub.mode=denied)."""
    context = _context()
    found = _named(context, name)
    if found.state == "ended":
        raise Misconfigured(f"Subscription {name} is ended.")
    store.deny(context.engine, found, reason, datetime.now(UTC))
    tell(as_json, {"ended": name}, f"Subscription {name} is ended.")


@click.group("webhook")
def webhook_group() -> None:
    """Webhooks of outlets: each changed article, signed, to an endpoint."""


@webhook_group.command("add")
@click.argument("url")
@click.option("--outlet", required=True, help="Whose it is.")
@click.option("--feed", "query", default="", help="A feed's parameters: region=kr:52&topic=…; without: everything.")
@click.option("--format", "format", type=click.Choice(list(DOCUMENTS)), default="json", show_default=True)
@click.option("--contact", default="", help="E-mail address that is told when it is paused.")
@as_json
def add(url: str, outlet: str, query: str, format: str, contact: str, as_json: bool) -> None:
    """Make a webhook; its secret is printed once, alone on the last line."""
    context = _context()
    if outlet not in [one.code for one in store.all_outlets(context.engine)]:
        raise Misconfigured(f"There is no outlet {outlet!r}: add it with `pressrelay outlet add`.")
    try:
        made = webhooks.add(context, url, query, format, outlet=outlet, contact=contact)
    except Problem as problem:
        raise Misconfigured(f"{problem.title}. {problem.detail}".strip()) from None
    told = account.told(context, made) | {"secret": made.secret}
    tell(as_json, told, f"Webhook {made.name} of {outlet}: {made.topic} to {made.target}. Its secret:", made.secret)


@webhook_group.command("rotate")
@click.argument("name")
@as_json
def rotate(name: str, as_json: bool) -> None:
    """Replace the secret: the new one alone on the last line. For a day deliveries are signed with both."""
    context = _context()
    changed = webhooks.rotate(context, _webhook(context, name))
    tell(as_json, {"name": name, "secret": changed.secret}, f"The new secret of {name}:", changed.secret)


@webhook_group.command("test")
@click.argument("name")
@as_json
def test(name: str, as_json: bool) -> None:
    """Send a test at once; its failure is this command's."""
    context = _context()
    tried = webhooks.test(context, _webhook(context, name))
    if tried.error:
        raise Misconfigured(f"{tried.error} ({tried.millis} ms)")
    tell(as_json, msgspec.to_builtins(tried), f"The endpoint answered {tried.status} within {tried.millis} ms.")


def _webhook(context: Context, name: str) -> Subscription:
    found = _named(context, name)
    if found.kind != "webhook" or found.state == "ended":
        raise Misconfigured(f"{name} is no webhook that goes on: it is {found.kind}, {found.state}.")
    return found
