"""`trace`: find the outlet from whose copy of an embargoed article a text comes."""

import sys
import tempfile
from pathlib import Path

import click
import msgspec

from app.commands import Misconfigured, as_json, opened, report
from app.syndication.tracing import SURE, Trace, TracedArticle, record_trace, trace_file

LARGEST = 64 * 1024 * 1024  # bytes of a file
PROBLEMS = {
    "empty": "There are too few words in it to find an article.",
    "unread": "The file cannot be read.",
}


@click.command("trace")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--office", multiple=True, help="Compare only with articles of this office.")
@as_json
def trace_command(file: Path, office: tuple[str, ...], as_json: bool) -> None:
    """Find the outlet from whose embargoed copy a text comes. FILE: a text, HTML, XML, JSON, a mail, HWPX, HWP, DOCX or PDF; -
    reads standard input. Exit 1 if no outlet is found."""
    engine = opened().engine
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / "text"
        copy.write_bytes(_content(file))
        found = trace_file(engine, copy, office or None)
    record_trace(engine, "command", office[0] if len(office) == 1 else "", found)
    report(as_json, msgspec.to_builtins(found), *_sentences(found))
    sys.exit(0 if found.found else 1)


def _content(file: Path) -> bytes:
    with click.open_file(str(file), "rb") as stream:
        content: bytes = stream.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise Misconfigured(f"{file} is too large: the limit is {LARGEST} bytes.")
    return content


def _sentences(found: Trace) -> list[str]:
    if found.problem:
        return [PROBLEMS[found.problem]]
    if not found.articles:
        return ["No article that outlets got under embargo has these words."]
    return [sentence for article in found.articles for sentence in _of(article)]


def _of(article: TracedArticle) -> list[str]:
    said = [f"Article {article.id} of {article.office}: {article.headline}"]
    said += [
        f"  {outlet.code} ({outlet.name or 'not registered any more'}): {outlet.agreed} of {outlet.places} marks agree."
        f" At most 1 of {1 / outlet.chance:.0e} texts from elsewhere would agree so well with any outlet."
        for outlet in article.outlets
    ]
    if article.outlets:
        return said
    copies = f"{article.copies} outlet{'' if article.copies == 1 else 's'} got a copy"
    if not article.places:
        return [*said, f"  No outlet is found: the text has no marks that can be read ({copies})."]
    return [
        *said,
        f"  No outlet is found: {article.places} marks can be read, and no copy agrees well enough ({copies}; a text from elsewhere"
        f" would have to agree so well only once in {1 / SURE:.0e} times).",
    ]
