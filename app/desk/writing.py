"""Writes a draft as a release in our own dialect, which intake reads like any other, and finds the field of a fault. Pure."""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from html import escape

from lxml import etree

from app.desk.content import DraftText, at, embargo_wording
from app.text import embargo_wording as embargoes
from app.text import html
from app.text.characters import UNSEEN
from app.text.embargo_wording import Hours
from app.text.zones import later, zone_of
from feeds import LANG, press_release

BLOCKS = re.compile(r"<(?:p|h[1-6]|ul|ol|table|blockquote|figure|div|section|pre)\b", re.IGNORECASE)
PATH = re.compile(r"/release/article(?:\[\d+\])?/([a-z]+)(?:\[(\d+)\])?(?:/@?([a-z]+))?")
CONTENT_TYPE = "application/xml"
PAST = "The instant of the embargo is past."
AS_HTML = {"type": "html"}  # of a body


def to_release(
    content: DraftText, guid: str, version: int, zone: str, now: datetime, files: Mapping[str, str] | None = None
) -> bytes:
    """The draft as a release with one article. What is wrong in it is written as it is, so that intake finds the same faults in it as
    in a push. `zone`: IANA name of the zone of the draft's instants. `now`: the date of issue if it names none. `files`: URLs that
    stand for files by their names; None: the release comes with its files."""
    made = press_release.element
    article = made("article", kind=content["kind"], urgency=content["urgency"], version=str(version))
    article.set(LANG, _text(content["language"] or "ko"))
    if version > 1 and content["signal"] in ("correction", "update"):
        article.set("signal", content["signal"])
    article.append(made("guid", guid))
    article.append(
        made("issued", _instant(content["issued"], zone) or now.astimezone(zone_of(zone)).isoformat("T", "seconds"))
    )
    article.append(_embargo(content, zone))
    article.append(made("headline", _text(content["headline"])))
    article.extend(made("subheadline", _text(text)) for text in content.all("subheadline"))
    for name in ("summary", "dateline", "byline", "slugline"):
        article.extend(press_release.given(name, _text(content[name])))
    article.append(made("body", body_of(content["body"]), **AS_HTML))
    for name in ("region", "topic", "keyword"):
        article.extend(made(name, _text(text)) for text in content.all(name))
    for entry in content.entries("contact"):
        contact = made("contact")
        contact.extend(
            element
            for part in ("department", "role", "name", "phone", "email")
            for element in press_release.given(part, _text(entry.get(part, "")))
        )
        article.append(contact)
    article.extend(_enclosure(entry, files or {}) for entry in content.entries("file"))
    if content["licence"] or content["licence-text"]:
        article.append(made("licence", _text(content["licence-text"]), uri=_text(content["licence"])))
    for entry in content.entries("related"):
        names = {name: _text(entry.get(name, "")) for name in ("guid", "url", "translation")}
        article.append(made("related", _text(entry.get("headline", "")), **names))
    for name in ("note", "source", "copyright"):
        article.extend(press_release.given(name, _text(content[name])))
    root = made("release")
    root.append(article)
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))


def body_of(text: str) -> str:
    """The body as HTML of the elements that a release may have; empty if it is too complex. A text without any block is plain: a blank
    line ends a paragraph. What was pasted from other programs is cleaned."""
    return cleaned(text).xhtml


@lru_cache(4)  # a draft is checked, written and shown in one request
def cleaned(text: str) -> html.Body:
    """As `body_of`, with what was removed, and why it cannot be used."""
    text = UNSEEN.sub("", text)
    if not BLOCKS.search(text):
        parts = (part.strip() for part in re.split(r"\n[ \t]*\n", text))
        inline = re.search(r"<[a-z][^<>]{0,220}>", text) is not None
        text = "".join(
            f"<p>{(part if inline else escape(part, quote=False)).replace(chr(10), '<br/>')}</p>"
            for part in parts
            if part
        )
    return html.clean(text, "", tolerant=True)


