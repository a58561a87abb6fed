"""What processes hold while the soak runs, and whether that is flat: memory, open files, tasks. Pure but for `/proc`.

Memory is what a process has filled itself: a part of what it shares would rise whenever another process ends. It has
to be flat from the moment everything has been used (`WARM_SHARE` of the run) to the end; a median of several samples
stands for each of the two, for one sample swings with what is going on.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from tests.smoke.measure import anonymous_mb

MOST_GROWTH_PERCENT: Final = 5.0
WARM_SHARE: Final = 0.25  # of the run; what is filled by then is no growth
OF_EACH: Final = 5  # samples
KEPT_ALIVE: Final = {  # a pool may stand fuller than at the first look
    "tcp": 2,  # an idle HTTP connection is let go when its pool is used next
    "threads": 4,  # a pool of workers has as many as were once busy at a time
    "files": 6,  # a pool of database connections: each has the database, its log and its index open
}
HELD: Final = ("files", "udp", "tcp", "unix", "threads")


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at one process.

    Attributes:
        files: open descriptors that are no sockets.
        udp, tcp, unix: sockets, by kind.
        threads: of the process.
    """

    memory_mb: float
    files: int
    udp: int
    tcp: int
    unix: int
    threads: int


def look(pid: int) -> Sample:
    """What process `pid` holds now."""
    links = [_link(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    inodes = {link[len("socket:[") : -1] for link in links if link.startswith("socket:")}
    udp, tcp = (len(inodes & (_inodes(pid, kind) | _inodes(pid, kind + "6"))) for kind in ("udp", "tcp"))
    return Sample(
        memory_mb=anonymous_mb(pid),
        files=len(links) - len(inodes),
        udp=udp,
        tcp=tcp,
        unix=len(inodes) - udp - tcp,
        threads=len(list(Path(f"/proc/{pid}/task").iterdir())),
    )


def _link(entry: Path) -> str:
    try:
        return str(entry.readlink())
    except OSError:  # closed meanwhile
        return ""


def _inodes(pid: int, kind: str) -> set[str]:
    rows = Path(f"/proc/{pid}/net/{kind}").read_text().splitlines()[1:]
    return {row.split()[9] for row in rows}


def least(looks: Sequence[Sample]) -> Sample:
    """Of several looks at one process at rest the least of each: what it does now and then comes and goes."""
    return Sample(**{one.name: min(getattr(look, one.name) for look in looks) for one in fields(Sample)})


def growth_percent(memory_mb: Sequence[float]) -> float:
    """From when all was warm to the end; negative where memory was given back.

    Raises:
        ValueError: too few samples to tell the two apart.
    """
    warm = int(len(memory_mb) * WARM_SHARE)
    if len(memory_mb) - warm < 2 * OF_EACH:
        raise ValueError(f"{len(memory_mb)} samples say nothing of growth")
    before = statistics.median(memory_mb[warm : warm + OF_EACH])
    return 100 * (statistics.median(memory_mb[-OF_EACH:]) / before - 1)


def left_over(before: Mapping[str, Sample], after: Mapping[str, Sample]) -> list[str]:
    """What each process holds more of once everybody has left than before the first one came."""
    found = []
    for name, then in before.items():
        now = after[name]
        for what in HELD:
            more = getattr(now, what) - getattr(then, what)
            if more > KEPT_ALIVE.get(what, 0):
                found.append(f"{name}: {more} more of {what}")
    return found
