"""Many datagrams in one system call: UDP generic segmentation offload, and plain sends where the kernel refuses.

Linux 4.18 cuts one buffer into datagrams of a given size (`UDP_SEGMENT`), four times cheaper than one call each. All
but the last must be of equal size. A full socket buffer drops datagrams, as UDP may; the count is kept.
"""

import errno
import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
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
            self.send_run(memoryview(b"".join(datagrams[start:end])), len(datagrams[start]), address)

    def send_run(self, data: memoryview, segment_bytes: int, address: Address) -> None:
        """Send datagrams of `segment_bytes` each, the last perhaps shorter, that lie one behind the other."""
        if len(data) <= segment_bytes or not self.is_segmenting or address in self._narrow:
            self._send_each(_cut(data, segment_bytes), address)
        else:
            self._segment(data, segment_bytes, address)

    def _segment(self, data: memoryview, segment_bytes: int, address: Address) -> None:
        control = [(socket.IPPROTO_UDP, _UDP_SEGMENT, _SIZE.pack(segment_bytes))]
        count = -(-len(data) // segment_bytes)
        try:
            self._socket.sendmsg([data], control, 0, address)
        except BlockingIOError:
            self.dropped += count
        except OSError as error:
            if error.errno in _REFUSED:
                self.is_segmenting = False
            elif error.errno in _TOO_WIDE:
                self._remember_narrow(address)
            else:
                self.dropped += count
                return
            self._send_each(_cut(data, segment_bytes), address)

    def _remember_narrow(self, address: Address) -> None:
        if len(self._narrow) >= _MOST_NARROW:
            del self._narrow[next(iter(self._narrow))]
        self._narrow[address] = None

    def _send_each(self, datagrams: Iterable[bytes | memoryview], address: Address) -> None:
        for datagram in datagrams:
            try:
                self._socket.sendto(datagram, address)
            except OSError:  # full buffer, or the peer's port is gone: UDP loses it
                self.dropped += 1


def _cut(data: memoryview, segment_bytes: int) -> Iterator[memoryview]:
    """The datagrams of a run."""
    return (data[at : at + segment_bytes] for at in range(0, len(data), segment_bytes))
