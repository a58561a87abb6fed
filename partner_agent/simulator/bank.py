"""A row of simulated cameras: encodes what is missing, then serves them until it is stopped."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import anyio.to_thread

from partner_agent.simulator import footage
from partner_agent.simulator.camera import Camera, Stream
from partner_agent.simulator.server import serve
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource

OFFSET_STEP_S: Final = 2.3  # neighbours stand this far apart in the loop
STREAMS: Final = {"main": footage.MAIN, "sub": footage.SUB}

Report = Callable[[str, int, int], None]  # what is encoded, frames done, frames to do


@dataclass(frozen=True, slots=True)
class Plan:
    """What to simulate.

    Attributes:
        labels: one camera each, burned into its picture.
        host: address to listen on.
        port: 0 = any free one.
        cache: folder of encoded loops, kept between runs.
        footage: the film to use; None = the installed one.
        has_counter: burn the frame number in, for measuring.
    """

    labels: tuple[str, ...]
    cache: Path
    user: str = "viewer"
    password: str = ""
    host: str = "127.0.0.1"
    port: int = 0
    footage: Path | None = None
    has_counter: bool = False


@dataclass(frozen=True, slots=True)
class Bank:
    """Cameras that are being served."""

    cameras: list[Camera]
    host: str
    port: int

    def url(self, camera: Camera, stream: str = "main") -> str:
        """The RTSP address, without the password."""
        return f"rtsp://{self.host}:{self.port}/{camera.name}/{stream}"


def build(plan: Plan, report: Report) -> list[Camera]:
    """The cameras of `plan`; encodes loops that are not in the cache. Takes seconds the first time.

    Raises:
        FootageMissingError: the footage is not installed.
    """
    film = plan.footage or footage.find_footage()
    cameras = []
    for index, label in enumerate(plan.labels):
        look = footage.look_of(index, label=label, has_counter=plan.has_counter)
        streams = {}
        for name, encoding in STREAMS.items():
            path = footage.prepare(film, look, encoding, plan.cache, partial(report, f"cam{index + 1}/{name}"))
            streams[name] = Stream(footage.load(path), encoding.fps)
        camera = Camera(f"cam{index + 1}", streams, plan.user, plan.password, start_offset_s=index * OFFSET_STEP_S)
        if not plan.password:
            camera.algorithms = ()
        cameras.append(camera)
    return cameras


@asynccontextmanager
async def running(plan: Plan, *, report: Report, clock: Clock, ids: IdSource) -> AsyncIterator[Bank]:
    """Build and serve the cameras of `plan` while inside the block.

    Raises:
        FootageMissingError: the footage is not installed.
        OSError: the port is taken.
    """
    cameras = await anyio.to_thread.run_sync(build, plan, report)
    async with serve(cameras, host=plan.host, port=plan.port, clock=clock, ids=ids) as port:
        yield Bank(cameras, plan.host, port)
