"""The gateway's settings: one frozen value from a TOML file and `LENSPACT_*` variables, checked once at the start.

Variables win over the file. An unknown name in either is an error, for a mistyped setting that silently does nothing
is worse than a refusal to start. Secrets are named by file, never given as values.
"""

import tomllib
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from gateway.edge.origin import PublicOrigin
from gateway.live.relay.config import media_address

PREFIX: Final = "LENSPACT_"
MOST_RELAYS: Final = 16
MOST_MEDIA_ADDRESSES: Final = 4  # every viewer tries each
MOST_PHONE_MINUTES: Final = 15
CONFIG_VARIABLE: Final = "LENSPACT_CONFIG"
_FOREIGN_PREFIXES: Final = ("LENSPACT_TEST_", "LENSPACT_AGENT_")  # the tests' and the agent's own


class SettingsError(Exception):
    """The settings cannot be used; the text names the setting and what to write."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one gateway is told. Every default suits a single machine on loopback.

    Attributes:
        public_url: the origin people type; http only on loopback.
        host: address to listen on; `localhost` is both loopbacks.
        port: TCP port to listen on; 0 picks a free one.
        metrics_port: loopback port of `/metrics`; None for none.
        state_dir: keys, spool, objects and the embedded database.
        database_url: empty for SQLite in `state_dir`, or `postgresql://…`.
        bus: `memory:`, or `postgres:` where api and worker are processes of their own.
        relay: `child` of the gateway, or `service` when `lenspact serve --role relay` runs beside it.
        relays: relay processes of this machine, as `child`; each takes a core, and a port from `media_port` on.
        media_engine: who forwards live pictures: `embedded`, our own relay, or `janus` (docs/guide/media-engine.md).
        janus_url: of its WebSocket API, on loopback.
        janus_admin_url: of its admin API, as well.
        janus_secret_file: a file that holds alone what Janus's settings name `api_secret`, `admin_secret`, `admin_key`.
        media_addresses: the machine's own addresses at which browsers and agents reach the relay, the preferred one
            first; IPv4, IPv6, or some of each. `203.0.113.10=10.0.0.5` is reached at the first and bound to the second.
        media_port: UDP port of the relay, at each of them; 0 picks a free one.
        still_hours: how long a still is there, from when it was taken.
        phone_minutes: how long a live picture may be shown on a phone, at most 15; 0 where none is sent to phones.
        ice_servers: `stun:`, `turn:` and `turns:` URLs that callers of the relay are told of; empty for none.
        turn_secret_file: a file that holds coturn's `static-auth-secret` alone; TURN servers need it.
        agency_name: as owners read it.
        agency_zone: IANA zone of the agency.
        ordinance: the ordinance pack that binds everybody; the gateway does not start without it.
        agency_rules: the pack of what the agency lets its own roles do.
        smtp_host: mail goes to `state_dir/spool` while this is empty.
        smtp_port: 587 means STARTTLS, 465 TLS from the start.
        smtp_user: empty for none.
        smtp_password_file: a file that holds the password alone.
        smtp_tls: `starttls`, `tls`, or `none` (loopback only).
        mail_from: the sender's address.
        trusted_proxies: addresses whose X-Forwarded-For and -Proto are believed.
    """

    public_url: str = "http://localhost:8080"
    host: str = "localhost"
    port: int = 8080
    metrics_port: int | None = None
    state_dir: Path = Path("state")
    database_url: str = ""
    bus: str = "memory:"
    relay: str = "child"
    relays: int = 1
    media_engine: str = "embedded"
    janus_url: str = "ws://127.0.0.1:8188"
    janus_admin_url: str = "ws://127.0.0.1:7188"
    janus_secret_file: Path | None = None
    media_addresses: tuple[str, ...] = ("127.0.0.1",)
    media_port: int = 0
    still_hours: int = 72
    phone_minutes: int = 15
    ice_servers: tuple[str, ...] = ()
    turn_secret_file: Path | None = None
    agency_name: str = "City Police"
    agency_zone: str = "America/Chicago"
    ordinance: str = "open_city"
    agency_rules: str = "default"
    smtp_host: str = ""
    smtp_port: int = 587
    smtp_user: str = ""
    smtp_password_file: Path | None = None
    smtp_tls: str = "starttls"
    mail_from: str = "lenspact@localhost"
    trusted_proxies: tuple[str, ...] = ("127.0.0.1", "::1")

    @property
    def origin(self) -> PublicOrigin:
        """`public_url`, read."""
        return PublicOrigin.parse(self.public_url)

    @property
    def is_embedded(self) -> bool:
        """Whether the database is a file of this machine, so that one process must do everything."""
        return self.database.startswith("sqlite")

    @property
    def database(self) -> str:
        """The URL SQLAlchemy takes, with its async driver."""
        if not self.database_url:
            return f"sqlite+in_loop:///{self.state_dir.absolute() / 'lenspact.db'}"
        url = make_url(self.database_url)
        drivers = {"postgres": "postgresql+asyncpg", "postgresql": "postgresql+asyncpg", "sqlite": "sqlite+in_loop"}
        return url.set(drivername=drivers.get(url.drivername, url.drivername)).render_as_string(hide_password=False)

    def __repr__(self) -> str:
        """Names only: a database URL may hold a password."""
        return f"Settings(public_url={self.public_url!r}, state_dir={str(self.state_dir)!r})"


