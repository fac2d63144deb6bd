"""Files that tests push, made here byte by byte: HWPX, HWP 5, PDF, PNG, and what an attacker would make of them."""

import io
import struct
import zipfile
import zlib
from collections.abc import Sequence
from xml.sax.saxutils import escape

HP = "http://www.hancom.co.kr/hwpml/2011/paragraph"
HS = "http://www.hancom.co.kr/hwpml/2011/section"
TAB = "\t" + "\0" * 6 + "\t"  # as HWP has it: eight units
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63606060000000040001f6173855"
    "0000000049454e44ae426082"
)


def section(inner: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><hs:sec xmlns:hs="{HS}" xmlns:hp="{HP}">{inner}</hs:sec>'


def paragraph(text: str) -> str:
    return f"<hp:p><hp:run><hp:t>{escape(text)}</hp:t></hp:run></hp:p>"


def table(rows: Sequence[Sequence[str]]) -> str:
    cells = "".join(
        "<hp:tr>"
        + "".join(
            f"<hp:tc><hp:subList>{paragraph(text)}</hp:subList><hp:cellSpan colSpan='1' rowSpan='1'/></hp:tc>"
            for text in row
        )
        + "</hp:tr>"
        for row in rows
    )
    return f"<hp:p><hp:run><hp:tbl>{cells}</hp:tbl><hp:t/></hp:run></hp:p>"


def hwpx(*sections: str, **parts: bytes) -> bytes:
    """An HWPX of these sections; the first entry says what it is."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("mimetype"), "application/hwp+zip", zipfile.ZIP_STORED)
        for number, text in enumerate(sections):
            archive.writestr(f"Contents/section{number}.xml", text)
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def hwpx_bomb(megabytes: int = 2000) -> bytes:
    """A section that inflates a thousandfold, in an archive whose directory says that it is small."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("mimetype"), "application/hwp+zip", zipfile.ZIP_STORED)
        with archive.open("Contents/section0.xml", "w", force_zip64=True) as part:
            part.write(section("").removesuffix("</hs:sec>").encode())
            for _ in range(megabytes):
                part.write(b" " * 1024 * 1024)
    return out.getvalue()


def pdf(content: bytes, *forms: bytes) -> bytes:
    """A PDF of one page in Helvetica; form 0 is /F0 and so on, each may call the next."""
    names = b" ".join(b"/F%d %d 0 R" % (number, 6 + number) for number in range(len(forms)))
    resources = b"<</Font<</H 5 0 R>>/XObject<<" + names + b">>>>"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources" + resources + b">>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        *(
            b"<</Type/XObject/Subtype/Form/BBox[0 0 595 842]/Resources%s/Length %d>>stream\n%s\nendstream"
            % (resources, len(form), form)
            for form in forms
        ),
    ]
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def page(text: str) -> bytes:
    return b"BT /H 12 Tf 72 700 Td (%s) Tj ET" % text.encode("latin-1")


def spinning_pdf(depth: int = 12, width: int = 12) -> bytes:
    """Small, and it draws its text width to the power of depth times."""
    forms = [b" ".join([b"/F%d Do" % (number + 1)] * width) for number in range(depth)]
    return pdf(b"/F0 Do", *forms, page("x"))


def endless_pdf(depth: int = 12, width: int = 12) -> bytes:
    """The same without a text: it takes no memory, only time."""
    return pdf(b"/F0 Do", *[b" ".join([b"/F%d Do" % (number + 1)] * width) for number in range(depth)], b"q Q")


def hwp(*paragraphs: str, properties: int = 1) -> bytes:
    """An HWP 5 file: FileHeader and one section of paragraph texts."""
    header = b"HWP Document File".ljust(32, b"\0") + bytes([1, 1, 0, 5]) + struct.pack("<I", properties)
    records = b""
    for text in paragraphs:
        # An extended control of eight units, as stands where a table is anchored, and the paragraph's end.
        units = (
            struct.pack("<H", 11)
            + b"\x20lbt"
            + bytes(8)
            + struct.pack("<H", 11)
            + text.replace("\t", TAB).encode("utf-16-le")
            + b"\r\0"
        )
        records += struct.pack("<I", 66 | 22 << 20) + bytes(22)
        records += struct.pack("<II", 67 | 1 << 10 | 0xFFF << 20, len(units)) + units
    if properties & 1:
        deflate = zlib.compressobj(wbits=-15)
        records = deflate.compress(records) + deflate.flush()
    return ole({("FileHeader",): header.ljust(256, b"\0"), ("BodyText", "Section0"): records})


def ole(streams: dict[tuple[str, ...], bytes]) -> bytes:
    """A compound file (MS-CFB, version 3). Streams are padded to 4,096 bytes, so that none needs the small sectors."""
    end, free, fat_mark, none = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD, 0xFFFFFFFF
    sectors: list[bytes] = []
    fat: list[int] = []

    def put(content: bytes) -> int:
        start = len(sectors)
        count = -(-len(content) // 512)
        sectors.extend(content[at * 512 : at * 512 + 512].ljust(512, b"\0") for at in range(count))
        fat.extend([*range(start + 1, start + count), end])
        return start

    def entry(name: str, kind: int, start: int, size: int, right: int = none, child: int = none) -> bytes:
        raw = name.encode("utf-16-le") + b"\0\0"
        packed = raw.ljust(64, b"\0") + struct.pack("<HBB3I", len(raw), kind, 1, none, right, child)
        return packed + bytes(36) + struct.pack("<IQ", start, size)

    entries = [b""]
    folders = sorted({name[0] for name in streams if len(name) == 2})
    top = [name for name in streams if len(name) == 1]
    for number, name in enumerate(top):
        content = streams[name].ljust(4096, b"\0")
        right = len(entries) + 1 if number + 1 < len(top) or folders else none
        entries.append(entry(name[0], 2, put(content), len(content), right))
    for folder in folders:
        inside = [name for name in streams if name[0] == folder and len(name) == 2]
        entries.append(entry(folder, 1, 0, 0, none, len(entries) + 1))
        for number, name in enumerate(inside):
            content = streams[name].ljust(4096, b"\0")
            right = len(entries) + 1 if number + 1 < len(inside) else none
            entries.append(entry(name[1], 2, put(content), len(content), right))
    entries[0] = entry("Root Entry", 5, end, 0, none, 1)
    while len(entries) % 4:
        entries.append(entry("", 0, 0, 0))
    directory = put(b"".join(entries))
    fat_at = len(sectors)
    fat.append(fat_mark)
    assert len(fat) <= 128, "one sector of table is enough for a test"
    sectors.append(struct.pack("<128I", *(fat + [free] * (128 - len(fat)))))
    header = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16) + struct.pack("<5H", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<9I", 0, 1, directory, 0, 4096, end, 0, end, 0)
    header += struct.pack("<109I", fat_at, *[free] * 108)
    return header + b"".join(sectors)
