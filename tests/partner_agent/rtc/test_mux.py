"""The shared port takes whatever anybody sends: what is no message of a peer of ours is counted, and nothing else."""

import socket
import struct
from collections.abc import Iterator

import pytest
from aioice import stun
from hypothesis import example, given
from hypothesis import strategies as st

from partner_agent.rtc.mux import UdpPort

STRANGER = ("192.0.2.7", 4711)


@pytest.fixture(scope="module")
def port() -> Iterator[UdpPort]:
    """A port with nobody on it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        yield UdpPort(sock)


def message(*attributes: tuple[int, bytes]) -> bytes:
    """A binding request with these attributes, as their bytes are."""
    body = b"".join(struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4) for kind, value in attributes)
    return struct.pack("!HHI", 0x0001, len(body), stun.COOKIE) + bytes(12) + body


ATTRIBUTE = st.tuples(
    st.sampled_from([kind for kind, *_ in stun.ATTRIBUTES]) | st.integers(0, 0xFFFF), st.binary(max_size=40)
)


@given(attributes=st.lists(ATTRIBUTE, max_size=6))
@example(attributes=[(0x0024, b"x")])  # a priority of one byte
@example(attributes=[(0x0020, b"")])  # an address of none
@example(attributes=[(0x0006, b"\xff\xfe")])  # a name that is no text
def test_a_strangers_message_is_counted_and_raises_nothing(port: UdpPort, attributes: list[tuple[int, bytes]]):
    """Every attribute the library knows, with bytes of any length: nothing reaches the event loop's error handler."""
    before = port.unknown
    port.datagram_received(message(*attributes), STRANGER)
    assert port.unknown == before + 1


@given(data=st.binary(max_size=200))
def test_any_bytes_are_counted(port: UdpPort, data: bytes):
    """Whatever the first byte claims it to be."""
    before = port.unknown
    port.datagram_received(data, STRANGER)
    assert port.unknown == before + 1
