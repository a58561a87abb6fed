"""One simulated camera: its loops, its credentials, and the faults a test or a demo can give it while it runs."""

from dataclasses import dataclass, field
from typing import Final

import anyio

from partner_agent.rtc import nal
from partner_agent.simulator.footage import Picture

SENDER_REPORT_PERIOD_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Stream:
    """One encoding of a camera's picture, such as its main or sub stream."""

    pictures: tuple[Picture, ...]
    fps: int

    @property
    def duration_s(self) -> float:
        """How long one turn of the loop takes."""
        return len(self.pictures) / self.fps

    def key_at(self, loop_time_s: float) -> int:
        """The number of the last key picture at or before `loop_time_s`."""
        wanted = int(loop_time_s * self.fps) % len(self.pictures)
        return max(number for number in range(wanted + 1) if self.pictures[number].is_key)

    def parameter_sets(self) -> tuple[bytes, bytes]:
        """Its SPS and PPS."""
        nals = self.pictures[0].nals
        return next(n for n in nals if nal.nal_type(n) == nal.SPS), next(n for n in nals if nal.nal_type(n) == nal.PPS)


@dataclass(slots=True)
class Camera:
    """A camera and its faults. Change the fields while it runs; connections see it at their next picture.

    Attributes:
        name: the first part of its path.
        streams: by the second part of its path.
        start_offset_s: where in the loop it stands at time zero.
        algorithms: digest algorithms offered, in this order; empty = no authentication.
        is_frozen: connections stay open and nothing comes.
        is_down: connections are refused.
        sends_reports: whether RTCP sender reports are sent.
        clock_offset_s: how wrong its clock is.
        timestamp_base: where its RTP clock starts; None = anywhere (RFC 3550 §5.1).
        media_offset_s: how far its RTP clock was set ahead (or back) since it started.
        rtp_restarts: how often its RTP began anew while it runs: another source (SSRC), other numbers, another clock.
        has_parameter_sets_in_band: False = SPS and PPS stand in the session description only.
        sound: G.711 (mu-law, 8 kHz) in a loop of 20 ms packets of 160 bytes; empty = it has none.
        sounding: how many connections ask for it now.
    """

    name: str
    streams: dict[str, Stream]
    user: str = ""
    password: str = ""
    start_offset_s: float = 0.0
    algorithms: tuple[str, ...] = ("SHA-256", "MD5")
    is_frozen: bool = False
    is_down: bool = False
    sends_reports: bool = True
    clock_offset_s: float = 0.0
    timestamp_base: int | None = None
    media_offset_s: float = 0.0
    rtp_restarts: int = 0
    has_parameter_sets_in_band: bool = True
    sound: tuple[bytes, ...] = ()
    sounding: int = 0
    refused_passwords: int = 0
    plays: int = 0
    _hang_up: anyio.Event = field(default_factory=anyio.Event)

    def hang_up(self) -> None:
        """Close every connection now, with FIN."""
        self._hang_up.set()
        self._hang_up = anyio.Event()

    def rotate_password(self, password: str) -> None:
        """Change the password and close every connection, as cameras do."""
        self.password = password
        self.hang_up()

    @property
    def hung_up(self) -> anyio.Event:
        """Set when the connections of this moment are to be closed."""
        return self._hang_up
