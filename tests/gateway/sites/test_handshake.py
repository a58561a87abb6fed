"""The handshake: who is turned away, what a copied disk meets, and that key sets come before the welcome."""

from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest

from gateway.kernel.keyring import replace_live_keys
from gateway.sites.handshake import STRANGERS_PER_ADDRESS
from gateway.sites.model import AgentState, next_epoch
from partner_agent.wire import classes, frames, messages
from partner_agent.wire.tokens import LocalSigner, numeric_date
from tests.support.site_bench import LINK_URL, SITE, MiniAgent, SiteBench, owner

pytestmark = pytest.mark.anyio


async def _state(bench: SiteBench) -> AgentState:
    return (await bench.sites.agents.agent_of(SITE.id)).state


async def _refused(bench: SiteBench, frame: Any) -> int:
    """The code with which the gateway answers `frame(challenge)`."""
    async with bench.dialled() as pipe:
        challenge = await pipe.hear()
        pipe.say(frame(challenge))
        return await pipe.end()


@pytest.mark.parametrize(
    "changed",
    [
        {"nonce": "another"},
        {"url": "wss://evil.example/agent/v1"},
        {"signer": LocalSigner.generate("ES256")},
        {"agent": "agt_" + "0" * 26},
        {"now": "ten years"},
    ],
    ids=["replayed", "for another gateway", "by another key", "as another agent", "for ten years"],
)
async def test_a_wrong_proof_is_turned_away(lite: SiteBench, changed: dict[str, Any]):
    """One code for everything that can be wrong with a proof."""
    agent = await lite.paired()

    def frame(challenge: messages.Challenge) -> bytes:
        if changed.get("now"):
            return frames.encode(messages.Proof(id="m", agent=agent.id, token=_ten_years(agent, challenge.nonce)))
        return frames.encode(agent.proof(challenge, **changed))

    assert await _refused(lite, frame) == 4401
    assert await _state(lite) is AgentState.PENDING


def _ten_years(agent: MiniAgent, nonce: str) -> str:
    now = numeric_date(agent.clock.now())
    claims = {"iss": agent.id, "aud": LINK_URL, "iat": now, "exp": now + 315_360_000, "nonce": nonce}
    more = {"agent_nonce": "n", "epoch": 0, "boot_id": "b", "ver": "0.1", "keyset_version": 1, "lineage": ""}
    return agent.device.sign(classes.PROOF, claims | more)


async def test_a_proof_heard_on_another_connection_is_turned_away(lite: SiteBench):
    """A proof answers one challenge; heard by others it is worth nothing."""
    agent = await lite.paired()
    heard: list[bytes] = []
    async with lite.dialled() as pipe:
        heard.append(frames.encode(agent.proof(await pipe.hear())))

    assert await _refused(lite, lambda _challenge: heard[0]) == 4401


async def test_another_token_class_is_no_proof(lite: SiteBench):
    """A statement the same key signed for something else does not open the link."""
    agent = await lite.paired()
    token = agent.says(classes.POLICY_ACK, re="m", lineage=agent.lineage, seq=1, sha256="0" * 64)

    frame = frames.encode(messages.Proof(id="m", agent=agent.id, token=token))
    assert await _refused(lite, lambda _challenge: frame) == 4401


@pytest.mark.parametrize(
    "frame",
    [b"", b"[]", b'{"t":"proof"}', b'{"t": "proof"}', b"\xff", b"x" * 70_000, b'{"a":1,"a":2}', b"[" * 40_000],
    ids=["empty", "no object", "no id", "spaces", "not UTF-8", "too large", "duplicate", "deep"],
)
async def test_a_malformed_first_frame_is_turned_away(lite: SiteBench, frame: bytes):
    """Whatever a stranger sends, it gets the same code and nothing raises."""
    assert await _refused(lite, lambda _challenge: frame) == 4401


async def test_another_message_first_is_turned_away(lite: SiteBench):
    """A stranger that is no agent cannot start with anything but its proof."""
    agent = await lite.paired()
    assert await _refused(lite, lambda _challenge: agent.state()) == 4401


async def test_a_non_canonical_proof_is_turned_away(lite: SiteBench):
    """The right proof in other spelling is refused: nothing can hide in a frame."""
    agent = await lite.paired()

    def frame(challenge: messages.Challenge) -> bytes:
        return frames.encode(agent.proof(challenge)).replace(b'","', b'", "')

    assert await _refused(lite, frame) == 4401


async def test_an_unknown_agent_gets_the_same_answer(lite: SiteBench):
    """Nobody learns by trying which agents exist."""
    agent = await lite.paired()
    agent.pairing["agent"] = "agt_" + "0" * 26

    assert await _refused(lite, lambda challenge: frames.encode(agent.proof(challenge))) == 4401


async def test_a_revoked_agent_is_told_so(lite: SiteBench):
    """It proves its key and learns that the key is dead, so that it stops trying."""
    agent = await lite.paired()
    await lite.sites.agents.revoke(owner(), SITE.id)

    assert await _refused(lite, lambda challenge: frames.encode(agent.proof(challenge))) == 4403


