"""HWPX, the document format of Korea's administration (KS X 6101, OWPML): a release that an office can open, print and sign off.

The names follow Hancom's "OWPML" schemas of 2011; lengths are in HWPUNIT, a hundredth of a point. Pictures are given by reference.
"""

import io
import zipfile
from collections.abc import Sequence
from html import escape

from msgspec import Struct

from feeds.article import Article, embargo_in_words
from feeds.printed import Most, Printed, PrintedBlock, PrintedCell, PrintedRun, PrintedTable, PrintedText, printed

MIMETYPE = ARTICLE_MIMETYPE = "application/hwp+zip"
LABEL = "HWPX"
marked = embargo_in_words  # a person reads it

MOST = Most(1_000_000, 20_000)  # more would take more than a second
WIDTH = 59_528 - 2 * 5_669  # of the text on A4, with margins of 20 mm
LINE = 1_500  # letters of the text: 15 points, as the ministries' form has it
EPOCH = (1980, 1, 1, 0, 0, 0)  # date of the parts: fixed, so that the same article gives the same bytes
PREVIEW = 1_000  # characters of the preview
LEVELS = 7  # of lists
NAMESPACES = " ".join(
    f'xmlns:{prefix}="http://www.hancom.co.kr/{path}"'
    for prefix, path in {
        "ha": "hwpml/2011/app",
        "hp": "hwpml/2011/paragraph",
        "hp10": "hwpml/2016/paragraph",
        "hs": "hwpml/2011/section",
        "hc": "hwpml/2011/core",
        "hh": "hwpml/2011/head",
        "hhs": "hwpml/2011/history",
        "hm": "hwpml/2011/master-page",
        "hpf": "schema/2011/hpf",
        "ooxmlchart": "hwpml/2016/ooxmlchart",
        "hwpunitchar": "hwpml/2016/HwpUnitChar",
    }.items()
) + (
    ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:opf="http://www.idpf.org/2007/opf/"'
    ' xmlns:epub="http://www.idpf.org/2007/ops" xmlns:config="urn:oasis:names:tc:opendocument:xmlns:config:1.0"'
)
XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes" ?>'
LANGUAGES = ("hangul", "latin", "hanja", "japanese", "other", "symbol", "user")
# Styles by their names in Hangul: alignment, heading (type and level), left margin, indent, space above, size of the letters, bold.
STYLES: dict[str, "Style"] = {}


class Style(Struct, frozen=True):
    """A style of paragraphs."""

    english: str
    align: str = "JUSTIFY"
    size: int = LINE
    bold: bool = False
    left: int = 0
    above: int = 0
    outline: int = 0  # level of a heading, from 1; 0: none


STYLES |= {
    "바탕글": Style("Normal"),
    "본문": Style("Body", above=600),
    "제목": Style("Title", "CENTER", 2_400, True, above=800),
    "부제목": Style("Subtitle", "CENTER", 1_700, above=400),
    "요약": Style("Summary", "JUSTIFY", LINE, True),
    "개요 1": Style("Outline 1", "LEFT", 1_800, True, above=1_200, outline=1),
    "개요 2": Style("Outline 2", "LEFT", 1_600, True, above=1_000, outline=2),
    "개요 3": Style("Outline 3", "LEFT", LINE, True, above=800, outline=3),
    "인용": Style("Quote", left=2_000, above=600),
    "표": Style("Table", "LEFT", 1_200),
    "표 제목": Style("Table Heading", "CENTER", 1_200),
    "머리": Style("Masthead", "CENTER", 2_200, True),
    "붙임": Style("Attachment", "LEFT", 1_300),
    "참고": Style("Note", "LEFT", 1_100, above=300),
}
NUMBERS = {name: number for number, name in enumerate(STYLES)}


class Letters(Struct, frozen=True):
    """How letters look."""

    size: int
    bold: bool = False
    italic: bool = False
    script: str = ""
    link: bool = False


def render_article(article: Article) -> bytes:
    """The article as an HWPX package; the same article gives the same bytes."""
    return _Writer().package(printed(article, MOST))


