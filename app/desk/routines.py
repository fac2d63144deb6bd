"""How an office works, and who may change it. One editor alone cannot end the approval by a second person: an editor asks for it, and
another one, or an administrator, ends it.
"""

from datetime import datetime, timedelta

import msgspec

from app import store
from app.accounts.offices import OfficeRecord
from app.accounts.people import PersonRecord
from app.accounts.sites import mailbox
from app.context import Context
from app.desk import notices

WAITS = timedelta(days=7)  # how long such a request may be answered


def asker_of(context: Context, office: OfficeRecord, routine: store.desk.Routine, now: datetime) -> PersonRecord | None:
    """Who asked to end approval. None: nobody did, it was too long ago, or the person does not publish for the office any more. Raises
    Unavailable."""
    if not routine.approval or routine.asked is None or routine.asked + WAITS <= now:
        return None
    return next((one for one in notices.editors_of(context, office) if one.id == routine.asker), None)


def may_end(person: PersonRecord, asker: PersonRecord | None) -> bool:
    """Whether an editor may end approval now: an administrator, or somebody else than who asked for it. A second account of the same
    mailbox is the same person."""
    return person.admin or (asker is not None and mailbox(asker.email) != mailbox(person.email))


def change_routine(
    context: Context,
    office: OfficeRecord,
    before: store.desk.Routine,
    after: store.desk.Routine,
    actor: str,
    now: datetime,
) -> bool:
    """Change what any editor may change; approval never ends by this. False: somebody changed something meanwhile. Raises
    Unavailable."""
    after = msgspec.structs.replace(after, approval=after.approval or before.approval)
    return store.desk.set_routine(context.engine, office.code, before, after, "routine-set", actor, now)


def ask_to_end(
    context: Context, office: OfficeRecord, before: store.desk.Routine, person: PersonRecord, now: datetime
) -> bool:
    """Ask a second editor to end approval; the others get a mail. False as for `change_routine`. Raises Unavailable."""
    after = msgspec.structs.replace(before, asker=person.id, asked=now)
    letters = notices.of_ending(context, office, person, now)
    return store.desk.set_routine(
        context.engine, office.code, before, after, "approval-end-asked", person.actor, now, None, letters
    )


def keep_approval(
    context: Context, office: OfficeRecord, before: store.desk.Routine, actor: str, now: datetime
) -> bool:
    """Leave approval as it is: the request is taken back, or refused. False as for `change_routine`. Raises Unavailable."""
    after = msgspec.structs.replace(before, asker="", asked=None)
    return store.desk.set_routine(context.engine, office.code, before, after, "approval-kept", actor, now)


def end_approval(context: Context, office: OfficeRecord, before: store.desk.Routine, actor: str, now: datetime) -> bool:
    """End approval, for somebody for whom `may_end` is true. False as for `change_routine`. Raises Unavailable."""
    after = store.desk.Routine(False, before.notice)
    asked = {"asked": f"person {before.asker}"} if before.asker else {}
    return store.desk.set_routine(context.engine, office.code, before, after, "approval-ended", actor, now, asked)
