"""The parts of a ZIP package (HWPX, DOCX), under limits: the sizes that the archive states are not trusted."""

import zipfile
import zlib

from lxml import etree

from extract import MOST_INFLATED, Unreadable

MOST_MEMBERS = 10_000
CHUNK = 64 * 1024
# The errors that the libraries raise for a broken package.
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)


class Package:
    """The parts of one package. Everything that is inflated counts against one limit. Raises Unreadable and BROKEN."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        self.inflated = 0
        self.names = frozenset(archive.namelist())
        if len(archive.filelist) > MOST_MEMBERS:
            raise Unreadable(f"It has {len(archive.filelist)} parts; at most {MOST_MEMBERS} are allowed.", "large")

    def read(self, name: str) -> bytes:
        """A part, inflated."""
        parts: list[bytes] = []
        with self.archive.open(name) as part:
            while chunk := part.read(CHUNK):
                self.inflated += len(chunk)
                if self.inflated > MOST_INFLATED:
                    most = MOST_INFLATED // 1024 // 1024
                    raise Unreadable(f"Its parts have more than {most} MB when decompressed.", "large")
                parts.append(chunk)
        return b"".join(parts)

    def tree(self, name: str) -> etree._Element:
        """A part that is XML."""
        return parsed_part(self.read(name))

    def optional(self, name: str) -> etree._Element | None:
        """A part that is XML, if the package has it."""
        return self.tree(name) if name in self.names else None


def parsed_part(source: bytes) -> etree._Element:
    """The root of a part. Raises Unreadable."""
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        recover=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(source, parser)
    except etree.XMLSyntaxError as error:
        if error.code == etree.ErrorTypes.ERR_NO_MEMORY:
            raise MemoryError from None
        raise Unreadable(f"One of its sections is not well-formed XML (line {error.lineno or 1}).") from None
    if root.getroottree().docinfo.doctype:
        raise Unreadable("One of its sections has a DOCTYPE.")
    return root


def local_name(element: etree._Element) -> str:
    """The name of an element without its namespace, which differs between editions; empty for anything that is not an element."""
    return str(etree.QName(element).localname) if isinstance(element.tag, str) else ""
