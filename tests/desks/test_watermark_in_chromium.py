"""What the watermark says, as it is drawn: who, the code, and the time of each second."""

import re

import pytest

from tests.support.browser import watched
from tests.support.console_room import room, two_pictures, until_true

__all__ = ["room"]
pytestmark = pytest.mark.browser
_NOTE_TEXTS = """
window.__drawn = [];
{ const fillText = CanvasRenderingContext2D.prototype.fillText;
  CanvasRenderingContext2D.prototype.fillText = function (text, ...where) {
    if (this.canvas.className === "watermark") window.__drawn.push(text);
    return fillText.call(this, text, ...where);
  }; }
"""
_AGO_S = "(at) => (Date.now() - new Date(at)) / 1000"


def test_the_watermark_says_who_and_when_and_goes_with_the_time(chromium, room):
    """Name, code and the time by the clock of the screen stand in one line, and it is drawn anew each second."""
    with watched(chromium, width=1600, height=900) as seen:
        seen.page.add_init_script(_NOTE_TEXTS)
        two_pictures(seen, room.open())

        until_true(seen, lambda: len(set(seen.page.evaluate("window.__drawn"))) > 2)

        texts = list(dict.fromkeys(seen.page.evaluate("window.__drawn")))
        found = [re.fullmatch(r"Sam Ortiz · ABCD-EFG0 · (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", text) for text in texts]
        times = [one[1] for one in found if one]
        assert len(times) == len(texts)
        assert times == sorted(times)
        assert 0 <= seen.page.evaluate(_AGO_S, times[-1]) < 5
