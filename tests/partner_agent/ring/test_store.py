"""The ring keeps what it says it keeps, says what it lost, and survives a crash at any moment."""

import hashlib
import sqlite3
from datetime import timedelta

import pytest

from partner_agent.ring.model import Gap, GapReason, Span
from partner_agent.ring.store import HoldRefusedError, RecordingStore
from partner_agent.simulator.camera import Stream
from tests.fakes.clock import START
from tests.support.recordings import Ring, batches, units_of

HOUR_AGO = START - timedelta(hours=1)


def at(seconds: float):
    """A moment of the recording."""
    return HOUR_AGO + timedelta(seconds=seconds)


def coverage(store: RecordingStore, begin: float, end: float):
    """Coverage of cam1 between two moments, as seconds."""
    found = store.coverage("cam1", Span(at(begin), at(end)))
    spans = [((span.t0 - HOUR_AGO).total_seconds(), (span.t1 - HOUR_AGO).total_seconds()) for span in found.spans]
    gaps = [
        ((gap.t0 - HOUR_AGO).total_seconds(), (gap.t1 - HOUR_AGO).total_seconds(), gap.reason.value)
        for gap in found.gaps
    ]
    return [tuple(round(value, 2) for value in span) for span in spans], [
        (round(a, 2), round(b, 2), c) for a, b, c in gaps
    ]


def test_segments_begin_with_key_pictures_and_join_without_a_gap(ring: Ring, small_stream: Stream):
    """25 s become segments cut at the first key picture after ten seconds, which together cover all of it."""
    ring.record(units_of(small_stream, HOUR_AGO, 25))
    segments = ring.store.segments("cam1", Span(at(0), at(25)))

    assert len(segments) == 3
    assert sum(segment.frames for segment in segments) == 375
    assert coverage(ring.store, 0, 25) == ([(0, 25)], [])
    for segment in segments:
        assert hashlib.sha256((ring.folder / segment.path).read_bytes()).hexdigest() == segment.sha256
        assert (segment.clock_source, segment.clock_offset_ms) == ("camera", 40)


def test_pictures_before_the_first_key_are_passed_over(ring: Ring, small_stream: Stream):
    """A recording begins where it can be decoded."""
    ring.record(units_of(small_stream, HOUR_AGO, 3)[3:])

    assert coverage(ring.store, 0, 3)[0] == [(round(8 / 15, 2), 3)]


def test_the_segment_being_written_counts(ring: Ring, small_stream: Stream):
    """What was recorded a moment ago is already covered and can be read."""
    writer = ring.writer()
    for batch in batches(units_of(small_stream, HOUR_AGO, 4)):
        writer.add(batch, clock_source="camera", clock_offset_ms=None)
    (segment,) = ring.store.segments("cam1", Span(at(0), at(4)))

    assert coverage(ring.store, 0, 4) == ([(0, 4)], [])
    assert segment.sha256 == ""
    assert len(ring.store.read(segment)) > 1000
    writer.close()


def test_a_clock_step_opens_a_new_segment(ring: Ring, small_stream: Stream):
    """History is not rewritten: what follows a step is a new segment, and the hole is called a step."""
    before = units_of(small_stream, HOUR_AGO, 4)
    after = units_of(small_stream, at(64), 4, first_90k=before[-1].pts_90k + 6000)
    ring.record(before + after)

    assert len(ring.store.segments("cam1", Span(at(0), at(70)))) == 2
    assert coverage(ring.store, 0, 68) == ([(0, 4), (64, 68)], [(4, 64, "clock_step")])


def test_gaps_carry_the_reason_that_was_true_then(ring: Ring, small_stream: Stream):
    """A camera that was down, an agent that was off and times never recorded are told apart."""
    ring.record(units_of(small_stream, at(0), 4))
    ring.store.stopped("cam1", at(4), GapReason.CAMERA_DOWN)
    ring.record(units_of(small_stream, at(20), 4))
    ring.record(units_of(small_stream, at(40), 4))
    spans, gaps = coverage(ring.store, -10, 50)

    assert spans == [(0, 4), (20, 24), (40, 44)]
    assert gaps == [
        (-10, 0, "not_recorded"),
        (4, 20, "camera_down"),
        (24, 40, "agent_down"),
        (44, 50, "not_recorded"),
    ]


