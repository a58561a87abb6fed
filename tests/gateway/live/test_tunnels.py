"""A site's way inside a WebSocket: for whom it opens, what passes, and what ends it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import anyio
import anyio.abc
import pytest
import uvicorn
from litestar.di import Provide
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from gateway.app import sockets
from gateway.app.sockets import socket_protocol
from gateway.kernel.errors import DeniedError, LimitedError, NotFoundError, UnauthenticatedError, UnavailableError
from gateway.live.calls import Calls
from gateway.live.relay.client import RelayGoneError
from gateway.live.tunnels import routes, service
from gateway.live.tunnels.carriage import WAITING, Carriage
from gateway.live.tunnels.model import FLOOD_FACTOR, MOST_AT_ONCE_BYTES, MOST_BYTES_PER_S, Meter
from gateway.live.tunnels.ports import Address
from gateway.live.tunnels.routes import tunnel as tunnel_route
from gateway.live.tunnels.service import MOST, MOST_OF_AGENT, Tunnels, path_of
from partner_agent.addresses import AddressRules, SystemResolver
from partner_agent.rtc.tunnel import TunnelLostError
from partner_agent.websocket import WebSocketDialler
from partner_agent.wire import tunnels
from partner_agent.wire.limits import LEASE_VALID_S
from partner_agent.wire.tokens import LocalSigner
from tests.fakes.clock import FakeClock, HeldClock
from tests.support.deaf import deaf_peer
from tests.support.pages import web_app
from tests.support.tunnels import AGENT, Premises
from tests.support.turn import Certificate, certificate_for
from tests.support.waiting import until

pytestmark = pytest.mark.anyio
ORIGIN = "http://localhost:8080"
PATH = path_of("pub_1", "secret")
DATAGRAM = b"\x80" * 1_200


@dataclass
class Relay(asyncio.DatagramProtocol):
    """A media port that notes what comes, and the calls it has."""

    calls: set[tuple[str, str]] = field(default_factory=lambda: {("pub_1", "secret")})
    is_gone: bool = False
    heard: list[tuple[bytes, Address]] = field(default_factory=list)
    address: Address = ("127.0.0.1", 9)
    transport: asyncio.DatagramTransport | None = None
    ended: list[tuple[str, str]] = field(default_factory=list)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Relay"]:
        """Listening, while inside the block."""
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        self.address = self.transport.get_extra_info("sockname")
        yield self
        self.transport.close()

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.heard.append((data, addr))

    def answer(self, data: bytes) -> None:
        """To whom something came from last."""
        assert self.transport is not None
        self.transport.sendto(data, self.heard[-1][1])

    async def tunnel_end(self, publication: str, resource: str) -> Address | None:
        if self.is_gone:
            raise RelayGoneError
        return self.address if (publication, resource) in self.calls else None

    async def delete(self, subject: str, resource: str) -> bool:
        self.ended.append((subject, resource))
        return True


@dataclass
class Bench:
    """A gateway that has tunnels alone, and one site."""

    premises: Premises
    relay: Relay
    tunnels: Tunnels
    url: str
    clock: HeldClock
    server: uvicorn.Server

    def dial(self, path: str = PATH, *, token: str | None = None, scheme: str = "Bearer") -> connect:
        """Open a tunnel as an agent does."""
        if token is None:
            token = self.premises.token(path, origin=ORIGIN)
        headers = {"authorization": f"{scheme} {token}"}
        return connect(f"{self.url}{path}", additional_headers=headers, compression=None, max_size=None, proxy=None)

    async def refuses(self, path: str = PATH, *, token: str | None = None) -> bool:
        """Whether it is no WebSocket for this one."""
        try:
            async with self.dial(path, token=token):
                return False
        except InvalidStatus as error:
            return error.response.status_code == 403

    async def passes(self, site: ClientConnection) -> None:
        """Wait until a datagram of the site has arrived."""
        before = len(self.relay.heard)
        await site.send(DATAGRAM)
        await until(lambda: len(self.relay.heard) > before)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """Served by the server that the gateway uses."""
    async with serving() as running:
        yield running


@asynccontextmanager
async def serving(certificate: Certificate | None = None) -> AsyncIterator[Bench]:
    """A gateway; with a certificate it ends TLS itself."""
    premises, clock = Premises(), HeldClock()
    async with Relay().open() as relay, anyio.create_task_group() as tasks:
        made = premises.tunnels(relay, origin=ORIGIN, clock=clock)
        calls = Calls(relay=_NoCalls(), tunnels=made)
        app = web_app([tunnel_route], dependencies={"live_calls": Provide(lambda: calls, sync_to_thread=False)})
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_level="warning",
                ws=socket_protocol(),
                ws_per_message_deflate=False,
                ssl_certfile=str(certificate.certificate) if certificate else None,
                ssl_keyfile=str(certificate.key) if certificate else None,
            )
        )
        tasks.start_soon(lambda: server.serve(sockets=[listener]))
        yield Bench(premises, relay, made, f"ws://127.0.0.1:{listener.getsockname()[1]}", clock, server)
        server.should_exit = True


async def test_without_a_view_there_is_no_tunnel(bench: Bench):
    """Paired, connected, and with a call's name: the lease is what opens it."""
    bench.premises.publications.clear()

    assert await bench.refuses()


