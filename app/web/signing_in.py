"""What the pages of people share: how they are made, the sign-in page, and the page that asks again for a proof of who somebody
is."""

from typing import Any

from flask import Response

from app.web import openid, proof, sessions
from app.web.sessions import Visit


def page_with_ways(template: str, *, status: int = 200, **values: Any) -> Response:
    """A page for this person only, with the ways to sign in."""
    ways = {"passkeys": proof.possible(), "provider": openid.offered()}
    return sessions.own_page(template, status=status, **ways, **values)


def gone(where: str) -> Response:
    """To a page of ours: a path, or a URL from `sessions.back_to`."""
    url = where if where.startswith("http") else sessions.back_to(where, "/")
    return Response(status=303, headers={"Location": url})


def sign_in_page(faults: dict[str, str], email: str = "", back: str = "", status: int = 422) -> Response:
    """The page of the sign-in. `faults`: field -> key of the text; `back`: the page to go to afterwards."""
    status = status if faults else 200
    return page_with_ways("signin.html", status=status, faults=faults, filled={"email": email}, back=back)


def prove_page(visit: Visit, faults: dict[str, str], back: str = "", status: int = 422) -> Response:
    """The page that asks somebody again who they are. The others as above."""
    return page_with_ways(
        "prove.html", status=status if faults else 200, visit=visit, faults=faults, filled={}, back=back
    )
