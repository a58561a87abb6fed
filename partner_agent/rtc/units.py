"""The unit in which video moves through the agent: one access unit, as the camera sent it.

`rtsp` makes them; the publisher, the recorder and the doctor take them. Nothing here decodes.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

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
