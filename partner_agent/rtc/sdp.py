"""The SDP of exactly one kind of call: one H.264 video stream and perhaps its sound, bundled, over DTLS-SRTP.

Reads an offer or answer into what a leg needs and writes ours. Everything else a peer may offer is declined, and its
sound too unless whoever answers takes it; no address in an offer is ever dialled. RFC 8866 (SDP), RFC 8829 (JSEP),
RFC 8839 (ICE), RFC 8842 (DTLS), RFC 9725 §4.2.
"""

import re
from dataclasses import dataclass
from operator import itemgetter
from typing import Final, Literal

from partner_agent.rtc import sdp_sound
from partner_agent.rtc.sdp_lines import Declined, number_of, sections, values_of
from partner_agent.rtc.sdp_sound import Sound
from partner_agent.wire.limits import SDP_BYTES

Direction = Literal["sendonly", "recvonly", "sendrecv"]
Setup = Literal["active", "passive", "actpass"]

ICE_OPTIONS: Final = "a=ice-options:trickle ice2"  # RFC 8838 §3, RFC 8445 §10; the same in answers and fragments
CNAME: Final = "live"  # one name for all: it tells nobody apart

_MAX_SECTIONS: Final = 4  # what a general client may offer besides the video; declined
ICE_NAME: Final = re.compile(r"[A-Za-z0-9+/]{4,256}")  # RFC 8839 §5.4
ICE_PASSWORD: Final = re.compile(r"[A-Za-z0-9+/]{22,256}")
_FINGERPRINT: Final = re.compile(r"(?:[0-9A-F]{2}:){31}[0-9A-F]{2}")
_MID: Final = re.compile(r"[A-Za-z0-9._+-]{1,32}")
# What H.264 decoders of browsers call themselves, the one they take first: constrained baseline, then baseline.
_PROFILES: Final = ("42e01f", "42001f")


