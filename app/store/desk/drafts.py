"""Drafts: their texts with every version, their state, their files, and who is working on them. Each change names the revision that
it was made from, so nobody overwrites what another person wrote meanwhile.
"""

import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    and_,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from app.store import audit
from app.store.audit import Event
from app.store.deliveries.intents import Intent, ask_within
from app.store.engine import reading, sizes_of, writing
from app.store.tables import (
    draft_asides,
    draft_files,
    draft_links,
    draft_presence,
    draft_versions,
    drafts,
    instant,
    micros,
)

# A draft is written ("draft"), waits for a second person ("review"), came back with a reason ("returned"), waits for its instant
# ("scheduled"), or is over: "published" or "discarded".
STATES = ("draft", "review", "returned", "scheduled", "published", "discarded")
EDITABLE = ("draft", "returned")  # states in which the text can be changed
TOGETHER = timedelta(minutes=1)  # saves of one person within this time are one version of the text
MOST_VERSIONS = 200  # that are kept of a draft; the oldest go first
MOST_FILES = 50  # of a draft
AT_IT = timedelta(seconds=40)  # how long somebody who had a draft open counts as still having it open
AT_ONCE = timedelta(seconds=10)  # how long the request that publishes a draft may take
MOST_COUNTED = 1_000  # more drafts in a state are not counted


class DraftRecord(Struct, frozen=True):
    """A draft. Instants are in UTC."""

    id: str  # 16 random hexadecimal digits
    office: str  # code
    guid: str  # of the article that it becomes
    state: str  # one of STATES
    revision: int  # raised by each change
    headline: str
    content: bytes  # JSON of app.desk.content.Content
    author: str  # id of the person who began it
    writer: str  # id of the person who changed it last
    created: datetime
    updated: datetime
    article: str = ""  # public id of the article that it corrects, or became; empty: none yet
    base: int = 0  # version of that article that it starts from; 0: a new article
    submitter: str = ""  # id of the person who submitted it for approval
    approver: str = ""  # id of the person who approved it
    reason: str = ""  # why it was returned
    people: tuple[str, ...] = ()  # ids of the persons who alone may see it; empty: everybody of the office
    planned: datetime | None = None  # when it is to be published


class DraftVersion(Struct, frozen=True):
    """The text of a draft as it was."""

    revision: int
    person: str
    at: datetime
    headline: str


class DraftFile(Struct, frozen=True):
    """A file of a draft; app/files/blobs.py has its bytes."""

    name: str
    sha256: str
    mimetype: str  # detected from the bytes
    size: int  # bytes


class Aside(Struct, frozen=True):
    """What a person wrote while somebody else changed the draft. It is kept beside the draft and never merged into it."""

    person: str
    at: datetime
    base: int  # the revision that it was made from
    content: bytes


class Stale(Exception):
    """Somebody changed the draft meanwhile, or its state does not allow the change. `draft`: as it is now; None: it is gone."""

    def __init__(self, draft: DraftRecord | None) -> None:
        super().__init__("The draft was changed meanwhile.")
        self.draft = draft


def create(engine: Engine, draft: DraftRecord, actor: str) -> None:
    """Store a new draft. Raises Stale (then nothing is stored) if there is one with its id, because the same request came twice.
    Raises Unavailable."""
    with writing(engine) as connection:
        build = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        fresh = build(drafts).values(**_values(draft)).on_conflict_do_nothing().returning(drafts.c.id)
        if connection.execute(fresh).first() is None:
            raise Stale(_locked(connection, draft.id))
        _note_version(connection, draft, draft.created)
        audit.record(connection, [_event("drafted", draft, actor)], draft.created)


def new_id() -> str:
    """The id of a new draft: nobody can guess it."""
    return secrets.token_hex(8)


def save_draft(
    engine: Engine,
    id: str,
    base: int,
    content: bytes,
    headline: str,
    person: str,
    now: datetime,
    *,
    apart: bool = False,
) -> DraftRecord:
    """Store a new text of a draft, made from revision `base`. The same text again changes nothing. `apart`: it is a version of its
    own even if the same person saved just before. Raises Stale (then nothing is stored) and Unavailable."""
    with writing(engine) as connection:
        draft = _locked(connection, id)
        if draft is not None and draft.state in EDITABLE and draft.content == content:
            return draft
        if draft is None or draft.revision != base or draft.state not in EDITABLE:
            raise Stale(draft)
        changed = _changed(draft, revision=base + 1, content=content, headline=headline, writer=person, updated=now)
        _write(connection, changed)
        _note_version(connection, changed, now, apart=apart)
    return changed


