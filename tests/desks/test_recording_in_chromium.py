"""A recording with a hole, over a live picture in a real browser: its bar, the time line by hand, and the watermark."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Route

from partner_agent.wire.clock import SystemClock, from_rfc3339, to_rfc3339
from tests.desks.test_still_in_chromium import LIVE
from tests.support.browser import Watched, watched
from tests.support.console_room import open_all, room, tell_running, until_true

__all__ = ["room"]
pytestmark = [pytest.mark.browser, pytest.mark.slow]
RANGE_S = 600
HOLE_S = (120, 240)  # of the range
SMALL_JPEG = (
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDACgcHiMeGSgjISMtKygwPGRBPDc3PHtYXUlkkYCZlo+AjIqgtObDoKrarYqMyP/L2u71"
    "////m8H////6/+b9//j/2wBDASstLTw1PHZBQXb4pYyl+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4"
    "+Pj4+Pj4+Pj/wAARCAAJABADASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAP/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/8QA"
    "FQEBAQAAAAAAAAAAAAAAAAAAAQL/xAAUEQEAAAAAAAAAAAAAAAAAAAAA/9oADAMBAAIRAxEAPwCQBS//2Q=="
)


class Recording:
    """The gateway's answers about one view of a recording, and what was asked of it."""

    def __init__(self, seen: Watched, *, mark: str, has_hole: bool = True) -> None:
        self.page, self.mark, self.has_hole = seen.page, mark, has_hole
        self.start = SystemClock().now() - timedelta(seconds=RANGE_S)
        self.opened: list[dict[str, Any]] = []
        self.orders: list[dict[str, Any]] = []
        self.small: list[str] = []
        self.place = {"speed_percent": 100, "is_paused": False, "is_over": False, "ticks": 0}
        self.position = ""
        posts: list[int] = []
        for pattern, answer in {
            "**/live-sessions/several": lambda route: open_all(route, posts),
            "**/live-sessions/ses_*": lambda route: tell_running(route, []),
            "**/whep/*": lambda route: None,
            "**/api/v1/recorded-views?*": lambda route: route.fulfill(json=self.span()),
            "**/api/v1/recorded-views": self.open,
            "**/live-sessions/rec_1/playback": self.steer,
            "**/live-sessions/rec_1/coverage": self.cover,
            "**/live-sessions/rec_1/thumbnails?*": self.thumbnails,
        }.items():
            self.page.route(pattern, answer)

    def at(self, second: float) -> str:
        return to_rfc3339(self.start + timedelta(seconds=second))

    def span(self) -> dict[str, str]:
        return {"range_from": self.at(0), "range_to": self.at(RANGE_S)}

    def open(self, route: Route) -> None:
        asked = route.request.post_data_json
        self.opened.append(asked)
        self.position = asked["at"]
        view = {"session_id": "rec_1", "whep_url": "/whep/rec_1", "ticket": "t", "mark": self.mark, **self.span()}
        route.fulfill(status=201, json=view)

    def steer(self, route: Route) -> None:
        order = route.request.post_data_json
        if order:
            self.orders.append(dict(order))
        self.position = order.pop("position", self.position)
        self.place |= order
        route.fulfill(json={**self.place, "position": self.position, "anchored_at": self.position})

    def cover(self, route: Route) -> None:
        before, after = HOLE_S
        spans, gaps = [[self.at(0), self.at(RANGE_S)]], []
        if self.has_hole:
            spans = [[self.at(0), self.at(before)], [self.at(after), self.at(RANGE_S)]]
            gaps = [[self.at(before), self.at(after)]]
        route.fulfill(json={"spans": spans, "gaps": gaps})

    def thumbnails(self, route: Route) -> None:
        self.small = parse_qs(urlsplit(route.request.url).query)["at"][0].split(",")
        route.fulfill(json={"pictures": [[at, SMALL_JPEG] for at in self.small]})

    def ask_back(self, url: str) -> None:
        """Open the incident, and ask for the recording of its first picture by key."""
        self.page.goto(url)
        self.page.locator(".watermark[data-says]").nth(1).wait_for(state="attached")
        self.page.evaluate(LIVE)
        self.page.locator(".back-30").first.wait_for()
        self.page.locator(".tile").first.focus()
        self.page.keyboard.press("ArrowLeft")

    def go_back(self, url: str) -> None:
        """The same, until its small pictures are there."""
        self.ask_back(url)
        self.page.locator("[data-part=strip] li").nth(5).wait_for()


