"""Whatever a site's agent says or loses that the centre's decisions look at is told on in the same transaction."""

import pytest

from partner_agent.wire import frames, messages
from tests.support.site_bench import DOOR, ORG, SITE, TILL, SiteBench, owner

pytestmark = pytest.mark.anyio
FIRST = "1" * 64


def _cards(agent, *names):
    cards = [messages.CameraCard(camera=name, label=name) for name in names]
    return frames.encode(messages.Cameras(id=agent.new_id(), cameras=cards))


async def test_pairing_pausing_a_new_lineage_and_an_acknowledgement_are_told(lite: SiteBench):
    """Each of them once, and a word that changes nothing is not."""
    told = lite.directory.changed
    agent = await lite.paired()
    assert told == [SITE.id]
    lite.outbox.documents[0] = {"seq": 1}
    async with lite.connected(agent) as pipe:
        pipe.say(agent.state())
        policy = await _policy(pipe)
        told.clear()
        pipe.say(agent.ack(policy, seq=1, sha256=FIRST))
        await lite.until(lambda: lite.sites.hub.online(agent.id).held.seq == 1)
        assert set(told) == {SITE.id}
        for states in (("paused",), ()):
            told.clear()
            pipe.say(agent.state(seq=1, sha256=FIRST, states=states))
            await lite.until(lambda now=states: lite.sites.hub.online(agent.id).conditions == frozenset(now))
            assert told == [SITE.id]
        told.clear()
        agent.lineage = "a" * 32
        pipe.say(agent.state())
        await lite.until(lambda: lite.sites.hub.online(agent.id).held.lineage == "a" * 32)
        assert set(told) == {SITE.id}


async def test_ticks_and_the_end_of_an_agent_are_told(lite: SiteBench):
    """A tick, two cameras that change places, another agent, and a key that is taken away."""
    told = lite.directory.changed
    agent = await lite.paired()
    agents = lite.sites.agents
    async with lite.connected(agent) as pipe:
        pipe.say(_cards(agent, "c1", "c2"))
        await lite.until(lambda: _has_cameras(lite, 2))
        for ticks in ({"c1": DOOR.id, "c2": TILL.id}, {"c1": TILL.id, "c2": DOOR.id}):
            told.clear()
            await agents.tick(owner(), SITE.id, ticks)
            assert set(told) == {SITE.id}
    told.clear()
    await lite.paired()
    assert set(told) == {SITE.id}
    told.clear()
    await agents.revoke(owner(), SITE.id)
    assert set(told) == {SITE.id}


async def _has_cameras(bench: SiteBench, count: int) -> bool:
    return len((await bench.sites.agents.view(ORG, SITE.id)).cameras) == count


async def _policy(pipe):
    while True:
        message = await pipe.hear()
        if isinstance(message, messages.Policy):
            return message
