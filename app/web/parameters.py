"""Checks every parameter of a request before a route reads it: the path, the query string, and the fields of a form or a JSON object.
It also limits the length of headers, because reading a header with a long list is expensive.

A value is refused if it contains a forbidden character (app/text/characters.py), if its bytes are not UTF-8, or if it is longer than
any valid value.
"""

import re
from collections.abc import Collection, Iterable
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlencode

from flask import Flask, Response, abort, g, request
from rapidfuzz.distance import OSA

from app.errors import Fault, Problem
from app.intake.normalize import line as one_line
from app.query import PARAMETERS, url
from app.text.characters import refused
from app.web import html
from app.web.conditional import LONGEST_HEADER
from app.web.context import here
from feeds import CHOICES, FORMATS, ending_of, variants

Pairs = list[tuple[str, str]]

LONGEST_REASON = 1000  # characters
MOST = 500  # parameters in one request
LONGEST = 4000  # characters of a value in the query string
# texts that people write, perhaps in several lines
TEXTS = {"q", "reason", "why", "regions", "topics", "offices", "networks", "body", "about"}
# Names of parameters in other systems -> our name. If one of them were ignored, the answer would be wider than the request.
OTHER_NAMES = {
    **dict.fromkeys(("language", "locale"), "lang"),
    **dict.fromkeys(("query", "search", "keyword", "keywords"), "q"),
    **dict.fromkeys(("agency", "department", "ministry", "organisation", "organization"), "office"),
    **dict.fromkeys(("category", "subject", "tag", "tags"), "topic"),
    **dict.fromkeys(("area", "country", "location", "place"), "region"),
    **dict.fromkeys(("from", "start"), "since"),
    **dict.fromkeys(("end", "to"), "until"),
    **dict.fromkeys(("count", "max", "n", "per_page", "size"), "limit"),
    **dict.fromkeys(("cursor", "offset", "page"), "before"),
}
# The endpoint that reports too long and too many values itself and keeps the others, and the longest query for which it does so.
TOLERANT, LONGEST_QUERY = {"build.page"}, 4 * LONGEST
ASKED = (*PARAMETERS, "status")  # all parameters of a feed
VARYING = {name for name, _ in CHOICES.values()}  # further parameters, of some formats only
# Paths and queries that match these need no decoding, so they cannot contain anything that is refused.
_PLAIN_PATH = re.compile(r"[!-~]*")
_PLAIN_QUERY = re.compile(r"[!-$&-~]*")


def install(app: Flask) -> None:
    """Check headers, path and query string of every request. Call this before installing anything that reads them."""
    app.before_request(check_headers)
    app.before_request(check)


def check_headers() -> None:
    """Raises Problem (431), which names the header that is too long."""
    environ = request.environ
    long = [name for name, value in environ.items() if isinstance(value, str) and len(value) > LONGEST_HEADER]
    if long := [name for name in long if name.startswith("HTTP_") or name == "CONTENT_TYPE"]:
        length = len(environ[long[0]])
        for name in long:
            environ[name] = ""  # The error page reads Accept-Language, for example.
        named = long[0].removeprefix("HTTP_").replace("_", "-").title()
        detail = f"{named} has {length} bytes. The limit is {LONGEST_HEADER} bytes."
        raise Problem(431, "header-too-long", "A header is too long", detail)


def check() -> None:
    """Raises Problem (400), which names each parameter that is refused."""
    path, query = request.environ["PATH_INFO"], request.environ.get("QUERY_STRING", "")
    if not _PLAIN_PATH.fullmatch(path) and (found := refused(_text(path))):
        raise _problem([Fault(_reason("The path", found))])
    if query and (len(query) > LONGEST or not _PLAIN_QUERY.fullmatch(query) or query.count("&") >= MOST):
        tolerant = request.endpoint in TOLERANT and len(query) <= LONGEST_QUERY
        found_pairs = pairs(query, LONGEST_QUERY if tolerant else MOST)
        for name, value in found_pairs:
            if len(value) > LONGEST and not tolerant:
                detail = f"{name[:40]} has {len(value)} characters. The limit is {LONGEST} characters."
                raise Problem(400, "bad-parameter", "Bad parameter", detail)


def pairs(encoded: str, most: int = MOST) -> Pairs:
    """The names and values of a query string or a form (application/x-www-form-urlencoded), in the strings of WSGI, which have one
    character for each byte. Raises Problem (400), also for more than `most` of them."""
    if encoded.count("&") >= most:
        detail = f"A request may have at most {most} parameters."
        raise Problem(400, "too-many-values", "Too many parameters", detail)
    # A byte that is not UTF-8 becomes a surrogate, which is refused.
    return checked(parse_qsl(_text(encoded), keep_blank_values=True, errors="surrogateescape"))


def checked(found: Iterable[tuple[str, str]]) -> Pairs:
    """The same names and values, after a check of their characters. Raises Problem (400)."""
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
    """The text of a header whose value is UTF-8, percent-encoded or not; empty if there is none. Raises Problem (400)."""
    sent = unquote_to_bytes(request.headers.get(name, "").encode("latin-1", "replace"))
    return checked([(name, sent.decode("utf-8", "surrogateescape").strip())])[0][1]


