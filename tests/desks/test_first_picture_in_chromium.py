"""The first picture by HTTP is asked for where the line is long, and whatever comes of it the view goes on."""

import pytest
from playwright.sync_api import Route

from tests.support.browser import Watched, watched
from tests.support.console_room import VIEW, demand_sound, open_all, room, tell_running

__all__ = ["room"]
pytestmark = pytest.mark.browser
# What the browser noted of the page's requests: one from its cache, one elsewhere, a slow one, and the quickest.
NOTED = """
performance.getEntriesByType = (type) => type !== "resource" ? [] : [
  { name: location.origin + "/static/a.css", requestStart: 5, responseStart: 5, transferSize: 0 },
  { name: "https://tiles.example.org/1", requestStart: 5, responseStart: 6, transferSize: 300 },
  { name: location.origin + "/slow", requestStart: 5, responseStart: 905, transferSize: 300 },
  { name: location.origin + "/quick", requestStart: 5, responseStart: 5 + %d, transferSize: 300 },
];
"""


class Doors:
    """The gateway's answers; what was asked of first pictures, and what offers came along."""

    def __init__(self, seen: Watched, *, took_ms: int, answer: dict[str, object]) -> None:
        self.posts: list[int] = []
        self.offers: list[str] = []
        self.asked: list[str] = []
        self.answer = answer
        seen.page.add_init_script(NOTED % took_ms)
        seen.page.route("**/live-sessions/several", self.open)
        seen.page.route("**/live-sessions/ses_*", lambda route: tell_running(route, []))
        seen.page.route("**/first-picture", self.give)
        seen.page.route("**/whep/*", lambda route: None)

    def open(self, route: Route) -> None:
        self.offers = [wish["offer"] for wish in route.request.post_data_json["views"]]
        open_all(route, self.posts)

    def give(self, route: Route) -> None:
        self.asked.append(route.request.url.split("/")[-2])
        route.fulfill(**self.answer)  # type: ignore[arg-type]


def watch_one(seen: Watched, doors: Doors) -> None:
    """Close both pictures that started by themselves, and ask for one of them alone."""
    seen.until("document.querySelectorAll('.watermark').length === 2")
    seen.until("document.querySelectorAll('.watermark[data-says*=Sam]').length === 1")
    for _ in range(2):
        seen.page.locator("article.tile button.close").first.click()
    before = len(doors.posts)
    seen.page.locator("li.camera button.watch").first.click()
    seen.until("document.querySelectorAll('.tile').length === 1")
    for _ in range(100):
        if len(doors.posts) > before:
            break
        seen.page.wait_for_timeout(50)
    assert doors.posts[before:] == [1]


def test_a_short_line_asks_for_none(chromium, room):
    """The view's own connection is there as soon."""
    assert VIEW["state"] == "established"
    with watched(chromium, width=1600, height=900) as seen:
        doors = Doors(seen, took_ms=59, answer={"status": 204})
        seen.page.goto(room.open())
        watch_one(seen, doors)
        seen.page.wait_for_timeout(300)

        assert doors.asked == []


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 204},
        {"status": 404},
        {"status": 200, "body": b"no picture", "headers": {"lenspact-codec": "avc1.42e01f"}},
        {"status": 200, "body": b"no picture", "headers": {"lenspact-codec": "none such"}},
    ],
    ids=["none", "no such view", "broken", "unknown codec"],
)
def test_a_long_line_asks_once_for_each_view_and_goes_on_without(chromium, room, answer: dict[str, object]):
    """The offer goes along; without a picture, or with one that cannot be read, the tile waits as it always did."""
    with watched(chromium, width=1600, height=900) as seen:
        doors = Doors(seen, took_ms=61, answer=answer)
        seen.page.goto(room.open())
        watch_one(seen, doors)
        for _ in range(100):
            if len(doors.asked) == 3:
                break
            seen.page.wait_for_timeout(50)
        seen.page.wait_for_timeout(300)

        assert doors.offers[0].startswith("v=0")
        assert sorted(doors.asked) == ["ses_0", "ses_1", "ses_2"]
        assert seen.page.locator("canvas.first-picture").count() == 0
        assert seen.page.get_attribute("lens-player", "data-state") == "connecting"
        seen.errors[:] = [error for error in seen.errors if "404" not in error]
        demand_sound(seen)
