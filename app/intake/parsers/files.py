"""Guesses the type of a linked file by the extension in its URL, if the feed does not give the type."""

from urllib.parse import urlsplit

from app.text.html import LONGEST_URL

UNKNOWN = "application/octet-stream"  # RFC 2046, 4.5.1
LARGEST = 2**53 - 1  # the largest number that JSON carries without loss
EXTENSIONS = {
    "pdf": "application/pdf",
    "hwp": "application/x-hwp",
    "hwpx": "application/hwp+zip",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ppt": "application/vnd.ms-powerpoint",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "odt": "application/vnd.oasis.opendocument.text",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "csv": "text/csv",
    "txt": "text/plain",
    "zip": "application/zip",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "svg": "image/svg+xml",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
}


def address(url: str) -> str:
    """The address or name of a file as a URL: "보도자료 (1).hwpx" may be written as the file is named."""
    return "%20".join(url.split()) if len(url) <= LONGEST_URL else url


def media_type(url: str, declared: str) -> str:
    """The declared media type, else the type for the URL's extension."""
    if "/" in declared:
        return declared.strip()
    if len(url) > LONGEST_URL:
        return UNKNOWN
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return UNKNOWN
    ends = (part.rpartition(".")[2].lower() for part in (parts.path, parts.query))  # down.do?file=1.hwpx
    return next((EXTENSIONS[end] for end in ends if end in EXTENSIONS), UNKNOWN)


def role(type: str) -> str:
    """ "photo" or "document"."""
    return "photo" if type.startswith("image/") else "document"


def length(declared: str) -> int | None:
    """Bytes; None if the declared length is not a number."""
    digits = declared.strip()
    bytes = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 17 else LARGEST + 1
    return bytes if bytes <= LARGEST else None
