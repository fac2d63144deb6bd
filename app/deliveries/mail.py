"""E-mail alerts: what is sent, and by which server. Every alert can be left with one click (RFC 8058), and was confirmed before."""

import asyncio
import smtplib
import ssl
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from urllib.parse import quote, unquote, urlsplit

from email_validator import EmailNotValidError, validate_email
from itsdangerous import BadSignature, SignatureExpired, URLSafeSerializer, URLSafeTimedSerializer

from app import store
from app.context import Context
from app.errors import Problem
from app.outbound.addresses import Refused
from app.settings import Settings
from app.store import State, Subscription, Waiting, micros
from app.store.instants import instant
from app.syndication.texts import text
from feeds.embargo import KOREA

SECONDS = 10  # for each answer of the mail server
THREADS = 4  # mails that are handed over at once
CONFIRMED_WITHIN = 48 * 3600  # seconds
LEAD = 300  # characters of an article's text

Row = tuple[Waiting, State | None]


class Rejected(Refused):
    """The mail server will never take mail to this address."""


class Mailer:
    """Hands mail to the server of PRESSRELAY_SMTP_URL."""

    def __init__(self, settings: Settings) -> None:
        self.ready = bool(settings.smtp_url)
        self._url = urlsplit(settings.smtp_url)
        self._threads = ThreadPoolExecutor(THREADS, "mail")

    async def send(self, message: EmailMessage) -> None:
        """Hand it over. Raises Rejected where it never will be taken, else Refused."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._send, message)

    def _send(self, message: EmailMessage) -> None:
        if not self.ready:
            raise Refused("No mail server is set: PRESSRELAY_SMTP_URL.")
        try:
            with self._connection() as server:
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            sentence = f"The mail server refuses the address: {code} {_words(said)}."
            raise (Rejected if 500 <= code < 600 else Refused)(sentence) from None
        except smtplib.SMTPResponseException as error:
            raise Refused(f"The mail server answered {error.smtp_code} {_words(error.smtp_error)}.") from None
        except (OSError, smtplib.SMTPException) as error:
            raise Refused(f"The mail server cannot be used: {error}.", "The mail server cannot be used.") from None

    def _connection(self) -> smtplib.SMTP:
        host, secure = self._url.hostname or "", ssl.create_default_context()
        server: smtplib.SMTP
        if self._url.scheme == "smtps":
            server = smtplib.SMTP_SSL(host, self._url.port or 465, timeout=SECONDS, context=secure)
        else:
            server = smtplib.SMTP(host, self._url.port or 25, timeout=SECONDS)
        try:
            server.ehlo_or_helo_if_needed()
            if self._url.scheme == "smtp" and server.has_extn("starttls"):
                server.starttls(context=secure)
                server.ehlo()
            if self._url.username:
                server.login(unquote(self._url.username), unquote(self._url.password or ""))
        except BaseException:
            server.close()
            raise
        return server


def _words(said: bytes | str) -> str:
    words = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join(words.split())[:200]


def address(given: str) -> str:
    """An address that mail can be sent to, its domain in ASCII and lower case. Raises Problem."""
    try:
        # What is in quotes or brackets, and a domain that no mail server on the internet has, is refused by default.
        found = validate_email(given.strip(), check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise Problem(400, "bad-address", "Not an e-mail address", f"{given[:80]!r} is none: {error}") from None
    assert found.ascii_email is not None, "without SMTPUTF8 every address has one"
    return found.ascii_email


# Tokens in links: they say what is to be done, and nobody else can make them.


def confirming(context: Context, one: Subscription) -> str:
    """What the link of a confirmation carries."""
    return _timed(context).dumps([one.target, one.query, one.pace, one.lang])


def confirmed(context: Context, token: str) -> tuple[str, str, str, str]:
    """Address, query, pace and language. Raises Problem: 403, or 410 for one that is too old."""
    try:
        target, query, pace, lang = _timed(context).loads(token, max_age=CONFIRMED_WITHIN)
    except SignatureExpired:
        raise Problem(
            410, "token-expired", "The link is too old", "It was good for 48 hours: subscribe again."
        ) from None
    except (BadSignature, ValueError, TypeError):
        raise Problem(403, "token-wrong", "The link is not one of ours") from None
    return target, query, pace, lang


def leaving(context: Context, one: Subscription) -> str:
    """What the link that ends a subscription carries."""
    return URLSafeSerializer(store.secret(context.engine), salt="leave").dumps(one.name)


def left(context: Context, token: str) -> str:
    """The name of the subscription that is to end. Raises Problem (403)."""
    try:
        return str(URLSafeSerializer(store.secret(context.engine), salt="leave").loads(token))
    except BadSignature:
        raise Problem(403, "token-wrong", "The link is not one of ours") from None


def _timed(context: Context) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(store.secret(context.engine), salt="confirm")


# What is sent


def alert(context: Context, one: Subscription, rows: Sequence[Row]) -> EmailMessage:
    """One mail of these changes, as the articles are now. Raises Unavailable."""
    lang = one.lang
    told = [(row, state) for row, state in rows if state is not None]
    first = told[0][1]
    subject = _headline(first, lang)
    if len(told) > 1:
        subject = text("mail-several", lang).format(count=len(told), first=subject)
    leave = f"{context.settings.url}/alerts/unsubscribe?token={quote(leaving(context, one))}"
    foot = text("mail-foot", lang).format(site=context.settings.site_name, topic=one.topic)
    plain = "\n\n\n".join(_plain(state, lang) for _, state in told)
    pieces = "\n".join(_html(state, lang) for _, state in told)
    message = _message(context, one.target, subject)
    # The stamp is random: a database that was put back to an older state gives its numbers again.
    seqs = f"{told[0][0].seq}.{told[-1][0].seq}.{told[-1][0].stamp:x}"
    message["Message-ID"] = f"<{one.name}.{seqs}@{_domain(context)}>"
    message["List-Id"] = f"<{one.name}.alerts.{_domain(context)}>"
    message["List-Unsubscribe"] = f"<{leave}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["Precedence"] = "bulk"
    message.set_content(f"{plain}\n\n-- \n{foot}\n{text('mail-leave', lang)}: {leave}\n")
    end = f'<p><small>{escape(foot)} <a href="{escape(leave)}">{escape(text("mail-leave", lang))}</a></small></p>'
    message.add_alternative(f'<html lang="{lang}"><body>\n{pieces}\n<hr>{end}</body></html>\n', "html")
    return message


def confirmation(context: Context, one: Subscription) -> EmailMessage:
    """The mail that asks whether whoever has the address means it. Raises Unavailable."""
    link = f"{context.settings.url}/alerts/confirm?token={quote(confirming(context, one))}"
    message = _message(context, one.target, text("mail-confirm", one.lang).format(site=context.settings.site_name))
    said = text("mail-confirm-how", one.lang).format(site=context.settings.site_name, topic=one.topic)
    message.set_content(f"{said}\n\n{link}\n\n{text('mail-confirm-not', one.lang)}\n")
    return message


def paused(context: Context, one: Subscription, reason: str) -> EmailMessage:
    """The notice that a webhook is paused."""
    message = _message(context, one.contact, text("mail-paused", one.lang).format(target=one.target))
    page = f"{context.settings.url}/subscriptions/{one.name}"
    message.set_content(f"{text('mail-paused-how', one.lang)}\n\n{one.target}\n{reason}\n\n{page}\n")
    return message


def _message(context: Context, to: str, subject: str) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"] = f'"{_line(context.settings.site_name)}" <{context.settings.mail_from}>'
    message["To"] = to
    message["Subject"] = _line(subject)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834, section 5
    return message


def _line(words: str) -> str:
    """One line, of which a header cannot become two."""
    return " ".join("".join(c if c.isprintable() else " " for c in words).replace('"', "'").split())


def _domain(context: Context) -> str:
    return context.settings.mail_from.rpartition("@")[2]


def _headline(state: State, lang: str) -> str:
    article = state.article
    if not state.public:
        return f"[{text('mail-withdrawn', lang)}] {article.office.name}"
    mark = f"[{text('mail-corrected', lang)}] " if article.signal == "correction" else ""
    return f"{mark}{article.headline}"


def _meta(state: State, lang: str) -> str:
    article = state.article
    at = state.at.astimezone(KOREA) if article.lang.startswith("ko") else state.at
    return f"{article.office.name}, {at:%Y-%m-%d %H:%M} {at.tzname()}"


def _said(state: State) -> str:
    """Of what was withdrawn, the office's note and nothing of the text."""
    article = state.article
    if not state.public:
        return article.note if state.pubstatus == "canceled" else ""
    return article.summary if len(article.summary) <= LEAD else f"{article.summary[:LEAD]}…"


def _plain(state: State, lang: str) -> str:
    parts = (_line(_headline(state, lang)), _meta(state, lang), _said(state), state.article.url)
    return "\n".join(part for part in parts if part)


def _html(state: State, lang: str) -> str:
    article = state.article
    return (
        f'<div lang="{escape(article.lang)}"><h3><a href="{escape(article.url)}">{escape(_headline(state, lang))}</a></h3>'
        f"<p><small>{escape(_meta(state, lang))}</small></p><p>{escape(_said(state))}</p></div>"
    )


def dated(message: EmailMessage, now: datetime) -> EmailMessage:
    """With the instant at which it is handed over."""
    del message["Date"]
    message["Date"] = format_datetime(now)
    return message


def due(since: int, now: datetime, settings: Settings) -> int | None:
    """When a digest of what changed since then (micros) is sent, if that is not now (micros)."""
    at = datetime.strptime(settings.digest_at, "%H:%M%z")
    begun = instant(since).astimezone(at.tzinfo)
    first = begun.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
    if first <= begun:
        first += timedelta(days=1)
    return None if first <= now else micros(first)
