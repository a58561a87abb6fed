"""`lenspact-agent simulate`: serve simulated cameras until interrupted.

Progress goes to standard error. Once all cameras answer, one line of JSON goes to standard output:
{"ready": true, "user": …, "cameras": [{"name", "label", "main", "sub"}]}.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import anyio

from partner_agent.simulator.bank import Bank, Plan, running
from partner_agent.simulator.footage import CREDIT, FootageMissingError
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds

PASSWORD_VARIABLE: Final = "LENSPACT_SIMULATOR_PASSWORD"  # noqa: S105  (the name of a variable)
DEFAULT_PASSWORD: Final = "lenspact-demo"  # noqa: S105  (simulated cameras guard nothing)
MAX_CAMERAS: Final = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--cameras", type=int, default=4, help="how many (default 4)")
    parser.add_argument("--label", action="append", default=[], help="burned into the picture; once per camera")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default this machine only)")
    parser.add_argument("--port", type=int, default=8554, help="0 = any free port")
    parser.add_argument("--cache", type=Path, default=Path("state/simulator"), help="folder of encoded loops")
    parser.add_argument("--user", default="viewer", help=f"user name; the password comes from {PASSWORD_VARIABLE}")
    parser.add_argument("--counter", action="store_true", help="burn the frame number in, for measuring")
    parser.add_argument("--no-reports", action="store_true", help="fault: no RTCP sender reports, so no camera clock")
    parser.add_argument("--clock-offset", type=float, default=0.0, metavar="S", help="fault: a wrong camera clock")
    parser.add_argument("--freeze-after", type=float, metavar="S", help="fault: silence after this many seconds")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 = interrupted, 1 = could not start."""
    parser = argparse.ArgumentParser(prog="lenspact-agent simulate", description=f"Simulated cameras. {CREDIT}.")
    add_arguments(parser)
    return run(parser.parse_args(argv))


def run(options: argparse.Namespace) -> int:
    """`main` with parsed options."""
    try:
        anyio.run(_serve, options)
    except KeyboardInterrupt:
        return 0
    except (FootageMissingError, OSError) as error:
        print(f"cannot simulate cameras: {error}", file=sys.stderr)
        return 1
    return 0


async def _serve(options: argparse.Namespace) -> None:
    count = min(max(options.cameras, 1), MAX_CAMERAS)
    labels = [*options.label[:count], *(f"CAM {number + 1}" for number in range(len(options.label), count))]
    plan = Plan(
        labels=tuple(labels),
        cache=options.cache,
        user=options.user,
        password=os.environ.get(PASSWORD_VARIABLE, DEFAULT_PASSWORD),
        host=options.host,
        port=options.port,
        has_counter=options.counter,
    )
    clock = SystemClock()
    async with running(plan, report=_report, clock=clock, ids=SystemIds()) as bank:
        for camera in bank.cameras:
            camera.sends_reports = not options.no_reports
            camera.clock_offset_s = options.clock_offset
        print(json.dumps(_ready(bank, plan)), flush=True)
        if options.freeze_after is not None:
            await clock.sleep(options.freeze_after)
            for camera in bank.cameras:
                camera.is_frozen = True
        await anyio.sleep_forever()


def _ready(bank: Bank, plan: Plan) -> dict[str, object]:
    cameras = [
        {"name": camera.name, "label": label, "main": bank.url(camera), "sub": bank.url(camera, "sub")}
        for camera, label in zip(bank.cameras, plan.labels, strict=True)
    ]
    return {"ready": True, "user": plan.user, "port": bank.port, "cameras": cameras}


def _report(name: str, done: int, total: int) -> None:
    if total > 1 and (done == total or done % 15 == 0):
        print(
            f"\rencoding {name}: {done * 100 // total:3d} %",
            end="\n" if done == total else "",
            file=sys.stderr,
            flush=True,
        )
