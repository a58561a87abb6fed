"""Background work is started again after a failure, later each time."""

from itertools import pairwise

import anyio
import pytest

from gateway.kernel.background import RESTART_FIRST_S, Background, supervise
from tests.fakes.clock import FakeClock


@pytest.mark.anyio
async def test_failing_work_is_started_again(clock: FakeClock):
    """A piece that fails three times runs a fourth time, after delays that double."""
    starts: list[float] = []

    async def work() -> None:
        starts.append(clock.monotonic())
        if len(starts) < 4:
            raise OSError("down")
        group.cancel_scope.cancel()
        await anyio.sleep_forever()

    async with anyio.create_task_group() as group:
        group.start_soon(lambda: supervise(Background("test", work), clock=clock))

    waits = [b - a for a, b in pairwise(starts)]
    assert waits == [RESTART_FIRST_S, 2 * RESTART_FIRST_S, 4 * RESTART_FIRST_S]
