"""Finds the type of a file by its first bytes. The name and the declared type are not trusted.

The signatures come from the formats' specifications; for what browsers do, see https://mimesniff.spec.whatwg.org/
"""

import re
from pathlib import Path

from msgspec import Struct

HEAD, TAIL = 4096, 512 * 1024  # bytes that are checked at the beginning and at the end
HWPX, HWP = "application/hwp+zip", "application/x-hwp"
OCTETS = "application/octet-stream"

SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "application/pdf"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"ID3", "audio/mpeg"),
    (b"OggS", "application/ogg"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"\x1f\x8b", "application/gzip"),
    (b"{\\rtf", "application/rtf"),
    (b"HWP Document File V", HWP),
)
BRANDED = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}  # of a RIFF file, at 8
# Of an ISO base media file, at 8 (ISO/IEC 14496-12); any other brand is video.
ISO_BRANDS = {
    b"heic": "image/heic",
    b"mif1": "image/heif",
    b"avif": "image/avif",
    b"M4A ": "audio/mp4",
    b"qt  ": "video/quicktime",
}
IN_OLE = ((b"HWP Document File", HWP), ("WordDocument".encode("utf-16-le"), "application/msword"),
          ("Workbook".encode("utf-16-le"), "application/vnd.ms-excel"),
          ("PowerPoint Document".encode("utf-16-le"), "application/vnd.ms-powerpoint"))  # fmt: skip
OOXML = "application/vnd.openxmlformats-officedocument."
IN_ZIP = ((b"word/document.xml", f"{OOXML}wordprocessingml.document"), (b"xl/workbook.xml", f"{OOXML}spreadsheetml.sheet"),
          (b"ppt/presentation.xml", f"{OOXML}presentationml.presentation"), (b"Contents/section0.xml", HWPX))  # fmt: skip
PROGRAMS = (b"MZ", b"\x7fELF", b"#!", b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe",
            b"\xca\xfe\xba\xbe", b"L\0\0\0\x01\x14\x02\0")  # fmt: skip
PAGE = re.compile(rb"<(?:!doctype\s+html|(?:[\w.-]+:)?(?:html|svg|script|head|body|iframe|style)[\s>/])", re.IGNORECASE)
REFUSED_TYPES = re.compile(
    r"text/(html|javascript)|image/svg\+xml|application/(xhtml\+xml|javascript|x-msdownload|java-archive)"
)
REFUSED_ENDINGS = {
    *(
        "exe",
        "dll",
        "com",
        "scr",
        "msi",
        "bat",
        "cmd",
        "ps1",
        "vbs",
        "vbe",
        "js",
        "jse",
        "mjs",
        "wsf",
        "hta",
        "jar",
        "apk",
        "lnk",
    ),
    *("sh", "html", "htm", "xhtml", "xht", "shtml", "mhtml", "mht", "svg", "svgz", "swf"),
}
ENDINGS = {
    "pdf": "application/pdf", "hwpx": HWPX, "hwp": HWP, "jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png",
    "gif": "image/gif", "webp": "image/webp", "mp4": "video/mp4", "docx": IN_ZIP[0][1], "xlsx": IN_ZIP[1][1], "pptx": IN_ZIP[2][1],
}  # fmt: skip
# Other names that offices and browsers use for a type.
SYNONYMS = {
    **dict.fromkeys(
        ("application/haansofthwpx", "application/vnd.hancom.hwpx", "application/x-hwpx", "application/hwpx"), HWPX
    ),
    **dict.fromkeys(
        ("application/haansofthwp", "application/vnd.hancom.hwp", "application/hwp", "application/x-hwp-v5"), HWP
    ),
    **dict.fromkeys(("image/jpg", "image/pjpeg"), "image/jpeg"),
    **dict.fromkeys(("application/x-zip-compressed", "application/x-zip"), "application/zip"),
    "application/x-pdf": "application/pdf",
    "": OCTETS,
}
PLAIN = re.compile(rb"[^\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]*")
# Types that the first entry of an archive may declare; a sender could invent any other name.
MIMETYPE = re.compile(
    rb"application/(?:hwp\+zip|epub\+zip|vnd\.oasis\.opendocument\.(?:text|spreadsheet|presentation|graphics))"
)