class _Writer:
    """Writes one package; letters and paragraph shapes get their numbers as they are used."""

    def __init__(self) -> None:
        self.letters: dict[Letters, int] = {}
        self.shapes: dict[tuple[str, str, int, int], int] = {}  # style, kind of list, level, number of the list
        self.series: dict[tuple[int, int], int] = {}  # list and level -> number of its first item, for "ol"
        self.ids = 0
        for style in STYLES.values():
            self.letter(Letters(style.size, style.bold))
        for name in STYLES:
            self.shape(name)

    def id(self) -> int:
        self.ids += 1
        return self.ids

    def letter(self, letters: Letters) -> int:
        return self.letters.setdefault(letters, len(self.letters))

    def shape(self, style: str, item: str = "", level: int = 0, series: int = 0) -> int:
        return self.shapes.setdefault((style, item, level, series), len(self.shapes))

    def package(self, page: Printed) -> bytes:
        section = self.section(page)
        parts = {
            "mimetype": MIMETYPE,
            "version.xml": f'{XML}<hv:HCFVersion xmlns:hv="http://www.hancom.co.kr/hwpml/2011/version"'
            ' tagetApplication="WORDPROCESSOR"'
            ' major="5" minor="1" micro="1" buildNumber="0" os="10" xmlVersion="1.5" application="Pressrelay" appVersion="1.0"/>',
            "Contents/header.xml": self.header(),
            "Contents/section0.xml": section,
            "Preview/PrvText.txt": preview(page),
            "settings.xml": f'{XML}<ha:HWPApplicationSetting xmlns:ha="http://www.hancom.co.kr/hwpml/2011/app">'
            '<ha:CaretPosition listIDRef="0" paraIDRef="0" pos="0"/></ha:HWPApplicationSetting>',
            "META-INF/container.rdf": RDF,
            "Contents/content.hpf": manifest(page),
            "META-INF/container.xml": CONTAINER,
            "META-INF/manifest.xml": f'{XML}<odf:manifest xmlns:odf="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
        }
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name, content in parts.items():
                info = zipfile.ZipInfo(name, EPOCH)
                info.compress_type = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
                archive.writestr(info, content.encode())
        return out.getvalue()

    # The section

    def section(self, page: Printed) -> str:
        head = [[self.plain("머리", page.kind)], [self.plain("표 제목", page.office)]]
        times = [
            self.plain("표 제목" if even else "표", text)
            for pair in page.times
            for even, text in zip((True, False), pair, strict=True)
        ]
        parts = [
            self.anchored(self.grid([head], (2, 1)), first=True),
            self.anchored(self.grid([[[cell] for cell in times]], (2, 5, 2, 5))),
            self.plain("제목", page.headline),
            *(self.plain("부제목", f"- {text} -") for text in page.subheadlines),
        ]
        if page.summary:
            parts.append(self.anchored(self.grid([[[self.plain("요약", page.summary)]]], (1,))))
        parts += (self.block(block, "본문", page.picture_label) for block in page.blocks)
        if page.cut:
            parts.append(self.plain("본문", page.cut))
        if page.attachments:
            parts += self.attachments(page)
        if page.contacts:
            labels = [[self.plain("표 제목", label)] for label in page.contact_labels]
            rows = [[[self.plain("표", text)] for text in contact] for contact in page.contacts]
            parts.append(self.anchored(self.grid([labels, *rows], (4, 3, 3, 4, 6), header=True)))
        if page.keywords[1]:
            parts.append(self.plain("참고", f"{page.keywords[0]}: {page.keywords[1]}"))
        for label, words, link in page.notes:
            runs = (PrintedRun(f"※ {label}: "), PrintedRun(words, link=link))
            parts.append(self.paragraph("참고", runs))
        return f"{XML}<hs:sec {NAMESPACES}>{''.join(parts)}</hs:sec>"

    def attachments(self, page: Printed) -> list[str]:
        found = []
        for number, (words, url) in enumerate(page.attachments, 1):
            start = f"{page.attachments_label}  " if number == 1 else "　　  "
            found.append(self.paragraph("붙임", (PrintedRun(f"{start}{number}. "), PrintedRun(words, link=url))))
        return found

    def block(self, block: PrintedBlock, style: str, picture: str) -> str:
        if isinstance(block, PrintedText):
            name = f"개요 {block.heading}" if block.heading else "인용" if block.quote and style == "본문" else style
            if block.item == "ol":
                self.series.setdefault((block.series, min(block.level, LEVELS - 1)), block.number)
            return self.paragraph(name, block.runs, block.item, min(block.level, LEVELS - 1), block.series)
        if isinstance(block, PrintedTable):
            rows = self.anchored(self.table(block, picture))
            caption = self.paragraph("표 제목", block.caption) if block.caption else ""
            return caption + rows
        words = f"[{picture}] {block.words or block.url}"
        return self.paragraph(style, (PrintedRun(words, link=block.url),))

    def plain(self, style: str, text: str) -> str:
        return self.paragraph(style, (PrintedRun(text),))

    def paragraph(self, style: str, runs: Sequence[PrintedRun], item: str = "", level: int = 0, series: int = 0) -> str:
        shape = self.shape(style, item, level, series if item == "ol" else 0)
        inner = "".join(self.run(run, STYLES[style]) for run in runs) or self.run(PrintedRun(""), STYLES[style])
        return f'<hp:p id="{self.id()}" paraPrIDRef="{shape}" styleIDRef="{NUMBERS[style]}" {FLAGS}>{inner}</hp:p>'

    def run(self, run: PrintedRun, style: Style) -> str:
        letters = self.letter(Letters(style.size, style.bold or run.bold, run.italic, run.script, bool(run.link)))
        text = escape(run.text, quote=False).replace("\n", "<hp:lineBreak/>").replace("\t", " ")
        inner = f'<hp:run charPrIDRef="{letters}"><hp:t>{text}</hp:t></hp:run>'
        return self.linked(inner, run.link, letters) if run.link else inner

    def linked(self, inner: str, link: str, letters: int) -> str:
        """A run as a field HYPERLINK. In its command, colons and semicolons have a backslash before them."""
        id = self.id()
        command = escape("".join(f"\\{char}" if char in ":;\\" else char for char in link), quote=False)
        parameters = (
            '<hp:parameters cnt="6" name=""><hp:integerParam name="Prop">0</hp:integerParam>'
            f'<hp:stringParam name="Command" xml:space="preserve">{command};1;0;0;</hp:stringParam>'
            f'<hp:stringParam name="Path" xml:space="preserve">{escape(link, quote=False)}</hp:stringParam>'
            '<hp:stringParam name="Category">HWPHYPERLINK_TYPE_URL</hp:stringParam>'
            '<hp:stringParam name="TargetType">HWPHYPERLINK_TARGET_DOCUMENT_DONTCARE</hp:stringParam>'
            '<hp:stringParam name="DocOpenType">HWPHYPERLINK_JUMP_NEWTAB</hp:stringParam></hp:parameters>'
        )
        begin = (
            f'<hp:fieldBegin id="{id}" type="HYPERLINK" name="" editable="0" dirty="0" zorder="-1" fieldid="{id}" metaTag="">'
            f"{parameters}</hp:fieldBegin>"
        )
        end = f'<hp:fieldEnd beginIDRef="{id}" fieldid="{id}"/>'
        control = f'<hp:run charPrIDRef="{letters}"><hp:ctrl>{{}}</hp:ctrl></hp:run>'
        return control.format(begin) + inner + control.format(end)

    def anchored(self, table: str, first: bool = False) -> str:
        """A paragraph that holds a table; the first one of the section also its properties."""
        page = f'<hp:run charPrIDRef="0">{SECTION}</hp:run>' if first else ""
        shape = self.shape("바탕글")
        inner = f'<hp:run charPrIDRef="0">{table}<hp:t/></hp:run>'
        return f'<hp:p id="{self.id()}" paraPrIDRef="{shape}" styleIDRef="0" {FLAGS}>{page}{inner}</hp:p>'

    def grid(self, rows: list[list[list[str]]], widths: Sequence[int], header: bool = False) -> str:
        """A table of cells that are paragraphs already. `widths`: of the columns, as parts of the whole."""
        whole = sum(widths)
        sizes = [WIDTH * width // whole for width in widths]
        out = []
        for number, row in enumerate(rows):
            cells = "".join(
                self.cell("".join(paragraphs), number, column, 1, 1, sizes[column], header and number == 0)
                for column, paragraphs in enumerate(row)
            )
            out.append(f"<hp:tr>{cells}</hp:tr>")
        return self.framed(out, len(widths))

    def table(self, table: PrintedTable, picture: str) -> str:
        size = WIDTH // table.columns
        rows = []
        for number, row in enumerate(table.rows):
            rows.append(f"<hp:tr>{''.join(self.table_cell(cell, number, size, picture) for cell in row)}</hp:tr>")
        return self.framed(rows, table.columns)

    def table_cell(self, cell: PrintedCell, row: int, size: int, picture: str) -> str:
        style = "표 제목" if cell.head else "표"
        inner = "".join(self.block(block, style, picture) for block in cell.blocks) or self.plain(style, "")
        return self.cell(inner, row, cell.column, cell.columns, cell.rows, size * cell.columns, cell.head)

    def cell(self, inner: str, row: int, column: int, columns: int, rows: int, width: int, head: bool) -> str:
        return (
            f'<hp:tc name="" header="{int(head)}" hasMargin="0" protect="0" editable="0" dirty="0" borderFillIDRef="3">'
            '<hp:subList id="" textDirection="HORIZONTAL" lineWrap="BREAK" vertAlign="CENTER" linkListIDRef="0"'
            f' linkListNextIDRef="0" textWidth="0" textHeight="0" hasTextRef="0" hasNumRef="0">{inner}</hp:subList>'
            f'<hp:cellAddr colAddr="{column}" rowAddr="{row}"/><hp:cellSpan colSpan="{columns}" rowSpan="{rows}"/>'
            f'<hp:cellSz width="{width}" height="{1_800 * rows}"/>'
            '<hp:cellMargin left="510" right="510" top="141" bottom="141"/></hp:tc>'
        )

    def framed(self, rows: list[str], columns: int) -> str:
        return (
            f'<hp:tbl id="{self.id()}" zOrder="0" numberingType="TABLE" textWrap="TOP_AND_BOTTOM" textFlow="BOTH_SIDES" lock="0"'
            f' dropcapstyle="None" pageBreak="CELL" repeatHeader="1" rowCnt="{len(rows)}" colCnt="{columns}" cellSpacing="0"'
            f' borderFillIDRef="3" noAdjust="0"><hp:sz width="{WIDTH}" widthRelTo="ABSOLUTE" height="{1_800 * len(rows)}"'
            ' heightRelTo="ABSOLUTE" protect="0"/><hp:pos treatAsChar="1" affectLSpacing="0" flowWithText="1" allowOverlap="0"'
            ' holdAnchorAndSO="0" vertRelTo="PARA" horzRelTo="COLUMN" vertAlign="TOP" horzAlign="LEFT" vertOffset="0" horzOffset="0"/>'
            '<hp:outMargin left="0" right="0" top="283" bottom="283"/><hp:inMargin left="510" right="510" top="141" bottom="141"/>'
            f"{''.join(rows)}</hp:tbl>"
        )

    # The header

    def header(self) -> str:
        fonts = "".join(
            f'<hh:fontface lang="{language.upper()}" fontCnt="1"><hh:font id="0" face="함초롬바탕" type="TTF" isEmbedded="0"/>'
            "</hh:fontface>"
            for language in LANGUAGES
        )
        letters = "".join(_letters(number, letters) for letters, number in self.letters.items())
        lists = [key for key in self.series]
        numberings = "".join(_numbering(number, self.series[key]) for number, key in enumerate(lists, 1)) or _numbering(
            1, 1
        )
        shapes = "".join(
            _shape(number, STYLES[style], item, level, lists.index((series, level)) + 1 if item == "ol" else 1)
            for (style, item, level, series), number in self.shapes.items()
        )
        styles = "".join(
            f'<hh:style id="{number}" type="PARA" name="{name}" engName="{STYLES[name].english}"'
            f' paraPrIDRef="{self.shape(name)}" charPrIDRef="{self.letter(Letters(STYLES[name].size, STYLES[name].bold))}"'
            f' nextStyleIDRef="{number}" langID="1042" lockForm="0"/>'
            for name, number in NUMBERS.items()
        )
        return (
            f'{XML}<hh:head {NAMESPACES} version="1.5" secCnt="1">'
            '<hh:beginNum page="1" footnote="1" endnote="1" pic="1" tbl="1" equation="1"/><hh:refList>'
            f'<hh:fontfaces itemCnt="{len(LANGUAGES)}">{fonts}</hh:fontfaces>'
            f'<hh:borderFills itemCnt="3">{_border(1, "NONE")}{_border(2, "NONE")}{_border(3, "SOLID")}</hh:borderFills>'
            f'<hh:charProperties itemCnt="{len(self.letters)}">{letters}</hh:charProperties>'
            '<hh:tabProperties itemCnt="1"><hh:tabPr id="0" autoTabLeft="0" autoTabRight="0"/></hh:tabProperties>'
            f'<hh:numberings itemCnt="{len(lists) or 1}">{numberings}</hh:numberings>'
            '<hh:bullets itemCnt="1"><hh:bullet id="1" char="•" useImage="0"><hh:paraHead level="0" align="LEFT" useInstWidth="0"'
            ' autoIndent="1" widthAdjust="0" textOffsetType="PERCENT" textOffset="50" numFormat="DIGIT" charPrIDRef="4294967295"'
            ' checkable="0"/></hh:bullet></hh:bullets>'
            f'<hh:paraProperties itemCnt="{len(self.shapes)}">{shapes}</hh:paraProperties>'
            f'<hh:styles itemCnt="{len(STYLES)}">{styles}</hh:styles></hh:refList>'
            '<hh:compatibleDocument targetProgram="HWP201X"><hh:layoutCompatibility/></hh:compatibleDocument>'
            '<hh:docOption><hh:linkinfo path="" pageInherit="0" footnoteInherit="0"/></hh:docOption>'
            '<hh:trackchageConfig flags="56"/></hh:head>'
        )


def preview(page: Printed) -> str:
    """The beginning of the release as plain text, which file managers show."""
    texts = [
        page.kind,
        *(f"{label}: {value}" for label, value in page.times),
        page.headline,
        *page.subheadlines,
        page.summary,
    ]
    for block in page.blocks:
        if isinstance(block, PrintedText):
            texts.append("".join(run.text for run in block.runs))
    return "\r\n".join(filter(None, texts))[:PREVIEW]


def manifest(page: Printed) -> str:
    """The package document: what the parts are, and what the release is."""
    meta = "".join(
        f'<opf:meta name="{name}" content="text">{escape(text)}</opf:meta>'
        for name, text in (
            ("creator", page.office),
            ("subject", page.kind),
            ("description", ""),
            ("lastsaveby", page.office),
            ("CreatedDate", f"{page.published:%Y-%m-%dT%H:%M:%SZ}"),
            ("ModifiedDate", f"{page.published:%Y-%m-%dT%H:%M:%SZ}"),
            ("keyword", page.keywords[1]),
        )
    )
    items = (("header", "Contents/header.xml"), ("section0", "Contents/section0.xml"), ("settings", "settings.xml"))
    listed = "".join(f'<opf:item id="{id}" href="{href}" media-type="application/xml"/>' for id, href in items)
    return (
        f'{XML}<opf:package {NAMESPACES} version="" unique-identifier="" id=""><opf:metadata><opf:title>{escape(page.headline)}'
        f"</opf:title><opf:language>{escape(page.lang)}</opf:language>{meta}</opf:metadata><opf:manifest>{listed}</opf:manifest>"
        '<opf:spine><opf:itemref idref="header" linear="yes"/><opf:itemref idref="section0" linear="yes"/></opf:spine></opf:package>'
    )


def _same(value: int) -> str:
    return " ".join(f'{language}="{value}"' for language in LANGUAGES)


def _letters(number: int, letters: Letters) -> str:
    color = "#0B50D0" if letters.link else "#000000"
    marks = ("<hh:italic/>" if letters.italic else "") + ("<hh:bold/>" if letters.bold else "")
    script = {"sup": "<hh:supscript/>", "sub": "<hh:subscript/>"}.get(letters.script, "")
    underline = "BOTTOM" if letters.link else "NONE"
    return (
        f'<hh:charPr id="{number}" height="{letters.size}" textColor="{color}" shadeColor="none" useFontSpace="0" useKerning="0"'
        f' symMark="NONE" borderFillIDRef="2"><hh:fontRef {_same(0)}/><hh:ratio {_same(100)}/><hh:spacing {_same(0)}/>'
        f'<hh:relSz {_same(100)}/><hh:offset {_same(0)}/>{marks}<hh:underline type="{underline}" shape="SOLID" color="{color}"/>'
        '<hh:strikeout shape="NONE" color="#000000"/><hh:outline type="NONE"/>'
        f'<hh:shadow type="NONE" color="#C0C0C0" offsetX="10" offsetY="10"/>{script}</hh:charPr>'
    )


def _shape(number: int, style: Style, item: str, level: int, numbering: int) -> str:
    kind = {"ul": "BULLET", "ol": "NUMBER"}.get(item, "OUTLINE" if style.outline else "NONE")
    level = style.outline - 1 if style.outline else level
    left = style.left + (1_500 * (level + 1) if item else 0)
    margin = "".join(
        f'<hc:{name} value="{value}" unit="HWPUNIT"/>'
        for name, value in (("intent", 0), ("left", left), ("right", 0), ("prev", style.above), ("next", 0))
    )
    return (
        f'<hh:paraPr id="{number}" tabPrIDRef="0" condense="0" fontLineHeight="0" snapToGrid="1" suppressLineNumbers="0" checked="0"'
        f' textDir="LTR"><hh:align horizontal="{style.align}" vertical="BASELINE"/><hh:heading type="{kind}"'
        f' idRef="{numbering if item else 0}" level="{level}"/><hh:breakSetting breakLatinWord="KEEP_WORD"'
        ' breakNonLatinWord="KEEP_WORD" widowOrphan="0" keepWithNext="0" keepLines="0" pageBreakBefore="0" lineWrap="BREAK"/>'
        f'<hh:autoSpacing eAsianEng="0" eAsianNum="0"/><hh:margin>{margin}</hh:margin>'
        '<hh:lineSpacing type="PERCENT" value="160" unit="HWPUNIT"/>'
        '<hh:border borderFillIDRef="2" offsetLeft="0" offsetRight="0" offsetTop="0" offsetBottom="0" connect="0" ignoreMargin="0"/>'
        "</hh:paraPr>"
    )


def _numbering(number: int, start: int) -> str:
    heads = "".join(
        f'<hh:paraHead start="{start}" level="{level}" align="LEFT" useInstWidth="1" autoIndent="1" widthAdjust="0"'
        f' textOffsetType="PERCENT" textOffset="50" numFormat="DIGIT" charPrIDRef="4294967295" checkable="0">^{level}.</hh:paraHead>'
        for level in range(1, LEVELS + 1)
    )
    return f'<hh:numbering id="{number}" start="0">{heads}</hh:numbering>'


def _border(number: int, kind: str) -> str:
    sides = "".join(
        f'<hh:{side}Border type="{kind}" width="0.12 mm" color="#000000"/>'
        for side in ("left", "right", "top", "bottom")
    )
    return (
        f'<hh:borderFill id="{number}" threeD="0" shadow="0" centerLine="NONE" breakCellSeparateLine="0">'
        '<hh:slash type="NONE" Crooked="0" isCounter="0"/><hh:backSlash type="NONE" Crooked="0" isCounter="0"/>'
        f'{sides}<hh:diagonal type="SOLID" width="0.1 mm" color="#000000"/></hh:borderFill>'
    )


FLAGS = 'pageBreak="0" columnBreak="0" merged="0"'
RDF = (
    f'{XML}<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:pkg="http://www.hancom.co.kr/hwpml/2016/meta/pkg#">'
    + "".join(
        f'<rdf:Description rdf:about=""><pkg:hasPart rdf:resource="{part}"/></rdf:Description>'
        f'<rdf:Description rdf:about="{part}"><rdf:type rdf:resource="http://www.hancom.co.kr/hwpml/2016/meta/pkg#{kind}"/>'
        "</rdf:Description>"
        for part, kind in (("Contents/header.xml", "HeaderFile"), ("Contents/section0.xml", "SectionFile"))
    )
    + '<rdf:Description rdf:about=""><rdf:type rdf:resource="http://www.hancom.co.kr/hwpml/2016/meta/pkg#Document"/>'
    "</rdf:Description></rdf:RDF>"
)
CONTAINER = (
    f'{XML}<ocf:container xmlns:ocf="urn:oasis:names:tc:opendocument:xmlns:container" xmlns:hpf="http://www.hancom.co.kr/schema/2011/hpf">'
    '<ocf:rootfiles><ocf:rootfile full-path="Contents/content.hpf" media-type="application/hwpml-package+xml"/>'
    '<ocf:rootfile full-path="Preview/PrvText.txt" media-type="text/plain"/>'
    '<ocf:rootfile full-path="META-INF/container.rdf" media-type="application/rdf+xml"/></ocf:rootfiles></ocf:container>'
)
_NOTE = (
    '<hp:autoNumFormat type="DIGIT" userChar="" prefixChar="" suffixChar=")" supscript="0"/>'
    '<hp:noteLine length="-1" type="SOLID" width="0.12 mm" color="#000000"/>'
    '<hp:noteSpacing betweenNotes="283" belowLine="567" aboveLine="850"/><hp:numbering type="CONTINUOUS" newNum="1"/>'
)
SECTION = (
    '<hp:secPr id="" textDirection="HORIZONTAL" spaceColumns="1134" tabStop="8000" tabStopVal="4000" tabStopUnit="HWPUNIT"'
    ' outlineShapeIDRef="1" memoShapeIDRef="0" textVerticalWidthHead="0" masterPageCnt="0">'
    '<hp:grid lineGrid="0" charGrid="0" wonggojiFormat="0"/><hp:startNum pageStartsOn="BOTH" page="0" pic="0" tbl="0" equation="0"/>'
    '<hp:visibility hideFirstHeader="0" hideFirstFooter="0" hideFirstMasterPage="0" border="SHOW_ALL" fill="SHOW_ALL"'
    ' hideFirstPageNum="0" hideFirstEmptyLine="0" showLineNumber="0"/>'
    '<hp:lineNumberShape restartType="0" countBy="0" distance="0" startNumber="0"/>'
    '<hp:pagePr landscape="WIDELY" width="59528" height="84188" gutterType="LEFT_ONLY">'
    '<hp:margin header="2835" footer="2835" gutter="0" left="5669" right="5669" top="4252" bottom="4252"/></hp:pagePr>'
    f'<hp:footNotePr>{_NOTE}<hp:placement place="EACH_COLUMN" beneathText="0"/></hp:footNotePr>'
    f'<hp:endNotePr>{_NOTE}<hp:placement place="END_OF_DOCUMENT" beneathText="0"/></hp:endNotePr>'
    + "".join(
        f'<hp:pageBorderFill type="{kind}" borderFillIDRef="1" textBorder="PAPER" headerInside="0" footerInside="0" fillArea="PAPER">'
        '<hp:offset left="1417" right="1417" top="1417" bottom="1417"/></hp:pageBorderFill>'
        for kind in ("BOTH", "EVEN", "ODD")
    )
    + '</hp:secPr><hp:ctrl><hp:colPr id="" type="NEWSPAPER" layout="LEFT" colCount="1" sameSz="1" sameGap="0"/></hp:ctrl>'
)
