"""`make pictures`: the pictures of docs/pictures, taken from a running server with the corpus.

`python -m tests.browser.pictures DIR` takes every page of tests/browser/lines.py in both languages, two widths and every colour
scheme. Use it when you change how pages look.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import CHROMIUM, Site
from tests.browser.lines import LINES, Line
from tests.conftest import ROOT

PICTURES = ROOT / "docs" / "pictures"
WIDE, PHONE = 1280, 390
# name -> (path, who, language, width, height, colour scheme)
FEW = {
    "front-page": ("/", "", "ko", WIDE, 800, "light"),
    "article-phone": ("/articles/{sample}", "", "ko", PHONE, 780, "light"),
    "front-page-dark": ("/", "", "en", PHONE, 780, "dark"),
    "difference": ("/articles/{article}/diff", "", "ko", WIDE, 560, "light"),
    "builder": ("/feeds/build?region=kr:52&topic=medtop:11000000", "", "ko", WIDE, 800, "light"),
    "people": ("/people", "admin", "ko", WIDE, 800, "light"),
}
SCHEMES = {"light": ("light", "no-preference"), "dark": ("dark", "no-preference"), "contrast": ("light", "more")}


def few(site: Site, directory: Path) -> None:
    """Take the pictures of the documentation."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name, (path, who, lang, width, height, scheme) in FEW.items():
            window = site.context(browser, who, lang, color_scheme=scheme, viewport={"width": width, "height": height})
            page = window.new_page()
            page.goto(path.format(**site.paths), wait_until="networkidle")
            page.screenshot(path=directory / f"{name}.png")
            window.close()
        browser.close()


def every(site: Site, directory: Path) -> None:
    """Take every page in every way."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for lang in ("ko", "en"):
            for line in LINES:
                window = site.context(browser, line.who, lang)
                page = window.new_page()
                page.goto(line.path.format(**site.paths))
                if line.do:
                    line.do(page)
                _schemes(page, line, directory, lang)
                window.close()
        browser.close()


def _schemes(page: Page, line: Line, directory: Path, lang: str) -> None:
    name = "-".join(filter(None, (line.endpoint, *line.name.split())))
    for width in (WIDE, PHONE):
        page.set_viewport_size({"width": width, "height": 900})
        for scheme, (color, contrast) in SCHEMES.items():
            page.emulate_media(color_scheme=color, contrast=contrast)  # type: ignore[arg-type]
            page.screenshot(path=directory / f"{name}-{lang}-{width}-{scheme}.png", full_page=True)


def main() -> None:
    """Take them."""
    if CHROMIUM is None:
        sys.exit("Pictures are taken by chromium: apt-get install chromium fonts-noto-cjk")
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES
    directory.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as data:
        site = Site(Path(data))
        try:
            (few if directory == PICTURES else every)(site, directory)
        finally:
            site.server.close()


if __name__ == "__main__":
    main()
