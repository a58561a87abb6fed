"""A missed gate is said and ends with a status; the last line is one JSON object."""

import json

import pytest

from tests.bench import harness
from tests.bench.harness import Bench, Gate, Line


def ended(capsys, value, gate, calibrations=()):
    """A bench of one figure: its status and what it printed."""
    bench = Bench("trial", lines=[Line("speed", value, "x", "", gate)], calibrations=list(calibrations))
    return bench.end(), capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("value", "gate", "calibrations", "status"),
    [
        (24.9, Gate(">=", 25), (), 1),
        (25, Gate(">=", 25), (), 0),
        (1.41, Gate("<=", 1.4), (), 1),
        (1.4, Gate("<=", 1.4), (), 0),
        (24.9, Gate(">=", 25), (2.0,), 1),  # a ratio is judged on any machine
        (10, Gate(">=", 25, is_absolute=True), (1.0,), 1),
        (10, Gate(">=", 25, is_absolute=True), (1.31,), 2),
        (30, Gate(">=", 25, is_absolute=True), (9.0,), 0),
        (1, None, (), 0),
    ],
)
def test_the_status_tells_missed_from_void(capsys, value, gate, calibrations, status):
    """0: every gate holds; 1: one is missed; 2: one is missed on a machine too slow to judge."""
    assert ended(capsys, value, gate, calibrations)[0] == status


def test_a_missed_gate_is_named(capsys):
    """The line says which, what it was and what it must be."""
    _, lines = ended(capsys, 24.9, Gate(">=", 25))

    assert lines[-2] == "gate missed: speed is 24.9, must be >= 25"


def test_the_last_line_is_one_json_object(capsys):
    """With the six keys that readers of it rely on."""
    _, lines = ended(capsys, 25, None)

    assert set(json.loads(lines[-1])) == {"bench", "ratios", "figures", "samples", "machine", "versions"}


def test_a_ratio_is_the_median_of_pairs(monkeypatch):
    """Twice the work for one operation is half the speed, or twice the time."""
    monkeypatch.setattr(harness, "SLICE_S", 0.01)

    def work(rounds):
        def run():
            sum(range(rounds))
            return 1

        return run

    bench = Bench("trial")
    bench.faster("faster", work(10_000), work(40_000))
    bench.slower("slower", work(40_000), work(10_000))

    assert 2 < bench.ratios["faster"] < 8
    assert 2 < bench.ratios["slower"] < 8
    assert {len(values) for values in bench.samples.values()} == {harness.PAIRS}
