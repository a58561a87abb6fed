"""The recording of a tile's camera in Chromium, on the demo's cameras: thirty seconds back, searched, stepped, left."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from playwright.sync_api import expect

from tests.smoke.people import MARKET, Operator
from tests.smoke.recorded import go_back, state, until
from tests.smoke.stage import chromium, running_demo, window
from tests.support import outside
from tests.support.browser import AXE_TAGS

pytestmark = pytest.mark.slow
AXE: Final = (Path(__file__).parents[1] / "vendor" / "axe.min.js").read_text()
LEFT: Final = "(piece) => parseFloat(piece.style.left) / 100"
HISTORY_S: Final = 12.0  # of recording before the incident; the demo records from its start


def test_a_recording_is_watched_by_keys(tmp_path: Path):
    """Left goes back; pause, steps and jumps change the picture; l is live again; a pause on site ends it at once."""
    outside.need("chromium", package="chromium")
    with running_demo(tmp_path / "demo") as demo, chromium() as browser:
        page = window(browser)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        operator = Operator(demo, page)
        operator.sign_in()
        page.wait_for_timeout(HISTORY_S * 1000)
        operator.open_incident(number="26-9", at=MARKET)
        operator.pictures(1)
        operator.close_pictures(but="Parking")
        tile = page.locator("article.tile").first
        expect(tile.locator(".back-30")).to_be_visible()

        expect(tile.locator(".delay .number")).to_have_text(re.compile(r"^\d{1,4}$"))
        expect(tile.locator(".delay")).to_be_visible()

        go_back(page)
        playing = until(page, lambda now: now["second"] > 0)
        assert 300 < playing["length"] < 400
        expect(tile.locator("footer .badge")).to_be_hidden()
        expect(tile.locator("[data-part=strip] img").first).to_be_visible()
        expect(tile.locator("[data-part=gaps]")).to_be_visible()  # nothing is recorded before the demo began
        begins_s = playing["length"] * tile.locator("[data-part=coverage] span").first.evaluate(LEFT)
        assert begins_s > 30
        marks = tile.locator("lens-recorded .watermark[data-says]").evaluate_all(
            "(all) => all.map(one => one.dataset.says)"
        )
        assert len(marks) > 1
        assert len(set(marks)) == 1
        until(page, lambda now: now["second"] > playing["second"] + 1)
        page.keyboard.press("Space")
        until(page, lambda now: now["state"] == "paused")
        page.wait_for_timeout(1500)
        paused = state(page)

        page.keyboard.press(",")
        back = until(page, lambda now: now["picture"] != paused["picture"])
        assert back["state"] == "paused"
        page.keyboard.press("ArrowLeft")
        earlier = until(page, lambda now: now["second"] < paused["second"] - 5)
        until(page, lambda now: now["picture"] != back["picture"])
        tile.locator("[data-part=line]").fill(str(begins_s + 2))  # by hand
        by_hand = until(page, lambda now: abs(now["second"] - begins_s - 2) < 2)
        assert by_hand["state"] == "paused"
        until(page, lambda now: now["picture"] != earlier["picture"])
        earlier = state(page)
        page.keyboard.press(">")
        page.keyboard.press("Space")
        until(page, lambda now: now["speed"] == "2×" and now["second"] > earlier["second"] + 2)

        page.evaluate(AXE + ";0")
        found = page.evaluate(
            "tags => axe.run(document, {runOnly: tags}).then(r => r.violations.map(v => v.id + ' '"
            " + v.nodes.map(n => n.target).join(' ')))",
            AXE_TAGS,
        )
        assert found == []

        page.keyboard.press("l")
        expect(page.locator("lens-recorded")).to_have_count(0)
        expect(tile.locator("lens-player")).to_be_visible()

        go_back(page)
        config = demo.folder / "site" / "agent.toml"
        subprocess.run([sys.executable, "-m", "partner_agent.cli", "--config", config, "pause"], check=True)
        said = page.locator("lens-recorded .player-state")
        expect(said).to_have_text("Ended by the sharing rules")
        assert not page.evaluate("() => document.querySelector('lens-recorded video').srcObject")
        page.keyboard.press("l")
        expect(page.locator("lens-recorded")).to_have_count(0)
        assert errors == []
