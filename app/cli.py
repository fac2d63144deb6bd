"""The `pressrelay` command. Every fault is a sentence on standard error and a non-zero exit; `--json` prints for programs."""

import sys
from importlib import import_module

import click

from app.errors import PressrelayError
from app.logs import guard
from app.masking import hushed
from app.process import keep_private

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
        command: click.Command = getattr(import_module(f"app.commands.{module}"), name)
        return command


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
