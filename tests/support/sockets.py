"""Which sockets a tree of processes holds open for others, read from `/proc` (Linux)."""

import ipaddress
import re
import socket
import sys
from pathlib import Path

LISTENING = {"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07"}  # a bound UDP socket is in TCP's CLOSE


def family_of(pid: int) -> set[int]:
    """The process and everything it started, as long as parents live."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it ended meanwhile
    found, size = {pid}, 0
    while len(found) > size:
        size = len(found)
        found |= {child for child, parent in parents.items() if parent in found}
    return found


def open_to_others(pids: set[int]) -> set[tuple[str, str, int]]:
    """(protocol, address, port) of each socket that waits for others."""
    inodes = {inode for pid in pids for inode in _inodes(pid)}
    found = set()
    for protocol, state in LISTENING.items():
        table = Path("/proc/net") / protocol
        for line in table.read_text().splitlines()[1:] if table.exists() else []:
            words = line.split()
            if words[9] in inodes and words[3] == state:
                address, _, port = words[1].partition(":")
                found.add((protocol, _address(address), int(port, 16)))
    return found


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches it."""
    return ipaddress.ip_address(address).is_loopback


def _inodes(pid: int) -> set[str]:
    found = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            named = re.fullmatch(r"socket:\[(\d+)\]", str(link.readlink()))
        except OSError:
            continue
        if named:
            found.add(named[1])
    return found


def _address(text: str) -> str:
    words = [bytes.fromhex(text[i : i + 8]) for i in range(0, len(text), 8)]
    data = b"".join(word[::-1] if sys.byteorder == "little" else word for word in words)
    return socket.inet_ntop(socket.AF_INET if len(data) == 4 else socket.AF_INET6, data)
