"""What an uplink of a recording sends: black where it owes it, no higher than may be, within the site's encoders."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anyio
import anyio.abc
import pytest

from partner_agent.areas import Area, box, shape_of
from partner_agent.budget import Budget
from partner_agent.encoders import Encoders
from partner_agent.masks import Masks
from partner_agent.ports import HeldRange, MediaError
from partner_agent.recorded_uplink import OpenReplay, RecordedUplink
from partner_agent.rtc.units import AccessUnit
from partner_agent.simulator.camera import Stream
from partner_agent.store import Store
from partner_agent.switching import height_of
from partner_agent.wire.problems import Code
from tests.fakes.clock import FakeClock
from tests.partner_agent.test_replay_anew import LEFT, at, decoded, is_black
from tests.partner_agent.test_uplink import limits, order
from tests.support import waiting
from tests.support.recordings import Ring, units_of

pytestmark = pytest.mark.anyio
ALL = HeldRange(at(0), at(20))


@dataclass
class Relay:
    """Takes what is published, if it answers at all."""

    units: list[AccessUnit] = field(default_factory=list)
    ended: anyio.Event = field(default_factory=anyio.Event)
    is_silent: bool = False

    async def publish(
        self, units: AsyncIterator[AccessUnit], _target: Any, *, tasks: anyio.abc.TaskGroup, **_: Any
    ) -> Any:
        if self.is_silent:
            raise TimeoutError

        async def take() -> None:
            async for unit in units:
                self.units.append(unit)
                if len(self.units) == 20:
                    await anyio.sleep_forever()
            self.ended.set()

        tasks.start_soon(take)
        return SimpleNamespace(ended=self.ended, halt=lambda: None)


@dataclass
class Site:
    """An uplink over a ring of twenty seconds, with one encoder."""

    uplink: RecordedUplink
    masks: Masks
    encoders: Encoders
    relay: Relay
    tasks: anyio.abc.TaskGroup

    async def play(self, height_lines: int, *masks: str) -> OpenReplay:
        """A view from its start."""
        return await self.uplink.play(order("cam1", height_lines, *masks), ALL, at(0), tasks=self.tasks)

    async def sent(self, count: int) -> list[AccessUnit]:
        """What has left by then."""
        await waiting.until(lambda: len(self.relay.units) >= count)
        return self.relay.units


@pytest.fixture
async def site(ring: Ring, small_stream: Stream, clock: FakeClock, tmp_path: Path) -> AsyncIterator[Site]:
    """With the area drawn."""
    ring.record(units_of(small_stream, at(0), 20))
    clock.advance(120)
    masks, encoders, relay = Masks(Store(tmp_path / "a.db")), Encoders(1), Relay()
    masks.put("cam1", LEFT)
    uplink = RecordedUplink(
        ring.store,
        cast("Any", relay),
        Budget(0, clock=clock),
        masks,
        encoders=encoders,
        clock=clock,
        is_recorded=lambda camera: camera == "cam1",
    )
    async with anyio.create_task_group() as tasks:
        yield Site(uplink, masks, encoders, relay, tasks)
        tasks.cancel_scope.cancel()


async def test_what_is_owed_is_black_and_the_place_is_given_back(site: Site):
    """Small pictures too; one encoder while it runs, none after it was halted."""
    view = await site.play(720, "left")
    units = await site.sent(20)
    (small,) = await view.thumbnails([at(5)])
    busy = site.encoders.busy
    view.halt()
    view.halt()

    assert all(map(is_black, decoded(units)))
    assert small.at <= at(5)
    assert (busy, site.encoders.busy) == (1, 0)
    assert view.code is None


async def test_what_owes_nothing_leaves_as_it_was_recorded(site: Site, small_stream: Stream):
    """No encoder is taken."""
    await site.play(720)

    first = (await site.sent(3))[0]
    assert site.encoders.busy == 0
    assert first.data.endswith(small_stream.pictures[0].nals[-1])


async def test_what_was_recorded_higher_than_may_be_is_made_smaller(site: Site):
    """Where nothing is painted, too."""
    await site.play(48)

    assert height_of((await site.sent(1))[0]) == 48
    assert site.encoders.busy == 1


async def test_beyond_the_bound_a_view_is_refused_and_one_that_owes_nothing_is_not(site: Site):
    """Known before it is opened, where areas say so; the view that runs goes on."""
    running = await site.play(720, "left")
    refusals = [site.uplink.refusal("cam1", limits(720, *masks)) for masks in (("left",), ())]
    for height_lines, masks in ((720, ("left",)), (48, ())):
        with pytest.raises(MediaError) as refused:
            await site.play(height_lines, *masks)
        assert refused.value.code is Code.LIMIT

    assert refusals == [Code.LIMIT, None]
    assert not running.ended.is_set()


async def test_an_area_that_is_not_drawn_gives_no_view(site: Site):
    """By its name, before; taken away since, at the opening."""
    assert site.uplink.refusal("cam1", limits(720, "yard")) is Code.OBLIGATION_UNKNOWN
    assert site.uplink.refusal("cam2", limits(720)) is Code.NOT_SHARED
    site.masks.remove("cam1", "left")
    with pytest.raises(MediaError) as refused:
        await site.play(720, "left")

    assert refused.value.code is Code.OBLIGATION_UNKNOWN
    assert site.encoders.busy == 0


async def test_an_area_of_another_shape_ends_the_view_with_nothing_sent(site: Site):
    """The account says why."""
    site.masks.put("cam1", Area("left", "Left", box(0, 0, 5000, 5000), shape_of(4, 3)))
    view = await site.play(720, "left")
    with anyio.fail_after(10):
        await view.ended.wait()

    assert site.relay.units == []
    assert view.code is Code.OBLIGATION_UNKNOWN
    assert await view.thumbnails([at(5)]) == []


async def test_a_relay_that_does_not_answer_leaves_no_place_taken(site: Site):
    """Nor a share of what may leave."""
    site.relay.is_silent = True
    with pytest.raises(MediaError):
        await site.play(720, "left")

    assert site.encoders.busy == 0
