"""The sharing pages in a real browser: no finding of axe or of the content policy, in both themes and on a phone."""

import pytest
from anyio.from_thread import BlockingPortal

from gateway.kernel.database import Database
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from tests.sharing.test_labels import label
from tests.sharing.test_pages import app_of
from tests.support.browser import served, watched
from tests.support.pages import Caller
from tests.support.sharing import sharing_world

pytestmark = pytest.mark.browser


@pytest.fixture
def shop(portal: BlockingPortal, served_database: Database):
    """A shop with two cameras behind a port; its owner looks."""
    w = sharing_world(served_database, clock=SystemClock(), ids=SystemIds())
    owner, site, cameras = portal.call(w.shop)
    portal.call(label, w, owner, cameras[0], "car park", "entrance")
    with served(app_of(w, Caller(owner)), portal) as origin:
        yield w, origin, site, cameras


def clean(seen) -> None:
    """Nothing for axe, the policy or the console to say."""
    assert seen.axe() == []
    assert seen.violations() == []
    assert seen.errors == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_owner_answers_and_reads_it_back(chromium, shop, theme):
    """From nothing said to the rules in words, with each page clean on the way."""
    _, origin, site, cameras = shop
    with watched(chromium, dark=theme == "dark") as seen:
        page = seen.page
        page.goto(f"{origin}/portal/sites/{site.id}/sharing")
        clean(seen)
        page.click("text=Choose what is shared")
        clean(seen)
        page.click("text=See what changes")
        page.wait_for_selector("#changes")
        clean(seen)
        page.click("text=Save for when my site is connected")
        page.wait_for_url("**/sharing?done=sharing-saved")
        clean(seen)
        assert "City Police can watch Front door and Yard live" in page.inner_text("main")
        for path in ("answers/1", "answers/1/remove", "answers/new", "history", "history/1/restore"):
            page.goto(f"{origin}/portal/sites/{site.id}/sharing/{path}")
            page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
            clean(seen)
        page.goto(f"{origin}/portal/sites/{site.id}/sign")
        clean(seen)
        page.click("text=Switch the public page on")
        page.wait_for_url("**/sign?done=sign-on")
        clean(seen)
        assert page.locator(".sign img").evaluate("(code) => code.naturalWidth > 0")
        page.goto(origin + page.locator(".sign .code").inner_text().removeprefix("http://localhost:8080"))
        clean(seen)
        page.goto(f"{origin}/portal/cameras/{cameras[0].id}/sharing")
        page.set_viewport_size({"width": 360, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        clean(seen)


@pytest.mark.parametrize("width", [1280, 360])
def test_an_answer_is_said_for_a_label(chromium, shop, width):
    """On a desktop and on a phone: chosen, shown, saved and read back, clean and without sideways scroll."""
    _, origin, site, cameras = shop
    with watched(chromium, width=width) as seen:
        page = seen.page
        page.goto(f"{origin}/portal/sites/{site.id}/sharing/answers/new")
        for camera in cameras:
            page.uncheck(f"#camera_{camera.id}")
        page.check("#label_car_park")
        clean(seen)
        page.click("text=See what changes")
        page.wait_for_selector("#changes")
        clean(seen)
        assert "Said for the label “car park”" in page.inner_text("section.card")
        page.click("text=Save for when my site is connected")
        page.wait_for_url("**/sharing?done=sharing-saved")
        clean(seen)
        assert "Said for the label “car park”" in page.inner_text("main")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("width", [1280, 360])
def test_an_answer_is_said_for_all_places(chromium, portal, shop, width):
    """On a desktop and on a phone: what changes at each of two places, one Save, and its end."""
    w, origin, site, _ = shop
    owner = portal.call(w.base.principal, w.base.people.by_email["ana@example.org"])
    portal.call(w.base.site, owner)
    with watched(chromium, width=width) as seen:
        page = seen.page
        page.goto(f"{origin}/portal/sharing")
        clean(seen)
        page.click("text=One answer for all your places")
        clean(seen)
        page.click("text=See what changes at each place")
        page.wait_for_selector("#changes")
        clean(seen)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.click("text=Save at 2 places")
        page.wait_for_url("**/sharing?done=sharing-saved")
        page.goto(f"{origin}/portal/sharing/all-places/remove")
        clean(seen)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert site.name in page.inner_text("main")
