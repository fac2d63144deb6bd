"""A real mail server for tests, which keeps what it takes."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

from bench.processes import free_port


class Mailbox:
    """The mails that a mail server accepted. It refuses addresses at full.example permanently, and at busy.example for now."""

    def __init__(self, **tls: Any) -> None:
        """`tls`: the context of its TLS, as aiosmtpd takes it: `tls_context` for STARTTLS, `ssl_context` from the start."""
        self.mails: list[EmailMessage] = []
        self.port = free_port()
        self.secure = "ssl_context" in tls
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port, **tls)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address.endswith("@full.example"):
            return "550 no such user"
        if address.endswith("@busy.example"):
            return "451 come again"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.mails.append(message)
        return "250 OK"

    @property
    def url(self) -> str:
        return f"smtp{'s' * self.secure}://127.0.0.1:{self.port}"

    def to(self, address: str) -> list[EmailMessage]:
        return [one for one in list(self.mails) if one["To"] == address]
