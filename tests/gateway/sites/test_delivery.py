"""Documents reach a site whatever goes wrong on the way: a lost wake-up, a failure, a second link, a silent site."""

import pytest

from partner_agent.wire import messages
from partner_agent.wire.handshake import CLOSE_BACK_OFF
from tests.support.site_bench import MiniAgent, Pipe, SiteBench

pytestmark = pytest.mark.anyio


async def _policy(pipe: Pipe) -> messages.Policy:
    """The next document on this link."""
    while not isinstance(message := await pipe.hear(), messages.Policy):
        assert isinstance(message, messages.GuardrailPack)
    return message


async def _said(bench: SiteBench, agent: MiniAgent, pipe: Pipe) -> None:
    """The site has said that it holds nothing, and we have taken it in."""
    pipe.say(agent.state())
    await bench.until(lambda: bench.sites.hub.online(agent.id).held is not None)


async def test_a_save_reaches_the_newer_of_two_links(lite: SiteBench):
    """The agent dialled again before its first link was gone; what the old one leaves behind wakes nobody else."""
    agent = await lite.paired()
    async with lite.connected(agent) as old:
        await _said(lite, agent, old)
        lite.sites.delivery.nudge(agent.id)
        async with lite.dialled() as new:
            await agent.greet(new)
            lite.sites.delivery.nudge(agent.id)
            await old.end()
            await _said(lite, agent, new)
            lite.outbox.documents[0] = {"seq": 1}
            lite.sites.delivery.nudge(agent.id)
            assert (await _policy(new)).document == {"seq": 1}


async def test_what_failed_is_tried_again_without_being_told(lite: SiteBench):
    """A database that was busy once delays a document by a second, not until something else happens."""
    agent = await lite.paired()
    async with lite.connected(agent) as pipe:
        await _said(lite, agent, pipe)
        lite.outbox.documents[0] = {"seq": 1}
        lite.outbox.failures = 1
        lite.sites.delivery.nudge(agent.id)
        assert (await _policy(pipe)).document == {"seq": 1}


async def test_an_acknowledgement_that_was_not_noted_is_asked_for_again(lite: SiteBench):
    """The site's answer came to nothing on our side: the document goes out again, and is acknowledged again."""
    agent, stranger = await lite.paired(), MiniAgent(lite.clock)
    lite.outbox.documents[0] = {"seq": 1}
    async with lite.connected(agent) as pipe:
        await _said(lite, agent, pipe)
        policy = await _policy(pipe)
        stranger.pairing, stranger.lineage = agent.pairing, agent.lineage
        pipe.say(stranger.ack(policy, seq=1, sha256="aa" * 32))
        again = await _policy(pipe)
        pipe.say(agent.ack(again, seq=1, sha256="aa" * 32))
        await lite.until(lambda: lite.sites.hub.online(agent.id).held.seq == 1)


@pytest.mark.slow
async def test_a_site_that_does_not_say_what_it_holds_is_sent_away(lite: SiteBench):
    """Without its word nothing can be brought; dialling again makes it say so again."""
    agent = await lite.paired()
    async with lite.connected(agent) as pipe:
        assert await pipe.end() == CLOSE_BACK_OFF
