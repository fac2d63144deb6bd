"""What pages show of an article: its picture, its files, its licence, the feeds that it is in, and how to cite it."""

from collections.abc import Mapping, Sequence
from datetime import date
from html import escape
from typing import Any

from markupsafe import Markup
from msgspec import Struct

from app import store
from app.accounts.offices import OfficeRecord
from app.context import Context
from app.intake.enclosures import address as address_of
from app.query import FIELDS, Query
from app.syndication.page import address, path_of
from app.syndication.texts import text, value_name
from app.text.zones import zone_of
from app.web.licences import licence_mark
from feeds import Article, Enclosure, bibtex, citation_sentence, csl_json, metadata

PREVIEW = 3000  # characters of a file's text that a page shows
MOST_FEEDS = 8  # feeds that are named of all those in which an article appears


class FileView(Struct, frozen=True):
    """A file of an article as its page shows it."""

    url: str
    type: str  # media type
    label: str
    kind: str  # in words, such as "PDF"
    length: int | None  # bytes
    lang: str
    text: str = ""  # the beginning of its text
    cut: bool = False  # the text goes on


class FeedLink(Struct, frozen=True):
    """A feed that an article is in."""

    title: str
    page: str  # URL
    rss: str  # URL


class Citation(Struct, frozen=True):
    """How to cite an article."""

    sentence: str
    bibtex: str
    csl: str  # CSL-JSON


def shown_parts(
    context: Context, article: Article, lang: str, known: Sequence[store.articles.FileRecord] = ()
) -> dict[str, Any]:
    """The values of `article_body.html` besides the article. `known`: the records of its files that are stored here."""
    photo = picture(article)
    return {
        "article": article,
        "body": Markup(article.body),
        "photo": None if photo is None or _escaped(photo.url) in article.body else photo,
        "files": file_views(article, known),
        "mark": licence_mark(article.licence, lang),
    }


def picture(article: Article) -> Enclosure | None:
    """The picture of an article: the first one."""
    return next(iter(metadata.photos(article)), None)


def _escaped(url: str) -> str:
    return escape(url, quote=False)


def file_views(article: Article, known: Sequence[store.articles.FileRecord]) -> list[FileView]:
    """The files of an article. Several enclosures may be the same file: its text is shown only at the first."""
    # The first record of a path wins; it has the text. Matched by path and not by position: a correction may come between reading the
    # article and reading its files.
    paths = {address_of(file.sha256, file.name): file for file in reversed(known)}
    found: list[FileView] = []
    for file in article.enclosures:
        record = next((record for path, record in paths.items() if file.url.endswith(path)), None)
        again = any(other.url == file.url for other in found)
        found.append(_file_view(article, file, record, again))
    return found


def _file_view(article: Article, file: Enclosure, record: store.articles.FileRecord | None, again: bool) -> FileView:
    name = record.name if record else file.url.rpartition("/")[2].partition("?")[0]
    text = "" if record is None or again else record.text
    return FileView(
        file.url,
        file.type,
        file.caption or (record.name if record else file.url),
        _kind(name, file.type),
        file.length,
        file.lang or article.lang,
        text[:PREVIEW],
        len(text) > PREVIEW or (bool(text) and record is not None and record.state == "cut"),
    )


def _kind(name: str, type: str) -> str:
    """The kind of a file in a word, by the ending of its name; else its media type."""
    ending = name.rpartition(".")[2] if "." in name else ""
    return ending.upper() if 2 <= len(ending) <= 4 and ending.isascii() and ending.isalnum() else type


def queries_of(article: Article) -> list[Query]:
    """The feeds that an article is in, the most important first: of its office, its regions, its topics."""
    return [
        Query(offices=(article.office.code,)),
        *(Query(regions=(term.code,)) for term in article.regions),
        *(Query(topics=(term.code,)) for term in article.topics),
    ]


def feed_links(context: Context, article: Article, lang: str) -> list[FeedLink]:
    """The feeds that an article is in. Raises Unavailable."""
    offices = {office.code: office for office in store.accounts.all_offices(context.engine)}
    return [_feed_link(context, query, offices, lang) for query in queries_of(article)[:MOST_FEEDS]]


def _feed_link(context: Context, query: Query, offices: Mapping[str, OfficeRecord], lang: str) -> FeedLink:
    """The feed of one value, called "지역: 김제시", and the page of that region, topic or office."""
    parameter, value = next((name, query.values(name)[0]) for name in FIELDS if query.values(name))
    title = f"{text(f'filter:{parameter}', lang)}: {value_name(parameter, value, offices, lang)}"
    page = f"{context.settings.url}{path_of(f'{parameter}s', value)}"
    return FeedLink(title, page, address(context, query, "rss"))


def day_of(context: Context, article: Article) -> date:
    """The day of the issue, where the site is."""
    return article.issued.astimezone(zone_of(context.settings.site_timezone)).date()


def citation_of(context: Context, article: Article, lang: str) -> Citation:
    """How to cite the article."""
    day = day_of(context, article)
    return Citation(citation_sentence(article, lang, day), bibtex(article, day), csl_json(article, day))


def alt(file: Enclosure, article: Article, lang: str) -> str:
    """The text that stands for a picture."""
    return file.caption or text("picture-of", lang).format(headline=article.headline)


def social_tags(context: Context, article: Article) -> tuple[tuple[str, str], ...]:
    """OpenGraph of the article. If it has no picture, a picture of its headline is used: app/web/routes/cards.py."""
    pairs = metadata.opengraph(article, context.settings.site_name)
    if any(name == "og:image" for name, _ in pairs):
        return pairs
    card: Mapping[str, str] = {
        "og:image": f"{article.url}/card.png",
        "og:image:type": "image/png",
        "og:image:width": "1200",
        "og:image:height": "630",
        "og:image:alt": article.headline,
    }
    return (*pairs, *card.items())
