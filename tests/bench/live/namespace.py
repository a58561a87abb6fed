"""A network and process namespace of the bench's own: nameless, so it is gone with the last process in it.

Janus gathers no candidate of a loopback interface, so a veth pair carries an address of the loopback range, at which
all ends meet; packets between local addresses pass through `lo` all the same, ours and the peer's alike.
"""

import os
import subprocess
import sys

MEDIA_ADDRESS = "127.0.5.1"
INTERFACE = "lenspact0"
_INSIDE = "LENSPACT_BENCH_INSIDE"


def enter(module: str, arguments: list[str]) -> None:
    """Start `module` again inside a namespace; returns there, never here. Not root: as root of a user namespace."""
    if os.environ.get(_INSIDE):
        _furnish()
        return
    flags = ["--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid():
        flags += ["--user", "--map-root-user"]
    command = ["unshare", *flags, "--", sys.executable, "-m", module, *arguments]
    os.execvpe(command[0], command, {**os.environ, _INSIDE: "1"})


def _furnish() -> None:
    for line in (
        "link set lo up",
        f"link add {INTERFACE} type veth peer name {INTERFACE}p",
        f"addr add {MEDIA_ADDRESS}/32 dev {INTERFACE}",
        f"link set {INTERFACE} up",
        f"link set {INTERFACE}p up",
    ):
        subprocess.run(["ip", *line.split()], check=True, timeout=10)
