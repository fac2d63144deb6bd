"""What people do with drafts: check, submit, approve, schedule, publish; and with what is published: correct, release, withdraw.

A draft is published through `app.intake.releases`, as a push is. Until that is done it is "scheduled", so a server that is killed in
between publishes it after its next start. The same draft is the same release, which intake takes once.
"""

import logging
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import msgspec
from msgspec import Struct

from app import store
from app.accounts.offices import OfficeRecord, Sender
from app.accounts.sites import mailbox
from app.context import Context
from app.desk import content as contents
from app.desk import notices, writing
from app.desk.content import DraftText
from app.errors import Fault, Problem
from app.files.filetypes import judge, see
from app.files.multipart import Upload, spool
from app.intake import releases
from feeds import Article

log = logging.getLogger("pressrelay.desk")

SEOUL = "Asia/Seoul"  # where neither the office nor the site names a zone
CHUNK = 1024 * 1024  # bytes
PLACEHOLDER = (
    "https://files.invalid/"  # stands for the files of a draft while it is only checked (RFC 6761, section 6.4)
)


class Inspection(Struct, frozen=True):
    """What intake would say to a draft."""

    faults: tuple[tuple[str, Fault], ...]  # the field of the form, or "" for the whole draft; and what is wrong with it
    warnings: tuple[str, ...] = ()
    article: Article | None = None  # as it would be stored; None if there are faults
    feeds: int = 0  # how many combinations of a place and a topic it belongs to
    notes: tuple[tuple[str, str], ...] = ()  # a field, and what one should know about it, as intake words it

    @property
    def good(self) -> bool:
        """Whether it would be accepted."""
        return not self.faults


class Faulty(Exception):
    """A draft cannot be published as it is. `checked`: why."""

    def __init__(self, checked: Inspection) -> None:
        super().__init__("The draft has faults.")
        self.checked = checked


def zone_of_office(context: Context, office: OfficeRecord) -> str:
    """The time zone of an office's own instants (IANA name)."""
    return office.timezone or context.settings.timezone or SEOUL


def begin_draft(
    context: Context, office: OfficeRecord, content: DraftText, person: str, actor: str, now: datetime, id: str = ""
) -> store.desk.DraftRecord:
    """Begin a draft of a new article. `id`: chosen by the browser, so that a form that is sent twice begins one draft. Raises Stale
    if there is a draft with that id, and Unavailable."""
    draft = store.desk.DraftRecord(
        id or store.desk.new_id(),
        office.code,
        f"urn:uuid:{uuid4()}",
        "draft",
        1,
        _title(content),
        contents.to_json(content),
        person,
        person,
        now,
        now,
    )
    store.desk.create(context.engine, draft, actor)
    return draft


def begin_correction(
    context: Context, office: OfficeRecord, article: Article, person: str, actor: str, now: datetime
) -> store.desk.DraftRecord:
    """Begin a draft that corrects an article. Raises Unavailable."""
    content = contents.from_article(article, zone_of_office(context, office))
    draft = store.desk.DraftRecord(
        store.desk.new_id(),
        office.code,
        article.guid,
        "draft",
        1,
        article.headline,
        contents.to_json(content),
        person,
        person,
        now,
        now,
        article=article.id,
        base=article.version,
    )
    store.desk.create(context.engine, draft, actor)
    return draft


def save_text(
    context: Context,
    draft: store.desk.DraftRecord,
    base: int,
    content: DraftText,
    person: str,
    now: datetime,
    *,
    settles: bool = False,
) -> store.desk.DraftRecord:
    """Store a new text of a draft that was made from revision `base`. If somebody else changed it meanwhile, the text is kept beside
    it. `settles`: this is that kept text itself, so it is no longer kept beside the draft. Raises Stale, and Unavailable."""
    text = contents.to_json(content.with_marks_of(contents.from_json(draft.content)))
    try:
        saved = store.desk.save_draft(context.engine, draft.id, base, text, _title(content), person, now)
    except store.desk.Stale:
        store.desk.keep_aside(context.engine, draft.id, store.desk.Aside(person, now, base, text))
        raise
    if settles:
        store.desk.forget_aside(context.engine, draft.id, person)
    return saved


