"""Pictures made anew: black where they must be in every one that leaves, and none when that cannot be had."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import anyio
import av
import pytest

from partner_agent.areas import Area, NoPlaceError, box, shape_of
from partner_agent.converting import BEHIND, KEY_DISTANCE_S, Converted, Converter
from partner_agent.handover import Handover
from partner_agent.parameters import ParameterSets
from partner_agent.rtc import nal
from partner_agent.rtc.units import AccessUnit
from partner_agent.simulator.camera import Stream
from partner_agent.wire.problems import Code
from tests.support import cameras

SHAPE = shape_of(160, 96)
LEFT = Area("left", "Left", box(1000, 2000, 4000, 7000), SHAPE)
CORNER = Area("corner", "Corner", ((6000, 6000), (9500, 6000), (6000, 9500)), SHAPE)
BLACK_LUMA, CODING = 16, 24  # what the encoder may be off by where black meets white
AWAY_PX = 8  # what lies so far from an area its black does not reach by the encoder's filters
BESIDE = 6.0  # mean difference of the pixels of one row that was made anew; 3.4 is the most that was seen


def units_of(stream: Stream) -> Iterator[AccessUnit]:
    """A stream's pictures as they come from a camera."""
    sets = ParameterSets(b"")
    for number, picture in enumerate(stream.pictures):
        data = sets.complete(nal.join(picture.nals), is_key=picture.is_key)
        yield AccessUnit(data, number * 6000, picture.is_key, None)


def decoded(units: list[AccessUnit]) -> list[av.VideoFrame]:
    """As a viewer sees them."""
    decoder = cast("Any", av.CodecContext.create("h264", "r"))
    return [frame for unit in units for frame in decoder.decode(av.Packet(unit.data))]


def brightest(frame: av.VideoFrame, left: float, top: float, right: float, bottom: float) -> int:
    """The lightest pixel of a part of the picture."""
    plane = frame.planes[0]
    pixels, line = bytes(plane), plane.line_size
    across = range(round(left * frame.width), round(right * frame.width))
    return max(
        pixels[y * line + x] for y in range(round(top * frame.height), round(bottom * frame.height)) for x in across
    )


def difference_beside(frame: av.VideoFrame, plain: av.VideoFrame) -> float:
    """How far off the pixels away from `LEFT` are, in pictures of 160x96: the mean of the worst row."""
    rows = []
    for y in range(frame.height):
        ours, sent = (bytes(each.planes[0])[y * each.planes[0].line_size :] for each in (frame, plain))
        is_beside = 0.2 * 96 - AWAY_PX < y < 0.7 * 96 + AWAY_PX
        across = [x for x in range(160) if not (is_beside and 16 - AWAY_PX < x < 64 + AWAY_PX)]
        rows.append(sum(abs(ours[x] - sent[x]) for x in across) / len(across))
    return max(rows)


def test_an_area_without_a_place_gives_no_picture(film: Path, tmp_path: Path):
    """A picture of another shape than the one it was drawn on ends everything."""
    converter = Converter([Area("a", "A", LEFT.points, shape_of(4, 3))])

    with pytest.raises(NoPlaceError):
        converter.convert([next(units_of(cameras.small_stream(film, tmp_path)))])


def test_every_picture_that_leaves_is_black_there_and_seen_elsewhere(film: Path, tmp_path: Path):
    """Also after the camera was set to another size of the same shape; nothing outside is darkened."""
    small, large = (cameras.small_stream(film, tmp_path, size=size) for size in ((160, 96), (320, 192)))
    stream = cameras.one_after_the_other(small, large)
    converter = Converter([LEFT, CORNER])
    shown = decoded([made for unit in units_of(stream) for made in converter.convert([unit])])

    assert len(shown) == len(stream.pictures)
    assert {frame.width for frame in shown} == {160, 320}
    assert max(brightest(frame, 0.1, 0.2, 0.4, 0.7) for frame in shown) <= BLACK_LUMA + CODING
    assert max(brightest(frame, 0.6, 0.6, 0.75, 0.75) for frame in shown) <= BLACK_LUMA + CODING
    assert min(brightest(frame, 0.5, 0.0, 1.0, 0.5) for frame in shown) > 150


