"""What the rows are measured on: a relay process as the product runs it, viewers and sources in another, perhaps Janus.

The bench is the relay's gateway: it takes the calls' tickets, admits, and sends the lease. Relay and Janus share one
processor and are never fed at the same time; whatever drives them has the other.
"""

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from gateway.live.relay import protocol
from partner_agent.simulator import footage
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.limits import LEASE_PERIOD_S
from tests.bench.live import clip, processor
from tests.bench.live.hand import Hand, load
from tests.bench.live.janus import RTP_PORT, Janus, janus
from tests.support.relays import RELAY, RunningRelay, running_relay

GCM = "SRTP_AEAD_AES_128_GCM"
AT_ONCE = 8  # calls on their way
SETTLE_S = 1.0  # after a feed began, before counting; and after it ended
END_S = 5.0
VALID_S = 3_600.0


@dataclass(frozen=True, slots=True)
class Slice:
    """What one engine did in a span of time.

    Attributes:
        cpu_s: its processor time.
        wall_s: how long it was watched.
        counts: packets that came at each viewer.
        lost: gaps, over all viewers.
    """

    cpu_s: float
    wall_s: float
    counts: list[int]
    lost: int

    @property
    def us_per_packet(self) -> float:
        """Processor time of one packet to one viewer, with everything else the engine did meanwhile."""
        return self.cpu_s / sum(self.counts) * 1e6

    @property
    def share(self) -> float:
        """Per cent of one core."""
        return 100 * self.cpu_s / self.wall_s


@dataclass
class Stage:
    """A relay, its load, and perhaps a peer.

    Attributes:
        sessions: who watches at the relay, in the order they came.
    """

    relay: RunningRelay
    load: Hand
    peer: Janus | None
    sessions: list[str] = field(default_factory=list)
    publications: list[str] = field(default_factory=list)
    _number: int = 0

    @property
    def pid(self) -> int:
        """The relay's process."""
        assert self.relay.child.pid is not None
        return self.relay.child.pid

    async def publish(self, count: int = 1) -> None:
        """Let sources publish; they do not play yet."""
        for _ in range(count):
            name = f"pub_{len(self.publications)}"
            offer = await self.load.ask("publish", name=name)
            ticket = self.relay.tickets.for_publication(publication=name, camera="cam", agent="agt", relay=RELAY)
            answer = await self.relay.client.whip(name, ticket, offer["sdp"])
            await self._accept(name, answer)
            self.publications.append(name)

    async def watch(self, count: int) -> None:
        """Let so many more viewers watch the first publication; the very first one checks each packet."""
        names = [f"ses_{self._number + number}" for number in range(count)]
        self._number += count
        await _at_once(names, self._watch)

    async def call(self, count: int) -> None:
        """Let the peer call so many viewers; the first one checks each packet."""
        assert self.peer is not None
        await self.load.ask("aim", name="plain", port=RTP_PORT)
        await _at_once([f"jan_{number}" for number in range(count)], self._call)

    async def slice(self, source: str, pid: int, prefix: str, *, seconds: float) -> Slice:
        """Play one source to one engine and see what that takes; whatever played before has stopped."""
        await self.load.ask("play", names=[source] if source else self.publications)
        await anyio.sleep(SETTLE_S)
        found = await self.watched(pid, prefix, seconds=seconds)
        await self.load.ask("play", names=[])
        await anyio.sleep(SETTLE_S / 4)
        return found

    async def watched(self, pid: int, prefix: str, *, seconds: float) -> Slice:
        """What an engine does while `seconds` pass."""
        clock = SystemClock()
        began_s, cpu_s, before = clock.monotonic(), processor.seconds(pid), await self.load.ask("counts", prefix=prefix)
        await anyio.sleep(seconds)
        ended_s, cpu_s, after = (
            clock.monotonic(),
            processor.seconds(pid) - cpu_s,
            await self.load.ask("counts", prefix=prefix),
        )
        counts = [b - a for a, b in zip(before["counts"], after["counts"], strict=True)]
        return Slice(cpu_s, ended_s - began_s, counts, sum(after["lost"]) - sum(before["lost"]))

    async def drop(self, sessions: list[str]) -> None:
        """End these views; forwarding has stopped when this returns."""
        gone = set(sessions)
        self.sessions = [session for session in self.sessions if session not in gone]
        await self.relay.client.drop(sessions)

    async def keep(self) -> None:
        """Send the lease, as a gateway does, until cancelled."""
        while True:
            await self.relay.client.lease(self.sessions)
            await anyio.sleep(LEASE_PERIOD_S)

    async def end(self) -> None:
        """Let everybody go before the relay does."""
        await self.drop(self.sessions)
        with anyio.move_on_after(END_S):
            while (await self.relay.client.figures())["calls"]:  # noqa: ASYNC110 -- the relay tells no such event
                await anyio.sleep(0.05)

    async def _watch(self, name: str) -> None:
        fingerprint = self.load.fingerprint
        offer = await self.load.ask("offer", name=name, is_checker=name == "ses_0")
        ticket = self.relay.tickets.for_viewer(session=name, camera="cam", fingerprint=fingerprint, relay=RELAY)
        self.sessions.append(name)
        await self._accept(name, await self.relay.client.whep(name, ticket, offer["sdp"]))
        publication = self.publications[0]
        await self.relay.client.admit(session=name, publication=publication, fingerprint=fingerprint, valid_s=VALID_S)

    async def _accept(self, name: str, answer: protocol.Answer) -> None:
        if answer.status != 201:
            raise RuntimeError(f"the relay answers {name} with {answer.status}")
        _demand_repair(name, answer.sdp)
        _demand_gcm(name, (await self.load.ask("accept", name=name, sdp=answer.sdp))["profile"])

    async def _call(self, name: str) -> None:
        assert self.peer is not None
        offer = await self.peer.call(name)
        _demand_repair(name, offer)
        answer = await self.load.ask("answer", name=name, sdp=offer, is_checker=name == "jan_0")
        await self.peer.answered(name, answer["sdp"])
        _demand_gcm(name, (await self.load.ask("connected", name=name))["profile"])


