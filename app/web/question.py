"""The query of a request: which articles its feed, page or archive shows."""

from collections.abc import Iterable

from flask import request

from app import store
from app.query import PAGED, Query, Saved, parse, recall
from app.web.context import here
from app.web.parameters import ASKED, VARYING, meant, of_format

# `status=embargoed` is handled in app/web/embargoed.py; queries here are only for public articles.
PUBLIC = {("status", "public"), ("status", "")}


def question_here(format: str = "") -> Query:
    """The query of this request for public articles, at the address of a format or of a page. Raises Problem and Unavailable."""
    pairs = meant((*ASKED, *of_format(format)))
    return question_of(pair for pair in pairs if pair[0] not in VARYING and (pair[0], pair[1].strip()) not in PUBLIC)


def question_of(pairs: Iterable[tuple[str, str]]) -> Query:
    """The query of these parameters. Raises Problem and Unavailable."""
    pairs = list(pairs)
    _know_the_history()
    return parse(pairs, _offices(any(name.endswith("office") for name, _ in pairs)), here().read_cursor)


def question_of_saved(saved: Saved, format: str) -> Query:
    """The query of a saved feed, with the page that this request names. Raises Problem and Unavailable."""
    _know_the_history()
    pairs = [pair for pair in meant((*PAGED, *of_format(format))) if pair[0] not in VARYING]
    return recall(saved, pairs, _offices("office" in saved.query), here().read_cursor)


def _know_the_history() -> None:
    """If the request has a cursor, find out first which history the database is in."""
    if {"before", "after"} & set(request.args):
        here().synced()


def _offices(named: bool) -> list[str]:
    return [office.code for office in store.accounts.all_offices(here().engine)] if named else []