def keep_files(
    context: Context, draft: store.desk.DraftRecord, uploads: Iterable[Upload]
) -> tuple[list[dict[str, str]], list[tuple[str, str]]]:
    """Keep files of a draft: (their entries for its text, [(name, key of the text that says what is wrong)]). Raises Stale if the
    draft may not be changed any more, and Unavailable."""
    entries, wrong = [], []
    for upload in uploads:
        judged = judge(upload.name, upload.type, see(Path(upload.path)))
        if judged.refusal:
            wrong.append((upload.name, "desk-file-refused"))
            continue
        context.blobs.keep(upload.sha256, Path(upload.path))
        known = store.desk.DraftFile(upload.name, upload.sha256, judged.mimetype, upload.size)
        if not store.desk.add_file(context.engine, draft.id, known):
            wrong.append((upload.name, "desk-file-many"))
            continue
        role = "photo" if judged.mimetype.startswith("image/") else "document"
        entries.append({"name": upload.name, "type": judged.mimetype, "length": str(upload.size), "role": role})
    return entries, wrong


def take_version(
    context: Context, draft: store.desk.DraftRecord, version: int, person: str, now: datetime
) -> store.desk.DraftRecord | None:
    """Make an old version of a draft's text the newest; the versions between stay. None if it is not kept. Raises Stale and
    Unavailable."""
    stored = store.desk.draft_version(context.engine, draft.id, version)
    if stored is None:
        return None
    title = _title(contents.from_json(stored))
    return store.desk.save_draft(context.engine, draft.id, draft.revision, stored, title, person, now, apart=True)


def add_contact_to(
    context: Context,
    draft: store.desk.DraftRecord,
    base: int,
    contact: store.desk.DeskContact,
    person: str,
    now: datetime,
) -> store.desk.DraftRecord:
    """Add a contact of the office to a draft, if it is not there yet. What somebody wrote beside the draft stays. Raises Stale and
    Unavailable."""
    text = contents.to_json(contents.from_json(draft.content).with_contact(contact.entry))
    return store.desk.save_draft(context.engine, draft.id, base, text, draft.headline, person, now)


def begin_from_template(
    context: Context, office: OfficeRecord, template: store.desk.DeskTemplate, person: str, actor: str, now: datetime
) -> store.desk.DraftRecord:
    """Begin a draft with the text of a template. Raises Unavailable."""
    return begin_draft(context, office, contents.from_json(template.content), person, actor, now)


def rebase(
    context: Context, draft: store.desk.DraftRecord, newest: Article, actor: str, now: datetime
) -> store.desk.DraftRecord:
    """Make a correction follow the newest version of its article, which somebody else corrected meanwhile. Its text stays as it is;
    the page shows how it differs from that version. Raises Stale and Unavailable."""
    return store.desk.move(
        context.engine, draft.id, draft.revision, store.desk.EDITABLE, "rebased", actor, now,
        {"version": str(newest.version)}, base=newest.version, reason="",
    )  # fmt: skip


def _title(content: DraftText) -> str:
    return " ".join(content["headline"].split())[:300]


def check(
    context: Context, office: OfficeRecord, draft: store.desk.DraftRecord | None, content: DraftText, now: datetime
) -> Inspection:
    """What intake would say to a draft now; nothing is stored. `draft`: None before it is stored first. Raises Unavailable."""
    here = zone_of_office(context, office)
    known = {file.name for file in store.desk.files_of(context.engine, draft.id)} if draft else set()
    faults: list[tuple[str, Fault]] = []
    timed = writing.timing(content, here, now, context.settings.hours)
    if draft and draft.base:  # what is public already has its embargo behind it
        timed = [one for one in timed if one[1] != writing.PAST]
    notes = tuple((name, sentence) for name, sentence, wrong in timed if not wrong)
    faults += [(name, Fault(sentence)) for name, sentence, wrong in timed if wrong]
    body = writing.cleaned(content["body"])
    faults += [("body", Fault(reason)) for reason in body.faults]
    notes += tuple(("body", warning) for warning in body.warnings)
    for number, entry in enumerate(content.entries("file"), start=1):
        if "url" not in entry and entry.get("name") not in known:
            faults.append((f"file-name-{number}", Fault(f"The file {entry.get('name', '')!r} was not uploaded.")))
    guid, version = (draft.guid, draft.base + 1) if draft else (f"urn:uuid:{uuid4()}", 1)
    urls = placeholders(known)
    rules = releases.Rules(context.settings, sender_of(office, "desk"), ahead=store.clock.ahead(context.engine))

    def ask(asked: DraftText) -> releases.Prepared | list[tuple[str, Fault]]:
        body = writing.to_release(asked, guid, version, here, now, urls)
        try:
            prepared = releases.prepare_safely(rules, body, writing.CONTENT_TYPE, releases.files_of(context))
        except Problem as problem:
            return _faults(problem.errors or (Fault(problem.detail),))
        problems = [receipt.problem or {} for receipt in prepared.refused.values()]
        told = [one for problem in problems for one in problem.get("errors") or [{"reason": problem.get("detail", "")}]]
        return _faults([msgspec.convert(one, Fault) for one in told]) or prepared

    answer = ask(content)
    if isinstance(answer, list):
        # A fault against the schema hides other faults behind it. So the draft is checked once more without the faulty fields.
        more = ask(content.without({name for name, _ in answer})) if any(name for name, _ in answer) else []
        told = {name for name, _ in answer}
        answer += [one for one in more if one[0] not in told and one[0]] if isinstance(more, list) else []
        if any(name.startswith("embargo-") for name, _ in faults):  # the form knows better which part of it is wrong
            answer = [one for one in answer if one[0] != "embargo"]
        if body.faults:  # then nothing is left of it, and intake calls it empty
            answer = [one for one in answer if one[0] != "body"]
        return Inspection((*faults, *answer), notes=notes)
    if faults or not answer.items:
        return Inspection(tuple(faults), notes=notes)
    (item,) = answer.items
    decided = store.articles.foresee(context.engine, answer.items, now)[0]
    if decided.outcome not in ("stored", "same"):
        return Inspection((("", Fault("Somebody sent another version of this article meanwhile.")),), notes=notes)
    told = {sentence for _, sentence in notes}
    warnings = tuple(warning for warning in item.warnings if warning not in told)
    return Inspection((), warnings, item.article, answer.feeds, notes)


