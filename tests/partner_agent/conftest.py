"""Simulated cameras every agent test may use."""

from pathlib import Path

import pytest

from partner_agent.simulator.camera import Camera, Stream
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds
from tests.support import cameras
from tests.support.recordings import Ring


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short synthetic film."""
    return cameras.make_film(tmp_path_factory.mktemp("film") / "film.mp4")


@pytest.fixture(scope="session")
def small_stream(film: Path, tmp_path_factory: pytest.TempPathFactory) -> Stream:
    """A small encoding of the film: 160x96, 15 fps, a key picture every 8."""
    return cameras.small_stream(film, tmp_path_factory.mktemp("loops"))


@pytest.fixture
def camera(small_stream: Stream) -> Camera:
    """A camera with one stream, not yet served."""
    return Camera("cam1", {"main": small_stream}, cameras.USER, cameras.PASSWORD)


@pytest.fixture
def ring(tmp_path: Path, clock: FakeClock, ids: SequentialIds) -> Ring:
    """An empty ring of recordings."""
    return Ring(tmp_path / "ring", clock, ids)
