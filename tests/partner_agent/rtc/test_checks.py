"""The checks that keep a way, against aioice: what one writes the other reads, and all else is left to aioice."""

import asyncio
import dataclasses
import socket
import struct
from functools import partial
from typing import Any, cast

import anyio
import pytest
from aioice import stun
from hypothesis import example, given
from hypothesis import strategies as st

from partner_agent.rtc import checks, ice, rtcp, rtp
from partner_agent.rtc.gso import Address
from tests.partner_agent.rtc.test_legs import meet, restarted, two_ends
from tests.support.waiting import until

OURS = checks.Peer(b"us:them", b"our password", b"them:us", b"their password", is_controlling=False, tie_breaker=7)
THEIRS = checks.Peer(b"them:us", b"their password", b"us:them", b"our password", is_controlling=True, tie_breaker=9)
TRANSACTION = bytes(range(12))
ADDRESSES: list[Address] = [("192.0.2.7", 4711), ("2001:db8::7", 65_535), ("0.0.0.0", 0)]


def foreign(kind: str = "REQUEST", key: bytes = OURS.key, **attributes: object) -> bytes:
    """A message of aioice's making."""
    message = stun.Message(stun.Method.BINDING, stun.Class[kind], TRANSACTION)
    message.attributes = {name.replace("_", "-"): value for name, value in attributes.items()}
    message.add_message_integrity(key)
    return bytes(message)


def test_a_request_of_another_implementation_is_taken():
    """As aioice writes it, nominating or not; and with an attribute nobody knows, that may be passed over."""
    said = {"USERNAME": "us:them", "PRIORITY": 5, "ICE_CONTROLLING": 9}
    assert checks.is_kept(foreign(**said), OURS)
    assert checks.is_kept(foreign(**said, USE_CANDIDATE=None), OURS)
    assert checks.is_kept(foreign(**said, SOFTWARE="somebody"), OURS)


def test_an_answer_may_say_more_than_it_must():
    """libnice, and so GStreamer and Janus, repeats the name it was asked by; older ones say the address plainly too."""
    said = {"XOR_MAPPED_ADDRESS": ADDRESSES[0]}
    for more in ({"USERNAME": "them:us"}, {"MAPPED_ADDRESS": ADDRESSES[0]}, {"SOFTWARE": "somebody"}):
        assert checks.is_kept(foreign(kind="RESPONSE", key=OURS.peer_key, **said, **more), OURS)
    odd = foreign(kind="RESPONSE", key=OURS.peer_key, **said, USERNAME="them:others")
    assert not checks.is_kept(odd, OURS)


def test_what_is_new_or_odd_is_left_to_the_agent():
    """Another name, another password, our own role, an error, what must be understood and is not."""
    said = {"USERNAME": "us:them", "PRIORITY": 5}
    for odd in (
        foreign(**said | {"USERNAME": "us:others"}, ICE_CONTROLLING=9),
        foreign(PRIORITY=5),
        foreign(key=b"a guess", **said),
        foreign(**said, ICE_CONTROLLED=9),
        foreign(**said, ERROR_CODE=(487, "Role Conflict")),
        foreign(**said, XOR_MAPPED_ADDRESS=ADDRESSES[0]),
        foreign(kind="INDICATION", **said),
        foreign(kind="ERROR", **said),
        foreign(kind="RESPONSE", **said),
    ):
        assert not checks.is_kept(odd, OURS)


def test_the_other_implementation_reads_our_request():
    """Signed, with a fingerprint, in our role; and so does our own reader at the other end."""
    written = checks.request(TRANSACTION, OURS)
    read = stun.parse_message(written)

    assert read.check_message_integrity(OURS.peer_key)
    assert (read.message_class, read.transaction_id) == (stun.Class.REQUEST, TRANSACTION)
    assert {name: read.attributes[name] for name in ("USERNAME", "ICE-CONTROLLED")} == {
        "USERNAME": "them:us",
        "ICE-CONTROLLED": 7,
    }
    assert "USE-CANDIDATE" not in read.attributes  # which only the controlling end may say
    assert checks.is_kept(written, THEIRS)
    assert checks.transaction_of(written) == TRANSACTION


