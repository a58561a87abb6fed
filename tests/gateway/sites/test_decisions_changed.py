"""Whatever a site's agent says or loses that the centre's decisions look at raises the site's generation with it."""

import pytest

from partner_agent.wire import frames, messages
from tests.support.site_bench import DOOR, ORG, SITE, TILL, SiteBench, owner

pytestmark = pytest.mark.anyio
FIRST = "1" * 64


class Generations:
    """What changed since it was last asked for."""

    def __init__(self, bench: SiteBench) -> None:
        self._bench, self._seen = bench, 0

    async def news(self) -> frozenset[str]:
        """The scopes that went up."""
        reading = await self._bench.database.generations_since(self._seen)
        self._seen = reading.platform
        return reading.changed - {"platform"}


def _cards(agent, *names):
    cards = [messages.CameraCard(camera=name, label=name) for name in names]
    return frames.encode(messages.Cameras(id=agent.new_id(), cameras=cards))


async def test_pairing_pausing_a_new_lineage_and_an_acknowledgement_are_changes(lite: SiteBench):
    """Each of them; a word that changes nothing is none."""
    changes = Generations(lite)
    agent = await lite.paired()
    assert await changes.news() == {SITE.id}
    lite.outbox.documents[0] = {"seq": 1}
    async with lite.connected(agent) as pipe:
        pipe.say(agent.state())
        policy = await _policy(pipe)
        await changes.news()
        pipe.say(agent.ack(policy, seq=1, sha256=FIRST))
        await lite.until(lambda: lite.sites.hub.online(agent.id).held.seq == 1)
        assert await changes.news() == {SITE.id}
        for states, expected in ((("paused",), {SITE.id}), ((), {SITE.id}), (("clock_skew",), {SITE.id})):
            pipe.say(agent.state(seq=1, sha256=FIRST, states=states))
            await lite.until(lambda now=states: lite.sites.hub.online(agent.id).conditions == frozenset(now))
            assert await changes.news() == expected
        pipe.say(agent.state(seq=1, sha256=FIRST, states=("clock_skew",)))
        pipe.say(_cards(agent, "c1"))
        await lite.until(lambda: _has_cameras(lite, 1))
        assert await changes.news() == frozenset()
        agent.lineage = "a" * 32
        pipe.say(agent.state())
        await lite.until(lambda: lite.sites.hub.online(agent.id).held.lineage == "a" * 32)
        assert await changes.news() == {SITE.id}


async def test_ticks_and_the_end_of_an_agent_are_changes(lite: SiteBench):
    """A tick, two cameras that change places, another agent, and a key that is taken away."""
    changes = Generations(lite)
    agent = await lite.paired()
    agents = lite.sites.agents
    async with lite.connected(agent) as pipe:
        pipe.say(_cards(agent, "c1", "c2"))
        await lite.until(lambda: _has_cameras(lite, 2))
        for ticks in ({"c1": DOOR.id, "c2": TILL.id}, {"c1": TILL.id, "c2": DOOR.id}):
            await changes.news()
            await agents.tick(owner(), SITE.id, ticks)
            assert await changes.news() == {SITE.id}
    await lite.paired()
    assert await changes.news() == {SITE.id}
    await agents.revoke(owner(), SITE.id)
    assert await changes.news() == {SITE.id}


async def _has_cameras(bench: SiteBench, count: int) -> bool:
    return len((await bench.sites.agents.view(ORG, SITE.id)).cameras) == count


async def _policy(pipe):
    while True:
        message = await pipe.hear()
        if isinstance(message, messages.Policy):
            return message
