"""/healthz and /readyz: for those who run the server."""

import msgspec
from flask import Blueprint, Response

from app import store
from app.errors import Unavailable
from app.routes.context import here

blueprint = Blueprint("ops", __name__)


@blueprint.get("/healthz")
def health() -> Response:
    """This process answers."""
    return _json({"status": "ok"}, 200)


@blueprint.get("/readyz")
def ready() -> Response:
    """Whether releases can be taken: the database answers. The cache is told, and does not count."""
    context = here()
    try:
        seq = store.newest_seq(context.engine)
    except Unavailable as error:
        return _json({"status": "unavailable", "database": str(error)}, 503)
    return _json(
        {"status": "ok", "database": "ok", "changes": seq, "cache": "ok" if context.cache.alive() else "down"}, 200
    )


def _json(body: dict[str, object], status: int) -> Response:
    return Response(msgspec.json.encode(body), status, {"Cache-Control": "no-store"}, mimetype="application/json")
