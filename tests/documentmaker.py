"""Makes documents from one readable source, as word processors write them: HWPX, DOCX, HWP 5 and text.

A source (`tests/documents/*.xml`) has paragraphs `p` (style, size, bold, centre, list, level, heading, break), tables `table/tr/td`
(colspan, rowspan, head), frames `frame`, and pictures `img` (color, caption). In a paragraph: `b`, `i`, `sup`, `a href`, `note`, `br`.
"""

import io
import struct
import zipfile
import zlib
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from tests import files

HEAD = "http://www.hancom.co.kr/hwpml/2011/head"
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
INLINE = {"b", "i", "sup", "a", "note", "br"}


def png(color: str, width: int = 4, height: int = 3) -> bytes:
    """A picture of one colour ("aa0000")."""
    row = b"\0" + bytes.fromhex(color) * width

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(row * height)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def zipped(parts: dict[str, bytes | str], stored: str = "") -> bytes:
    """A package; the part `stored` is not compressed."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            method = zipfile.ZIP_STORED if name == stored else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return out.getvalue()


class Hwpx:
    """Writes HWPX."""

    def __init__(self) -> None:
        self.chars: dict[tuple[str, ...], int] = {}
        self.shapes: dict[tuple[str, ...], int] = {}
        self.styles: dict[str, int] = {"바탕글": 0}
        self.pictures: list[bytes] = []

    def make(self, root: etree._Element) -> bytes:
        inner = "".join(map(self.block, root))
        parts: dict[str, bytes | str] = {"mimetype": "application/hwp+zip", "Contents/header.xml": self.header()}
        items = "".join(
            f'<opf:item id="image{n}" href="BinData/image{n}.png" media-type="image/png" isEmbeded="1"/>'
            for n, _ in enumerate(self.pictures, 1)
        )
        parts["Contents/content.hpf"] = (
            f'<opf:package xmlns:opf="http://www.idpf.org/2007/opf/"><opf:manifest>{items}</opf:manifest></opf:package>'
        )
        parts["Contents/section0.xml"] = files.section(inner)
        parts |= {f"BinData/image{n}.png": content for n, content in enumerate(self.pictures, 1)}
        return zipped(parts, "mimetype")

    def header(self) -> str:
        chars = "".join(
            f'<hh:charPr id="{id}" height="{int(float(size) * 100)}">{"<hh:bold/>" if bold else ""}{"<hh:italic/>" if italic else ""}'
            f"{'<hh:supscript/>' if sup else ''}</hh:charPr>"
            for (size, bold, italic, sup), id in self.chars.items()
        )
        shapes = "".join(
            f'<hh:paraPr id="{id}"><hh:align horizontal="{"CENTER" if centre else "JUSTIFY"}"/>'
            f'<hh:heading type="{kind}" idRef="0" level="{level}"/></hh:paraPr>'
            for (centre, kind, level), id in self.shapes.items()
        )
        styles = "".join(f'<hh:style id="{id}" type="PARA" name="{name}"/>' for name, id in self.styles.items())
        return f'<hh:head xmlns:hh="{HEAD}">{chars}{shapes}{styles}</hh:head>'

    def block(self, element: etree._Element) -> str:
        if element.tag == "table":
            return f"<hp:p><hp:run>{self.table(element)}<hp:t/></hp:run></hp:p>"
        if element.tag == "frame":
            inner = "".join(map(self.block, element))
            text = f"<hp:drawText><hp:subList>{inner}</hp:subList></hp:drawText>"
            return f"<hp:p><hp:run><hp:rect>{text}</hp:rect><hp:t/></hp:run></hp:p>"
        if element.tag == "img":
            self.pictures.append(png(element.get("color", "aa0000")))
            caption = element.get("caption", "")
            below = f"<hp:caption><hp:subList>{files.paragraph(caption)}</hp:subList></hp:caption>" if caption else ""
            image = f'<hp:img binaryItemIDRef="image{len(self.pictures)}"/>'
            comment = "<hp:shapeComment>그림입니다. 원본 그림의 이름: a.png</hp:shapeComment>"
            return f"<hp:p><hp:run><hp:pic>{image}{below}{comment}</hp:pic></hp:run></hp:p>"
        return self.paragraph(element)

    def paragraph(self, element: etree._Element) -> str:
        heading, kind = element.get("heading"), {"ul": "BULLET", "ol": "NUMBER"}.get(element.get("list", ""), "NONE")
        level = str(int(heading) - 1) if heading else element.get("level", "0")
        shape = (element.get("centre", ""), "OUTLINE" if heading else kind, level)
        style = self.styles.setdefault(element.get("style", "바탕글"), len(self.styles))
        runs = self.runs(element, element, "")
        attributes = f'paraPrIDRef="{self.shapes.setdefault(shape, len(self.shapes))}" styleIDRef="{style}"'
        return f'<hp:p {attributes} pageBreak="{1 if element.get("break") else 0}">{runs}</hp:p>'

    def runs(self, top: etree._Element, element: etree._Element, marks: str) -> str:
        def run(inner: str) -> str:
            char = (
                top.get("size", "15"),
                top.get("bold") or ("b" if "b" in marks else ""),
                *("x" if m in marks else "" for m in "is"),
            )
            return f'<hp:run charPrIDRef="{self.chars.setdefault(char, len(self.chars))}">{inner}</hp:run>'

        out = run(f"<hp:t>{escape(element.text or '')}</hp:t>")
        for child in element:
            if child.tag == "br":
                out += run("<hp:t><hp:lineBreak/></hp:t>")
            elif child.tag == "note":
                out += run(
                    f"<hp:ctrl><hp:footNote><hp:subList>{files.paragraph(child.text)}</hp:subList></hp:footNote></hp:ctrl>"
                )
            elif child.tag == "a":
                target = escape(child.get("href").replace(":", "\\:"))
                field = (
                    f'<hp:parameters><hp:stringParam name="Command">{target};1;0;0;</hp:stringParam></hp:parameters>'
                )
                out += run(f'<hp:ctrl><hp:fieldBegin id="1" type="HYPERLINK">{field}</hp:fieldBegin></hp:ctrl>')
                out += self.runs(top, child, marks) + run('<hp:ctrl><hp:fieldEnd beginIDRef="1"/></hp:ctrl>')
            else:
                out += self.runs(top, child, marks + {"b": "b", "i": "i", "sup": "s"}[child.tag])
            out += run(f"<hp:t>{escape(child.tail or '')}</hp:t>") if child.tail else ""
        return out

    def table(self, element: etree._Element) -> str:
        rows = ""
        for row in element.iterchildren("tr"):
            rows += "<hp:tr>"
            for cell in row:
                inner = (
                    "".join(map(self.block, cell)) if len(cell) and cell[0].tag not in INLINE else self.cell_text(cell)
                )
                span = f'<hp:cellSpan colSpan="{cell.get("colspan", "1")}" rowSpan="{cell.get("rowspan", "1")}"/>'
                head = 1 if cell.get("head") else 0
                rows += f'<hp:tc header="{head}"><hp:subList>{inner}</hp:subList>{span}</hp:tc>'
            rows += "</hp:tr>"
        return f"<hp:tbl>{rows}</hp:tbl>"

    def cell_text(self, cell: etree._Element) -> str:
        return "".join(files.paragraph(line.strip()) for line in "".join(cell.itertext()).split("\n"))


class Docx:
    """Writes DOCX."""

    def __init__(self) -> None:
        self.pictures: list[bytes] = []
        self.links: list[str] = []
        self.notes: list[str] = []
        self.styles: dict[str, str] = {}

    def make(self, root: etree._Element) -> bytes:
        inner = "".join(map(self.block, root))
        links = "".join(
            f'<Relationship Id="l{n}" Type="x/hyperlink" Target={quoteattr(url)} TargetMode="External"/>'
            for n, url in enumerate(self.links)
        )
        images = "".join(
            f'<Relationship Id="p{n}" Type="x/image" Target="media/{n}.png"/>' for n, _ in enumerate(self.pictures)
        )
        styles = "".join(
            f'<w:style w:type="paragraph" w:styleId="{id}"><w:name w:val={quoteattr(name)}/></w:style>'
            for name, id in self.styles.items()
        )
        notes = "".join(
            f'<w:footnote w:id="{n}"><w:p>{_run(text)}</w:p></w:footnote>' for n, text in enumerate(self.notes, 1)
        )
        lists = "".join(
            f'<w:abstractNum w:abstractNumId="{n}">'
            + "".join(f'<w:lvl w:ilvl="{level}"><w:numFmt w:val="{kind}"/></w:lvl>' for level in range(3))
            + f'</w:abstractNum><w:num w:numId="{n + 1}"><w:abstractNumId w:val="{n}"/></w:num>'
            for n, kind in enumerate(("bullet", "decimal"))
        )
        return zipped(
            {
                "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
                "word/document.xml": f"<w:document {W} {R} {A}><w:body>{inner}<w:sectPr/></w:body></w:document>",
                "word/_rels/document.xml.rels": f"<Relationships>{links}{images}</Relationships>",
                "word/styles.xml": f"<w:styles {W}>{styles}</w:styles>",
                "word/footnotes.xml": f"<w:footnotes {W}>{notes}</w:footnotes>",
                "word/numbering.xml": f"<w:numbering {W}>{lists}</w:numbering>",
                **{f"word/media/{n}.png": content for n, content in enumerate(self.pictures)},
            }
        )

    def block(self, element: etree._Element) -> str:
        if element.tag == "table":
            return self.table(element)
        if element.tag == "frame":
            inner = "".join(map(self.block, element))
            return f"<w:p><w:r><w:pict><w:txbxContent>{inner}</w:txbxContent></w:pict></w:r></w:p>"
        if element.tag == "img":
            self.pictures.append(png(element.get("color", "aa0000")))
            image = f'<w:p><w:r><w:drawing><a:blip r:embed="p{len(self.pictures) - 1}"/></w:drawing></w:r></w:p>'
            caption = element.get("caption", "")
            return image + (f"<w:p>{_run(caption)}</w:p>" if caption else "")
        return self.paragraph(element)

    def paragraph(self, element: etree._Element) -> str:
        style = f"heading {element.get('heading')}" if element.get("heading") else element.get("style", "Normal")
        id = self.styles.setdefault(style, f"s{len(self.styles)}")
        shape = f'<w:pStyle w:val="{id}"/>'
        if element.get("list"):
            number = {"ul": 1, "ol": 2}[element.get("list", "")]
            shape += f'<w:numPr><w:ilvl w:val="{element.get("level", "0")}"/><w:numId w:val="{number}"/></w:numPr>'
        shape += '<w:jc w:val="center"/>' if element.get("centre") else ""
        broken = '<w:r><w:br w:type="page"/></w:r>' if element.get("break") else ""
        return f"<w:p><w:pPr>{shape}</w:pPr>{broken}{self.runs(element, element, '')}</w:p>"

    def runs(self, top: etree._Element, element: etree._Element, marks: str) -> str:
        def run(text: str | None) -> str:
            return _run(text or "", marks + ("b" if top.get("bold") else ""), top.get("size", "15"))

        out = run(element.text)
        for child in element:
            if child.tag == "br":
                out += "<w:r><w:br/></w:r>"
            elif child.tag == "note":
                self.notes.append(child.text or "")
                out += f'<w:r><w:footnoteReference w:id="{len(self.notes)}"/></w:r>'
            elif child.tag == "a":
                self.links.append(child.get("href", ""))
                out += f'<w:hyperlink r:id="l{len(self.links) - 1}">{self.runs(top, child, marks)}</w:hyperlink>'
            else:
                out += self.runs(top, child, marks + {"b": "b", "i": "i", "sup": "s"}[child.tag])
            out += run(child.tail)
        return out

    def table(self, element: etree._Element) -> str:
        rows = ""
        spans: dict[int, tuple[int, int]] = {}  # column -> rows left, width
        for row in element.iterchildren("tr"):
            head = any(cell.get("head") for cell in row)
            rows += "<w:tr>" + ("<w:trPr><w:tblHeader/></w:trPr>" if head else "")
            column, cells = 0, iter(row)
            while True:
                if column in spans:
                    left, width = spans.pop(column)
                    rows += f'<w:tc><w:tcPr><w:gridSpan w:val="{width}"/><w:vMerge/></w:tcPr><w:p/></w:tc>'
                    if left > 1:
                        spans[column] = (left - 1, width)
                    column += width
                    continue
                cell = next(cells, None)
                if cell is None:
                    break
                width, high = int(cell.get("colspan", "1")), int(cell.get("rowspan", "1"))
                merge = '<w:vMerge w:val="restart"/>' if high > 1 else ""
                rows += f'<w:tc><w:tcPr><w:gridSpan w:val="{width}"/>{merge}</w:tcPr>{self.cell(cell)}</w:tc>'
                if high > 1:
                    spans[column] = (high - 1, width)
                column += width
            rows += "</w:tr>"
        return f"<w:tbl><w:tblGrid/>{rows}</w:tbl>"

    def cell(self, cell: etree._Element) -> str:
        if len(cell) and cell[0].tag not in INLINE:
            return "".join(map(self.block, cell))
        return "".join(f"<w:p>{_run(line.strip())}</w:p>" for line in "".join(cell.itertext()).split("\n"))


def _run(text: str, marks: str = "", size: str = "15") -> str:
    if not text:
        return ""
    shape = (
        f'<w:sz w:val="{int(float(size) * 2)}"/>'
        + ("<w:b/>" if "b" in marks else "")
        + ("<w:i/>" if "i" in marks else "")
    )
    shape += '<w:vertAlign w:val="superscript"/>' if "s" in marks else ""
    return f'<w:r><w:rPr>{shape}</w:rPr><w:t xml:space="preserve">{escape(text)}</w:t></w:r>'


def lines(root: etree._Element) -> list[str]:
    """The paragraphs of a source in reading order, those in tables too."""
    found: list[str] = []
    for element in root.iter("p", "td"):
        if element.tag == "p" or not len(element) or element[0].tag in INLINE:
            found += [line.strip() for line in "".join(element.itertext()).split("\n")]
    return [line for line in found if line]


def made(source: bytes, kind: str) -> bytes:
    """The document of a kind that a source describes."""
    root = etree.fromstring(source, etree.XMLParser(remove_comments=True))
    if kind == "hwp":
        return files.hwp(*lines(root))
    if kind == "text":
        return "\n\n".join(lines(root)).encode()
    return {"hwpx": Hwpx, "docx": Docx}[kind]().make(root)
