"""Times and memory of the run, printed as one table at its end."""

import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path


def pss_mb(pid: int) -> float:
    """Proportional set size in MB (10^6 bytes): its own memory, and its part of what it shares with others."""
    return _rollup_mb(pid, "Pss")


def anonymous_mb(pid: int) -> float:
    """What it has filled itself, heap and stacks, in MB: no part of it depends on which other processes run."""
    return _rollup_mb(pid, "Pss_Anon")


def _rollup_mb(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise AssertionError(f"no {name} of process {pid}")


def child_of(pid: int, module: str) -> int:
    """The child of process `pid` that runs `module`."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rsplit(")", 1)[1].split()[1])
            words = (path / "cmdline").read_bytes().decode().split("\0")
        except (OSError, ValueError):
            continue
        if parent == pid and module in words:
            return int(path.name)
    raise AssertionError(f"no {module} runs under the demo")


@dataclass
class Report:
    """Steps as they pass, figures as they are measured, gates that decide the exit code."""

    started: float = field(default_factory=time.perf_counter)
    rows: list[tuple[str, str, str, bool]] = field(default_factory=list)

    def step(self, words: str) -> None:
        """Say that a step begins."""
        print(f"[{time.perf_counter() - self.started:6.1f} s] {words}", flush=True)

    def figure(self, name: str, values: list[float], unit: str, *, at_most: float | None = None) -> None:
        """Add a figure: median and worst of `values`; with `at_most`, the median must not pass it."""
        median = statistics.median(values)
        shown = f"{median:.0f} {unit}" + (f" (worst of {len(values)}: {max(values):.0f})" if values[1:] else "")
        is_ok = at_most is None or median <= at_most
        self.rows.append((name, shown, "" if at_most is None else f"at most {at_most:.0f} {unit}", is_ok))

    def print(self) -> bool:
        """Print the table; whether every gate held."""
        width = max(len(row[0]) for row in self.rows)
        print()
        for name, shown, gate, is_ok in self.rows:
            print(f"{name:<{width}}  {shown:<28} {gate:<18} {'' if not gate else 'ok' if is_ok else 'MISSED'}")
        return all(row[3] for row in self.rows)