def test_left_asks_for_thirty_seconds_ago(chromium, room):
    """Of the tile's camera, for the incident on the page; once."""
    with watched(chromium, width=1600, height=900) as seen:
        recording = Recording(seen, mark="")
        recording.go_back(room.open())

        [asked] = recording.opened
        back = SystemClock().now() - from_rfc3339(asked["at"])
        assert timedelta(seconds=30) <= back < timedelta(seconds=60)  # and what it has taken since
        assert asked["camera_id"] == seen.page.locator("li.camera").first.get_attribute("data-camera")


@pytest.mark.parametrize("has_hole", [True, False])
def test_the_bar_shows_what_is_recorded(chromium, room, has_hole):
    """A piece for each stretch, and a line of words where there is a hole; no small picture is asked for within it."""
    with watched(chromium, width=1600, height=900) as seen:
        recording = Recording(seen, mark="", has_hole=has_hole)
        recording.go_back(room.open())

        pieces = seen.page.locator("[data-part=coverage] span").evaluate_all(
            "(all) => all.map((one) => [parseFloat(one.style.left), parseFloat(one.style.width)])"
        )
        assert pieces == [[0, 20], [40, 60]] if has_hole else pieces == [[0, 100]]
        assert seen.page.locator("[data-part=gaps]").is_visible() is has_hole
        before, after = (recording.at(second) for second in HOLE_S)
        assert len(recording.small) == 6
        assert any(before < at < after for at in recording.small) is not has_hole


def test_the_time_line_is_moved_by_hand(chromium, room):
    """While a hand is on it the picture stands there; let go, it plays on from there."""
    with watched(chromium, width=1600, height=900) as seen:
        recording = Recording(seen, mark="")
        recording.go_back(room.open())
        line = seen.page.locator("[data-part=line]")

        line.fill("450")  # fires input, then change
        until_true(seen, lambda: len(recording.orders) == 2)

        moment = recording.at(450)
        assert recording.orders == [{"position": moment, "is_paused": is_held} for is_held in (True, False)]
        assert float(line.input_value()) == 450
        spoken = seen.page.evaluate(SPOKEN, moment)
        assert line.get_attribute("aria-valuetext") == spoken


def test_keys_step_and_change_the_speed(chromium, room):
    """Comma and point are one picture back and on; < and > are half to eight times the speed, and no further."""
    with watched(chromium, width=1600, height=900) as seen:
        recording = Recording(seen, mark="")
        recording.go_back(room.open())
        speed = seen.page.locator("[data-part=speed]")

        for key, shown in (("<", "0.5×"), (">", "1×"), (">", "2×"), (">", "4×"), (">", "8×")):
            seen.page.keyboard.press(key)
            until_true(seen, lambda shown=shown: speed.inner_text() == shown)
        for number, key in enumerate((">", ".", ","), start=5):  # the first is none
            seen.page.keyboard.press(key)
            until_true(seen, lambda number=number: len(recording.orders) == number)

        speeds = [{"speed_percent": percent} for percent in (50, 100, 200, 400, 800)]
        assert recording.orders == [*speeds, {"step": 1}, {"step": -1}]


@pytest.mark.parametrize("width", [1600, 390])
def test_the_watermark_lies_over_a_recording_and_its_small_pictures(chromium, room, width, tmp_path: Path):
    """The view's own code, not that of the live picture beneath; drawn on each; a screen reader skips it."""
    with watched(chromium, width=width, height=900) as seen:
        Recording(seen, mark="HJKMNPQ7").go_back(room.open())
        marks = seen.page.locator("lens-recorded .watermark")

        assert marks.evaluate_all("(all) => all.map((one) => one.dataset.says)") == ["Sam Ortiz · HJKM-NPQ7"] * 7
        until_true(seen, lambda: min(marks.evaluate_all(INK)) > 100)
        assert marks.evaluate_all("(all) => all.every((one) => one.ariaHidden === 'true')")
        seen.page.screenshot(path=str(tmp_path / "recording.png"))
        assert seen.violations() == []
        assert seen.axe() == []


def test_without_a_code_nothing_lies_over_small_pictures(chromium, room):
    """Where the owner's rules ask for none."""
    with watched(chromium, width=1600, height=900) as seen:
        Recording(seen, mark="").go_back(room.open())

        assert seen.page.locator("[data-part=strip] .watermark").count() == 0
        assert seen.page.locator("lens-recorded > lens-player .watermark").evaluate_all(INK) == [0]


SPOKEN = "(at) => new Intl.DateTimeFormat('en', { timeStyle: 'medium' }).format(new Date(at))"
INK = """(all) => all.map((one) => {
  if (!one.width || !one.height) return 0;
  const data = one.getContext("2d").getImageData(0, 0, one.width, one.height).data;
  return data.filter((value, i) => i % 4 === 3 && value > 0).length;
})"""
