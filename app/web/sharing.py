"""Pages that every reader gets alike. A route declares one by calling `share` before it reads anything; then the fast lane answers it
from copies in the web worker, as it does for feeds (app/web/fastlane.py).

A copy is served while no article in the feeds of the page has changed. It is for readers of the same language who accept the same
media types (app/web/variants.py) and who show neither a token nor a session. What the answer itself forbids is not copied: another
status than 200, a cookie, or anything but `Cache-Control: public`.
"""

from collections.abc import Iterable
from math import inf
from time import monotonic

from flask import g, request
from msgspec.structs import replace

from app import store
from app.query import office_place
from app.web.context import here
from app.web.fastlane import KEPT, KeptAnswer, may_keep
from app.web.limits import COSTLY
from feeds import Article

ANY = "*/*"  # the pair of the feed that shows every article


def share(pairs: Iterable[str] = (ANY,), *, article: str = "", seconds: float = inf) -> None:
    """Let the answer to this request be copied for all readers. Call it after the parameters are known and before anything is read.

    `pairs`: "place/topic" of the feeds whose changes may change the page, such as "kr:52/*", "*/medtop:20000498", "office:jeonbuk/*";
    an office whose name changes is covered in any case. `article`: the public id of the article whose page it is, to count its views.
    `seconds`: after that the page is made again even if nothing changed.
    """
    # Parameters that the page ignores would fill the memory with copies of the same page; searches and pages of lists are too many.
    if COSTLY & set(request.args) or set(request.args) != {name for name, _ in g.get("meant", ())}:
        return
    marks = here().cache.marks
    slots = marks.slots(pairs)
    may_keep(
        request.environ,
        KeptAnswer("", "", 0, slots, marks.read(slots), feed=None, article=article, until=monotonic() + seconds),
    )


def share_article(id: str) -> None:
    """Let the page of the article with that public id be copied. Each change of an article is also a change of its office's
    feed."""
    if office := store.articles.office_of(here().engine, id):
        share((ANY, f"{office_place(office)}/*"), article=id)


def share_further(article: Article) -> None:
    """Keep the copy of this article's page when other offices publish: the page shows nothing of theirs, unless the article names
    translations. Call it when the article was read."""
    kept = request.environ.get(KEPT)
    if kept is None or any(related.translation for related in article.related):
        return
    numbers = dict(zip(kept.slots, kept.numbers, strict=True))
    slots = here().cache.marks.slots([f"{office_place(article.office.code)}/*"])
    may_keep(request.environ, replace(kept, slots=slots, numbers=tuple(numbers[slot] for slot in slots)))
