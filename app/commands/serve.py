"""`serve`: run the whole server."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from app import store
from app.accounts.offices import OfficeRecord
from app.commands import Misconfigured, as_json, open_database
from app.logs import configure
from app.run.serve import ROLES, serve
from app.settings import Settings, load
from app.text.masking import hushed


@click.command("serve")
@click.option(
    "--sample",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Push this release when the server is ready.",
)
@click.option(
    "--only",
    type=click.Choice(ROLES),
    multiple=True,
    help="Run only this part: web, worker (embargoes, sources, the desk) or deliver. Repeat it for more. Needs PRESSRELAY_REDIS_URL.",
)
@click.option(
    "--fd",
    type=click.IntRange(0),
    help="File descriptor of a TCP socket that is already listening. A socket from systemd is found without this option.",
)
@as_json
def serve_command(sample: Path | None, only: tuple[str, ...], fd: int | None, as_json: bool) -> None:
    """Run the cache, the web workers and the background processes until SIGTERM or Ctrl-C."""
    settings = load()
    configure(settings.log_format)

    def say(sentence: str) -> None:
        sentence = hushed(sentence)
        click.echo(msgspec.json.encode({"message": sentence.strip()}).decode() if as_json else sentence)

    def push_sample() -> None:
        if sample:
            _sample(settings, sample, say)

    sys.exit(serve(settings, say, push_sample, only, fd))


def _sample(settings: Settings, file: Path, say: Callable[[str], None]) -> None:
    from app.sender import PushClient  # imported only here: a server without a sample starts sooner

    engine = open_database(settings)
    office = OfficeRecord("jeonbuk", "전북특별자치도", "https://www.jeonbuk.go.kr/", ("kr:52",))
    store.accounts.save_office(engine, office)
    token = store.accounts.new_token(engine, office.code, "sample", datetime.now(UTC))
    engine.dispose()
    client = PushClient(settings.url, token)
    answer = client.push(file.read_bytes())
    client.close()
    if not answer.accepted:
        raise Misconfigured(f"The sample release was not accepted: {answer.members}")
    receipt = answer.members
    say(f"Sample release of {office.name}: {receipt['url']}")
    for format in ("atom", "rss", "newsml"):
        say(f"  {settings.url}/feed.{format}?region=kr:52")