@asynccontextmanager
async def stage(
    folder: Path, *, host: str, encoding: footage.Encoding = clip.FULL, has_peer: bool = False
) -> AsyncIterator[Stage]:
    """A stage while inside the block, with everything on its processor."""
    async with AsyncExitStack() as stack:
        loop = await anyio.to_thread.run_sync(clip.make, folder / "loop.h264", encoding)
        relay = await stack.enter_async_context(running_relay(folder, media_address=host))
        hand = await stack.enter_async_context(load(host=host, loop=loop, fps=encoding.fps))
        peer = await stack.enter_async_context(janus(folder, host=host)) if has_peer else None
        running = Stage(relay, hand, peer)
        processor.pin(hand.pid, processor.LOAD)
        for pid in [running.pid, *([peer.pid] if peer else [])]:
            processor.pin(pid, processor.MEASURED)
        tasks = await stack.enter_async_context(anyio.create_task_group())
        tasks.start_soon(running.keep)
        yield running
        await running.end()
        tasks.cancel_scope.cancel()


async def _at_once(names: Sequence[str], work: Callable[[str], Awaitable[None]]) -> None:
    """Do `work` for every name, `AT_ONCE` at a time; the first alone, so that what is wrong is seen at once."""
    await work(names[0])
    for turn in range(math.ceil((len(names) - 1) / AT_ONCE)):
        async with anyio.create_task_group() as tasks:
            for name in names[1 + turn * AT_ONCE : 1 + (turn + 1) * AT_ONCE]:
                tasks.start_soon(work, name)


def _demand_gcm(name: str, profile: str) -> None:
    if profile != GCM:
        raise RuntimeError(f"{name} speaks {profile}, and both sides must speak {GCM}")


def _demand_repair(name: str, text: str) -> None:
    """Whoever sends must repeat lost packets, and keep them for that: it is part of the cost."""
    if "nack" not in {line.rpartition(" ")[2] for line in text.splitlines()} or " rtx/90000" not in text:
        raise RuntimeError(f"{name} was not offered retransmission")
