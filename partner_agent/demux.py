"""Opens one RTSP stream with FFmpeg (PyAV) and yields its access units; blocking, for a thread of its own.

The only place that holds a camera's password in a URL. FFmpeg's errors print that URL, so they end here: what leaves is
a `CameraError` with one of our codes and a sentence for the owner, raised without its cause.
"""

import errno
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal
from urllib.parse import quote, urlsplit

import av
import av.error
from av.container import InputContainer
from av.packet import Packet

from partner_agent import anew, challenge
from partner_agent.areas import NoPlaceError
from partner_agent.converting import Converter
from partner_agent.parameters import ParameterSets
from partner_agent.reordering import Reordering
from partner_agent.rtc import nal, sps
from partner_agent.rtc.units import AccessUnit
from partner_agent.slices import Joiner, Piece
from partner_agent.timing import BFramesError, Capture, CaptureClock, Timeline
from partner_agent.wire.clock import Clock

Transport = Literal["auto", "tcp", "udp"]
SENT_CODEC: Final = "h264"  # the only one that every browser shows
OPEN_TIMEOUT_S: Final = 5.0
# FFmpeg hands out the last picture at the first timeout and fails at the second: silence is noticed within 4 s.
READ_TIMEOUT_S: Final = 2.0
SILENT: Final = (
    "The camera is connected and sends no pictures. It is tried again by itself; if that does not help, restart it."
)
_PROTOCOLS: Final = "rtsp,rtp,tcp,tls,crypto"
# A small probe opens in 0.1 s instead of 1 s; `fflags=nobuffer` would throw the probed key picture away.
_OPTIONS: Final = {
    "probesize": "32",
    "analyzeduration": "0",
}
# TCP loses nothing and passes every firewall; with `auto`, UDP is asked for if the camera answers 461 to TCP
# (RFC 2326 §11.3.11), and only then.
_TRANSPORTS: Final[dict[Transport, dict[str, str]]] = {
    "auto": {"rtsp_transport": "tcp+udp", "rtsp_flags": "prefer_tcp", "protocol_whitelist": _PROTOCOLS + ",udp"},
    "tcp": {"rtsp_transport": "tcp", "protocol_whitelist": _PROTOCOLS},
    "udp": {"rtsp_transport": "udp", "protocol_whitelist": _PROTOCOLS + ",udp"},
}


