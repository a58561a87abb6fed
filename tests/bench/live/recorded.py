"""A recording that stands still, in Chromium on the demo: from the key to the picture, after a seek and after a step.

A seek or a step back may send pictures that only lead to the one wanted, so the last one presented counts: nothing
follows it while the recording stands still.
"""

import tempfile
from pathlib import Path

from playwright.sync_api import Page

from tests.bench.harness import Bench
from tests.smoke.people import MARKET, Operator
from tests.smoke.recorded import go_back, until
from tests.smoke.stage import chromium, running_demo, window

HISTORY_S = 45.0  # of recording before the first look
STEPS_OF = {"seek": ("ArrowLeft", "ArrowRight"), "step_on": (".",), "step_back": (",",)}
_PRESS = """([key, quiet_ms, most_ms]) => new Promise((ok) => {
  const tile = document.querySelector(".tile.is-recorded"), video = tile.querySelector("lens-recorded video");
  let last = null;
  const presented = (now) => {
    last = now;
    video.requestVideoFrameCallback(presented);
  };
  video.requestVideoFrameCallback(presented);
  const pressed = performance.now();
  tile.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  const look = setInterval(() => {
    const now = performance.now();
    if (last === null ? now - pressed < most_ms : now - last < quiet_ms) return;
    clearInterval(look);
    ok(last === null ? null : last - pressed);
  }, 20);
})"""
QUIET_MS, MOST_MS = 400, 8_000


def run(bench: Bench, turns: int) -> None:
    """Each of the three, while it stands still."""
    with tempfile.TemporaryDirectory() as folder, running_demo(Path(folder) / "demo") as demo, chromium() as browser:
        page = window(browser)
        operator = Operator(demo, page)
        operator.sign_in()
        page.wait_for_timeout(HISTORY_S * 1000)
        operator.open_incident(number="26-9", at=MARKET)
        operator.pictures(1)
        operator.close_pictures(but="Parking")
        go_back(page)
        page.keyboard.press("Space")
        until(page, lambda now: now["state"] == "paused")
        page.wait_for_timeout(2 * QUIET_MS)
        for name, keys in STEPS_OF.items():
            values = [_pressed_ms(page, keys[turn % len(keys)]) for turn in range(turns)]
            note = "keydown to the last presented frame in Chromium, standing still"
            bench.percentile(f"recorded_{name}_p95_ms", values, "ms", percent=95, note=note)


def _pressed_ms(page: Page, key: str) -> float:
    found = page.evaluate(_PRESS, [key, QUIET_MS, MOST_MS])
    if found is None:
        raise RuntimeError(f"no picture within {MOST_MS} ms of {key}")
    return float(found)