async def test_a_tunnel_is_for_a_call_that_the_relay_has(bench: Bench):
    """Another name of a call, another publication: nothing, though the device signed for it."""
    assert await bench.refuses(path_of("pub_1", "guessed"))
    assert await bench.refuses(path_of("pub_2", "secret"))
    bench.relay.is_gone = True
    assert await bench.refuses()


async def test_who_is_not_the_site_s_device_opens_nothing(bench: Bench):
    """No token, another device's, one for another call or for another gateway, one of another class; one removed."""
    good, stranger = bench.premises.token(PATH, origin=ORIGIN), Premises()
    other_call = bench.premises.token(path_of("pub_1", "other"), origin=ORIGIN)
    other_gateway = bench.premises.token(PATH, origin="http://elsewhere")

    for token in ("", good[:-4], stranger.token(PATH, origin=ORIGIN), other_call, other_gateway, "x" * 5_000):
        assert await bench.refuses(token=token)
    bench.premises.is_removed = True
    assert await bench.refuses(token=good)


@pytest.mark.parametrize("problem", ["offline", "quarantined", "revoked", "paused", "something_new"])
async def test_a_site_that_may_not_be_asked_opens_no_tunnel(bench: Bench, problem: str):
    """Its link is gone, or it is not to be asked, for whatever reason."""
    bench.premises.problem = problem

    assert await bench.refuses()


async def test_datagrams_pass_both_ways_as_they_are(bench: Bench):
    """One message is one datagram, the largest included; the relay sees one address of the gateway's own machine."""
    largest = bytes(range(250)) * 6
    async with bench.dial() as site:
        for datagram in (b"\x00", DATAGRAM, largest):
            await site.send(datagram)
        await until(lambda: len(bench.relay.heard) == 3)
        bench.relay.answer(b"\x01answer")

        assert [data for data, _ in bench.relay.heard] == [b"\x00", DATAGRAM, largest]
        assert await site.recv() == b"\x01answer"
        assert len({address for _, address in bench.relay.heard}) == 1
    await until(lambda: not bench.tunnels.count)


async def test_the_scheme_of_the_device_s_token_is_taken_in_any_case(bench: Bench):
    """RFC 9110 §11.1; another scheme opens nothing, whatever follows it."""
    async with bench.dial(scheme="bearer") as site:
        await bench.passes(site)
    with pytest.raises(InvalidStatus):
        async with bench.dial(scheme="Basic"):
            pass


