"""The live link: questions and answers, what sites report, and documents until they are acknowledged."""

import anyio
import pytest

from gateway.kernel.errors import DeadlineError, UnavailableError
from gateway.sites import links
from gateway.sites.links import INBOX, OUTBOX, Peer
from gateway.sites.model import AgentState
from partner_agent.wire import classes, frames, messages
from partner_agent.wire.documents import NO_PARENT
from partner_agent.wire.messages import CameraCard, CameraHealth, Health
from tests.support.site_bench import DOOR, ORG, SITE, TILL, MiniAgent, Pipe, SiteBench, owner

pytestmark = pytest.mark.anyio
FIRST, SECOND = "1" * 64, "2" * 64


def _beat(agent: MiniAgent, fresh: str, **states: str) -> bytes:
    cameras = [CameraHealth(camera=name, state=state) for name, state in states.items()]  # type: ignore[arg-type]
    health = Health(cameras=cameras, sessions=0, uptime_s=1)
    return frames.encode(messages.Heartbeat(id=agent.new_id(), fresh=fresh, health=health))


def _cards(agent: MiniAgent, *names: str) -> bytes:
    cards = [CameraCard(camera=name, label=f"The {name}", codec="h264", width=1280, height=720) for name in names]
    return frames.encode(messages.Cameras(id=agent.new_id(), cameras=cards))


async def _answer(pipe: Pipe, agent: MiniAgent) -> messages.Message:
    """Answer the next question with the document in force; the question."""
    question = await pipe.hear()
    pipe.say(frames.encode(messages.PolicyDocument(id=agent.new_id(), re=question.id, document=None)))
    return question


async def test_nobody_there(lite: SiteBench):
    """An agent that is not connected cannot be asked, told or given a grant."""
    agent = await lite.paired()
    hub = lite.sites.hub

    with pytest.raises(UnavailableError):
        await hub.send(agent.id, messages.PolicyRequest(id="m"), deadline_s=1)
    with pytest.raises(UnavailableError):
        hub.tell(agent.id, messages.Pause(id="m"))
    assert (hub.is_online(agent.id), hub.problem_of(agent.id), hub.fresh_of(agent.id)) == (False, "offline", "")


async def test_connected_sites_are_counted(lite: SiteBench):
    """A site counts while its link is up."""
    agent = await lite.paired()
    assert lite.sites.hub.connected == 0
    async with lite.connected(agent):
        assert lite.sites.hub.connected == 1
    assert lite.sites.hub.connected == 0


async def test_a_question_has_its_answer(lite: SiteBench):
    """`send` returns the message that names the question."""
    agent = await lite.paired()
    async with lite.connected(agent) as pipe, anyio.create_task_group() as group:
        group.start_soon(_answer, pipe, agent)
        answer = await lite.sites.hub.send(agent.id, messages.PolicyRequest(id="m_q"), deadline_s=5)
    assert isinstance(answer, messages.PolicyDocument)
    assert answer.re == "m_q"


async def test_no_answer_in_time(lite: SiteBench):
    """Silence ends at the caller's deadline, not later."""
    agent = await lite.paired()
    async with lite.connected(agent):
        with pytest.raises(DeadlineError):
            await lite.sites.hub.send(agent.id, messages.PolicyRequest(id="m"), deadline_s=0)


async def test_who_waits_is_told_when_the_link_ends(lite: SiteBench):
    """A link that breaks answers everybody who waits, at once."""
    agent = await lite.paired()
    async with lite.connected(agent) as pipe:
        pipe.hang_up()
        with pytest.raises(UnavailableError):
            await lite.sites.hub.send(agent.id, messages.PolicyRequest(id="m"), deadline_s=60)


async def test_unknown_tags_are_answered_and_answers_are_not(lite: SiteBench):
    """A newer agent learns what we do not know; an unknown answer is passed over."""
    agent = await lite.paired()
    async with lite.connected(agent) as pipe:
        pipe.say(b'{"id":"a1","re":"x","t":"from_the_future","v":1}')
        pipe.say(b'{"id":"a2","t":"from_the_future","v":1}')
        answer = await pipe.hear()
    assert isinstance(answer, messages.Unsupported)
    assert (answer.re, answer.tag) == ("a2", "from_the_future")


async def test_a_message_nobody_handles_is_unsupported(lite: SiteBench):
    """What only the gateway says is not taken from an agent."""
    agent = await lite.paired()
    async with lite.connected(agent) as pipe:
        pipe.say(frames.encode(messages.Pause(id="a1")))
        assert isinstance(await pipe.hear(), messages.Unsupported)


