"""The agent's end of a tunnel: what waits is bounded in time and bytes, and a tunnel that is lost ends its call."""

import asyncio
from collections import deque
from types import SimpleNamespace
from typing import Any

import anyio
import anyio.abc
import anyio.lowlevel
import httpx
import pytest

from partner_agent.rtc import detours, rtcp, rtp, sdp, whip_answer
from partner_agent.rtc.detours import Detours
from partner_agent.rtc.hooks import LegFailedError
from partner_agent.rtc.mux import UdpPort
from partner_agent.rtc.tunnel import WAIT_S, WAITING_BYTES, TunnelLostError, TunnelPlace, TunnelPort, TunnelSender
from partner_agent.rtc.whip_answer import PublishFailedError
from partner_agent.wire.tunnels import DATAGRAM_BYTES, HEADER
from tests.support.legs import ONE, TWO, End
from tests.support.waiting import until

pytestmark = pytest.mark.anyio
RELAY = ("127.0.0.1", 8189)
PLACE = TunnelPlace("ws://localhost/whip/pub_1/secret/tunnel", RELAY)
DATAGRAM = b"\x80" * 1_200


class Line(asyncio.DatagramProtocol):
    """A tunnel's channel whose other end is a UDP socket, as the gateway's is."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = 0
        self.is_stalled = False
        self._came: deque[bytes] = deque()
        self._news = anyio.Event()
        self._transport: asyncio.DatagramTransport | None = None
        self._is_lost = False

    async def lead_to(self, relay: tuple[str, int]) -> None:
        """Where it leads; else nowhere."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, remote_addr=relay)

    def datagram_received(self, data: bytes, addr: object) -> None:
        del addr
        self._came.append(data)
        self._news.set()

    def lose(self) -> None:
        """The connection is gone."""
        self._is_lost = True
        self._news.set()

    async def send(self, datagram: bytes) -> None:
        if self.is_stalled:
            await anyio.sleep_forever()
        self.sent.append(datagram)
        if self._transport is not None:
            self._transport.sendto(datagram)

    async def receive(self) -> bytes:
        while not self._came:
            if self._is_lost:
                raise TunnelLostError
            self._news = anyio.Event()
            await self._news.wait()
        return self._came.popleft()

    async def close(self) -> None:
        self.closed += 1
        if self._transport is not None:
            self._transport.close()


async def test_media_and_reports_pass_a_tunnel():
    """One call over it: handshake, a picture out, a report back; nothing above the port knows."""
    line, far = Line(), await UdpPort.open("127.0.0.1")
    await line.lead_to(far.address)
    port = TunnelPort(line, far.address)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(port.run)
        site, relay = End(port, ONE, is_controlling=True), End(far, TWO, is_controlling=False)
        async with anyio.create_task_group() as meeting:
            meeting.start_soon(relay.connect, site)
            meeting.start_soon(site.connect, relay)
        head = rtp.header(is_last=True, payload_type=96, sequence=5, timestamp=6, ssrc=7)
        site.leg.send([site.leg.protector(7).protect(head, b"picture", 5)])
        relay.leg.send_rtcp(rtcp.receiver_report(1, 7, highest=1, lost=0, lost_of_256=0))
        await until(lambda: relay.rtp and site.rtcp)

        assert relay.rtp[0].payload == b"picture"
        for end in (site, relay):
            await end.leg.close()
            end.port.close()
    assert line.closed == 1


async def test_what_has_waited_too_long_is_dropped_and_what_came_after_leaves():
    """Late pictures are worth nothing: the oldest goes, not the newest."""
    now = 100.0
    sender = TunnelSender(now=lambda: now)
    sender.send([b"old", b"old too"], RELAY)
    now += WAIT_S + 0.01
    sender.send_run(memoryview(b"aabbc"), 2, RELAY)

    assert [await sender.next() for _ in range(3)] == [b"aa", b"bb", b"c"]
    assert sender.dropped == 2


