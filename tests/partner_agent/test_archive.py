"""What a site signs of a cut: the true range and each hole in it, to the moment."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from partner_agent.archive import Archive
from partner_agent.ports import MediaError
from partner_agent.ring.model import GapReason
from partner_agent.simulator.camera import Stream
from partner_agent.wire.clock import to_rfc3339
from partner_agent.wire.problems import Code
from tests.fakes.clock import START
from tests.support.recordings import Ring, units_of

pytestmark = pytest.mark.anyio
BEGIN = START - timedelta(hours=1)


def at(seconds: float) -> datetime:
    """A moment of the recording."""
    return BEGIN + timedelta(seconds=seconds)


def archive(ring: Ring, folder: Path) -> Archive:
    """The recordings of a site, with a spool of their own."""
    return Archive(ring.store, folder / "spool", ids=ring.ids, software="test")


async def test_a_range_that_reaches_outside_the_recording_is_signed_with_its_holes(
    ring: Ring, small_stream: Stream, tmp_path: Path
):
    """Before the first picture, while the camera was down, after the last one: each with its times and its reason."""
    ring.record(units_of(small_stream, at(0), 4))
    ring.store.stopped("cam1", at(4), GapReason.CAMERA_DOWN)
    ring.record(units_of(small_stream, at(10), 4))
    cut = await archive(ring, tmp_path).cut("cam1", at(-5), at(14))
    said = cut.capture["predicate"]

    assert [(gap["t0"], gap["t1"], gap["reason"]) for gap in said["gaps"]] == [
        (to_rfc3339(at(-5)), to_rfc3339(at(0)), "not_recorded"),
        (to_rfc3339(at(4)), to_rfc3339(at(10)), "camera_down"),
    ]
    assert said["first_at"] == to_rfc3339(at(0))
    assert cut.size_bytes == (tmp_path / "spool" / f"{cut.id}.mp4").stat().st_size


async def test_a_range_wholly_outside_is_no_clip_and_leaves_no_file(ring: Ring, small_stream: Stream, tmp_path: Path):
    """Nothing recorded is a technical cause the operator may read, and nothing is left in the spool."""
    ring.record(units_of(small_stream, at(0), 4))
    with pytest.raises(MediaError) as refused:
        await archive(ring, tmp_path).cut("cam1", at(-60), at(-30))

    assert refused.value.code is Code.CAMERA_UNREACHABLE
    assert list((tmp_path / "spool").glob("*")) == []
