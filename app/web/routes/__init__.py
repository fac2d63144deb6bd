"""Blueprints, and nothing else: a route reads the request and answers it; what two routes share lives in `app/web`."""
