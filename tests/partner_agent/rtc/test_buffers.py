"""What the kernel keeps for a media port is asked, looked at, and said when it is too little."""

import socket

import pytest

from partner_agent.rtc import buffers
from partner_agent.rtc.mux import UdpPort

MOST_ASKED = 1 << 30  # no machine allows as much to everybody


class Kernel(socket.socket):
    """Keeps at most so much of what is asked; says the double, as Linux does."""

    def __init__(self, most: dict[int, int]) -> None:
        super().__init__(socket.AF_INET, socket.SOCK_DGRAM)
        self.most, self.kept = most, dict[int, int]()

    def setsockopt(self, level: int, option: int, value: object, *_: object) -> None:  # type: ignore[override]
        assert level == socket.SOL_SOCKET
        assert isinstance(value, int)
        self.kept[option] = min(value, self.most[option])

    def getsockopt(self, level: int, option: int, *_: object) -> int:  # type: ignore[override]
        assert level == socket.SOL_SOCKET
        return 2 * self.kept[option]


@pytest.mark.parametrize(("reads", "sends"), [(212_992, 1 << 30), (1 << 30, 212_992), (212_992, 212_992)])
def test_the_narrower_way_counts(reads: int, sends: int):
    """Debian's 208 KiB, either way: what is wrong is one sentence."""
    with Kernel({socket.SO_RCVBUF: reads, socket.SO_SNDBUF: sends}) as sock:
        given = buffers.widen(sock)

    assert given == 212_992
    assert buffers.shortage(given) == (
        "the kernel keeps 208 KiB for a media port where 4096 are wanted, so pictures are lost in bursts"
    )


def test_what_is_wanted_is_enough():
    """Then nothing is said."""
    with Kernel({socket.SO_RCVBUF: 1 << 30, socket.SO_SNDBUF: 1 << 30}) as sock:
        assert buffers.shortage(buffers.widen(sock)) == ""


@pytest.mark.anyio
async def test_a_port_knows_what_the_kernel_gave(monkeypatch: pytest.MonkeyPatch):
    """By the kernel of this machine, whatever that allows."""
    monkeypatch.setattr(buffers, "WANTED_BYTES", MOST_ASKED)
    port = await UdpPort.open("127.0.0.1")
    port.close()

    assert 0 < port.buffer_bytes == buffers.given_here() < MOST_ASKED
    assert buffers.shortage(port.buffer_bytes)