@pytest.mark.parametrize("frame", [b"{}", b"x" * 70_000, b'{"t":"ack", "v":1}'])
async def test_a_malformed_frame_ends_the_link(lite: SiteBench, frame: bytes):
    """After the handshake too, every frame is exactly canonical."""
    agent = await lite.paired()
    async with lite.connected(agent) as pipe:
        pipe.say(frame)
        assert await pipe.end() == 1007


async def test_an_agent_that_has_much_to_tell_is_heard_to_the_end(lite: SiteBench):
    """More than the inbox holds at once waits outside: cut off, it would come back with all of it, again and again."""
    agent, heard = await lite.paired(), []

    async def slow(_peer: Peer, message: messages.Heartbeat) -> None:
        await anyio.sleep(0.001)
        heard.append(message.fresh)

    lite.sites.hub.on(messages.Heartbeat, slow)
    async with lite.connected(agent) as pipe:
        for number in range(3 * INBOX):
            pipe.say(_beat(agent, f"f{number}"))
        await lite.until(lambda: len(heard) == 3 * INBOX)
    assert heard == [f"f{number}" for number in range(3 * INBOX)]


async def test_an_agent_that_shouts_on_is_cut(lite: SiteBench, monkeypatch: pytest.MonkeyPatch):
    """Who never lets the inbox become empty uses patience up, however short each wait; nothing grows without bound."""
    monkeypatch.setattr(links, "PATIENCE_S", 0.1)
    agent = await lite.paired()

    async def slow(_peer: Peer, _message: messages.Heartbeat) -> None:
        await anyio.sleep(0.01)

    lite.sites.hub.on(messages.Heartbeat, slow)
    async with lite.connected(agent) as pipe:
        for number in range(3 * INBOX):
            pipe.say(_beat(agent, f"f{number}"))
        assert await pipe.end() == 4429


async def test_an_agent_that_does_not_listen_is_cut(lite: SiteBench):
    """When the outbox is full the link ends, and the caller knows."""
    agent = await lite.paired()
    async with lite.connected(agent) as pipe:
        for number in range(OUTBOX):
            lite.sites.hub.tell(agent.id, messages.Pause(id=f"m{number}"))
        with pytest.raises(UnavailableError):
            lite.sites.hub.tell(agent.id, messages.Pause(id="m_last"))
        assert await pipe.end() == 4429


async def test_a_fresh_dies_with_its_link(lite: SiteBench):
    """The newest `fresh` of this link counts, for a minute; none of an earlier link does."""
    agent = await lite.paired()
    hub = lite.sites.hub
    async with lite.connected(agent) as pipe:
        assert hub.fresh_of(agent.id) == "f1"
        pipe.say(_beat(agent, "f2"))
        await lite.until(lambda: hub.fresh_of(agent.id) == "f2")
        lite.clock.advance(61)
        assert hub.fresh_of(agent.id) == ""
    async with lite.connected(agent):
        assert hub.fresh_of(agent.id) == "f1"


async def test_no_grant_in_doubt(lite: SiteBench):
    """Until the site said what it holds, or while it is paused or unsure of its clock, a grant is not even sent."""
    agent = await lite.paired()
    hub = lite.sites.hub
    async with lite.connected(agent) as pipe:
        assert hub.problem_of(agent.id) == "behind"
        with pytest.raises(UnavailableError):
            await hub.send(agent.id, messages.Grant(id="m", token="t"), deadline_s=1)
        pipe.say(agent.state(states=("paused",)))
        await lite.until(lambda: hub.problem_of(agent.id) == "paused")
        pipe.say(agent.state(states=("clock_skew",)))
        await lite.until(lambda: hub.problem_of(agent.id) == "clock_skew")
        pipe.say(agent.state())
        await lite.until(lambda: hub.problem_of(agent.id) == "")
        hub.tell(agent.id, messages.End(id="m", session="ses_1", reason="stopped"))  # taking away passes always
        pipe.say(agent.state(seq=3, sha256=FIRST))
        await lite.until(lambda: hub.problem_of(agent.id) == "behind")
    assert (await lite.kinds())[-2:] == ["agent.paused", "agent.resumed"]


async def test_cameras_are_told_then_ticked(bench: SiteBench):
    """The list shares nothing; the owner's tick names the registered camera, once."""
    agent = await bench.paired()
    agents = bench.sites.agents
    async with bench.connected(agent) as pipe:
        pipe.say(_cards(agent, "c1", "c2"))
        await bench.until(lambda: _has_cameras(bench, 2))
        assert await agents.ticked(agent.id) == []

        await agents.tick(owner(), SITE.id, {"c1": DOOR.id, "c2": ""})
        assert (await agents.agent_camera_of(DOOR.id)).local_id == "c1"
        await agents.tick(owner(), SITE.id, {"c1": TILL.id, "c2": DOOR.id})
        assert [camera.camera_id for camera in await agents.ticked(agent.id)] == [TILL.id, DOOR.id]

        pipe.say(_cards(agent, "c2"))
        await bench.until(lambda: _is_unlisted(bench, "c1"))
        assert (await agents.agent_camera_of(TILL.id)).is_listed is False
    assert (await bench.kinds()).count("agent.camera_ticked") == 3


