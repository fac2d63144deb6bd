"""The context that every route can use."""

from typing import cast

from flask import current_app

from app.context import Context

__all__ = ["Context", "here"]


def here() -> Context:
    """The context of the application that answers this request."""
    return cast(Context, current_app.extensions["pressrelay"])
