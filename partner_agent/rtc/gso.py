"""Many datagrams in one system call: UDP generic segmentation offload, and plain sends where the kernel refuses.

Linux 4.18 cuts one buffer into datagrams of a given size (`UDP_SEGMENT`), four times cheaper than one call each. All
but the last must be of equal size. A full socket buffer drops datagrams, as UDP may; the count is kept.
"""

import errno
import socket
import struct
from collections.abc import Iterator, Sequence
from typing import Final

MAX_SEGMENTS: Final = 44  # 44 x 1,472 bytes stay under the 65,507 of one UDP send
_UDP_SEGMENT: Final = 103  # linux/udp.h; the socket module has no name for it
_SIZE: Final = struct.Struct("=H")
_REFUSED: Final = frozenset({errno.EIO, errno.ENOPROTOOPT, errno.EOPNOTSUPP})  # this kernel or card never segments
_TOO_WIDE: Final = frozenset({errno.EINVAL, errno.EMSGSIZE})  # a segment does not fit the way to this peer
_MOST_NARROW: Final = 1_024  # peers that are remembered for it

Address = tuple[str, int]


def runs(sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Cut a sequence of datagram sizes into runs one call can send: `(first, past the last)`.

    In a run all have the size of the first, but the last may be shorter.
    """
    start = 0
    for at in range(1, len(sizes) + 1):
        is_end = at == len(sizes)
        if is_end or at - start == MAX_SEGMENTS or sizes[at - 1] < sizes[start] or sizes[at] > sizes[start]:
            yield start, at
            start = at


class DatagramSender:
    """Sends batches on one socket; learns whether the kernel segments, and which peers' ways are too narrow for it.

    Attributes:
        is_segmenting: whether `UDP_SEGMENT` still works here.
        dropped: datagrams a full socket buffer swallowed.
    """

    def __init__(self, sock: socket.socket, *, is_segmenting: bool = True) -> None:
        self._socket = sock
        self.is_segmenting = is_segmenting
        self.dropped = 0
        self._narrow: dict[Address, None] = {}

    def send(self, datagrams: Sequence[bytes], address: Address) -> None:
        """Send all of `datagrams` to `address`, in order; never waits."""
        if not self.is_segmenting or len(datagrams) == 1 or address in self._narrow:
            self._send_each(datagrams, address)
            return
        for start, end in runs([len(datagram) for datagram in datagrams]):
            self._send_run(datagrams[start:end], address)

    def _send_run(self, run: Sequence[bytes], address: Address) -> None:
        if len(run) == 1 or not self.is_segmenting:
            self._send_each(run, address)
            return
        control = [(socket.IPPROTO_UDP, _UDP_SEGMENT, _SIZE.pack(len(run[0])))]
        try:
            self._socket.sendmsg([b"".join(run)], control, 0, address)
        except BlockingIOError:
            self.dropped += len(run)
        except OSError as error:
            if error.errno in _REFUSED:
                self.is_segmenting = False
            elif error.errno in _TOO_WIDE:
                self._remember_narrow(address)
            else:
                self.dropped += len(run)
                return
            self._send_each(run, address)

    def _remember_narrow(self, address: Address) -> None:
        if len(self._narrow) >= _MOST_NARROW:
            del self._narrow[next(iter(self._narrow))]
        self._narrow[address] = None

    def _send_each(self, datagrams: Sequence[bytes], address: Address) -> None:
        for datagram in datagrams:
            try:
                self._socket.sendto(datagram, address)
            except OSError:  # full buffer, or the peer's port is gone: UDP loses it
                self.dropped += 1
