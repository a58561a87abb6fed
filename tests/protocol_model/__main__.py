"""`make explore-protocol`: every scenario far beyond the bounds of the tests, on all cores; 1 if anything breaks."""

import sys
import time
from multiprocessing import Pool

from tests.protocol_model.engine import Explored, explore
from tests.protocol_model.scenarios import DEEP_STATES, SCENARIOS, build


def _one(scenario: str) -> tuple[str, Explored, float]:
    began = time.perf_counter()
    found = explore(build(scenario), max_states=DEEP_STATES)
    return scenario, found, time.perf_counter() - began


def main() -> int:
    """Explore, and print what was seen."""
    began, states, is_broken = time.perf_counter(), 0, False
    with Pool() as pool:
        for scenario, found, spent_s in pool.imap(_one, SCENARIOS):
            states += found.states
            end = "complete" if found.is_complete else "cut at the bound"
            seen = f"{found.states:>8} states {found.steps:>9} steps, depth {found.depth:>2}"
            print(f"{seen}, {end}, {spent_s:5.1f} s  {scenario}", flush=True)
            for prop, way in found.broken.items():
                is_broken = True
                print(f"         BROKEN: {prop}\n           " + "\n           ".join(map(str, way)))
    verdict = "BROKEN" if is_broken else "every property holds"
    print(f"{states} states in all, {time.perf_counter() - began:.0f} s, {verdict}")
    return 1 if is_broken else 0


if __name__ == "__main__":
    sys.exit(main())
