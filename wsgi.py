"""The WSGI entry: `granian --interface wsgi wsgi:app`."""

import os

from app import create_app
from app.logs import configure
from app.serve import die_with_parent
from app.settings import load

settings = load()
configure(settings.log_format)
die_with_parent(os.getppid())  # Granian's main gone: no worker may go on serving old code
app = create_app(settings)
