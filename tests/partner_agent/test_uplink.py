"""The agent's own uplink: what it does not send as it is, it does not send."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from partner_agent.ports import Limits
from partner_agent.uplink import Uplink
from partner_agent.wire.problems import Code

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
