"""Logged decisions made again by a candidate document, before its owner saves it."""

import time
from random import Random

from policies.layers import SharingLayer
from policies.replay import record, replay
from tests.bench.harness import Bench, Gate
from tests.bench.policy import stage
from tests.policies.engines import World

DECISIONS = 100_000


def run(bench: Bench) -> None:
    """Decisions made again in a second."""
    dice = Random(27)
    world = World(stage.full_policy(dice))
    some = []
    for number, question in enumerate(stage.questions(dice, world, 1_000)):
        verdict = world.layer.judges.kernel.verdict(question.head)
        some.append(
            record(
                world.layer,
                ref=f"dec_{number}",
                document="0" * 64,
                camera=question.asked.camera,
                head=question.head,
                verdict=verdict,
            )
        )
    logged = some * (DECISIONS // len(some))
    candidate = SharingLayer(world.policy)
    if replay(candidate, logged) != (DECISIONS, (), ()):
        raise AssertionError("the same rules gave other answers")

    def per_second() -> float:
        started = time.process_time()
        replay(candidate, logged)
        return DECISIONS / (time.process_time() - started)

    bench.figure("replay_per_s", per_second, "/s", Gate(">=", 200_000, is_absolute=True))
