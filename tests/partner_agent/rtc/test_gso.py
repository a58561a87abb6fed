"""Batches leave in order, in as few calls as the kernel allows, and plainly where it does not."""

import errno
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partner_agent.rtc.gso import MAX_SEGMENTS, DatagramSender, runs


@given(st.lists(st.integers(min_value=1, max_value=1400), max_size=200))
def test_runs_cover_everything_and_can_be_segmented(sizes: list[int]):
    """Runs follow one another; within one all are as large as the first but the last, which may be smaller."""
    covered = 0
    for start, end in runs(sizes):
        assert start == covered
        assert 0 < end - start <= MAX_SEGMENTS
        assert all(size == sizes[start] for size in sizes[start : end - 1])
        assert sizes[end - 1] <= sizes[start]
        covered = end
    assert covered == len(sizes)


@pytest.mark.parametrize("is_segmenting", [True, False])
def test_datagrams_arrive_whole_and_in_order(is_segmenting: bool):
    """What is handed over as a batch arrives as the same datagrams, with and without the kernel's help."""
    datagrams = [bytes([n]) * size for n, size in enumerate([1200, 1200, 900, 1200, 40, 1200, 1200])]
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
    ):
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(2)
        DatagramSender(sock, is_segmenting=is_segmenting).send(datagrams, receiver.getsockname())

        assert [receiver.recv(2000) for _ in datagrams] == datagrams


class Narrow:
    """A socket that refuses segments for one peer, or for everybody, as a kernel does; it remembers the calls."""

    def __init__(self, error: int, peer: str = "") -> None:
        self.error, self.peer = error, peer
        self.calls: list[str] = []

    def sendmsg(self, _buffers: list[bytes], _control: object, _flags: int, address: tuple[str, int]) -> None:
        if self.peer in {"", address[0]}:
            raise OSError(self.error, "refused")
        self.calls.append(f"segments to {address[0]}")

    def sendto(self, _data: bytes, address: tuple[str, int]) -> None:
        self.calls.append(f"plain to {address[0]}")


@pytest.mark.parametrize("error", [errno.EMSGSIZE, errno.EINVAL])
def test_a_peer_behind_a_narrow_way_costs_the_others_nothing(error: int):
    """Its datagrams go plainly, from now on; everybody else's are segmented as before."""
    sock = Narrow(error, "far")
    sender = DatagramSender(sock)  # type: ignore[arg-type]
    for _ in range(2):
        sender.send([b"aa", b"bb"], ("far", 1))
        sender.send([b"aa", b"bb"], ("near", 1))

    assert sock.calls == ["plain to far", "plain to far", "segments to near"] * 2
    assert (sender.is_segmenting, sender.dropped) == (True, 0)


def test_a_kernel_that_does_not_segment_is_asked_once():
    """Nothing is lost by asking."""
    sock = Narrow(errno.EOPNOTSUPP)
    sender = DatagramSender(sock)  # type: ignore[arg-type]
    sender.send([b"aa", b"bb"], ("far", 1))
    assert (sock.calls, sender.is_segmenting) == (["plain to far"] * 2, False)


@pytest.mark.parametrize("is_segmenting", [True, False])
def test_a_run_in_one_buffer_arrives_as_its_datagrams(is_segmenting: bool):
    """Cut by the kernel, or by us; the last may be shorter, and one alone is none to cut."""
    whole = memoryview(bytes(range(250)) * 10)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
    ):
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(2)
        sender = DatagramSender(sock, is_segmenting=is_segmenting)
        sender.send_run(whole, 1200, receiver.getsockname())
        sender.send_run(whole[:900], 1200, receiver.getsockname())

        assert [receiver.recv(3000) for _ in range(4)] == [whole[:1200], whole[1200:2400], whole[2400:], whole[:900]]


@pytest.mark.parametrize("error", [errno.EMSGSIZE, errno.EIO])
def test_a_run_that_the_kernel_refuses_goes_out_piece_by_piece(error: int):
    """Nothing of it is lost, and the next does not try again."""
    sock = Narrow(error)
    sender = DatagramSender(sock)  # type: ignore[arg-type]
    for _ in range(2):
        sender.send_run(memoryview(bytes(2500)), 1200, ("far", 1))

    assert sock.calls == ["plain to far"] * 6
    assert sender.dropped == 0
