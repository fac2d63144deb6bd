"""What every route has at hand, and the clock of this process."""

from datetime import UTC, datetime
from typing import cast

from flask import current_app
from msgspec import Struct

from app.cache import Cache
from app.settings import Settings
from app.store import Engine


class Context(Struct, frozen=True):
    """One process's connections."""

    settings: Settings
    engine: Engine
    cache: Cache


def here() -> Context:
    """The context of the application that answers this request."""
    return cast(Context, current_app.extensions["pressrelay"])


def now() -> datetime:
    """This instant in UTC."""
    return datetime.now(UTC)