def move(
    engine: Engine,
    id: str,
    base: int,
    states: Collection[str],
    action: str,
    actor: str,
    now: datetime,
    detail: Mapping[str, str] | None = None,
    letters: Sequence[Intent] = (),
    /,
    **values: Any,
) -> DraftRecord:
    """Change the state or another property of a draft that is in one of `states` and at revision `base`. `action`: its name in the
    audit log. `letters`: the mails that the change causes. Raises Stale (then nothing is stored) and Unavailable."""
    with writing(engine) as connection:
        draft = _locked(connection, id)
        if draft is None or draft.revision != base or draft.state not in states:
            raise Stale(draft)
        changed = _changed(draft, revision=base + 1, updated=now, **values)
        _write(connection, changed)
        audit.record(connection, [_event(action, changed, actor, detail)], now)
        ask_within(connection, letters, now)
    return changed


def limit_people(engine: Engine, id: str, people: Collection[str], actor: str, now: datetime) -> None:
    """Let only these people, and its author, see a draft; empty: everybody of the office. The text and its revision stay. Links to
    its preview are revoked if the person who made them may not see it any more. Raises Unavailable."""
    with writing(engine) as connection:
        draft = _locked(connection, id)
        if draft is None or set(draft.people) == set(people):
            return
        changed = _changed(draft, people=tuple(sorted(people)))
        _write(connection, changed)
        if people:
            strangers = draft_links.c.person.not_in({*people, draft.author})
            ended = and_(draft_links.c.draft == id, draft_links.c.ended.is_(None), strangers)
            connection.execute(update(draft_links).where(ended).values(ended=micros(now)))
        audit.record(connection, [_event("limited", changed, actor, {"people": str(len(people))})], now)


def draft_by_id(engine: Engine, id: str) -> DraftRecord | None:
    """The draft with that id, or None. Raises Unavailable."""
    with reading(engine) as connection:
        row = connection.execute(select(drafts).where(drafts.c.id == id)).first()
    return None if row is None else _draft(row)


def drafts_of(
    engine: Engine,
    office: str,
    *,
    states: Sequence[str] = STATES[:4],
    words: str = "",
    article: str = "",
    person: str = "",
    before: tuple[datetime, str] | None = None,
    limit: int = 50,
) -> list[DraftRecord]:
    """The drafts of an office that a person may see, the newest change first. `words`: a part of the headline. `article`: only those
    of an article. `person`: id of who asks; empty: an administrator. `before`: the change and the id of the last one of the page
    before. Raises Unavailable."""
    which = [_seen_by(office, person), drafts.c.state.in_(list(states))]
    if words:
        which.append(func.lower(drafts.c.headline).contains(words.lower(), autoescape=True))
    if article:
        which.append(drafts.c.article == article)
    if before is not None:
        at = micros(before[0])
        which.append(or_(drafts.c.updated < at, and_(drafts.c.updated == at, drafts.c.id < before[1])))
    statement = select(drafts).where(*which).order_by(drafts.c.updated.desc(), drafts.c.id.desc()).limit(limit)
    with reading(engine) as connection:
        return [_draft(row) for row in connection.execute(statement)]


def draft_counts(engine: Engine, office: str, person: str) -> dict[str, int]:
    """State -> how many drafts of an office a person may see; at most MOST_COUNTED each. Raises Unavailable."""
    theirs, rows = drafts.c.office == office, select(drafts.c.state).limit(MOST_COUNTED)
    named = _named(person) if person else true()
    found = {}
    for state in STATES[:4]:
        found[state] = rows.where(theirs, drafts.c.state == state, _FOR_ALL)
        found[f"limited {state}"] = rows.where(theirs, drafts.c.state == state, _LIMITED, named)
    counts = sizes_of(engine, found)
    return {state: min(counts[state] + counts[f"limited {state}"], MOST_COUNTED) for state in STATES[:4]}


def due_drafts(engine: Engine, now: datetime, limit: int = 20) -> list[DraftRecord]:
    """The drafts that wait for an instant that has come, the earliest first. A draft that was planned for the very moment is
    published by the request that planned it; it is due only if that request did not finish within AT_ONCE. Raises Unavailable."""
    left = or_(drafts.c.planned > drafts.c.updated, drafts.c.updated <= micros(now - AT_ONCE))
    which = and_(drafts.c.state == "scheduled", drafts.c.planned <= micros(now), left)
    with reading(engine) as connection:
        rows = connection.execute(select(drafts).where(which).order_by(drafts.c.planned).limit(limit))
        return [_draft(row) for row in rows]


