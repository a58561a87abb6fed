"""A wall of nine pictures against one: from the press to the last first frame, when nothing leaves the site yet.

Beside it stands what a browser makes of nine pictures and one where no rules are asked and all of them flow already.
"""

import os
import statistics

from tests.bench.harness import PAIRS, Bench, Gate
from tests.bench.live import wall_floor
from tests.bench.live.processor import seconds_of
from tests.bench.live.screen import GONE_MS, STEP_MS, Screen, screen
from tests.bench.live.town import WALL
from tests.smoke.frames import first_frames_ms, videos

MOST = 1.5
PARTS = {  # the first whose word is in a command line
    "browser": "chromium",
    "gateway": "tests.bench.live.town",
    "relay": "gateway.app.relay",
    "site": "partner_agent",
    "cameras": "tests.bench.live.cameras",
}
TURNS_A_PAIR = 20
_PRESS = """(names) => {
  const at = performance.timeOrigin + performance.now();
  for (const name of names) document.querySelector(`li.camera[data-name='${name}'] button.watch`).click();
  return at;
}"""


def run(bench: Bench, turns: int) -> None:
    """Nine at once, one alone, in turn."""
    pairs: list[tuple[float, float]] = []
    spent: list[dict[str, float]] = []
    with screen() as on:
        _opened(on, WALL)  # the first time its scripts are compiled
        for turn in range(max(PAIRS, turns // TURNS_A_PAIR)):
            both = (WALL, WALL[turn % 9 :][:1])
            found = {len(names): _opened(on, names) for names in (both if turn % 2 else both[::-1])}
            (nine_ms, work), (one_ms, _) = found[len(WALL)], found[1]
            pairs.append((nine_ms, one_ms))
            spent.append(work)
    note = f"nine 640x360 pictures against one, uplink cold, n {len(pairs)}; until the last one shows its first frame"
    bench.pairs("wall9_vs_one_tile", pairs, "ms", Gate("<=", MOST), note)
    parts = ", ".join(f"{part} {statistics.median(each[part] for each in spent):.0f}" for part in PARTS)
    note = f"the processors' time of nine, of which there are {len(os.sched_getaffinity(0))}: {parts}"
    bench.taken("wall9_processor_ms", [sum(work.values()) for work in spent], "ms", None, note)
    wall_floor.run(bench, len(pairs))


def _opened(on: Screen, names: tuple[str, ...]) -> tuple[float, dict[str, float]]:
    """Until the last shows its first frame, and how long which part's processes ran meanwhile; milliseconds."""
    before, ran_s = len(videos(on.page)), seconds_of(PARTS)
    pressed_ms = float(on.page.evaluate(_PRESS, list(names)))
    first_ms = first_frames_ms(on.page, before=before, count=len(names), most_ms=STEP_MS)
    work = {part: 1000 * (until_s - ran_s[part]) for part, until_s in seconds_of(PARTS).items()}
    on.operator.close_pictures()
    on.page.wait_for_timeout(2 * GONE_MS)
    return max(first_ms) - pressed_ms, work
