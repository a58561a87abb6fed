"""A long line to the gateway: the first picture is there before the view's own connection, and goes when that is."""

from pathlib import Path

import pytest

from tests.smoke.frames import violations
from tests.smoke.people import MARKET, Operator
from tests.smoke.stage import chromium, running_demo, window
from tests.support import browser
from tests.support.long_line import long_line

pytestmark = [pytest.mark.browser, pytest.mark.slow]
RTT_S = 0.4
# What stood over each video when its first frame came, and how each picture stood before.
WATCH = """
window.__covers = []; window.__whole = 0;
addEventListener("lens-first-picture", ({ target }) => {
  const cover = target.querySelector("canvas.first-picture");
  const small = new OffscreenCanvas(16, 9).getContext("2d", { willReadFrequently: true });
  small.drawImage(cover, 0, 0, 16, 9);
  const shades = new Set(small.getImageData(0, 0, 16, 9).data);
  window.__covers.push({
    state: target.dataset.state, said: target.querySelector(".player-state").textContent,
    shades: shades.size, width: cover.width, below: cover.nextElementSibling.className,
    frames: target.video.getVideoPlaybackQuality().totalVideoFrames,
    fits: cover.getBoundingClientRect().width === target.video.getBoundingClientRect().width,
  });
}, true);
"""


def test_a_long_line_shows_the_first_picture_until_the_stream_is_there(tmp_path: Path):
    """It is a picture, "Catching up", below the watermark; no canvas is left when the video shows its own."""
    browser.chromium_path()
    far = ("tests.bench.live.town",)
    options = ("--rtt", str(RTT_S), "--near-site", "--cameras", "2")
    with (
        running_demo(tmp_path / "demo", far, options) as demo,
        long_line(demo.origin, rtt_s=RTT_S, log=tmp_path / "line.log") as flag,
        chromium(flag) as program,
    ):
        page = window(program)
        page.add_init_script(WATCH)
        operator = Operator(demo, page)
        operator.sign_in()
        operator.open_incident(number="26-310", at=MARKET)
        operator.pictures(1)
        operator.close_pictures()
        page.wait_for_timeout(1_000)
        page.evaluate("() => { window.__covers.length = 0; }")

        operator.watch("Camera 1")
        page.wait_for_function("() => window.__covers.length === 1", timeout=20_000)
        page.wait_for_function("() => document.querySelector('lens-player').dataset.state === 'live'", timeout=20_000)

        [cover] = page.evaluate("() => window.__covers")
        assert (cover["state"], cover["said"], cover["frames"]) == ("catching-up", "Catching up", 0)
        assert cover["shades"] > 10
        assert cover["width"] > 100
        assert cover["fits"]
        assert cover["below"] == "watermark"
        assert page.locator("canvas.first-picture").count() == 0
        tile = page.locator("article.tile").first
        first, frame = (int(tile.get_attribute(f"data-first-{name}-ms") or 0) for name in ("picture", "frame"))
        assert 0 < first < frame
        assert violations(page) == []
