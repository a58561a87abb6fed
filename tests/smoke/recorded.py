"""Looking at a site's recording from a live picture, as the smoke run and its like do it."""

import time
from typing import Any, Final

from playwright.sync_api import Page

STATE: Final = """() => {
  const element = document.querySelector("lens-recorded"), video = element.querySelector("video");
  const pixels = new OffscreenCanvas(160, 90).getContext("2d", { willReadFrequently: true });
  pixels.drawImage(video, 0, 0, 160, 90);
  const sum = pixels.getImageData(0, 0, 160, 90).data.reduce((hash, value) => (hash * 31 + value) | 0, 0);
  return {
    state: element.dataset.state,
    second: Number(element.querySelector("[data-part=line]").value),
    length: Number(element.querySelector("[data-part=line]").max),
    speed: element.querySelector("[data-part=speed]").textContent,
    picture: sum,
    width: video.videoWidth,
  };
}"""


def state(page: Page) -> dict[str, Any]:
    """Where the recording on the page is, and what it shows."""
    found: dict[str, Any] = page.evaluate(STATE)
    return found


def until(page: Page, is_so: Any, *, timeout_s: float = 15) -> dict[str, Any]:
    """Look until it is so."""
    ends = time.perf_counter() + timeout_s
    while not is_so(found := state(page)):
        if time.perf_counter() > ends:
            raise AssertionError(f"the recording stands at {found}")
        page.wait_for_timeout(20)
    return found


def go_back(page: Page) -> float:
    """Press left on the first live picture; milliseconds until the recording plays."""
    tile = page.locator("article.tile").first
    tile.locator(".back-30").wait_for()
    tile.focus()
    pressed = time.perf_counter()
    page.keyboard.press("ArrowLeft")
    until(page, lambda now: now["state"] == "playing" and now["width"])
    return 1000 * (time.perf_counter() - pressed)
