"""The dialog that sends a live picture to a phone, in a real browser: named, told once, listed, stopped."""

from dataclasses import replace

import pytest
from playwright.sync_api import Route

from gateway.kernel.principal import Role
from gateway.live.phones.qr import svg_data_of
from tests.desks.test_still_in_chromium import LIVE
from tests.support.browser import Watched, watched
from tests.support.console_room import OPERATOR, room, two_pictures

__all__ = ["room"]
pytestmark = pytest.mark.slow
URL = "http://localhost:1/phone#0.secret"
QR = svg_data_of(URL)
MADE = {
    "id": "phl_1",
    "url": URL,
    "qr": QR,
    "recipient": "Unit 12",
    "open_until": "2026-12-01T18:02:00Z",
    "lasts_s": 900,
}


class Links:
    """The gateway's answers about links."""

    def __init__(self, seen: Watched) -> None:
        self.asked: list[dict[str, str]] = []
        self.stopped: list[str] = []
        self.listed: list[dict[str, object]] = []
        self.refusal = ""
        seen.page.route("**/api/v1/phone-links", self.answer)
        seen.page.route("**/api/v1/phone-links/*/stop", self.stop)

    def answer(self, route: Route) -> None:
        if route.request.method == "GET":
            return route.fulfill(json=self.listed)
        if self.refusal:
            return route.fulfill(status=403, json={"detail": self.refusal})
        self.asked.append(route.request.post_data_json)
        return route.fulfill(status=201, json=MADE)

    def stop(self, route: Route) -> None:
        self.stopped.append(route.request.url.rsplit("/", 2)[1])
        self.listed[0] |= {"standing": "over", "words": "Whoever sent this has ended it."}
        route.fulfill(status=204)

    def list_one(self, incident: str) -> None:
        """One link that is watched now, and one of another incident."""
        one = {"id": "phl_1", "recipient": "Unit 12", "standing": "opened", "words": "", "is_shown": True}
        self.listed = [{**one, "incident_id": incident}, {**one, "id": "phl_2", "incident_id": "inc_0"}]


def _start(seen: Watched, url: str) -> Links:
    links = Links(seen)
    two_pictures(seen, url)
    return links


@pytest.mark.parametrize(("width", "dark"), [(1600, True), (390, False)])
def test_a_picture_is_sent_by_key_and_stopped(chromium, room, width, dark, tmp_path):
    """Nothing without a picture; a refusal where it was typed; then link and code, the list, its stop, and all gone."""
    url = room.open()
    with watched(chromium, width=width, height=900, dark=dark) as seen:
        links, page = _start(seen, url), seen.page
        page.keyboard.press("n")
        page.keyboard.press("m")
        assert not page.evaluate("document.getElementById('phone-dialog').open")

        page.evaluate(LIVE)
        page.keyboard.press("m")
        seen.until("document.getElementById('phone-dialog').open")
        assert page.evaluate("document.activeElement.id") == "phone-recipient"
        links.refusal = "A picture is sent to a phone for an incident only. Open one first."
        page.keyboard.type("Unit 12")
        page.keyboard.press("Enter")
        seen.until("!document.getElementById('phone-refused').hidden")
        assert page.inner_text("#phone-refused") == links.refusal
        assert seen.axe() == []

        links.refusal = ""
        links.list_one(url.rpartition("/")[2])
        page.keyboard.press("Enter")
        seen.until("document.querySelector('[data-part=url]').value")
        assert links.asked == [{"session_id": "ses_0", "recipient": "Unit 12"}]
        assert page.input_value("#phone-url") == URL
        assert seen.until("document.querySelector('.phone-code').naturalWidth") > 0
        assert page.evaluate("document.activeElement.id") == "phone-url"
        seen.until("document.querySelectorAll('#phone-dialog [data-link]').length === 1")
        assert "watching now" in page.inner_text("#phone-dialog [data-link]")
        page.screenshot(path=str(tmp_path / "dialog.png"))
        assert seen.violations() == []
        assert seen.axe() == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

        page.get_by_role("button", name="Stop Unit 12").press("Enter")
        seen.until("document.querySelector('#phone-dialog [data-link]').textContent.includes('has ended it')")
        assert links.stopped == ["phl_1"]
        page.keyboard.press("Escape")
        seen.until("!document.getElementById('phone-dialog').open && !document.getElementById('phone-url').value")
        assert [line for line in seen.errors if line.startswith("script")] == []


def test_who_only_answers_calls_sends_nothing(chromium, room):
    """A fire officer watches, and has neither button nor dialog; the page works all the same."""
    room.caller.principal = replace(OPERATOR, roles=frozenset({Role.FIRE}))
    with watched(chromium, width=1600, height=900) as seen:
        seen.page.goto(room.open())
        seen.until("document.querySelector('lens-scene')")
        assert seen.page.locator(".phone, #phone-dialog").count() == 0
        assert seen.page.locator("#tile").evaluate("(one) => one.content.querySelectorAll('.phone').length") == 0
        assert [line for line in seen.errors if line.startswith("script")] == []
