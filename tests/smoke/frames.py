"""Watches video the way a person does: when a frame was presented, and whether it is a picture.

Installed before any page script, it notes every pointerdown and every presented frame (requestVideoFrameCallback) of
every video element, by wall clock, so that a click in one window can be compared with a frame in another.
"""

from dataclasses import dataclass
from typing import Any, Final

from playwright.sync_api import Page

INIT: Final = """
(() => {
  const now = () => performance.timeOrigin + performance.now();
  const seen = window.__lens = { pointerdown: [], videos: [], violations: [] };
  addEventListener("pointerdown", () => seen.pointerdown.push(now()), true);
  addEventListener("securitypolicyviolation", (event) =>
    seen.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
  const source = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, "srcObject");
  Object.defineProperty(HTMLMediaElement.prototype, "srcObject", {
    ...source,
    set(stream) {
      source.set.call(this, stream);
      if (!stream || this.__lens) return;
      const entry = this.__lens = { element: this, first: 0, last: 0, count: 0 };
      seen.videos.push(entry);
      const presented = () => {
        entry.last = now(); entry.count += 1; entry.first ||= entry.last;
        this.requestVideoFrameCallback(presented);
      };
      this.requestVideoFrameCallback(presented);
    },
  });
})();
"""

_READ: Final = """() => window.__lens.videos.map(({ element, first, last, count }) => ({
  first, last, count, connected: element.isConnected, width: element.videoWidth, height: element.videoHeight }))"""

_SHOWN: Final = """([before, count, mostMs]) => new Promise((tell) => {
  const over = performance.now() + mostMs;
  const look = () => {
    const first = window.__lens.videos.slice(before, before + count).map((video) => video.first).filter(Boolean);
    if (first.length === count || performance.now() > over) tell(first);
    else setTimeout(look, 10);
  };
  look();
})"""

_LOOK: Final = """(index) => {
  const { element } = window.__lens.videos[index];
  const canvas = new OffscreenCanvas(64, 36);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(element, 0, 0, 64, 36);
  const { data } = context.getImageData(0, 0, 64, 36);
  const grey = [];
  for (let at = 0; at < data.length; at += 4) grey.push((data[at] * 3 + data[at + 1] * 6 + data[at + 2]) / 10);
  return grey;
}"""


@dataclass(frozen=True, slots=True)
class Video:
    """What one video element has shown. Times are wall-clock milliseconds; 0 before the first frame."""

    first_ms: float
    last_ms: float
    count: int
    is_connected: bool
    width: int
    height: int


def videos(page: Page) -> list[Video]:
    """Every video element that ever had a stream, in order of its start."""
    rows: list[dict[str, Any]] = page.evaluate(_READ)
    return [Video(r["first"], r["last"], r["count"], r["connected"], r["width"], r["height"]) for r in rows]


def first_frames_ms(page: Page, *, before: int, count: int, most_ms: float) -> list[float]:
    """When each of the `count` videos that come after `before` others showed its first frame, wall clock in ms.

    The page waits by itself: being asked again and again costs a browser as much as a picture does.

    Raises:
        AssertionError: fewer have shown one within `most_ms`.
    """
    first: list[float] = page.evaluate(_SHOWN, [before, count, most_ms])
    if len(first) < count:
        said = page.locator("#console").inner_text()[:800]
        raise AssertionError(f"{len(first)} of {count} pictures in {most_ms / 1000:.0f} s: {said}")
    return first


def last_pointerdown_ms(page: Page) -> float:
    """When the person last pressed the pointer, wall clock in ms."""
    presses: list[float] = page.evaluate("() => window.__lens.pointerdown")
    if not presses:
        raise AssertionError("nobody pressed anything on this page")
    return presses[-1]


def violations(page: Page) -> list[str]:
    """Content-security-policy violations seen on this page."""
    found: list[str] = page.evaluate("() => window.__lens.violations")
    return found


def assert_is_picture(page: Page, index: int) -> None:
    """The video's present frame is a picture (not one colour) and it changes within two seconds.

    Raises:
        AssertionError: it is black, one colour, or frozen.
    """
    before: list[float] = page.evaluate(_LOOK, index)
    mean = sum(before) / len(before)
    spread = (sum((value - mean) ** 2 for value in before) / len(before)) ** 0.5
    if spread < 4:
        raise AssertionError(f"video {index} shows one colour (spread {spread:.1f}), not a picture")
    for _ in range(20):
        page.wait_for_timeout(100)
        after: list[float] = page.evaluate(_LOOK, index)
        if max(abs(a - b) for a, b in zip(before, after, strict=True)) > 6:
            return
    raise AssertionError(f"video {index} did not change in two seconds")