def field_of(path: str) -> str:
    """The field of the form that a fault belongs to, such as "headline" or "contact-email-2"; empty: the draft as a whole."""
    found = PATH.match(path)
    if found is None:
        return ""
    name, number, part = found[1], int(found[2] or 1), found[3] or ""
    if name == "embargo":
        return "embargo"
    if name == "enclosure":
        name = "file"
    if name == "body":
        return "body"
    if name in ("contact", "related", "file"):
        part = {"uri": "licence", "lang": "language"}.get(part, part) or {"contact": "name", "file": "caption"}.get(
            name, "headline"
        )
        return f"{name}-{part}-{number}"
    return name


def which(path: str) -> tuple[str, int]:
    """The field of a fault, and which of its values is meant, counted from 1: ("region", 2)."""
    found = PATH.match(path)
    return field_of(path), int(found[2] or 1) if found else 1


def _enclosure(entry: dict[str, str], files: Mapping[str, str]) -> etree._Element:
    made = press_release.element
    name = entry.get("name", "")
    reference = entry.get("url") or files.get(name, name)
    names = {"url": _text(reference), "type": entry.get("type") or "application/octet-stream"}
    file = made("enclosure", **names, role=entry.get("role") or "document", length=entry.get("length", ""))
    if language := entry.get("language"):
        file.set(LANG, _text(language))
    file.extend(press_release.given("caption", _text(entry.get("caption", ""))))
    if licence := entry.get("licence"):
        file.append(made("licence", uri=_text(licence)))
    return file


def _embargo(content: DraftText, zone: str) -> etree._Element:
    form = content["embargo"] or "now"
    wording = _text(embargo_wording(content, zone))
    made = press_release.element
    if form == "held":
        return made("embargo", held="true")
    if form == "at":
        return made("embargo", wording, until=_instant(content["embargo-at"], zone) or "-")
    if form == "now":
        return made("embargo", wording, held="false")
    return made("embargo", wording)


def _instant(text: str, zone: str) -> str:
    """The instant with its offset; what is no instant stays as it was written."""
    found = at(text, zone) if text else None
    return found.isoformat() if found else _text(text)


def _text(text: str) -> str:
    """Without characters that XML cannot have."""
    return UNSEEN.sub("", text)


def timing(content: DraftText, zone: str, now: datetime, hours: Hours) -> list[tuple[str, str, bool]]:
    """What is wrong with 보도시점 as the form has it: (field, a sentence as intake words it, whether it is a fault). `zone`: IANA name
    of the zone of the draft's instants. `hours`: when newspaper editions come out."""
    form = content["embargo"]
    if form == "at":
        moment = at(content["embargo-at"], zone)
        if moment is None:
            return [("embargo-at", _no_instant(content["embargo-at"]), True)]
        return [("embargo-at", PAST, True)] if moment <= now else []
    if form == "edition":
        day = at(content["embargo-day"], zone)
        if day is None:
            return [("embargo-day", _no_instant(content["embargo-day"]), True)]
        out = hours.evening if content["embargo-edition"] == "evening" else hours.morning
        return [("embargo-day", PAST, True)] if later(datetime.combine(day.date(), out), zone)[0] <= now else []
    if form == "words":
        issued = at(content["issued"], zone) or now.astimezone(zone_of(zone))
        wording = " ".join(_text(content["embargo-words"]).split())
        if not wording:
            return [("embargo-words", "<embargo> is empty or too short; expected at least one character.", True)]
        meaning = embargoes.read(wording, issued, hours)
        said = [("embargo-words", warning, False) for warning in meaning.warnings]
        if meaning.until and meaning.until <= now:
            said.append(("embargo-words", "The embargo is past. The article was published at once.", False))
        if meaning.held and not meaning.warnings:
            sentence = (
                f"The embargo {wording[:100]!r} does not name a date and time that we understand. The article is held."
            )
            said.append(("embargo-words", sentence, False))
        return said
    return []


def _no_instant(text: str) -> str:
    return f"{text[:40]!r} is not a date and time such as 2021-03-09T20:15:00+09:00."
