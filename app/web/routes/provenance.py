"""GET /articles/{id}/provenance: who sent exactly which bytes, and the signature with which anybody can verify it."""

import base64
import hashlib
from typing import Any

import msgspec
from flask import Blueprint, Response

from app import store, web
from app.web import here, kept_public, number_of, only, public_version, unknown
from feeds import rfc3339_utc

blueprint = Blueprint("provenance", __name__)
blueprint.after_request(web.representation.of_article)


@blueprint.get("/articles/<id>/provenance")
def get(id: str) -> Response:
    """The provenance of the newest version, or of `version`. 404 while the original bytes must not be shown, 410 once canceled."""
    article = kept_public(id).article
    parameters = only(("version",))
    version = number_of(parameters["version"], "version") if "version" in parameters else None
    if version is not None:
        public_version(id, str(version))
    found = store.articles.provenance(here().engine, id, version)
    if found is None:
        raise unknown()
    suffix = f"/versions/{found.version}.xml" if version is not None else ".xml"
    provenance: dict[str, Any] = {
        "id": article.id,
        "guid": article.guid,
        "version": found.version,
        "office": found.office,
        "received": rfc3339_utc(found.received),
        "media_type": found.mimetype,
        "length": len(found.body),
        "sha256": base64.b64encode(hashlib.sha256(found.body).digest()).decode(),
        "original": f"{article.url}{suffix}",
        "signature": msgspec.Raw(found.signature) if found.signature else None,
    }
    return web.representation.allow_all_origins(
        web.representation.whole(msgspec.json.encode(provenance), "application/json")
    )
