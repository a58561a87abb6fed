"""The wall as the smoke run uses it: several pictures at once, laid out, enlarged and closed by keys, and kept so."""

from typing import Final

from playwright.sync_api import Page, expect

from tests.smoke.frames import videos
from tests.smoke.people import Operator

LEAST: Final = 4  # the cameras of the market; a shop nearby may share some too
LAYOUT: Final = "9"
_PRESS: Final = """() => {
  const at = performance.timeOrigin + performance.now();
  const buttons = [...document.querySelectorAll("#cameras li.camera button.watch")];
  for (const button of buttons) button.click();
  return [at, buttons.length];
}"""


def all_at_once(who: Operator) -> float:
    """Press every Watch there is, on an empty wall; milliseconds until the last picture shows its first frame."""
    page = who.page
    before = len([video for video in videos(page) if video.first_ms])
    pressed_ms, count = page.evaluate(_PRESS)
    assert count >= LEAST, f"only {count} cameras can be watched: {who.words()}"
    shown = who.pictures(before + count)
    expect(page.locator("#wall article.tile")).to_have_count(count)
    return max(video.first_ms for video in shown) - pressed_ms


def by_keys(page: Page) -> None:
    """Lay the wall out, enlarge a picture and make it small again, close one; a reload keeps the layout."""
    tiles = page.locator("#wall article.tile")
    count = tiles.count()
    tiles.first.focus()
    for _ in range(page.locator("#layouts [data-layout]").count()):
        if page.locator("#wall").get_attribute("data-layout") == LAYOUT:
            break
        with page.expect_response(lambda answer: "/console/layout" in answer.url):
            page.keyboard.press("l")
    expect(page.locator("#wall")).to_have_attribute("data-layout", LAYOUT)
    page.keyboard.press("2")
    expect(page.locator("article.tile.is-large")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("article.tile.is-large")).to_have_count(0)
    page.keyboard.press("x")
    expect(tiles).to_have_count(count - 1)
    page.reload()
    expect(page.locator("#wall")).to_have_attribute("data-layout", LAYOUT)
