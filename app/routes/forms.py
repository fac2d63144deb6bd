"""Small requests that a page's form sends, or a program as JSON: names and texts."""

from collections.abc import Collection

import msgspec
from flask import request

from app.errors import Problem

LARGEST = 16_384  # bytes


def sized() -> None:
    """Raises Problem (411, 413, 400) for a body without its length, one that is too large, or one that was cut off."""
    if request.content_length is None:
        raise Problem(411, "length-required", "Content-Length is needed")
    if request.content_length > LARGEST:
        raise Problem(413, "too-large", "Too large", f"At most {LARGEST} bytes are taken.")
    if len(request.get_data(cache=True, parse_form_data=False)) != request.content_length:
        raise Problem(400, "cut-off", "The upload was cut off", "Fewer bytes came than Content-Length says.")


def members(names: Collection[str]) -> dict[str, str]:
    """What was sent, without white space around it. Raises Problem: for another name 400, and as `sized` does."""
    sized()
    if request.mimetype == "application/json":
        try:
            given = msgspec.json.decode(request.get_data(), type=dict[str, str])
        except msgspec.MsgspecError:
            raise Problem(400, "bad-json", "Not what is asked for", "Send an object whose members are texts.") from None
    else:
        given = request.form.to_dict()
    for name in given:
        if name not in names:
            detail = f"{name[:40]!r} is none of {', '.join(names)}."
            raise Problem(400, "unknown-parameter", "Unknown parameter", detail)
    return {name: value.strip() for name, value in given.items()}
