"""Simulated footage is what a camera would send."""

import itertools
from pathlib import Path

import pytest

from partner_agent import font
from partner_agent.rtc import nal
from partner_agent.simulator import footage
from partner_agent.simulator.camera import Stream
from tests.support import cameras, outside


def test_each_key_picture_starts_with_its_parameter_sets(small_stream: Stream):
    """A receiver can begin at any key picture."""
    keys = [picture for picture in small_stream.pictures if picture.is_key]

    assert len(keys) > 5
    for picture in keys:
        assert [nal.nal_type(unit) for unit in picture.nals[:2]] == [nal.SPS, nal.PPS]


def test_key_pictures_come_at_the_stated_distance(small_stream: Stream):
    """The key-frame distance is fixed; only the loop's end is shorter."""
    places = [number for number, picture in enumerate(small_stream.pictures) if picture.is_key]

    assert {after - before for before, after in itertools.pairwise(places)} == {cameras.SMALL.gop_frames}


def test_pictures_come_in_the_order_they_are_shown(small_stream: Stream):
    """A well-behaved camera has no B-frames."""
    assert [picture.presented for picture in small_stream.pictures] == list(range(len(small_stream.pictures)))


def test_b_frames_on_request(film: Path, tmp_path: Path):
    """The faulty encoding sends pictures out of order, as the checks against it need."""
    order = [picture.presented for picture in cameras.small_stream(film, tmp_path, b_frames=2).pictures]

    assert order != sorted(order)
    assert sorted(order) == list(range(len(order)))


def test_a_second_run_takes_the_cache(film: Path, tmp_path: Path):
    """A loop is encoded once for its film, look and encoding."""
    steps: list[tuple[int, int]] = []
    look = footage.Look(label="A")
    first = footage.prepare(film, look, cameras.SMALL, tmp_path, lambda done, total: steps.append((done, total)))
    encoded = len(steps)
    second = footage.prepare(film, look, cameras.SMALL, tmp_path, lambda done, total: steps.append((done, total)))

    assert first == second
    assert encoded > 10
    assert steps[encoded:] == [(1, 1)]


def test_neighbours_look_different(film: Path, tmp_path: Path):
    """Two cameras of one bank are told apart by their pictures."""
    looks = [footage.look_of(index, label="SAME") for index in range(2)]
    files = {footage.prepare(film, look, cameras.SMALL, tmp_path, lambda _d, _t: None).read_bytes() for look in looks}

    assert len(files) == 2


def test_known_letters_have_pixels():
    """Letters and digits are drawn; what the alphabet lacks is blank."""
    assert len(font.pixels("I")) == 9
    assert font.pixels("é") == []
    assert font.size("CAM 1") == (19, 5)


@pytest.mark.slow
def test_the_real_footage_encodes(tmp_path: Path):
    """The film named in deploy/footage.lock is the known file and encodes at the sub stream's size."""
    try:
        film = footage.find_footage()
    except footage.FootageMissingError as error:
        outside.cannot(str(error))
    path = footage.prepare(film, footage.look_of(1, label="CAM 2"), footage.SUB, tmp_path, lambda _d, _t: None)

    assert len(footage.load(path)) > 100