def test_the_controlling_end_names_its_way_with_each_check():
    """So that a peer who sees it come from elsewhere goes over there."""
    read = stun.parse_message(checks.request(TRANSACTION, THEIRS))

    assert read.check_message_integrity(THEIRS.peer_key)
    assert "USE-CANDIDATE" in read.attributes


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_other_implementation_reads_our_answer(address: Address):
    """It names where the request came from, in either family; an answer is signed by who answers."""
    written = checks.answer(checks.request(TRANSACTION, THEIRS), address, OURS)
    read = stun.parse_message(written)

    assert read.check_message_integrity(OURS.key)
    assert read.attributes["XOR-MAPPED-ADDRESS"] == address
    assert (read.message_class, read.transaction_id) == (stun.Class.RESPONSE, TRANSACTION)
    assert checks.is_kept(written, THEIRS)
    assert not checks.is_kept(written, OURS)


def test_our_answer_is_the_other_implementation_s_byte_for_byte():
    """Same attributes in the same order."""
    theirs = foreign(kind="RESPONSE", XOR_MAPPED_ADDRESS=ADDRESSES[0])
    assert checks.answer(foreign(USERNAME="us:them"), ADDRESSES[0], OURS) == theirs


@given(at=st.integers(0, 300), bit=st.integers(0, 7))
def test_a_message_with_one_bit_changed_is_not_taken(at: int, bit: int):
    """Wherever it is: header, name, role, signature or fingerprint. The transaction is signed, too."""
    data = bytearray(foreign(USERNAME="us:them", PRIORITY=5, ICE_CONTROLLING=9))
    data[at % len(data)] ^= 1 << bit
    assert not checks.is_kept(bytes(data), OURS)


@given(st.binary(max_size=200), st.sampled_from([checks.REQUEST, checks.ANSWER]))
@example(b"", checks.REQUEST)
@example(struct.pack("!HH", 0x0006, 0xFFFF), checks.REQUEST)  # a name that is longer than the message
@example(struct.pack("!HH", 0x0008, 20) + bytes(19), checks.ANSWER)
def test_no_bytes_raise(body: bytes, kind: int):
    """Lengths that lie, attributes cut off, nothing at all."""
    for data in (body, struct.pack("!HHI", kind, len(body), 0x2112A442) + TRANSACTION + body):
        assert not checks.is_kept(data, OURS)
        checks.kind_of(data), checks.transaction_of(data)


