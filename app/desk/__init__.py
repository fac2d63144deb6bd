"""People write releases at the desk. Drafts are checked and published through `app.intake`, exactly as a push is.

It reads no requests and makes no pages; `web/routes/desk.py` does.
"""
