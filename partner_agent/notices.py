"""The agent's own ways to tell the owner, without the gateway: this terminal, and mail by the owner's own server.

The page on this machine shows the same by itself. A notice never blocks and never fails: mail waits in memory, the
newest of each kind, and is tried again until the server has taken it. So a gateway that causes a thousand notices of
one kind causes one mail of it a minute, and cannot push the notice of a hold out of the way.
"""

import logging
import smtplib
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

import anyio
from anyio import to_thread

from partner_agent.ports import OwnerNotice
from partner_agent.settings import NoticeMail, SettingsError, mail_password_of
from partner_agent.wire.clock import Clock

log: Final = logging.getLogger("lenspact.agent.notices")
SEND_S: Final = 20.0
RETRY_S: Final = 30.0
KIND_PERIOD_S: Final = 60.0  # one mail of each kind in this time
REQUESTS: Final = frozenset({"clip_ask", "view_ask"})  # kinds of which a delegate hears too
_FOOTER: Final = """
This comes from the Lenspact agent at your cameras itself, not from the gateway. To say no, or to see what is shared,
use its page on that machine or run: lenspact-agent approve
"""


class Notices:
    """Tells by every way there is."""

    def __init__(self, *ways: OwnerNotice) -> None:
        self._ways = ways

    def tell(self, kind: str, sentence: str, lines: Sequence[str] = ()) -> None:
        """Tell the owner one thing."""
        for way in self._ways:
            way.tell(kind, sentence, lines)


class TerminalNotice:
    """Shows notices where the agent was started."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show

    def tell(self, kind: str, sentence: str, lines: Sequence[str] = ()) -> None:
        """Show one notice."""
        del kind
        self._show("\n  ".join([sentence, *lines]))


@dataclass(frozen=True, slots=True)
class _Notice:
    sentence: str
    lines: tuple[str, ...]


class MailNotice:
    """Mails notices to the owner; the certificate of the server is always checked."""

    def __init__(
        self,
        settings: NoticeMail,
        *,
        place: str,
        clock: Clock,
        trust: Callable[[], ssl.SSLContext] = ssl.create_default_context,
    ) -> None:
        """`place`: how the owner knows this machine, such as its host name."""
        self._settings, self._place, self._clock, self._trust = settings, place, clock, trust
        self._waiting: dict[str, _Notice] = {}
        self._sent_at: dict[str, float] = {}
        self._wake = anyio.Event()

    def tell(self, kind: str, sentence: str, lines: Sequence[str] = ()) -> None:
        """Mail one notice soon; a newer one of its kind takes its place."""
        self._waiting[kind] = _Notice(sentence, tuple(lines))
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            await self._wake.wait()
            self._wake = anyio.Event()
            await self.send_due()
            if self._waiting:
                self._wake.set()
                await self._clock.sleep(RETRY_S)

    async def send_due(self) -> None:
        """Try once to send what waits and may be sent now."""
        now = self._clock.monotonic()
        due = [kind for kind in self._waiting if now - self._sent_at.get(kind, -KIND_PERIOD_S) >= KIND_PERIOD_S]
        for kind in due:
            notice = self._waiting[kind]
            try:
                await to_thread.run_sync(self._hand_over, self._message(kind, notice), abandon_on_cancel=True)
            except (smtplib.SMTPException, OSError, ValueError, SettingsError) as error:
                log.warning("the owner could not be told by mail (%s); trying again", type(error).__name__)
                continue
            self._sent_at[kind] = self._clock.monotonic()
            if self._waiting.get(kind) is notice:
                del self._waiting[kind]

    def _message(self, kind: str, notice: _Notice) -> EmailMessage:
        message = EmailMessage()
        delegate = self._settings.requests_to if kind in REQUESTS else ""
        message["To"] = ", ".join(each for each in (self._settings.to, delegate) if each)
        message["From"] = self._settings.sender
        message["Subject"] = f"Your cameras at {self._place}: {notice.sentence}"
        message["Date"] = format_datetime(self._clock.now())
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
        text = "\n".join(["", *(f"  {line}" for line in notice.lines)]) if notice.lines else ""
        message.set_content(f"{notice.sentence}\n{text}\n{_FOOTER}", charset="utf-8")
        return message

    def _hand_over(self, message: EmailMessage) -> None:
        mail = self._settings
        if mail.tls == "tls":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(mail.host, mail.port, timeout=SEND_S, context=self._trust())
        else:
            connection = smtplib.SMTP(mail.host, mail.port, timeout=SEND_S)
        with connection:
            if mail.tls == "starttls":
                connection.starttls(context=self._trust())  # raises when it is not offered: no silent fall-back
            if mail.user:
                connection.login(mail.user, mail_password_of(mail))
            connection.send_message(message)