class CameraError(Exception):
    """A camera gives no usable video.

    Attributes:
        code: camera_auth, camera_unreachable, codec_unsupported or obligation_unknown.
        sentence: what is wrong and what the owner can do.
        is_final: trying again without the owner's help is useless, or harmful (a wrong password locks cameras).
        is_silent: it was opened, and sends no pictures.
    """

    def __init__(self, code: str, sentence: str, *, is_final: bool = False, is_silent: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.sentence = sentence
        self.is_final = is_final
        self.is_silent = is_silent


@dataclass(frozen=True, slots=True)
class CameraAddress:
    """Where a camera is and how to sign in. The password never shows in a repr, an error or a log.

    Attributes:
        url: `rtsp://host:port/path`, without user and password.
        transport: how its pictures come: `tcp`, `udp`, or `auto`, TCP first.
    """

    url: str = field(repr=False)
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    transport: Transport = "auto"

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in {"rtsp", "rtsps"} or not parts.hostname:
            raise ValueError("a camera address begins with rtsp:// or rtsps:// and names a host")
        if parts.username or parts.password:
            raise ValueError("user and password stand beside the address, not in it")


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What the camera sends, as far as the stream says."""

    codec: str
    width: int
    height: int
    frame_rate: float


@dataclass(frozen=True, slots=True)
class Demuxed:
    """One unit and what is known about its time.

    Attributes:
        size: width and height from here on, where a key picture tells them.
    """

    unit: AccessUnit
    capture: Capture
    size: tuple[int, int] | None = None


def read(
    address: CameraAddress,
    *,
    clock: Clock,
    starts_at_90k: int,
    joiner: Joiner,
    stop: threading.Event,
    on_open: Callable[[StreamFacts], None],
    converter: Converter | None = None,
) -> Iterator[Demuxed]:
    """Open the stream and yield units from its first key picture on, until `stop` is set.

    Args:
        address: whom to ask, and how to sign in.
        clock: tells when each unit arrived.
        starts_at_90k: where its first unit stands on the source's time line.
        joiner: knows from earlier connections to this stream whether its pictures come in pieces.
        stop: set by the caller, from any thread, to end.
        on_open: told once what the camera sends, in this thread.
        converter: makes every picture anew as H.264, whatever comes, with its areas black.

    Raises:
        CameraError: it cannot be opened, it ended, it fell silent, or its codec cannot be relayed.
    """
    try:
        container = opened(address, media="video")
    except (av.error.FFmpegError, OSError) as error:
        raise _explained(error, address) from None
    try:
        facts = _facts(container)
        on_open(facts)
        timeline = Timeline(starts_at_90k=starts_at_90k)
        if converter is not None:
            step_90k = _step_90k(facts)
            made = anew.read(container, converter, clock=clock, timeline=timeline, step_90k=step_90k, stop=stop)
            yield from (Demuxed(unit, capture, size if unit.is_key else None) for unit, capture, size in made)
        else:
            _check_codec(facts)
            yield from _units(container, facts, clock=clock, timeline=timeline, joiner=joiner, stop=stop)
    except (av.error.ExitError, TimeoutError):
        raise CameraError("camera_unreachable", SILENT, is_silent=True) from None
    except (av.error.FFmpegError, OSError) as error:
        raise _explained(error, address) from None
    except NoPlaceError:
        sentence = "Its black areas were drawn on a picture of another shape. Draw them anew."
        raise CameraError("obligation_unknown", sentence, is_final=True) from None
    except anew.UnpaintedError:
        sentence = (
            "When it was last shown its black areas could not be painted: that view ended. The agent's log says why."
        )
        raise CameraError("codec_unsupported", sentence, is_final=True) from None
    except BFramesError:
        sentence = "This camera sends B-frames, which cannot be shown live. Turn them off, or share its other stream."
        raise CameraError("codec_unsupported", sentence, is_final=True) from None
    finally:
        container.close()
    if not stop.is_set():
        raise CameraError("camera_unreachable", "The camera ended the stream. It is tried again by itself.")


def opened(address: CameraAddress, *, media: Literal["video", "audio"]) -> InputContainer:
    """The stream's pictures or its sound, and never both: sound is not even asked for before somebody may hear it.

    Raises:
        FFmpegError, OSError: it cannot be opened; their text may hold the password.
    """
    options = _OPTIONS | _TRANSPORTS[address.transport] | {"allowed_media_types": media}
    return av.open(_dialled(address), options=options, timeout=(OPEN_TIMEOUT_S, READ_TIMEOUT_S))


def _units(
    container: InputContainer,
    facts: StreamFacts,
    *,
    clock: Clock,
    timeline: Timeline,
    joiner: Joiner,
    stop: threading.Event,
) -> Iterator[Demuxed]:
    capture_clock, reordering = CaptureClock(), Reordering()
    sets = ParameterSets(container.streams.video[0].codec_context.extradata or b"")
    step_90k = _step_90k(facts)

    def unit(picture: Piece) -> Demuxed:
        pts_90k = timeline.place(picture.pts, step_90k, arrived_s=picture.arrived_s)
        capture = capture_clock.capture(
            pts_90k=pts_90k,
            arrived_at=picture.arrived_at,
            arrived_s=picture.arrived_s,
            camera_time=picture.camera_time,
        )
        size = _size(picture.data) if picture.is_key else None
        return Demuxed(AccessUnit(picture.data, pts_90k, picture.is_key, capture.at), capture, size)

    for picture in _pictures(container, clock=clock, joiner=joiner, stop=stop):
        whole = replace(picture, data=sets.complete(picture.data, is_key=picture.is_key))
        yield from map(unit, reordering.look(whole))
    if not stop.is_set():
        yield from map(unit, reordering.rest())


def _pictures(container: InputContainer, *, clock: Clock, joiner: Joiner, stop: threading.Event) -> Iterator[Piece]:
    """Whole pictures, from the first key picture on."""
    joiner.begin()
    for piece in _pieces(container, clock, stop):
        yield from joiner.add(piece)
    if not stop.is_set():
        yield from joiner.rest()


def _pieces(container: InputContainer, clock: Clock, stop: threading.Event) -> Iterator[Piece]:
    """What the parser hands out, from the beginning of the first key picture on."""
    has_begun = False
    for packet in container.demux(container.streams.video[0]):
        if stop.is_set():
            return
        if not packet.size:
            continue
        data = bytes(packet)
        is_key = packet.is_keyframe and any(nal.nal_type(unit) == nal.IDR for unit in nal.split(data))
        has_begun = has_begun or (is_key and nal.begins_picture(data))
        if has_begun:
            yield Piece(data, packet.pts, is_key, clock.now(), clock.monotonic(), camera_time(packet))


def _step_90k(facts: StreamFacts) -> int:
    """The distance of two pictures; 0 if the stream does not say."""
    return round(90_000 / facts.frame_rate) if facts.frame_rate else 0


def _size(key_picture: bytes) -> tuple[int, int] | None:
    """Width and height by its own parameters; None if they cannot be read."""
    try:
        said = sps.of(key_picture)
    except sps.BadParametersError:
        return None
    return (said.width, said.height) if said else None


def _facts(container: InputContainer) -> StreamFacts:
    """What the stream says of itself.

    Raises:
        CameraError: there is no video.
    """
    if not container.streams.video:
        raise CameraError("codec_unsupported", "This address gives no video. Check the path.", is_final=True)
    stream = container.streams.video[0]
    rate = stream.average_rate or stream.guessed_rate
    return StreamFacts(
        stream.codec_context.name, stream.codec_context.width, stream.codec_context.height, float(rate or 0)
    )


def _check_codec(facts: StreamFacts) -> None:
    """Raises CameraError: not H.264."""
    if facts.codec != SENT_CODEC:
        sentence = f"This camera sends {facts.codec.upper()}. Set this stream to H.264, or share a stream that is."
        raise CameraError("codec_unsupported", sentence, is_final=True)


def camera_time(packet: "Packet[Any]") -> datetime | None:
    """The camera's wall clock for this packet, from the last RTCP sender report (FFmpeg: `prft`, microseconds)."""
    for side in packet.iter_sidedata():
        if str(side.data_type) == "prft":
            microseconds = struct.unpack_from("<q", bytes(side))[0]
            try:
                return datetime.fromtimestamp(microseconds / 1e6, UTC)
            except (ValueError, OverflowError, OSError):
                return None
    return None


def _dialled(address: CameraAddress) -> str:
    """The URL with user and password in it, for FFmpeg alone."""
    if not address.user:
        return address.url
    scheme, _, rest = address.url.partition("://")
    return f"{scheme}://{quote(address.user, safe='')}:{quote(address.password, safe='')}@{rest}"


def _explained(error: Exception, address: CameraAddress) -> CameraError:
    """FFmpeg's error in our words, with nothing of its text."""
    if isinstance(error, av.error.HTTPUnauthorizedError | av.error.HTTPForbiddenError):
        if not challenge.is_answerable(challenge.offered(address.url)):
            sentence = "The camera signs in by SHA-256 only. Turn on digest sign-in by MD5 in its settings as well."
            return CameraError("camera_auth", sentence, is_final=True)
        sentence = "The camera refused the user name or password. Nothing is tried again until you change them."
        return CameraError("camera_auth", sentence, is_final=True)
    if isinstance(error, av.error.HTTPNotFoundError):
        return CameraError("camera_unreachable", "The camera answers, but has no stream at this path.")
    if getattr(error, "errno", None) == errno.EPROTONOSUPPORT:
        sentence = "The camera refuses to send this way. Leave its transport at auto in the agent's settings."
        return CameraError("camera_unreachable", sentence)
    if isinstance(error, av.error.ExitError | TimeoutError):
        return CameraError("camera_unreachable", "The camera stopped answering. It is tried again by itself.")
    return CameraError("camera_unreachable", "The camera cannot be reached. It is tried again by itself.")
