"""From the press to the picture, in Chromium: one more viewer, the first viewer, and the first one of a closed camera.

Warm: the stream is at the relay already, for somebody else watches. Uplink cold: the site has the camera open and keeps
its last group of pictures, and nothing leaves it. Cold: the camera is not even open on site; its pipeline starts now,
and with a key picture, as most cameras do; one that goes on in the middle of a group adds what is left of it.

The site has four cameras: further ones that nobody watches would cost its own computer something, and here cost ours.
"""

from collections.abc import Callable

from gateway.desks.console.desk import STARTS
from tests.bench.harness import Bench, Gate
from tests.bench.live.screen import Screen, screen
from tests.bench.live.town import UNOPENED, WALL

WARM_MS, UPLINK_COLD_MS, COLD_MS = 120, 300, 400
CLOSED_MS = 6_000  # a site closes a camera that nobody has wanted for 5 s
LEAST = 200  # starts of each kind, for a gate to be judged


def run(bench: Bench, turns: int) -> None:
    """Each of the three."""
    with screen("--cameras", str(STARTS)) as on:
        values = _started(on, turns, lambda: on.first_frame_ms(on.operator, WALL[1]))
        _row(bench, on, "first_frame_uplink_cold_p95_ms", values, UPLINK_COLD_MS)
        values = _started(on, turns, lambda: _cold(on))
        _row(bench, on, "first_frame_cold_p95_ms", values, COLD_MS)
        second = on.colleague()
        on.operator.watch(WALL[0])
        on.page.wait_for_timeout(CLOSED_MS)
        values = _started(on, turns, lambda: on.first_frame_ms(second, WALL[0]))
        _row(bench, on, "first_frame_warm_p95_ms", values, WARM_MS)


def _started(on: Screen, turns: int, start: Callable[[], float]) -> list[float]:
    start()  # the first one of a window compiles its scripts
    on.steps.clear()
    return [start() for _ in range(turns)]


def _row(bench: Bench, on: Screen, name: str, values: list[float], most_ms: int) -> None:
    note = f"pointerdown to the first presented frame in Chromium; medians: {on.timeline()}"
    gate = Gate("<=", most_ms, is_absolute=True)
    bench.percentile(name, values, "ms", percent=95, note=note, gate=gate, least=LEAST)


def _cold(on: Screen) -> float:
    on.page.wait_for_timeout(CLOSED_MS)
    return on.first_frame_ms(on.operator, UNOPENED)
