"""The `pressrelay` command. Every fault is a sentence on standard error and a non-zero exit; `--json` prints for programs."""

import sys
from importlib import import_module
from typing import Any

import click
from click.types import StringParamType

from app.errors import PressrelayError
from app.logs import guard
from app.run.process import keep_private
from app.text.characters import refused
from app.text.masking import hushed

COMMANDS = {  # name -> module of app.commands, and what it is called there
    "serve": ("serve", "serve_command"),
    "worker": ("worker", "worker_command"),
    "deliver": ("deliver", "deliver_command"),
    "pull": ("pull", "pull_command"),
    "metrics": ("metrics", "metrics_command"),
    "push": ("push", "push_command"),
    "import": ("files", "import_command"),
    "watch": ("files", "watch_command"),
    "source": ("sources", "source_group"),
    "feed": ("feeds", "feed_group"),
    "files": ("enclosures", "files_group"),
    "office": ("offices", "office_group"),
    "token": ("tokens", "token_group"),
    "key": ("keys", "key_group"),
    "verify": ("verify", "verify_command"),
    "outlet": ("outlets", "outlet_group"),
    "subscription": ("subscriptions", "subscription_group"),
    "webhook": ("subscriptions", "webhook_group"),
    "audit": ("audit", "audit_group"),
    "db": ("database", "db_group"),
    "doctor": ("database", "doctor"),
}


class Words(StringParamType):
    """A text of the command line, which may end in the database: it holds no character that a parameter of a request may not hold."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The text; a usage error that says which character it must not hold."""
        text = super().convert(value, param, ctx)
        if character := refused(text, lines=True):
            self.fail(f"it holds the character {character}, which no parameter may hold. Leave it out.", param, ctx)
        return text


def checked(command: click.Command) -> click.Command:
    """The command, of which every text is checked. Paths are not texts."""
    for parameter in command.params:
        if type(parameter.type) is StringParamType:
            parameter.type = Words()
    if isinstance(command, click.Group):
        for below in command.commands.values():
            checked(below)
    return command


class Commands(click.Group):
    """Loads only the command that is asked for: pushing a file needs no database."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        return checked(getattr(import_module(f"app.commands.{module}"), name))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pressrelay")
def cli() -> None:
    """Press-release syndication server. Settings: PRESSRELAY_* in the environment, see docs/settings.md."""


def main() -> None:
    """The console entry: no traceback for a fault of the set-up."""
    keep_private()
    guard()
    try:
        cli(standalone_mode=True)
    except PressrelayError as error:
        click.echo(f"pressrelay: {hushed(str(error))}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
