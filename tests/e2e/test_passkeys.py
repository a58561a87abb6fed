"""Approval passkeys as owners use them: Chromium's own authenticator, the real gateway, its real headers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from anyio.from_thread import BlockingPortal
from playwright.sync_api import Browser

from gateway.identity import newest_link
from gateway.kernel.database import Database
from tests.support.authenticators import authenticator
from tests.support.browser import AXE_TAGS, Watched, watched
from tests.support.site_server import SiteServer, site_server

AXE = (Path(__file__).parents[1] / "vendor" / "axe.min.js").read_text()
pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def server(portal: BlockingPortal, served_database: Database, tmp_path: Path) -> Iterator[SiteServer]:
    """A gateway on localhost, for that is where a browser without TLS has passkeys."""
    with portal.wrap_async_context_manager(site_server(served_database, tmp_path, host="localhost")) as server:
        yield server


def sign_in(server: SiteServer, seen: Watched, portal: BlockingPortal, folder: Path) -> None:
    """Open the mailed link and press its button."""

    async def mailed() -> str:
        await server.until(lambda: bool(newest_link(folder, "pat@example.org")))  # of the registration
        former = newest_link(folder, "pat@example.org")
        await server.services.identity.send_link("pat@example.org", next_path="/portal/passkeys")
        await server.until(lambda: newest_link(folder, "pat@example.org") != former)
        return newest_link(folder, "pat@example.org")

    seen.page.goto(portal.call(mailed))
    seen.page.click("main button")
    seen.page.wait_for_url("**/portal/passkeys")


def clean(seen: Watched) -> None:
    """Nothing for the policy, the console or axe to say."""
    assert seen.violations() == []
    seen.page.evaluate(AXE)  # by the debugger's door, so that the page's own policy stays as it is
    found = seen.page.evaluate("tags => axe.run(document, {runOnly: tags}).then(r => r.violations)", AXE_TAGS)
    assert [each["id"] for each in found] == []
    assert seen.errors == []


def add(seen: Watched, name: str) -> None:
    """Name a passkey and touch it."""
    seen.page.fill("#name", name)
    seen.page.click("text=Add this passkey")


def test_an_owner_adds_suspends_and_removes_a_passkey(
    chromium: Browser, server: SiteServer, portal: BlockingPortal, tmp_path: Path
):
    """Added by one touch of a verified person, once per device; the page advises a second, and lets go of the first."""
    with watched(chromium) as seen, authenticator(seen.page) as device:
        sign_in(server, seen, portal, tmp_path / "state" / "spool")
        assert "You have none yet" in seen.page.inner_text("main")
        add(seen, "My <b>phone</b>")
        seen.page.wait_for_url("**/portal/passkeys?done=passkey-added")
        assert seen.page.inner_text("article h2") == "My <b>phone</b>"
        assert "Add a second one, on another device." in seen.page.inner_text("main")
        assert [each["rpId"] for each in device.credentials] == ["localhost"]

        add(seen, "The same again")
        seen.page.wait_for_selector("[data-touch-problem]:not([hidden])")
        assert "on your list already" in seen.page.inner_text("[data-touch-problem]")
        clean(seen)

        seen.page.click("article button:has-text('Suspend')")
        seen.page.wait_for_url("**?done=passkey-suspended")
        assert "Suspended" in seen.page.inner_text("article")
        seen.page.click("article button:has-text('Remove')")
        seen.page.wait_for_url("**?done=passkey-removed")
        assert "You have none yet" in seen.page.inner_text("main")
        clean(seen)


def test_a_device_that_verifies_nobody_adds_nothing(
    chromium: Browser, server: SiteServer, portal: BlockingPortal, tmp_path: Path
):
    """The page says so in a sentence, keeps the name that was typed, and the list stays empty."""
    with watched(chromium) as seen, authenticator(seen.page) as device:
        sign_in(server, seen, portal, tmp_path / "state" / "spool")
        device.verify_nobody()
        add(seen, "My phone")
        seen.page.wait_for_selector("[data-touch-problem]:not([hidden])")

        assert "Nothing has changed" in seen.page.inner_text("[data-touch-problem]")
        assert seen.page.input_value("#name") == "My phone"
        seen.page.reload()
        assert "You have none yet" in seen.page.inner_text("main")
        clean(seen)
