"""Small request bodies of names and texts: from the form of a page, or as JSON from a program."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

import msgspec
from flask import request

from app.errors import NoFiles, Problem
from app.files.multipart import Form, Limits, receive_form, spool
from app.web import parameters
from app.web.body import DRAIN, body_parts, drain
from app.web.context import here
from app.web.limits import LARGEST_FORM
from app.web.parameters import Pairs


def sized() -> None:
    """Raises Problem if the body has no Content-Length (411), is too large (413) or is incomplete (400)."""
    if request.content_length is None:
        raise Problem(411, "length-required", "Content-Length is needed", "Send the body with its length.")
    if request.content_length > LARGEST_FORM:
        raise Problem(413, "too-large", "The body is too large", f"The limit is {LARGEST_FORM} bytes.")
    if len(request.get_data(cache=True, parse_form_data=False)) != request.content_length:
        raise Problem(400, "cut-off", "The upload was cut off", "Fewer bytes arrived than Content-Length says.")


def fields() -> Pairs:
    """The fields of a form or a JSON object in order, checked like all parameters. Raises Problem (400), and as `sized` does."""
    sized()
    if request.mimetype == "application/x-www-form-urlencoded":
        return parameters.pairs(request.get_data(cache=True, parse_form_data=False).decode("latin-1"))
    if request.mimetype != "application/json":
        return parameters.checked(request.form.items(multi=True))
    try:
        sent = msgspec.json.decode(request.get_data(), type=dict[str, str])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Problem(
            400, "bad-json", "Not a JSON object of texts", "Send an object whose members are texts."
        ) from None
    return parameters.checked(sent.items())


def members(names: Collection[str]) -> dict[str, str]:
    """The fields by name, without white space around them; if a name is repeated, the first one. Raises Problem (400) for a name that
    is not in `names`, and as `fields` does."""
    first: dict[str, str] = {}
    for name, value in fields():
        first.setdefault(name, value)
    for name in first:
        if name not in names:
            detail = f"{name[:40]!r} is not known here. The parameters are {', '.join(names)}."
            raise Problem(400, "unknown-parameter", "Unknown parameter", detail)
    return {name: value.strip() for name, value in first.items()}


@contextmanager
def whole_form() -> Iterator[Form]:
    """A form of any size that a release may have, with the files that a person chose; these are gone when the block ends. Files that
    are too large are read and left out, so the form may be as long as what the server reads of any body. Raises Problem, NoFiles."""
    settings = here().settings
    if request.mimetype != "multipart/form-data":
        raise Problem(415, "unsupported-media-type", "Not a form", "Send the form as multipart/form-data.")
    limits = Limits(settings.max_body, settings.max_file, settings.max_files, settings.max_upload)
    small = (request.content_length or LARGEST_FORM + 1) <= LARGEST_FORM
    parts = _small() if small else body_parts(DRAIN * settings.max_upload)
    with spool(settings.data_dir) as directory:
        try:
            received = receive_form(parts, request.mimetype_params.get("boundary", ""), directory, limits)
        except (Problem, NoFiles):
            with suppress(Problem):
                drain(parts)
            raise
        drain(parts)
        yield received


def _small() -> Iterator[bytes]:
    """A small form, which app/web/places.py has read before. Raises Problem (400)."""
    sized()
    yield request.get_data(cache=True, parse_form_data=False)