async def test_memory_is_bounded_however_much_is_sent_at_once():
    """Twice as much as may wait: the first half is gone."""
    sender = TunnelSender(now=lambda: 0.0)
    count = WAITING_BYTES // len(DATAGRAM)
    sender.send([number.to_bytes(4, "big") + DATAGRAM[4:] for number in range(2 * count)], RELAY)

    assert sender._bytes <= WAITING_BYTES
    assert sender.dropped == count
    assert int.from_bytes((await sender.next())[:4], "big") == count


async def test_what_no_tunnel_carries_is_dropped_at_once():
    """A datagram the gateway would close the tunnel for, and whatever is sent after the end."""
    sender = TunnelSender(now=lambda: 0.0)
    sender.send([bytes(DATAGRAM_BYTES + 1), b"good"], RELAY)
    assert await sender.next() == b"good"
    sender.close()
    sender.send([b"late"], RELAY)

    assert sender.dropped == 2


async def test_a_line_that_stalls_costs_pictures_and_no_memory():
    """TCP holds the sender back: nothing piles up behind it, and nobody waits for it."""
    line = Line()
    line.is_stalled = True
    port = TunnelPort(line, RELAY)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(port.run)
        for _ in range(200):
            port.sender.send([DATAGRAM] * 40, RELAY)
            await anyio.lowlevel.checkpoint()
        assert port._sender._bytes <= WAITING_BYTES
        assert port.sender.dropped > 6_000
        port.close()
    assert line.closed == 1


async def test_a_tunnel_that_is_lost_is_told_and_one_that_is_closed_is_not():
    """So that its publication ends at once, and not when consent has run out."""
    told: list[str] = []
    for end in ("lost", "closed"):
        line = Line()
        port = TunnelPort(line, RELAY)
        port.on_lost = lambda end=end: told.append(end)  # type: ignore[misc]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(port.run)
            await anyio.lowlevel.checkpoint()
            line.lose() if end == "lost" else port.close()
        assert line.closed == 1

    assert told == ["lost"]


class Leg:
    """Connects as soon as it may look from a tunnel."""

    def __init__(self) -> None:
        self.port: Any = None

    def add_port(self, port: Any) -> None:
        self.port = port

    async def straight(self) -> None:
        with anyio.fail_after(3):
            while self.port is None:  # noqa: ASYNC110 -- what it waits for has no event
                await anyio.sleep(0.005)


async def test_a_tunnel_is_the_last_resort_and_sooner_the_next_time(monkeypatch: pytest.MonkeyPatch):
    """After the straight way and every server have had their time; then it is known to be needed."""
    waited: list[float] = []
    real = anyio.sleep

    async def sleep(duration_s: float) -> None:
        waited.append(duration_s)
        await real(0)

    site = Detours(_no_server, dial_tunnel=_dial)
    servers: Any = [SimpleNamespace(host="turn.example.net", port=443)] * 2
    async with anyio.create_task_group() as tasks:
        for _ in range(2):
            leg: Any = Leg()
            with monkeypatch.context() as patch:
                patch.setattr(detours, "anyio", _with(sleep))
                (port,) = await site.connect(leg, servers, leg.straight, tunnel=PLACE, carriers=tasks)
            assert isinstance(port, TunnelPort)
            assert site.last == "tunnel"
            port.close()

    others_s = detours.STRAIGHT_S + detours.NEXT_S + detours.TUNNEL_S
    assert others_s in waited
    assert waited[-3:].count(detours.STRAIGHT_S) == 1
    assert waited.count(others_s) == 1


async def test_where_another_way_is_found_no_tunnel_is_opened():
    """Nobody dials."""

    async def dial(url: str) -> Any:
        raise AssertionError(url)

    async def straight() -> None:
        await anyio.lowlevel.checkpoint()

    leg: Any = SimpleNamespace(port=None)
    async with anyio.create_task_group() as tasks:
        site = Detours(_no_server, dial_tunnel=dial)
        assert await site.connect(leg, (), straight, tunnel=PLACE, carriers=tasks) == []
    assert site.last == "straight"


