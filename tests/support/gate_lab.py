"""A gate before a media server that does as it is told, with the clock in the test's hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import anyio
import anyio.abc
from joserfc.jwk import ECKey

from gateway.kernel.keyring import TicketSigner
from gateway.live.engines.gate import HELD_S, GatedEngine
from gateway.live.engines.janus import FEATURES
from gateway.live.engines.ports import Leg, News, Passed, ServerRefusedError
from gateway.live.relay import protocol
from gateway.live.relay.client import RelayGoneError
from gateway.live.tickets import TicketIssuer, TicketReader
from partner_agent.rtc import sdp
from partner_agent.rtc.fragment import Fragment
from partner_agent.rtc.sdp_lines import Declined
from tests.fakes.clock import HeldClock
from tests.fakes.ids import SequentialIds
from tests.support.legs import ONE, TWO
from tests.support.waiting import until

SIGNER = TicketSigner(ECKey.generate_key("P-256"))
ANSWER = sdp.Call("serv", "p" * 22, ONE.fingerprint, "passive", "sendonly", 109, "42e01f", mid="v")


class Server:
    """Takes what it is told to take, and notes what it hears."""

    features = FEATURES
    is_ready = True

    def __init__(self) -> None:
        self.published: list[str] = []
        self.viewed: list[str] = []
        self.ended: list[str] = []
        self.restarted: list[tuple[str, str]] = []
        self.counts: dict[str, Passed] = {}
        self.is_mute = False
        self.kept = 0
        self.answer = ANSWER
        self.gate = anyio.Event()
        self.gate.set()
        self.is_refusing = False
        self.stopped = anyio.Event()
        self._legs = 0

    async def run(self, news: News) -> None:
        del news
        await self.stopped.wait()
        self.stopped = anyio.Event()
        raise RelayGoneError("killed")

    async def publish(self, publication: str, offer: str) -> Leg:
        del publication
        self.published.append(offer)
        return self._leg()

    async def view(self, uplink: str, offer: str) -> Leg:
        del uplink
        await self.gate.wait()
        if self.is_refusing:
            raise ServerRefusedError("no")
        self.viewed.append(offer)
        return self._leg()

    async def restart(self, leg_id: str, theirs: Fragment) -> Fragment:
        if self.is_refusing:
            raise ServerRefusedError("no")
        self.restarted.append((leg_id, theirs.user_fragment))
        return Fragment("again", "q" * 22, (), is_last=True)

    async def passed(self, leg_id: str) -> Passed | None:
        if self.is_mute:
            await anyio.sleep_forever()
        return self.counts.get(leg_id)

    async def end(self, leg_id: str) -> None:
        self.ended.append(leg_id)

    async def keep(self) -> None:
        self.kept += 1

    def _leg(self) -> Leg:
        self._legs += 1
        return Leg(f"leg_{self._legs}", self.answer)


class Lab:
    """A gate, its server, and who calls."""

    def __init__(self, tasks: anyio.abc.TaskGroup, held_s: float) -> None:
        self.tasks, self.server, self.clock, ids = tasks, Server(), HeldClock(), SequentialIds()
        self.events: list[protocol.Event] = []
        self.gone = 0
        self.publisher = ""  # the name only the publisher knows
        self.answers: list[protocol.Answer] = []
        reader = TicketReader(public_jwk=dict(SIGNER.public.jwk), issuer="gw", relay="relay-1", clock=self.clock)
        self.tickets = TicketIssuer(key=SIGNER, issuer="gw", clock=self.clock, ids=ids)
        self.gate = GatedEngine(
            server=self.server,
            fingerprint=ONE.fingerprint,
            tickets=reader,
            on_event=self._on_event,
            on_gone=self._on_gone,
            clock=self.clock,
            ids=ids,
            held_s=held_s,
        )

    async def _on_event(self, event: protocol.Event) -> None:
        self.events.append(event)

    async def _on_gone(self) -> None:
        self.gone += 1

    async def publish(self, offer: str = "") -> protocol.Answer:
        ticket = self.tickets.for_publication(publication="pub_1", camera="cam", agent="agt", relay="relay-1")
        answer = await self.gate.whip("pub_1", ticket, offer or offered("sendonly", ONE.fingerprint))
        self.publisher = answer.resource
        self.gate.up("leg_1")
        return answer

    def call(self, session: str = "ses_1") -> None:
        """A viewer calls; the answer is noted when it comes."""

        async def run() -> None:
            fingerprint = TWO.fingerprint
            ticket = self.tickets.for_viewer(session=session, camera="cam", fingerprint=fingerprint, relay="relay-1")
            self.answers.append(await self.gate.whep(session, ticket, offered("recvonly", fingerprint)))

        self.tasks.start_soon(run)

    async def admit(self, session: str = "ses_1", valid_s: float = 60) -> bool:
        admitted = {"session": session, "publication": "pub_1", "fingerprint": ONE.fingerprint}
        return await self.gate.admit(**admitted, valid_s=valid_s)

    async def watch(self) -> None:
        await self.publish()
        await self.admit()
        self.call()
        await until(lambda: self.answers)

    async def patch(self, resource: str, text: str, *tags: str) -> protocol.Answer:
        """By the viewer of `ses_1`."""
        return await self.gate.patch("ses_1", resource, list(tags), text)

    async def seconds(self, number: int) -> None:
        """They pass one by one, under a lease."""
        for _ in range(number):
            await self.gate.lease(["ses_1"])
            self.clock.advance(1)
            await anyio.wait_all_tasks_blocked()

    def reasons(self) -> list[str]:
        return [event.reason for event in self.events if isinstance(event, protocol.ViewerGone)]


DECLINED = Declined("audio", "UDP/TLS/RTP/SAVPF", "111 0", "1", 1)


def offered(direction: sdp.Direction, fingerprint: str) -> str:
    """An offer as a browser with a microphone makes it."""
    call = sdp.Call("user", "w" * 22, fingerprint, "actpass", direction, 109, "42e01f", candidates=())
    return sdp.write(replace(call, declined=(DECLINED,)))


@asynccontextmanager
async def lab(held_s: float = HELD_S) -> AsyncIterator[Lab]:
    """A gate that runs, the clock in the test's hand."""
    async with anyio.create_task_group() as tasks:
        running = Lab(tasks, held_s)
        tasks.start_soon(running.gate.run)
        yield running
        tasks.cancel_scope.cancel()
