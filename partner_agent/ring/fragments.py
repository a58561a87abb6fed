"""Fragmented MP4 (ISO/IEC 14496-12): writing one segment, and finding what of a torn one is whole.

A segment is `ftyp moov (moof mdat)*`, a fragment at each key picture and at least each second, so that a crash costs at
most the fragment that was being written. Pictures go in as they came; nothing is decoded.
"""

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, Final

import av
from av.packet import Packet

from partner_agent.rtc import nal
from partner_agent.rtc.units import CLOCK_RATE_HZ, AccessUnit

TIME_BASE: Final = Fraction(1, CLOCK_RATE_HZ)
FRAGMENT_US: Final = 1_000_000
_MUXER: Final = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": str(FRAGMENT_US)}
_BOX_HEADER_BYTES: Final = 8


class FragmentWriter:
    """One MP4 file being written, from a key picture on. Blocking.

    Attributes:
        frames: pictures written.
        keys: key pictures among them.
        duration_90k: from the first picture to the end of the last.
    """

    def __init__(self, path: Path, first: AccessUnit) -> None:
        """Create `path` and write its head; `first` itself is not written yet.

        Raises:
            OSError: the disk refused.
        """
        self._file = path.open("xb", buffering=0)
        self._container = av.open(self._file, "w", format="mp4", options=dict(_MUXER))
        with av.open(io.BytesIO(first.data), format="h264") as template:
            self._stream = self._container.add_stream_from_template(template.streams.video[0])
        self._stream.time_base = TIME_BASE
        self._base_90k = first.pts_90k
        self._last_90k = first.pts_90k
        self._step_90k = CLOCK_RATE_HZ // 25
        self.parameter_sets = nal.parameter_sets(first.data)
        self.frames = 0
        self.keys = 0

    @property
    def duration_90k(self) -> int:
        """From the first picture to the end of the last."""
        return self._last_90k - self._base_90k + self._step_90k

    def write(self, unit: AccessUnit) -> None:
        """Add one picture.

        Raises:
            OSError: the disk refused.
        """
        if self.frames:
            self._step_90k = unit.pts_90k - self._last_90k
        self._last_90k = unit.pts_90k
        packet = Packet(unit.data)
        packet.pts = packet.dts = unit.pts_90k - self._base_90k
        packet.duration = self._step_90k
        packet.time_base = TIME_BASE
        packet.is_keyframe = unit.is_key
        packet.stream = self._stream
        self._container.mux(packet)
        self.frames += 1
        self.keys += unit.is_key

    def close(self) -> None:
        """Finish the file and make it durable.

        Raises:
            OSError: the disk refused; what is whole can be recovered.
        """
        try:
            self._container.close()
            os.fsync(self._file.fileno())
        finally:
            self._file.close()

    def abort(self) -> None:
        """Leave the file as it is; what is whole of it can be recovered."""
        self._file.close()


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture out of a segment.

    Attributes:
        packet: the sample as stored, NAL units with length prefixes, with the stream it belongs to.
        pts_90k: from the segment's first picture.
    """

    packet: "Packet[av.VideoStream]"
    pts_90k: int
    is_key: bool


def whole_length(file: BinaryIO) -> int:
    """How many bytes from the start hold only whole boxes and whole fragments; 0 if not even the head is whole."""
    size = file.seek(0, os.SEEK_END)
    good = position = 0
    has_head = False
    while position + _BOX_HEADER_BYTES <= size:
        file.seek(position)
        header = file.read(_BOX_HEADER_BYTES)
        length, kind = int.from_bytes(header[:4], "big"), header[4:]
        if length < _BOX_HEADER_BYTES or position + length > size:
            break
        position += length
        has_head = has_head or kind == b"moov"
        if has_head and kind in {b"moov", b"mdat", b"mfra"}:
            good = position
    return good


def pictures(data: bytes) -> Iterator[Picture]:
    """The pictures of a whole segment.

    Raises:
        ValueError: these are not the bytes of a segment.
    """
    try:
        with av.open(io.BytesIO(data), "r", format="mp4") as container:
            stream = container.streams.video[0]
            for packet in container.demux(stream):
                if packet.size and packet.pts is not None and packet.time_base is not None:
                    pts_90k = round(packet.pts * packet.time_base * CLOCK_RATE_HZ)
                    yield Picture(packet, pts_90k, packet.is_keyframe)
    except (av.error.FFmpegError, IndexError) as error:
        raise ValueError("not a segment") from error
