"""The larger stream of a camera: taken where it is looked at large, fits and may be sent; given back where not."""

import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anyio
import av
import pytest

from partner_agent.budget import Budget
from partner_agent.handover import Handover
from partner_agent.parameters import ParameterSets
from partner_agent.rtc import nal
from partner_agent.rtc.units import AccessUnit
from partner_agent.switching import Switching
from tests.fakes.clock import FakeClock
from tests.support import cameras

pytestmark = pytest.mark.anyio

STEP_90K = 6000


class Source:
    """A stream that sends a picture when it is told, if anybody wants it."""

    def __init__(self, film: Path, folder: Path, size: tuple[int, int], *, begins_90k: int) -> None:
        sets, stream = ParameterSets(b""), cameras.small_stream(film, folder, size=size)
        self.pictures = [(sets.complete(nal.join(one.nals), is_key=one.is_key), one.is_key) for one in stream.pictures]
        self.handover, self.number, self.begins_90k = Handover(), 0, begins_90k
        self.status = SimpleNamespace(facts=SimpleNamespace(height=size[1]), rate_bps=100_000)
        self.is_unusable = False

    def subscribe(self, *, replay_gop: bool = True) -> Any:
        return self.handover.add(replay_gop=replay_gop)

    def send(self) -> None:
        data, is_key = self.pictures[self.number % len(self.pictures)]
        self.handover.put(AccessUnit(data, self.begins_90k + self.number * STEP_90K, is_key, None))
        self.number += 1


class World:
    """A camera with two streams, a view of it, and a site with a budget."""

    def __init__(self, film: Path, folder: Path, *, rate_bps: int = 0) -> None:
        self.clock = FakeClock()
        self.small = Source(film, folder, (160, 96), begins_90k=0)
        self.large = Source(film, folder, (320, 192), begins_90k=77_000_000)
        self.budget, self.most_lines, self.seen = Budget(rate_bps, clock=self.clock), 1080, list[AccessUnit]()
        self.view = Switching(
            cast("Any", self.small),
            cast("Any", self.large),
            self.small.subscribe(),
            budget=self.budget,
            clock=self.clock,
            most_lines=lambda: self.most_lines,
        )
        self.budget.open(self.view.bps, on_over=self.view.close)

    async def run(self, pictures: int) -> None:
        """So many pictures of both; what the view gives of each moment is taken."""
        for _number in range(pictures):
            self.clock.advance(STEP_90K / 90_000)
            self.small.send()
            self.large.send()
            with anyio.move_on_after(0.05):
                self.seen.append(await anext(self.view))

    @property
    def heights(self) -> list[int]:
        """What a viewer's decoder shows, picture by picture."""
        decoder = cast("Any", av.CodecContext.create("h264", "r"))
        return [frame.height for unit in self.seen for frame in decoder.decode(av.Packet(unit.data))]


@pytest.fixture
def world(film: Path, tmp_path: Path) -> World:
    """Without a bound."""
    return World(film, tmp_path)


@pytest.mark.parametrize("why", ["small tile", "not told", "may not", "unusable", "size unknown"])
async def test_the_small_stream_stays_where_the_large_one_is_not_wanted_or_may_not_be_sent(world: World, why: str):
    """Looked at no larger than it is, by nobody, above the bound of lines, or none that can be shown."""
    world.view.show({"small tile": 100, "not told": 0}.get(why, 720))
    world.most_lines = 100 if why == "may not" else 1080
    world.large.is_unusable = why == "unusable"
    if why == "size unknown":
        world.large.pictures = [(b"\0\0\0\x01\x65\x88", True)]
    await world.run(30)

    assert set(world.heights) == {96}


async def test_the_large_stream_takes_over_at_its_key_picture_and_gives_back_at_the_other_s(world: World):
    """Every picture can be decoded, times rise by what passed, and only one stream is read once it is settled."""
    await world.run(5)
    world.view.show(720)
    await world.run(20)
    readers = (len(world.small.handover), len(world.large.handover))
    world.view.show(90)
    await world.run(20)

    heights = [height for height, _group in itertools.groupby(world.heights)]
    assert heights == [96, 192, 96]
    assert len(world.heights) == len(world.seen)
    assert readers == (0, 1)
    assert (len(world.small.handover), len(world.large.handover)) == (1, 0)
    steps = {after.pts_90k - before.pts_90k for before, after in itertools.pairwise(world.seen)}
    assert min(steps) > 0
    assert max(steps) <= 2 * STEP_90K


@pytest.mark.parametrize(
    ("rate_bps", "need_bps", "height"), [(250_000, 200_000, 192), (150_000, 200_000, 96), (250_000, None, 96)]
)
async def test_what_was_not_measured_or_does_not_fit_does_not_take_over(
    film: Path, tmp_path: Path, rate_bps: int, need_bps: int | None, height: int
):
    """Within the owner's bound on what leaves the site, counted instead of the small one."""
    world = World(film, tmp_path, rate_bps=rate_bps)
    world.large.status.rate_bps = need_bps
    world.view.show(720)
    await world.run(30)

    assert world.heights[-1] == height


async def test_where_the_line_is_wanted_by_another_the_large_stream_gives_back(film: Path, tmp_path: Path):
    """Before anybody's view has to end."""
    world = World(film, tmp_path, rate_bps=300_000)
    world.large.status.rate_bps = 200_000
    world.view.show(720)
    await world.run(20)
    assert world.heights[-1] == 192
    other = world.budget.open(lambda: 60_000, on_over=lambda: None)
    assert other is not None
    other.rate_bps = lambda: 150_000
    await world.run(20)

    assert world.heights[-1] == 96
    world.view.close()
    assert (len(world.small.handover), len(world.large.handover)) == (0, 0)


async def test_where_much_is_lost_on_the_way_the_small_stream_takes_over_and_the_large_one_is_tried_again(world: World):
    """At a key picture of the other each time, so that all can be decoded; later, once nothing was lost for a while."""
    world.view.show(720)
    await world.run(20)
    assert world.heights[-1] == 192
    for _second in range(3):
        world.clock.advance(1)
        world.view.heard_loss(60)
    await world.run(20)
    lossy = world.heights[-1]
    for _second in range(20):
        world.clock.advance(1)
        world.view.heard_loss(0)
    await world.run(20)
    early = world.heights[-1]
    for _second in range(20):
        world.clock.advance(1)
        world.view.heard_loss(0)
    await world.run(20)

    assert (lossy, early, world.heights[-1]) == (96, 96, 192)
    assert len(world.heights) == len(world.seen)


@pytest.mark.parametrize("why", ["small tile", "may not", "unusable"])
async def test_a_quiet_line_brings_nothing_larger_than_is_wanted_and_may_be_sent(world: World, why: str):
    """It frees what loss alone had taken."""
    world.view.show(100 if why == "small tile" else 720)
    world.most_lines = 100 if why == "may not" else 1080
    world.large.is_unusable = why == "unusable"
    for lost_of_256 in (*(60,) * 3, *(0,) * 60):
        world.clock.advance(1)
        world.view.heard_loss(lost_of_256)
    await world.run(30)

    assert set(world.heights) == {96}
