"""What arrives is the same datagrams, in order, however many the kernel hands over at once."""

import socket
from collections.abc import Iterator

import pytest

from partner_agent.rtc import gro
from partner_agent.rtc.gro import DatagramReader
from partner_agent.rtc.gso import Address, DatagramSender


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    """One that receives and does not block, and one that sends."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        yield receiver, sender


def read(reader: DatagramReader, most: int) -> list[tuple[bytes, Address]]:
    """What waits, datagram by datagram, with the senders."""
    return [(bytes(data), address) for together, address in reader.read(most) for data in together]


@pytest.mark.parametrize("has_offload", [True, False])
def test_bursts_of_any_sizes_arrive_as_they_were_sent(sockets, monkeypatch, has_offload):
    """Runs of equal size, a shorter last one, single bytes, and nothing at all in a datagram."""
    receiver, sender = sockets
    if not has_offload:
        monkeypatch.setattr(gro, "_UDP_GRO", 9_999)  # an option that no kernel knows
    reader = DatagramReader(receiver)
    sent = [bytes([n]) * size for n, size in enumerate([1200] * 9 + [300, 1, 1, 1200, 1200, 0, 700])]
    DatagramSender(sender).send(sent[:10], receiver.getsockname())
    for datagram in sent[10:]:
        sender.sendto(datagram, receiver.getsockname())

    arrived = read(reader, 64)

    assert [data for data, _ in arrived] == [data for data in sent if data]  # an empty one says nothing
    assert {address[1] for _, address in arrived} == {sender.getsockname()[1]}
    assert read(reader, 64) == []


def test_a_burst_costs_one_call(sockets):
    """Of a run of equal size: the kernel hands it over whole."""
    receiver, sender = sockets
    reader = DatagramReader(receiver)
    DatagramSender(sender).send([bytes(1000)] * 12, receiver.getsockname())

    assert [len(data) for data, _ in read(reader, 1)] == [1000] * 12


def test_a_peer_that_is_gone_is_passed_over(sockets):
    """Its ICMP error is the socket's, and keeps nobody else's datagram back."""
    receiver, sender = sockets
    reader = DatagramReader(receiver)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        nowhere = gone.getsockname()
    sender.bind(("127.0.0.1", 0))
    receiver.connect(nowhere)
    receiver.send(b"anybody?")
    receiver.connect(sender.getsockname())
    sender.sendto(b"here", receiver.getsockname())

    assert [data for data, _ in read(reader, 8)] == [b"here"]
