"""What is sealed in one sweep for one viewer after the other is, byte for byte, what each would have got by itself."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from partner_agent.rtc import h264, rtp
from partner_agent.rtc.burst import Batch, Run
from partner_agent.rtc.fanout import FanOut
from partner_agent.rtc.ring import Packet
from partner_agent.rtc.srtp import GcmProtector, LibsrtpProtector
from partner_agent.rtc.viewer import Viewer

KEY = h264.packetise([b"\x67s", b"\x68p", b"\x65" + b"i" * 3000])
UNTIL = 1_000.0
SSRC = 99


class Wire:
    """The datagrams that one viewer was sent, whichever way."""

    def __init__(self) -> None:
        self.datagrams: list[bytes] = []
        self.at_once = 0

    def send(self, datagrams: list[bytes]) -> None:
        """As a list."""
        self.datagrams += datagrams

    def send_runs(self, sealed: bytes, runs: Sequence[Run]) -> None:
        """As one piece."""
        for start, end, size in runs:
            cut = [sealed[at : min(at + size, end)] for at in range(start, end, size)]
            self.datagrams += cut
            self.at_once += len(cut)


def gcm(number: int) -> GcmProtector:
    """A viewer's key."""
    return GcmProtector.from_master(key=bytes([number]) * 16, salt=b"salt" * 3, ssrc=SSRC)


def viewer(number: int, wire: Wire, *, is_at_once: bool, payload_type: int = 102) -> Viewer:
    """One of two who share a key: in one sweep, or not."""
    send_runs = wire.send_runs if is_at_once else None
    return Viewer(f"{number}.{is_at_once}", payload_type, gcm(number), wire.send, until=UNTIL, send_runs=send_runs)


def film(pictures: list[list[int]], first: int) -> list[bytes]:
    """A key picture and others, of payloads of these sizes, numbered from `first` on."""
    packets = []
    for number, payloads in enumerate([KEY, *([b"\x41" + bytes(size) for size in sizes] for sizes in pictures)]):
        for at, payload in enumerate(payloads, 1):
            head = rtp.header(
                is_last=at == len(payloads),
                payload_type=96,
                sequence=first + len(packets),
                timestamp=number * 3000,
                ssrc=7,
            )
            packets.append(head + payload)
    return packets


@given(
    st.lists(st.lists(st.integers(1, 1_400), min_size=1, max_size=60), min_size=1, max_size=6),
    st.sets(st.integers(0, 40), max_size=4),
    st.integers(0, 65_535),
)
def test_both_ways_send_the_same(pictures: list[list[int]], swapped: set[int], first: int):
    """Pictures of any sizes, some packets overtaken, a join in between, a replay, two payload types and keys."""
    fan, wires = FanOut(ssrc=SSRC), {}
    joined = [(1, 102), (2, 102), (3, 120)]

    def join(number: int, payload_type: int) -> None:
        for is_at_once in (True, False):
            wire = wires[number, is_at_once] = Wire()
            fan.add(viewer(number, wire, is_at_once=is_at_once, payload_type=payload_type), 0.0)

    join(*joined[0])
    packets = film(pictures, first)
    for at in sorted(swapped):
        if len(KEY) < at < len(packets) - 1:
            packets[at], packets[at + 1] = packets[at + 1], packets[at]
    for at, data in enumerate(packets):
        fan.push(data, at / 30)
        if at == len(KEY):
            join(*joined[1])
            join(*joined[2])
    for number, _ in joined:
        for is_at_once in (True, False):
            fan.replay(f"{number}.{is_at_once}", 500.0)

    for number, _ in joined:
        assert wires[number, True].datagrams == wires[number, False].datagrams
        assert wires[number, True].datagrams
        assert wires[number, False].at_once == 0


def test_pictures_in_order_are_sealed_at_once():
    """From its start on a viewer is served in one sweep."""
    fan, wire = FanOut(ssrc=SSRC), Wire()
    fan.add(viewer(1, wire, is_at_once=True), 0.0)
    fan.push(rtp.header(is_last=True, payload_type=96, sequence=7, timestamp=0, ssrc=7) + b"\x65k", 0.0)
    fan.push(rtp.header(is_last=True, payload_type=96, sequence=8, timestamp=1, ssrc=7) + b"\x41p", 0.0)
    fan.add(viewer(2, late := Wire(), is_at_once=True), 0.0)
    for number in range(9, 20):
        fan.push(rtp.header(is_last=True, payload_type=96, sequence=number, timestamp=number, ssrc=7) + b"\x41p", 0.0)

    assert (len(wire.datagrams), wire.at_once) == (13, 13)
    assert (len(late.datagrams), late.at_once) == (13, 13)


def test_an_index_that_is_not_the_next_seals_nothing():
    """Whoever asks out of turn has used no index by it: the same packets can still go out one by one."""
    protector, burst = gcm(1), Batch([Packet(5, True, 0, b"\x41p")], SSRC).shared(102, 0).burst
    assert burst is not None
    protector.protect(b"\x80" * 12, b"before", 3)

    assert protector.seal(burst.headers, burst.payloads, 5) is None
    assert protector.seal(burst.headers, burst.payloads, 4)
    assert protector.seal(burst.headers, burst.payloads, 4) is None
    assert protector.protect(b"\x80" * 12, b"after", 5)


def test_a_peer_without_gcm_is_served_packet_by_packet():
    """Libsrtp keeps count itself."""
    fan, wire = FanOut(ssrc=SSRC), Wire()
    plain = LibsrtpProtector(lambda packet: packet + b"tag")
    fan.add(Viewer("ses_1", 102, plain, wire.send, until=UNTIL, send_runs=wire.send_runs), 0.0)
    for number in range(3):
        fan.push(rtp.header(is_last=True, payload_type=96, sequence=number, timestamp=number, ssrc=7) + b"\x65k", 0.0)

    assert [datagram[12:] for datagram in wire.datagrams] == [b"\x65ktag"] * 3
    assert wire.at_once == 0


def test_nothing_is_sealed_for_whom_the_time_is_over():
    """`until` counts for this way as for the other."""
    fan, wire = FanOut(ssrc=SSRC), Wire()
    fan.add(viewer(1, wire, is_at_once=True), 0.0)
    for number, now in enumerate((0.0, 1.0, UNTIL, UNTIL + 1)):
        fan.push(rtp.header(is_last=True, payload_type=96, sequence=number, timestamp=number, ssrc=7) + b"\x65k", now)

    assert len(wire.datagrams) == 2
