"""`python -m tests.bench.live.cameras`: one small stream a camera, and when each picture left.

Every picture has its number in the loop burned in. `LENSPACT_BENCH_SENT` names a file that gets one line for each
picture of the first camera as it leaves it: wall clock in milliseconds and that number; an encoder's
time is not in it.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final, TextIO

from partner_agent.simulator import bank, cli, footage, server
from partner_agent.simulator.camera import Camera
from partner_agent.wire.clock import SystemClock

SENT_VARIABLE: Final = "LENSPACT_BENCH_SENT"
STREAM: Final = replace(footage.SUB, fps=25, gop_frames=50, bitrate_bps=600_000)  # 640x360, a key picture each 2 s
FIRST: Final = "cam1"
Sent = Callable[[tuple[bytes, ...], Camera], list[bytes]]


def main(argv: list[str]) -> int:
    """Serve until interrupted."""
    bank.STREAMS.clear()
    bank.STREAMS["main"] = STREAM
    with Path(os.environ[SENT_VARIABLE]).open("a", buffering=1) as sent:
        server._sent = _told(sent, server._sent)
        return cli.main(argv)


def _told(sent: TextIO, whole: Sent) -> Sent:
    numbers: dict[int, int] = {}
    clock = SystemClock()

    def told(nals: tuple[bytes, ...], camera: Camera) -> list[bytes]:
        if camera.name == FIRST:
            if not numbers:
                numbers.update({id(picture.nals): picture.presented for picture in camera.streams["main"].pictures})
            sent.write(f"{clock.now().timestamp() * 1000:.1f} {numbers[id(nals)]}\n")
        return whole(nals, camera)

    return told


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
