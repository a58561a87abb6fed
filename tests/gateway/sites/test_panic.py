"""What a site's call for help is to the centre: on only as long as the site says so, on a link that is up."""

from datetime import timedelta

import pytest

from partner_agent.wire import frames, messages
from partner_agent.wire.clock import to_rfc3339
from partner_agent.wire.documents import NO_PARENT
from partner_agent.wire.limits import PANIC_MOST_S
from tests.support.site_bench import SITE, MiniAgent, SiteBench

pytestmark = pytest.mark.anyio


def _state(agent: MiniAgent, *states: str, until: str | None = None) -> bytes:
    state = messages.SiteState(
        id=agent.new_id(),
        lineage=agent.lineage,
        seq=0,
        sha256=NO_PARENT,
        states=list(states),
        vocabulary=1,
        tzdata="2026a",
        version="0.1.0",
        panic_until=until,
    )
    return frames.encode(state)


async def _told(bench: SiteBench, agent: MiniAgent, *states: str) -> None:
    await bench.until(lambda: bench.sites.hub.online(agent.id).conditions == frozenset(states))


def _in(bench: SiteBench, seconds: float) -> str:
    return to_rfc3339(bench.clock.now() + timedelta(seconds=seconds))


@pytest.mark.parametrize("until", [None, "soon", "2020-01-01T00:00:00.000Z"])
async def test_panic_without_an_end_that_is_to_come_is_off(lite: SiteBench, until: str | None):
    """An older agent names no end, a broken one none that can be read: unknown is off."""
    agent = await lite.paired()
    async with lite.connected(agent) as pipe:
        pipe.say(_state(agent, "panic", until=until))
        await _told(lite, agent, "panic")

        assert lite.sites.hub.panic_until(agent.id) is None


async def test_an_end_without_panic_is_off(lite: SiteBench):
    """Both have to be said."""
    agent = await lite.paired()
    async with lite.connected(agent) as pipe:
        pipe.say(_state(agent, "paused", until=_in(lite, 60)))
        await _told(lite, agent, "paused")

        assert lite.sites.hub.panic_until(agent.id) is None


async def test_panic_is_off_when_the_link_is_down(lite: SiteBench):
    """Nobody can say that it still holds."""
    agent = await lite.paired()
    async with lite.connected(agent) as pipe:
        pipe.say(_state(agent, "panic", until=_in(lite, 600)))
        await _told(lite, agent, "panic")
        assert lite.sites.hub.panic_until(agent.id) is not None
        assert lite.sites.hub.panicking() == {SITE.id}
        pipe.hang_up()
        await lite.until(lambda: not lite.sites.hub.is_online(agent.id))

    assert lite.sites.hub.panic_until(agent.id) is None
    assert lite.sites.hub.panicking() == frozenset()


async def test_panic_ends_by_itself_at_the_centre_too(lite: SiteBench):
    """The end the site named counts by the centre's own clock, though the site says nothing more."""
    agent = await lite.paired()
    async with lite.connected(agent) as pipe:
        pipe.say(_state(agent, "panic", until=_in(lite, 60)))
        await _told(lite, agent, "panic")
        lite.clock.advance(60)

        assert lite.sites.hub.panic_until(agent.id) is None
        assert lite.sites.hub.panicking() == frozenset()


async def test_an_end_far_away_is_cut(lite: SiteBench):
    """A site whose button is stuck opens its cameras for hours, not for days."""
    agent = await lite.paired()
    async with lite.connected(agent) as pipe:
        pipe.say(_state(agent, "panic", until=_in(lite, 30 * 86_400)))
        await _told(lite, agent, "panic")

        assert lite.sites.hub.panic_until(agent.id) == lite.clock.now() + timedelta(seconds=PANIC_MOST_S)


async def test_panic_is_no_reason_to_ask_the_site_nothing(lite: SiteBench):
    """A grant goes to a site that calls for help; what else holds there still stops it."""
    agent = await lite.paired()
    async with lite.connected(agent) as pipe:
        pipe.say(_state(agent, "panic", until=_in(lite, 60)))
        await _told(lite, agent, "panic")
        assert lite.sites.hub.problem_of(agent.id) == ""

        pipe.say(_state(agent, "panic", "paused", until=_in(lite, 60)))
        await _told(lite, agent, "panic", "paused")
        assert lite.sites.hub.problem_of(agent.id) == "paused"


async def test_the_call_for_help_and_its_end_are_leaves(bench: SiteBench):
    """Each once, however often the site repeats itself."""
    agent = await bench.paired()
    async with bench.connected(agent) as pipe:
        pipe.say(_state(agent, "panic", until=_in(bench, 60)))
        await _told(bench, agent, "panic")
        pipe.say(_state(agent, "panic", until=_in(bench, 90)))
        pipe.say(_state(agent))
        await _told(bench, agent)
        assert bench.sites.hub.panic_until(agent.id) is None

    assert [kind for kind in await bench.kinds() if kind.startswith("help.")] == ["help.called", "help.over"]
