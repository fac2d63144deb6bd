"""The WSGI entry: `granian --interface wsgi wsgi:app`."""

import gc
import os

from app.run.process import die_with_parent, end_on_sigterm, ending, hear_the_end, keep_private

keep_private()
end_on_sigterm()
die_with_parent(os.getppid())  # If Granian's main process ends, no worker may go on serving old code.

# A worker must notice if it is told to end while it loads the rest.
from app import create_app, liveness, measures, spans, store  # noqa: E402
from app.logs import configure  # noqa: E402
from app.run.awaiting import patiently  # noqa: E402
from app.run.sampling import own_version  # noqa: E402
from app.settings import load  # noqa: E402
from app.web import counting  # noqa: E402
from app.web.lane import lane  # noqa: E402

settings = load()
configure(settings.log_format)
flask = patiently(settings.database, lambda: create_app(settings))
context = flask.extensions["pressrelay"]
spans.start(settings.traces_url, store.identity.secret(context.engine), own_version())
app = lane(flask.wsgi_app, context.cache, settings.hot_memory - context.fragments.most, flask.extensions.get("reach"))
measures.keep_noting(settings.data_dir, "web", ending)
counting.install(context.engine, settings, flask.extensions, ending)
liveness.take_part(getattr(app, "retire", None))
gc.freeze()  # Everything loaded until now stays, so the garbage collector need not search modules and code tables again and again.
hear_the_end()
