"""The shared port remembers which peer asked what, so that answers find it; of one peer a bounded number."""

from collections.abc import AsyncIterator

import pytest
from aioice import stun
from aioice.ice import Connection

from partner_agent.rtc import mux
from partner_agent.rtc.mux import Route, UdpPort

pytestmark = pytest.mark.anyio
PEER = ("192.0.2.7", 4711)
ASKED = [bytes([number]) * 12 for number in range(5)]


@pytest.fixture
async def port() -> AsyncIterator[UdpPort]:
    """A port on this machine."""
    opened = await UdpPort.open("127.0.0.1")
    yield opened
    opened.close()


@pytest.fixture
async def route(port: UdpPort) -> AsyncIterator[Route]:
    """One peer's place on it."""
    connection = Connection(ice_controlling=True, local_username="u" * 16, local_password="p" * 32)
    connection.remote_username, connection.remote_password = "v" * 16, "q" * 32
    joined = port.join(connection)
    yield joined
    joined.close()


def is_taken(port: UdpPort, transaction: bytes) -> bool:
    """Whether the peer's answer to a check finds who asked."""
    answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, transaction)
    answer.attributes["XOR-MAPPED-ADDRESS"] = PEER
    answer.add_message_integrity(b"q" * 32)
    before = port.unknown
    port.datagram_received(bytes(answer), PEER)
    return port.unknown == before


async def test_checks_beyond_those_that_may_still_be_answered_are_forgotten(
    port: UdpPort, route: Route, monkeypatch: pytest.MonkeyPatch
):
    """The oldest first: its answer is nobody's, those of the newest are taken."""
    monkeypatch.setattr(mux, "MAX_ASKED", 3)
    for transaction in ASKED:
        port.ask(route, transaction)

    assert [is_taken(port, transaction) for transaction in ASKED] == [False, False, True, True, True]


async def test_a_check_that_is_repeated_takes_no_other_ones_place(
    port: UdpPort, route: Route, monkeypatch: pytest.MonkeyPatch
):
    """A transaction is sent again until it is answered."""
    monkeypatch.setattr(mux, "MAX_ASKED", 3)
    for transaction in (*ASKED[:3], ASKED[2], ASKED[2]):
        port.ask(route, transaction)

    assert all(is_taken(port, transaction) for transaction in ASKED[:3])


async def test_what_a_peer_asked_is_forgotten_with_it(port: UdpPort, route: Route):
    """An answer that comes after it has left is nobody's."""
    port.ask(route, ASKED[0])

    route.close()

    assert not is_taken(port, ASKED[0])
