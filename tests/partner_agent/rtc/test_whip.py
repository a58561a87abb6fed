"""The publisher trusts one relay: the one the grant names, at addresses the site allows."""

import os
import resource
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anyio
import httpx
import pytest

from partner_agent.rtc import expected, rtcp, sdp, whip
from partner_agent.rtc.expected import Expected, HooksMovedError
from partner_agent.rtc.outgoing import OutgoingStream
from partner_agent.rtc.pace import AT_ONCE_PACKETS, PACKETS_PER_S
from partner_agent.rtc.units import AccessUnit
from partner_agent.rtc.whip import Publication, Publisher, PublishTarget
from partner_agent.rtc.whip_answer import AddressRule, PublishFailedError
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from tests.fakes.clock import FakeClock
from tests.support.legs import ONE, TWO

pytestmark = pytest.mark.anyio
ANSWER = sdp.Call(
    "ufrag", "p" * 22, TWO.fingerprint, "passive", "recvonly", 96, "42e01f",
    candidates=("1 1 udp 9 127.0.0.1 9 typ host",),
)  # fmt: skip
TARGET = PublishTarget("http://localhost/whip/pub_1", "ticket", TWO.fingerprint)


async def no_units() -> AsyncIterator[AccessUnit]:
    """A camera that sends nothing."""
    for unit in ():
        yield unit


def publisher(
    answer: Callable[[httpx.Request], httpx.Response],
    rule: AddressRule = lambda _: True,
    *,
    media_address: str = "127.0.0.1",
) -> Publisher:
    """A site whose relay answers as given."""
    return Publisher(
        http=httpx.AsyncClient(transport=httpx.MockTransport(answer)),
        identity=ONE,
        media_address=media_address,
        allows_address=rule,
        clock=SystemClock(),
        ids=SystemIds(),
    )


async def pending() -> AsyncIterator[AccessUnit]:
    """A camera that sends nothing and does not end."""
    await anyio.sleep_forever()
    yield AccessUnit(b"", 0, True, None)


async def frames(*, until: int) -> AsyncIterator[AccessUnit]:
    """A source whose frames are as they should be, and then one that is none."""
    for number in range(until):
        yield AccessUnit(b"\0\0\0\1\x65" + bytes(3000), number * 3000, True, None)
    yield cast("AccessUnit", SimpleNamespace(data=None, pts_90k=None, is_key=True, captured_at=None))
    raise AssertionError("nothing is asked for after it")


@contextmanager
def full_table(hard: int) -> Iterator[None]:
    """No further file can be opened by this process."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    with Path(os.devnull).open() as last:
        resource.setrlimit(resource.RLIMIT_NOFILE, (last.fileno(), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def refused(site: Publisher) -> str:
    """The sentence of the refusal."""
    async with anyio.create_task_group() as tasks:
        with pytest.raises(PublishFailedError) as error:
            await site.publish(no_units(), TARGET, tasks=tasks)
    return str(error.value)


async def test_the_ticket_goes_in_the_header_and_no_address_in_the_offer():
    """One offer: H.264 to send, our fingerprint, and nothing about the site's network."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(401)

    await refused(publisher(answer))

    assert seen[0].headers["authorization"] == "Bearer ticket"
    offer = sdp.parse(seen[0].content.decode())
    assert (offer.direction, offer.fingerprint, offer.candidates) == ("sendonly", ONE.fingerprint, ())
    assert b"127.0.0.1" not in seen[0].content.replace(b"o=- 0 1 IN IP4 127.0.0.1", b"")


async def test_a_frame_that_is_none_ends_its_uplink_and_nothing_else():
    """What came before it has left and is counted, the error is kept, and the agent's other tasks go on."""
    sent: list[bytes] = []
    clock, silent = SystemClock(), cast("Any", None)
    leg = cast("Any", SimpleNamespace(is_open=True, send=sent.extend, send_rtcp=lambda _: None))
    protector = cast("Any", SimpleNamespace(protect=lambda header, payload, _index: header + payload))
    stream = OutgoingStream(ssrc=1, protector=protector, retransmitter=None)
    broken = Publication(leg=leg, stream=stream, ports=[], clock=clock, goodbye=silent)
    whole = Publication(leg=leg, stream=stream, ports=[], clock=clock, goodbye=silent)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(whole.pump, pending())
        tasks.start_soon(broken.pump, frames(until=3))
        with anyio.fail_after(5):
            await broken.ended.wait()

        assert not whole.ended.is_set()
        whole.halt()

    assert isinstance(broken.fault, AttributeError | TypeError)
    assert broken.counts.packets == len(sent) == 3
    assert whole.fault is None