def test_what_follows_the_signature_must_be_a_fingerprint():
    """Anything else is unsigned (RFC 8489 §14.5), and so would be a second fingerprint."""
    signed = foreign(USERNAME="us:them")
    longer = signed + struct.pack("!HHI", 0x8022, 4, 0)
    longer = longer[:2] + (len(longer) - 20).to_bytes(2, "big") + longer[4:]
    assert checks.is_kept(signed, OURS)
    assert not checks.is_kept(longer, OURS)
    assert not checks.is_kept(signed, dataclasses.replace(OURS, asks_as=b"us:them2"))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checks twenty times a second, and gone after a third of a second without an answer."""
    monkeypatch.setattr(ice, "CONSENT_S", 0.05)
    monkeypatch.setattr(ice, "CONSENT_VALID_S", 0.35)


@pytest.mark.anyio
@pytest.mark.usefixtures("quick")
async def test_both_ends_keep_their_way_without_their_agents(monkeypatch: pytest.MonkeyPatch):
    """Asked and answered, several times the while that consent lasts; aioice sees none of it."""
    async with two_ends() as (one, two):
        await meet(one, two)
        await anyio.sleep(0.1)  # the last checks of the search
        passed: list[bytes] = []
        monkeypatch.setattr(stun, "parse_message", passed.append)

        await anyio.sleep(1.5)

        assert (one.leg.is_open, two.leg.is_open, passed) == (True, True, [])
        assert one.port.unknown == two.port.unknown == 0


@pytest.mark.anyio
@pytest.mark.usefixtures("quick")
async def test_who_no_longer_answers_is_left():
    """RFC 7675 §5.1: consent expires, and nothing more is sent; told once."""
    async with two_ends() as (one, two):
        await meet(one, two)
        two.leg._session.routes[0].on_check = lambda *_: True  # it hears, and says nothing

        await until(lambda: one.closed)

        assert not one.leg.is_open
        assert one.leg.port is None
        assert one.closed == 1


@pytest.mark.anyio
@pytest.mark.usefixtures("quick")
async def test_an_answer_that_was_held_back_prolongs_nothing():
    """Consent counts from the question: whoever keeps answers of a peer that is gone wins no time by them."""
    async with two_ends() as (one, two):
        await meet(one, two)
        ours, theirs = one.leg._session, two.leg._session
        await until(lambda: ours._peer and theirs._peer)
        theirs.routes[0].on_check = lambda *_: True
        await until(lambda: ours._asked)
        transaction, asked_at = next(iter(ours._asked.items()))
        assert ours._peer is not None
        assert theirs._peer is not None
        held = checks.answer(checks.request(transaction, ours._peer), one.port.address, theirs._peer)
        await anyio.sleep(0.1)

        assert ours.routes[0].on_check is not None
        assert ours.routes[0].on_check(held, two.port.address)

        assert ours._consented_at <= asked_at


@pytest.mark.anyio
async def test_a_check_from_elsewhere_is_the_agent_s():
    """The same request from another address may be a new way, or a lie: it is not answered by the short way."""
    async with two_ends() as (one, two):
        await meet(one, two)
        await until(lambda: one.leg._session._peer and two.leg._session._peer)
        peer = one.leg._session._peer
        assert peer is not None
        route, asked = two.leg._session.routes[0], checks.request(TRANSACTION, peer)

        assert route.on_check is not None
        assert route.on_check(asked, one.port.address)
        assert not route.on_check(asked, ("127.0.0.1", 9))
        assert not route.on_check(checks.answer(asked, one.port.address, peer), one.port.address)  # nobody asked


@pytest.mark.anyio
@pytest.mark.usefixtures("quick")
async def test_a_restart_takes_the_keeping_along():
    """The new session is kept, the former asks no more."""
    async with two_ends() as (one, two):
        await meet(one, two)
        former = two.leg._session
        await restarted(one, two)
        await anyio.sleep(0.8)

        assert two.leg._session is not former
        assert one.leg.is_open
        assert two.leg.is_open
        assert former.way is None


class Way(asyncio.DatagramProtocol):
    """What lies between two ends: the called one sees the caller's outside address, which can change."""

    def __init__(self, to: Address) -> None:
        self.to, self.outside = to, socket.socket()
        self.caller: Address | None = None
        self.front: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.front = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.caller = addr
        self.outside.sendto(data, self.to)

    def change(self) -> None:
        """Another outside address from this instant; what is sent to the former goes nowhere."""
        self.close()
        self.outside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.outside.bind(("127.0.0.1", 0))
        self.outside.setblocking(False)
        asyncio.get_running_loop().add_reader(self.outside, self._back)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.outside)
        self.outside.close()

    def _back(self) -> None:
        data = self.outside.recv(2_000)
        if self.front and self.caller:
            self.front.sendto(data, self.caller)


@pytest.mark.anyio
@pytest.mark.usefixtures("quick")
async def test_who_calls_may_come_from_another_address_and_everything_goes_on():
    """Its network was changed, or its router: with its next check media pass again, both ways, and go on passing."""
    async with two_ends() as (one, two):
        front, way = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Way(two.port.address), local_addr=("127.0.0.1", 0)
        )
        way.change()
        host, number = front.get_extra_info("sockname")
        await one.leg.add_candidate(f"1 1 udp 2130706431 {host} {number} typ host")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(partial(one.shake_hands, two))
            tasks.start_soon(partial(two.shake_hands, one))
        before = two.leg._session.way
        way.change()
        await until(lambda: two.leg._session.way != before)
        await anyio.sleep(1.5)  # several times the while that consent lasts

        assert (one.leg.is_open, two.leg.is_open) == (True, True)
        head = rtp.header(is_last=True, payload_type=96, sequence=5, timestamp=6, ssrc=7)
        one.leg.send([one.leg.protector(7).protect(head, b"picture", 5)])
        two.leg.send_rtcp(rtcp.key_frame_request(1, 7))
        await until(lambda: two.rtp and one.rtcp)
        way.close()
        front.close()
