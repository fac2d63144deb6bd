"""Publishes the drafts whose instant has come, and notifies offices of embargoes that end soon and of what failed."""

import logging
import threading
import time
from datetime import UTC, datetime

from app import spans, store
from app.context import Context
from app.desk import notices, work
from app.errors import PressrelayError, Unavailable
from app.requestid import new_request_id, working_for
from app.run.sampling import keep_sampling

log = logging.getLogger("pressrelay.desk")
PERIOD = 0.5  # seconds between two looks
LOOK = 5.0  # seconds between two looks for notices
FORGET = 3600.0  # seconds between two removals of old notices


def run(context: Context, stop: threading.Event) -> None:
    """Look again and again until `stop` is set. If the database fails, try again."""
    keep_sampling(context.settings, context.engine, stop)
    failed = False
    looked, forgot = -LOOK, time.monotonic()
    while not stop.is_set():
        try:
            step(context)
            if time.monotonic() > looked + LOOK:
                looked = time.monotonic()
                _look(context)
            if time.monotonic() > forgot + FORGET:
                forgot = time.monotonic()
                store.desk.forget_notices(context.engine, datetime.now(UTC))
            failed = False
        except Unavailable as error:
            if not failed:
                log.error("%s", error)
            failed = True
        stop.wait(PERIOD)


def _look(context: Context) -> None:
    """Look for notices. A failure there does not keep any draft from being published. Raises Unavailable."""
    try:
        notices.notify(context, datetime.now(UTC))
    except Unavailable:
        raise
    except Exception:
        log.exception("offices could not be notified")


def step(context: Context) -> int:
    """One look; how many drafts were published or returned. Raises Unavailable."""
    done = 0
    for draft in store.desk.due_drafts(context.engine, context.now()):
        try:
            id = new_request_id()
            with working_for(id), spans.begin_trace("publish draft", request=id):
                work.send(context, draft, context.now())
            done += 1
        except store.desk.Stale:
            continue  # another process was first
        except Unavailable:
            raise
        except PressrelayError as error:
            log.error("draft %s cannot be published now: %s", draft.id, error)
        except Exception:  # one draft that fails does not stop the others
            log.exception("draft %s cannot be published now", draft.id)
    return done
