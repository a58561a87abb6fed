"""What a link to a phone leads to, in a real browser at a phone's width: one press, one picture, one end."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from anyio.from_thread import BlockingPortal
from litestar.di import Provide
from playwright.sync_api import Page, Route

from gateway.edge.auth import enforce
from gateway.edge.inputs import StrictInputPlugin
from gateway.edge.origin import PublicOrigin
from gateway.edge.problems import ProblemHandler
from gateway.kernel.database import Database
from gateway.live.calls import Calls
from gateway.live.phones.answers import EXPIRED, OTHER_DEVICE, Sent
from gateway.live.phones.routes import PHONE_ROUTES
from gateway.live.relay import protocol
from tests.gateway.live.test_live_api import FakeRelayCalls
from tests.support.browser import Watched, served, watched
from tests.support.live import OPERATOR, SUPERVISOR, Plane, limiter_of, live_plane
from tests.support.pages import Caller, web_app

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}
LIVE = """() => document.querySelector('lens-player').dispatchEvent(
  new CustomEvent('lens-state', { bubbles: true, detail: { state: 'live', words: 'Live' } }))"""
SHOWN = "document.querySelector('.phone-page:not([hidden])').id"


class Street:
    """The pages behind a port, over running sessions."""

    def __init__(self, plane: Plane, portal: BlockingPortal) -> None:
        self.plane, self.portal = plane, portal
        self.origin = ""

    async def _send(self) -> Sent:
        opened = await self.plane.open()
        await self.plane.in_state(opened.session_id, "accepted")
        up = protocol.ViewerUp(session=opened.session_id, srtp_profile="AEAD_AES_128_GCM")
        await self.plane.sessions.upkeep.relay_said(up)
        return await self.plane.sessions.phones.send(OPERATOR, session_id=opened.session_id, recipient="Unit 12")

    def sent(self) -> tuple[Sent, str]:
        """A link, and its address."""
        sent = self.portal.call(self._send)
        return sent, f"{self.origin}/phone#{sent.token}"

    def views(self) -> list[str]:
        """The views that phones show."""
        return [one.id for one in self.plane.sessions.live.running() if one.shown_to]


@pytest.fixture
def street(portal: BlockingPortal, served_database: Database, tmp_path: Path) -> Iterator[Street]:
    """A gateway whose relay takes nobody: pictures are another test's."""
    with portal.wrap_async_context_manager(live_plane(served_database, tmp_path)) as plane:
        street, limiter = Street(plane, portal), limiter_of(plane)
        app = web_app(
            PHONE_ROUTES,
            caller=Caller(),
            guards=[enforce],
            dependencies={
                "phones": Provide(lambda: plane.sessions.phones, sync_to_thread=False),
                "origin": Provide(lambda: PublicOrigin.parse(street.origin), sync_to_thread=False),
                "rate_limiter": Provide(lambda: limiter, sync_to_thread=False),
                "live_calls": Provide(lambda: Calls(relay=FakeRelayCalls()), sync_to_thread=False),
                "principal": Provide(lambda: OPERATOR, sync_to_thread=False),
            },
            plugins=[StrictInputPlugin()],
            exception_handlers=ProblemHandler().handlers(),
        )
        with served(app, portal) as street.origin:
            yield street


def _press(seen: Watched, url: str) -> Page:
    """Open the link, and press Watch by keyboard; the relay never answers."""

    def unanswered(route: Route) -> None:
        del route

    seen.page.route("**/whep/*", unanswered)
    seen.page.goto(url)
    seen.page.locator("#phone-watch").press("Enter")
    return seen.page


def _sound(seen: Watched) -> None:
    assert [line for line in seen.errors if not any(code in line for code in ("403", "404", "409"))] == []
    assert seen.violations() == []
    assert seen.axe() == []
    assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("dark", [True, False])
def test_a_link_shows_one_picture_and_nothing_else_of_the_system(chromium, street, dark, tmp_path):
    """Reading the page opens nothing; a press does, and takes the secret out of the address; mark, names, time left."""
    _sent, url = street.sent()
    with watched(chromium, **PHONE, dark=dark) as seen:
        seen.page.goto(url)
        assert seen.until(SHOWN) == "phone-start"
        seen.page.screenshot(path=str(tmp_path / "start.png"))
        _sound(seen)
        assert street.views() == []

        page = _press(seen, url)
        seen.until("document.querySelector('.watermark')?.dataset.says")
        page.evaluate(LIVE)
        seen.until("/^(10:00|9:5.)$/.test(document.querySelector('[data-part=left]').textContent)")
        assert page.url == f"{street.origin}/phone"
        assert len(street.views()) == 1
        says = page.get_attribute(".watermark", "data-says")
        assert says.startswith("Sam Ortiz → Unit 12 · ")
        assert says.replace("-", "").endswith(street.views()[0][-8:].upper())
        text = page.inner_text("main")
        for said in ("Front door", "Unit 12", "Sam Ortiz", "City Police", "Time left"):
            assert said in text
        assert page.locator("a:not(.skip)").count() == 0
        assert page.locator("nav").count() == 0
        box = page.locator("#phone-close").bounding_box()
        assert box["height"] >= 48
        assert box["y"] > 844 / 2
        page.screenshot(path=str(tmp_path / "live.png"))
        _sound(seen)


