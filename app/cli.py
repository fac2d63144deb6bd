"""The `pressrelay` command. Every fault is a sentence on standard error and a non-zero exit; `--json` prints for programs."""

import sys

import click

from app.commands import enclosures, files, offices, server
from app.errors import PressrelayError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pressrelay")
def cli() -> None:
    """Press-release syndication server. Settings: PRESSRELAY_* in the environment, see docs/settings.md."""


for command in (
    *(server.serve_command, server.worker_command, server.db_group, server.doctor),
    files.push_command,
    enclosures.files_group,
    *(offices.office_group, offices.token_group),
):
    cli.add_command(command)


def main() -> None:
    """The console entry: no traceback for a fault of the set-up."""
    try:
        cli(standalone_mode=True)
    except PressrelayError as error:
        click.echo(f"pressrelay: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