def test_the_future_is_not_recorded_yet(ring: Ring, small_stream: Stream):
    """A range that reaches into the future says from where on."""
    ring.record(units_of(small_stream, START - timedelta(seconds=4), 4))
    found = ring.store.coverage("cam1", Span(START - timedelta(seconds=4), START + timedelta(seconds=60)))

    assert found.gaps == (Gap(START, START + timedelta(seconds=60), GapReason.FUTURE),)


def test_a_gap_that_goes_on_is_told_until_now(ring: Ring, small_stream: Stream):
    """A camera that is still down has a gap up to this moment."""
    ring.record(units_of(small_stream, at(0), 4))
    ring.store.stopped("cam1", at(4), GapReason.PAUSED)

    assert coverage(ring.store, 0, 3600)[1] == [(4, 3600, "paused")]


@pytest.mark.parametrize("kept", [0, 40, 6000, -1])
def test_a_torn_segment_is_closed_at_its_last_whole_fragment(ring: Ring, small_stream: Stream, kept: int):
    """After kill -9 the next start keeps every whole fragment and nothing of a torn one."""
    writer = ring.writer()
    writer.add(units_of(small_stream, HOUR_AGO, 4), clock_source="camera", clock_offset_ms=None)
    (part,) = ring.folder.glob("cam1/*.part")
    data = part.read_bytes()
    part.write_bytes(data[: kept if kept >= 0 else len(data) - 1])
    ring.store.close()
    store = ring.open()
    segments = store.segments("cam1", Span(at(0), at(4)))

    assert not list(ring.folder.glob("cam1/*.part"))
    if 0 <= kept < 1000:
        assert segments == []
        assert store.recovery.lost == 1
    else:
        assert store.recovery.torn == 1
        assert segments[0].is_recovered
        assert segments[0].frames % 8 == 0
        assert segments[0].frames >= (8 if kept == 6000 else 40)
        assert store.read(segments[0])


def test_a_file_renamed_before_it_was_indexed_is_found(ring: Ring, small_stream: Stream):
    """A crash between rename and index loses nothing."""
    ring.record(units_of(small_stream, HOUR_AGO, 4))
    ring.store.close()
    for name in ("index.db", "index.db-wal", "index.db-shm"):
        (ring.folder / name).unlink(missing_ok=True)
    store = ring.open()

    assert store.recovery.found == 1
    assert coverage(store, 0, 4) == ([(0, 4)], [])


def test_a_damaged_index_is_rebuilt_from_the_files(ring: Ring, small_stream: Stream):
    """The recordings outlive their index; what was only in the index is reported as lost."""
    ring.record(units_of(small_stream, HOUR_AGO, 14))
    ring.store.close()
    (ring.folder / "index.db").write_bytes(b"not a database" * 100)
    store = ring.open()

    assert store.recovery.is_index_new
    assert store.recovery.found == 2
    assert coverage(store, 0, 14) == ([(0, 14)], [])


def test_a_missing_file_is_no_longer_covered(ring: Ring, small_stream: Stream):
    """The index does not claim what is not there."""
    ring.record(units_of(small_stream, HOUR_AGO, 4))
    ring.store.close()
    for path in ring.folder.glob("cam1/*.mp4"):
        path.unlink()
    store = ring.open()

    assert store.recovery.missing == 1
    assert coverage(store, 0, 4) == ([], [(0, 4, "not_recorded")])


def test_the_oldest_is_overwritten_first_and_said_to_be(ring: Ring, small_stream: Stream):
    """Over the cap the oldest files go, and a request for them hears that they were overwritten."""
    ring.record(units_of(small_stream, HOUR_AGO, 35))
    total, _ = ring.store.usage()
    ring.store.close()
    ring.cap_bytes = total - 1
    store = ring.open()

    assert store.sweep()
    assert coverage(store, 0, 35)[1] == [(0, 10.13, "expired")]
    assert store.oldest("cam1") is not None


