"""A million directed questions to every engine: kernel, enforcer, pycasbin as it comes and Cedar against the oracle.

`make fuzz-policy`, or `python -m tests.fuzz.policy --cases 20000 --seed 7`. For every ten such questions one whole
decision, all layers of it, is held against the oracle too. Work is cut into chunks with seeds of their own, so that a
difference is found again by its chunk alone. Ends with 1 on the first difference, which is printed whole.
"""

import argparse
import dataclasses
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from random import Random
from typing import NamedTuple

from policies.decide import decide
from policies.request import Deny, Permit
from tests.policies import oracle
from tests.policies.engines import questions
from tests.policies.plain import case_of
from tests.policies.worlds import in_words, random_question, random_world

CHUNK = 10_000
PER_POLICY = 25
WHOLE_EVERY = 10
PER_WORLD = 10


class Found(NamedTuple):
    """What one chunk found."""

    cases: int
    allowed: int
    whole: int
    permitted: int
    difference: str

    def plus(self, other: "Found") -> "Found":
        """Both counted together; neither found a difference."""
        whole, permitted = self.whole + other.whole, self.permitted + other.permitted
        return Found(self.cases + other.cases, self.allowed + other.allowed, whole, permitted, "")


def main() -> int:
    """Run until the count or the first difference."""
    parser = argparse.ArgumentParser(description="Hold the law's engines against each other.")
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    wanted = parser.parse_args()
    started, total = time.perf_counter(), Found(0, 0, 0, 0, "")
    chunks = [(wanted.seed + at, min(CHUNK, wanted.cases - at * CHUNK)) for at in range(-(-wanted.cases // CHUNK))]
    with ProcessPoolExecutor(wanted.jobs) as pool:
        for (seed, _), found in zip(chunks, pool.map(chunk, *zip(*chunks, strict=True)), strict=True):
            if found.difference:
                pool.shutdown(cancel_futures=True)
                print(f"difference (--seed {seed} --cases {CHUNK}): {found.difference}")
                return 1
            total = total.plus(found)
            if sys.stdout.isatty() or total.cases % 100_000 == 0:
                print(f"{total.cases:,} questions, {time.perf_counter() - started:,.0f} s", flush=True)
    print(
        f"{total.cases:,} questions to five engines, {total.allowed / total.cases:.0%} allowed, and "
        f"{total.whole:,} whole decisions, {total.permitted / max(total.whole, 1):.0%} permitted: 0 differences"
    )
    return 0


def chunk(seed: int, count: int) -> Found:
    """One chunk of both searches."""
    allowed = permitted = whole = 0
    for world, question in questions(Random(f"engines {seed}"), count, PER_POLICY):
        difference = world.difference(question)
        if difference:
            return Found(0, 0, 0, 0, f"{difference}\n{world.document}")
        allowed += oracle.owner(world.document, question.case)[0]
    dice = Random(f"whole {seed}")
    for _ in range(count // WHOLE_EVERY // PER_WORLD):
        layers, world, held = random_world(dice)
        for _ in range(PER_WORLD):
            asked, facts = random_question(dice, held)
            is_permitted, what = oracle.whole(world, case_of(asked, facts))
            answer = decide(dataclasses.replace(layers, facts=facts), asked)
            whole, permitted = whole + 1, permitted + is_permitted
            said = in_words(answer) if isinstance(answer, Permit) else answer.layer
            if said != what or (isinstance(answer, Deny) and answer.is_alarm):
                return Found(0, 0, 0, 0, f"whole decision: {answer} against {what}: {asked} {facts} {world}")
    return Found(count, allowed, whole, permitted, "")


if __name__ == "__main__":
    sys.exit(main())
