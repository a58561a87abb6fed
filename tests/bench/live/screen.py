"""What somebody at the centre sees, for the rows that look through Chromium: a demo, a browser, people with windows.

All of it runs on this machine, Chromium's software decoder too, so the figures are of the whole product on two cores.
Times are wall clock in milliseconds: from the pointerdown a page noted to the frame requestVideoFrameCallback told.
"""

import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page

from gateway.desks.console.desk import STARTS
from tests.bench.live.town import SENT
from tests.smoke.frames import first_frames_ms, videos
from tests.smoke.people import MARKET, Operator, sign_in_agency
from tests.smoke.stage import Demo, chromium, running_demo, window

STEP_MS = 20_000
GONE_MS = 700  # from the last viewer's goodbye until nothing leaves the site any more
_STEPS = """
(() => {
  const steps = window.__steps = [];
  const now = () => performance.timeOrigin + performance.now();
  const mark = (name) => steps.push([name, now()]);
  const whole = window.fetch;
  window.fetch = async (...call) => {
    const method = call[1]?.method ?? "GET";
    const where = String(call[0]);
    const what = where.includes("/whep/") ? "whep" : where.endsWith("/live-sessions/several") ? "ask" : "";
    if (method !== "POST" || !what) return whole(...call);
    mark(what);
    const answer = await whole(...call);
    mark(`${what} answered`);
    return answer;
  };
  addEventListener("lens-first-picture", () => mark("first picture"), true);
  addEventListener("pointerdown", () => { steps.length = 0; mark("press"); }, true);
  const Peer = window.RTCPeerConnection;
  window.__peers = [];
  window.RTCPeerConnection = class extends Peer {
    constructor(...given) {
      super(...given);
      this.addEventListener("track", ({ receiver }) => {
        receiver.transport.addEventListener("statechange", () => mark(`dtls ${receiver.transport.state}`));
        receiver.transport.iceTransport.addEventListener("statechange", (event) => mark(`ice ${event.target.state}`));
      });
    }
    setLocalDescription(...given) {
      window.__peers = [this]; // the one that is used; a page may have 500, and those that are kept count
      mark("peer");
      return super.setLocalDescription(...given);
    }
  };
})();
"""


@dataclass
class Screen:
    """A running town, and its operator before an open incident with an empty wall.

    Attributes:
        opened: the address of the incident.
    """

    demo: Demo
    browser: Browser
    operator: Operator
    opened: str
    steps: list[list[tuple[str, float]]] = field(default_factory=list)

    @property
    def page(self) -> Page:
        """The operator's."""
        return self.operator.page

    def colleague(self) -> Operator:
        """A supervisor before the same incident, with an empty wall of their own."""
        second = Operator(self.demo, eye(self.browser))
        sign_in_agency(self.demo, second.page, "supervisor")
        second.page.goto(self.opened)
        second.close_pictures()
        return second

    def first_frame_ms(self, who: Operator, camera: str) -> float:
        """Press Watch, wait for the picture, close it: from pointerdown to the first presented frame."""
        before = len(videos(who.page))
        pressed_ms = who.watch(camera)
        (shown_ms,) = first_frames_ms(who.page, before=before, count=1, most_ms=STEP_MS)
        marked: list[tuple[str, float]] = who.page.evaluate("() => window.__steps")
        self.steps.append([*((name, at - pressed_ms) for name, at in marked), ("frame", shown_ms - pressed_ms)])
        who.close_pictures()
        who.page.wait_for_timeout(GONE_MS)
        return shown_ms - pressed_ms

    def timeline(self) -> str:
        """The median moment of each step of the starts so far, which are forgotten with that."""
        moments: dict[str, list[float]] = {}
        for steps in self.steps:
            for name, at in steps:
                moments.setdefault(name, []).append(at)
        self.steps.clear()
        often = {name: values for name, values in moments.items() if name != "press"}
        return ", ".join(f"{name} {statistics.median(values):.0f}" for name, values in often.items())

    def sent(self) -> list[tuple[float, int]]:
        """When each picture left the first camera, and its number in the loop."""
        rows = (line.split() for line in (self.demo.folder / SENT).read_text().splitlines())
        return [(float(row[0]), int(row[1])) for row in rows if len(row) == 2]


@contextmanager
def screen(*options: str) -> Iterator[Screen]:
    """A screen while inside the block; `options` are the town's."""
    with (
        tempfile.TemporaryDirectory(prefix="lenspact-bench-") as folder,
        chromium() as browser,
        running_demo(Path(folder) / "demo", ("tests.bench.live.town",), options) as demo,
    ):
        operator = Operator(demo, eye(browser))
        operator.sign_in()
        operator.open_incident(number="26-300", at=MARKET)
        operator.pictures(STARTS)
        operator.close_pictures()
        operator.page.wait_for_timeout(GONE_MS)
        yield Screen(demo, browser, operator, operator.page.url)


def eye(browser: Browser) -> Page:
    """A window that notes the steps of a start."""
    page = window(browser)
    page.add_init_script(_STEPS)
    return page
