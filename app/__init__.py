"""The application: all code that has side effects. `create_app` makes the application of one process."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.settings import Settings


def create_app(settings: Settings | None = None) -> Flask:
    """The application of one web process. Raises Misconfigured and Unavailable."""
    # Imported only here: commands do not need it, and start a second sooner without it.
    from app.web import app

    return app.create_app(settings)
