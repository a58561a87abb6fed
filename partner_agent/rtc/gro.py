"""Many datagrams in one system call: UDP generic receive offload, and one after the other where the kernel has none.

Linux 5.0 hands datagrams of one sender that followed one another as one buffer and says how long each is (`UDP_GRO`):
a picture's packets then cost one call instead of fifteen. The last of a buffer may be shorter.
"""

import contextlib
import socket
import struct
from collections.abc import Iterator
from typing import Final

from partner_agent.rtc.gso import Address

_UDP_GRO: Final = 104  # linux/udp.h; the socket module has no name for it
_SIZE: Final = struct.Struct("=i")
_BUFFER_BYTES: Final = 65_535  # more than one UDP payload, or one such buffer, can be

Arrived = tuple[list[memoryview], Address]


class DatagramReader:
    """Reads what waits on one socket that does not block."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._buffer = bytearray(_BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        with contextlib.suppress(OSError):  # an older kernel: each datagram is a call of its own
            sock.setsockopt(socket.IPPROTO_UDP, _UDP_GRO, 1)

    def read(self, most: int) -> Iterator[Arrived]:
        """The datagrams that wait, of one sender at a time, from up to `most` calls; never waits.

        They lie in one buffer, which the next are written over: take what you need before you ask for more. An empty
        datagram is nobody's. A peer whose port is gone shows as an error on the socket (ICMP): passed over.
        """
        for _ in range(most):
            try:
                size, control, _flags, address = self._socket.recvmsg_into(
                    [self._buffer], socket.CMSG_SPACE(_SIZE.size)
                )
            except BlockingIOError:
                return
            except OSError:
                continue
            each = _SIZE.unpack(control[0][2][: _SIZE.size])[0] if control else size
            view = self._view[:size]
            yield [view[start : start + each] for start in range(0, size, each or 1)], address[:2]
