"""`make bench-live`, or `python -m tests.bench.live --turns 5 versus first_frame` for some rows, or fewer turns."""

import argparse
import sys
import traceback
from collections.abc import Callable
from functools import partial

from tests.bench.harness import Bench
from tests.bench.live import crowd, first_frame, flooded, namespace, pictures, recorded, tunnelled, uplink, versus, wall

GROUPS: dict[str, Callable[[Bench], None]] = {
    "versus": versus.run,
    "crowd": crowd.run,
    "uplink": uplink.run,
    "flooded": flooded.run,
    "tunnelled": tunnelled.run,
}
SEEN: dict[str, Callable[[Bench, int], None]] = {  # through Chromium, so many turns each
    "first_frame": first_frame.run,
    "glass": pictures.glass,
    "loss": pictures.loss,
    "recover": pictures.recover,
    "recorded": recorded.run,
    "wall": wall.run,
}
TURNS = 200


def main(arguments: list[str]) -> int:
    """Run the groups and print the table and the JSON line; not 0 when a gate is missed or a group broke off."""
    namespace.enter("tests.bench.live", arguments)
    reader = argparse.ArgumentParser(prog="python -m tests.bench.live")
    reader.add_argument("groups", nargs="*", choices=[*GROUPS, *SEEN, []])
    reader.add_argument("--turns", type=int, default=TURNS, help="of each row that looks through Chromium")
    options = reader.parse_args(arguments)
    bench = Bench("live", distributions=("aiortc", "aioice", "cryptography", "av", "qh3", "uvloop"))
    broken: list[str] = []
    groups = GROUPS | {name: partial(_seen, look, options.turns) for name, look in SEEN.items()}
    for name, run in groups.items():
        if not options.groups or name in options.groups:
            try:
                run(bench)
            except Exception:  # noqa: BLE001 -- a group that broke off takes nothing from the others
                broken.append(name)
                traceback.print_exc()
    if broken:
        print(f"not measured to its end: {', '.join(broken)}")
    return bench.end() or 3 * bool(broken)


def _seen(look: Callable[[Bench, int], None], turns: int, bench: Bench) -> None:
    look(bench, turns)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
