"""Feeds that have ended: a saved feed that was removed, or the feed of a region that no longer exists. Such a feed stays. Its first
entry says that it has ended and links to its successor. The entry never changes: it depends on what ended and when, not on the
clock. An error would not do: feed readers hide it or repeat their request for years, but they show a new entry.
"""

from datetime import UTC, date, datetime, time, timedelta
from html import escape
from urllib.parse import parse_qsl

from babel.dates import format_date
from msgspec import Struct
from msgspec.structs import replace

from app import store
from app.context import Context
from app.query import LIMIT, Query, feed_url, parse, url
from app.syndication.texts import feed_title, name, text, title_language
from app.text.zones import zone_of
from feeds import BLANK, Article, Office
from schemas import Code, codes

KOREA = "Asia/Seoul"
DAYS = {"ko": "y. M. d.", "en": "d MMMM y"}


class Successor(Struct, frozen=True):
    """What follows a feed that has ended."""

    title: str
    home: str  # the page for people
    query: Query | None = None  # None: there is no feed, only the page to choose another one
    saved: str = ""  # the name of the saved feed that follows

    def address(self, context: Context, format: str) -> str:
        """The feed in that format; empty if there is none."""
        base = context.settings.url
        if self.saved:
            return feed_url(base, f"/f/{self.saved}", format, "")
        return self.query.address(base, format) if self.query else ""


def has_ended(query: Query) -> bool:
    """Whether the feed of a query has ended: its saved feed was removed, or none of its regions exists any more."""
    if query.saved is not None and query.saved.ended is not None:
        return True
    return bool(query.regions) and all(region.valid_to and region.successors for region in _regions(query))


def successors(context: Context, query: Query, lang: str) -> list[Successor]:
    """What follows a feed that has ended, in the order of the code table. Empty if it has not ended."""
    if not has_ended(query):
        return []
    saved, base = query.saved, context.settings.url
    if saved is not None and saved.ended is not None:
        if not saved.following:
            return [Successor(text("retired-choose", lang), url(f"{base}/feeds/build", saved.query))]
        return [_following(context, saved.following, lang)]
    after = dict.fromkeys(code for region in _regions(query) for code in region.successors)
    plain = replace(query, saved=None, before=None, after=None, limit=LIMIT)
    return [Successor(name(code, lang), f"{base}/regions/{code}", replace(plain, regions=(code,))) for code in after]


def ending(context: Context, query: Query, format: str) -> Article | None:
    """The entry of a feed that has ended, in the language of its title; None if it has not."""
    if not has_ended(query):
        return None
    lang, base = title_language(query, context.settings.language), context.settings.url
    at, own = _ended(query), _own(query)
    after = successors(context, query, lang)
    day = day_name(at.astimezone(zone_of(KOREA)), lang)
    title = feed_title(context.settings.site_name, replace(query, until=None), {}, lang)
    headline = text("retired-feed", lang).format(title=title.removeprefix(f"{context.settings.site_name}: "))
    key = "retired-next" if any(one.query or one.saved for one in after) else "retired-none"
    said = text(key, lang).format(day=day, next=", ".join(one.title for one in after))
    items = [(one.title, one.home, one.address(context, format)) for one in after]
    body = "".join(f"<li>{': '.join(_links(title, home, feed))}</li>" for title, home, feed in items)
    lines = [f"{title}: {feed or home}" for title, home, feed in items]
    site = Office("pressrelay", context.settings.site_name, base)
    return _entry(
        f"{base}{own}#ended",
        headline,
        said,
        f"<p>{escape(said)}</p><ul>{body}</ul>",
        lines,
        at,
        lang,
        site,
        items[0][1],
    )


def day_name(day: date, lang: str) -> str:
    """A day in that language: 2026. 3. 9."""
    return str(format_date(day, DAYS[lang], locale=lang))


def _links(title: str, home: str, feed: str) -> list[str]:
    links = [(home, title), (feed, feed)]
    return [f'<a href="{escape(href)}">{escape(label)}</a>' for href, label in links if href]


def _following(context: Context, following: str, lang: str) -> Successor:
    """The successor that an operator named: a saved feed by its name, or a query."""
    base = context.settings.url
    site = context.settings.site_name
    saved = None if "=" in following else store.feeds.saved_feed(context.engine, following)
    query = _read(saved.query if saved else following)
    title = feed_title(site, replace(query, saved=saved) if saved else query, {}, lang).removeprefix(f"{site}: ")
    return Successor(title, query.home(base), query, saved.name if saved else "")


def _read(canonical: str) -> Query:
    """A query as it was stored. It was checked then, and is not refused now because a code was removed since."""
    pairs = parse_qsl(canonical)
    return parse(pairs, [value for name, value in pairs if name.endswith("office")])


def _ended(query: Query) -> datetime:
    """When it ended: of regions, when the last one did."""
    if query.saved is not None and query.saved.ended is not None:
        return query.saved.ended
    last = max(region.valid_to for region in _regions(query) if region.valid_to)
    return datetime.combine(last + timedelta(days=1), time(), zone_of(KOREA)).astimezone(UTC)


def _own(query: Query) -> str:
    """What ended, as a path: the same in every format and on every page."""
    if query.saved is not None and query.saved.ended is not None:
        return f"/f/{query.saved.name}"
    return url("/feed", replace(query, before=None, after=None, limit=LIMIT).canonical())


def _regions(query: Query) -> list[Code]:
    return [code for region in query.regions if (code := codes("region").get(region)) is not None]


def _entry(
    guid: str,
    headline: str,
    summary: str,
    body: str,
    lines: list[str],
    at: datetime,
    lang: str,
    site: Office,
    link: str,
) -> Article:
    return replace(
        BLANK,
        id="ended",
        guid=guid,
        version=1,
        lang=lang,
        office=site,
        headline=headline,
        summary=summary,
        body=body,
        text="\n\n".join((summary, *lines)),
        issued=at,
        published=at,
        updated=at,
        url=link,
    )
