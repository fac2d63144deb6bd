"""The `pressrelay` command. An error is one sentence on standard error and a non-zero exit code; `--json` prints for programs."""

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

COMMANDS = {  # name -> module of app.commands, the function in it, and the sentence for the list of commands
    "serve": ("serve", "serve_command", "Run the whole server."),
    "worker": ("worker", "worker_command", "Run the worker that lifts embargoes."),
    "deliver": ("deliver", "deliver_command", "Run one delivery worker for WebSub, webhooks and e-mail."),
    "desk": ("desk", "desk_command", "Publish the desk's scheduled drafts."),
    "pull": ("pull", "pull_command", "Run the process that pulls sources."),
    "metrics": ("metrics", "metrics_command", "Serve the metrics at an address of their own."),
    "push": ("push", "push_command", "Send releases to a server."),
    "import": ("files", "import_command", "Import releases directly into the database."),
    "watch": ("files", "watch_command", "Take releases from a drop folder."),
    "source": ("sources", "source_group", "Sources that are pulled."),
    "feed": ("feeds", "feed_group", "Feeds with a short name."),
    "files": ("enclosures", "files_group", "Files that offices sent with releases."),
    "quarantine": ("quarantine", "quarantine_group", "Documents that crashed the server."),
    "office": ("offices", "office_group", "Offices that may push releases."),
    "token": ("tokens", "token_group", "Tokens of offices, outlets, monitors and administrators."),
    "person": ("people", "person_group", "People who may sign in."),
    "key": ("keys", "key_group", "Keys with which offices sign releases."),
    "verify": ("verify", "verify_command", "Verify a signed release."),
    "outlet": ("outlets", "outlet_group", "News outlets that may read under embargo."),
    "subscription": ("subscriptions", "subscription_group", "Subscriptions: WebSub, webhooks and e-mail."),
    "webhook": ("subscriptions", "webhook_group", "Webhooks of outlets."),
    "trace": ("trace", "trace_command", "Find whose copy under embargo a text comes from."),
    "audit": ("audit", "audit_group", "The audit log."),
    "backup": ("backup", "backup_command", "Back the server up."),
    "restore": ("backup", "restore_command", "Restore a backup."),
    "deliveries": ("operation", "deliveries_group", "Hold and resume all deliveries."),
    "drain": ("operation", "drain_command", "Take no more releases for a while."),
    "cache": ("operation", "cache_group", "The cache."),
    "db": ("database", "db_group", "The database."),
    "plan": ("plan", "plan_command", "Say how large a server must be."),
    "doctor": ("database", "doctor", "Check everything that the server needs."),
}


class Words(StringParamType):
    """A text argument of the command line. It may be stored, so the same characters are forbidden as in parameters of requests."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The text. Raises a usage error that names the character that is not allowed."""
        text = super().convert(value, param, ctx)
        if character := refused(text, lines=True):
            self.fail(f"it contains the character {character}, which is not allowed. Leave it out.", param, ctx)
        return text


def checked(command: click.Command) -> click.Command:
    """The same command, whose text arguments are checked from now on. Paths are not checked."""
    for parameter in command.params:
        if type(parameter.type) is StringParamType:
            parameter.type = Words()
    if isinstance(command, click.Group):
        for below in command.commands.values():
            checked(below)
    return command


class Commands(click.Group):
    """Imports only the module of the command that runs: pushing a file needs no database, and the list of commands needs none."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, name, _ = COMMANDS[cmd_name]
        return checked(getattr(import_module(f"app.commands.{module}"), name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, sentence) for name, (_, _, sentence) in COMMANDS.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pressrelay")
def cli() -> None:
    """Press-release syndication server. Settings are environment variables PRESSRELAY_*; see docs/settings.md."""


def main() -> None:
    """The console entry point. A wrong set-up gives a message and no traceback."""
    keep_private()
    guard()
    try:
        cli(standalone_mode=True)
    except PressrelayError as error:
        click.echo(f"pressrelay: {hushed(str(error))}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