def load_settings(*, environ: Mapping[str, str], config: Path | None = None) -> Settings:
    """Read the file (if any), then the variables, and check them together.

    Raises:
        SettingsError: anything is unknown, of the wrong type, or cannot work.
    """
    path = config or (Path(environ[CONFIG_VARIABLE]) if environ.get(CONFIG_VARIABLE) else None)
    values = _from_file(path) if path else {}
    values |= _from_environment(environ)
    try:
        settings = msgspec.convert(values, Settings, strict=False, dec_hook=_as_path)
    except msgspec.ValidationError as error:
        raise SettingsError(f"settings: {error}") from error
    check(settings)
    return settings


def _as_path(kind: type, value: object) -> Path:
    if kind is not Path or not isinstance(value, str):
        raise NotImplementedError
    return Path(value)


def check(settings: Settings) -> None:
    """Refuse combinations that cannot work.

    Raises:
        SettingsError: names the setting and the cure.
    """
    try:
        _ = settings.origin
        _ = settings.database
    except (ValueError, ArgumentError) as error:
        raise SettingsError(str(error) if isinstance(error, ValueError) else "database_url cannot be read") from error
    if not settings.database.startswith(("sqlite+in_loop:///", "postgresql+asyncpg://")):
        raise SettingsError("database_url must begin with postgresql:// or sqlite:///")
    if settings.bus.startswith("nats:"):
        raise SettingsError("bus nats: is not in this version; use postgres:")
    if settings.bus not in {"memory:", "postgres:"}:
        raise SettingsError("bus must be memory: or postgres:")
    if settings.relay not in {"child", "service"}:
        raise SettingsError("relay must be child or service")
    if not 0 <= settings.phone_minutes <= MOST_PHONE_MINUTES:
        raise SettingsError(f"phone_minutes must be 0 to {MOST_PHONE_MINUTES}; 0 sends no picture to phones")
    _check_media_addresses(settings.media_addresses)
    _check_engine(settings)
    if settings.bus == "postgres:" and settings.database.startswith("sqlite"):
        raise SettingsError("bus postgres: needs a postgresql:// database_url")
    if settings.smtp_tls not in {"starttls", "tls", "none"}:
        raise SettingsError("smtp_tls must be starttls, tls or none")
    if settings.smtp_tls == "none" and settings.smtp_host not in {"", "localhost", "127.0.0.1", "::1"}:
        raise SettingsError("smtp_tls none is for a mail server on this machine; elsewhere use starttls or tls")


def _check_media_addresses(addresses: tuple[str, ...]) -> None:
    try:
        found = [tuple(map(ip_address, media_address(each))) for each in addresses]
    except ValueError as error:
        raise SettingsError(
            f"media_addresses: {error}; write the addresses themselves, such as 203.0.113.10"
        ) from error
    if not 1 <= len(found) <= MOST_MEDIA_ADDRESSES:
        raise SettingsError(f"media_addresses must be 1 to {MOST_MEDIA_ADDRESSES} addresses")
    twice = [address for side in zip(*found, strict=True) for address in side if side.count(address) > 1]
    if twice:
        raise SettingsError(f"media_addresses: {twice[0]} stands on the same side twice; name each once")
    if any(address.is_unspecified for pair in found for address in pair):
        raise SettingsError("media_addresses: 0.0.0.0 and :: are nowhere to be reached; name this machine's addresses")
    if any(reached.version != own.version for reached, own in found):
        raise SettingsError("media_addresses: no router makes IPv4 of IPv6; both sides of = must be of one family")


def _check_engine(settings: Settings) -> None:
    if not 1 <= settings.relays <= MOST_RELAYS:
        raise SettingsError(f"relays must be 1 to {MOST_RELAYS}; each takes a core")
    if settings.relays > 1 and (settings.relay, settings.media_engine) != ("child", "embedded"):
        raise SettingsError("several relays are for media_engine embedded and relay child; leave relays out")
    if settings.media_engine == "mediamtx":
        raise SettingsError(
            "media_engine mediamtx: it shows another certificate at each call, and sites publish only to the one their "
            "grant names; use embedded or janus"
        )
    if settings.media_engine not in {"embedded", "janus"}:
        raise SettingsError("media_engine must be embedded or janus")
    if settings.media_engine == "janus" and any("=" in address for address in settings.media_addresses):
        raise SettingsError("media_addresses with = is for media_engine embedded; Janus has nat_1_1_mapping for it")
    if settings.media_engine == "janus" and settings.relay == "service":
        raise SettingsError("relay service is for media_engine embedded; leave relay out with janus")
    for name, url in (("janus_url", settings.janus_url), ("janus_admin_url", settings.janus_admin_url)):
        if not url.startswith(("ws://127.0.0.1:", "ws://localhost:", "ws://[::1]:")):
            raise SettingsError(f"{name} must be on loopback, for instance {getattr(Settings, name)}")


def check_role(settings: Settings, role: str) -> None:
    """Refuse to split api and worker where they could not hear each other.

    Raises:
        SettingsError: names what to use instead.
    """
    if role in {"all", "relay"}:
        return
    if settings.bus == "memory:":
        raise SettingsError(
            f"--role {role} needs a bus that crosses processes: set LENSPACT_BUS to postgres: or nats:…"
        )
    if settings.database.startswith("sqlite"):
        raise SettingsError(f"--role {role} needs PostgreSQL: two writers on one SQLite file are not supported")


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    kinds = {field.name: field.type for field in msgspec.structs.fields(Settings)}
    values: dict[str, Any] = {}
    for variable, text in environ.items():
        if not variable.startswith(PREFIX) or variable == CONFIG_VARIABLE or variable.startswith(_FOREIGN_PREFIXES):
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name not in kinds:
            raise SettingsError(f"{variable} is not a setting")
        is_list = str(kinds[name]).startswith("tuple")
        values[name] = tuple(part for part in text.replace(",", " ").split() if part) if is_list else text
    return values
