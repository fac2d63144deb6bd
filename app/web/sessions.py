"""Who is signed in: sessions by a cookie, for pages that people use. Programs use tokens (app/web/access.py).

The cookie holds 256 random bits and the database their hash. `SameSite=Lax` keeps it out of other sites' forms, and
app/web/crosssite.py refuses such forms anyway. Under https its name begins with `__Host-`, so that no other host and no page in clear
text can set it (RFC 6265bis, section 4.1.3.2).
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any
from urllib.parse import quote

from flask import Response, g, request
from msgspec import Struct
from werkzeug.exceptions import NotFound

from app import store
from app.accounts.people import WHOLE, PersonRecord
from app.web.context import here
from app.web.html import html_page, language
from app.web.places import client

PATH = re.compile(r"/(?![/\\])[\w\-./?=&%:,+~]{0,500}", re.ASCII)  # a page of ours to go to after the sign-in
LONGEST = 100  # characters of a cookie's value


class Visit(Struct, frozen=True):
    """A signed-in person and the browser."""

    person: PersonRecord
    session: store.accounts.Session


def visit() -> Visit | None:
    """Who is signed in in this browser, or None. Looked up once for each request. Raises Unavailable."""
    if "visit" not in g:
        g.visit = _visit()
    found: Visit | None = g.visit
    return found


def _visit() -> Visit | None:
    secret = request.cookies.get(name(), "")
    if not secret or len(secret) > LONGEST:
        return None
    engine, now = here().engine, datetime.now(UTC)
    found = store.accounts.session_of(engine, secret, now)
    if found is None:
        return None
    session, person = found
    store.accounts.seen(engine, session, now)
    return Visit(person, session)


def still() -> Visit:
    """Who is signed in now, after a body that may have arrived slowly: the session, the account or a role may have ended meanwhile.
    Raises NotFound if nobody is any more, and Unavailable."""
    g.pop("visit", None)
    found = visit()
    if found is None:
        raise NotFound
    return found


def signed_in(view: Callable[..., Response]) -> Callable[..., Response]:
    """A view for people who are signed in, with the visit as its first argument; all others are sent to the sign-in and come back."""

    @wraps(view)
    def guarded(**values: Any) -> Response:
        found = visit()
        if found is None:
            back = request.full_path.rstrip("?") if request.method in ("GET", "HEAD") else ""
            return private(Response(status=303, headers={"Location": sign_in_url(back)}))
        return private(view(found, **values))

    return guarded


def sign_in_url(back: str = "") -> str:
    """The page of the sign-in, which leads back to a page of ours."""
    target = f"?next={quote(back, safe='/')}" if PATH.fullmatch(back) else ""
    return f"{here().settings.url}/signin{target}"


def followed_here() -> bool:
    """Whether a link was followed on a page of this server, or its address typed; a browser that does not say is trusted."""
    return request.headers.get("Sec-Fetch-Site", "none").strip().lower() in ("same-origin", "none")


def back_to(given: str, otherwise: str) -> str:
    """The URL of the page that somebody came from, if it is one of ours."""
    return f"{here().settings.url}{given if PATH.fullmatch(given) else otherwise}"


def begin(
    person: PersonRecord, response: Response, by: str = "password", *, proved: str = "", passkey: str = ""
) -> Response:
    """Begin a session in this browser, whatever cookie it sent: a cookie from before the sign-in is worth nothing after it. `by`: how
    the person signed in, for the audit log. `proved`: the stored password that the person's was compared with; `passkey`: the id of
    the one that was shown. Raises LinkSpent if that is not the account's any more."""
    agent = " ".join(request.headers.get("User-Agent", "").split())
    secret = store.accounts.begin_session(
        here().engine, person, agent, client(), datetime.now(UTC), by, proved=proved, passkey=passkey
    )
    response.set_cookie(name(), secret, max_age=WHOLE, secure=secure(), httponly=True, samesite="Lax")
    return private(response)


def sign_off(response: Response) -> Response:
    """End the session of this browser, if there is one."""
    found = visit()
    if found is not None:
        store.accounts.end_session(here().engine, found.person.id, found.session.id, datetime.now(UTC))
    response.delete_cookie(name(), secure=secure(), httponly=True, samesite="Lax")
    return private(response)


def name() -> str:
    """The name of the cookie."""
    return "__Host-pressrelay" if secure() else "pressrelay"


def secure() -> bool:
    """Whether cookies are for https alone."""
    return here().settings.url.startswith("https://")


def own_page(template: str, *, status: int = 200, **values: object) -> Response:
    """A page for this reader only, which no cache may store. Somebody who is signed in gets the navigation of signed-in people.
    Values as for `html_page`."""
    return private(html_page(template, language(), status=status, **{"title": "", "visit": visit(), **values}))


def private(response: Response) -> Response:
    """The response, for this person only: no cache may store it (RFC 9111, section 5.2.2.5)."""
    for header in ("ETag", "Last-Modified"):
        response.headers.pop(header, None)
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
