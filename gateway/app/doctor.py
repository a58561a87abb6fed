"""`lenspact doctor`: each thing a gateway needs, looked at for real, and what to do about it in one sentence."""

import shutil
import stat
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from gateway.app import schema
from gateway.app.media import janus_secret
from gateway.app.settings import Settings, SettingsError
from gateway.edge.readiness import database_is_writable
from gateway.kernel.database import Database
from gateway.kernel.errors import LenspactError
from gateway.kernel.keyring import Keyring
from gateway.live.engines.janus_look import trouble_of
from gateway.live.relay.config import media_address
from partner_agent.rtc import buffers
from partner_agent.rtc.mux import bound
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds

_OWN_ADDRESS: Final = (
    "name one of its own, and behind a router that translates one to one the router's address before it: "
    "203.0.113.10=10.0.0.5"
)
FREE_BYTES: Final = 1 << 30  # the log and evidence must never meet a full disk


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `cure` is empty when it is fine."""

    what: str
    is_fine: bool
    cure: str = ""


async def examine(settings: Settings) -> list[Finding]:
    """Everything, in the order in which it should be put right."""
    findings = [_state_folder(settings), _disk(settings), _keys(settings)]
    database = Database(settings.database)
    try:
        findings.append(await _try("database can be reached", lambda: _reach(database), "start it, check database_url"))
        if findings[-1].is_fine:
            findings.append(await _try("schema", lambda: schema.at_head(database), "run: lenspact migrate"))
            write = lambda: database_is_writable(database, SystemClock())  # noqa: E731
            findings.append(await _try("database can be written", write, "check its disk and rights"))
    finally:
        await database.close()
    if settings.media_engine == "janus":
        findings.append(await _janus(settings))
    else:
        findings.append(media_addresses(settings.media_addresses))
        if not settings.origin.is_loopback:
            findings += [media_port(settings.media_port), media_buffers(buffers.given_here())]
    return findings


def _state_folder(settings: Settings) -> Finding:
    try:
        mode = settings.state_dir.stat().st_mode
    except OSError:
        return Finding("state folder", is_fine=False, cure="run: lenspact setup")
    if stat.S_IMODE(mode) & 0o077:
        return Finding("state folder is private", is_fine=False, cure=f"run: chmod 700 {settings.state_dir}")
    return Finding(f"state folder {settings.state_dir}", is_fine=True)


def _disk(settings: Settings) -> Finding:
    place = next(
        path for path in (settings.state_dir.absolute(), *settings.state_dir.absolute().parents) if path.exists()
    )
    if shutil.disk_usage(place).free < FREE_BYTES:
        return Finding("free disk space", is_fine=False, cure="free at least 1 GiB")
    return Finding("free disk space", is_fine=True)


def _keys(settings: Settings) -> Finding:
    try:
        keyring = Keyring.load(settings.state_dir / "keys")
    except LenspactError as error:
        return Finding("keys", is_fine=False, cure=error.sentence)
    if keyring.root is not None and not settings.origin.is_loopback:
        return Finding("root key is offline", is_fine=False, cure="run: lenspact keys export-root FILE")
    return Finding("keys", is_fine=True)


def media_addresses(addresses: Sequence[str]) -> Finding:
    """Whether the relay can be bound to its addresses; whether packets get there from outside only a site can tell."""
    missing = [own for _, own in map(media_address, addresses) if not _is_own(own)]
    cure = f"media_addresses: no address of this machine is {missing[0]}; {_OWN_ADDRESS}" if missing else ""
    return Finding("media addresses", is_fine=not missing, cure=cure)


def _is_own(address: str) -> bool:
    """As the relay will find it; a machine without IPv6 has no such address."""
    try:
        bound(address, 0).close()
    except OSError:
        return False
    return True


def media_port(port: int) -> Finding:
    """Whether a firewall can let it through: one that is another at each start no rule names."""
    cure = "" if port else "media_port is another one at each start; set it, such as 8189, and open it in the firewall"
    return Finding("media port", is_fine=bool(port), cure=cure)


def media_buffers(given_bytes: int) -> Finding:
    """Whether the kernel keeps as much for a media port as bursts of pictures need."""
    too_little = buffers.shortage(given_bytes)
    return Finding("media port buffers", is_fine=not too_little, cure=too_little and f"{too_little}; {buffers.CURE}")


async def _janus(settings: Settings) -> Finding:
    try:
        secret = janus_secret(settings)
    except SettingsError as error:
        return Finding("Janus answers", is_fine=False, cure=str(error))
    trouble = await trouble_of(
        url=settings.janus_url, admin_url=settings.janus_admin_url, secret=secret, ids=SystemIds()
    )
    cure = f"{trouble}; start it, and set it up as docs/guide/media-engine.md says" if trouble else ""
    return Finding("Janus answers", is_fine=not trouble, cure=cure)


async def _try(what: str, check: Callable[[], Awaitable[None]], cure: str) -> Finding:
    try:
        await check()
    except (LenspactError, OSError, SQLAlchemyError):
        return Finding(what, is_fine=False, cure=cure)
    return Finding(what, is_fine=True)


async def _reach(database: Database) -> None:
    async with database.read():
        pass
