"""Matches enclosures with files: resolves references, checks file types and extracts texts.

`cid:NAME` (RFC 2392) or a plain NAME refers to a file of the same push. A URL of this server refers to a file that the article has
already.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape

from msgspec import Struct
from msgspec.structs import replace

from app import store
from app.errors import Fault, Invalid
from app.files.extraction import Deadline, extract, readable
from app.files.filetypes import HWPX, OCTETS, Seen, judge, see
from app.files.multipart import Upload
from app.intake.draft import Draft, DraftEnclosure, Parsed, Value
from extract import Block, Extracted
from schemas.text import nfc

FilesOf = Callable[[str], Sequence[store.articles.FileRecord]]  # a guid -> the files of its newest version
EMPTY = Extracted()
MOST_TEXTS = 2_000_000  # characters of file texts that are stored for one push, for all its articles together


class Looked(Struct, frozen=True):
    """An uploaded file with its type, its text and the warnings about it."""

    upload: Upload
    mimetype: str
    warnings: tuple[str, ...]
    refusal: str
    extracted: Extracted
    seen: Seen
    text: str  # joined once, because thousands of enclosures may refer to the file

    @property
    def state(self) -> str:
        if not readable(self.mimetype):
            return "unread"
        return "failed" if self.extracted.problem else "cut" if self.extracted.cut else "read"


class Bound(Struct, frozen=True):
    """A draft whose enclosures are URLs, with the files behind them."""

    draft: Draft
    fingerprint: bytes  # of the content as sent, independent of how this server reads a file and of its own address
    files: tuple[store.articles.FileRecord, ...] = ()
    faults: tuple[Fault, ...] = ()


def look(files: Mapping[str, Upload]) -> dict[str, Looked]:
    """Check the type of every file of a push and extract its text, within one deadline."""
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
            warnings.append(f"The text of {name!r} is too long. Only its beginning was stored.")
        found[name] = Looked(upload, judged.mimetype, tuple(warnings), judged.refusal, extracted, seen, extracted.text)
    return found


def bind_all(parsed: Parsed, looked: Mapping[str, Looked], files_of: FilesOf, url: str) -> dict[int, Bound]:
    """Bind each draft to its files; the result is by the place of the draft. A file that no enclosure names is added to the article,
    if there is only one.

    Raises Invalid if there are several articles and no enclosure names a file.
    """
    named = {name for _, draft in parsed.drafts for e in draft.enclosures if (name := _reference(e.url.text, looked))}
    loose = [looked[name] for name in looked if name not in named]
    if len(parsed.drafts) + len(parsed.refused) > 1:
        # A refused article may name the file; then the faults of that article matter more.
        if loose and not parsed.refused:
            reason = (
                "No enclosure names the file {!r}. In a release of several articles, name each file in an enclosure."
            )
            raise Invalid([Fault(reason.format(loose_file.upload.name)) for loose_file in loose])
        loose = []
    texts = Texts()
    return {place: bind(draft, looked, files_of, url, loose, texts) for place, draft in parsed.drafts}


class Texts:
    """How many characters of file texts can still be stored for a push."""

    def __init__(self, left: int = MOST_TEXTS) -> None:
        self.left = left

    def fit(self, file: store.articles.FileRecord) -> store.articles.FileRecord:
        """The file, with its text cut to the room that is left."""
        if len(file.text) > self.left:
            file = replace(file, text=file.text[: self.left], state="cut")
        self.left -= len(file.text)
        return file


def bind(
    draft: Draft,
    looked: Mapping[str, Looked],
    files_of: FilesOf,
    url: str,
    loose: Sequence[Looked] = (),
    texts: Texts | None = None,
) -> Bound:
    """Resolve the enclosures of a draft. `loose`: files to add as enclosures; `texts`: shared by all drafts of a push."""
    binder = _Binder(draft, looked, files_of, url, texts or Texts())
    sent = [binder.enclosure(enclosure) for enclosure in draft.enclosures]
    sent += [binder.added(loose_file) for loose_file in loose]
    fingerprint = replace(draft, enclosures=tuple(sent)).fingerprint()
    real = tuple(binder.real(position, enclosure) for position, enclosure in enumerate(sent))
    body, more = binder.body()
    warnings = (*draft.warnings, *dict.fromkeys([*binder.warnings, *more]))
    bound = replace(draft, enclosures=real, body=body, warnings=warnings)
    return Bound(bound, fingerprint, tuple(binder.files), tuple(binder.faults))


class _Binder:
    """One draft's files, faults and warnings."""

    def __init__(self, draft: Draft, looked: Mapping[str, Looked], files_of: FilesOf, url: str, texts: Texts) -> None:
        self.draft = draft
        self.texts = texts
        self.looked = looked
        self.files_of = files_of
        self.ours = f"{url}/files/"
        self.files: list[store.articles.FileRecord] = []
        self.faults: list[Fault] = []
        self.warnings: list[str] = []
        self.with_text: set[str] = set()  # paths on this server whose text an earlier enclosure carries
        self.uploaded: dict[str, Looked] = {}  # path on this server -> a file of this push

    @cached_property
    def known(self) -> dict[str, store.articles.FileRecord]:
        """Path on this server -> a file that the article has already. It is read only if an enclosure names one."""
        guid = nfc(self.draft.guid.text.strip())
        # Of several files with the same path, the first one has the text.
        return {address(file.sha256, file.name): file for file in reversed(self.files_of(guid))}

    def enclosure(self, sent: DraftEnclosure) -> DraftEnclosure:
        """An enclosure as sent, with its reference resolved."""
        text = sent.url.text.strip()
        if text.startswith(self.ours):
            return self._carried(sent, text)
        name = _reference(text, self.looked)
        if name:
            return self._uploaded(sent, self.looked[name], sent.url)
        if _is_reference(text):
            known = ", ".join(self.looked) or "none"
            self._fault(
                sent.url,
                f"No file named {_named(text)[0][:100]!r} came with the release. Files that came: {known[:300]}.",
            )
        return sent

    def added(self, looked: Looked) -> DraftEnclosure:
        """An enclosure for a file that no enclosure names."""
        role = "photo" if looked.mimetype.startswith("image/") else "document"
        at = Value("", self.draft.mark.line, self.draft.mark.path)
        sent = DraftEnclosure(at, looked.upload.type, None, role, looked.upload.name, "", "", "", False)
        return self._uploaded(sent, looked, at)

    def _uploaded(self, sent: DraftEnclosure, looked: Looked, at: Value) -> DraftEnclosure:
        if looked.refusal:
            self._fault(at, looked.refusal)
        path = address(looked.upload.sha256, looked.upload.name)
        self.uploaded[path] = looked
        return replace(sent, url=replace(at, text=path), sha256=looked.upload.sha256)

    def _carried(self, sent: DraftEnclosure, text: str) -> DraftEnclosure:
        path = text[len(self.ours) - len("/files/") :]
        if path not in self.known:
            self._fault(sent.url, f"{text[:200]!r} is not a file of this article. Upload the file again.")
            return sent
        return replace(sent, url=replace(sent.url, text=path), sha256=self.known[path].sha256)

    def real(self, position: int, sent: DraftEnclosure) -> DraftEnclosure:
        """An enclosure with the real type and length of its file. Adds the file to `files`."""
        if not sent.sha256:
            return sent
        looked = self.uploaded.get(sent.url.text)
        if looked is None:
            file = replace(self.known[sent.url.text], position=position)
        else:
            upload = looked.upload
            declared = sent.type.partition(";")[0].strip().lower()
            judged = judge(upload.name, upload.type if declared in ("", OCTETS) else declared, looked.seen)
            mimetype = looked.mimetype if judged.refusal else judged.mimetype
            file = store.articles.FileRecord(
                position, upload.sha256, upload.name, mimetype, upload.size, looked.text, looked.state
            )
            self.warnings += [*looked.warnings, *filter(None, [judged.warning])]
        if sent.length not in (None, file.size):
            self.warnings.append(f"The file {file.name!r} has {file.size} bytes, not {sent.length} as declared.")
        self.files.append(self._with_text(file))
        return replace(sent, type=file.mimetype, length=file.size)

    def _with_text(self, file: store.articles.FileRecord) -> store.articles.FileRecord:
        """The file with its text, cut to what the push may store; without text if an earlier enclosure is the same file."""
        path = address(file.sha256, file.name)
        if path in self.with_text:
            return replace(file, text="")
        self.with_text.add(path)
        fitted = self.texts.fit(file)
        if len(fitted.text) < len(file.text):
            reason = f"At most {MOST_TEXTS} characters are stored for all files of a push together."
            self.warnings.append(f"The text of {file.name!r} was cut. {reason}")
        return fitted

    def body(self) -> tuple[Value, tuple[str, ...]]:
        """(the body, warnings). If the release has no body, it is taken from the first HWPX file."""
        body = self.draft.body
        if body.text.strip():
            return body, ()
        for looked in self.uploaded.values():
            if looked.mimetype != HWPX:
                continue
            if fragment := markup(looked.extracted.blocks):
                return replace(body, text=fragment), (f"The body was taken from {looked.upload.name!r}.",)
            why = looked.extracted.problem or "It has no text."
            self._fault(body, f"The body is empty, and no body could be taken from {looked.upload.name!r}: {why}")
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
    """Whether a text is `cid:` and a name, or a name alone, which has no scheme, path, query or fragment."""
    return text[:4].lower() == "cid:" or (bool(text) and not set(text) & set(":/?#\\"))


def _named(text: str) -> tuple[str, str]:
    """The names that a reference may mean: percent-decoded, and as written."""
    text = text[4:] if text[:4].lower() == "cid:" else text
    return nfc(unquote(text)), nfc(text)


def _reference(text: str, looked: Mapping[str, Looked]) -> str:
    """The name of the file that a text refers to; empty if it refers to none of these."""
    text = text.strip()
    return next((name for name in _named(text) if name in looked), "") if _is_reference(text) else ""
