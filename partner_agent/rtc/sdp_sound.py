"""The audio section of a call's SDP: G.711 or Opus, bundled with the pictures; read into what a leg needs, and written.

Whoever answers takes the section or declines it; anything that is not bundled with the pictures, shares no port with
its RTCP, or names neither codec is as if it were not there. RFC 3551 §6 (static payload types), RFC 7587 §7 (Opus),
RFC 9143 (BUNDLE).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from partner_agent.rtc.sdp_lines import DIRECTIONS, number_of, values_of

Direction = Literal["sendonly", "recvonly", "sendrecv"]


class Codec(StrEnum):
    """What sound may be, as `a=rtpmap` calls it."""

    OPUS = "opus/48000/2"
    PCMU = "PCMU/8000"
    PCMA = "PCMA/8000"

    @property
    def clock_hz(self) -> int:
        """Its RTP clock."""
        return int(self.value.split("/")[1])


OFFERED: Final = ((Codec.OPUS, 111), (Codec.PCMU, 0), (Codec.PCMA, 8))
_STATIC: Final = {0: Codec.PCMU, 8: Codec.PCMA}
_NAMES: Final = {codec.value.upper(): codec for codec in Codec}


@dataclass(frozen=True, slots=True)
class Sound:
    """What one end says of sound.

    Attributes:
        payload_types: what it calls each codec it knows; never empty.
        position: of its section among all.
        direction: its own view, as `sdp.Call.direction`.
        ssrc: whom it sends sound as; 0 when it does not say.
    """

    payload_types: tuple[tuple[Codec, int], ...]
    mid: str = "1"
    position: int = 1
    direction: Direction = "sendonly"
    ssrc: int = 0

    def type_of(self, codec: Codec) -> int | None:
        """What it calls `codec`; None where it does not know it."""
        return dict(self.payload_types).get(codec)


def read(lines: list[str], *, mid: str, position: int, is_bundled: bool) -> Sound | None:
    """An audio section; None where it cannot be taken.

    Args:
        lines: of the section, its `m=` first.
        mid: its own.
        position: its place among all sections.
        is_bundled: whether it shares the transport of the pictures.
    """
    fields = lines[0].split()
    payload_types = _payload_types(fields[3:], lines)
    is_off = "a=inactive" in lines or len(fields) < 4 or fields[1] == "0"
    if is_off or not is_bundled or "a=rtcp-mux" not in lines or not payload_types:
        return None
    direction: Direction = next((way for way in DIRECTIONS if f"a={way}" in lines), "sendrecv")
    return Sound(payload_types, mid, position, direction, _ssrc(lines))


def section(sound: Sound, *, port: str, address: str, transport: list[str], cname: str) -> list[str]:
    """Its lines as we write them.

    Args:
        sound: ours.
        port: of the pictures' section.
        address: its `c=` line.
        transport: the lines of ICE and DTLS, which are those of the pictures.
        cname: whom it comes from, the same as the pictures, so that lips and words fit (RFC 3550 §6.5.1).
    """
    types = " ".join(str(payload_type) for _, payload_type in sound.payload_types)
    lines = [
        f"m=audio {port} UDP/TLS/RTP/SAVPF {types}",
        address,
        f"a=mid:{sound.mid}",
        f"a={sound.direction}",
        "a=rtcp-mux",
        "a=rtcp-mux-only",
        *(f"a=rtpmap:{payload_type} {codec.value}" for codec, payload_type in sound.payload_types),
        *transport,
    ]
    if sound.ssrc:
        lines += ["a=msid:live audio", f"a=ssrc:{sound.ssrc} cname:{cname}"]
    return lines


def _payload_types(formats: list[str], lines: list[str]) -> tuple[tuple[Codec, int], ...]:
    """The first payload type of each codec, in their order."""
    named = {
        number_of(text): name.strip().upper()
        for text, _, name in (v.partition(" ") for v in values_of(lines, "rtpmap"))
    }
    found: dict[Codec, int] = {}
    for payload_type in map(number_of, formats):
        if not 0 <= payload_type < 128:
            continue
        name = named.get(payload_type)
        codec = _STATIC.get(payload_type) if name is None else _NAMES.get(name.removesuffix("/1"))
        if codec is not None:
            found.setdefault(codec, payload_type)
    return tuple(found.items())


def _ssrc(lines: list[str]) -> int:
    said = (number_of(value.split(" ", 1)[0]) for value in values_of(lines, "ssrc"))
    return next((ssrc for ssrc in said if 0 < ssrc < 1 << 32), 0)