async def test_too_old_a_program_is_told_so(lite: SiteBench):
    """Version 0.0 does not speak this protocol."""
    agent = await lite.paired()

    for version in ("0.0.9", "nonsense"):
        frame = lambda challenge, v=version: frames.encode(agent.proof(challenge, version=v))  # noqa: E731
        assert await _refused(lite, frame) == 4426


async def test_silence_is_cut(lite: SiteBench, monkeypatch: pytest.MonkeyPatch):
    """Who does not prove itself in time is disconnected; five seconds in the program, none here."""
    monkeypatch.setattr(lite.sites.hub._handshakes, "_limit_s", 0.0)
    async with lite.dialled() as pipe:
        assert await pipe.end() == 4408


async def test_one_address_cannot_flood(lite: SiteBench):
    """Twenty strangers of one address at a time; others still come in."""
    async with AsyncExitStack() as stack:
        for _ in range(STRANGERS_PER_ADDRESS):
            pipe = await stack.enter_async_context(lite.dialled("203.0.113.9"))
            await pipe.hear()
        extra = await stack.enter_async_context(lite.dialled("203.0.113.9"))
        assert await extra.end() == 4429
        other = await stack.enter_async_context(lite.dialled("203.0.113.10"))
        assert isinstance(await other.hear(), messages.Challenge)
    async with lite.dialled("203.0.113.9") as pipe:
        assert isinstance(await pipe.hear(), messages.Challenge)


async def test_an_agent_is_greeted(bench: SiteBench):
    """Challenge, proof, welcome, ack: the agent is active and its epoch moved by one."""
    agent = await bench.paired()
    async with bench.connected(agent):
        assert (agent.epoch, await _state(bench)) == (1, AgentState.ACTIVE)
    async with bench.connected(agent):
        assert agent.epoch == 2


async def test_a_lost_welcome_is_forgiven(bench: SiteBench):
    """A welcome that was never acknowledged may have been lost: the epoch before it counts once more."""
    agent = await bench.paired()
    async with bench.connected(agent):
        pass
    async with bench.dialled() as pipe:
        assert await agent.greet(pipe, is_acking=False) == 2

    async with bench.connected(agent):
        assert (agent.epoch, await _state(bench)) == (2, AgentState.ACTIVE)


async def test_a_copied_disk_is_quarantined(bench: SiteBench):
    """An epoch that was acknowledged before is a copy: quarantined, leaf written, link kept, no way back by itself."""
    agent = await bench.paired()
    async with bench.connected(agent):
        copied = agent.epoch
    async with bench.connected(agent):
        pass
    true_epoch = agent.epoch
    agent.epoch = copied

    async with bench.connected(agent):
        assert agent.epoch > true_epoch + 1  # the welcome jumps, so the agent sees it too
        assert await _state(bench) is AgentState.QUARANTINED
        assert bench.sites.hub.problem_of(agent.id) == "quarantined"
    agent.epoch = true_epoch
    async with bench.connected(agent):
        assert await _state(bench) is AgentState.QUARANTINED
    assert (await bench.kinds()).count("agent.quarantined") == 2


async def test_a_gateway_set_back_is_noticed(bench: SiteBench):
    """An agent ahead of us (our database was restored) is quarantined as well."""
    agent = await bench.paired()
    agent.epoch = 7
    async with bench.connected(agent):
        assert (agent.epoch > 8, await _state(bench)) == (True, AgentState.QUARANTINED)


async def test_a_second_connection_supersedes(bench: SiteBench):
    """The right epoch cannot be in two places: the newer connection stays."""
    agent = await bench.paired()
    async with bench.connected(agent) as first, bench.dialled() as second:
        await agent.greet(second)
        assert await first.end() == 4409
        assert bench.sites.hub.is_online(agent.id)


async def test_key_sets_come_before_the_welcome(bench: SiteBench):
    """An agent that was away while every key changed follows the chain and then believes the new link key."""
    agent = await bench.paired()
    assert agent.keys
    bench.keyring = replace_live_keys(bench.folder / "keys")
    bench.sites = bench.build()
    await bench.sites.key_sets.ensure_current()
    bench.clock.advance(timedelta(days=95).total_seconds())
    await bench.sites.key_sets.ensure_current()

    async with bench.connected(agent):
        assert agent.keys.version == 3


def test_the_epoch_rule():
    """Right: the last one, or the one before if its welcome was never acknowledged; everything else is a copy."""
    assert next_epoch(5, is_acknowledged=True, claimed=5) == 6
    assert next_epoch(5, is_acknowledged=False, claimed=4) == 5
    for claimed in (3, 4, 6, 7):
        assert next_epoch(5, is_acknowledged=True, claimed=claimed) is None
    assert next_epoch(5, is_acknowledged=False, claimed=3) is None
