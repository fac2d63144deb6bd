"""Checks mail addresses, and hands mail to the server in PRESSRELAY_SMTP_URL."""

import asyncio
import smtplib
import ssl
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cached_property
from urllib.parse import unquote, urlsplit

from email_validator import EmailNotValidError, validate_email

from app.errors import Problem, Refused
from app.settings import Settings

SECONDS = 10  # for each answer of the mail server
THREADS = 4  # mails that are sent at the same time


def address(given: str) -> str:
    """The address, with its domain in ASCII and lower case, if mail can be sent to it. Does not use DNS. Raises Problem (400)."""
    try:
        # By default, the library refuses quoted or bracketed addresses and domains that cannot be on the public internet.
        found = validate_email(given.strip(), check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError as error:
        detail = f"{given[:80]!r} is not an e-mail address: {error}"
        raise Problem(400, "bad-address", "Not an e-mail address", detail) from None
    assert found.ascii_email is not None, "without SMTPUTF8 every address has an ASCII form"
    if "=?" in found.ascii_email:
        # Mail programs read an encoded word in it (RFC 2047), so the mail would go to another mailbox than the one that is counted.
        raise Problem(
            400, "bad-address", "Not an e-mail address", f"{given[:80]!r} is not an e-mail address: it has =?."
        )
    return found.ascii_email


def known_as(given: str) -> str:
    """The address as accounts have it, whatever was typed: one mailbox has one account."""
    try:
        return address(given).lower()
    except Problem:
        # Small letters of other scripts may be ASCII: the Kelvin sign becomes k, and so somebody else's address.
        return given.lower() if given.isascii() else given


class Rejected(Refused):
    """The mail server permanently rejects mail to this address."""


class Mailer:
    """Hands mail to the server in PRESSRELAY_SMTP_URL."""

    def __init__(self, settings: Settings) -> None:
        self.ready = bool(settings.smtp_url)
        self._url = urlsplit(settings.smtp_url)
        self._threads = ThreadPoolExecutor(THREADS, "mail")

    async def send(self, message: EmailMessage) -> None:
        """Send a message with the current date. Raises Rejected if the server permanently rejects it, Refused for other failures."""
        del message["Date"]
        message["Date"] = format_datetime(datetime.now(UTC))
        await asyncio.get_running_loop().run_in_executor(self._threads, self._send, message)

    def _send(self, message: EmailMessage) -> None:
        if not self.ready:
            raise Refused("No mail server is configured. Set PRESSRELAY_SMTP_URL.")
        try:
            with self._connection() as server:
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            code, reply = next(iter(error.recipients.values()))
            sentence = f"The mail server rejects the address: {code} {_words(reply)}."
            raise (Rejected if 500 <= code < 600 else Refused)(sentence) from None
        except smtplib.SMTPResponseException as error:
            raise Refused(f"The mail server answered with {error.smtp_code} {_words(error.smtp_error)}.") from None
        except (OSError, smtplib.SMTPException) as error:
            raise Refused(f"The mail server cannot be used: {error}.", "The mail server cannot be used.") from None

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        # Made only where it is needed, and once: reading the system's certificates takes 20 ms of processor time.
        return ssl.create_default_context()

    def _connection(self) -> smtplib.SMTP:
        host = self._url.hostname or ""
        server: smtplib.SMTP
        if self._url.scheme == "smtps":
            server = smtplib.SMTP_SSL(host, self._url.port or 465, timeout=SECONDS, context=self._tls)
        else:
            server = smtplib.SMTP(host, self._url.port or 25, timeout=SECONDS)
        try:
            server.ehlo_or_helo_if_needed()
            if self._url.scheme == "smtp" and server.has_extn("starttls"):
                server.starttls(context=self._tls)
                server.ehlo()
            if self._url.username:
                server.login(unquote(self._url.username), unquote(self._url.password or ""))
        except BaseException:
            server.close()
            raise
        return server


def _words(reply: bytes | str) -> str:
    words = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return " ".join(words.split())[:200]
