"""RTP packets of H.264, or of sound, and RTCP sender reports, as a camera writes them (RFC 6184, RFC 3550). Pure."""

import struct
from collections.abc import Iterator, Sequence
from typing import Final

CLOCK_RATE_HZ: Final = 90_000
PAYLOAD_TYPE: Final = 96
MTU_BYTES: Final = 1400
_NTP_EPOCH_OFFSET_S: Final = 2_208_988_800  # 1900 to 1970, RFC 5905
_FU_A: Final = 28
_SENDER_REPORT: Final = 200
_GOODBYE: Final = 203


class Packetizer:
    """The RTP state of one stream: sequence number, source, and counts for its sender reports."""

    def __init__(
        self,
        *,
        ssrc: int,
        first_sequence: int,
        timestamp_base: int,
        payload_type: int = PAYLOAD_TYPE,
        clock_hz: int = CLOCK_RATE_HZ,
    ) -> None:
        self._payload_type, self._clock_hz = payload_type, clock_hz
        self._ssrc = ssrc
        self._sequence = first_sequence
        self._base = timestamp_base
        self._packets = 0
        self._octets = 0

    def packets(self, nals: Sequence[bytes], media_time_s: float) -> Iterator[bytes]:
        """One access unit as RTP packets; the last carries the marker bit (RFC 6184 §5.1)."""
        payloads = [payload for nal in nals for payload in _payloads(nal)]
        timestamp = self._timestamp(media_time_s)
        for position, payload in enumerate(payloads):
            marker = 0x80 if position == len(payloads) - 1 else 0
            yield self._packet(payload, timestamp, marker)

    def packet(self, payload: bytes, media_time_s: float) -> bytes:
        """One packet that is whole by itself, such as sound."""
        return self._packet(payload, self._timestamp(media_time_s), 0)

    def sender_report(self, wall_s: float, media_time_s: float) -> bytes:
        """An RTCP sender report that binds `media_time_s` to the camera's wall clock (RFC 3550 §6.4.1)."""
        whole = int(wall_s)
        return struct.pack(
            ">BBHIIIIII",
            0x80,
            _SENDER_REPORT,
            6,
            self._ssrc,
            (whole + _NTP_EPOCH_OFFSET_S) & 0xFFFFFFFF,
            int((wall_s - whole) * 2**32) & 0xFFFFFFFF,
            self._timestamp(media_time_s),
            self._packets & 0xFFFFFFFF,
            self._octets & 0xFFFFFFFF,
        )

    def goodbye(self) -> bytes:
        """An RTCP BYE (RFC 3550 §6.6)."""
        return struct.pack(">BBHI", 0x81, _GOODBYE, 1, self._ssrc)

    def _packet(self, payload: bytes, timestamp: int, marker: int) -> bytes:
        head = struct.pack(">BBHII", 0x80, self._payload_type | marker, self._sequence, timestamp, self._ssrc)
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._packets += 1
        self._octets += len(payload)
        return head + payload

    def _timestamp(self, media_time_s: float) -> int:
        return (self._base + round(media_time_s * self._clock_hz)) & 0xFFFFFFFF


def _payloads(nal: bytes) -> Iterator[bytes]:
    """A NAL unit as one packet, or as FU-A fragments (RFC 6184 §5.6, §5.8)."""
    if len(nal) <= MTU_BYTES:
        yield nal
        return
    indicator, kind = nal[0] & 0xE0 | _FU_A, nal[0] & 0x1F
    body = nal[1:]
    step = MTU_BYTES - 2
    for begin in range(0, len(body), step):
        flags = (0x80 if begin == 0 else 0) | (0x40 if begin + step >= len(body) else 0)
        yield bytes([indicator, flags | kind]) + body[begin : begin + step]