async def test_a_tunnel_that_did_not_help_is_closed(monkeypatch: pytest.MonkeyPatch):
    """Whatever came of the call."""
    monkeypatch.setattr(detours, "TUNNEL_S", 0.0)
    monkeypatch.setattr(detours, "STRAIGHT_S", 0.0)
    line = Line()

    async def dial(url: str) -> Any:
        assert url == PLACE.url
        return line

    async def straight() -> None:
        await leg.straight()
        raise LegFailedError("somebody else is at its end")

    leg: Any = Leg()
    async with anyio.create_task_group() as tasks:
        with pytest.raises(LegFailedError):
            await Detours(_no_server, dial_tunnel=dial).connect(leg, (), straight, tunnel=PLACE, carriers=tasks)
    assert line.closed == 1


async def test_a_tunnel_that_cannot_be_had_leaves_the_other_ways(monkeypatch: pytest.MonkeyPatch):
    """Refused: the search goes on without it."""
    monkeypatch.setattr(detours, "TUNNEL_S", 0.0)
    monkeypatch.setattr(detours, "STRAIGHT_S", 0.0)
    asked = anyio.Event()

    async def dial(url: str) -> Any:
        asked.set()
        raise TunnelLostError(url)

    leg: Any = SimpleNamespace(port=None)
    async with anyio.create_task_group() as tasks:
        site = Detours(_no_server, dial_tunnel=dial)
        assert await site.connect(leg, (), asked.wait, tunnel=PLACE, carriers=tasks) == []


CALL = sdp.Call(
    "ufrag", "p" * 22, TWO.fingerprint, "passive", "recvonly", 96, "42e01f",
    candidates=("1 1 udp 9 127.0.0.1 8189 typ host",),
)  # fmt: skip


def answered(path: str, *, allows: bool = True, **changes: Any) -> whip_answer.Answered:
    """What is read of an answer that offers this tunnel."""
    response = httpx.Response(
        201, text=sdp.write(CALL), headers={HEADER: path, "location": "/whip/pub_1/secret"} | changes
    )
    return whip_answer.read(
        response, url="https://gw.example/whip/pub_1", certificate=TWO.fingerprint, allows=lambda _: allows
    )


def test_a_tunnel_is_taken_on_the_origin_that_took_the_call():
    """A path of it, or its whole address; the relay's own candidate says what ICE will call the other end."""
    place = TunnelPlace("wss://gw.example/whip/pub_1/secret/tunnel", RELAY)

    assert answered("/whip/pub_1/secret/tunnel").tunnel == place
    assert answered("https://gw.example/whip/pub_1/secret/tunnel").tunnel == place
    assert answered("/whip/pub_1/secret/tunnel").url == "https://gw.example/whip/pub_1/secret"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "https://elsewhere.example/whip/pub_1/secret/tunnel",
        "https://gw.example:8443/tunnel",
        "//elsewhere.example/tunnel",
        "http://gw.example/tunnel",
        "file:///etc/passwd",
    ],
)
def test_a_tunnel_elsewhere_is_none(path: str):
    """A gateway that was broken into leads nobody to another machine, or to plain text."""
    assert answered(path).tunnel is None


def test_without_a_relay_the_site_allows_there_is_no_tunnel():
    """Media go through it to that address, and that one was refused."""
    assert answered("/whip/pub_1/secret/tunnel", allows=False).tunnel is None


def test_an_answer_of_another_certificate_is_none():
    """Whatever it offers."""
    response = httpx.Response(201, text=sdp.write(CALL))
    with pytest.raises(PublishFailedError, match="another certificate"):
        whip_answer.read(response, url="https://gw.example/whip/p", certificate=ONE.fingerprint, allows=lambda _: True)


async def _no_server(host: str, port: int) -> None:
    del host, port


async def _dial(url: str) -> Any:
    assert url == PLACE.url
    return Line()


def _with(sleep: Any) -> Any:
    """Anyio, but for how it sleeps."""
    return SimpleNamespace(**{name: getattr(anyio, name) for name in ("create_task_group", "fail_after")}, sleep=sleep)
