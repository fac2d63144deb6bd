"""GET /articles/{id}/provenance: who sent exactly what, and the signature by which anybody can check it."""

import base64
import hashlib
from typing import Any

import msgspec
from flask import Blueprint, Response

from app import store
from app.query.query import rfc3339
from app.web import representation
from app.web.context import here
from app.web.routes.articles import kept_public, unknown
from app.web.routes.changes import parameters
from app.web.routes.versions import number_of
from app.web.routes.versions import public_version as version_that_was_public

blueprint = Blueprint("provenance", __name__)
blueprint.after_request(representation.of_article)


@blueprint.get("/articles/<id>/provenance")
def get(id: str) -> Response:
    """The newest version's, or that of `version`; 404 while its original bytes may not be seen, 410 once canceled."""
    article = kept_public(id).article
    asked = parameters(("version",))
    version = number_of(asked["version"], "version") if "version" in asked else None
    if version is not None:
        version_that_was_public(id, str(version))
    found = store.provenance(here().engine, id, version)
    if found is None:
        raise unknown()
    suffix = f"/versions/{found.version}.xml" if version is not None else ".xml"
    told: dict[str, Any] = {
        "id": article.id,
        "guid": article.guid,
        "version": found.version,
        "office": found.office,
        "received": rfc3339(found.received),
        "media_type": found.mimetype,
        "length": len(found.body),
        "sha256": base64.b64encode(hashlib.sha256(found.body).digest()).decode(),
        "original": f"{article.url}{suffix}",
        "signature": msgspec.Raw(found.signature) if found.signature else None,
    }
    return representation.allow_all_origins(representation.whole(msgspec.json.encode(told), "application/json"))
