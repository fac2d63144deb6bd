"""The application: everything with a side effect. `create_app` wires one process."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.settings import Settings


def create_app(settings: Settings | None = None) -> Flask:
    """One web process's application. Raises Misconfigured and Unavailable."""
    # Loaded only here: commands, which serve nothing, start a second sooner.
    from app.web import app

    return app.create_app(settings)
