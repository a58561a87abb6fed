"""A clip is what was recorded, from the key picture before its start, with every hole told."""

import hashlib
import io
import itertools
from datetime import timedelta
from pathlib import Path

import av
import pytest

from partner_agent.export import NothingRecordedError, cut
from partner_agent.ring.model import GapReason, Span
from partner_agent.rtc import nal
from partner_agent.simulator.camera import Stream
from tests.fakes.clock import START
from tests.support.recordings import Ring, units_of

BEGIN = START - timedelta(hours=1)


def at(seconds: float):
    """A moment of the recording."""
    return BEGIN + timedelta(seconds=seconds)


def samples(path: Path) -> list[tuple[float, bytes]]:
    """Times and stored bytes of a clip's pictures, read by FFmpeg."""
    with av.open(io.BytesIO(path.read_bytes())) as container:
        stream = container.streams.video[0]
        return [
            (float(packet.pts * packet.time_base), bytes(packet)) for packet in container.demux(stream) if packet.size
        ]


def nals_of(sample: bytes) -> list[bytes]:
    """The NAL units of a length-prefixed sample."""
    units, position = [], 0
    while position < len(sample):
        length = int.from_bytes(sample[position : position + 4], "big")
        units.append(sample[position + 4 : position + 4 + length])
        position += 4 + length
    return units


def test_a_clip_starts_at_the_key_picture_before_and_ends_within_a_frame(
    ring: Ring, small_stream: Stream, tmp_path: Path
):
    """[3.3, 17.5] of 25 s: every picture of the range, the lead to decode it, and the true times."""
    ring.record(units_of(small_stream, BEGIN, 25))
    clip = cut(ring.store, "cam1", Span(at(3.3), at(17.5)), tmp_path / "clip.mp4")

    assert abs((clip.first_at - at(48 / 15)).total_seconds()) < 0.002
    assert abs((clip.last_at - at(262 / 15)).total_seconds()) < 0.002
    assert clip.frames == 262 - 48 + 1
    assert clip.gaps == ()
    assert (clip.width, clip.height, clip.clock_sources, clip.clock_offsets_ms) == (160, 96, ("camera",), (40, 40))
    assert len(clip.parts) == 2
    assert clip.sha256 == hashlib.sha256(clip.path.read_bytes()).hexdigest()
    assert clip.size_bytes == clip.path.stat().st_size
    assert clip.path.stat().st_mode & 0o777 == 0o400
    assert [path.name for path in tmp_path.glob("*.part")] == []


def test_the_pictures_are_the_cameras_own_bytes(ring: Ring, small_stream: Stream, tmp_path: Path):
    """No unit is added, dropped or changed between camera and clip, and FFmpeg decodes all of it."""
    units = units_of(small_stream, BEGIN, 12)
    ring.record(units)
    clip = cut(ring.store, "cam1", Span(at(0), at(12)), tmp_path / "clip.mp4")
    stored = samples(clip.path)

    assert [nals_of(data) for _, data in stored] == [list(nal.split(unit.data)) for unit in units]
    assert [round(time * 15) for time, _ in stored] == list(range(180))
    with av.open(str(clip.path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 180


def test_a_hole_stays_a_hole_in_time(ring: Ring, small_stream: Stream, tmp_path: Path):
    """A clip across a gap tells it, and what follows keeps its own time."""
    ring.record(units_of(small_stream, at(0), 4))
    ring.store.stopped("cam1", at(4), GapReason.CAMERA_DOWN)
    ring.record(units_of(small_stream, at(10), 4))
    clip = cut(ring.store, "cam1", Span(at(2), at(13)), tmp_path / "clip.mp4")

    assert [(gap.t0, gap.t1, gap.reason) for gap in clip.gaps] == [(at(4), at(10), GapReason.CAMERA_DOWN)]
    times = [time for time, _ in samples(clip.path)]
    assert max(after - before for before, after in itertools.pairwise(times)) == pytest.approx(6.07, abs=0.02)


def test_nothing_recorded_tells_why(ring: Ring, small_stream: Stream, tmp_path: Path):
    """A range outside the recording gives no file and the exact holes."""
    ring.record(units_of(small_stream, BEGIN, 4))
    with pytest.raises(NothingRecordedError) as refused:
        cut(ring.store, "cam1", Span(at(-60), at(-30)), tmp_path / "clip.mp4")

    assert [(gap.t0, gap.t1, gap.reason) for gap in refused.value.gaps] == [(at(-60), at(-30), GapReason.NOT_RECORDED)]
    assert list(tmp_path.glob("clip*")) == []


def test_a_damaged_segment_is_left_out_and_told(ring: Ring, small_stream: Stream, tmp_path: Path):
    """A segment whose digest no longer fits is not passed off as evidence."""
    ring.record(units_of(small_stream, BEGIN, 25))
    first = ring.store.segments("cam1", Span(at(0), at(1)))[0]
    path = ring.folder / first.path
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    clip = cut(ring.store, "cam1", Span(at(0), at(15)), tmp_path / "clip.mp4")

    assert [gap.reason for gap in clip.gaps] == [GapReason.DAMAGED]
    assert clip.first_at == first.t1


def test_all_damaged_is_nothing(ring: Ring, small_stream: Stream, tmp_path: Path):
    """If no whole segment is left there is no clip."""
    ring.record(units_of(small_stream, BEGIN, 4))
    for path in ring.folder.glob("cam1/*.mp4"):
        path.write_bytes(b"x" * 100)
    with pytest.raises(NothingRecordedError) as refused:
        cut(ring.store, "cam1", Span(at(0), at(4)), tmp_path / "clip.mp4")

    assert [gap.reason for gap in refused.value.gaps] == [GapReason.DAMAGED]


def test_what_is_being_written_can_be_cut(ring: Ring, small_stream: Stream, tmp_path: Path):
    """The last seconds before a request are in its clip, up to the last whole fragment."""
    writer = ring.writer()
    writer.add(units_of(small_stream, BEGIN, 4), clock_source="agent", clock_offset_ms=None)
    clip = cut(ring.store, "cam1", Span(at(0), at(4)), tmp_path / "clip.mp4")
    writer.close()

    assert clip.frames >= 48
    assert clip.parts == ("",)


def test_a_clock_put_back_repeats_no_moment(ring: Ring, small_stream: Stream, tmp_path: Path):
    """Overlapping recordings give each moment once, in rising order."""
    ring.record(units_of(small_stream, at(0), 6))
    ring.record(units_of(small_stream, at(3), 6))
    clip = cut(ring.store, "cam1", Span(at(0), at(9)), tmp_path / "clip.mp4")
    times = [time for time, _ in samples(clip.path)]

    assert times == sorted(set(times))
    assert clip.last_at >= at(8.9)


@pytest.mark.parametrize(("begin", "end"), [(4, 4), (5, 4), (0, 5 * 3600)])
def test_impossible_ranges_are_refused(ring: Ring, tmp_path: Path, begin: float, end: float):
    """Empty and endless clips are not cut."""
    with pytest.raises(ValueError, match="four hours"):
        cut(ring.store, "cam1", Span(at(begin), at(end)), tmp_path / "clip.mp4")
