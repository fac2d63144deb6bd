"""Every parameter of a request, checked at one place before any route reads it: the path, the query string, and what a form or a
JSON object holds. And how long a header may be: reading a list of them costs its length times what it is compared with.

A value is refused where it holds a character that none may hold (app/text/characters.py), where its bytes are not UTF-8, and where it
is longer than any value that is taken here.
"""

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, unquote_to_bytes

from flask import Flask, request

from app.errors import Fault, Problem
from app.text.characters import refused
from app.web.conditional import LONGEST_HEADER

Pairs = list[tuple[str, str]]

MOST = 500  # parameters of one request
LONGEST = 4000  # characters of a value in the query string
TEXTS = {"q", "reason"}  # what people write, perhaps in several lines
# Nothing in these needs to be decoded, so nothing that is refused can be in them.
_PLAIN_PATH = re.compile(r"[!-~]*")
_PLAIN_QUERY = re.compile(r"[!-$&-~]*")


def install(app: Flask) -> None:
    """Check headers, path and query string of every request. Before whatever else reads one of them."""
    app.before_request(check_headers)
    app.before_request(check)


def check_headers() -> None:
    """Raises Problem (431), which names the header that is too long."""
    environ = request.environ
    long = [name for name, value in environ.items() if isinstance(value, str) and len(value) > LONGEST_HEADER]
    if long := [name for name in long if name.startswith("HTTP_") or name == "CONTENT_TYPE"]:
        length = len(environ[long[0]])
        for name in long:
            environ[name] = ""  # The page that tells this reads Accept-Language.
        named = long[0].removeprefix("HTTP_").replace("_", "-").title()
        detail = f"{named} has {length} bytes; at most {LONGEST_HEADER} are taken."
        raise Problem(431, "header-too-long", "A header is too long", detail)


def check() -> None:
    """Raises Problem (400), which names each parameter that is refused."""
    path, query = request.environ["PATH_INFO"], request.environ.get("QUERY_STRING", "")
    if not _PLAIN_PATH.fullmatch(path) and (found := refused(_text(path))):
        raise _problem([Fault(_reason("The path", found))])
    if query and (len(query) > LONGEST or not _PLAIN_QUERY.fullmatch(query) or query.count("&") >= MOST):
        found_pairs = pairs(query)
        for name, value in found_pairs:
            if len(value) > LONGEST:
                detail = f"{name[:40]} has {len(value)} characters; at most {LONGEST} are taken."
                raise Problem(400, "bad-parameter", "Bad parameter", detail)


def pairs(encoded: str) -> Pairs:
    """The names and values of a query string or a form (application/x-www-form-urlencoded), as WSGI hands bytes on: one character
    each. Raises Problem (400)."""
    if encoded.count("&") >= MOST:
        detail = f"A request takes at most {MOST} parameters."
        raise Problem(400, "too-many-values", "Too many parameters", detail)
    # What is no UTF-8 becomes a surrogate, and is refused as such.
    return checked(parse_qsl(_text(encoded), keep_blank_values=True, errors="surrogateescape"))


def checked(found: Iterable[tuple[str, str]]) -> Pairs:
    """The same names and values, all of which may be used. Raises Problem (400)."""
    found = list(found)
    faults = []
    for name, value in found:
        if character := refused(name):
            faults.append(Fault(_reason("The name of a parameter", character)))
        elif character := refused(value, lines=name in TEXTS):
            faults.append(Fault(_reason(name[:40], character), path=name[:40]))
    if faults:
        raise _problem(faults[:20])
    return found


def header(name: str) -> str:
    """The text of a header whose value is percent-encoded UTF-8, or UTF-8 as it is; empty: there is none. Raises Problem (400)."""
    sent = unquote_to_bytes(request.headers.get(name, "").encode("latin-1", "replace"))
    return checked([(name, sent.decode("utf-8", "surrogateescape").strip())])[0][1]


def _text(encoded: str) -> str:
    return encoded.encode("latin-1", "replace").decode("utf-8", "surrogateescape")


def _reason(what: str, character: str) -> str:
    if "U+DC80" <= character <= "U+DCFF":
        return f"{what} is not UTF-8: it holds the byte 0x{character[-2:]}. Encode texts as UTF-8."
    return f"{what} holds the character {character}, which no parameter may hold. Leave it out."


def _problem(faults: list[Fault]) -> Problem:
    return Problem(400, "bad-characters", "A character that is not taken", faults[0].reason, errors=faults)
