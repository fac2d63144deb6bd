"""Blueprints only: a route reads a request and answers it. Code that several routes share is in `app/web`.

Each module here has the blueprint of one subject, and is found by its place: a subject is a file and no line elsewhere.
"""

from importlib import import_module
from pkgutil import iter_modules

from flask import Blueprint


def blueprints() -> tuple[Blueprint, ...]:
    """The blueprint of each module, in the order of their names."""
    return tuple(import_module(f"{__name__}.{module.name}").blueprint for module in iter_modules(__path__))
