"""Every mailer keeps one contract: a message arrives once, whole, to one recipient, and hostile headers never leave."""

import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.identity import Mail, Mailer, SmtpMailer, SmtpServer, SpoolMailer
from gateway.kernel.errors import InvalidError, UnavailableError
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds
from tests.support.smtp_sink import SmtpSink

pytestmark = pytest.mark.anyio

SENDER = "lenspact@gw.example"


@dataclass
class Station:
    """A mailer, and what arrived beyond it."""

    mailer: Mailer
    folder: Path | None = None
    sink: SmtpSink | None = None

    def arrived(self) -> list[EmailMessage]:
        if self.sink:
            raw = self.sink.messages
        else:
            assert self.folder
            raw = [file.read_bytes() for file in sorted(self.folder.glob("*.eml"))]
        return [cast("EmailMessage", message_from_bytes(data, policy=policy.default)) for data in raw]


def _tls(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sink")])
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + dt.timedelta(days=3650))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "sink.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=pem)


@pytest.fixture(params=["spool", "smtp", "smtp+starttls"])
async def station(request: Any, tmp_path: Path, clock: FakeClock, ids: SequentialIds) -> AsyncIterator[Station]:
    """Each mailer before its real station."""
    if request.param == "spool":
        folder = tmp_path / "spool"
        yield Station(SpoolMailer(folder, sender=SENDER, clock=clock, ids=ids), folder=folder)
        return
    server, client = _tls(tmp_path) if "starttls" in request.param else (None, None)
    async with SmtpSink(server).listening() as sink:
        where = SmtpServer("127.0.0.1", sink.port, "starttls" if server else "none")
        trust = {"trust": lambda: client} if client else {}
        yield Station(SmtpMailer(where, sender=SENDER, clock=clock, ids=ids, **trust), sink=sink)


async def test_message_arrives_whole(station: Station):
    """Subject, text with umlauts, dots and long lines, sender and recipient arrive as given, once."""
    text = "Grüße aus Ñuñoa 👋\n.\n..leading dots\n" + "x" * 2000 + "\n"
    await station.mailer.send(Mail("Owner@Shop.example", "Your sign-in link – Zürich", text))
    (message,) = station.arrived()

    assert message["To"] == "owner@shop.example"
    assert message["From"] == SENDER
    assert message["Subject"] == "Your sign-in link – Zürich"
    assert message.get_content().replace("\r\n", "\n") == text
    assert message["Message-ID"]
    assert message["Date"]
    assert message["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize(
    ("to", "subject"),
    [
        ("a@b.example\r\nBcc: c@d.example", "x"),
        ("a@b.example,c@d.example", "x"),
        ("a@b.example", "x\r\nBcc: c@d.example"),
        ("a@b.example", "x\nx"),
        ("<a@b.example>", "x"),
        ("nobody", "x"),
        ("", "x"),
    ],
)
async def test_hostile_headers_never_leave(station: Station, to: str, subject: str):
    """What could become a second header or recipient is refused for good."""
    with pytest.raises(InvalidError):
        await station.mailer.send(Mail(to, subject, "text"))

    assert station.arrived() == []


async def test_unreachable_station_is_told_as_such(tmp_path: Path, clock: FakeClock, ids: SequentialIds):
    """A closed port and an unwritable folder are UnavailableError: try again."""
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    mail = Mail("a@b.example", "x", "x")
    for mailer in (
        SpoolMailer(blocked / "spool", sender=SENDER, clock=clock, ids=ids),
        SmtpMailer(SmtpServer("127.0.0.1", 9, "none"), sender=SENDER, clock=clock, ids=ids),
    ):
        with pytest.raises(UnavailableError):
            await mailer.send(mail)


@pytest.mark.parametrize(("code", "error"), [("550", InvalidError), ("451", UnavailableError)])
async def test_refused_recipient(clock: FakeClock, ids: SequentialIds, code: str, error: type[Exception]):
    """A permanent refusal is final, a passing one is not."""
    async with SmtpSink().listening() as sink:
        sink.refuse_with = code
        mailer = SmtpMailer(SmtpServer("127.0.0.1", sink.port, "none"), sender=SENDER, clock=clock, ids=ids)
        with pytest.raises(error):
            await mailer.send(Mail("a@b.example", "x", "x"))


async def test_starttls_is_never_skipped(clock: FakeClock, ids: SequentialIds):
    """A server that stopped offering TLS gets no mail."""
    async with SmtpSink().listening() as sink:
        mailer = SmtpMailer(SmtpServer("127.0.0.1", sink.port, "starttls"), sender=SENDER, clock=clock, ids=ids)
        with pytest.raises((UnavailableError, InvalidError)):
            await mailer.send(Mail("a@b.example", "x", "x"))

        assert sink.messages == []


async def test_unknown_certificate_gets_no_mail(tmp_path: Path, clock: FakeClock, ids: SequentialIds):
    """A server with a certificate nobody vouches for gets no mail."""
    server, _ = _tls(tmp_path)
    async with SmtpSink(server).listening() as sink:
        mailer = SmtpMailer(SmtpServer("127.0.0.1", sink.port, "starttls"), sender=SENDER, clock=clock, ids=ids)
        with pytest.raises(UnavailableError):
            await mailer.send(Mail("a@b.example", "x", "x"))

        assert sink.messages == []