class SdpError(ValueError):
    """The description cannot be used; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Call:
    """What one end says of itself.

    Attributes:
        fingerprint: SHA-256 of its certificate.
        direction: its own view: `recvonly` = it wants to see; `sendrecv` = it does not say which. We never write that.
        payload_type: what it calls H.264.
        ssrc: whom it sends as; 0 when it does not say.
        has_nack: whether it asks for, or repeats, lost packets (RFC 4585 §4.2: `nack`).
        has_remb: whether it tells, or wants to be told, what the way carries (`goog-remb`).
        rtx_payload_type: what it calls a retransmission of H.264 (RFC 4588 §8.6, `apt`); 0 = it has none.
        rtx_ssrc: whom it repeats as (RFC 5576 §4.2, `FID`); 0 when it does not say.
        candidates: where it may be reached, as written.
        declined: each section but the video's; written as declined where `sound` is not it.
        offered_sound: the first of them that could be taken, as read; never written.
        sound: ours, as written in its place; never read.
    """

    user_fragment: str
    password: str
    fingerprint: str
    setup: Setup
    direction: Direction
    payload_type: int
    profile: str
    mid: str = "0"
    ssrc: int = 0
    has_nack: bool = False
    has_remb: bool = False
    rtx_payload_type: int = 0
    rtx_ssrc: int = 0
    candidates: tuple[str, ...] = ()
    declined: tuple[Declined, ...] = ()
    offered_sound: Sound | None = None
    sound: Sound | None = None


def parse(text: str) -> Call:
    """Read an offer or answer.

    Raises:
        SdpError: too long, not one video stream, no H.264 in packetization-mode 1, or no usable ICE or DTLS lines.
    """
    if len(text.encode()) > SDP_BYTES:
        raise SdpError("the description is longer than 16 kB")
    session, *found = sections(text)
    if not 1 <= len(found) <= _MAX_SECTIONS:
        raise SdpError("one video section is wanted")
    videos = [section for section in found if section[0].startswith("m=video ")]
    if len(videos) != 1:
        raise SdpError("exactly one video section is wanted")
    lines = videos[0]
    declined = tuple(_declined(section, place) for place, section in enumerate(found) if section is not videos[0])
    payload_type, profile = _h264(lines)
    feedback = _feedback(lines, payload_type)
    has_nack = "nack" in feedback
    if "a=rtcp-mux" not in lines:
        raise SdpError("RTP and RTCP must share the port")
    return Call(
        user_fragment=_one(lines, session, "ice-ufrag", ICE_NAME),
        password=_one(lines, session, "ice-pwd", ICE_PASSWORD),
        fingerprint=_fingerprint(lines, session),
        setup=_setup(lines, session),
        direction=_direction(lines),
        payload_type=payload_type,
        profile=profile,
        mid=_mid(lines),
        ssrc=_ssrc(lines),
        has_nack=has_nack,
        has_remb="goog-remb" in feedback,
        rtx_payload_type=_rtx(lines, payload_type) if has_nack else 0,
        rtx_ssrc=_rtx_ssrc(lines),
        candidates=tuple(line[len("a=candidate:") :] for line in lines if line.startswith("a=candidate:")),
        declined=declined,
        offered_sound=_sound(session, found, _mid(lines)),
    )


def write(call: Call) -> str:
    """Our description: only SHA-256, only H.264; retransmission as far as `call` says."""
    host, port = "0.0.0.0", "9"  # noqa: S104 -- RFC 8839 §4.2.1.2: the default when candidates say it
    if call.candidates:
        fields = call.candidates[0].split()
        host, port = fields[4], fields[5]
    family = "IP6" if ":" in host else "IP4"
    address, transport = f"c=IN {family} {host}", _transport(call)
    video = [
        f"m=video {port} UDP/TLS/RTP/SAVPF {call.payload_type}"
        + (f" {call.rtx_payload_type}" * bool(call.rtx_payload_type)),
        address,
        f"a=mid:{call.mid}",
        f"a={call.direction}",
        "a=rtcp-mux",
        "a=rtcp-mux-only",
        f"a=rtpmap:{call.payload_type} H264/90000",
        f"a=fmtp:{call.payload_type} level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={call.profile}",
        *_repairs(call),
        *transport,
    ]
    if call.ssrc:
        video += ["a=msid:live video", f"a=ssrc:{call.ssrc} cname:{CNAME}"]
    if call.ssrc and call.rtx_ssrc:
        video += [f"a=ssrc-group:FID {call.ssrc} {call.rtx_ssrc}", f"a=ssrc:{call.rtx_ssrc} cname:{CNAME}"]
    placed = [
        (one.lines(), one.position)
        for one in call.declined
        if call.sound is None or one.position != call.sound.position
    ]
    if call.sound is not None:
        sound = sdp_sound.section(call.sound, port=port, address=address, transport=transport, cname=CNAME)
        placed.append((sound, call.sound.position))
    written = [video]
    for lines, position in sorted(placed, key=itemgetter(1)):
        written.insert(position, lines)
    bundled = [values_of(lines, "mid")[0] for lines in written if "a=inactive" not in lines]
    head = ["v=0", "o=- 0 1 IN IP4 127.0.0.1", "s=-", "t=0 0", f"a=group:BUNDLE {' '.join(bundled)}"]
    head += ["a=msid-semantic: WMS *", ICE_OPTIONS]
    return "\r\n".join([*head, *(line for lines in written for line in lines), ""])


def _transport(call: Call) -> list[str]:
    """ICE and DTLS, the same in each section of the bundle."""
    return [
        f"a=ice-ufrag:{call.user_fragment}",
        f"a=ice-pwd:{call.password}",
        f"a=fingerprint:sha-256 {call.fingerprint}",
        f"a=setup:{call.setup}",
        *(f"a=candidate:{candidate}" for candidate in call.candidates),
        "a=end-of-candidates",
    ]


def _declined(lines: list[str], position: int) -> Declined:
    found = Declined.read(lines[0], mid=_mid(lines), position=position)
    if found is None:
        raise SdpError("each section needs a protocol and a format")
    return found


def _sound(session: list[str], found: list[list[str]], video: str) -> Sound | None:
    """The first audio section that could be taken; `video` is the mid of the pictures."""
    bundles = [value.split()[1:] for value in values_of(session, "group") if value.startswith("BUNDLE ")]
    for position, lines in enumerate(found):
        if lines[0].startswith("m=audio "):
            mid = _mid(lines)
            is_bundled = any({mid, video} <= set(bundle) for bundle in bundles)
            sound = sdp_sound.read(lines, mid=mid, position=position, is_bundled=is_bundled)
            if sound is not None:
                return sound
    return None


def _repairs(call: Call) -> list[str]:
    """What may be asked of a sender, and how it repeats (RFC 4585 §4.2, RFC 4588 §8.6)."""
    number, again = call.payload_type, call.rtx_payload_type
    return [
        f"a=rtcp-fb:{number} nack pli",
        *([f"a=rtcp-fb:{number} nack"] if call.has_nack else []),
        *([f"a=rtcp-fb:{number} goog-remb"] if call.has_remb else []),
        *([f"a=rtpmap:{again} rtx/90000", f"a=fmtp:{again} apt={number}"] if again else []),
    ]


def _one(lines: list[str], session: list[str], name: str, form: re.Pattern[str]) -> str:
    values = values_of(lines, name) or values_of(session, name)
    if len(values) != 1 or not form.fullmatch(values[0]):
        raise SdpError(f"one usable {name} is wanted")
    return values[0]


def _fingerprint(lines: list[str], session: list[str]) -> str:
    values = values_of(lines, "fingerprint") or values_of(session, "fingerprint")
    found = {value.split(" ", 1)[1].strip().upper() for value in values if value.lower().startswith("sha-256 ")}
    if len(found) != 1 or not _FINGERPRINT.fullmatch(next(iter(found))):
        raise SdpError("one SHA-256 fingerprint is wanted")
    return found.pop()


def _setup(lines: list[str], session: list[str]) -> Setup:
    values = values_of(lines, "setup") or values_of(session, "setup")
    match values:
        case ["active"]:
            return "active"
        case ["passive"]:
            return "passive"
        case ["actpass"]:
            return "actpass"
        case _:
            raise SdpError("one DTLS setup attribute is wanted")


def _direction(lines: list[str]) -> Direction:
    """`sendrecv`, or nothing, stands for either: both a publisher and a viewer may say so (RFC 9725 §4.2, WHEP)."""
    if "a=inactive" in lines:
        raise SdpError("the video section is inactive")
    if "a=recvonly" in lines:
        return "recvonly"
    return "sendonly" if "a=sendonly" in lines else "sendrecv"


def _mid(lines: list[str]) -> str:
    values = values_of(lines, "mid")
    if len(values) != 1 or not _MID.fullmatch(values[0]):
        raise SdpError("each section needs a mid")
    return values[0]


def _ssrc(lines: list[str]) -> int:
    for value in values_of(lines, "ssrc"):
        number = value.split(" ", 1)[0]
        if 0 < number_of(number) < 1 << 32:
            return number_of(number)
    return 0


def _feedback(lines: list[str], payload_type: int) -> set[str]:
    """What feedback is spoken about a payload type (RFC 4585 §4.2)."""
    values = (value.partition(" ") for value in values_of(lines, "rtcp-fb"))
    return {kind.strip() for number, _, kind in values if number in ("*", str(payload_type))}


def _rtx(lines: list[str], payload_type: int) -> int:
    """The payload type of retransmissions of another; 0 if there is none."""
    names = {value.partition(" ")[0] for value in values_of(lines, "rtpmap") if value.lower().endswith(" rtx/90000")}
    for value in values_of(lines, "fmtp"):
        number, _, rest = value.partition(" ")
        parameters = [pair.strip() for pair in rest.split(";")]
        if number in names and f"apt={payload_type}" in parameters and 0 < number_of(number) < 128:
            return number_of(number)
    return 0


def _rtx_ssrc(lines: list[str]) -> int:
    ssrc = _ssrc(lines)
    for value in values_of(lines, "ssrc-group"):
        match value.split():
            case ["FID", first, second] if ssrc and first == str(ssrc) and 0 < number_of(second) < 1 << 32:
                return number_of(second)
            case _:
                continue
    return 0


def _h264(lines: list[str]) -> tuple[int, str]:
    names = {
        number_of(number)
        for number, _, name in (value.partition(" ") for value in values_of(lines, "rtpmap"))
        if name.upper() == "H264/90000"
    }
    best: tuple[int, int, str] | None = None
    for value in values_of(lines, "fmtp"):
        number, _, rest = value.partition(" ")
        if number_of(number) < 0 or number_of(number) not in names:
            continue
        parameters = dict(pair.strip().partition("=")[::2] for pair in rest.split(";"))
        profile = parameters.get("profile-level-id", "").lower()
        if parameters.get("packetization-mode") != "1" or not re.fullmatch(r"[0-9a-f]{6}", profile):
            continue
        rank = _PROFILES.index(profile) if profile in _PROFILES else len(_PROFILES)
        if best is None or rank < best[0]:
            best = (rank, number_of(number), profile)
    if best is None or not 0 <= best[1] < 128:
        raise SdpError("H.264 in packetization-mode 1 is wanted")
    return best[1], best[2]
