"""Which file is which enclosure: references are resolved, types are looked at, texts are taken out.

`cid:NAME` (RFC 2392) or a plain NAME refers to a file of the same push, a URL of ours to one that the article carries already.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape

from msgspec import Struct
from msgspec.structs import replace

from app.errors import Fault, Invalid
from app.files.extraction import Deadline, extract, readable
from app.files.filetypes import HWPX, OCTETS, Seen, judge, see
from app.files.multipart import Upload
from app.intake.draft import Draft, DraftEnclosure, Value
from app.intake.parsers import Parsed
from app.store import FileRecord
from extract import Block, Extracted
from schemas.text import nfc

Kept = Callable[[str], Sequence[FileRecord]]  # a guid -> the files of its newest version
EMPTY = Extracted()
MOST_TEXTS = 2_000_000  # characters of the texts of files that one push may keep, in all of its articles together


class Looked(Struct, frozen=True):
    """An uploaded file, looked at."""

    upload: Upload
    mimetype: str
    warnings: tuple[str, ...]
    refusal: str
    extracted: Extracted
    seen: Seen
    text: str  # made once: thousands of enclosures may refer to it

    @property
    def state(self) -> str:
        if not readable(self.mimetype):
            return "unread"
        return "failed" if self.extracted.problem else "cut" if self.extracted.cut else "read"


class Bound(Struct, frozen=True):
    """A draft whose enclosures are URLs, and the files that they are."""

    draft: Draft
    fingerprint: bytes  # of what was sent: neither our reading of a file nor our address changes it
    files: tuple[FileRecord, ...] = ()
    faults: tuple[Fault, ...] = ()


def look(files: Mapping[str, Upload]) -> dict[str, Looked]:
    """Look at every file of a push, within one deadline."""
    deadline = Deadline()
    found: dict[str, Looked] = {}
    for name, upload in files.items():
        seen = see(Path(upload.path))
        judged = judge(name, upload.type, seen)
        warnings = [judged.warning] if judged.warning else []
        extracted = EMPTY
        if readable(judged.mimetype) and not judged.refusal:
            extracted = extract(Path(upload.path), judged.mimetype, deadline)
        if extracted.problem:
            warnings.append(f"The text of {name!r} could not be read: {extracted.problem}")
        elif extracted.cut:
            warnings.append(f"The text of {name!r} is long: only its beginning is kept.")
        found[name] = Looked(upload, judged.mimetype, tuple(warnings), judged.refusal, extracted, seen, extracted.text)
    return found


def bind_all(parsed: Parsed, looked: Mapping[str, Looked], kept: Kept, url: str) -> dict[int, Bound]:
    """Bind each draft by its place. A file that no enclosure names is the only article's.

    Raises Invalid where there are several articles and a file belongs to none.
    """
    named = {name for _, draft in parsed.drafts for e in draft.enclosures if (name := _reference(e.url.text, looked))}
    loose = [looked[name] for name in looked if name not in named]
    if len(parsed.drafts) + len(parsed.refused) > 1:
        # An article that breaks the schema may name it: that is told by its own faults.
        if loose and not parsed.refused:
            reason = "is named by no enclosure; with several articles each file is one's enclosure."
            raise Invalid([Fault(f"The file {one.upload.name!r} {reason}") for one in loose])
        loose = []
    texts = Texts()
    return {place: bind(draft, looked, kept, url, loose, texts) for place, draft in parsed.drafts}


class Texts:
    """How much text of files a push may still keep."""

    def __init__(self, left: int = MOST_TEXTS) -> None:
        self.left = left

    def kept(self, file: FileRecord) -> FileRecord:
        """The file with as much of its text as there is room for."""
        if len(file.text) > self.left:
            file = replace(file, text=file.text[: self.left], state="cut")
        self.left -= len(file.text)
        return file


def bind(
    draft: Draft,
    looked: Mapping[str, Looked],
    kept: Kept,
    url: str,
    loose: Sequence[Looked] = (),
    texts: Texts | None = None,
) -> Bound:
    """Resolve the enclosures of a draft; `loose` files are added to them, `texts` is shared by the drafts of a push."""
    binder = _Binder(draft, looked, kept, url, texts or Texts())
    sent = [binder.enclosure(enclosure) for enclosure in draft.enclosures]
    sent += [binder.added(one) for one in loose]
    fingerprint = replace(draft, enclosures=tuple(sent)).fingerprint()
    real = tuple(binder.real(position, enclosure) for position, enclosure in enumerate(sent))
    body, more = binder.body()
    warnings = (*draft.warnings, *dict.fromkeys([*binder.warnings, *more]))
    bound = replace(draft, enclosures=real, body=body, warnings=warnings)
    return Bound(bound, fingerprint, tuple(binder.files), tuple(binder.faults))


class _Binder:
    """One draft's files, faults and warnings."""

    def __init__(self, draft: Draft, looked: Mapping[str, Looked], kept: Kept, url: str, texts: Texts) -> None:
        self.draft = draft
        self.texts = texts
        self.looked = looked
        self.kept = kept
        self.ours = f"{url}/files/"
        self.files: list[FileRecord] = []
        self.faults: list[Fault] = []
        self.warnings: list[str] = []
        self.told: set[str] = set()  # paths of ours whose text is with an enclosure already
        self.known: dict[str, FileRecord] = {}  # path of ours -> a file that the article has already
        self.uploaded: dict[str, Looked] = {}  # path of ours -> a file of this push

    def enclosure(self, sent: DraftEnclosure) -> DraftEnclosure:
        """An enclosure as sent, its reference resolved."""
        text = sent.url.text.strip()
        if text.startswith(self.ours):
            return self._carried(sent, text)
        name = _reference(text, self.looked)
        if name:
            return self._uploaded(sent, self.looked[name], sent.url)
        if _is_reference(text):
            known = ", ".join(self.looked) or "none"
            self._fault(
                sent.url, f"No file named {_named(text)[0][:100]!r} came with the release; there came: {known[:300]}."
            )
        return sent

    def added(self, one: Looked) -> DraftEnclosure:
        """The enclosure of a file that none names."""
        role = "photo" if one.mimetype.startswith("image/") else "document"
        at = Value("", self.draft.mark.line, self.draft.mark.path)
        sent = DraftEnclosure(at, one.upload.type, None, role, one.upload.name, "", "", "", False)
        return self._uploaded(sent, one, at)

    def _uploaded(self, sent: DraftEnclosure, one: Looked, at: Value) -> DraftEnclosure:
        if one.refusal:
            self._fault(at, one.refusal)
        path = address(one.upload.sha256, one.upload.name)
        self.uploaded[path] = one
        return replace(sent, url=replace(at, text=path), sha256=one.upload.sha256)

    def _carried(self, sent: DraftEnclosure, text: str) -> DraftEnclosure:
        if not self.known:
            guid = nfc(self.draft.guid.text.strip())
            # The first that has an address has the text.
            self.known = {address(file.sha256, file.name): file for file in reversed(self.kept(guid))}
        path = text[len(self.ours) - len("/files/") :]
        if path not in self.known:
            self._fault(sent.url, f"{text[:200]!r} is no file that this article has here: upload it again.")
            return sent
        return replace(sent, url=replace(sent.url, text=path), sha256=self.known[path].sha256)

    def real(self, position: int, sent: DraftEnclosure) -> DraftEnclosure:
        """An enclosure with the type and length that its file has; the file is noted."""
        if not sent.sha256:
            return sent
        one = self.uploaded.get(sent.url.text)
        if one is None:
            file = replace(self.known[sent.url.text], position=position)
        else:
            upload = one.upload
            declared = sent.type.partition(";")[0].strip().lower()
            judged = judge(upload.name, upload.type if declared in ("", OCTETS) else declared, one.seen)
            mimetype = one.mimetype if judged.refusal else judged.mimetype
            file = FileRecord(position, upload.sha256, upload.name, mimetype, upload.size, one.text, one.state)
            self.warnings += [*one.warnings, *filter(None, [judged.warning])]
        if sent.length not in (None, file.size):
            self.warnings.append(f"{file.name!r} has {file.size} bytes, not {sent.length}.")
        self.files.append(self._with_text(file))
        return replace(sent, type=file.mimetype, length=file.size)

    def _with_text(self, file: FileRecord) -> FileRecord:
        """The file with its text where it is the first of its address, and as much of it as the push may keep."""
        path = address(file.sha256, file.name)
        if path in self.told:
            return replace(file, text="")
        self.told.add(path)
        kept = self.texts.kept(file)
        if len(kept.text) < len(file.text):
            reason = f"all files of a push keep {MOST_TEXTS} characters together"
            self.warnings.append(f"The text of {file.name!r} is cut: {reason}.")
        return kept

    def body(self) -> tuple[Value, tuple[str, ...]]:
        """The body, taken from the first HWPX where the release has none."""
        body = self.draft.body
        if body.text.strip():
            return body, ()
        for one in self.uploaded.values():
            if one.mimetype != HWPX:
                continue
            if fragment := markup(one.extracted.blocks):
                return replace(body, text=fragment), (f"The body was taken from {one.upload.name!r}.",)
            why = one.extracted.problem or "It holds no text."
            self._fault(body, f"The body is empty, and none could be taken from {one.upload.name!r}: {why}")
            break
        return body, ()

    def _fault(self, at: Value, reason: str) -> None:
        self.faults.append(Fault(reason, at.path, at.line))