def placeholders(names: Collection[str]) -> dict[str, str]:
    """Name of a file of a draft -> the URL that stands for it while the draft is only checked."""
    return {name: f"{PLACEHOLDER}{number}" for number, name in enumerate(sorted(names))}


def _faults(found: Sequence[Fault]) -> list[tuple[str, Fault]]:
    return [(writing.field_of(fault.path), fault) for fault in found]


def sender_of(office: OfficeRecord, actor: str) -> Sender:
    """The sender of a draft: the office alone, whichever person acts for it."""
    return Sender(office, (), actor)


# From the desk to the readers


def submit(
    context: Context, office: OfficeRecord, draft: store.desk.DraftRecord, person: str, actor: str, now: datetime
) -> store.desk.DraftRecord:
    """Give a draft to a second person. Raises Faulty, Stale and Unavailable."""
    _require_good(context, office, draft, now)
    submitted = msgspec.structs.replace(draft, state="review", submitter=person, revision=draft.revision + 1)
    letters = notices.of_draft(context, office, submitted, "submitted", person, now)
    return store.desk.move(
        context.engine, draft.id, draft.revision, ("draft", "returned"), "submitted", actor, now, None, letters,
        state="review", submitter=person, approver="", reason="",
    )  # fmt: skip


def give_back(
    context: Context,
    office: OfficeRecord,
    draft: store.desk.DraftRecord,
    reason: str,
    person: str,
    actor: str,
    now: datetime,
) -> store.desk.DraftRecord:
    """Return a draft to its writers with a reason. Raises Stale and Unavailable."""
    letters = notices.of_draft(context, office, _after(draft), "returned", person, now)
    return store.desk.move(
        context.engine, draft.id, draft.revision, ("review",), "returned", actor, now, {"reason": reason[:200]}, letters,
        state="returned", reason=reason, planned=None,
    )  # fmt: skip


def take_back(context: Context, draft: store.desk.DraftRecord, actor: str, now: datetime) -> store.desk.DraftRecord:
    """Take a draft back from review or from its plan. Raises Stale and Unavailable."""
    return store.desk.move(
        context.engine, draft.id, draft.revision, ("review", "scheduled"), "taken-back", actor, now,
        state="draft", approver="", planned=None,
    )  # fmt: skip


def discard(context: Context, draft: store.desk.DraftRecord, actor: str, now: datetime) -> store.desk.DraftRecord:
    """Put a draft away; its text stays. Raises Stale and Unavailable."""
    return store.desk.move(
        context.engine, draft.id, draft.revision, ("draft", "returned", "review"), "discarded", actor, now,
        state="discarded", planned=None,
    )  # fmt: skip


def recover(context: Context, draft: store.desk.DraftRecord, actor: str, now: datetime) -> store.desk.DraftRecord:
    """Take a discarded draft up again. Raises Stale and Unavailable."""
    return store.desk.move(
        context.engine, draft.id, draft.revision, ("discarded",), "recovered", actor, now, state="draft"
    )


