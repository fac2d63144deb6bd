"""What a public page depends on besides its address: the language of its reader, and the media types that the reader accepts.

The fast lane (app/web/fastlane.py) keeps a copy for each. A request with the cookie of a session gets no copy: its answer is made
for that reader alone.
"""

from functools import lru_cache
from typing import Any

from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header, parse_cookie

from app.syndication.texts import LANGUAGES

LANGUAGE = "lang"  # the cookie with the language that the reader chose
OWN = (
    "pressrelay"  # in the name of each cookie of a session or of a sign-in: app/web/sessions.py, app/web/ceremonies.py
)
LONGEST = 1000  # characters of these headers together; longer ones are not remembered


def variant_for(environ: dict[str, Any]) -> str | None:
    """The variant of a page for the request with that WSGI environment; None: no copy may answer it, nor its answer be copied."""
    get = environ.get
    cookies, languages, types = get("HTTP_COOKIE", ""), get("HTTP_ACCEPT_LANGUAGE", ""), get("HTTP_ACCEPT", "")
    return _variant(cookies, languages, types) if len(cookies) + len(languages) + len(types) <= LONGEST else None


@lru_cache(2000)
def _variant(cookies: str, languages: str, types: str) -> str | None:
    found = parse_cookie(cookies)
    if any(OWN in name for name in found.keys()):  # noqa: SIM118 -- of a MultiDict
        return None
    accepted = parse_accept_header(languages, LanguageAccept)
    return f"{language_of(found.get(LANGUAGE, ''), accepted)} {types}"


def language_of(chosen: str, accepted: LanguageAccept) -> str:
    """The language of a page by the values of the cookie and of Accept-Language: the one that the reader chose comes first."""
    return chosen if chosen in LANGUAGES else accepted.best_match(LANGUAGES) or LANGUAGES[0]
