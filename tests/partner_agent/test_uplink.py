"""The agent's own uplink: what it does not send as it is, it does not send."""

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from partner_agent.parameters import ParameterSets
from partner_agent.ports import Limits
from partner_agent.rtc import nal
from partner_agent.rtc.units import AccessUnit
from partner_agent.simulator.camera import Stream
from partner_agent.uplink import FitUnits, Uplink
from partner_agent.wire.problems import Code
from tests.support import cameras

FITS = SimpleNamespace(facts=SimpleNamespace(codec="H264", height=720))
PREMISES = SimpleNamespace(live={"cam_1": SimpleNamespace(status=FITS)}.get)


def refusal(camera: str = "cam_1", **limits: Any) -> Code | None:
    """What the uplink says before anything is opened."""
    usual: dict[str, Any] = {"seconds": 60, "height_lines": 720, "audio": False, "ptz": False, "masks": frozenset()}
    return Uplink(cast("Any", PREMISES), cast("Any", None)).refusal(camera, Limits(**{**usual, **limits}))


@pytest.mark.parametrize("masks", [{"door"}, {"door", "window"}])
def test_a_view_that_owes_a_mask_is_refused(masks: set[str]):
    """No mask areas can be drawn here, so a picture that needs one never leaves."""
    assert refusal(masks=frozenset(masks)) is Code.OBLIGATION_UNKNOWN


def test_a_picture_that_is_too_high_or_of_no_camera_is_refused():
    """It is never made smaller here; and what is not there is not shared."""
    assert refusal(height_lines=719) is Code.CODEC_UNSUPPORTED
    assert refusal("cam_2") is Code.NOT_SHARED


def test_a_picture_that_may_go_as_it_is_goes():
    """Within the limits and with no mask owed."""
    assert refusal() is None


async def units_of(stream: Stream) -> AsyncIterator[AccessUnit]:
    """A stream's pictures as they come from a camera."""
    sets = ParameterSets(b"")
    for number, picture in enumerate(stream.pictures):
        data = sets.complete(nal.join(picture.nals), is_key=picture.is_key)
        yield AccessUnit(data, number * 6000, picture.is_key, None)


@pytest.mark.anyio
async def test_a_camera_that_is_set_to_more_lines_while_it_is_shown_is_not_sent(film: Path, tmp_path: Path):
    """Not one picture of the new size leaves; the cause is told."""
    small = cameras.small_stream(film, tmp_path)
    stream = cameras.one_after_the_other(small, cameras.small_stream(film, tmp_path, size=(320, 192)))
    fit = FitUnits(units_of(stream), height_lines=100)

    assert len([unit async for unit in fit]) == len(small.pictures)
    assert fit.code is Code.CODEC_UNSUPPORTED


@pytest.mark.anyio
async def test_a_size_within_the_limits_may_change(film: Path, tmp_path: Path):
    """All of it is sent, and it ends as the camera ends."""
    small = cameras.small_stream(film, tmp_path)
    stream = cameras.one_after_the_other(small, cameras.small_stream(film, tmp_path, size=(320, 192)))
    fit = FitUnits(units_of(stream), height_lines=192)

    assert len([unit async for unit in fit]) == len(stream.pictures)
    assert fit.code is None


@pytest.mark.anyio
async def test_a_size_that_cannot_be_read_is_not_sent():
    """What cannot be checked does not leave."""
    unreadable = Stream((SimpleNamespace(nals=(b"\x67\x42", b"\x68\xce", b"\x65\x88"), is_key=True),), 15)
    fit = FitUnits(units_of(unreadable), height_lines=4000)

    assert [unit async for unit in fit] == []
    assert fit.code is Code.CODEC_UNSUPPORTED
