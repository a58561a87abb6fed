"""The link: both ends prove, the epoch catches a copy, nothing malformed is taken, and it comes back by itself."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from partner_agent import link
from partner_agent.assembly import Adapters, Agent
from partner_agent.channels import LinkLostError
from partner_agent.identity import Identity
from partner_agent.link import PONG_S, QUIET_S
from partner_agent.wire import classes, handshake
from partner_agent.wire import messages as m
from partner_agent.wire.frames import MalformedError, decode, encode
from partner_agent.wire.limits import LEASE_VALID_S
from partner_agent.wire.tokens import LocalSigner, TokenError
from tests.fakes.clock import FakeClock
from tests.support.agents import Bench
from tests.support.lying_gateway import AGENT, GATEWAY, URL

pytestmark = pytest.mark.anyio


class OtherEnd:
    """The gateway's end of one connection in memory; also the dialler that opens it."""

    def __init__(self, bench: Bench, **lies: Any) -> None:
        self.bench, self.lies = bench, lies
        self.heard: list[m.Message] = []
        self.closed_with: list[int] = []
        self.asked = 0
        self._to_agent, self._frames = anyio.create_memory_object_stream[bytes](64)
        self.epoch = lies.get("epoch")

    async def dial(self, url: str) -> "OtherEnd":
        if self.lies.get("down"):
            raise LinkLostError("down")
        await self.say(m.Challenge(id="c", nonce="n", aud=self.lies.get("aud", url), time="now"))
        return self

    async def send(self, frame: bytes) -> None:
        message = decode(frame)
        assert isinstance(message, m.Message)
        self.heard.append(message)
        if isinstance(message, m.Proof):
            await self._welcome(message)

    async def _welcome(self, message: m.Proof) -> None:
        gateway = self.bench.gateway
        proof = handshake.check_proof(message.token, self.bench.device.public, agent=AGENT, url=URL, nonce="n")
        if "key_sets" in self.lies:
            await self.say(m.KeySets(id="k", tokens=self.lies["key_sets"]))
        signer = self.lies.get("signer", gateway.keys["link"])
        token = handshake.make_welcome(
            signer.only(classes.WELCOME),
            proof,
            gateway=GATEWAY,
            epoch=proof.epoch + 1 if self.epoch is None else self.epoch,
            link="lnk_1",
            now=self.bench.clock.now(),
        )
        await self.say(m.Welcome(id="w", re=message.id, token=token))

    async def say(self, message: m.Message) -> None:
        await self._to_agent.send(encode(message))

    async def raw(self, frame: bytes) -> None:
        await self._to_agent.send(frame)

    async def frames(self) -> AsyncIterator[bytes]:
        async for frame in self._frames:
            yield frame
        raise LinkLostError("gone")

    async def answers(self) -> bool:
        self.asked += 1
        if self.lies.get("mute"):
            await anyio.sleep_forever()
        return True

    def abandon(self) -> None:
        self._to_agent.close()

    async def close(self, code: int, reason: str) -> None:
        self.closed_with.append(code)

    def of(self, kind: type[m.Message]) -> list[m.Message]:
        return [message for message in self.heard if isinstance(message, kind)]


@pytest.fixture
def bench(tmp_path: Path, clock: FakeClock) -> Bench:
    """A paired site."""
    return Bench(tmp_path, clock)


def _with_link(bench: Bench, other: OtherEnd) -> Agent:
    old = bench.agent
    bench.agent.outbox.close()
    fields = {name: getattr(old.world, name) for name in Adapters.__dataclass_fields__}
    world = Adapters(**{**fields, "dialler": other})
    bench.agent = Agent(
        settings=bench.settings, store=bench.store, identity=Identity(bench.store), device=bench.device, world=world
    )
    return bench.agent


async def _link_up(bench: Bench, other: OtherEnd, during: Any = None) -> Agent:
    """One connection, from dialling until the agent has nothing more to say."""
    agent = _with_link(bench, other)
    async with bench.at_work(), anyio.create_task_group() as tasks:
        tasks.start_soon(_once, agent)
        await anyio.wait_all_tasks_blocked()
        if during:
            await during(agent)
            await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    return agent


