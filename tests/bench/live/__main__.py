"""`make bench-live`, or `python -m tests.bench.live versus crowd` for some groups of rows only."""

import sys
import traceback

from tests.bench.harness import Bench
from tests.bench.live import crowd, namespace, uplink, versus

GROUPS = {
    "versus": versus.run,
    "crowd": crowd.run,
    "uplink": uplink.run,
}


def main(wanted: list[str]) -> int:
    """Run the groups and print the table and the JSON line; not 0 when a gate is missed or a group broke off."""
    namespace.enter("tests.bench.live", wanted)
    bench = Bench("live", distributions=("aiortc", "aioice", "cryptography", "av", "uvloop"))
    broken: list[str] = []
    for name, run in GROUPS.items():
        if not wanted or name in wanted:
            try:
                run(bench)
            except Exception:  # noqa: BLE001 -- a group that broke off takes nothing from the others
                broken.append(name)
                traceback.print_exc()
    if broken:
        print(f"not measured to its end: {', '.join(broken)}")
    return bench.end() or 3 * bool(broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
