"""Processor time of another process, and which processor it may use; read from Linux's /proc."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

MEASURED, LOAD = 0, 1  # processors: what is measured runs alone on one, what drives it on another
AWAKE_S = 1_800  # longer than any stage stands
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_AUTOGROUPS = Path("/proc/sys/kernel/sched_autogroup_enabled")
_NOTHING = f"import time\nend = time.monotonic() + {AWAKE_S}\nwhile time.monotonic() < end: pass"


def seconds_in(stat: str) -> float:
    """User and system time of all threads, out of the text of /proc/PID/stat (proc(5): fields 14 and 15).

    The second field is the command's name, which may hold spaces and parentheses.
    """
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def seconds(pid: int) -> float:
    """Processor time of a process until now, in steps of a hundredth of a second."""
    return seconds_in(Path(f"/proc/{pid}/stat").read_text())


def fine_seconds(pid: int) -> float:
    """The same to the nanosecond, of the threads that live (sched-stats: the first field)."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def seconds_of(parts: Mapping[str, str]) -> dict[str, float]:
    """Processor time of those of our descendants whose command line has one of the words of `parts`, by part."""
    found, stats = dict.fromkeys(parts, 0.0), _stats()
    parents = {pid: int(stat.rpartition(")")[2].split()[1]) for pid, (stat, _) in stats.items()}
    for pid, (stat, command) in stats.items():
        name = next((name for name, word in parts.items() if word in command), None)
        if name is not None and descends(pid, os.getpid(), parents):
            found[name] += seconds_in(stat)
    return found


def descends(pid: int, ancestor: int, parents: Mapping[int, int]) -> bool:
    """Whether a process is a child of `ancestor`, or of one of its descendants."""
    while pid in parents:
        pid = parents[pid]
        if pid == ancestor:
            return True
    return False


def _stats() -> dict[int, tuple[str, str]]:
    """The status line and the command line of each process there is, by its number."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):  # gone meanwhile
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found[int(folder.name)] = (folder / "stat").read_text(), command
    return found


def pin(pid: int, processor: int) -> None:
    """Keep a process, with all its threads, on one processor; nothing where there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    if processor < len(usable):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {usable[processor]})


@contextmanager
def awake(processor: int) -> Iterator[int | None]:
    """Keep a processor from sleeping while inside the block, by work that gives way to any other at once.

    A virtual machine's processor that has nothing to do is lent to others and comes back with its caches full of what
    is theirs: what a packet then takes says more of them than of us. Whoever measures on bare metal turns the deep
    sleeps off for the same reason. What is measured must begin inside the block: Linux gives each session of processes
    a share of its own (sched(7), autogroups), in which idle work would be as good as any, so there are none meanwhile.

    Gives the number of the process that does the work; None, and nothing is kept awake, where the groups are not ours
    to turn off.

    Raises:
        RuntimeError: the work ended before the block did, and the rest was measured asleep.
    """
    with _without_autogroups() as are_off:
        if not are_off:
            yield None
            return
        idler = subprocess.Popen([sys.executable, "-c", _NOTHING], stdin=subprocess.DEVNULL)
        try:
            os.sched_setscheduler(idler.pid, os.SCHED_IDLE, os.sched_param(0))
            pin(idler.pid, processor)
            yield idler.pid
            if idler.poll() is not None:
                raise RuntimeError("what keeps the processor awake has ended before the measurement")
        finally:
            idler.kill()
            idler.wait()


@contextmanager
def _without_autogroups() -> Iterator[bool]:
    """Whether there are none inside the block."""
    before = _AUTOGROUPS.read_text() if _AUTOGROUPS.exists() else "0"
    try:
        if int(before):
            _AUTOGROUPS.write_text("0")
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        if int(before):
            _AUTOGROUPS.write_text(before)