def review_count(engine: Engine, office: str, person: str, sees: str) -> int:
    """How many drafts of an office wait for a decision of somebody who neither wrote nor submitted them, at most MOST_COUNTED.
    `sees`: as `person` of `drafts_of`. Raises Unavailable."""
    which = and_(_seen_by(office, sees), drafts.c.state == "review")
    others = and_(drafts.c.submitter != person, drafts.c.writer != person)
    rows = select(drafts.c.id).where(which, others).limit(MOST_COUNTED)
    with reading(engine) as connection:
        return connection.execute(select(func.count()).select_from(rows.subquery())).scalar_one()


def planned_drafts(engine: Engine, office: str, person: str, since: datetime, until: datetime) -> list[DraftRecord]:
    """The scheduled drafts of an office that a person may see, whose instant is within a period. Raises Unavailable."""
    which = and_(
        _seen_by(office, person),
        drafts.c.state == "scheduled",
        drafts.c.planned >= micros(since),
        drafts.c.planned < micros(until),
    )
    with reading(engine) as connection:
        return [_draft(row) for row in connection.execute(select(drafts).where(which).order_by(drafts.c.planned))]


# Versions


def versions_of(engine: Engine, id: str) -> list[DraftVersion]:
    """The versions of a draft's text, the newest first. Raises Unavailable."""
    columns = [draft_versions.c[name] for name in ("revision", "person", "at", "headline")]
    statement = select(*columns).where(draft_versions.c.draft == id).order_by(draft_versions.c.revision.desc())
    with reading(engine) as connection:
        return [
            DraftVersion(revision, person, instant(at), headline)
            for revision, person, at, headline in connection.execute(statement)
        ]


def draft_version(engine: Engine, id: str, revision: int) -> bytes | None:
    """The text of a draft at a revision, JSON, or None if it is not kept. Raises Unavailable."""
    which = and_(draft_versions.c.draft == id, draft_versions.c.revision == revision)
    with reading(engine) as connection:
        found = connection.execute(select(draft_versions.c.content).where(which)).scalar_one_or_none()
    return None if found is None else bytes(found)


def _note_version(connection: Connection, draft: DraftRecord, now: datetime, *, apart: bool = False) -> None:
    """Keep the text. Saves of one person in short succession are one version, which the first of them began; not those `apart`."""
    mine = draft_versions.c.draft == draft.id
    last = connection.execute(
        select(draft_versions.c.revision, draft_versions.c.person, draft_versions.c.begun)
        .where(mine)
        .order_by(draft_versions.c.revision.desc())
        .limit(1)
    ).first()
    begun = micros(now)
    if (
        not apart
        and last is not None
        and last.person == draft.writer
        and last.begun > micros(now - TOGETHER)
        and last.revision > 1
    ):
        begun = last.begun
        connection.execute(delete(draft_versions).where(mine, draft_versions.c.revision == last.revision))
    connection.execute(
        insert(draft_versions).values(
            draft=draft.id,
            revision=draft.revision,
            person=draft.writer,
            begun=begun,
            at=micros(now),
            headline=draft.headline,
            content=draft.content,
        )
    )
    oldest = (
        select(draft_versions.c.revision)
        .where(mine)
        .order_by(draft_versions.c.revision.desc())
        .offset(MOST_VERSIONS)
        .limit(1)
        .scalar_subquery()
    )
    connection.execute(delete(draft_versions).where(mine, draft_versions.c.revision <= oldest))


# What was written beside


def keep_aside(engine: Engine, id: str, aside: Aside) -> None:
    """Keep what a person wrote while the draft was changed by another; it replaces what was kept of that person before. Raises
    Unavailable."""
    which = and_(draft_asides.c.draft == id, draft_asides.c.person == aside.person)
    with writing(engine) as connection:
        _locked(connection, id)  # otherwise two requests of one person at once could both insert
        connection.execute(delete(draft_asides).where(which))
        connection.execute(
            insert(draft_asides).values(
                draft=id, person=aside.person, at=micros(aside.at), base=aside.base, content=aside.content
            )
        )


def asides(engine: Engine, id: str) -> list[Aside]:
    """What people wrote beside a draft, the newest first. Raises Unavailable."""
    statement = select(draft_asides).where(draft_asides.c.draft == id).order_by(draft_asides.c.at.desc())
    with reading(engine) as connection:
        return [
            Aside(row.person, instant(row.at), row.base, bytes(row.content)) for row in connection.execute(statement)
        ]


def forget_aside(engine: Engine, id: str, person: str) -> None:
    """Forget what a person wrote beside a draft. Raises Unavailable."""
    with writing(engine) as connection:
        connection.execute(delete(draft_asides).where(draft_asides.c.draft == id, draft_asides.c.person == person))


