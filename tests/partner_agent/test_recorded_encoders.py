"""Views of recordings under black areas take a place among the site's encoders, as live ones do."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from partner_agent.areas import Area, box, shape_of
from partner_agent.budget import Budget
from partner_agent.encoders import Encoders
from partner_agent.masks import Masks
from partner_agent.ports import HeldRange, LiveOrder, MediaError
from partner_agent.recorded_uplink import RecordedUplink
from partner_agent.rtc.whip_answer import PublishFailedError
from partner_agent.simulator.camera import Stream
from partner_agent.store import Store
from partner_agent.wire.problems import Code
from tests.fakes.clock import START, FakeClock
from tests.partner_agent.test_replay import at
from tests.partner_agent.test_uplink import limits
from tests.support.recordings import Ring, units_of

pytestmark = pytest.mark.anyio
SPAN = HeldRange(START, at(20))


class Unreachable:
    """A relay that takes nothing."""

    async def publish(self, *_: Any, **__: Any) -> None:
        raise PublishFailedError("the relay cannot be reached")


class Silent:
    """A relay that takes whatever comes and looks at nothing."""

    async def publish(self, *_: Any, **__: Any) -> Any:
        return SimpleNamespace(halt=lambda: None)


def players(ring: Ring, folder: Path, relay: Any, encoders: Encoders) -> RecordedUplink:
    """The recordings of a site whose one camera has an area."""
    masks = Masks(Store(folder / "a.db"))
    masks.put("cam1", Area("door", "Door", box(1000, 1000, 9000, 9000), shape_of(160, 96)))
    return RecordedUplink(
        ring.store,
        relay,
        Budget(0, clock=ring.clock),
        masks,
        clock=ring.clock,
        is_recorded=lambda _: True,
        encoders=encoders,
    )


def order(*masks: str) -> LiveOrder:
    """An accepted view."""
    bound = limits(720, *masks)
    return LiveOrder(session="s", camera="cam1", url="u", ticket="t", relay_fingerprint="f", limits=bound)


async def test_a_masked_recording_takes_a_place_until_it_is_over(
    ring: Ring, small_stream: Stream, clock: FakeClock, tmp_path: Path
):
    """One more is refused, before and at the opening; one that is shown as it was recorded needs none."""
    ring.record(units_of(small_stream, START, 20))
    clock.advance(60)
    encoders = Encoders(1)
    site = players(ring, tmp_path, Silent(), encoders)
    async with anyio.create_task_group() as tasks:
        first = await site.play(order("door"), SPAN, START, tasks=tasks)
        codes = [site.refusal("cam1", one.limits) for one in (order("door"), order())]
        with pytest.raises(MediaError) as refused:
            await site.play(order("door"), SPAN, START, tasks=tasks)
        busy = encoders.busy
        first.halt()
        first.halt()
        tasks.cancel_scope.cancel()

    assert (codes, refused.value.code, busy) == ([Code.LIMIT, None], Code.LIMIT, 1)
    assert encoders.busy == 0


async def test_a_recording_made_smaller_takes_a_place_too_and_one_that_fails_gives_it_back(
    ring: Ring, small_stream: Stream, clock: FakeClock, tmp_path: Path
):
    """Whatever it fails for."""
    ring.record(units_of(small_stream, START, 20))
    clock.advance(60)
    encoders = Encoders(1)
    small = replace(order(), limits=limits(48))
    async with anyio.create_task_group() as tasks:
        with pytest.raises(MediaError):
            await players(ring, tmp_path, Unreachable(), encoders).play(small, SPAN, START, tasks=tasks)
        assert encoders.busy == 0
        await players(ring, tmp_path, Silent(), encoders).play(small, SPAN, START, tasks=tasks)
        assert encoders.busy == 1
        tasks.cancel_scope.cancel()
