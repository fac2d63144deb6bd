"""What pages load besides their HTML: the style sheet, scripts and the site's logo, read once and held in memory.

Their addresses contain a hash of all of them (`/static/HASH/style.css`), so browsers and caches may keep them for a year, and get new
ones with the next page after an update. So scripts that import each other by a relative address are always of one version.
"""

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import msgspec
from msgspec import Struct

from app.errors import Misconfigured
from app.settings import Settings

STATIC = Path(__file__).parent / "static"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".png": "image/png",
}
REMARK = re.compile(rb"(?:^|\s)\s*// [^\"'`]*$|^\s*//.*$")  # of a script, to the end of its line
SPACED = re.compile(rb" (=>?|[!=]==|&&|\|\||\?\?) ")  # operators of a script
STYLE, LOGO, MAP = "style.css", "logo", "map/kr.svg"
LARGEST_LOGO = 256 * 1024  # bytes
# The first bytes of the pictures that a logo may be. An SVG could run scripts if it were opened by itself.
LOGOS = {b"\x89PNG\r\n\x1a\n": ".png", b"RIFF": ".webp", b"\xff\xd8\xff": ".jpg"}


class Asset(Struct, frozen=True):
    """A file that pages load."""

    body: bytes
    content_type: str


class Assets(Struct, frozen=True):
    """All of them, by name, with the version that stands in their addresses."""

    files: Mapping[str, Asset]
    version: str
    logo: str = ""  # the name of the site's logo; empty: it has none

    def url(self, name: str) -> str:
        """The address of one of them, from the root of the server. Raises KeyError for a name that is none."""
        self.files[name]
        return f"/static/{self.version}/{name}"


def of_site(settings: Settings) -> Assets:
    """The files of `static/`, with the site's colour and logo. Raises Misconfigured."""
    return _loaded(settings.site_color, settings.site_logo)


@lru_cache(8)
def _loaded(color: str, logo: str) -> Assets:
    files = {
        str(path.relative_to(STATIC)): Asset(_lean(path), TYPES[path.suffix])
        for path in sorted(STATIC.rglob("*"))
        if path.suffix in TYPES
    }
    files[MAP] = Asset(_symbols(STATIC / "map" / "kr.json"), TYPES[".svg"])
    if color:
        files[STYLE] = Asset(files[STYLE].body + _colored(color), files[STYLE].content_type)
    name = ""
    if logo:
        name, files[LOGO] = LOGO, _logo(logo)
    digest = hashlib.sha256()
    for named, asset in files.items():
        digest.update(b"%s %d\n" % (named.encode(), len(asset.body)) + asset.body)
    return Assets(files, digest.hexdigest()[:12], name)


def _lean(path: Path) -> bytes:
    """The bytes of a file; a script without its comments, indentation and spaces around operators, which only its writers need.
    None of ours has a line break or such an operator in a text."""
    source = path.read_bytes()
    if path.suffix != ".js":
        return source
    lines = (SPACED.sub(rb"\1", REMARK.sub(b"", line).strip()) for line in source.splitlines())
    return b"\n".join(filter(None, lines)) + b"\n"


def _symbols(path: Path) -> bytes:
    """The shapes of a map as SVG. A page shows them by `<use href="…#kr-11">` in its own colours, and need not have the shapes.
    Their lines are as wide as the page says, however large the map is drawn: `<use>` does not pass that on."""
    shapes = msgspec.json.decode(path.read_bytes())["shapes"]
    paths = "".join(
        f'<path id="kr-{code}" vector-effect="non-scaling-stroke" d="{shape}"/>' for code, shape in shapes.items()
    )
    return f'<svg xmlns="http://www.w3.org/2000/svg"><defs>{paths}</defs></svg>\n'.encode()


def _colored(color: str) -> bytes:
    """The rules that replace our colour by the site's: as it is on a light page, lighter on a dark one. A reader who asks for more
    contrast gets our colour."""
    return (
        f"\n@media not (prefers-contrast: more) {{\n"
        f":root {{ --accent: {color}; --accent-strong: color-mix(in srgb, {color}, #000 25%); }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ --accent: color-mix(in srgb, {color}, #fff 62%);"
        f" --accent-strong: color-mix(in srgb, {color}, #fff 75%); }} }}\n}}\n"
    ).encode()


def _logo(path: str) -> Asset:
    try:
        body = Path(path).read_bytes()
    except OSError as error:
        raise Misconfigured(f"PRESSRELAY_SITE_LOGO: {path} cannot be read: {error.strerror}.") from None
    suffix = next((suffix for head, suffix in LOGOS.items() if body.startswith(head)), "")
    if not suffix or len(body) > LARGEST_LOGO:
        raise Misconfigured(
            f"PRESSRELAY_SITE_LOGO: {path} must be a PNG, WebP or JPEG of at most {LARGEST_LOGO // 1024} KiB."
        )
    types = {".png": "image/png", ".webp": "image/webp", ".jpg": "image/jpeg"}
    return Asset(body, types[suffix])
