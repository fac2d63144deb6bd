"""No other site's page may make a browser change anything here: one check of every request that could, before its route.

A browser adds what it keeps for this server (the token, as the password of Basic) to whatever a page makes it send, wherever the
page came from. But it also says where the page came from: `Sec-Fetch-Site` (https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header),
and `Origin`, which older ones send too (https://fetch.spec.whatwg.org/#origin-header). Neither can be set or left out by a page.
Programs send neither, and need neither.
"""

import re

from flask import Flask, request

from app.errors import Problem
from app.web.origin import origin_of

SAFE = ("GET", "HEAD", "OPTIONS")  # routes of these change nothing (RFC 9110, section 9.2.1)
OURS = ("same-origin", "none")  # none: the person typed the address
# What a page of any site may send. One click in a mail program ends alerts (RFC 8058), and some mail programs are web pages: the right
# to do so is the secret in the address, which no other site knows, and nothing that a browser keeps.
OPEN = frozenset({"alerts.leave"})
# What the form of any page can send without asking this server first (https://fetch.spec.whatwg.org/#cors-safelisted-request-header).
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")
BROWSER = re.compile(r"\b(Mozilla|Opera)/")
ROBOT = re.compile(r"\(compatible; (?!MSIE)")  # programs that call themselves Mozilla


def install(app: Flask, base: str) -> None:
    """Check every request to this application; `base`: the server's public URL."""
    own = origin_of(base)
    app.before_request(lambda: check(own))


def check(own: str) -> None:
    """Raises Problem (403) for a request that may change something, where it comes or may come from another site's page."""
    if request.method in SAFE or request.endpoint in OPEN:
        return
    site, origin = request.headers.get("Sec-Fetch-Site", "").strip().lower(), request.headers.get("Origin")
    if site:
        found = "" if site in OURS else f"Sec-Fetch-Site says {site[:40]!r}, not 'same-origin'."
        # No browser says both; whatever did is not believed.
        if not found and origin is not None and origin.strip().lower() != own:
            found = f"Origin says {origin[:100]!r}, not {own!r}."
    elif origin is not None:
        found = "" if origin.strip().lower() == own else f"Origin says {origin[:100]!r}, not {own!r}."
    else:
        found = "A browser that says neither Sec-Fetch-Site nor Origin may have sent it." if _may_be_a_browser() else ""
    if found:
        detail = (
            f"{found} Use the pages of this server under its own address, {own} (PRESSRELAY_BASE_URL);"
            " a program sends its token as Authorization: Bearer."
        )
        raise Problem(403, "cross-site", "The request may come from another site's page", detail)


def embedded() -> bool:
    """Whether another site's page loads this as a part of itself, as a picture or a frame: what a browser keeps is not meant for
    that. A link that a person follows is something else."""
    given = request.headers
    if given.get("Sec-Fetch-Site", "none").strip().lower() in OURS:
        return False
    return given.get("Sec-Fetch-Mode") != "navigate" or given.get("Sec-Fetch-Dest", "document") != "document"


def _may_be_a_browser() -> bool:
    """Whether a request without Sec-Fetch-Site and Origin may be a browser's: an old one's, or one that a proxy took both from."""
    scheme = request.headers.get("Authorization", "").partition(" ")[0].lower()
    if scheme == "bearer" or "Signature-Input" in request.headers:
        return False  # No browser adds these by itself, and no page may without asking first.
    agent = request.headers.get("User-Agent", "")
    kept = bool(scheme) or "Cookie" in request.headers
    if BROWSER.search(agent):
        return kept or not ROBOT.search(agent)  # A robot has nothing that it keeps.
    return kept and (request.mimetype in FORMS or not (agent or request.mimetype))
