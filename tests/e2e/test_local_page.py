"""The page on site in a real browser: it can be read by everybody, and a person approves on it with code and PIN."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest
from anyio.abc import SocketAttribute
from anyio.from_thread import BlockingPortal
from playwright.sync_api import Browser, BrowserContext, Page

from partner_agent import local_http
from partner_agent.local_page import ALWAYS, LocalPage
from partner_agent.settings import Secret
from tests.fakes.clock import FakeClock
from tests.policies import build
from tests.support.agents import PIN, Bench
from tests.support.browser import AXE_TAGS
from tests.support.documents import clip_request
from tests.support.pages import AXE

pytestmark = pytest.mark.browser
FINDINGS = """tags => axe.run(document, {runOnly: tags}).then(r => r.violations.map(v => v.id + ': '
    + v.nodes.map(n => n.target.join(' ') + ' ' + n.failureSummary).join(' | ')))"""


@dataclass
class OnSite:
    """A site whose owner has something to decide, and its page behind a port."""

    portal: BlockingPortal
    folder: Path
    shown: list[str] = field(default_factory=list)
    url: str = ""

    async def open(self) -> None:
        """A document in force, a wider one that waits, and a recording that is asked for."""
        self.bench = Bench(self.folder, FakeClock())
        self.bench.share()
        request = clip_request(lineage=self.bench.agent.policy.position.lineage)
        self.bench.agent.clip_desk.preserve(request, is_asked=True)
        self.listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        port = int(self.listener.extra(SocketAttribute.local_port))
        self.page = LocalPage(
            site=self.bench.agent.site,
            clock=self.bench.clock,
            ids=self.bench.ids,
            input_secret=Secret("s3cret"),
            show=self.shown.append,
        )
        self.page.bind(port)
        self.url = f"http://127.0.0.1:{port}/"

    async def serve(self) -> None:
        """Answer until the listener is closed."""
        async with self.listener:
            await local_http.serve(self.listener, self.page.handle, ALWAYS)

    def code(self) -> str:
        """What the terminal showed last."""
        return self.shown[-1].split(": ")[1][:6]


@pytest.fixture
def site(portal: BlockingPortal, tmp_path: Path) -> Iterator[OnSite]:
    """The agent's own server, in a loop of its own."""
    on_site = OnSite(portal, tmp_path)
    portal.call(on_site.open)
    serving = portal.start_task_soon(on_site.serve)
    yield on_site
    serving.cancel()
    portal.call(on_site.bench.store.close)


def _findings(page: Page) -> list[str]:
    page.add_script_tag(content=AXE.read_text())
    found: list[str] = page.evaluate(FINDINGS, AXE_TAGS)
    return found


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_the_page_can_be_read_by_everybody(chromium: Browser, site: OnSite, look: str):
    """No axe finding on the page and on an act to confirm, in both themes; on a phone nothing scrolls sideways."""
    context: BrowserContext = chromium.new_context(
        bypass_csp=True,  # for axe alone, which is not ours
        viewport={"width": 320 if look == "phone" else 1280, "height": 800},
        color_scheme="dark" if look == "dark" else "light",
    )
    page = context.new_page()
    page.goto(site.url)
    assert _findings(page) == []
    page.get_by_role("button", name="Send…").click()
    page.get_by_label("Site PIN").wait_for()
    assert _findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()


def test_a_person_answers_with_code_and_pin(chromium: Browser, site: OnSite):
    """A browser may post to it: what is asked is sent after the terminal's code and the PIN, by keyboard alone."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(site.url)
    page.get_by_role("button", name="Send…").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Code from this agent's terminal").wait_for()
    page.get_by_label("Code from this agent's terminal").focus()
    page.keyboard.type(site.code())
    page.keyboard.press("Tab")
    page.keyboard.type(PIN)
    page.keyboard.press("Enter")
    page.get_by_text("Nothing needs you").wait_for()

    (asked,) = site.bench.agent.clip_desk.asked()
    assert asked.answer == "yes"
    assert build.AGENCY not in page.inner_text("main")
    context.close()
