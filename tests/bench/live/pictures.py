"""A picture that runs: how old it is on the screen, what loss does to it, and how soon it is back when the relay dies.

The camera sends 25 pictures of 640x360 a second and burns their numbers in. Age counts from the moment a picture leaves
the camera, for encoders differ.
"""

import os
import signal
from itertools import pairwise
from pathlib import Path

from partner_agent.wire.clock import SystemClock
from tests.bench.harness import Bench, Gate
from tests.bench.live.screen import Screen, screen
from tests.bench.live.shown import ages_ms, decoded, note, noted, pauses_ms
from tests.bench.live.town import WALL
from tests.support.sockets import family_of

GLASS_MS = 120
FRAMES_A_TURN = 10
TURN_MS = 300  # of a picture with loss, so that 200 turns are a minute
SETTLE_MS = 3_000
LOSSES = {"1": (0.01, 99), "5": (0.05, 95)}
RTT_S = 0.1
FREEZE_MS = 1_000
RECOVER_S = 3
TURNS_A_KILL = 40
BEFORE_MS = 2_000  # some frames have to be noted before the break, or it is none
BACK_MS = 15_000
BREAK_MS = 300
LOOK_MS = 100


def glass(bench: Bench, turns: int) -> None:
    """From the camera's socket to the screen."""
    with screen() as on:
        _watch(on)
        while len(noted(on.page)) < turns * FRAMES_A_TURN:
            on.page.wait_for_timeout(LOOK_MS)
        shown = noted(on.page)
        ages = ages_ms(shown, on.sent())
    if len(ages) < 0.95 * len(shown):
        raise RuntimeError(f"of {len(shown)} frames only {len(ages)} could be read")
    note_ = "from the moment a picture leaves the camera's encoder to its presentation in Chromium"
    gate = Gate("<=", GLASS_MS, is_absolute=True)
    bench.percentile("glass_to_glass_p95_ms", ages, "ms", percent=95, note=note_, gate=gate)


def loss(bench: Bench, turns: int) -> None:
    """What is decoded of what the camera sent, and the longest time without a new picture."""
    for name, (share, least) in LOSSES.items():
        with screen("--loss", str(share), "--rtt", str(RTT_S)) as on:
            _watch(on)
            began_ms, before = _now_ms(), decoded(on.page)
            on.page.wait_for_timeout(turns * TURN_MS)
            ended_ms, count = _now_ms(), decoded(on.page) - before
            sent = sum(began_ms <= at_ms < ended_ms for at_ms, _ in on.sent())
            pauses = pauses_ms(noted(on.page), began_ms=began_ms, ended_ms=ended_ms)
        way = f"{share:.0%} of RTP and RTCP lost on each way, {RTT_S * 1000:.0f} ms there and back, site and browser"
        gate = Gate(">=", least)
        bench.taken(f"decoded_share_loss{name}", [100 * count / sent], "%", gate, f"{count} of {sent}; {way}")
        gate = Gate("<=", FREEZE_MS)
        bench.taken(f"longest_freeze_loss{name}_ms", [max(pauses)], "ms", gate, "without a new frame; " + way)


def recover(bench: Bench, turns: int) -> None:
    """From the relay's death to the next picture; the page goes on by itself.

    Each time in a new town: a relay that dies again within a minute is started with a pause on purpose.
    """
    values = []
    for _ in range(max(1, turns // TURNS_A_KILL)):
        with screen() as on:
            _watch(on)
            on.page.wait_for_timeout(BEFORE_MS)
            killed_ms = _now_ms()
            os.kill(_relay_of(on.demo.pid), signal.SIGKILL)
            values.append((_back_ms(on, killed_ms) - killed_ms) / 1000)
    gate = Gate("<=", RECOVER_S, is_absolute=True)
    words = f"SIGKILL to the next presented frame, n {len(values)}; the worst"
    bench.taken("recover_s_after_kill", values, "s", gate, words, of=max)


def _watch(on: Screen) -> None:
    on.operator.watch(WALL[0])
    on.operator.pictures(1)
    on.page.wait_for_timeout(SETTLE_MS)
    note(on.page)


def _back_ms(on: Screen, killed_ms: float) -> float:
    """When the first frame after the break was presented."""
    for _ in range(BACK_MS // LOOK_MS):
        shown = noted(on.page)
        for before, after in pairwise(shown):
            if after.at_ms > killed_ms and after.at_ms - before.at_ms > BREAK_MS:
                return after.at_ms
        on.page.wait_for_timeout(LOOK_MS)
    raise RuntimeError("the picture did not come back: " + on.operator.words())


def _relay_of(pid: int) -> int:
    for child in family_of(pid):
        if b"gateway.app.relay" in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0"):
            return child
    raise RuntimeError("no relay runs")


def _now_ms() -> float:
    return SystemClock().now().timestamp() * 1000
