"""Writes mails: alerts, requests to confirm a subscription, mails to the people of an office, and notices that a webhook is paused."""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import EmailPolicy
from html import escape
from urllib.parse import quote

from app import store
from app.accounts.people import PersonRecord, principal
from app.context import Context
from app.deliveries import links
from app.syndication.texts import text
from app.text.zones import zone_of
from feeds import KOREA


class _Policy(EmailPolicy):
    """The library's policy for SMTP, except that addresses in headers stay in one piece: it would encode what is longer than a
    line, and no program reads an encoded word there (RFC 2369, section 2)."""

    def fold(self, name: str, value: str) -> str:
        return f"{name}: {value}{self.linesep}" if name in WHOLE else super().fold(name, value)

    def fold_binary(self, name: str, value: str) -> bytes:
        return self.fold(name, value).encode("ascii") if name in WHOLE else super().fold_binary(name, value)


WHOLE = ("List-Unsubscribe", "List-Id", "Message-ID")  # headers of ASCII from this server alone
POLICY = _Policy(linesep="\r\n")
LEAD = 300  # characters of an article's text
MOST_LISTED = 20  # articles that a mail to the desk names

Row = tuple[store.deliveries.Waiting, store.articles.State]


def alert(context: Context, subscription: store.deliveries.Subscription, rows: Sequence[Row]) -> EmailMessage:
    """One mail about one or more changes, with the current state of their articles. Raises Unavailable."""
    lang = subscription.lang
    first, last = rows[0][0], rows[-1][0]
    subject = _headline(rows[0][1], lang)
    if len(rows) > 1:
        subject = text("mail-several", lang).format(count=len(rows), first=subject)
    leave = f"{context.settings.url}/alerts/unsubscribe?token={quote(links.leaving(context, subscription))}"
    foot = text("mail-foot", lang).format(site=context.settings.site_name, topic=subscription.topic)
    plain = "\n\n\n".join(_plain(state, lang) for _, state in rows)
    pieces = "\n".join(_html(state, lang) for _, state in rows)
    message = message_to(context, subscription.target, subject)
    # The id includes a random stamp, because a database that was restored to an older state uses its numbers again.
    seqs = f"{first.seq}.{last.seq}.{last.stamp:x}"
    message["Message-ID"] = f"<{subscription.name}.{seqs}@{_domain(context)}>"
    message["List-Id"] = f"<{subscription.name}.alerts.{_domain(context)}>"
    message["List-Unsubscribe"] = f"<{leave}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["Precedence"] = "bulk"
    message.set_content(f"{plain}\n\n-- \n{foot}\n{text('mail-leave', lang)}: {leave}\n")
    end = f'<p><small>{escape(foot)} <a href="{escape(leave)}">{escape(text("mail-leave", lang))}</a></small></p>'
    message.add_alternative(f'<html lang="{lang}"><body>\n{pieces}\n<hr>{end}</body></html>\n', "html")
    return message


def confirmation(context: Context, subscription: store.deliveries.Subscription, office: str = "") -> EmailMessage:
    """The mail that asks the owner of an address to confirm a subscription. `office`: the name of the office that put the owner on its
    list of reporters. Raises Unavailable."""
    link = f"{context.settings.url}/alerts/confirm?token={quote(links.confirming(context, subscription))}"
    message = message_to(
        context, subscription.target, text("mail-confirm", subscription.lang).format(site=context.settings.site_name)
    )
    how = text("mail-confirm-how", subscription.lang).format(site=context.settings.site_name, topic=subscription.topic)
    if office:
        how = f"{text('mail-confirm-office', subscription.lang).format(office=one_line(office))}\n\n{how}"
    message.set_content(f"{how}\n\n{link}\n\n{text('mail-confirm-not', subscription.lang)}\n")
    return message


def once(context: Context, to: str, link: store.accounts.OneTimeLink) -> EmailMessage:
    """The mail with a link that works once: an invitation, or a link to set a new password. Raises Unavailable."""
    site = context.settings.site_name
    message = message_to(context, to, text(f"mail-{link.kind}", link.lang).format(site=site))
    how = text(f"mail-{link.kind}-how", link.lang).format(site=site, office=link.office)
    message.set_content(
        f"{how}\n\n{links.once(context.engine, context.settings.url, link)}\n\n{text('mail-once-not', link.lang)}\n"
    )
    return message


def to_desk(context: Context, to: str, letter: store.deliveries.DeskLetter) -> EmailMessage | None:
    """The mail to a person of an office about a draft, about articles, or about how it works. None if there is nothing to say any
    more: the person may not read it, somebody took another step meanwhile, or the embargo moved. Raises Unavailable."""
    engine = context.engine
    found = store.accounts.person_by_email(engine, to)
    offices = store.accounts.all_offices(engine)
    office = next((one for one in offices if one.code == letter.office), None)
    person = found[0] if found and found[0].ended is None else None
    if person is None or office is None or principal(person, office.code, offices) is None:
        return None
    lang = person.lang or context.settings.language
    if letter.kind == "ending":
        lines = _of_routine(context, office.code, letter, lang)
    elif letter.kind in ("lift", "late", "dead"):
        lines = _of_articles(context, office.code, letter, lang)
    else:
        lines = _of_draft(context, person, letter, lang)
    if not lines:
        return None
    message = message_to(context, to, text(f"mail-desk-{letter.kind}", lang).format(office=office.name))
    how = text(f"mail-desk-{letter.kind}-how", lang)
    why = text("mail-desk-why", lang).format(site=context.settings.site_name, office=office.name)
    message.set_content("\n\n".join((how, *lines, f"-- \n{why}")) + "\n")
    return message