async def _has_cameras(bench: SiteBench, count: int) -> bool:
    return len((await bench.sites.agents.view(ORG, SITE.id)).cameras) == count


async def _is_unlisted(bench: SiteBench, local_id: str) -> bool:
    cameras = (await bench.sites.agents.view(ORG, SITE.id)).cameras
    return any(camera.local_id == local_id and not camera.is_listed for camera in cameras)


async def test_health_is_stored_when_it_changes(bench: SiteBench):
    """Each word about a camera is kept with its time; the same word again writes nothing."""
    agent = await bench.paired()
    async with bench.connected(agent) as pipe:
        pipe.say(_cards(agent, "c1"))
        pipe.say(_beat(agent, "f2", c1="auth_failed"))

        async def is_known() -> bool:
            cameras = (await bench.sites.agents.view(ORG, SITE.id)).cameras
            return [camera.health for camera in cameras] == ["auth_failed"]

        await bench.until(is_known)


def _document(seq: int) -> dict[str, object]:
    return {"seq": seq}


async def test_documents_are_delivered_and_acknowledged(bench: SiteBench):
    """A due document is sent when the site says what it holds; the signed ack moves what we decide by."""
    agent = await bench.paired()
    bench.outbox.documents[0] = _document(1)
    async with bench.connected(agent) as pipe:
        pipe.say(agent.state())
        assert isinstance(await pipe.hear(), messages.GuardrailPack)
        policy = await pipe.hear()
        assert isinstance(policy, messages.Policy)
        pipe.say(agent.ack(policy, seq=1, sha256=FIRST))
        await bench.until(lambda: bench.sites.hub.online(agent.id).held.seq == 1)
        assert bench.sites.hub.problem_of(agent.id) == ""
        assert [answer.kind for answer in bench.outbox.answers] == ["ack"]

    stored = await bench.sites.agents.agent_of(SITE.id)
    assert (stored.acked_seq, stored.acked_sha256, stored.lineage) == (1, FIRST, agent.lineage)
    assert (await bench.kinds())[-1] == "policy.acknowledged"


async def test_an_ack_by_another_key_counts_for_nothing(bench: SiteBench):
    """Only the site's device key acknowledges."""
    agent, thief = await bench.paired(), MiniAgent(bench.clock)
    bench.outbox.documents[0] = _document(1)
    async with bench.connected(agent) as pipe:
        pipe.say(agent.state())
        await pipe.hear()
        policy = await pipe.hear()
        thief.pairing, thief.lineage = agent.pairing, agent.lineage
        pipe.say(thief.ack(policy, seq=1, sha256=FIRST))
        pipe.say(_beat(agent, "f9"))
        await bench.until(lambda: bench.sites.hub.fresh_of(agent.id) == "f9")
    assert (await bench.sites.agents.agent_of(SITE.id)).acked_seq == 0
    assert bench.outbox.answers == []


async def test_documents_come_again_after_a_restart(bench: SiteBench):
    """The gateway stops between sending and the ack: the new one asks sharing again and sends again."""
    agent = await bench.paired()
    bench.outbox.documents[0] = _document(1)
    async with bench.connected(agent) as pipe:
        pipe.say(agent.state())
        await pipe.hear()
        await pipe.hear()
        bench.sites.hub.close()
        assert await pipe.end() == 1001

    async with bench.dialled() as pipe:  # the site dials again before the socket is gone: no welcome, no new epoch
        assert await pipe.end() == 1001
    assert (await bench.sites.agents.agent_of(SITE.id)).epoch == agent.epoch

    bench.sites = bench.build()
    async with bench.connected(agent) as pipe:
        pipe.say(agent.state())
        await pipe.hear()
        policy = await pipe.hear()
        pipe.say(agent.ack(policy, seq=1, sha256=FIRST))
        await bench.until(lambda: bench.sites.hub.online(agent.id).held.seq == 1)


async def test_a_stale_site_is_given_what_it_needs(bench: SiteBench):
    """`policy_stale` names the document in force; sharing is asked again from there."""
    agent = await bench.paired()
    bench.outbox.documents |= {0: _document(1), 4: _document(5)}
    async with bench.connected(agent) as pipe:
        pipe.say(agent.state())
        await pipe.hear()
        policy = await pipe.hear()
        token = agent.says(classes.POLICY_STALE, re=policy.id, lineage=agent.lineage, seq=4, sha256=FIRST)
        pipe.say(frames.encode(messages.PolicyStale(id=agent.new_id(), re=policy.id, token=token)))
        rebuilt = await pipe.hear()
        assert isinstance(rebuilt, messages.Policy)
        assert rebuilt.document == _document(5)
        pipe.say(agent.ack(rebuilt, seq=5, sha256=SECOND))
        await bench.until(lambda: bench.sites.hub.online(agent.id).held.seq == 5)
    assert (await bench.sites.agents.agent_of(SITE.id)).acked_seq == 5