async def test_the_agent_opens_its_tunnel_over_tls_and_only_where_the_host_is_who_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """By its own dialler: to a host of the key set, whose certificate the machine trusts; then datagrams pass."""
    certificate = certificate_for(tmp_path, "localhost")
    async with serving(certificate) as bench:
        place = bench.url.removeprefix("ws://").replace("127.0.0.1", "localhost")
        key_set: Any = SimpleNamespace(allows=lambda url: urlsplit(url).netloc == place)
        rules = AddressRules(resolver=SystemResolver(), allow_loopback=True)
        dialler = WebSocketDialler(addresses=rules, key_set=lambda: key_set, user_agent="agent")
        token = bench.premises.token(PATH, origin=ORIGIN)
        for url in (f"wss://{place}{PATH}", f"wss://elsewhere.example{PATH}"):
            with pytest.raises(TunnelLostError):
                await dialler.dial_tunnel(url, token)

        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.certificate))
        site = await dialler.dial_tunnel(f"wss://{place}{PATH}", token)
        await site.send(DATAGRAM)
        await until(lambda: bench.relay.heard)
        bench.relay.answer(b"\x01answer")
        assert await site.receive() == b"\x01answer"
        with pytest.raises(TunnelLostError):
            await dialler.dial_tunnel(f"wss://{place}{PATH}", "another token")

        await site.close()
        with pytest.raises(TunnelLostError):
            await site.receive()