def plan(
    context: Context,
    office: OfficeRecord,
    draft: store.desk.DraftRecord,
    planned: datetime,
    person: str,
    actor: str,
    now: datetime,
) -> store.desk.DraftRecord:
    """Decide that a draft is published at an instant, now or later. Where the office wants a second person, the draft must be in
    review, and neither its last writer nor who submitted it may decide. Raises Faulty, Problem (403), Stale and Unavailable."""
    routine = store.desk.routine(context.engine, office.code)
    states = ("review",) if routine.approval else ("draft", "returned", "review")
    if routine.approval and _same_person(context, person, {draft.submitter, draft.writer}):
        raise Problem(
            403,
            "second-person",
            "A second person must approve",
            "Somebody else of the office must approve this release.",
        )
    _require_good(context, office, draft, max(now, planned))
    letters = notices.of_draft(context, office, _after(draft), "approved", person, now)
    return store.desk.move(
        context.engine, draft.id, draft.revision, states, "approved" if routine.approval else "planned", actor, now,
        {"at": planned.isoformat()}, letters, state="scheduled", approver=person, planned=planned, reason="",
    )  # fmt: skip


def _after(draft: store.desk.DraftRecord) -> store.desk.DraftRecord:
    """The draft with the revision that the next step gives it."""
    return msgspec.structs.replace(draft, revision=draft.revision + 1)


def _same_person(context: Context, person: str, others: set[str]) -> bool:
    """Whether a person is one of others, also by a second account with the same mailbox. Raises Unavailable."""
    found = {
        one.id: mailbox(one.email) for one in store.accounts.people_by_id(context.engine, {person, *others} - {""})
    }
    return person in others or found.get(person) in {found[id] for id in others if id in found}


def _require_good(context: Context, office: OfficeRecord, draft: store.desk.DraftRecord, now: datetime) -> None:
    checked = check(context, office, draft, contents.from_json(draft.content), now)
    if not checked.good:
        raise Faulty(checked)


def send(context: Context, draft: store.desk.DraftRecord, now: datetime) -> store.desk.DraftRecord:
    """Publish a scheduled draft whose instant has come. If intake refuses it, it returns to its writers with the reason. Raises Stale
    if another process was first, and Unavailable; then it stays scheduled."""
    office = next((one for one in store.accounts.all_offices(context.engine) if one.code == draft.office), None)
    if office is None or draft.planned is None or draft.state != "scheduled":
        raise store.desk.Stale(draft)
    content = contents.from_json(draft.content)
    body = writing.to_release(content, draft.guid, draft.base + 1, zone_of_office(context, office), draft.planned)
    actor = f"person {draft.approver}"
    try:
        with spool(context.settings.data_dir) as directory:
            files = _uploads(context, directory, store.desk.files_of(context.engine, draft.id), content)
            receipt = releases.take(context, sender_of(office, actor), body, writing.CONTENT_TYPE, files=files)[0]
    except Problem as problem:
        return _returned(context, office, draft, problem.body(), now)
    if receipt.problem is not None:
        return _returned(context, office, draft, receipt.problem, now)
    log.info("draft %s was published as %s", draft.id, receipt.id)
    return store.desk.move(
        context.engine, draft.id, draft.revision, ("scheduled",), "published", actor, now,
        state="published", article=receipt.id,
    )  # fmt: skip


def _returned(
    context: Context, office: OfficeRecord, draft: store.desk.DraftRecord, problem: Mapping[str, object], now: datetime
) -> store.desk.DraftRecord:
    errors = problem.get("errors") or [{"reason": problem.get("detail") or problem.get("title", "")}]
    reasons = " ".join(str(one["reason"]) for one in errors[:5])  # type: ignore[index]
    log.warning("draft %s was refused: %s", draft.id, problem.get("type", ""))
    letters = notices.of_draft(context, office, _after(draft), "refused", "", now)
    return store.desk.move(
        context.engine, draft.id, draft.revision, ("scheduled",), "returned", "desk", now, {"reason": "refused"}, letters,
        state="returned", reason=reasons[:2000], planned=None,
    )  # fmt: skip


def _uploads(
    context: Context, directory: Path, files: Sequence[store.desk.DraftFile], content: DraftText
) -> dict[str, Upload]:
    """The files that the draft names, as if they had come with a push."""
    named = {entry.get("name", "") for entry in content.entries("file") if "url" not in entry}
    uploads = {}
    for number, file in enumerate(files):
        if file.name not in named:
            continue
        path = directory / str(number)
        with context.blobs.open(file.sha256, 0, file.size) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target, CHUNK)
        uploads[file.name] = Upload(file.name, file.mimetype, file.size, file.sha256, str(path))
    return uploads
