"""What the owner's installer decides: one TOML file, or LENSPACT_AGENT_* variables over it. Unknown keys are errors.

Camera passwords live here and nowhere else; they never cross the link and never show in a repr, a log or an error.
"""

import json
import tomllib
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from partner_agent.wire.limits import HOLD_DEFAULT_S, PANIC_MOST_S

PREFIX: Final = "LENSPACT_AGENT_"
DEFAULT_PAGE_PORT: Final = 8790


class SettingsError(Exception):
    """The settings cannot be used; the sentence names the key."""


class Secret:
    """A value that does not show itself."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value, for the one place that signs in to the camera."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"


class CameraSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One camera as the owner wrote it down.

    Attributes:
        name: the owner's own short name; the id that crosses the link is minted from it once.
        url: main stream, rtsp://host:port/path without user and password.
        live_url: stream for live views (H.264); the main stream if empty.
        password_file: a file with the password alone, instead of `password`.
        transport: how pictures come: `tcp`, `udp` (loses some on a bad network), or `auto`: TCP, and UDP where the
            camera refuses TCP.
        convert: where none of its streams can be shown live (H.265, B-frames), make one anew as H.264 while somebody
            watches. Costs a fifth of a core for 1280x720, more for more; the stream for live views is taken.
    """

    name: str
    label: str = ""
    url: str
    live_url: str = ""
    user: str = ""
    password: Secret = Secret("")
    password_file: str = ""
    is_recorded: bool = True
    transport: Literal["auto", "tcp", "udp"] = "auto"
    convert: bool = False


class NoticeMail(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The owner's own mail server, by which this agent tells the owner things without the gateway.

    Attributes:
        to: the owner.
        requests_to: who else hears when somebody asks for a recording or to watch live; their answer needs the site PIN
            or a passkey of their own that the owner named.
        tls: `starttls` (refused if not offered), `tls` from the start, or `none` to a server on this machine only.
        password_file: a file with the password alone, instead of `password`.
    """

    to: str
    requests_to: str = ""
    sender: str
    host: str
    port: int = 587
    tls: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: Secret = Secret("")
    password_file: str = ""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything; the defaults need only `gateway`.

    Attributes:
        gateway: https origin, used for pairing only; afterwards the key set's hosts rule.
        page_port: loopback page; 0 = any free port, -1 = no page.
        input_secret: lets a panic button or alarm panel call the page's inputs; empty = no inputs.
        site_pin_hash: Argon2id; empty = the one set with `lenspact-agent pin`.
        hold_s: how long a widening approved by passkey waits while the owner is told; set on site only, 0 = not at all.
        notice_mail: how this agent mails the owner; without it only its terminal and page tell.
        passkey_origin: the page on which passkeys approve, such as https://gw.example; empty = the paired gateway's.
        passkey_rp_id: what those passkeys belong to; empty = the host of that page.
        panic_s: how long panic lasts by itself, at most four hours.
        allow_loopback: the gateway may name http and ws addresses on this machine (the demo).
        allow_networks: private networks the gateway may name, for a gateway on the same premises.
        media_address: address the uplink binds to; empty = any.
        trust_clock: take the machine's clock without a synchronised source (the demo; says so).
        max_views: live views at one time, whatever the owner's document says.
        uplink_kbps: what live views may take of this site's line in all, in kbit/s; 0 = as much as there is. Recordings
            that are sent are not counted.
        max_encoders: streams that are made anew at one time (black areas, `convert`); 0 = one for each core.
        ring_bytes: disk the recorder may use over all cameras; 0 = no recorder.
    """

    state_dir: Path = Path("/var/lib/lenspact-agent")
    gateway: str = ""
    page_port: int = DEFAULT_PAGE_PORT
    input_secret: Secret = Secret("")
    site_pin_hash: str = ""
    hold_s: Annotated[int, msgspec.Meta(ge=0)] = HOLD_DEFAULT_S
    notice_mail: NoticeMail | None = None
    passkey_origin: str = ""
    passkey_rp_id: str = ""
    panic_s: Annotated[int, msgspec.Meta(ge=1, le=PANIC_MOST_S)] = 15 * 60
    allow_loopback: bool = False
    allow_networks: tuple[str, ...] = ()
    media_address: str = ""
    trust_clock: bool = False
    max_views: int = 16
    uplink_kbps: Annotated[int, msgspec.Meta(ge=0)] = 0
    max_encoders: Annotated[int, msgspec.Meta(ge=0)] = 0
    ring_bytes: int = 0
    cameras: tuple[CameraSettings, ...] = ()


def load(path: Path | None, environment: Mapping[str, str]) -> Settings:
    """Read the file (or the one `LENSPACT_AGENT_CONFIG` names), then the variables over it.

    Raises:
        SettingsError: an unknown key, a value of another type, or a file that cannot be read.
    """
    named = environment.get(PREFIX + "CONFIG")
    path = path or (Path(named) if named else None)
    raw: dict[str, Any] = {}
    if path is not None:
        try:
            raw = tomllib.loads(path.read_text())
        except OSError as error:
            raise SettingsError(f"cannot read {path}") from error
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"{path} is not TOML: {error}") from error
    raw |= _from_environment(environment)
    try:
        settings = msgspec.convert(raw, Settings, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise SettingsError(str(error)) from error
    return _checked(settings)


def password_of(camera: CameraSettings) -> str:
    """The camera's password.

    Raises:
        SettingsError: the named file cannot be read.
    """
    return _password(camera.password, camera.password_file, f"camera {camera.name}")


def mail_password_of(mail: NoticeMail) -> str:
    """The mail server's password.

    Raises:
        SettingsError: the named file cannot be read.
    """
    return _password(mail.password, mail.password_file, "notice_mail")


def _password(password: Secret, file: str, of_what: str) -> str:
    if not file:
        return password.reveal()
    try:
        return Path(file).read_text().strip()
    except OSError as error:
        raise SettingsError(f"cannot read the password file of {of_what}") from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    fields = {field.name: field.type for field in msgspec.structs.fields(Settings)}
    found: dict[str, Any] = {}
    for name, text in environment.items():
        key = name.removeprefix(PREFIX).lower()
        if not name.startswith(PREFIX) or key == "config":
            continue
        if key not in fields:
            raise SettingsError(f"unknown setting {name}")
        is_text = fields[key] in {str, Path, Secret}
        try:
            found[key] = text if is_text else json.loads(text)
        except ValueError as error:
            raise SettingsError(f'{name} is written as JSON: true, 5, ["10.0.0.0/8"]') from error
    return found


def _decode(kind: type, value: object) -> object:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError


def _checked(settings: Settings) -> Settings:
    names = [camera.name for camera in settings.cameras]
    if len(set(names)) != len(names):
        raise SettingsError("two cameras have one name")
    mail = settings.notice_mail
    if mail is not None and mail.tls == "none" and mail.host not in {"localhost", "127.0.0.1", "::1"}:
        raise SettingsError("notice_mail: without TLS only a server on this machine")
    for network in settings.allow_networks:
        try:
            ip_network(network)
        except ValueError as error:
            raise SettingsError(f"allow_networks: {network} is no network") from error
    return settings
