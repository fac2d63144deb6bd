"""Links to the preview of a draft, for somebody who does not sign in. Only the SHA-256 of a link's secret is stored."""

import hashlib
import secrets
from datetime import datetime

from msgspec import Struct
from sqlalchemy import Engine, and_, insert, select, update

from app.store import audit
from app.store.audit import Event
from app.store.desk.drafts import DraftRecord, Stale
from app.store.engine import has_room, lock, reading, writing
from app.store.tables import draft_links, drafts, instant, micros

MOST = 20  # links of a draft that work at the same time


class DraftLink(Struct, frozen=True):
    """A link to the preview of a draft. Instants are in UTC."""

    id: str
    draft: str  # id
    person: str  # id of who made it
    created: datetime
    expires: datetime
    ended: datetime | None  # when it was revoked
    opened: int  # how often
    last: datetime | None  # when it was opened last


def make_link(engine: Engine, draft: DraftRecord, person: str, expires: datetime, now: datetime) -> str | None:
    """Make a link that works until `expires`; its secret of 256 random bits, or None if the draft has MOST of them. Raises Stale
    (then nothing is stored) if other people may see the draft by now, and Unavailable."""
    secret = secrets.token_urlsafe(32)
    works = and_(draft_links.c.draft == draft.id, draft_links.c.ended.is_(None), draft_links.c.expires > micros(now))
    with writing(engine) as connection:
        lock(connection)  # before the draft, as in every transaction that locks both
        # A person who may not see the draft any more must not make a link: their links were revoked.
        people = connection.scalar(select(drafts.c.people).where(drafts.c.id == draft.id).with_for_update())
        if people is None or sorted(people.split()) != sorted(draft.people):
            raise Stale(draft)
        if not has_room(connection, select(draft_links.c.id).where(works), MOST):
            return None
        id = secrets.token_hex(8)
        connection.execute(
            insert(draft_links).values(
                id=id,
                hash=_hash_of(secret),
                draft=draft.id,
                person=person,
                created=micros(now),
                expires=micros(expires),
                opened=0,
            )
        )
        detail = {"draft": draft.id, "link": id, "until": expires.isoformat()}
        audit.record(
            connection, [Event("link-made", f"person {person}", draft.office, draft.article, detail=detail)], now
        )
    return secret


def open_link(engine: Engine, secret: str, now: datetime, *, counts: bool = True) -> DraftLink | None:
    """The link with that secret; None if there is none, or it does not work any more. One query finds all these cases. `counts`:
    count one more opening. Raises Unavailable."""
    works = and_(
        draft_links.c.hash == _hash_of(secret), draft_links.c.ended.is_(None), draft_links.c.expires > micros(now)
    )
    with reading(engine) as connection:
        row = connection.execute(select(draft_links).where(works)).first()
    if row is None or not counts:
        return None if row is None else _link(row)
    with writing(engine) as connection:
        counted = update(draft_links).where(draft_links.c.id == row.id)
        connection.execute(counted.values(opened=draft_links.c.opened + 1, last=micros(now)))
    return _link(row)


def links_of(engine: Engine, draft: str, now: datetime) -> list[DraftLink]:
    """The links of a draft that work, the newest first. Raises Unavailable."""
    works = and_(draft_links.c.draft == draft, draft_links.c.ended.is_(None), draft_links.c.expires > micros(now))
    with reading(engine) as connection:
        rows = connection.execute(select(draft_links).where(works).order_by(draft_links.c.created.desc())).all()
    return [_link(row) for row in rows]


def end_link(engine: Engine, draft: DraftRecord, id: str, actor: str, now: datetime) -> bool:
    """Revoke a link of a draft; whether it worked until now. Raises Unavailable."""
    which = and_(draft_links.c.draft == draft.id, draft_links.c.id == id, draft_links.c.ended.is_(None))
    with writing(engine) as connection:
        if not connection.execute(update(draft_links).where(which).values(ended=micros(now))).rowcount:
            return False
        event = Event("link-ended", actor, draft.office, draft.article, detail={"draft": draft.id, "link": id})
        audit.record(connection, [event], now)
    return True


def _hash_of(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def _link(row: object) -> DraftLink:
    values = {name: getattr(row, name) for name in DraftLink.__struct_fields__}
    for name in ("created", "expires", "ended", "last"):
        values[name] = None if values[name] is None else instant(values[name])
    return DraftLink(**values)