async def test_a_proposal_waits_on_site(lite: SiteBench):
    """The owner's page can say that a document waits for approval; the ack comes later, by itself."""
    agent = await lite.paired()
    lite.outbox.documents[0] = _document(1)
    async with lite.connected(agent) as pipe:
        pipe.say(agent.state())
        await pipe.hear()
        policy = await pipe.hear()
        proposed = messages.PolicyProposed(id=agent.new_id(), re=policy.id, sha256=FIRST)
        pipe.say(frames.encode(proposed))
        await lite.until(lambda: lite.sites.hub.online(agent.id).proposal == FIRST)
        del lite.outbox.documents[0]
        pipe.say(agent.ack(policy, seq=1, sha256=FIRST))
        await lite.until(lambda: lite.sites.hub.online(agent.id).proposal == "")


async def test_a_cleared_quarantine_starts_a_new_lineage(bench: SiteBench):
    """Only the site ends a quarantine, and what it acknowledged before no longer counts."""
    agent = await bench.paired()
    bench.outbox.documents[0] = _document(1)
    async with bench.connected(agent) as pipe:
        pipe.say(agent.state())
        await pipe.hear()
        pipe.say(agent.ack(await pipe.hear(), seq=1, sha256=FIRST))
        await bench.until(lambda: bench.sites.hub.online(agent.id).held.seq == 1)
        pipe.say(agent.state(seq=1, sha256=FIRST, states=("quarantined",)))
        await bench.until(lambda: bench.sites.hub.problem_of(agent.id) == "quarantined")
        pipe.say(agent.state(seq=1, sha256=FIRST))
        pipe.say(_beat(agent, "f5"))
        await bench.until(lambda: bench.sites.hub.fresh_of(agent.id) == "f5")
        assert bench.sites.hub.problem_of(agent.id) == "quarantined"
        agent.lineage = "a" * 32
        pipe.say(agent.state())
        await bench.until(lambda: bench.sites.hub.problem_of(agent.id) == "")

    stored = await bench.sites.agents.agent_of(SITE.id)
    assert (stored.state, stored.acked_seq, stored.acked_sha256) == (AgentState.ACTIVE, 0, NO_PARENT)
    assert "agent.cleared" in await bench.kinds()


async def test_a_promise_is_proved(bench: SiteBench):
    """Inclusion, growth and checkpoint come in one answer; a leaf without a number is asked for again."""
    agent = await bench.paired()
    ref = await bench.log.write()
    async with bench.connected(agent) as pipe:
        request = messages.LogProofRequest(
            id="a1", origin=bench.audit.origin, leaf_hash=ref.leaf_hash.hex(), have_size=0
        )
        pipe.say(frames.encode(request))
        problem = await pipe.hear()
        assert isinstance(problem, messages.Problem)
        assert problem.code == "not_yet"
        await bench.log.settle()
        pipe.say(frames.encode(request))
        proof = await pipe.hear()
        assert isinstance(proof, messages.LogProof)
        assert proof.checkpoint.startswith(bench.audit.origin)


async def test_revoking_ends_the_link(bench: SiteBench):
    """The owner takes the key away: the link ends at once and the cameras are free for the next agent."""
    agent = await bench.paired()
    async with bench.connected(agent) as pipe:
        pipe.say(_cards(agent, "c1"))
        await bench.until(lambda: _has_cameras(bench, 1))
        await bench.sites.agents.tick(owner(), SITE.id, {"c1": DOOR.id})
        await bench.sites.agents.revoke(owner(), SITE.id)
        assert await pipe.end() == 4403
    assert await bench.sites.agents.agent_camera_of(DOOR.id) is None


async def test_last_seen_is_written_in_batches(bench: SiteBench):
    """Heartbeats stay in memory until the flush."""
    agent = await bench.paired()
    async with bench.connected(agent) as pipe:
        bench.clock.advance(40)
        pipe.say(_beat(agent, "f2"))
        await bench.until(lambda: bench.sites.hub.fresh_of(agent.id) == "f2")
        before = (await bench.sites.agents.agent_of(SITE.id)).last_seen_at
        await bench.sites.hub.flush()
        after = (await bench.sites.agents.agent_of(SITE.id)).last_seen_at
    assert (after - before).total_seconds() == 40