def test_a_picture_fills_a_phone_held_sideways(chromium, street, tmp_path):
    """Picture and button side by side, and nothing to scroll."""
    with watched(chromium, width=844, height=390, dark=True) as seen:
        page = _press(seen, street.sent()[1])
        seen.until("document.querySelector('.watermark')?.dataset.says")
        assert page.locator("lens-player").bounding_box()["height"] > 300
        assert page.evaluate("document.documentElement.scrollHeight <= innerHeight + 1")
        page.screenshot(path=str(tmp_path / "sideways.png"))
        _sound(seen)


def test_a_second_phone_reads_one_sentence(chromium, street, tmp_path):
    """The first has it, a reload and the same link again included; the second is told so and shows nothing."""
    url = street.sent()[1]
    with watched(chromium, **PHONE) as first, watched(chromium, **PHONE) as second:
        _press(first, url)
        first.until("document.querySelector('.watermark')?.dataset.says")
        page = _press(second, url)
        assert second.until("document.querySelector('[data-part=words]').textContent") == OTHER_DEVICE
        assert second.until(SHOWN) == "phone-over"
        page.screenshot(path=str(tmp_path / "second.png"))
        _sound(second)

        first.page.reload()
        assert first.until(SHOWN) == "phone-start"
        first.page.locator("#phone-watch").click()
        first.until("document.querySelector('.watermark')?.dataset.says")
        assert len(street.views()) == 1


def test_who_stops_it_is_told_within_seconds(chromium, street):
    """By its sender, and by a supervisor on the board: the picture goes, and one sentence says who ended it."""
    for word in ("Whoever sent this has ended it.", "Stopped by a supervisor."):
        sent, url = street.sent()
        with watched(chromium, **PHONE) as seen:
            _press(seen, url)
            seen.until("document.querySelector('.watermark')?.dataset.says")
            (view,) = street.views()
            if "sent" in word:
                street.portal.call(street.plane.sessions.phones.stop, OPERATOR, sent.link.id)
            else:
                street.portal.call(street.plane.sessions.live.stop, SUPERVISOR, view)
            assert seen.until("document.querySelector('[data-part=words]').textContent") == word
            assert street.views() == []
            _sound(seen)


def test_a_lost_view_is_asked_for_again_within_seconds(chromium, street):
    """Its relay died: the same phone opens another view by itself, decided anew."""
    with watched(chromium, **PHONE) as seen:
        _press(seen, street.sent()[1])
        seen.until("document.querySelector('.watermark')?.dataset.says")
        (lost,) = street.views()
        street.portal.call(street.plane.sessions.upkeep.relay_gone)
        for _ in range(60):
            if street.views():
                break
            seen.page.wait_for_timeout(50)
        (again,) = street.views()
        assert again != lost


def test_without_a_link_the_page_says_what_it_needs(chromium, street):
    """Nothing of the system is told to whoever comes without one; an expired one says so."""
    with watched(chromium, **PHONE) as seen:
        seen.page.goto(street.origin + "/phone")
        said = seen.until("document.querySelector('[data-part=words]').textContent")
        assert said == "This page needs the link that was sent to you."
        _sound(seen)

        url = street.sent()[1]
        street.plane.clock.advance(601)
        seen.page.goto("about:blank")
        _press(seen, url)
        assert seen.until("document.querySelector('[data-part=words]').textContent") == EXPIRED


def test_no_connection_is_no_end(chromium, street):
    """A press that gets no answer can be pressed again; the link is still there."""
    with watched(chromium, **PHONE) as seen:
        seen.page.route("**/phone/open", lambda route: route.abort())
        page = _press(seen, street.sent()[1])
        assert "Press again" in seen.until("document.querySelector('[data-part=trouble]').textContent")
        page.unroute("**/phone/open")
        page.locator("#phone-watch").click()
        seen.until("document.querySelector('.watermark')?.dataset.says")


def test_a_phone_that_has_the_link_gets_on_without_it_once_there_is_a_network(chromium, street):
    """Opened again where nothing answers, it does not say that it needs the link: a press asks again."""
    with watched(chromium, **PHONE) as seen:
        page = _press(seen, street.sent()[1])
        seen.until("document.querySelector('.watermark')?.dataset.says")
        page.route("**/phone/state", lambda route: route.abort())
        page.reload()
        assert "Press again" in seen.until("document.querySelector('[data-part=trouble]').textContent")
        assert page.evaluate(SHOWN) == "phone-start"

        page.unroute("**/phone/state")
        page.locator("#phone-watch").press("Enter")

        seen.until("document.querySelector('.watermark')?.dataset.says?.includes('Unit 12')")
        assert page.evaluate("document.activeElement.id") == "phone-close"
