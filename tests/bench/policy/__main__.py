"""`make bench-policy`, or `python -m tests.bench.policy decisions replay` for some groups of rows only."""

import sys

from tests.bench.harness import Bench
from tests.bench.policy import decisions, last_frame, last_packet, listing, proof, replay, revocation, scale

GROUPS = {
    "decisions": decisions.run,
    "replay": replay.run,
    "proof": proof.run,
    "scale": scale.run,
    "listing": listing.run,
    "revocation": revocation.run,
    "last_packet": last_packet.run,
    "last_frame": last_frame.run,
}


def main(wanted: list[str]) -> int:
    """Run the groups and print the table and the JSON line; not 0 when a gate is missed."""
    bench = Bench("policy", distributions=("pycasbin", "cedarpy", "celine-regorus", "z3-solver"))
    for name, run in GROUPS.items():
        if not wanted or name in wanted:
            run(bench)
    return bench.end()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
