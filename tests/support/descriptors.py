"""Processes that may open no further file for a while, and how much work they do meanwhile (Linux)."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def no_further_file(pid: int) -> Iterator[None]:
    """Whatever it has open stays open; the next socket or file is refused with EMFILE."""
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))


def cpu_s(pid: int) -> float:
    """Processor time that it has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def waited_s(pid: int) -> float:
    """How long its main thread could have run and no processor was free; 0 where the kernel does not count that."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


def most_files(number: int, *command: str) -> list[str]:
    """`command`, as a process that may have so many files open."""
    return ["sh", "-c", f'ulimit -Sn {number}; exec "$@"', "sh", *command]
