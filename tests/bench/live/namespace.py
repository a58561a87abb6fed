"""A network and process namespace of the bench's own: nameless, so it is gone with the last process in it.

Janus gathers no candidate of a loopback interface, so a veth pair carries an address of the loopback range, at which
all ends meet; packets between local addresses pass through `lo` all the same, ours and the peer's alike.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.live import processor

MEDIA_ADDRESS = "127.0.5.1"
INTERFACE = "lenspact0"
_INSIDE = "LENSPACT_BENCH_INSIDE"
_STEERED = Path("/sys/class/net/lo/queues/rx-0/rps_cpus")


def enter(module: str, arguments: list[str]) -> None:
    """Start `module` again inside a namespace; returns there, never here. Not root: as root of a user namespace."""
    if os.environ.get(_INSIDE):
        _furnish()
        return
    flags = ["--net", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc"]
    if os.geteuid():
        flags += ["--user", "--map-root-user"]
    command = ["unshare", *flags, "--", sys.executable, "-m", module, *arguments]
    os.execvpe(command[0], command, {**os.environ, _INSIDE: "1"})


@contextmanager
def receivers_elsewhere() -> Iterator[None]:
    """While inside the block, what is sent costs the sender what it would cost if the receivers were on other machines.

    On `lo` the kernel takes a packet in, up to the receiver's socket, in the sender's time. Here the load's processor
    does that (receive packet steering), and a run of datagrams is cut into packets in the sender's time, as for a
    network card that cannot do it.

    Raises:
        RuntimeError: ethtool is not installed.
    """
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) <= processor.LOAD:
        raise RuntimeError("one processor cannot take in what the other sends: run on two")
    _STEERED.write_text(f"{1 << usable[processor.LOAD]:x}")
    _cut_late(is_on=False)
    try:
        yield
    finally:
        _cut_late(is_on=True)
        _STEERED.write_text("0")


def _cut_late(*, is_on: bool) -> None:
    program = shutil.which("ethtool", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        raise RuntimeError("ethtool is not installed: apt-get install ethtool")
    words = [program, "-K", "lo", "tx-udp-segmentation", "on" if is_on else "off"]
    subprocess.run(words, check=True, timeout=10, stdout=subprocess.DEVNULL)


def _furnish() -> None:
    subprocess.run(["mount", "-t", "sysfs", "sysfs", "/sys"], check=True, timeout=10)  # of this network namespace
    for line in (
        "link set lo up",
        f"link add {INTERFACE} type veth peer name {INTERFACE}p",
        f"addr add {MEDIA_ADDRESS}/32 dev {INTERFACE}",
        f"link set {INTERFACE} up",
        f"link set {INTERFACE}p up",
    ):
        subprocess.run(["ip", *line.split()], check=True, timeout=10)
