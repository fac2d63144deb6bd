"""PDF of one article, to print and to sign off: PDF/A-2a with tags and embedded fonts, laid out by Typst (`feeds/pdf.typ`).

https://typst.app/docs/reference/pdf/. ISO 19005-2. The fonts come with packages and not from the system, so the same article gives the
same bytes everywhere. A letter that none of them has, such as an emoji, is a box; then the file is an ordinary tagged PDF.
"""

from pathlib import Path

import msgspec
import pylopdf_fonts_ko
import typst

from feeds.article import Article, direction, embargo_in_words
from feeds.printed import Most, printed

MIMETYPE = ARTICLE_MIMETYPE = "application/pdf"
LABEL = "PDF"
marked = embargo_in_words  # a person reads it

TEMPLATE = (Path(__file__).parent / "pdf.typ").read_bytes()
FONTS = str(Path(pylopdf_fonts_ko.__file__).parent)  # Noto Serif KR and Noto Sans KR
MOST = Most(150_000, 4_000)  # more would take more than a second, or more than 200 MB


def render_article(article: Article) -> bytes:
    """The article as PDF; the same article gives the same bytes. A very long text is cut, with a sentence that says so."""
    page = printed(article, MOST)
    language = article.lang.split("-")[0].lower()
    inputs = {
        "article": msgspec.json.encode(page).decode(),
        "date": f"{page.published:%Y-%m-%d-%H-%M-%S}",
        "lang": language if language.isascii() and language.isalpha() and len(language) in (2, 3) else "en",
        "rtl": "yes" if direction(article.lang) == "rtl" else "no",
    }
    try:
        return _compiled(inputs, True, int(page.published.timestamp()))
    except typst.TypstError:  # PDF/A demands a glyph for each letter
        return _compiled(inputs, False, int(page.published.timestamp()))


def _compiled(inputs: dict[str, str], archival: bool, timestamp: int) -> bytes:
    # Each document has its own fonts: threads share nothing, and finding them takes 3 ms.
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=[FONTS])
    made = typst.compile(
        TEMPLATE,
        format="pdf",
        font_paths=fonts,
        ignore_system_fonts=True,
        sys_inputs=inputs,
        pdf_standards=["a-2a"] if archival else [],
        timestamp=timestamp,
    )
    return bytes(made)