def _text(encoded: str) -> str:
    return encoded.encode("latin-1", "replace").decode("utf-8", "surrogateescape")


def _reason(what: str, character: str) -> str:
    if "U+DC80" <= character <= "U+DCFF":
        return f"{what} is not UTF-8: it contains the byte 0x{character[-2:]}. Encode texts as UTF-8."
    return f"{what} contains the character {character}, which is not allowed in parameters. Leave it out."


def _problem(faults: list[Fault]) -> Problem:
    return Problem(400, "bad-characters", "A character is not allowed", faults[0].reason, errors=faults)


def only(names: Collection[str]) -> dict[str, str]:
    """The parameters of the request without the empty ones; each may be given once. Raises Problem, and redirects, as `meant` does."""
    return given_once(meant(names))


def given_once(given: Pairs) -> dict[str, str]:
    """These parameters without the empty ones. Raises Problem (400) if one is given more than once, with different values."""
    values: dict[str, str] = {}
    for name, value in given:
        if values.setdefault(name, value.strip()) != value.strip():
            raise Problem(400, "bad-parameter", "Bad parameter", f"{name} is given more than once.")
    return {name: value for name, value in values.items() if value}


def meant(names: Collection[str]) -> Pairs:
    """The parameters of the query string that have one of these names. Others are ignored: links collect parameters on their way
    (`utm_source`, `fbclid`). A page without them has its own address, so browsers are redirected there.

    At an address that has parameters, a name that looks like a parameter of ours is refused. If `regoin=kr` were ignored, the answer
    would be a wider one than was asked for. Raises Problem (400).
    """
    args = request.args
    kept = [(name, value) for name in names if name in args for value in args.getlist(name)]
    g.meant = kept
    unknown = [name for name in args.keys() if name not in names]  # noqa: SIM118 -- the names, without their values
    for name in unknown if names else ():
        if near := _near(name, names):
            raise _unknown(name, near, names)
    if unknown and html.wanted():
        address = f"{here().settings.url}{quote(request.path)}"
        abort(_moved(url(address, urlencode(kept, quote_via=quote))))
    return kept


def _moved(address: str) -> Response:
    return Response(status=301, headers={"Location": address, "Cache-Control": "no-store", "Vary": "Accept"})


def _near(name: str, names: Collection[str]) -> str:
    """The parameter that an unknown name stands for or is a misspelling of; empty if there is none."""
    plain = name.strip().lower().removesuffix("[]").replace("-", "_")[:40]
    if plain in names or plain in ASKED:
        return plain
    if plain in OTHER_NAMES:
        return OTHER_NAMES[plain]
    known = sorted({*names, *ASKED}, key=lambda known: (OSA.distance(plain, known), known))
    for candidate in known:
        if len(candidate) < 4 or len(plain) < 3:
            continue
        if plain.startswith(candidate) or candidate.startswith(plain):
            return candidate
        if OSA.distance(plain, candidate) <= (1 if min(len(plain), len(candidate)) < 5 else 2):
            return candidate
    return ""


def _unknown(name: str, near: str, names: Collection[str]) -> Problem:
    guess = f" Did you mean {near}?" if near in names and near != name else ""
    reason = f"{name[:40]!r} is not known here.{guess} The parameters are {', '.join(names)}."
    nearest = (near,) if guess else ()
    errors = [Fault(reason, path=name[:40], nearest=nearest)]
    return Problem(400, "unknown-parameter", "Unknown parameter", reason, errors=errors)


def of_format(format: str) -> tuple[str, ...]:
    """The parameter that the addresses of a format or variant have besides, if there is one."""
    ending = ending_of(format)[0]
    return (CHOICES[ending][0],) if ending in CHOICES else ()


def known(format: str) -> str:
    """The format of a feed, or the variant of it that the request asks for. Raises Problem: 404 if the format is unknown, 400 if the
    variant is."""
    if format not in FORMATS:
        detail = f"{format[:40]!r} is not known. The formats are {', '.join(FORMATS)}."
        raise Problem(404, "unknown-format", "Unknown feed format", detail)
    return varied(format)


def varied(format: str) -> str:
    """The name of the variant of a format that the request asks for. Raises Problem (400)."""
    for name in of_format(format):
        known = variants(format)
        asked = {value.strip() for value in request.args.getlist(name)} - {""}
        if len(asked) > 1:
            raise Problem(400, "bad-parameter", "Bad parameter", f"{name} is given more than once.")
        for value in asked:
            if value not in known:
                detail = f"{name} is {value[:40]!r}; for {format} it must be one of {', '.join(known)}."
                raise Problem(400, "bad-variant", "Unknown variant of a format", detail)
            return known[value]
    return format


def reason() -> str:
    """The reason why an article is withdrawn, in one line; empty if the request gives none. Raises Problem."""
    text = one_line(request.args.get("reason", ""))
    if len(text) > LONGEST_REASON:
        detail = f"The reason has {len(text)} characters. The limit is {LONGEST_REASON} characters."
        raise Problem(400, "bad-parameter", "Bad parameter", detail)
    return text
