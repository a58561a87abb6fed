"""Messages about the site's connection: the gateway asks for a check, and the site tells what its network lets through.

The answer is words and round figures alone: no address, no name of a network, nothing of other machines there.
"""

from typing import Final, Literal

import msgspec

from partner_agent.wire.messages import Message

Passes = Literal["yes", "no", "untried"]
Nat = Literal["open", "same", "changing", "unknown"]
Trouble = Literal["auth", "unreachable", "codec", "late"]
Tunnelled = Literal["offered", "used"]
Unmeasured = Literal["watched", "refused", "lost", "unasked"]


class CheckServer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A STUN or TURN server, on a host of the key set, and what opens it for an hour."""

    url: str
    username: str = ""
    credential: str = ""


class CheckUpload(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where bytes without meaning may be sent to learn how much the line carries; the token opens it for seconds."""

    url: str
    token: str


class ConnectionCheck(Message, frozen=True):
    """G. Look at your connection; servers that are not of the key set are passed over.

    `is_full`: open the cameras too, and answer with every field. Without it the answer keeps to the fields of
    vocabulary 7, which are all that the gateway that asks so knows.
    `upload`: measure the line; None where it may not be measured now.
    `has_tunnels`: the gateway takes pictures inside a WebSocket too; answer with `tunnel`.
    """

    servers: list[CheckServer]
    is_full: bool = False
    upload: CheckUpload | None = None
    has_tunnels: bool = False


class ConnectionWanted(Message, frozen=True):
    """A. Somebody on site wants to know: ask for a check now. `noted`, and the check follows; or `problem`: limit."""


class CheckedCamera(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a camera sends, as far as it has been seen.

    `codec`: as FFmpeg names it. `open_ms`: until it had said by RTSP what it sends; None where it was open already.
    `first_ms`: until its first picture lay in packets, as a view would send it. `trouble`: why there was none.
    `is_key_distance_least`: the second key picture did not come while it was looked at, so the distance is longer.
    """

    camera: str
    kbps: int | None = None
    key_distance_ms: int | None = None
    is_key_distance_least: bool = False
    codec: str | None = None
    open_ms: int | None = None
    first_ms: int | None = None
    trouble: Trouble | None = None


class ConnectionChecked(Message, frozen=True):
    """A. What the site's network lets through, whether its clock is right, and what its cameras need.

    `by_server`: the last live view left the site by a TURN server; None while there was none.
    `tunnel`: whether the last live view went inside a WebSocket, or could have; None where the gateway takes none.
    `line_kbps`: what the line to the gateway carried; `is_line_bound`: it was stopped by `uplink_kbps`, so that it may
    carry more. `unmeasured`: why it was not measured: somebody watched, the gateway took nothing, the way there broke,
    or the gateway gave no place for it.
    """

    udp: Passes
    nat: Nat
    turn_udp: Passes
    turn_tls: Passes
    is_clock_right: bool
    cameras: list[CheckedCamera]
    uplink_kbps: int | None = None  # what the owner lets live views take; None for no bound
    by_server: bool | None = None
    tunnel: Tunnelled | None = None
    line_kbps: int | None = None
    is_line_bound: bool = False
    unmeasured: Unmeasured | None = None


KINDS: Final[dict[str, type[Message]]] = {
    str(kind.__struct_config__.tag): kind for kind in (ConnectionCheck, ConnectionChecked, ConnectionWanted)
}