class Judged(Struct, frozen=True):
    """Our judgement of a file."""

    mimetype: str
    warning: str = ""
    refusal: str = ""  # why it is refused, in one sentence


class Seen(Struct, frozen=True):
    """What the bytes of a file show."""

    head: bytes
    real: str  # media type; empty: unknown


def see(path: Path) -> Seen:
    """Look at the bytes of a file. Call it once for each file, because an OLE file is read whole."""
    head, tail = _ends(path)
    return Seen(head, recognise(head, tail))


def judge(name: str, declared: str, seen: Seen) -> Judged:
    """The type of a file. Its name and declared type count only if its bytes do not show the type."""
    head, real = seen.head, seen.real
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    if (
        head.startswith(PROGRAMS)
        or PAGE.search(_text(head))
        or ending in REFUSED_ENDINGS
        or REFUSED_TYPES.fullmatch(declared)
    ):
        return Judged(
            OCTETS,
            refusal=f"{name!r} is a program or an active page (HTML, SVG, script). Such files are not allowed.",
        )
    claimed = SYNONYMS.get(declared, declared)
    if real == "text/plain" and claimed in (
        "text/csv",
        "text/markdown",
        "text/calendar",
        "application/json",
        "application/xml",
    ):
        real = claimed
    if not real:
        known = {*ENDINGS.values(), "text/plain", "application/zip"}
        if claimed in known or claimed.startswith("text/") or "/" not in claimed:
            return Judged(OCTETS, f"{name!r} is declared as {claimed}, but is not. It will be served as {OCTETS}.")
        return Judged(claimed)
    if claimed not in (OCTETS, real):
        return Judged(real, f"{name!r} is declared as {declared}, but is {real}. It will be served as {real}.")
    if ENDINGS.get(ending, real) != real:
        return Judged(
            real, f"The name {name!r} means {ENDINGS[ending]}, but the file is {real}. It will be served as {real}."
        )
    return Judged(real)


def recognise(head: bytes, tail: bytes = b"") -> str:
    """The media type by signature; "text/plain" for readable text; empty if unknown."""
    for signature, mimetype in SIGNATURES:
        if head.startswith(signature):
            return mimetype
    if head.startswith(b"PK\x03\x04"):
        return _zip(head, tail)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return next(
            (mimetype for mark, mimetype in IN_OLE if mark in head or mark in tail), "application/x-ole-storage"
        )
    if head[:4] == b"RIFF":
        return BRANDED.get(head[8:12], "")
    if head[4:8] == b"ftyp":
        return ISO_BRANDS.get(head[8:12], "video/mp4")
    return "text/plain" if head and PLAIN.fullmatch(_text(head)) and _decodes(head) else ""


def _zip(head: bytes, tail: bytes) -> str:
    """The type of a ZIP file. HWPX, EPUB and OpenDocument give it in their first entry `mimetype`, which is not compressed; Office
    formats are recognised by names in the directory."""
    if head[26:28] == b"\x08\0" and head[30:38] == b"mimetype":
        found = MIMETYPE.match(head, 38 + int.from_bytes(head[28:30], "little"))
        if found:
            return found[0].decode("ascii")
    return next((mimetype for mark, mimetype in IN_ZIP if mark in tail or mark in head), "application/zip")


def _ends(path: Path) -> tuple[bytes, bytes]:
    """The first bytes; and for a ZIP file the last bytes, which have its directory; for an OLE file all other bytes."""
    with path.open("rb") as file:
        head = file.read(HEAD)
        if head.startswith(b"\xd0\xcf\x11\xe0"):
            return head, file.read()
        if head.startswith(b"PK"):
            file.seek(max(0, path.stat().st_size - TAIL))
            return head, file.read(TAIL)
    return head, b""


def _text(head: bytes) -> bytes:
    """The bytes; UTF-16 with a byte order mark is converted to UTF-8, so that an HTML page in it is recognised."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return head[: len(head) // 2 * 2].decode("utf-16", "replace").encode("utf-8", "replace")
    return head


def _decodes(head: bytes) -> bool:
    for codec in ("utf-8", "cp949", "utf-16"):
        try:
            head.decode(codec)
        except UnicodeDecodeError as error:
            if error.start >= HEAD - 4:  # The head ends in the middle of a character.
                return True
            continue
        return codec != "utf-16" or head[:2] in (b"\xff\xfe", b"\xfe\xff")
    return False