async def test_a_long_group_that_lay_ready_leaves_at_a_pace_and_live_pictures_at_once():
    """Twenty seconds of 4 Mbit/s: never more than the pace, and what the camera sends afterwards waits for nothing."""
    clock, sent, waits = FakeClock(), list[bytes](), list[float]()
    began = clock.monotonic()

    def send(datagrams: list[bytes]) -> None:
        sent.extend(datagrams)
        assert len(sent) <= AT_ONCE_PACKETS + PACKETS_PER_S * (clock.monotonic() - began) + len(datagrams) + 1

    async def group_then_live() -> AsyncIterator[AccessUnit]:
        for number in range(20 * 30):
            yield AccessUnit(b"\0\0\0\1\x41" + b"d" * 16_600, number * 3000, number == 0, None)
        caught_up = clock.monotonic()
        for number in range(600, 660):
            await clock.sleep(1 / 30)
            before = clock.monotonic()
            yield AccessUnit(b"\0\0\0\1\x41" + b"d" * 16_600, number * 3000, False, None)
            waits.append(clock.monotonic() - before)
        assert 1.5 < caught_up - began < 3

    leg = cast("Any", SimpleNamespace(is_open=True, send=send, send_rtcp=lambda _: None))
    protector = cast("Any", SimpleNamespace(protect=lambda header, payload, _index: header + payload))
    stream = OutgoingStream(ssrc=1, protector=protector, retransmitter=None)
    uplink = Publication(leg=leg, stream=stream, ports=[], clock=clock, goodbye=cast("Any", None))
    with anyio.fail_after(10):
        await uplink.pump(group_then_live())

    assert uplink.fault is None
    assert len(sent) == uplink.counts.packets == 660 * 14
    assert waits == [0.0] * 60


async def test_without_a_socket_the_view_cannot_start_and_the_agent_goes_on():
    """Too many files are open: a refusal like any other, said in the kernel's words, and nobody is called."""

    def answer(_: httpx.Request) -> httpx.Response:
        raise AssertionError("nobody is to be called")

    site = publisher(answer)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with full_table(before[1]):
        said = await refused(site)
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before

    assert said == "no socket at 127.0.0.1: Too many open files"


async def test_an_address_that_is_no_longer_ours_is_said():
    """The machine's address changed since the agent started: the sentence names it."""
    site = publisher(lambda _: httpx.Response(500), media_address="192.0.2.1")

    assert await refused(site) == "no socket at 192.0.2.1: Cannot assign requested address"


@pytest.mark.parametrize("status", [200, 307, 401, 500])
async def test_only_201_is_an_answer(status: int):
    """Redirects are not followed: the grant named the place."""
    headers = {"location": "http://elsewhere/"}

    assert str(status) in await refused(publisher(lambda _: httpx.Response(status, headers=headers)))


async def test_another_certificate_is_refused():
    """The relay in the answer must be the relay in the grant."""
    text = sdp.write(replace(ANSWER, fingerprint=ONE.fingerprint))

    assert "certificate" in await refused(publisher(lambda _: httpx.Response(201, text=text)))


@pytest.mark.parametrize("body", ["", "v=0", "x" * 20_000])
async def test_an_answer_that_is_none_is_refused(body: str):
    """Broken or oversized SDP ends the attempt, not the agent."""
    await refused(publisher(lambda _: httpx.Response(201, text=body)))


async def test_an_answer_whose_candidate_breaks_off_is_refused():
    """An address and no type: the attempt ends, not the agent."""
    text = sdp.write(replace(ANSWER, candidates=("1 1 udp 2130706431 127.0.0.1 9",)))

    assert "cannot be reached" in await refused(publisher(lambda _: httpx.Response(201, text=text)))


async def test_addresses_the_site_does_not_allow_are_not_dialled(monkeypatch: pytest.MonkeyPatch):
    """Neither forbidden ones, nor names, nor TCP: with none left there is no path."""
    monkeypatch.setattr("partner_agent.rtc.whip.CONNECT_S", 0.3)
    asked: list[str] = []

    def rule(address: object) -> bool:
        asked.append(str(address))
        return False

    candidates = (*ANSWER.candidates, "1 1 udp 9 x.local 9 typ host", "1 1 tcp 9 127.0.0.2 9 typ host")
    text = sdp.write(replace(ANSWER, candidates=candidates))

    assert "cannot be reached" in await refused(publisher(lambda _: httpx.Response(201, text=text), rule))
    assert asked == ["127.0.0.1"]


def test_only_what_is_lost_of_the_pictures_is_told():
    """A block on the sound, or on what was repeated, says nothing of it."""
    blocks = [rtcp.ReportBlock(ssrc, lost, 0, 0, 0, 0, 0) for ssrc, lost in ((7, 255), (5, 30), (6, 0))]
    told: list[int] = []

    whip._tell_loss(told.append, 5, blocks)

    assert told == [30]


async def test_a_goodbye_that_cannot_be_said_still_closes_everything():
    """A client that is closed already raises no error of HTTP: the leg and its sockets would be left over."""
    closed: list[str] = []

    class Leg:
        async def close(self) -> None:
            closed.append("leg")

    class Goodbye:
        async def say(self) -> None:
            raise RuntimeError("the client has been closed")

    publication = Publication(
        leg=cast("Any", Leg()),
        stream=cast("Any", None),
        ports=[cast("Any", SimpleNamespace(close=lambda: closed.append("port")))],
        clock=SystemClock(),
        goodbye=cast("Any", Goodbye()),
    )

    with pytest.raises(RuntimeError):
        await publication.stop()

    assert closed == ["leg", "port"]


async def test_a_publisher_whose_libraries_moved_is_not_made(monkeypatch: pytest.MonkeyPatch):
    """An agent says at its start what is gone, and not by a view that never begins."""
    moved = Expected("a library", object, ("what_is_gone",))
    monkeypatch.setattr(expected, "EXPECTED", (*expected.EXPECTED, moved))

    with pytest.raises(HooksMovedError, match="a library has no what_is_gone"):
        publisher(lambda _: httpx.Response(500))
