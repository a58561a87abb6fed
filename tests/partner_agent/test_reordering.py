"""B-frames are found before anybody is shown anything, and cameras without them wait for nothing."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from partner_agent.reordering import LOOK_PICTURES, Reordering
from partner_agent.rtc import nal
from partner_agent.simulator.camera import Stream
from partner_agent.slices import Piece
from partner_agent.timing import BFramesError
from tests.support import cameras

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def pieces(stream: Stream) -> list[Piece]:
    """A stream's pictures in the order of decoding."""
    return [Piece(nal.join(one.nals), at, one.is_key, NOON, 0.0) for at, one in enumerate(stream.pictures)]


def look_at(look: Reordering, pictures: list[Piece], handed_on: list[Piece]) -> None:
    """Look at each of them."""
    for piece in pictures:
        handed_on += look.look(piece)


def test_a_camera_that_says_it_has_none_waits_for_nothing(small_stream: Stream):
    """Each picture is handed on as it comes."""
    look = Reordering()

    assert all(look.look(piece) == [piece] for piece in pieces(small_stream))


def test_b_frames_are_found_while_nothing_was_handed_on(film: Path, tmp_path: Path):
    """Within the first pictures of a real encoder."""
    handed_on: list[Piece] = []
    with pytest.raises(BFramesError):
        look_at(Reordering(), pieces(cameras.small_stream(film, tmp_path, b_frames=2)), handed_on)

    assert handed_on == []


def test_an_encoder_that_announces_them_and_sends_none_is_shown(film: Path, tmp_path: Path):
    """After a short look, with nothing lost."""
    announced = next(piece for piece in pieces(cameras.small_stream(film, tmp_path, b_frames=2)) if piece.is_key)
    later = [Piece(nal.join([b"\x41\xe0"]), at, False, NOON, 0.0) for at in range(1, LOOK_PICTURES + 1)]
    look = Reordering()
    told = [look.look(piece) for piece in (announced, *later)]

    assert [len(one) for one in told] == [0] * (LOOK_PICTURES - 1) + [LOOK_PICTURES, 1]


def test_b_frames_that_begin_later_are_found_by_their_slices(small_stream: Stream, film: Path, tmp_path: Path):
    """A camera that is set anew while it runs."""
    look = Reordering()
    look_at(look, pieces(small_stream), [])

    with pytest.raises(BFramesError):
        look_at(look, pieces(cameras.small_stream(film, tmp_path, b_frames=2)), [])