def test_low_disk_space_overwrites_too(ring: Ring, small_stream: Stream):
    """What must stay free on the disk stays free."""
    ring.record(units_of(small_stream, HOUR_AGO, 25))
    ring.free[0] = 0

    assert not ring.store.sweep()
    assert ring.store.usage() == (0, 0)


def test_held_footage_is_not_overwritten(ring: Ring, small_stream: Stream):
    """A hold keeps exactly the segments it meets, until it expires."""
    ring.record(units_of(small_stream, HOUR_AGO, 35))
    ring.store.place_hold("clr_1", "cam1", Span(at(2), at(3)), expires_at=START + timedelta(hours=72))
    ring.free[0] = 0

    assert not ring.store.sweep()
    assert coverage(ring.store, 0, 35)[0] == [(0, 10.13)]
    ring.clock.advance(72 * 3600)
    assert not ring.store.sweep()
    assert ring.store.holds() == []
    assert coverage(ring.store, 0, 35)[0] == []


def test_a_released_hold_keeps_nothing(ring: Ring, small_stream: Stream):
    """The owner may release a hold at any time."""
    ring.record(units_of(small_stream, HOUR_AGO, 5))
    hold = ring.store.place_hold("clr_1", "cam1", Span(at(0), at(5)), expires_at=START + timedelta(hours=1))

    assert ring.store.release_hold(hold.id)
    assert not ring.store.release_hold(hold.id)
    assert ring.store.usage()[1] == 0


def test_placing_a_hold_twice_is_one_hold(ring: Ring, small_stream: Stream):
    """A repeated request after a lost answer changes nothing."""
    ring.record(units_of(small_stream, HOUR_AGO, 5))
    holds = {
        ring.store.place_hold("clr_1", "cam1", Span(at(0), at(5)), expires_at=START + timedelta(hours=1)).id
        for _ in range(2)
    }

    assert len(holds) == 1


def test_holds_take_a_tenth_of_the_disk_and_no_more(ring: Ring, small_stream: Stream):
    """A hold that does not fit is refused whole; the owner's recording is never pushed out."""
    ring.record(units_of(small_stream, HOUR_AGO, 35))
    total, _ = ring.store.usage()
    ring.store.close()
    ring.cap_bytes = total * 4
    store = ring.open()
    store.place_hold("clr_1", "cam1", Span(at(0), at(5)), expires_at=START + timedelta(hours=1))

    with pytest.raises(HoldRefusedError, match="tenth"):
        store.place_hold("clr_2", "cam1", Span(at(0), at(35)), expires_at=START + timedelta(hours=1))
    assert len(store.holds()) == 1


@pytest.mark.parametrize(
    ("begin", "end", "life_s", "word"),
    [
        (5, 5, 60, "24 hours"),
        (5, 4, 60, "24 hours"),
        (-90_000, 0, 60, "24 hours"),
        (3590, 3700, 60, "past"),
        (0, 5, 0, "seven days"),
        (0, 5, 8 * 86_400, "seven days"),
    ],
)
def test_impossible_holds_are_refused(ring: Ring, begin: float, end: float, life_s: float, word: str):
    """Empty, endless, future and everlasting holds are refused with the reason."""
    with pytest.raises(HoldRefusedError, match=word):
        ring.store.place_hold("clr_1", "cam1", Span(at(begin), at(end)), expires_at=START + timedelta(seconds=life_s))


def test_a_full_disk_keeps_what_is_whole(ring: Ring, small_stream: Stream, monkeypatch: pytest.MonkeyPatch):
    """A write that fails for want of space abandons the segment to its whole fragments."""
    writer = ring.writer()
    units = units_of(small_stream, HOUR_AGO, 8)
    writer.add(units[:60], clock_source="agent", clock_offset_ms=None)

    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            writer.close()

    assert not list(ring.folder.glob("cam1/*.part")) or ring.open().recovery.torn == 1


def test_the_index_survives_a_second_reader(ring: Ring, small_stream: Stream):
    """A look into the index from outside (a doctor, a backup) locks nobody out."""
    with sqlite3.connect(ring.folder / "index.db") as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT COUNT(*) FROM segment").fetchone()
        ring.record(units_of(small_stream, HOUR_AGO, 4))
    reader.close()

    assert coverage(ring.store, 0, 4) == ([(0, 4)], [])