def address(sha256: str, name: str) -> str:
    """The path of a file on this server, percent-encoded (RFC 3986)."""
    return f"/files/{sha256}/{quote(name, safe='')}"


def markup(blocks: Sequence[Block]) -> str:
    """Blocks as an XHTML fragment."""
    return "".join(_table(block) if block.rows else _paragraph(block.text) for block in blocks)


def _paragraph(text: str) -> str:
    return f"<p>{_lines(text)}</p>" if text.strip() else ""


def _table(block: Block) -> str:
    rows = []
    for row in block.rows:
        cells = []
        for cell in row:
            spans = f' colspan="{cell.columns}"' if cell.columns > 1 else ""
            spans += f' rowspan="{cell.rows}"' if cell.rows > 1 else ""
            cells.append(f"<td{spans}>{_lines(cell.text)}</td>")
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table><tbody>{''.join(rows)}</tbody></table>"


def _lines(text: str) -> str:
    return "<br/>".join(escape(line.strip()) for line in text.strip().split("\n"))


def _is_reference(text: str) -> bool:
    """`cid:` and a name; or a name alone: without a scheme, a path, a query and a fragment."""
    return text[:4].lower() == "cid:" or (bool(text) and not set(text) & set(":/?#\\"))


def _named(text: str) -> tuple[str, str]:
    """The names that a reference may mean: percent-decoded, and as it stands."""
    text = text[4:] if text[:4].lower() == "cid:" else text
    return nfc(unquote(text)), nfc(text)


def _reference(text: str, looked: Mapping[str, Looked]) -> str:
    """The name of the file that is referred to; empty: none of these."""
    text = text.strip()
    return next((name for name in _named(text) if name in looked), "") if _is_reference(text) else ""
