"""The commands of `pressrelay`, one module a subject; app/cli.py names them all. Here: what every command shares."""

from typing import Any

import click
import msgspec

from app.text.masking import masked

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def tell(as_json: bool, members: dict[str, Any], *sentences: str) -> None:
    """One answer in the form that was asked for. URLs are told without passwords."""
    if as_json:
        click.echo(masked(msgspec.json.encode(members).decode()))
        return
    for sentence in sentences:
        click.echo(masked(sentence))
