"""What each person does, through the pages they have: the newcomer, the site, the operator, the compliance officer."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, expect

from tests.smoke.frames import Video, last_pointerdown_ms, videos
from tests.smoke.measure import Report
from tests.smoke.stage import Demo, newest_mail_link

STEP_MS = 20_000
COMMAND_S = 60.0
HOLD_S = 10  # of the site, set there for this run: a widening by passkey waits this long


@dataclass
class Newcomer:
    """A shop owner who was never here before."""

    demo: Demo
    page: Page
    mail: str = "ana@flower-shop.example"
    cameras: tuple[str, ...] = ("Loading dock", "Till")
    site: str = field(default="", init=False)

    def register(self) -> None:
        """Fill the form, open the mailed link, press its button."""
        page = self.page
        page.goto(self.demo.origin + "/register")
        page.check("input[value=business]")
        page.fill("#name", "Lake Street Flowers")
        page.fill("#address", "77 W Lake St, Chicago")
        page.fill("#contact_name", "Ana Ruiz")
        page.fill("#email", self.mail)
        page.click("text=Send me the link")
        page.wait_for_url("**/register/sent")
        link = newest_mail_link(self.demo, self.mail)
        page.request.get(link)  # a mail scanner fetches it first, which must change nothing
        page.goto(link)
        page.click("main button:has-text('Sign in')")
        page.wait_for_url("**/portal/**")

    def place_cameras(self) -> None:
        """Say where the shop and its cameras are: the place by pressing on the map, the cameras by their fields."""
        page = self.page
        page.goto(self.demo.origin + "/portal/sites/new")
        page.wait_for_selector("lens-map[data-ready]", timeout=40_000)
        page.fill("#lat", "41.88565")
        page.fill("#lon", "-87.63060")
        page.click("text=Save the place")
        page.wait_for_url("**/cameras/new?done=site-saved")
        self.site = re.search(r"/sites/([^/]+)/", page.url)[1]  # type: ignore[index]
        for number, name in enumerate(self.cameras):
            page.goto(f"{self.demo.origin}/portal/sites/{self.site}/cameras/new")
            page.fill("#name", name)
            page.fill("#lat", f"{41.88565 + number * 0.0001:.5f}")
            page.fill("#lon", "-87.63060")
            page.fill("#heading", "90")
            page.click("button:has-text('Save the camera')")
            page.wait_for_url("**done=camera-saved")

    def accept_agreement(self) -> None:
        """Read and accept the agreement."""
        page = self.page
        page.goto(self.demo.origin + "/portal/agreement")
        page.check("#accepts")
        page.click("button:has-text('Accept')")
        page.wait_for_url("**done=agreement-accepted")

    def pair(self, code: str) -> list[str]:
        """Type the agent's code and accept it; returns the twelve words the portal shows."""
        page = self.page
        page.goto(f"{self.demo.origin}/portal/sites/{self.site}/pair")
        page.fill("#code", code)
        page.click("button:has-text('Look for the agent')")
        words = page.locator("section p.words").inner_text().split()
        page.click("button:has-text('This is my agent')")
        page.wait_for_url("**/agent**")
        return words

    def tick_cameras(self) -> None:
        """Say which of the agent's cameras is which, once they have appeared."""
        page = self.page
        page.goto(f"{self.demo.origin}/portal/sites/{self.site}/agent")
        for name in self.cameras:
            choice = page.get_by_label(f"{name} is on the list as")
            choice.wait_for(timeout=STEP_MS)
            choice.select_option(label=name)
        page.click("button:has-text('Save which camera is which')")
        page.wait_for_url("**done=cameras-ticked")

    def share(self) -> str:
        """Share for emergencies only, also for incidents an operator opened; returns what the page said beforehand."""
        page = self.page
        page.goto(f"{self.demo.origin}/portal/sites/{self.site}/sharing/all?preset=emergencies")
        page.evaluate("() => document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        page.check("#origin_hand")
        page.click("button[value=look]")
        page.locator("button[value=save]").wait_for()
        said = page.locator("main").inner_text()
        page.click("button[value=save]")
        page.wait_for_url("**done=sharing-saved")
        return said

    def add_passkey(self) -> None:
        """A passkey of this device, wanted to approve at the shop."""
        page = self.page
        page.goto(self.demo.origin + "/portal/passkeys")
        page.fill("#name", "The till's phone")
        page.click("button:has-text('Add this passkey')")
        page.wait_for_url("**done=passkey-added")
        page.locator("button", has_text="Let it approve at").click()
        page.wait_for_url("**done=passkey-asked")

    def may_approve(self) -> None:
        """Wait until the site names it."""
        for _ in range(40):
            self.page.goto(self.demo.origin + "/portal/passkeys")
            if self.page.get_by_text("It approves at").count():
                return
            self.page.wait_for_timeout(500)
        raise AssertionError("the passkey does not approve: " + self.page.locator("main").inner_text())

    def ask_me(self, name: str) -> None:
        """Want to be asked each time for a camera, and approve that with one touch; the site holds it."""
        page = self.page
        page.goto(f"{self.demo.origin}/portal/sites/{self.site}/sharing")
        page.locator("article.card", has_text=name).get_by_role("link", name="Answers").click()
        page.check("input[name=live][value=ask]")
        page.click("button[value=look]")
        page.locator("button[value=save]").click()
        page.wait_for_url("**done=sharing-saved")
        for _ in range(40):
            page.goto(f"{self.demo.origin}/portal/sites/{self.site}/sharing")
            if page.get_by_text("Approve with my passkey").count():
                break
            page.wait_for_timeout(500)
        page.get_by_text("Approve with my passkey").click()
        page.wait_for_url("**done=touch-held")

    def in_force(self) -> None:
        """Wait out the hold."""
        for _ in range(3 * HOLD_S):
            self.page.goto(f"{self.demo.origin}/portal/sites/{self.site}/sharing")
            if self.page.get_by_text("Your site has confirmed this.").count():
                return
            self.page.wait_for_timeout(1000)
        raise AssertionError("it never came into force: " + self.page.locator("main").inner_text())

    def let_watch(self, name: str) -> float:
        """Answer the request for a camera by one touch; when the button was about to be pressed, wall clock in ms."""
        page = self.page
        page.goto(self.demo.origin + "/portal")
        page.get_by_text(f"Somebody asks to watch {name} live").click()
        button = page.get_by_role("button", name="Let them watch")
        button.wait_for()
        pressed_ms = float(page.evaluate("() => performance.timeOrigin + performance.now()"))
        button.click()
        page.wait_for_url("**done=view-sent")
        return pressed_ms

    def stop_watching(self, name: str) -> None:
        """Take the yes back while somebody watches."""
        page = self.page
        page.goto(self.demo.origin + "/portal/requests")
        page.locator("article", has_text=name).get_by_role("button", name="Stop it").click()
        page.wait_for_url("**done=view-declined")

    def switch_off(self, name: str) -> float:
        """Stop sharing a camera; when the pointer went down, wall clock in ms."""
        page = self.page
        page.goto(self.demo.origin + "/portal")
        card = page.locator("article.card", has_text=name)
        presses: list[float] = []
        page.expose_function("lensPressed", lambda at: presses.append(at))  # noqa: PLW0108  a builtin cannot be bound
        page.evaluate(
            "() => addEventListener('pointerdown', () => lensPressed(performance.timeOrigin + performance.now()), true)"
        )
        card.locator("button[role=switch]").click()
        page.wait_for_load_state()
        return presses[-1]


@dataclass
class SiteAgent:
    """The shop's own machine: the agent's commands and its loopback page."""

    settings: Path
    pin: str
    log: Path

    def told(self, sentence: str) -> bool:
        """Whether the agent itself said this in its terminal."""
        return bool(_wait_for(self.log, re.escape(sentence)))

    def hold(self) -> None:
        """Set on site how long a widening by passkey waits."""
        lines = [line for line in self.settings.read_text().splitlines() if not line.startswith("hold_s")]
        self.settings.write_text("\n".join([f"hold_s = {HOLD_S}", *lines]) + "\n")

    @contextmanager
    def enrolling(self) -> Iterator[str]:
        """`lenspact-agent enrol`, waiting for its code to be typed; gives the code."""
        command = [sys.executable, "-m", "partner_agent.cli", "--config", str(self.settings), "enrol", "--yes"]
        log = self.log.with_suffix(".enrol")
        with log.open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        try:
            yield _wait_for(log, r"Code: ([A-Z]{4}-[A-Z]{4})")
            assert process.wait(COMMAND_S) == 0, log.read_text()
        finally:
            process.poll() is None and process.kill()

    def root_words(self) -> list[str]:
        """The twelve words the agent showed."""
        return _wait_for(self.log.with_suffix(".enrol"), r"Compare them:\s+((?:\w+ ?){12})").split()

    @contextmanager
    def running(self) -> Iterator[int]:
        """`lenspact-agent run`; gives its process id."""
        command = [sys.executable, "-m", "partner_agent.cli", "--config", str(self.settings), "run"]
        with self.log.open("wb") as output:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        try:
            yield process.pid
        finally:
            process.terminate()
            process.wait(COMMAND_S)

    @contextmanager
    def running_paired(self, owner: Newcomer, report: Report, desk: Page) -> Iterator[int]:
        """Paired with the owner's site, cameras ticked and shared, approved on its own page; gives its process id."""
        report.step("the owner pairs the site's agent by its code and compares the twelve words")
        self.hold()
        with self.enrolling() as code:
            words = owner.pair(code)
        assert words == self.root_words(), f"the screens show different words: {words}"
        with self.running() as pid:
            owner.tick_cameras()
            report.step("the owner shares for emergencies only and reads what changes before saving")
            said = owner.share()
            assert "nearby" in said, said
            report.step("document 1 is read and approved on the site's own page, with its PIN and the terminal's code")
            self.approve(desk, "Approve")
            owner.page.goto(f"{owner.demo.origin}/portal/sites/{owner.site}/agent")
            owner.page.get_by_text("version 1").wait_for()
            yield pid

    def page_url(self) -> str:
        """Where its loopback page is."""
        return _wait_for(self.log, r"(http://127\.0\.0\.1:\d+/?)")

    def approve(self, page: Page, button: str) -> str:
        """Approve what waits on the agent's own page, with the terminal's code and the site PIN; what it said."""
        page.goto(self.page_url())
        waiting = page.locator(f"button:has-text('{button}')").first
        for _ in range(40):
            if waiting.count():
                break
            page.wait_for_timeout(500)
            page.reload()
        waiting.click()
        said = page.locator("main").inner_text()
        page.fill("#code", _wait_for(self.log, r"local page: (\d+)", newest=True))
        page.fill("#pin", self.pin)
        page.click("button.main")
        page.wait_for_load_state()
        return said


_DEMAND: Final = """async (camera) => {
  const { incident, purpose, csrf } = document.getElementById("console").dataset;
  const body = { camera_id: camera, purpose, incident_id: incident, opened_by: "person" };
  body.dtls_fingerprint = Array(32).fill("AB").join(":");
  const headers = { "content-type": "application/json", accept: "application/json", "x-csrf-token": csrf };
  const answer = await fetch("/api/v1/live-sessions", { method: "POST", headers, body: JSON.stringify(body) });
  if (!answer.ok) return `${answer.status} ${await answer.text()}`;
  const { session_id } = await answer.json();
  for (;;) {
    const view = await (await fetch(`/api/v1/live-sessions/${session_id}`, { headers })).json();
    if (view.ended_at) return view.words;
    if (view.state !== "requested") return view.state;
    await new Promise((done) => setTimeout(done, 100));
  }
}"""
SHOP = ("Lake & Clark", "41.88570", "-87.63050")
MARKET = ("State & Lake", "41.88585", "-87.62780")


@dataclass
class Operator:
    """Somebody at the centre with an incident on their hands."""

    demo: Demo
    page: Page

    def sign_in(self, role: str = "operator") -> None:
        """Password, then one-time code."""
        sign_in_agency(self.demo, self.page, role)

    def open_incident(self, *, number: str, at: tuple[str, str, str] = SHOP) -> None:
        """Open an incident by hand, where the shop is or elsewhere."""
        address, lat, lon = at
        page = self.page
        page.goto(self.demo.origin + "/console/incidents/new")
        page.select_option("#kind", "robbery")
        page.fill("#address", address)
        page.fill("#lat", lat)
        page.fill("#lon", lon)
        page.fill("#number", number)
        page.click("button:has-text('Open the incident')")
        page.wait_for_url("**/console/incidents/inc_*")

    def close_incident(self) -> float:
        """Close the incident on the screen, which leaves it; when, wall clock in ms."""
        page = self.page
        page.click("button:has-text('Close the incident')")
        page.wait_for_url("**done=incident-closed")
        return float(page.evaluate("() => performance.timeOrigin + performance.now()"))

    def opens_from_rail(self) -> float:
        """Leave and come back by clicking the incident; when the pointer went down."""
        page = self.page
        page.goto(self.demo.origin + "/console")
        page.evaluate(
            "() => addEventListener('pointerdown', () => "
            "sessionStorage.setItem('pressed', performance.timeOrigin + performance.now()), true)"
        )
        page.locator("a.incident").first.click()
        page.wait_for_url("**/console/incidents/inc_*")
        return float(page.evaluate("() => sessionStorage.getItem('pressed')"))

    def pictures(self, count: int, *, timeout_s: float = 30) -> list[Video]:
        """Wait until `count` videos have shown a frame."""
        ends = time.perf_counter() + timeout_s
        while True:
            shown = [video for video in videos(self.page) if video.first_ms]
            if len(shown) >= count:
                return shown
            if time.perf_counter() > ends:
                raise AssertionError(f"{len(shown)} of {count} pictures in {timeout_s:.0f} s: {self.words()}")
            self.page.wait_for_timeout(50)

    def close_pictures(self, *, but: str = "") -> None:
        """Close every tile, or every one but a camera's."""
        for tile in reversed(self.page.locator("article.tile").all()):
            if not but or but not in tile.inner_text():
                tile.locator("button.close").click()

    def words(self) -> str:
        """What the wall and the list say."""
        return " | ".join(self.page.locator("#console").inner_text().split("\n"))[:1500]

    def watch(self, name: str) -> float:
        """Press Watch beside a camera; when the pointer went down."""
        self.page.locator(f"li.camera[data-name='{name}'] button.watch").click()
        return last_pointerdown_ms(self.page)

    def ask_owner(self, name: str) -> None:
        """Press the one button beside a camera whose owner wants to be asked."""
        line = self.page.locator(f"li.camera[data-name='{name}']")
        line.get_by_text("Available if the owner says yes").wait_for()
        line.get_by_role("button", name="Ask the owner").click()
        line.get_by_text("Asked. The owner may answer until").wait_for()

    def demand(self, name: str) -> str:
        """Ask for a live picture that the page does not offer, until the site has answered; the words of its end."""
        page = self.page
        camera = page.locator(f"li.camera[data-name='{name}']").get_attribute("data-camera")
        for _ in range(60):
            words = page.evaluate(_DEMAND, camera)
            if "The camera is offline" not in words:  # the site has found its way back
                return str(words)
            page.wait_for_timeout(500)
        raise AssertionError(f"the site never came back: {self.words()}")

    def request_clip(self, name: str) -> None:
        """Ask for the range the form proposes, from a camera's tile."""
        page = self.page
        page.locator(tile(name)).locator("button.clip").click()
        page.wait_for_selector("#clip-form")
        page.locator("#clip-form button.main").click()
        expect(page.locator("#clip-form")).to_be_hidden(timeout=STEP_MS)


def tile(camera: str) -> str:
    """The selector of a camera's tile on the wall, whatever its buttons say."""
    return f"article.tile[aria-label^='{camera},']"


def sign_in_agency(demo: Demo, page: Page, role: str) -> None:
    """Password, then one-time code."""
    person = demo.people[role]
    page.goto(demo.origin + "/sign-in/agency")
    page.fill("#email", person["mail"])
    page.fill("#password", person["password"])
    page.click("main button.main")
    page.wait_for_selector("#code")
    page.fill("#code", demo.apps[role].code())
    page.click("main button.main")
    page.wait_for_function("() => !location.pathname.startsWith('/sign-in')")


def _wait_for(log: Path, pattern: str, *, newest: bool = False, timeout_s: float = 40) -> str:
    ends = time.perf_counter() + timeout_s
    while time.perf_counter() < ends:
        found = re.findall(pattern, log.read_text(errors="replace"))
        if found:
            return str(found[-1 if newest else 0])
        time.sleep(0.1)
    raise AssertionError(f"never said {pattern!r}: {log.read_text(errors='replace')[-1500:]}")
