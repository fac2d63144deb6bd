"""Metadata of an article's page for machines: schema.org `NewsArticle` as JSON-LD, and OpenGraph.

https://schema.org/NewsArticle https://www.w3.org/TR/json-ld11/ https://ogp.me/
"""

from typing import Any

import msgspec
from babel.core import get_global

from feeds.article import Article, Enclosure, Office, Term, copyright_notice, label_of, rfc3339

JSON = dict[str, Any]

_DECLARED = ("photo", "application/octet-stream")  # the role and the type of a picture whose URL has no extension
# Characters that could end a <script> element or begin a comment in it; in JSON, the escapes mean the same characters
# (https://www.w3.org/TR/json-ld11/#restrictions-for-contents-of-json-ld-script-elements). The last two end a line in JavaScript.
_ESCAPES = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"})


def embedded(article: Article, site: str, home: str) -> str:
    """The JSON-LD, safe inside `<script type="application/ld+json">`. `home`: URL of the site."""
    return msgspec.json.encode(newsarticle(article, site, home)).decode().translate(_ESCAPES)


def newsarticle(article: Article, site: str, home: str) -> JSON:
    """The article as a `NewsArticle`. The office is its author and publisher; this site only publishes the metadata
    (`sdPublisher`)."""
    office = _organization(article.office)
    members: JSON = {
        "identifier": article.guid,
        "url": article.url,
        "mainEntityOfPage": {"@type": "WebPage", "@id": article.url},
        "headline": article.headline,
        "alternativeHeadline": _one_or_all(article.subheadlines),
        "description": article.summary,
        "datePublished": rfc3339(article.published, seconds=True),
        "dateModified": rfc3339(article.updated, seconds=True),
        "inLanguage": article.lang,
        "author": office,
        "publisher": office,
        "creditText": article.byline,
        "dateline": article.dateline,
        "image": [_image(file) for file in photos(article)],
        "license": article.licence.uri,
        "copyrightNotice": copyright_notice(article),
        "keywords": _keywords(article),
        "contentLocation": [_place(term, article.lang) for term in article.regions],
        "isAccessibleForFree": True,
        "version": article.version,
        "sdPublisher": {"@type": "Organization", "name": site, "url": home},
    }
    return {"@context": "https://schema.org", "@type": "NewsArticle", "@id": article.url} | _given(members)


def opengraph(article: Article, site: str) -> tuple[tuple[str, str], ...]:
    """(property, content) in output order: the properties of an image follow the image."""
    pairs = [
        ("og:type", "article"),
        ("og:title", article.headline),
        ("og:description", article.summary),
        ("og:url", article.url),
        ("og:site_name", site),
        ("og:locale", locale(article.lang)),
        ("article:published_time", rfc3339(article.published, seconds=True)),
        ("article:modified_time", rfc3339(article.updated, seconds=True)),
    ]
    pairs += [("article:tag", name) for name in _keywords(article)]
    for file in photos(article):
        pairs += [("og:image", file.url), ("og:image:type", _type(file)), ("og:image:alt", file.caption)]
    return tuple((name, content) for name, content in pairs if content)


def photos(article: Article) -> tuple[Enclosure, ...]:
    """The files that are pictures, including files with the role photo and an unknown type."""
    return tuple(file for file in article.enclosures if _picture(file.type) or (file.role, file.type) == _DECLARED)


def _picture(type: str) -> bool:
    return type.startswith("image/")


def _type(file: Enclosure) -> str:
    return file.type if _picture(file.type) else ""


def locale(lang: str) -> str:
    """OpenGraph's language_TERRITORY. If the tag names no territory, the likeliest one (CLDR); empty if there is none."""
    language, *rest = lang.split("-")
    named = next((part.upper() for part in rest if len(part) == 2 and part.isalpha()), "")
    script = next((part.title() for part in rest if len(part) == 4 and part.isalpha()), "")
    likely = get_global("likely_subtags")
    whole = likely.get(f"{language}_{script}") or likely.get(language.lower()) or ""
    territory = named or next((part for part in whole.split("_") if len(part) == 2 and part.isupper()), "")
    return f"{language.lower()}_{territory}" if territory else ""


def _keywords(article: Article) -> list[str]:
    """The names of topics and keywords, without duplicates."""
    return list(dict.fromkeys(label_of(term, article.lang) for term in article.topics + article.keywords))


def _organization(office: Office) -> JSON:
    return {"@type": "Organization"} | _given({"name": office.name, "url": office.url})


def _image(file: Enclosure) -> JSON:
    members: JSON = {
        "url": file.url,
        "contentUrl": file.url,
        "encodingFormat": _type(file),
        "caption": file.caption,
        "license": file.licence.uri if file.licence else "",
    }
    return {"@type": "ImageObject"} | _given(members)


def _place(term: Term, lang: str) -> JSON:
    name = label_of(term, lang)
    others = tuple(dict.fromkeys(other for other in term.names.values() if other != name))
    members: JSON = {"name": name, "alternateName": _one_or_all(others), "identifier": term.code}
    return {"@type": "AdministrativeArea"} | _given(members)


def _one_or_all(texts: tuple[str, ...]) -> str | list[str]:
    return texts[0] if len(texts) == 1 else list(texts)


def _given(members: JSON) -> JSON:
    """The members that are not empty."""
    return {name: value for name, value in members.items() if value not in ("", [])}
