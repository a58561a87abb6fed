"""A relay at an IPv6 address, at one of each family, or behind a router: what a site sends reaches who watches."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.abc
import httpx
import pytest

from gateway.live.relay.protocol import PublicationUp
from partner_agent.rtc import certificate, fragment, sdp
from partner_agent.rtc.fragment import Fragment
from partner_agent.rtc.mux import UdpPort
from partner_agent.rtc.whip import Publication, Publisher, PublishTarget
from partner_agent.simulator.camera import Stream
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from tests.support import cameras, relays
from tests.support.legs import TWO, End
from tests.support.lossy import LossyWay
from tests.support.relays import RELAY, RunningRelay
from tests.support.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
SIX, FOUR, OUTSIDE = "::1", "127.0.0.1", "127.0.0.9"


class Street:
    """A relay, a site that publishes to it, and people who watch."""

    def __init__(self, relay: RunningRelay, stream: Stream, tasks: anyio.abc.TaskGroup) -> None:
        self.relay, self._stream, self._tasks = relay, stream, tasks
        self._clock = SystemClock()

    async def publish(self, *, media_address: str = "") -> Publication:
        """As an agent does that was told of no address of its own, or of this one."""
        publisher = Publisher(
            http=httpx.AsyncClient(transport=httpx.MockTransport(self._whip)),
            identity=certificate.generate(self._clock.now()),
            media_address=media_address,
            allows_address=lambda address: address.is_loopback,
            clock=self._clock,
            ids=SystemIds(),
        )
        ticket = self.relay.tickets.for_publication(publication="pub_1", camera="cam", agent="agt", relay=RELAY)
        target = PublishTarget("http://localhost/whip/pub_1", ticket, self.relay.hello.fingerprint)
        publication = await publisher.publish(relays.play(self._stream), target, tasks=self._tasks)
        await self.relay.event(PublicationUp)
        self.fingerprint = publisher.fingerprint
        return publication

    async def watch(self, address: str, session: str) -> End:
        """From this address, by whatever the answer names."""
        end = End(await UdpPort.open(address), TWO, is_controlling=True)
        leg = end.leg
        offer = sdp.write(
            sdp.Call(leg.user_fragment, leg.password, TWO.fingerprint, "actpass", "recvonly", 96, "42e01f")
        )
        ticket = self.relay.tickets.for_viewer(session=session, camera="cam", fingerprint=TWO.fingerprint, relay=RELAY)
        await self.relay.client.admit(
            session=session, publication="pub_1", fingerprint=self.fingerprint, valid_s=60, sound=False
        )
        said = await self.relay.client.whep(session, ticket, offer)
        call = sdp.parse(said.sdp)
        for candidate in call.candidates:
            await leg.add_candidate(candidate)
        with anyio.fail_after(10):
            await leg.connect(
                user_fragment=call.user_fragment, password=call.password, fingerprint=call.fingerprint, role="client"
            )
        self._tasks.start_soon(end.report)
        self.resource, self.candidates = said.resource, call.candidates
        return end

    async def _whip(self, request: httpx.Request) -> httpx.Response:
        if request.method == "DELETE":
            return httpx.Response(200)
        ticket = request.headers["authorization"].removeprefix("Bearer ")
        answer = await self.relay.client.whip("pub_1", ticket, request.content.decode())
        return httpx.Response(answer.status, text=answer.sdp, headers={"location": "/whip/pub_1/call"})


@asynccontextmanager
async def street(folder: Path, address: str, *, beside: str = "") -> AsyncIterator[Street]:
    """A relay there, with nobody as yet."""
    stream = cameras.small_stream(cameras.make_film(folder / "film.mp4"), folder, gop_frames=15)
    async with (
        relays.running_relay(folder, media_address=address, beside=beside) as relay,
        anyio.create_task_group() as tasks,
    ):
        yield Street(relay, stream, tasks)
        tasks.cancel_scope.cancel()


def hosts(candidates: tuple[str, ...]) -> list[str]:
    """The addresses they name."""
    return [candidate.split()[4] for candidate in candidates]


async def test_a_relay_at_an_ipv6_address_carries_pictures_from_site_to_viewer(tmp_path: Path):
    """The agent leaves by the family of the relay's candidate; what the viewer is told is that address alone."""
    async with street(tmp_path, SIX) as town:
        publication = await town.publish()
        viewer = await town.watch(SIX, "ses_1")
        await until(lambda: len(viewer.rtp) > 30, timeout_s=10)
        port = publication._leg.port
        way = port and port.address[0]
        await publication.stop()

    assert hosts(town.candidates) == [SIX]
    assert way == "::"


async def test_a_relay_with_an_address_of_each_family_serves_viewers_of_both(tmp_path: Path):
    """The site of one family as well; each candidate is preferred in the order they are listed."""
    async with street(tmp_path, FOUR, beside=SIX) as town:
        publication = await town.publish(media_address=SIX)
        four, six = await town.watch(FOUR, "ses_1"), await town.watch(SIX, "ses_2")
        await until(lambda: min(len(four.rtp), len(six.rtp)) > 30, timeout_s=10)
        restart = Fragment("abcdefgh", "p" * 22, (), is_last=True)
        patched = await town.relay.client.patch("ses_2", town.resource, ["*"], fragment.write(restart, mid="0"))
        figures = await town.relay.client.figures()
        await publication.stop()

    assert hosts(town.candidates) == [FOUR, SIX]
    priorities = [int(candidate.split()[3]) for candidate in town.candidates]
    assert priorities[0] > priorities[1]
    assert hosts(fragment.parse(patched.sdp).candidates) == [FOUR, SIX]
    assert figures["viewers"] == 2


async def test_a_relay_behind_a_router_that_translates_one_to_one_is_reached_at_the_routers_address(tmp_path: Path):
    """As in a cloud: the machine's own address is told to nobody."""
    async with street(tmp_path, f"{OUTSIDE}={FOUR}") as town:
        host, _, number = town.relay.hello.addresses[0].rpartition(":")
        router = await LossyWay.open((host, int(number)), every=0, at=(OUTSIDE, int(number)))
        publication = await town.publish()
        viewer = await town.watch(FOUR, "ses_1")
        await until(lambda: len(viewer.rtp) > 30, timeout_s=10)
        way = publication._leg._session.way
        await publication.stop()
        router.close()

    assert hosts(town.candidates) == [OUTSIDE]
    assert way is not None
    assert way[1] == (OUTSIDE, int(number))
    assert len(router.peers) == 2