async def _once(agent: Agent) -> None:
    try:
        await agent.link._once(agent.pulse.on_up, agent.desk.take)
    except (LinkLostError, TokenError, MalformedError) as error:
        agent.link._lost(error)


async def test_a_link_comes_up_and_says_what_is_so(bench: Bench):
    """Proof, ack with the next epoch, then state, cameras and black areas."""
    other = OtherEnd(bench)
    agent = await _link_up(bench, other)

    assert [type(message) for message in other.heard] == [m.Proof, m.Ack, m.SiteState, m.Cameras, m.Areas]
    assert (other.of(m.Ack)[0].epoch, agent.identity.epoch) == (1, 1)


async def test_the_document_in_force_is_acknowledged_on_every_new_link(bench: Bench):
    """An ack that was lost with the last link is made good."""
    bench.share()
    other = OtherEnd(bench)
    await _link_up(bench, other)

    assert bench.claims(other.of(m.PolicyAck)[0])["seq"] == 1


async def _silence(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, *, is_watched: bool, silent_s: float, **lies: Any
) -> OtherEnd:
    """A link on which nothing is heard for so long."""
    monkeypatch.setattr(link, "LOOK_S", 0.001)
    monkeypatch.setattr(link, "PONG_S", 0.001)
    other = OtherEnd(bench, **lies)

    async def pass_by(agent: Agent) -> None:
        agent.link._is_watched = lambda: is_watched
        bench.clock.advance(silent_s)
        await anyio.sleep(0.05)

    await _link_up(bench, other, pass_by)
    return other


