"""The press calendar as feeds: the events that a request asks for, an event as an article, and the titles."""

from collections.abc import Sequence
from html import escape
from typing import Literal

from babel.dates import format_datetime
from msgspec.structs import replace

from app import store
from app.query import Query, office_place, url
from app.syndication.texts import name, text
from app.text.zones import zone_of
from feeds import BLANK, NEVER, Article, Feed, Term
from feeds.icalendar import PressEvent
from schemas import codes

FORMATS = ("atom", "rss", "json")  # of feeds with the events that were added or changed last
PAIR = ("press-calendar", "*")  # under which changes of events are announced: no place or topic has that name
DAY = {"ko": "y. M. d.(EEE)", "en": "EEE d MMMM y"}
CLOCK = "HH:mm"


def within(query: Query) -> store.press_events.Within:
    """The pairs of place and topic of a request: each of its events has one pair from each of these lists."""
    offices = [office_place(code) for code in query.offices]
    regions, topics = query.regions, query.topics or ("*",)
    first = [(place, topic) for place in (regions or offices or ("*",)) for topic in topics]
    return [first, [(office, "*") for office in offices]] if regions and offices else [first]


def calendar_pairs(event: PressEvent) -> set[tuple[str, str]]:
    """The pairs by which an event is found."""
    keys = store.keys(article_of(event, "", "ko"))
    topics = [topic for topic in keys.topics if not topic.startswith("lang:")]
    return {(place, topic) for place in keys.places for topic in topics}


def title_of(query: Query, site: str, offices: Sequence[str], lang: str) -> str:
    """The name of a calendar; `offices`: the names of its offices."""
    parts = [*(name(code, lang) for code in (*query.regions, *query.topics)), *offices]
    return f"{site}: {text('press-calendar', lang)}{' – ' if parts else ''}{', '.join(parts)}"


def when_of(event: PressEvent, lang: str) -> str:
    """When an event is, with its zone, as people read it."""
    zone = zone_of(event.zone)
    local = event.starts.astimezone(zone)
    words = str(format_datetime(local, DAY[lang], locale=lang))
    if not event.whole_days:
        words += f" {local:%H:%M}"
    if event.last_day != event.first_day:
        last = event.ends.astimezone(zone) if event.ends and not event.whole_days else None
        at = last.replace(hour=0) if last else local.replace(day=1)
        at = at.replace(year=event.last_day.year, month=event.last_day.month, day=event.last_day.day)
        words += f" – {format_datetime(at, DAY[lang], locale=lang)}{f' {last:%H:%M}' if last else ''}"
    elif event.ends and not event.whole_days:
        words += f"–{event.ends.astimezone(zone):%H:%M}"
    return words if (lang, event.zone) == ("ko", "Asia/Seoul") else f"{words} ({event.zone})"


def headline_of(event: PressEvent, lang: str) -> str:
    """The title, with a word before it where it was canceled or changed."""
    state = "canceled" if event.canceled else "changed" if event.sequence else ""
    return f"[{text(f'calendar-{state}', lang)}] {event.title}" if state else event.title


def article_of(event: PressEvent, base: str, lang: str) -> Article:
    """An event as feeds show it. It is not a real article: its only page is that of the calendar."""
    rows = [
        (text("calendar-when", lang), when_of(event, lang)),
        (text("calendar-place", lang), event.place),
        (text("calendar-audience", lang), event.audience),
        (text("calendar-contact", lang), event.contact),
    ]
    said = [f"{label}: {value}" for label, value in rows if value]
    paragraphs = [*said, *filter(None, event.about.split("\n"))]
    link = f'<p><a href="{escape(event.link)}">{escape(event.link)}</a></p>' if event.link else ""
    return replace(
        BLANK,
        id=event.id,
        guid=f"urn:uuid:{event.id[:8]}-{event.id[8:12]}-{event.id[12:16]}-{event.id[16:20]}-{event.id[20:]}",
        version=event.sequence + 1,
        lang=lang,
        office=event.office,
        headline=headline_of(event, lang),
        summary=" · ".join(said),
        body="".join(f"<p>{escape(line, quote=False)}</p>" for line in paragraphs) + link,
        text="\n\n".join(paragraphs),
        issued=event.created,
        published=event.created,
        updated=event.updated,
        regions=_terms("region", event.regions),
        topics=_terms("topic", event.topics),
        url=f"{base}/press-calendar/{event.id}",
    )


def feed_of(events: Sequence[PressEvent], base: str, query: Query, title: str, format: str, lang: str) -> Feed:
    """The feed of the events that were added or changed last."""
    return Feed(
        self=url(f"{base}/press-calendar.{format}", query.canonical()),
        home=url(f"{base}/press-calendar", query.canonical()),
        title=title,
        subtitle=text("press-calendar-about", lang),
        lang=lang,
        updated=max((event.updated for event in events), default=NEVER),
        articles=tuple(article_of(event, base, lang) for event in events),
    )


def _terms(scheme: Literal["region", "topic"], given: Sequence[str]) -> tuple[Term, ...]:
    found = [known for code in given if (known := codes(scheme).get(code)) is not None]
    return tuple(Term(known.scheme, known.code, known.names) for known in found)
