"""What a site says of itself, or loses, raises its generation in the transaction that writes it."""

import pytest

from tests.support.site_bench import DOOR, SITE, SiteBench, owner

pytestmark = pytest.mark.anyio


async def _stamp(bench: SiteBench) -> int:
    return (await bench.database.generations_since(0)).platform


async def _is_raised(bench: SiteBench, since: int) -> bool:
    return SITE.id in (await bench.database.generations_since(since)).changed


@pytest.mark.parametrize("state", ["paused", "panic", "clock_skew", "quarantined"])
async def test_a_site_that_says_otherwise_of_itself(lite: SiteBench, state: str):
    """A pause, the end of a panic, a wrong clock: said once it is raised, and once more when it is over."""
    agent = await lite.paired()
    async with lite.connected(agent) as pipe:
        pipe.say(agent.state())
        await lite.until(lambda: lite.sites.hub.online(agent.id).held is not None)
        before = await _stamp(lite)
        pipe.say(agent.state(states=(state,)))
        await lite.until(lambda: _is_raised(lite, before))
        before = await _stamp(lite)
        pipe.say(agent.state())
        await lite.until(lambda: _is_raised(lite, before))


async def test_a_site_that_started_over(lite: SiteBench):
    """A new lineage holds nothing, whatever was acknowledged before."""
    agent = await lite.paired()
    async with lite.connected(agent) as pipe:
        pipe.say(agent.state())
        await lite.until(lambda: lite.sites.hub.online(agent.id).held is not None)
        before = await _stamp(lite)
        agent.lineage = "1" * 32
        pipe.say(agent.state())
        await lite.until(lambda: _is_raised(lite, before))


async def test_a_camera_that_is_not_ticked_any_more(lite: SiteBench):
    """Which camera is which decides what a document speaks of."""
    from partner_agent.wire import frames, messages

    agent = await lite.paired()
    async with lite.connected(agent) as pipe:
        card = messages.CameraCard(camera="cam-1", label="Door")
        pipe.say(frames.encode(messages.Cameras(id=agent.new_id(), cameras=[card])))

        async def is_known() -> bool:
            return bool((await lite.sites.agents.view(SITE.organisation_id, SITE.id)).cameras)

        await lite.until(is_known)
        await lite.sites.agents.tick(owner(), SITE.id, {"cam-1": DOOR.id})
        before = await _stamp(lite)
        await lite.sites.agents.tick(owner(), SITE.id, {"cam-1": ""})

    assert await _is_raised(lite, before)


async def test_an_agent_whose_key_is_taken_away(lite: SiteBench):
    """Disconnected for good: nothing of its site is shown."""
    await lite.paired()
    before = await _stamp(lite)
    await lite.sites.agents.revoke(owner(), SITE.id)

    assert await _is_raised(lite, before)
