"""Debian's coturn as a process of the test's own, with a throw-away secret and a certificate made for it."""

import base64
import hashlib
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from gateway.live.ice_servers import IceServers
from partner_agent.wire.clock import SystemClock
from tests.support import outside
from tests.support.processes import free_port, running

SECRET = b"throw-away"
READY_S = 10.0
_READY = "SQLite DB connection success"  # the last it says before it serves


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its key, in files.

    Attributes:
        spki: what Chromium may be told to trust: the SHA-256 of the public key, in base64.
    """

    certificate: Path
    key: Path
    spki: str


@dataclass(frozen=True, slots=True)
class Turn:
    """A running coturn."""

    host: str
    port: int
    tls_port: int
    certificate: Certificate
    log: Path

    @property
    def udp(self) -> str:
        """Its URL for UDP."""
        return f"turn:{self.host}:{self.port}?transport=udp"

    @property
    def tls(self) -> str:
        """Its URL for TLS over TCP."""
        return f"turns:{self.host}:{self.tls_port}?transport=tcp"

    def servers(self, *urls: str) -> IceServers:
        """Some of its URLs as the gateway is told of them."""
        return IceServers(urls=urls, secret=SECRET, clock=SystemClock())


def certificate_for(folder: Path, *hosts: str) -> Certificate:
    """A self-signed certificate for these names and addresses."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
    now = SystemClock().now()
    names: list[x509.GeneralName] = [
        x509.IPAddress(ip_address(host)) if host[0].isdigit() else x509.DNSName(host) for host in hosts
    ]
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "turn.pem", folder / "turn.key"
    files[0].write_bytes(made.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Certificate(*files, base64.b64encode(hashlib.sha256(public).digest()).decode())


@contextmanager
def turn_server(folder: Path, *, host: str = "127.0.0.1", options: Sequence[str] = ()) -> Iterator[Turn]:
    """Coturn at `host`, ready, while inside the block.

    Args:
        folder: where its files go.
        host: the address it listens and relays at; its usual ports, unless it is loopback.
        options: more of its own.
    """
    program = outside.need("turnserver", package="coturn")
    certificate = certificate_for(folder, host)
    is_ours = host == "127.0.0.1"
    port, tls_port = (free_port(), free_port()) if is_ours else (3478, 443)
    log = folder / "coturn.log"
    command = [
        program, "-c", "/dev/null", "--use-auth-secret", f"--static-auth-secret={SECRET.decode()}",
        "--realm=lenspact", f"--listening-ip={host}", f"--relay-ip={host}", f"--listening-port={port}",
        f"--tls-listening-port={tls_port}", f"--cert={certificate.certificate}", f"--pkey={certificate.key}",
        "--no-cli", "--no-dtls", "--no-rfc5780", "--log-file=stdout", f"--pidfile={folder / 'coturn.pid'}",
        f"--userdb={folder / 'coturn.db'}", *(["--allow-loopback-peers"] if is_ours else []), *options,
    ]  # fmt: skip
    with running(command, log=log, variables={}) as process:
        wait_until_it_listens(log, process)
        yield Turn(host, port, tls_port, certificate, log)


def wait_until_it_listens(log: Path, process: subprocess.Popen[bytes]) -> None:
    """Until it has said the last that it says before it serves."""
    until = time.monotonic() + READY_S  # noqa: TID251  (a real process needs real time)
    while _READY not in (said := log.read_text(errors="replace")):
        assert process.poll() is None, said
        assert time.monotonic() < until, said  # noqa: TID251
        outside.wait_a_moment()
