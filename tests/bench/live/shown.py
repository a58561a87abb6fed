"""Every frame that a video on a page presents: when, and the number that the camera burned into it."""

from dataclasses import dataclass
from itertools import pairwise

from playwright.sync_api import Page

from partner_agent.simulator.footage import COUNTER_BITS, COUNTER_HEIGHT_PX

_NOTE = """([index, bits, height]) => {
  const { element } = window.__lens.videos[index];
  const context = new OffscreenCanvas(bits, 1).getContext("2d", { willReadFrequently: true });
  context.imageSmoothingEnabled = false; // one pixel out of the middle of each block
  const shown = window.__shown = [];
  const presented = () => {
    const at = performance.timeOrigin + performance.now();
    context.drawImage(element, 0, 0, element.videoWidth, height, 0, 0, bits, 1);
    const { data } = context.getImageData(0, 0, bits, 1);
    let number = 0;
    for (let bit = 0; bit < bits; bit += 1) number = 2 * number + (data[4 * bit] > 127 ? 1 : 0);
    shown.push([at, number]);
    element.requestVideoFrameCallback(presented);
  };
  element.requestVideoFrameCallback(presented);
}"""
_DECODED = """async () => {
  const stats = [...(await window.__peers.at(-1).getStats()).values()];
  return stats.find((each) => each.type === "inbound-rtp" && each.kind === "video").framesDecoded;
}"""
NEWEST_MS = 5_000  # older than this is another turn of the loop


@dataclass(frozen=True, slots=True)
class Shown:
    """One presented frame: wall clock, and its number in the camera's loop."""

    at_ms: float
    number: int


def note(page: Page, index: int = -1) -> None:
    """Begin to note the frames of a video, by its number on the page; -1 is the newest."""
    count = int(page.evaluate("() => window.__lens.videos.length"))
    page.evaluate(_NOTE, [index % count, COUNTER_BITS, COUNTER_HEIGHT_PX])


def noted(page: Page) -> list[Shown]:
    """The frames so far."""
    return [Shown(at, number) for at, number in page.evaluate("() => window.__shown")]


def decoded(page: Page) -> int:
    """How many frames the page's newest call has decoded."""
    return int(page.evaluate(_DECODED))


def pauses_ms(shown: list[Shown], *, began_ms: float, ended_ms: float) -> list[float]:
    """Until the first frame of a span, between each and the next, and from the last to its end."""
    within = [frame.at_ms for frame in shown if began_ms <= frame.at_ms <= ended_ms]
    return [after - before for before, after in pairwise([began_ms, *within, ended_ms])]


def ages_ms(shown: list[Shown], sent: list[tuple[float, int]]) -> list[float]:
    """How long before its presentation each frame left the camera; what it is not known to have sent is left out.

    Args:
        shown: what was presented.
        sent: when each picture left, and its number; numbers come again in each turn of the loop.
    """
    left: dict[int, list[float]] = {}
    for at_ms, number in sent:
        left.setdefault(number, []).append(at_ms)
    ages = []
    for frame in shown:
        before = [frame.at_ms - at_ms for at_ms in left.get(frame.number, ()) if at_ms <= frame.at_ms]
        if before and min(before) < NEWEST_MS:
            ages.append(min(before))
    return ages
