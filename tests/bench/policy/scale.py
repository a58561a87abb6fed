"""A million rules against a thousand: 100,000 partners of ten rules in one process, or 100.

Hot: the same 100 partners are asked in both. Spread: requests go to all partners there are, so that at a million rules
nearly every one finds its rules outside the processor's caches.
"""

import gc
from itertools import cycle, islice
from random import Random

from policies.kernel import Kernel
from policies.layers import names_in
from policies.matching import Head
from tests.bench.harness import Bench, Gate, Work
from tests.bench.policy import stage
from tests.policies.engines import Question, World

FEW, MANY = 100, 100_000
BATCH = 20_000


def run(bench: Bench) -> None:
    """The two rows of scale."""
    worlds = [(world, asked) for world, asked in stage.partners()]
    few = dict(_kernels(worlds, FEW))
    many = dict(_kernels(worlds, MANY))
    gc.collect()
    gc.freeze()
    hot = _requests(worlds, FEW, Random(1))
    spread = _requests(worlds, MANY, Random(2))
    bench.slower("million_vs_thousand_hot", _asking(many, hot), _asking(few, hot), Gate("<=", 1.4))
    bench.slower("million_vs_thousand_spread", _asking(many, spread), _asking(few, hot), Gate("<=", 3))
    gc.unfreeze()


def _kernels(worlds: list[tuple[World, list[Question]]], count: int) -> list[tuple[str, Kernel]]:
    """Partners by name; each has rows of its own, as it would have after loading."""
    made = []
    for number, (world, _) in enumerate(islice(cycle(worlds), count)):
        rows = [(f"{row.rid}-{number}", f"org_{number}", *row[2:]) for row in world.layer.rows]
        made.append((f"org_{number}", Kernel("sharing", rows, names_in(world.policy))))
    return made


def _requests(worlds: list[tuple[World, list[Question]]], partners: int, dice: Random) -> list[Head]:
    heads = []
    for _ in range(BATCH):
        number = dice.randrange(partners)
        _, asked = worlds[number % len(worlds)]
        heads.append(dice.choice(asked).head._replace(dom=f"org_{number}"))
    return heads


def _asking(kernels: dict[str, Kernel], heads: list[Head]) -> Work:
    def work() -> int:
        for head in heads:
            kernels[head.dom].verdict(head)
        return len(heads)

    return work
