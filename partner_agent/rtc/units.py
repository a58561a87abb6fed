"""The units in which media move through the agent: a picture as the camera sent it, or a piece of its sound.

`rtsp` makes pictures; the publisher, the recorder and the doctor take them. `sound_source` makes sound, and only the
publisher takes it. Nothing here decodes.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from partner_agent.rtc.sdp_sound import Codec

CLOCK_RATE_HZ: Final = 90_000  # RFC 6184 §8.1: the RTP clock of H.264


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One coded picture with its parameter sets.

    Attributes:
        data: H.264 byte stream (Annex B); a key picture starts with its SPS and PPS.
        pts_90k: presentation time in 1/90,000 s; strictly increases over the life of a source, reconnections included.
        is_key: whether decoding can start here (IDR).
        captured_at: when the camera took it, by the best clock known at the time; None if nothing is known.
    """

    data: bytes
    pts_90k: int
    is_key: bool
    captured_at: datetime | None


@dataclass(frozen=True, slots=True)
class SoundUnit:
    """One packet's worth of sound.

    Attributes:
        data: coded.
        ticks: of its first sample, on the RTP clock of `codec`; rises within one connection to the camera.
        is_first: whether a connection begins with it.
        captured_at: when its first sample was heard, by the best clock known at the time.
    """

    data: bytes
    codec: Codec
    ticks: int
    is_first: bool
    captured_at: datetime