def test_who_waits_gets_a_picture_to_begin_with(film: Path, tmp_path: Path):
    """At once when asked, and every two seconds; in between only differences."""
    units = list(units_of(cameras.small_stream(film, tmp_path)))
    converter, made = Converter([LEFT]), []
    for number, unit in enumerate(units):
        converter.is_key_wanted = converter.is_key_wanted or number == 11
        made += converter.convert([unit])

    keys = [unit.pts_90k for unit in made if unit.is_key]
    assert keys == [0, 11 * 6000, *(11 * 6000 + n * KEY_DISTANCE_S * 90_000 for n in (1, 2))]
    assert all(nal.parameter_sets(unit.data) for unit in made if unit.is_key)


def test_what_waited_too_long_is_not_shown_but_what_follows_is(film: Path, tmp_path: Path):
    """A machine that is behind shows the newest picture, not a film of the past."""
    units = list(units_of(cameras.small_stream(film, tmp_path)))
    converter = Converter([LEFT])

    made = converter.convert(units[: BEHIND + 2]) + converter.convert(units[BEHIND + 2 : BEHIND + 4])

    assert [unit.pts_90k for unit in made] == [unit.pts_90k for unit in units[BEHIND + 1 : BEHIND + 4]]
    assert made[0].is_key
    assert len(decoded(made)) == 3


class _Dies:
    """A converter that fails after some pictures."""

    def __init__(self, after: int, error: Exception) -> None:
        self.left, self.error, self.is_key_wanted = after, error, False

    def convert(self, units: list[AccessUnit]) -> list[AccessUnit]:
        self.left -= 1
        if self.left < 0:
            raise self.error
        return units


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NoPlaceError(), Code.OBLIGATION_UNKNOWN),
        (ValueError(), Code.CODEC_UNSUPPORTED),
        (MemoryError(), Code.CODEC_UNSUPPORTED),
    ],
)
async def test_when_the_paint_fails_nothing_more_leaves(error: Exception, code: Code):
    """Whatever it was: the pictures before it, then the end and its cause, though the camera goes on."""
    handover = Handover()
    pictures = Converted(handover.add(replay_gop=False), cast("Any", _Dies(2, error)))
    taken = []
    with anyio.fail_after(5):
        for number in range(4):
            handover.put(AccessUnit(b"x", number, True, None))
            taken += [unit async for unit in pictures] if number == 2 else [await anext(pictures)] if number < 2 else []

    assert [unit.pts_90k for unit in taken] == [0, 1]
    assert pictures.code is code
    with pytest.raises(StopAsyncIteration):
        await anext(pictures)


@pytest.mark.anyio
async def test_a_damaged_picture_ends_the_stream(film: Path, tmp_path: Path):
    """What cannot be decoded cannot be painted."""
    first, second, *_rest = units_of(cameras.small_stream(film, tmp_path))
    handover = Handover()
    pictures = Converted(handover.add(replay_gop=False), Converter([LEFT]))
    with anyio.fail_after(5):
        handover.put(first)
        await anext(pictures)
        handover.put(AccessUnit(second.data[:4] + b"\x65" + b"\xff" * 40, second.pts_90k, False, None))

        assert [unit async for unit in pictures] == []
    assert pictures.code is Code.CODEC_UNSUPPORTED


def test_black_never_creeps_into_what_lies_beside_it(film: Path, tmp_path: Path):
    """What moves through an area is painted after it was decoded: later pictures refer to it as the camera sent it."""
    stream = cameras.small_stream(film, tmp_path, gop_frames=45)
    plain = decoded(list(units_of(stream)))
    converter = Converter([LEFT])
    shown = decoded([made for unit in units_of(stream) for made in converter.convert([unit])])

    assert len(shown) == len(plain) == len(stream.pictures)
    assert max(map(difference_beside, shown, plain)) < BESIDE