# A draft is in one of these states when the mail about the step is true.
STATES = {
    "submitted": ("review",),
    "returned": ("returned",),
    "refused": ("returned",),
    "approved": ("scheduled", "published"),
    "unsent": ("scheduled",),
}


def _of_draft(context: Context, person: PersonRecord, letter: store.deliveries.DeskLetter, lang: str) -> list[str]:
    draft = store.desk.draft_by_id(context.engine, letter.items[0])
    if draft is None or draft.state not in STATES[letter.kind]:
        return []
    if draft.people and not person.admin and person.id not in (*draft.people, draft.author):
        return []
    lines = [one_line(draft.headline) or text("desk-untitled", lang), *_by(context, letter, lang)]
    if letter.kind == "approved" and draft.planned is not None:
        lines.append(text("mail-desk-goes", lang).format(when=local_time(context, draft.planned)))
    if letter.kind in ("returned", "refused"):
        lines.append(f"{text('desk-returned-why', lang)} {one_line(draft.reason)}")
    return [*lines, f"{context.settings.url}/desk/drafts/{draft.id}"]


def _by(context: Context, letter: store.deliveries.DeskLetter, lang: str) -> list[str]:
    """Who did it, if somebody did."""
    found = store.accounts.people_by_id(context.engine, {letter.by} - {""})
    return [text("mail-desk-by", lang).format(name=one_line(one.name)) for one in found]


def _of_routine(context: Context, office: str, letter: store.deliveries.DeskLetter, lang: str) -> list[str]:
    routine = store.desk.routine(context.engine, office)
    if not routine.approval or routine.asker != letter.by:
        return []
    return [*_by(context, letter, lang), f"{context.settings.url}/desk/routine?office={quote(office)}"]


def _of_articles(context: Context, office: str, letter: store.deliveries.DeskLetter, lang: str) -> list[str]:
    lines, now = [], datetime.now(UTC)
    for id in letter.items[:MOST_LISTED]:
        stored = store.articles.newest(context.engine, id)
        if stored is None or stored.article.office.code != office or stored.pubstatus != "usable":
            continue
        due = stored.article.embargoed
        if letter.kind == "lift" and (stored.public or due is None or due <= now or store.micros(due) > letter.until):
            continue  # The embargo moved, or the article is public already.
        parts = [one_line(stored.article.headline)]
        if due is not None and letter.kind != "dead":
            parts.append(text("mail-desk-due", lang).format(when=local_time(context, due)))
        lines.append("\n".join((*parts, f"{context.settings.url}/desk/articles/{id}")))
    if lines and len(letter.items) > MOST_LISTED:
        lines.append(text("mail-desk-more", lang).format(count=len(letter.items) - MOST_LISTED))
    return lines


def local_time(context: Context, instant: datetime) -> str:
    """An instant in the site's time zone."""
    at = instant.astimezone(zone_of(context.settings.site_timezone))
    return f"{at:%Y-%m-%d %H:%M} {at.tzname()}"


def paused(context: Context, subscription: store.deliveries.Subscription, reason: str) -> EmailMessage:
    """The notice that a webhook is paused."""
    message = message_to(
        context, subscription.contact, text("mail-paused", subscription.lang).format(target=subscription.target)
    )
    page = f"{context.settings.url}/subscriptions/{subscription.name}"
    message.set_content(f"{text('mail-paused-how', subscription.lang)}\n\n{subscription.target}\n{reason}\n\n{page}\n")
    return message


def message_to(context: Context, to: str, subject: str) -> EmailMessage:
    message = EmailMessage(policy=POLICY)
    message["From"] = f'"{one_line(context.settings.site_name)}" <{context.settings.mail_from}>'
    message["To"] = one_line(to)
    message["Subject"] = one_line(subject)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834, section 5
    return message


def one_line(words: str) -> str:
    """The text on one line, so that it cannot start another header, not even as an encoded word, which the library would decode."""
    return " ".join(
        "".join(c if c.isprintable() else " " for c in words).replace('"', "'").replace("=?", "= ?").split()
    )


def _domain(context: Context) -> str:
    return context.settings.mail_from.rpartition("@")[2]


def _headline(state: store.articles.State, lang: str) -> str:
    article = state.article
    if not state.public:
        return f"[{text('mail-withdrawn', lang)}] {article.office.name}"
    mark = f"[{text('mail-corrected', lang)}] " if article.signal == "correction" else ""
    return f"{mark}{article.headline}"


def _meta(state: store.articles.State, lang: str) -> str:
    article = state.article
    at = state.at.astimezone(KOREA) if article.lang.startswith("ko") else state.at
    return f"{article.office.name}, {at:%Y-%m-%d %H:%M} {at.tzname()}"


def _lead(state: store.articles.State) -> str:
    """The summary of an article; for a withdrawn article only the office's note."""
    article = state.article
    if not state.public:
        return article.note if state.pubstatus == "canceled" else ""
    return article.summary if len(article.summary) <= LEAD else f"{article.summary[:LEAD]}…"


def _plain(state: store.articles.State, lang: str) -> str:
    parts = (one_line(_headline(state, lang)), _meta(state, lang), _lead(state), state.article.url)
    return "\n".join(part for part in parts if part)


def _html(state: store.articles.State, lang: str) -> str:
    article = state.article
    return (
        f'<div lang="{escape(article.lang)}"><h3><a href="{escape(article.url)}">{escape(_headline(state, lang))}</a></h3>'
        f"<p><small>{escape(_meta(state, lang))}</small></p><p>{escape(_lead(state))}</p></div>"
    )
