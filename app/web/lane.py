"""Puts the fast lane in front of the application, with its threads: one listens for changes, one compresses often requested answers
again."""

import threading

from app.cache.redis import Cache
from app.web.counting import ReachCounts
from app.web.fastlane import Application, Fastlane
from app.web.polish import Polisher


def lane(
    application: Application,
    cache: Cache,
    most: int,
    counts: ReachCounts | None = None,
    stop: threading.Event | None = None,
) -> Application:
    """The application behind a fast lane; the application itself if `most` is 0. `most`: bytes of all copies. `counts`: where polls
    are counted. `stop`: ends the threads when it is set."""
    if not most:
        return application
    made = Fastlane(application, cache, most, counts)
    stop = stop or threading.Event()
    for name, run, arguments in (("fastlane", cache.hear, (made.alive,)), ("polish", Polisher(made, cache).run, ())):
        threading.Thread(target=run, args=(*arguments, stop), name=name, daemon=True).start()
    return made
