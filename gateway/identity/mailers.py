"""Two ways to hand mail on: SMTP (RFC 5321, with TLS), and a spool folder that the demo and the tests read.

Both are held to one contract by the same tests: a message arrives once, whole, as UTF-8 plain text to one recipient;
header injection is refused; a station that cannot be reached is `UnavailableError`.
"""

import os
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Final

from anyio import to_thread

from gateway.identity.outbox import check_recipient
from gateway.identity.ports import Mail
from gateway.kernel.errors import InvalidError, UnavailableError
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource

TIMEOUT_S: Final = 20.0


def compose(mail: Mail, *, sender: str, message_id: str, clock: Clock) -> EmailMessage:
    """The message as it travels.

    Raises:
        InvalidError: the recipient or the subject cannot stand in a header.
    """
    message = EmailMessage(policy=policy.SMTP)
    recipient = check_recipient(mail.to)
    local, _, domain = recipient.partition("@")
    if not mail.subject.isprintable():
        raise InvalidError("This subject cannot be sent.")
    try:
        message["To"] = Address(username=local, domain=domain)
    except ValueError as error:
        raise InvalidError("This is no mail address.") from error
    message["From"] = sender
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = f"<{message_id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    message.set_content(mail.text, charset="utf-8")
    return message


class SpoolMailer:
    """Writes each message to a file, whole and at once."""

    def __init__(self, folder: Path, *, sender: str, clock: Clock, ids: IdSource) -> None:
        self._folder = folder
        self._sender = sender
        self._clock = clock
        self._ids = ids

    async def send(self, mail: Mail) -> None:
        """Put the message into the folder."""
        name = self._ids.new("msg")
        message = compose(mail, sender=self._sender, message_id=name, clock=self._clock)
        await to_thread.run_sync(self._write, name, message.as_bytes())

    def _write(self, name: str, data: bytes) -> None:
        part = self._folder / f".{name}.part"
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            part.rename(self._folder / f"{name}.eml")
        except OSError as error:
            raise UnavailableError("The mail spool cannot be written.") from error


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where to hand mail to.

    Attributes:
        tls: `starttls` (refused if not offered), `tls` from the start, or `none` on this machine only.
    """

    host: str
    port: int
    tls: str
    user: str = ""
    password_file: Path | None = None


class SmtpMailer:
    """Hands each message to a mail server; the certificate is always checked."""

    def __init__(
        self,
        server: SmtpServer,
        *,
        sender: str,
        clock: Clock,
        ids: IdSource,
        trust: Callable[[], ssl.SSLContext] = ssl.create_default_context,
    ) -> None:
        self._server = server
        self._sender = sender
        self._clock = clock
        self._ids = ids
        self._trust = trust

    async def send(self, mail: Mail) -> None:
        """Hand the message over."""
        message = compose(mail, sender=self._sender, message_id=self._ids.new("msg"), clock=self._clock)
        await to_thread.run_sync(self._hand_over, message, abandon_on_cancel=True)

    def _hand_over(self, message: EmailMessage) -> None:
        try:
            with self._connect() as connection:
                connection.send_message(message)
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPNotSupportedError) as error:
            if _is_permanent(error):
                raise InvalidError("The mail server refused this address for good.") from error
            raise UnavailableError("The mail server would not take the message now.") from error
        except (smtplib.SMTPException, OSError) as error:
            raise UnavailableError("The mail server cannot be reached.") from error

    def _connect(self) -> smtplib.SMTP:
        server = self._server
        if server.tls == "tls":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=TIMEOUT_S, context=self._trust()
            )
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)
        if server.tls == "starttls":
            connection.starttls(context=self._trust())  # raises when it is not offered: no silent fall-back
        if server.user and server.password_file:
            connection.login(server.user, server.password_file.read_text(encoding="utf-8").strip())
        return connection


def _is_permanent(error: Exception) -> bool:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(500 <= code < 600 for code, _ in error.recipients.values())
    return True
