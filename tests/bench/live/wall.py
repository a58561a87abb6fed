"""A wall of nine pictures against one: from the press to the last first frame, when nothing leaves the site yet.

Beside it stands what a browser makes of nine pictures and one where no rules are asked and all of them flow already.
"""

from tests.bench.harness import PAIRS, Bench, Gate
from tests.bench.live import wall_floor
from tests.bench.live.screen import GONE_MS, LOOK_MS, STEP_MS, Screen, screen
from tests.bench.live.town import WALL
from tests.smoke.frames import videos

MOST = 1.5
TURNS_A_PAIR = 20
_PRESS = """(names) => {
  const at = performance.timeOrigin + performance.now();
  for (const name of names) document.querySelector(`li.camera[data-name='${name}'] button.watch`).click();
  return at;
}"""


def run(bench: Bench, turns: int) -> None:
    """Nine at once, one alone, in turn."""
    pairs: list[tuple[float, float]] = []
    with screen() as on:
        _until_all_ms(on, WALL)  # the first time its scripts are compiled
        for turn in range(max(PAIRS, turns // TURNS_A_PAIR)):
            both = (WALL, WALL[turn % 9 :][:1])
            found = {len(names): _until_all_ms(on, names) for names in (both if turn % 2 else both[::-1])}
            pairs.append((found[len(WALL)], found[1]))
    note = f"nine 640x360 pictures against one, uplink cold, n {len(pairs)}; until the last one shows its first frame"
    bench.pairs("wall9_vs_one_tile", pairs, "ms", Gate("<=", MOST), note)
    wall_floor.run(bench, len(pairs))


def _until_all_ms(on: Screen, names: tuple[str, ...]) -> float:
    before = len(videos(on.page))
    pressed_ms = float(on.page.evaluate(_PRESS, list(names)))
    for _ in range(STEP_MS // LOOK_MS):
        first = [video.first_ms for video in videos(on.page)[before:]]
        if len(first) == len(names) and all(first):
            on.operator.close_pictures()
            on.page.wait_for_timeout(2 * GONE_MS)
            return max(first) - pressed_ms
        on.page.wait_for_timeout(LOOK_MS)
    raise RuntimeError("the wall stays dark: " + on.page.locator("#wall").inner_text())
