"""The relay is killed while somebody watches: the page asks again by itself, and the picture is back within seconds."""

import os
import signal
from pathlib import Path

import pytest

from gateway.live.relay.client import RelayGoneError
from tests.smoke.frames import violations
from tests.smoke.people import MARKET, Operator
from tests.smoke.stage import Demo, chromium, running_demo, window
from tests.support import browser, sockets

pytestmark = [pytest.mark.browser, pytest.mark.slow]
BACK_MS = (3_000, 6_000)  # a relay that dies again within a minute waits a second before it starts
# The longest pause between two presented frames of each picture, since the mark.
WATCH = """() => {
  window.marked = performance.now();
  window.pauses = [...document.querySelectorAll("lens-player video")].map((video) => {
    const pause = { last: performance.now(), longest: 0, seen: 0 };
    const presented = () => {
      const now = performance.now();
      Object.assign(pause, { longest: Math.max(pause.longest, now - pause.last), last: now, seen: pause.seen + 1 });
      video.requestVideoFrameCallback(presented);
    };
    video.requestVideoFrameCallback(presented);
    return pause;
  });
}"""
ARE_BACK = "() => window.pauses.every((p) => p.longest > 500 && performance.now() - p.last < 200)"


def relay_of(demo: Demo) -> int:
    """The relay's process."""
    for pid in sockets.family_of(demo.pid):
        if b"gateway.app.relay" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            return pid
    raise RelayGoneError


def test_a_killed_relay_costs_the_pictures_three_seconds(tmp_path: Path):
    """From the last frame before the kill to the first after it, for every tile; and again when it dies again."""
    browser.chromium_path()
    with chromium() as program, running_demo(tmp_path / "demo") as demo:
        operator = Operator(demo, window(program))
        operator.sign_in()
        operator.open_incident(number="26-900", at=MARKET)
        operator.pictures(1)
        for most_ms in BACK_MS:
            operator.page.wait_for_timeout(2_000)
            operator.page.evaluate(WATCH)
            operator.page.wait_for_timeout(300)

            os.kill(relay_of(demo), signal.SIGKILL)

            operator.page.wait_for_function(ARE_BACK, timeout=15_000)
            pauses = [round(pause["longest"]) for pause in operator.page.evaluate("() => window.pauses")]
            assert max(pauses) < most_ms, pauses
            operator.page.wait_for_function(
                "() => [...document.querySelectorAll('lens-player')].every((p) => p.dataset.state === 'live')"
            )
        assert violations(operator.page) == []
