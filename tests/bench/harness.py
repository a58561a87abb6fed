"""What every bench shares: pairs in turn, gates, a calibration loop, a table, and one JSON object as the last line.

A ratio is the median of five pairs in one process: ours and the peer's, one after the other, so that a machine with
other work slows both. Times are the processor's, of this process. A figure in absolute units is judged only where the
calibration loop, run beside each of its samples, is about as fast as on the reference machine; where it is not, a gate
that is missed is void, and the run says so.
"""

import json
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import metadata

PAIRS = 5
SLICE_S = 0.25  # each half of a pair takes at least this long
REFERENCE_S = 0.031  # the calibration loop on a free core of the reference machine
VOID_ABOVE = 1.3

# does some work, and says how many operations that was
Work = Callable[[], int]


def calibrated() -> float:
    """How many times longer than on the reference machine a fixed loop takes right now."""
    started, total = time.process_time(), 0
    for number in range(500_000):
        total += number * number % 7
    assert total
    return (time.process_time() - started) / REFERENCE_S


@dataclass(frozen=True, slots=True)
class Gate:
    """A bound: `>=` or `<=`. `is_absolute`: the figure depends on the machine."""

    sign: str
    bound: float
    is_absolute: bool = False

    def holds(self, value: float) -> bool:
        """Whether a figure keeps it."""
        return value >= self.bound if self.sign == ">=" else value <= self.bound


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table."""

    name: str
    value: float
    unit: str
    note: str
    gate: Gate | None


@dataclass
class Bench:
    """The rows of one bench, as they come."""

    name: str
    distributions: tuple[str, ...] = ()
    ratios: dict[str, float] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    samples: dict[str, list[float]] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    calibrations: list[float] = field(default_factory=list)

    def faster(self, name: str, ours: Work, peer: Work, gate: Gate | None = None) -> None:
        """How many times faster ours is than the peer's: the peer's time over ours, for one operation."""
        self._pair(name, ours, peer, gate, is_speed=True)

    def slower(self, name: str, ours: Work, base: Work, gate: Gate | None = None) -> None:
        """How many times longer ours takes than the base: our time over the base's, for one operation."""
        self._pair(name, ours, base, gate, is_speed=False)

    def pairs(
        self, name: str, taken: Sequence[tuple[float, float]], unit: str, gate: Gate | None = None, note: str = ""
    ) -> None:
        """How many times the peer's cost ours is: the median of pairs (ours, the peer's) that were taken in turn."""
        ratios = [ours / peer for ours, peer in taken]
        self.ratios[name] = _rounded(statistics.median(ratios))
        self.samples[name] = [_rounded(ratio) for ratio in ratios]
        mine, theirs = (statistics.median(pair[side] for pair in taken) for side in (0, 1))
        self.figures[f"{name}_ours_{unit}"], self.figures[f"{name}_peer_{unit}"] = _rounded(mine), _rounded(theirs)
        summary = f"{mine:.4g} {unit} against {theirs:.4g} {unit}"
        self.lines.append(Line(name, self.ratios[name], "x", f"{summary}; {note}".removesuffix("; "), gate))

    def figure(self, name: str, sample: Callable[[], float], unit: str, gate: Gate | None = None) -> None:
        """An absolute figure: the median of five samples, each beside a run of the calibration loop."""
        samples, calibrations = [], []
        for _ in range(PAIRS):
            calibrations.append(calibrated())
            samples.append(sample())
        self.calibrations.append(statistics.median(calibrations))
        self.figures[name] = _rounded(statistics.median(samples))
        self.samples[name] = [_rounded(value) for value in samples]
        self.lines.append(Line(name, self.figures[name], unit, "", gate))

    def taken(
        self,
        name: str,
        samples: Sequence[float],
        unit: str,
        gate: Gate | None = None,
        note: str = "",
        *,
        of: Callable[[Sequence[float]], float] = statistics.median,
    ) -> None:
        """A figure of samples that were taken before: their median, or what `of` makes of them."""
        self.calibrations.append(calibrated())
        self.figures[name] = _rounded(of(samples))
        self.samples[name] = [_rounded(value) for value in samples]
        self.lines.append(Line(name, self.figures[name], unit, note, gate))

    def percentile(
        self,
        name: str,
        values: Sequence[float],
        unit: str,
        *,
        percent: float,
        note: str = "",
        gate: Gate | None = None,
        least: int = 0,
    ) -> None:
        """A percentile of every value of the run; the note says how many they are, their median and the greatest.

        Fewer values than `least` are shown and not judged.
        """
        ordered = sorted(values)
        if gate and len(ordered) < least:
            gate, note = None, f"not judged, for {gate.sign} {gate.bound:g} is for n {least}; {note}"
        value = ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
        self.calibrations.append(calibrated())
        self.figures[name] = _rounded(value)
        summary = f"n {len(ordered)}, median {statistics.median(ordered):.4g}, greatest {ordered[-1]:.4g} {unit}"
        self.samples[name] = [_rounded(part) for part in (statistics.median(ordered), ordered[-1], len(ordered))]
        self.lines.append(Line(name, self.figures[name], unit, f"{summary}; {note}".removesuffix("; "), gate))

    def _pair(self, name: str, ours: Work, other: Work, gate: Gate | None, *, is_speed: bool) -> None:
        mine, theirs, ratios = [], [], []
        ours(), other()  # warm
        for turn in range(PAIRS):
            first, second = (ours, other) if turn % 2 == 0 else (other, ours)
            one, two = seconds_each(first), seconds_each(second)
            a, b = (one, two) if turn % 2 == 0 else (two, one)
            mine.append(a)
            theirs.append(b)
            ratios.append(b / a if is_speed else a / b)
        self.ratios[name] = _rounded(statistics.median(ratios))
        self.samples[name] = [_rounded(ratio) for ratio in ratios]
        note = f"{statistics.median(mine) * 1e6:.2f} us against {statistics.median(theirs) * 1e6:.2f} us"
        self.lines.append(Line(name, self.ratios[name], "x", note, gate))

    def end(self) -> int:
        """Print the table and the JSON line; 0 if every gate holds, 1 if one is missed, 2 if the run is void."""
        missed = [line for line in self.lines if line.gate and not line.gate.holds(line.value)]
        calibration = max(self.calibrations, default=1.0)
        is_void = calibration > VOID_ABOVE
        wrong = [line for line in missed if line.gate and not (is_void and line.gate.is_absolute)]
        for line in self.lines:
            sys.stdout.write(self._text(line, missed) + "\n")
        for line in missed:
            state = (
                "missed" if line in wrong else f"void, the machine is {calibration:.2f} times slower than the reference"
            )
            gate = line.gate
            assert gate is not None
            sys.stdout.write(f"gate {state}: {line.name} is {line.value:g}, must be {gate.sign} {gate.bound:g}\n")
        sys.stdout.write(json.dumps(self.result()) + "\n")
        return 1 if wrong else 2 if missed else 0

    def result(self) -> dict[str, object]:
        """The last line."""
        return {
            "bench": self.name,
            "ratios": self.ratios,
            "figures": self.figures,
            "samples": self.samples,
            "machine": {
                "cpus": os.cpu_count(),
                "architecture": platform.machine(),
                "calibration": [_rounded(value) for value in self.calibrations],
            },
            "versions": {
                "python": platform.python_version(),
                **{name: metadata.version(name) for name in self.distributions},
            },
        }

    def _text(self, line: Line, missed: list[Line]) -> str:
        gate = f"{line.gate.sign} {line.gate.bound:g}" if line.gate else ""
        state = "" if line.gate is None else "MISSED" if line in missed else "ok"
        return f"{line.name:34s} {line.value:>12,.2f} {line.unit:3s} {gate:>12s} {state:6s} {line.note}".rstrip()


def seconds_each(work: Work) -> float:
    """Seconds of one operation, over at least one slice."""
    count, started = 0, time.process_time()
    while True:
        count += work()
        passed = time.process_time() - started
        if passed >= SLICE_S:
            return passed / count


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
