"""How an article that is still under embargo says so, in words that no reader can miss: for those who may read it before.

The article is marked, not the format: what people read carries the words in its title and at the start of its text. What machines
read (NewsML-G2, ninjs, NITF) has elements for the instant: its headline stays clean, and the editor's note has the words.
"""

from datetime import UTC, datetime, timedelta, timezone
from html import escape

from msgspec.structs import replace

from feeds.article import Article

OPEN_ENDED = ("rss", "atom", "newsml")
WITHHELD = ("ninjs",)  # has no embargo without an end
CLEAN = ("newsml", "ninjs", "nitf")  # formats whose headline is printed as it is
KOREA = timezone(timedelta(hours=9), "KST")


def mark(article: Article) -> str:
    """What stands before the headline: "[엠바고 2026-03-10 06:00 KST]" of a Korean article, of others in English with the instant in
    UTC; of what is held the office's wording."""
    if _korean(article):
        held = article.embargo_wording or "해제 미정"
        return f"[엠바고 {_when(article.embargoed)}]" if article.embargoed and not article.held else f"[엠바고: {held}]"
    held = article.embargo_wording or "held until released"
    return (
        f"[EMBARGO until {_utc(article.embargoed)}]" if article.embargoed and not article.held else f"[EMBARGO: {held}]"
    )


def sentence(article: Article) -> str:
    """The same as a sentence."""
    until, words = article.embargoed, f" ({article.embargo_wording})" if article.embargo_wording else ""
    if _korean(article):
        if article.held:
            after = f" 빨라도 {_when(until)} 이후입니다." if until else ""
            return f"엠바고: 발표 기관이 풀 때까지 보도할 수 없습니다{words}.{after}"
        return f"엠바고: {_when(until)}까지 보도할 수 없습니다{words}."
    if article.held:
        after = f" Not before {_utc(until)}." if until else ""
        return f"Under embargo until the office releases it{words}: not to be published.{after}"
    return f"Under embargo until {_utc(until)}{words}: not to be published before."


def marked(article: Article, format: str) -> Article:
    """The article as it goes out in that format."""
    if format in CLEAN:
        held = "withheld" if article.held and format in WITHHELD else article.pubstatus
        return replace(noted(article), embargoed=_open_ended(article, format).embargoed, pubstatus=held)
    said = sentence(article)
    return replace(
        _open_ended(article, format),
        headline=f"{mark(article)} {article.headline}",
        summary=f"{mark(article)} {article.summary}",
        body=f"<p><strong>{escape(said, quote=False)}</strong></p>{article.body}",
        text=f"{said}\n\n{article.text}",
    )


def noted(article: Article) -> Article:
    """The article with the sentence in its editor's note."""
    return replace(article, note="\n".join(filter(None, (sentence(article), article.note))))


def _open_ended(article: Article, format: str) -> Article:
    """What is held ends at no instant, though it may name one before which it is not released: a program that knows the instant alone
    would take it for free then. These formats have an embargo without an end."""
    return replace(article, embargoed=None) if article.held and format in OPEN_ENDED else article


def _korean(article: Article) -> bool:
    return article.lang.split("-")[0].lower() == "ko"


def _when(instant: datetime | None) -> str:
    return f"{instant.astimezone(KOREA):%Y-%m-%d %H:%M} KST" if instant else ""


def _utc(instant: datetime | None) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z") if instant else ""
