"""A stream, and the camera it comes from."""

import pytest

from partner_agent.rtc.fanout import FanOut
from tests.support.fanning import Camera


@pytest.fixture
def fan() -> FanOut:
    """A stream without viewers."""
    return FanOut(ssrc=99)


@pytest.fixture
def camera(fan: FanOut) -> Camera:
    """Its source, about to wrap its sequence numbers."""
    return Camera(fan)
