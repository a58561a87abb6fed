"""The proof before a save: text, hand-over to the solver's process, three goals, and each witness through the kernel.

Measured at 50 rules of full width on both sides of an edit, by the clock on the wall, for two processes take part: the
gate is void where a machine with other work makes the calibration loop wait. The search that decides where there is no
solver stands beside it, without a gate.
"""

import dataclasses
import statistics
import time
from collections.abc import Callable, Mapping
from random import Random

from anyio.from_thread import BlockingPortal, start_blocking_portal

from gateway.sharing.proof import answer
from gateway.sharing.prover import Proved, Prover
from policies.analysis import Edit, Judges
from policies.model import Policy
from policies.smt import GOALS, Question, question, witness_of
from policies.vocabulary import Effect
from tests.bench.harness import REFERENCE_S, Bench, Gate, calibrated
from tests.bench.policy import stage
from tests.policies.build import GUARD, NOW, PACK

RULES = 50
EDITS = 200  # of one sample; five samples are a thousand


def run(bench: Bench) -> None:
    """The proof's slowest hundredth, its slowest of all, and the search's."""
    edits = _edits(Random(51))
    with start_blocking_portal() as portal:
        prover = Prover(deadline_s=20)
        _proved(portal, prover, edits[0])  # the process starts once
        slowest: list[float] = []
        waits: list[float] = []

        def p99() -> float:
            waits.append(_seconds(calibrated) / REFERENCE_S)
            taken = sorted(_seconds(lambda one=one: _proved(portal, prover, one)) for one in edits)
            slowest.append(taken[-1] * 1000)
            return taken[len(taken) * 99 // 100 - 1] * 1000

        bench.figure("proof_p99_ms", p99, "ms", Gate("<=", 50, is_absolute=True))
        bench.calibrations.append(statistics.median(waits))  # by the clock on the wall, as these figures are
        bench.figure("proof_max_ms", lambda: max(slowest), "ms")
        portal.call(prover.close)
    bench.figure("proof_cpu_p99_ms", lambda: _cpu_p99_ms(edits), "ms")
    some = edits[:40]
    bench.figure("search_max_ms", lambda: max(_seconds(lambda one=one: _searched(one)) for one in some) * 1000, "ms")


def _edits(dice: Random) -> list[tuple[Policy, Policy]]:
    """Policies of 50 rules, each with one of its rules gone, changed or new."""
    made = []
    for number in range(EDITS):
        old = stage.full_policy(dice, RULES)
        rules = list(old.rules)
        at = dice.randrange(RULES)
        other = stage.full_rule(dice, "other")
        if number % 3 == 0:
            del rules[at]
        elif number % 3 == 1:
            rules[at] = other
        else:
            is_same = rules[at].effect is other.effect is Effect.ALLOW
            rules[at] = dataclasses.replace(
                rules[at], purposes=other.purposes, terms=other.terms if is_same else rules[at].terms
            )
        made.append((old, dataclasses.replace(old, rules=tuple(rules))))
    return made


def _proved(portal: BlockingPortal, prover: Prover, edit: tuple[Policy, Policy]) -> None:
    old, new = edit
    asked = question(old, new, PACK, since=NOW)
    found = portal.call(prover.ask, asked)
    if not isinstance(found, Proved) or found.models["breach"] is not None:
        raise AssertionError(found)
    _confirmed(old, new, asked, found.models)


def _confirmed(
    old: Policy, new: Policy, asked: Question, models: Mapping[str, Mapping[str, int | bool] | None]
) -> None:
    judges = Judges(old, new, GUARD)
    for goal in ("wider", "narrower"):
        model = models[goal]
        if model is not None and not judges.confirm(witness_of(asked, model), new=goal == "wider"):
            raise AssertionError(model)


def _cpu_p99_ms(edits: list[tuple[Policy, Policy]]) -> float:
    """The processor's time of the same without the hand-over, whatever else the machine does."""
    taken = []
    for old, new in edits:
        started = time.process_time()
        asked = question(old, new, PACK, since=NOW)
        found = answer({"text": asked.text, "goals": GOALS, "variables": dict(asked.variables), "timeout_ms": 20_000})
        _confirmed(old, new, asked, found)
        taken.append(time.process_time() - started)
    return sorted(taken)[len(taken) * 99 // 100 - 1] * 1000


def _searched(edit: tuple[Policy, Policy]) -> None:
    if not Edit(*edit, PACK, since=NOW).difference.is_certain:
        raise AssertionError(edit)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