async def test_a_site_that_pings_and_reads_nothing_holds_no_tunnel(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    """Pings are not heard as datagrams: it is silent, and the close does not wait for it to read."""
    monkeypatch.setattr(routes, "CLOSE_S", 0.1)
    monkeypatch.setattr(sockets, "LINGER_S", 0.1)
    port, token = urlsplit(bench.url).port, bench.premises.token(PATH, origin=ORIGIN)
    assert port
    with deaf_peer(port) as peer:
        await peer.opens(PATH, Authorization=f"Bearer {token}")
        await peer.pings(60_000)
        await until(lambda: bench.tunnels.count)
        bench.clock.advance(tunnels.IDLE_S + 1)

        await until(lambda: not bench.tunnels.count)
        await until(lambda: not bench.server.server_state.connections)
        await until(lambda: not bench.server.server_state.tasks)


async def test_each_call_has_an_address_of_its_own_at_the_relay(bench: Bench):
    """Which knows its peers by their addresses: two pictures of one site are two peers."""
    bench.premises.publications.add("pub_2")
    bench.relay.calls.add(("pub_2", "secret"))
    async with bench.dial() as one, bench.dial(path_of("pub_2", "secret")) as two:
        await bench.passes(one)
        await bench.passes(two)

        assert len({address for _, address in bench.relay.heard}) == 2


async def test_nobody_else_reaches_a_site_through_its_tunnel(bench: Bench):
    """The socket hears the relay alone."""
    async with bench.dial() as site:
        await bench.passes(site)
        address = bench.relay.heard[-1][1]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.1", 0))
            stranger.sendto(b"\x01stranger", address)
        bench.relay.answer(b"\x01relay")

        assert await site.recv() == b"\x01relay"


@pytest.mark.parametrize(
    ("message", "code"),
    [("text", tunnels.CLOSE_TEXT), ("", tunnels.CLOSE_TEXT), (bytes(1_501), tunnels.CLOSE_TOO_BIG)],
)
async def test_what_is_no_datagram_ends_the_tunnel(bench: Bench, message: str | bytes, code: int):
    """Text, and more than a datagram is; nothing of it reaches the relay."""
    async with bench.dial() as site:
        await site.send(message)

        assert await _closed(site) == code
    assert bench.relay.heard == []


async def test_an_empty_message_is_passed_over(bench: Bench):
    """It is no datagram, and no harm."""
    async with bench.dial() as site:
        await site.send(b"")
        await bench.passes(site)

    assert [data for data, _ in bench.relay.heard] == [DATAGRAM]


async def test_a_flood_ends_the_tunnel_and_the_call(bench: Bench):
    """What no picture needs is not read for long, and the same call opens no other tunnel to go on."""
    async with bench.dial() as site:
        try:
            for _ in range(20_000):
                await site.send(DATAGRAM)
        except ConnectionClosed:
            pass

        assert await _closed(site) == tunnels.CLOSE_FLOOD
    await until(lambda: bench.relay.ended == [("pub_1", "secret")])


async def test_a_second_tunnel_of_a_call_takes_the_place_of_the_first(bench: Bench):
    """A site that lost its connection opens another one; who is left over is closed."""
    async with bench.dial() as first:
        await bench.passes(first)
        async with bench.dial() as second:
            await bench.passes(second)

            assert await _closed(first) == tunnels.CLOSE_SUPERSEDED
            assert bench.tunnels.count == 1
            await bench.passes(second)


@pytest.mark.parametrize("problem", ["quarantined", "paused", "revoked"])
async def test_a_site_that_may_not_be_asked_any_more_loses_its_tunnel(bench: Bench, problem: str):
    """Within a second."""
    async with bench.dial() as site:
        await bench.passes(site)
        bench.premises.problem = problem
        await _pass(bench, 1)

        assert await _closed(site) == tunnels.CLOSE_OVER


async def test_the_last_view_takes_the_tunnel_along(bench: Bench):
    """No lease is given any more: within a second."""
    async with bench.dial() as site:
        await bench.passes(site)
        bench.premises.publications.clear()
        await _pass(bench, 1)

        assert await _closed(site) == tunnels.CLOSE_OVER


async def test_a_link_that_comes_back_in_time_keeps_the_tunnel_and_one_that_does_not_ends_it(bench: Bench):
    """As long as the leases that the site holds: then it has stopped by itself."""
    async with bench.dial() as site:
        await bench.passes(site)
        for problem in ("offline", "", "behind", "offline"):
            bench.premises.problem = problem
            await _pass(bench, LEASE_VALID_S - 1)
            await bench.passes(site)
        await _pass(bench, 3)

        assert await _closed(site) == tunnels.CLOSE_OVER


async def test_a_site_that_says_nothing_loses_its_tunnel(bench: Bench):
    """ICE asks every few seconds, so silence is the end of it."""
    async with bench.dial() as site:
        await bench.passes(site)
        await _pass(bench, tunnels.IDLE_S - 1)
        assert bench.tunnels.count == 1
        await _pass(bench, 3)

        assert await _closed(site) == tunnels.CLOSE_IDLE


async def test_a_site_has_some_tunnels_and_a_gateway_some_more():
    """One more is refused before anything is asked of anybody; a call that has one may open it again."""
    premises, relay = Premises(), Relay()
    made = premises.tunnels(relay, origin=ORIGIN, clock=FakeClock())
    names = [f"pub_{number}" for number in range(MOST_OF_AGENT + 1)]
    premises.publications.update(names)
    relay.calls.update((name, "secret") for name in names)

    async def admit(name: str) -> service.Tunnel:
        token = premises.token(path_of(name, "secret"), origin=ORIGIN)
        return await made.admit(name, "secret", f"Bearer {token}")

    for name in names[:-1]:
        made._open[name] = await admit(name)
    with pytest.raises(LimitedError):
        await admit(names[-1])
    assert (await admit(names[0])).publication == names[0]
    for number in range(MOST):
        made._open[f"other_{number}"] = service.Tunnel(f"other_{number}", "", "agt_other", relay.address, 0.0)
    del made._open[names[0]]
    with pytest.raises(LimitedError):
        await admit(names[0])


async def test_two_that_are_admitted_at_once_do_not_share_the_last_place():
    """Between the yes and the opening another one may have come."""
    premises, relay = Premises(), Relay()
    made = premises.tunnels(relay, origin=ORIGIN, clock=FakeClock())
    admitted = await made.admit("pub_1", "secret", f"Bearer {premises.token(PATH, origin=ORIGIN)}")
    for number in range(MOST_OF_AGENT):
        made._open[f"pub_{number + 2}"] = service.Tunnel("", "", AGENT, relay.address, 0.0)

    assert await made.carry(_Deaf(), admitted) == tunnels.CLOSE_FULL
    assert made.count == MOST_OF_AGENT


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda premises, _: premises.publications.clear(), NotFoundError),
        (lambda premises, _: setattr(premises, "problem", "paused"), DeniedError),
        (lambda _, relay: setattr(relay, "is_gone", True), UnavailableError),
        (lambda _, relay: relay.calls.clear(), NotFoundError),
        (lambda premises, _: setattr(premises, "device", LocalSigner.generate("ES256")), UnauthenticatedError),
    ],
)
async def test_each_refusal_has_its_reason(spoil: Callable[[Premises, Relay], None], error: type[Exception]):
    """For whoever reads the code of it; the site is told no more than no."""
    premises, relay = Premises(), Relay()
    token = premises.token(PATH, origin=ORIGIN)
    spoil(premises, relay)

    with pytest.raises(error):
        await premises.tunnels(relay, origin=ORIGIN, clock=FakeClock()).admit("pub_1", "secret", f"Bearer {token}")