async def test_a_dead_way_is_noticed_while_somebody_watches(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    """Leases should have come; no answer either: the link is let go, for another one, before the leases end."""
    await _silence(bench, monkeypatch, is_watched=True, silent_s=QUIET_S + 0.1, mute=True)

    assert bench.agent.journal.newest(1)[0].body["why"] == "the gateway was silent while somebody watched"
    assert QUIET_S + PONG_S <= LEASE_VALID_S / 2


@pytest.mark.parametrize(
    ("is_watched", "silent_s", "is_mute"),
    [(True, QUIET_S, False), (True, QUIET_S - 1, True), (False, 100.0, True)],
)
async def test_a_link_is_kept_where_it_answers_or_nothing_is_due(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    is_watched: bool,
    silent_s: float,
    is_mute: bool,
):
    """A busy gateway that answers is not left; where nobody watches silence is no sign of anything."""
    other = await _silence(bench, monkeypatch, is_watched=is_watched, silent_s=silent_s, mute=is_mute)

    assert bench.agent.journal.newest(1)[0].kind == "link_up"
    assert (other.asked > 0) is not is_mute


@pytest.mark.parametrize(
    "lies",
    [
        {"aud": "wss://other.example/agent/v1"},
        {"signer": LocalSigner.generate("Ed25519")},
        {"key_sets": ["nonsense"]},
    ],
    ids=["another address", "another key", "no key set"],
)
async def test_a_gateway_that_cannot_prove_itself_gets_no_ack(bench: Bench, lies: dict[str, Any]):
    """The agent hangs up before it has said anything but its proof, and its epoch does not move."""
    other = OtherEnd(bench, **lies)
    agent = await _link_up(bench, other)

    assert other.of(m.Ack) == []
    assert agent.identity.epoch == 0


async def test_an_epoch_that_jumps_is_quarantine_and_keeps_the_link(bench: Bench):
    """Somebody else went on with this identity: nothing is released, narrowings still get in."""
    bench.share()
    other = OtherEnd(bench, epoch=7)

    async def narrow(agent: Agent) -> None:
        from tests.policies import build

        document = bench.gateway.document(build.policy(), agent.policy.position)
        await other.say(m.Policy(id="d", document=dict(document.raw)))

    agent = await _link_up(bench, other, narrow)

    assert agent.switches.is_quarantined
    assert "quarantined" in other.of(m.SiteState)[0].states
    assert agent.policy.position.seq == 2


async def test_a_new_key_set_comes_before_the_welcome(bench: Bench):
    """After every key was replaced, the chain of key sets alone lets the welcome be verified."""
    bench.gateway.keys["link"] = LocalSigner.generate("Ed25519")
    following = bench.gateway.next_key_set(bench.gateway.key_set)
    other = OtherEnd(bench, key_sets=[following.token])
    agent = await _link_up(bench, other)

    assert other.of(m.Ack) != []
    assert Identity(bench.store).key_set.version == agent.identity.key_set.version == 2


async def test_a_clock_far_ahead_does_not_lock_the_owner_out(bench: Bench, clock: FakeClock):
    """With clock_skew the link key's expiry is not judged, so narrowings still arrive."""
    bench.sync.synced = False
    clock.step_wall(400 * 24 * 3600)
    other = OtherEnd(bench)
    await _link_up(bench, other)

    assert "clock_skew" in other.of(m.SiteState)[0].states


@pytest.mark.parametrize("frame", [b"{}", b'{"t":"noted"}', b"\x00", b'{"id":"x","t":"end","v":1}'])
async def test_a_malformed_frame_closes_the_link(bench: Bench, frame: bytes):
    """1007, and nothing of it is taken."""
    other = OtherEnd(bench)

    async def send(_: Agent) -> None:
        await other.raw(frame)

    await _link_up(bench, other, send)

    assert 1007 in other.closed_with


async def test_an_unknown_message_is_answered_unsupported(bench: Bench):
    """A newer gateway learns what this agent does not know, and the link goes on."""
    other = OtherEnd(bench)

    async def send(_: Agent) -> None:
        await other.raw(b'{"id":"x","t":"teleport","v":1}')

    await _link_up(bench, other, send)

    assert other.of(m.Unsupported)[0].tag == "teleport"


async def test_a_fresh_dies_with_its_link(bench: Bench):
    """What the last link's heartbeats said binds nothing any more."""
    other = OtherEnd(bench)
    agent = await _link_up(bench, other)

    assert agent.fresh.sent_at(other.of(m.Ack)[0].fresh) is None


async def test_a_gateway_that_does_not_read_loses_the_link(bench: Bench):
    """The outbox is bounded; what must arrive is repeated on the next link."""
    agent = _with_link(bench, OtherEnd(bench))
    agent.outbox.open()
    for number in range(300):
        agent.outbox.post(m.Noted(id=str(number)))

    assert agent.outbox.overflow.is_set()
    assert not agent.outbox.is_open


async def test_back_off_is_jittered_and_bounded(bench: Bench):
    """Between nothing and a bound that doubles from one second to five minutes."""
    agent = _with_link(bench, OtherEnd(bench, down=True))
    waits = [agent.link.pause_s() for _ in range(50)]

    assert all(0 <= wait <= 300 for wait in waits)
    assert waits[0] <= 1
    assert max(waits[9:]) > 60
    assert len(set(waits)) == 50


async def test_a_heartbeat_goes_every_thirty_seconds_and_every_three_while_somebody_looks(
    bench: Bench, clock: FakeClock
):
    """The lease needs a fresh value at least every three seconds."""
    bench.share()
    async with bench.at_work():
        bench.agent.pulse.on_up()
        clock.advance(29)
        bench.agent.pulse.beat()
        assert bench.heard(m.Heartbeat) == []
        clock.advance(1)
        bench.agent.pulse.beat()
        assert len(bench.heard(m.Heartbeat)) == 1
        await bench.send_grant()
        clock.advance(3)
        bench.agent.pulse.beat()

        assert len(bench.heard(m.Heartbeat)) == 1


async def test_health_is_an_allow_list(bench: Bench, clock: FakeClock):
    """Ids and words, and nothing about the machine but free disk and running time."""
    bench.agent.pulse.on_up()
    clock.advance(30)
    bench.agent.pulse.beat()

    (beat,) = bench.heard(m.Heartbeat)
    assert set(beat.health.__struct_fields__) == {"cameras", "sessions", "uptime_s", "disk_free_percent"}
    assert {camera.state for camera in beat.health.cameras} == {"ok"}
