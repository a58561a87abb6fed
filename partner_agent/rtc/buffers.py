"""How much the kernel keeps for a media port, each way: how much is wanted, what it gives, and what to do about less.

The kernel cuts a wish down to `net.core.rmem_max` and `net.core.wmem_max` without a word (socket(7)). Bursts that do
not fit are lost: a key picture to many viewers, a group of pictures to one.
"""

import socket
from typing import Final

WANTED_BYTES: Final = 4 * 1024 * 1024  # a key-frame burst to 200 viewers; deploy/sysctl.d allows as much
CURE: Final = "install deploy/sysctl.d/lenspact.conf as docs/guide/network.md says, and start again"


def widen(sock: socket.socket) -> int:
    """Ask for as much as is wanted; the bytes that the kernel gave of it, those of the narrower way."""
    given = []
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, WANTED_BYTES)
        given.append(sock.getsockopt(socket.SOL_SOCKET, option) // 2)  # socket(7): it doubles, and says the double
    return min(given)


def given_here() -> int:
    """What a port would be given now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        return widen(sock)


def shortage(given_bytes: int) -> str:
    """What is wrong with as much, in a sentence without its stop; empty if nothing is."""
    if given_bytes >= WANTED_BYTES:
        return ""
    return (
        f"the kernel keeps {given_bytes // 1024} KiB for a media port where {WANTED_BYTES // 1024} are wanted, so "
        "pictures are lost in bursts"
    )