async def test_a_site_that_does_not_read_makes_nobody_keep_much():
    """What the relay says to it is dropped, the oldest first; after ten seconds it is gone."""
    deaf = _Deaf()
    async with Relay().open() as relay, anyio.create_task_group() as tasks:
        carriage = Carriage(deaf, ended=lambda: 0, clock=HeldClock())
        tasks.start_soon(carriage.carry, relay.address)
        carriage.datagram_received(b"first", None)
        await until(lambda: not carriage._waiting)  # it is with the site, which does not take it
        for number in range(WAITING + 200):
            carriage.datagram_received(number.to_bytes(2, "big"), None)

        assert carriage.dropped == 200
        assert len(carriage._waiting) == WAITING
        assert carriage._waiting[-1] == (WAITING + 199).to_bytes(2, "big")
        tasks.cancel_scope.cancel()


def test_a_picture_passes_the_meter():
    """Four megabits a second for a minute, with the group of pictures that a view begins with."""
    meter = Meter(0.0)
    burst = [meter.take(1_200, 0.0) for _ in range(1_500)]
    stream = [meter.take(1_200, 1.0 + number * 1_200 / 500_000) for number in range(25_000)]

    assert {*burst, *stream} == {"pass"}


def test_more_than_a_picture_is_dropped_and_much_more_is_a_flood():
    """Beyond the rate as on a line too narrow; small messages are counted as what they cost."""
    meter = Meter(0.0)
    period_s = 1_300 / (2 * MOST_BYTES_PER_S)
    twice = [meter.take(1_200, number * period_s) for number in range(10_000)]
    small = [Meter(0.0)] * (FLOOD_FACTOR * MOST_AT_ONCE_BYTES // 100 + 2)

    assert {*twice[-4_000:]} == {"pass", "drop"}
    assert 0.45 < twice[-4_000:].count("pass") / 4_000 < 0.55
    assert [meter.take(1, 0.0) for meter in small][-1] == "flood"


async def _pass(bench: Bench, seconds: float) -> None:
    """Let this time go by, second by second, and let whoever waits for it run."""
    for _ in range(round(seconds)):
        bench.clock.advance(1.0)
        await anyio.sleep(0.01)


async def _closed(site: ClientConnection) -> int:
    with anyio.fail_after(5):
        await site.wait_closed()
    return site.close_code or 0


class _Deaf:
    """Says nothing, reads nothing."""

    async def receive(self) -> bytes | str:
        await anyio.sleep_forever()
        raise AssertionError

    async def send(self, datagram: bytes) -> None:
        del datagram
        await anyio.sleep_forever()


class _NoCalls:
    """No call is taken here."""

    def __getattr__(self, name: str) -> Callable[..., Awaitable[None]]:
        raise AssertionError(name)
