"""Writes the mails about outlets: to applicants for accreditation, to administrators, and to the people of an outlet."""

from datetime import UTC, datetime
from email.message import EmailMessage

from app import store
from app.accounts.rights import OutletRecord
from app.context import Context
from app.deliveries import links
from app.deliveries.letters import local_time, message_to, one_line
from app.syndication.texts import name, text

Application = store.accounts.Application


def about_outlet(
    context: Context, mail: store.deliveries.Subscription, letter: store.deliveries.OutletLetter
) -> EmailMessage | None:
    """The mail about an application or an outlet, in the language of the queued mail. None if there is nothing to say any more:
    another step was taken meanwhile. Raises Unavailable."""
    if letter.kind in ("suspended", "resumed"):
        lines = _of_outlet(context, letter, mail.lang)
    else:
        application = store.accounts.application(context.engine, letter.about)
        lines = _of_application(context, application, letter, mail.lang) if application else []
    if not lines:
        return None
    site = context.settings.site_name
    message = message_to(context, mail.target, text(f"mail-outlet-{letter.kind}", mail.lang).format(site=site))
    how = text(f"mail-outlet-{letter.kind}-how", mail.lang).format(site=site)
    message.set_content("\n\n".join((how, *lines)) + "\n")
    return message


# An application is in this state when the mail about the step is true.
STATES = {
    "confirm": store.accounts.UNCONFIRMED,
    "applied": store.accounts.WAITING,
    "approved": store.accounts.APPROVED,
    "refused": store.accounts.REFUSED,
}


def _of_application(
    context: Context, application: Application, letter: store.deliveries.OutletLetter, lang: str
) -> list[str]:
    if application.state != STATES[letter.kind]:
        return []
    base, about = context.settings.url, one_line(application.name)
    if letter.kind == "confirm":
        secret = links.applying(context.engine, application.id)
        return [about, f"{base}/accreditation/{secret}", text("mail-outlet-not", lang)]
    if letter.kind == "applied":
        return [about, f"{base}/outlets/applications/{application.id}"]
    if letter.kind == "refused":
        return [about, f"{text('mail-outlet-why', lang)} {one_line(application.reason)}"]
    outlet = store.accounts.outlet_of(context.engine, application.outlet)
    if outlet is None:
        return []
    lines = [about, *limits_in_words(context, outlet, lang)]
    link = store.accounts.link_by_id(context.engine, letter.link, datetime.now(UTC)) if letter.link else None
    if link is None:
        return [*lines, f"{base}/newsroom/{outlet.code}"]
    return [*lines, text("mail-outlet-join", lang), links.once(context.engine, base, link)]


def _of_outlet(context: Context, letter: store.deliveries.OutletLetter, lang: str) -> list[str]:
    outlet, now = store.accounts.outlet_of(context.engine, letter.about), datetime.now(UTC)
    if outlet is None or (outlet.stopped(now) == "suspended") != (letter.kind == "suspended"):
        return []
    lines = [one_line(outlet.name)]
    if letter.kind == "suspended" and outlet.suspended is not None:
        lines.append(text("mail-outlet-until", lang).format(when=local_time(context, outlet.suspended)))
        lines.append(f"{text('mail-outlet-why', lang)} {one_line(outlet.reason)}")
    return [*lines, f"{context.settings.url}/newsroom/{outlet.code}"]


def limits_in_words(context: Context, outlet: OutletRecord, lang: str) -> list[str]:
    """What an outlet may read and until when, as lines. Raises Unavailable."""
    offices = {office.code: office.name for office in store.accounts.all_offices(context.engine)}
    everything = text("outlet-everything", lang)
    regions = ", ".join(name(code, lang) for code in outlet.regions) or everything
    named = ", ".join(offices.get(code, code) for code in outlet.offices) or everything
    lines = [
        f"{text('outlet-embargo', lang)}: {text('outlet-embargo-yes' if outlet.embargo else 'outlet-embargo-no', lang)}",
        f"{text('outlet-regions', lang)}: {regions}",
        f"{text('outlet-offices', lang)}: {named}",
    ]
    if outlet.until is not None:
        lines.append(f"{text('outlet-until', lang)}: {local_time(context, outlet.until)}")
    return ["\n".join(lines)]
