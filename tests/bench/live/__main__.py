"""`make bench-live`, or `python -m tests.bench.live versus crowd` for some groups of rows only."""

import sys

from tests.bench.harness import Bench
from tests.bench.live import crowd, namespace, uplink, versus

GROUPS = {
    "versus": versus.run,
    "crowd": crowd.run,
    "uplink": uplink.run,
}


def main(wanted: list[str]) -> int:
    """Run the groups and print the table and the JSON line; not 0 when a gate is missed."""
    namespace.enter("tests.bench.live", wanted)
    bench = Bench("live", distributions=("aiortc", "aioice", "cryptography", "av", "uvloop"))
    for name, run in GROUPS.items():
        if not wanted or name in wanted:
            run(bench)
    return bench.end()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
