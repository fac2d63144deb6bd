"""Blueprints only: a route reads a request and answers it. Code that several routes share is in `app/web`."""