# Who has a draft open


def present(engine: Engine, id: str, person: str, now: datetime) -> list[str]:
    """Note that a person has a draft open. Returns the ids of the others who do. Raises Unavailable."""
    which = draft_presence.c.draft == id
    with writing(engine) as connection:
        _locked(connection, id)  # as in `keep_aside`
        connection.execute(
            delete(draft_presence).where(
                which, or_(draft_presence.c.person == person, draft_presence.c.seen < micros(now - AT_IT))
            )
        )
        connection.execute(insert(draft_presence).values(draft=id, person=person, seen=micros(now)))
        others = select(draft_presence.c.person).where(which, draft_presence.c.person != person)
        return list(connection.execute(others.order_by(draft_presence.c.person)).scalars())


# Files


def add_file(engine: Engine, id: str, file: DraftFile) -> bool:
    """Note a file of a draft, in place of one with the same name; False if the draft has MOST_FILES already. Raises Stale if the draft
    may not be changed any more: its files belong to the text that one person submitted and another one approves. Raises
    Unavailable."""
    mine = draft_files.c.draft == id
    with writing(engine) as connection:
        draft = _locked(connection, id)
        if draft is None or draft.state not in EDITABLE:
            raise Stale(draft)
        connection.execute(delete(draft_files).where(mine, draft_files.c.name == file.name))
        if connection.execute(select(func.count()).select_from(draft_files).where(mine)).scalar_one() >= MOST_FILES:
            connection.rollback()
            return False
        connection.execute(
            insert(draft_files).values(
                draft=id, name=file.name, sha256=file.sha256, mimetype=file.mimetype, size=file.size
            )
        )
    return True


def files_of(engine: Engine, id: str) -> list[DraftFile]:
    """The files of a draft by name. Raises Unavailable."""
    columns = [draft_files.c[name] for name in DraftFile.__struct_fields__]
    with reading(engine) as connection:
        rows = connection.execute(select(*columns).where(draft_files.c.draft == id).order_by(draft_files.c.name))
        return [DraftFile(*row) for row in rows]


def wanted(engine: Engine, hashes: Collection[str]) -> set[str]:
    """The hashes of `hashes` that some draft uses. Raises Unavailable."""
    with reading(engine) as connection:
        found = select(draft_files.c.sha256).distinct().where(draft_files.c.sha256.in_(sorted(hashes)))
        return set(connection.execute(found).scalars())


def _seen_by(office: str, person: str) -> ColumnElement[bool]:
    """The drafts of an office that a person may see; an empty person sees all of them."""
    theirs = drafts.c.office == office
    return and_(theirs, or_(_FOR_ALL, _named(person))) if person else theirs


def _named(person: str) -> ColumnElement[bool]:
    return or_(drafts.c.author == person, drafts.c.people.contains(f" {person} ", autoescape=True))


# Written as the partial indexes are, so that both databases use them.
_FOR_ALL, _LIMITED = drafts.c.people == literal_column("''"), drafts.c.people != literal_column("''")


def _locked(connection: Connection, id: str) -> DraftRecord | None:
    """The draft, which no other transaction changes before this one ends."""
    row = connection.execute(select(drafts).where(drafts.c.id == id).with_for_update()).first()
    return None if row is None else _draft(row)


def _changed(draft: DraftRecord, **values: Any) -> DraftRecord:
    return DraftRecord(**{name: getattr(draft, name) for name in DraftRecord.__struct_fields__} | values)


def _write(connection: Connection, draft: DraftRecord) -> None:
    connection.execute(update(drafts).where(drafts.c.id == draft.id).values(**_values(draft)))


def _values(draft: DraftRecord) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(draft, name) for name in DraftRecord.__struct_fields__}
    values["people"] = "".join(f" {id} " for id in draft.people)
    for name in ("created", "updated", "planned"):
        values[name] = None if values[name] is None else micros(values[name])
    return values


def _draft(row: Any) -> DraftRecord:
    values = {name: getattr(row, name) for name in DraftRecord.__struct_fields__}
    values["people"] = tuple(row.people.split())
    values["content"] = bytes(row.content)
    for name in ("created", "updated", "planned"):
        values[name] = None if values[name] is None else instant(values[name])
    return DraftRecord(**values)


def _event(action: str, draft: DraftRecord, actor: str, detail: Mapping[str, str] | None = None) -> Event:
    return Event(action, actor, draft.office, draft.article, detail={"draft": draft.id, **(detail or {})})
