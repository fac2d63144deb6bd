"""Protection against cross-site requests: a page of another site must not make a browser change anything here. Every request that
could change something is checked before its route runs.

A browser adds its credentials for this server (the token, as the password of Basic) to every request that a page makes it send,
whatever site the page is from. But it also says what site that is, in `Sec-Fetch-Site`
(https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header) and in `Origin`, which older browsers send too
(https://fetch.spec.whatwg.org/#origin-header). A page can neither set nor leave out these headers. Programs do not send them and
do not need them.
"""

import re

from flask import Flask, request

from app.errors import Problem
from app.web.origin import origin_of

SAFE = ("GET", "HEAD", "OPTIONS")  # routes with these methods change nothing (RFC 9110, section 9.2.1)
OURS = ("same-origin", "none")  # none: the person typed the address
# Endpoints that a page of any site may use. One click in a mail program ends alerts (RFC 8058), and some mail programs are web pages.
# The secret in the URL gives the right to do so, not the browser's credentials, and no other site knows that secret.
OPEN = frozenset({"alerts.leave"})
# Media types that the form of any page can send without a preflight request
# (https://fetch.spec.whatwg.org/#cors-safelisted-request-header).
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")
BROWSER = re.compile(r"\b(Mozilla|Opera)/")
ROBOT = re.compile(r"\(compatible; (?!MSIE)")  # programs that call themselves Mozilla


def install(app: Flask, base: str) -> None:
    """Check every request to this application; `base`: the server's public URL."""
    own = origin_of(base)
    app.before_request(lambda: check(own))


def check(own: str) -> None:
    """Raises Problem (403) for a request that may change something, if it comes or may come from another site's page."""
    if request.method in SAFE or request.endpoint in OPEN:
        return
    site, origin = request.headers.get("Sec-Fetch-Site", "").strip().lower(), request.headers.get("Origin")
    if site:
        found = "" if site in OURS else f"Sec-Fetch-Site is {site[:40]!r}, not 'same-origin'."
        # A browser never sends two headers that contradict each other, so such a request is refused.
        if not found and origin is not None and origin.strip().lower() != own:
            found = f"Origin is {origin[:100]!r}, not {own!r}."
    elif origin is not None:
        found = "" if origin.strip().lower() == own else f"Origin is {origin[:100]!r}, not {own!r}."
    else:
        found = (
            "It may come from a browser, but it has neither Sec-Fetch-Site nor Origin." if _may_be_a_browser() else ""
        )
    if found:
        detail = (
            f"{found} In a browser, use the pages of this server under its own address, {own} (PRESSRELAY_BASE_URL)."
            " In a program, send the token as Authorization: Bearer."
        )
        raise Problem(403, "cross-site", "The request may come from another site's page", detail)


def embedded() -> bool:
    """Whether another site's page embeds this, for example as a picture or a frame. The browser's credentials must not count then.
    A link that a person follows is not embedding."""
    headers = request.headers
    if headers.get("Sec-Fetch-Site", "none").strip().lower() in OURS:
        return False
    return headers.get("Sec-Fetch-Mode") != "navigate" or headers.get("Sec-Fetch-Dest", "document") != "document"


def _may_be_a_browser() -> bool:
    """Whether a request without Sec-Fetch-Site and Origin may come from a browser: an old one, or behind a proxy that removes both."""
    scheme = request.headers.get("Authorization", "").partition(" ")[0].lower()
    if scheme == "bearer" or "Signature-Input" in request.headers:
        return False  # No browser adds these by itself, and a page may not add them without a preflight request.
    agent = request.headers.get("User-Agent", "")
    credentials = bool(scheme) or "Cookie" in request.headers
    if BROWSER.search(agent):
        return credentials or not ROBOT.search(agent)  # A robot has no stored credentials.
    return credentials and (request.mimetype in FORMS or not (agent or request.mimetype))
