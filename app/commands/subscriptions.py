"""`subscription` and `webhook`: the subscribers and their deliveries."""

from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from app import store
from app.commands import Misconfigured, Problem, as_json, connected, report
from app.context import Context
from app.deliveries import account, webhooks


def _named(context: Context, name: str) -> store.deliveries.Subscription:
    found = store.deliveries.subscription(context.engine, name)
    if found is None:
        raise Misconfigured(f"There is no subscription {name!r}: see `pressrelay subscription list`.")
    return found


@click.group("subscription")
def subscription_group() -> None:
    """Subscriptions: WebSub subscribers, webhooks and e-mail alerts."""


@subscription_group.command("list")
@click.option("--kind", type=click.Choice(["websub", "webhook", "email"]), help="Only subscriptions of this kind.")
@click.option("--state", type=click.Choice(["active", "paused", "ended"]), help="Only subscriptions in this state.")
@click.option("--outlet", default="", help="Only subscriptions of this outlet.")
@click.option("--host", default="", help="Only subscriptions that deliver to this host.")
@click.option("--limit", default=1000, show_default=True, help="Largest number of subscriptions.")
@as_json
def listed(kind: str | None, state: str | None, outlet: str, host: str, limit: int, as_json: bool) -> None:
    """List subscriptions, the oldest first."""
    context = connected()
    found = store.deliveries.find_subscriptions(
        context.engine, kind=kind or "", state=state or "", outlet=outlet, host=host, limit=limit
    )
    rows = [account.summary(context, subscription) for subscription in found]
    lines = ("\t".join((row["name"], row["kind"], row["state"], row["target"], row["topic"])) for row in rows)
    report(as_json, {"subscriptions": rows}, *lines)


@subscription_group.command("show")
@click.argument("name")
@click.option("--limit", default=50, show_default=True, help="Largest number of deliveries.")
@as_json
def show(name: str, limit: int, as_json: bool) -> None:
    """Show a subscription and its last deliveries."""
    context = connected()
    details = account.details(context, _named(context, name), limit, operator=True)
    lines = [f"{key}: {value}" for key, value in details.items() if key != "deliveries" and value not in ("", None)]
    report(as_json, details, *lines, *map(_line, details["deliveries"]))


def _line(row: dict[str, Any]) -> str:
    took = "" if row["seconds"] is None else f"{row['seconds']} s"
    answer = f"{row['status'] or ''} {row['error']}".strip()
    number = str(row["number"])
    return "\t".join(
        (
            *(number, row["changed"], row["event"], row["article"], row["state"], str(row["attempts"]), took),
            *(row["request"], answer),
        )
    )


@subscription_group.command("pause")
@click.argument("name")
@click.option("--reason", default="The operator paused it.", help="The reason that its subscriber sees.")
@as_json
def pause(name: str, reason: str, as_json: bool) -> None:
    """Stop delivering until the subscription is resumed. New changes wait."""
    context = connected()
    found = _named(context, name)
    if found.state != "active":
        raise Misconfigured(f"Subscription {name} is already {found.state}.")
    store.deliveries.pause_subscription(context.engine, found.id, reason, datetime.now(UTC))
    report(as_json, {"paused": name}, f"Subscription {name} is paused.")


@subscription_group.command("resume")
@click.argument("name")
@as_json
def resume(name: str, as_json: bool) -> None:
    """Deliver again, starting with the changes that wait."""
    context = connected()
    found = _named(context, name)
    if not store.deliveries.resume_subscription(context.engine, found.id, datetime.now(UTC)):
        raise Misconfigured(f"Subscription {name} is already {found.state}.")
    report(as_json, {"resumed": name}, f"Subscription {name} is active.")


@subscription_group.command("resend")
@click.argument("name")
@click.argument("numbers", nargs=-1, type=int)
@as_json
def resend(name: str, numbers: tuple[int, ...], as_json: bool) -> None:
    """Repeat deliveries: those with these NUMBERS, or all that were given up if there are no NUMBERS."""
    context = connected()
    found = _named(context, name)
    if found.state == "ended":
        raise Misconfigured(f"Subscription {name} has ended.")
    count = store.deliveries.resend(context.engine, found.id, datetime.now(UTC), numbers)
    report(as_json, {"resent": count}, f"{count} deliveries of {name} will be sent again.")


@subscription_group.command("end")
@click.argument("name")
@click.option("--reason", default="The operator ended it.", help="The reason that its subscriber sees.")
@as_json
def end(name: str, reason: str, as_json: bool) -> None:
    """End a subscription. A WebSub subscriber is notified (hub.mode=denied)."""
    context = connected()
    found = _named(context, name)
    if found.state == "ended":
        raise Misconfigured(f"Subscription {name} has ended.")
    store.deliveries.deny(context.engine, found, reason, datetime.now(UTC))
    report(as_json, {"ended": name}, f"Subscription {name} has ended.")


@click.group("webhook")
def webhook_group() -> None:
    """Webhooks of outlets: each changed article is sent, signed, to an endpoint."""


@webhook_group.command("add")
@click.argument("url")
@click.option("--outlet", required=True, help="The outlet that it belongs to.")
@click.option("--feed", "query", default="", help="Parameters of a feed: region=kr:52&topic=…; everything if left out.")
@click.option(
    "--format", type=click.Choice(webhooks.FORMATS), default="json", show_default=True, help="Format of what is sent."
)
@click.option("--contact", default="", help="E-mail address that gets a mail when the webhook is paused.")
@as_json
def add(url: str, outlet: str, query: str, format: str, contact: str, as_json: bool) -> None:
    """Make a webhook. Its secret is printed only once, alone on the last line."""
    context = connected()
    if outlet not in [known.code for known in store.accounts.all_outlets(context.engine)]:
        raise Misconfigured(f"There is no outlet {outlet!r}: add it with `pressrelay outlet add`.")
    try:
        made = webhooks.add(context, url, query, format, outlet=outlet, contact=contact)
    except Problem as problem:
        raise Misconfigured(f"{problem.title}. {problem.detail}".strip()) from None
    members = account.summary(context, made) | {"secret": made.secret}
    report(
        as_json, members, f"Webhook {made.name} of {outlet}: {made.topic} to {made.target}. Its secret:", made.secret
    )


@webhook_group.command("rotate")
@click.argument("name")
@as_json
def rotate(name: str, as_json: bool) -> None:
    """Replace the secret. The new one is printed alone on the last line. For one day, deliveries are signed with both."""
    context = connected()
    changed = webhooks.rotate(context, _webhook(context, name))
    report(as_json, {"name": name, "secret": changed.secret}, f"The new secret of {name}:", changed.secret)


@webhook_group.command("test")
@click.argument("name")
@as_json
def test(name: str, as_json: bool) -> None:
    """Send a test delivery now; exit 1 if it fails."""
    context = connected()
    tried = webhooks.test(context, _webhook(context, name))
    if tried.error:
        raise Misconfigured(f"{tried.error} ({tried.millis} ms)")
    report(as_json, msgspec.to_builtins(tried), f"The endpoint answered {tried.status} within {tried.millis} ms.")


def _webhook(context: Context, name: str) -> store.deliveries.Subscription:
    found = _named(context, name)
    if found.kind != "webhook" or found.state == "ended":
        raise Misconfigured(
            f"{name} must be a webhook that has not ended, but its kind is {found.kind} and its state {found.state}."
        )
    return found
