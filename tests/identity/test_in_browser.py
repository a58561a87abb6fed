"""Signing in as people do it: in Chromium, with the real headers, by keyboard, in both themes and on a phone."""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from gateway.identity import totp
from partner_agent.wire.clock import SystemClock
from tests.support import processes
from tests.support.browser import AXE_TAGS, Watched, watched

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AXE = (Path(__file__).parents[1] / "vendor" / "axe.min.js").read_text()
PASSWORD = "seven quiet lanterns"


@dataclass
class Running:
    """A gateway of its own process, and the first administrator's link."""

    url: str
    link: str
    state: Path


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Set up and serving."""
    folder = tmp_path_factory.mktemp("gateway")
    port = processes.free_port()
    url = f"http://localhost:{port}"
    state = folder / "state"
    variables = {"LENSPACT_STATE_DIR": str(state), "LENSPACT_PORT": str(port), "LENSPACT_PUBLIC_URL": url}
    done = processes.run_lenspact("setup", "--admin", "chief@city.example", "--name", "Pat Chief", variables=variables)
    link = re.search(r"http://\S+", done.stdout)
    assert link, done.stderr
    with processes.serving(log=folder / "log", variables=variables, ready=url + "/readyz"):
        yield Running(url, link.group(0), state)


def _findings(page: Page) -> list[str]:
    page.evaluate(AXE)  # by the debugger's door, so that the page's own policy stays as it is
    found: list[str] = page.evaluate(
        "tags => axe.run(document, {runOnly: tags}).then(r => r.violations.map(v => v.id + ' at '"
        " + v.nodes.map(n => n.target.join(' ')).join(' | ')))",
        AXE_TAGS,
    )
    return found


def _sound(seen: Watched) -> None:
    assert seen.errors == []
    assert [line for line in seen.violations() if "axe" not in line] == []
    assert _findings(seen.page) == [], seen.page.url


def _code(page: Page) -> str:
    seed = base64.b32decode(page.inner_text("#seed").replace(" ", ""))
    return totp.code_at(seed, totp.step_at(SystemClock().now().astimezone(UTC)))


def test_first_administrator_by_keyboard(gateway: Running, chromium: Browser):
    """The printed link leads, with the keyboard alone, to the administrators' pages; each page on the way is sound."""
    with watched(chromium) as seen:
        page = seen.page
        page.goto(gateway.link)
        _sound(seen)
        page.focus("main button")
        page.keyboard.press("Enter")
        page.wait_for_url("**/sign-in/enrol")
        _sound(seen)
        page.focus("#password")
        page.keyboard.type(PASSWORD)
        page.focus("#code")
        page.keyboard.type(_code(page))
        page.keyboard.press("Enter")
        page.wait_for_url("**/admin")
        _sound(seen)
        page.goto(gateway.url + "/admin/people")
        _sound(seen)
        page.fill("#name", "<script>alert(1)</script>")
        page.fill("#email", "dana@city.example")
        page.check("section[aria-labelledby=invite] input[value=operator]")
        page.click("text=Send the invitation")
        page.wait_for_url("**/admin/people?done=user-invited")
        assert page.inner_text("article:has-text('dana@city.example') h2") == "<script>alert(1)</script>"
        _sound(seen)
        page.goto(gateway.url + "/account")
        _sound(seen)
        page.click("header button:has-text('Sign out')")
        page.wait_for_url("**/sign-in?done=signed-out")
        _sound(seen)


@pytest.mark.parametrize(
    ("width", "dark"), [(1280, False), (1280, True), (360, False)], ids=["desktop", "dark", "phone"]
)
@pytest.mark.parametrize("path", ["/", "/sign-in", "/sign-in/owner", "/sign-in/agency", "/sign-in/link/x", "/nowhere"])
def test_pages_of_strangers_are_sound(gateway: Running, chromium: Browser, path: str, width: int, dark: bool):
    """No finding, no violation, nothing wider than the screen."""
    with watched(chromium, width=width, dark=dark) as seen:
        seen.page.goto(gateway.url + path)
        seen.errors[:] = [line for line in seen.errors if "404" not in line]
        _sound(seen)
        assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_wrong_password_keeps_what_was_typed(gateway: Running, chromium: Browser):
    """The sentence is there and focused, the address is kept, the password is not."""
    with watched(chromium) as seen:
        page = seen.page
        page.goto(gateway.url + "/sign-in/agency")
        page.fill("#email", "chief@city.example")
        page.fill("#password", "wrong wrong")
        page.keyboard.press("Enter")
        page.wait_for_selector("[role=alert]")
        assert "do not match" in page.inner_text("[role=alert]")
        assert page.input_value("#email") == "chief@city.example"
        assert page.input_value("#password") == ""
        seen.errors[:] = [line for line in seen.errors if "401" not in line]
        _sound(seen)
