"""Small requests that a page's form sends, or a program as JSON: names and texts."""

from collections.abc import Collection

import msgspec
from flask import request

from app.errors import Problem
from app.web import parameters
from app.web.parameters import Pairs

LARGEST = 16_384  # bytes


def sized() -> None:
    """Raises Problem (411, 413, 400) for a body without its length, one that is too large, or one that was cut off."""
    if request.content_length is None:
        raise Problem(411, "length-required", "Content-Length is needed")
    if request.content_length > LARGEST:
        raise Problem(413, "too-large", "Too large", f"At most {LARGEST} bytes are taken.")
    if len(request.get_data(cache=True, parse_form_data=False)) != request.content_length:
        raise Problem(400, "cut-off", "The upload was cut off", "Fewer bytes came than Content-Length says.")


def fields() -> Pairs:
    """What a form or a JSON object holds, in its order, checked as every parameter is. Raises Problem (400), and as `sized` does."""
    sized()
    if request.mimetype == "application/x-www-form-urlencoded":
        return parameters.pairs(request.get_data(cache=True, parse_form_data=False).decode("latin-1"))
    if request.mimetype != "application/json":
        return parameters.checked(request.form.items(multi=True))
    try:
        given = msgspec.json.decode(request.get_data(), type=dict[str, str])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Problem(400, "bad-json", "Not what is asked for", "Send an object whose members are texts.") from None
    return parameters.checked(given.items())


def members(names: Collection[str]) -> dict[str, str]:
    """What was sent, the first of each name, without white space around it. Raises Problem: for another name 400, and as `fields`
    does."""
    given: dict[str, str] = {}
    for name, value in fields():
        given.setdefault(name, value)
    for name in given:
        if name not in names:
            detail = f"{name[:40]!r} is none of {', '.join(names)}."
            raise Problem(400, "unknown-parameter", "Unknown parameter", detail)
    return {name: value.strip() for name, value in given.items()}
