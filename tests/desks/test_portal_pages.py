"""An owner's pages in a real browser: from the form to cameras on the map, by mouse, by keyboard and without a map."""

import dataclasses
from collections.abc import Iterator
from datetime import timedelta

import pytest
from anyio.from_thread import BlockingPortal

from gateway.kernel.database import Database
from gateway.kernel.principal import ANONYMOUS, Principal, Role
from partner_agent.wire.clock import SystemClock, from_rfc3339, to_rfc3339
from partner_agent.wire.ids import SystemIds
from tests.fakes.clock import START
from tests.fakes.requests import FakeRequests, FakeViewRequests
from tests.support.authenticators import authenticator
from tests.support.browser import Watched, served, watched
from tests.support.pages import Caller
from tests.support.partners import World, operator, world

pytestmark = pytest.mark.browser


class Desk:
    """The pages behind a port, and who looks at them."""

    def __init__(self, portal: BlockingPortal, origin: str, caller: Caller, w: World) -> None:
        self.portal = portal
        self.origin = origin
        self.caller = caller
        self.w = w

    def sign_in(self, email: str) -> Principal:
        """Do what opening the mailed link does."""

        async def confirmed() -> Principal:
            person = self.w.people.by_email[email]
            await self.w.partners.address_confirmed(person)
            return await self.w.principal(person)

        self.caller.principal = self.portal.call(confirmed)
        return self.caller.principal


@pytest.fixture
def desk(portal: BlockingPortal, served_database: Database) -> Iterator[Desk]:
    """A gateway's pages with an empty database."""
    w = world(served_database, clock=SystemClock(), ids=SystemIds())
    caller = Caller()
    with served(w.app(caller), portal) as origin:
        yield Desk(portal, origin, caller, w)


def _register(seen: Watched, desk: Desk, *, kind: str = "business", name: str = "Corner Shop") -> None:
    page = seen.page
    page.goto(desk.origin + "/register")
    page.check(f"input[value={kind}]")
    page.fill("#name", name)
    page.fill("#address", "1 North State Street, Chicago")
    page.fill("#contact_name", "Ana Ruiz")
    page.fill("#email", "ana@example.org")
    page.click("text=Send me the link")
    page.wait_for_url("**/register/sent")
    desk.sign_in("ana@example.org")


def _place_site(seen: Watched, desk: Desk) -> None:
    seen.page.goto(desk.origin + "/portal/sites/new")
    seen.page.fill("#lat", "41.8819")
    seen.page.fill("#lon", "-87.6278")
    seen.page.click("text=Save the place")
    seen.page.wait_for_url("**/cameras/new?done=site-saved")


def _sound(seen: Watched) -> None:
    assert seen.errors == []
    assert seen.violations() == []
    assert seen.axe() == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_shop_gets_on_the_list_with_the_map(chromium, desk, dark):
    """Register, confirm, press on the map, drag the heading, accept: every page sound in this theme."""
    with watched(chromium, dark=dark) as seen:
        page = seen.page
        page.goto(desk.origin + "/register")
        _sound(seen)
        _register(seen, desk)
        _sound(seen)
        page.goto(desk.origin + "/portal/set-up")
        _sound(seen)
        page.click("text=Do it: Say where it is")
        page.wait_for_url("**/portal/sites/new")
        seen.until("document.querySelector('lens-map').hasAttribute('data-ready')", timeout_s=30)
        page.click("lens-map", position={"x": 250, "y": 200})
        seen.until("document.getElementById('lat').value !== ''")
        _sound(seen)
        page.click("text=Save the place")
        page.wait_for_url("**/cameras/new?done=site-saved")
        page.fill("#name", "Front door")
        seen.until("document.querySelector('.map-handle') !== null", timeout_s=30)
        handle = page.locator(".map-handle").bounding_box()
        page.mouse.move(handle["x"] + 12, handle["y"] + 12)
        page.mouse.down()
        page.mouse.move(handle["x"] + 90, handle["y"] + 66, steps=5)
        page.mouse.up()
        assert 45 < int(page.input_value("#heading")) < 135
        assert "© OpenStreetMap contributors" in page.locator(".maplibregl-ctrl-attrib").inner_text()
        _sound(seen)
        page.click("text=Save the camera")
        page.wait_for_url("**/portal/set-up?done=camera-saved")
        page.click("text=Do it: Accept the agreement")
        page.wait_for_url("**/portal/agreement")
        _sound(seen)
        page.check("#accepts")
        page.click("button:has-text('Accept')")
        page.wait_for_url("**/portal/set-up?done=agreement-accepted")
        page.goto(desk.origin + "/portal")
        assert page.locator("article.card h3").inner_text() == "Front door"
        _sound(seen)


def test_everything_works_without_the_map_and_without_script(chromium, desk):
    """With JavaScript off the fields alone place a site and a camera."""
    with watched(chromium) as seen:
        _register(seen, desk)
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(desk.origin + "/portal/sites/new")
    page.fill("#lat", "41.88")
    page.fill("#lon", "-87.63")
    page.click("text=Save the place")
    page.fill("#name", "Yard")
    page.check("[name=looks_around]")
    page.click("text=Save the camera")
    page.goto(desk.origin + "/portal")

    assert page.locator("article.card h3").inner_text() == "Yard"
    context.close()


def test_hostile_text_is_shown_as_text(chromium, desk):
    """A shop and a camera named as script tags run nothing and look like what was typed."""
    name = "<script>window.hit=1</script>"
    with watched(chromium) as seen:
        _register(seen, desk, name=name)
        _place_site(seen, desk)
        seen.page.fill("#name", "<img src=x onerror=window.hit=1>")
        seen.page.check("[name=looks_around]")
        seen.page.click("text=Save and add another")
        seen.page.wait_for_url("**/cameras/new?done=camera-saved")
        seen.until("document.querySelector('lens-map').hasAttribute('data-ready')", timeout_s=30)
        seen.page.goto(desk.origin + "/portal")

        assert seen.page.locator("article.card h3").inner_text() == "<img src=x onerror=window.hit=1>"
        assert seen.page.evaluate("window.hit") is None
        _sound(seen)


def test_every_error_stands_beside_its_field_and_nothing_typed_is_lost(chromium, desk):
    """Missing, oversized and impossible values come back together, each explained, with the focus on the summary."""
    with watched(chromium) as seen:
        page = seen.page
        _register(seen, desk)
        page.goto(desk.origin + "/portal/sites/new")
        page.evaluate("document.getElementById('name').removeAttribute('maxlength')")
        page.fill("#name", "x" * 200)
        page.fill("#address", "")
        page.fill("#lat", "north")
        page.fill("#lon", "-187")
        page.click("text=Save the place")
        seen.until("document.activeElement.getAttribute('role') === 'alert'")

        assert page.locator(".error").count() == 4
        assert page.input_value("#lat") == "north"
        assert page.input_value("#name") == "x" * 200
        _sound_with_errors(seen)


def _sound_with_errors(seen: Watched) -> None:
    assert [e for e in seen.errors if "422" not in e] == []  # the browser notes the status of the answer
    assert seen.violations() == []
    assert seen.axe() == []


def test_a_phone_shows_every_page_in_one_column(chromium, desk):
    """320 pixels wide, no page scrolls sideways."""
    with watched(chromium, width=320) as seen:
        _register(seen, desk)
        _place_site(seen, desk)
        camera_page = seen.page.url
        pages = [
            "/register",
            "/portal",
            "/portal/set-up",
            "/portal/organisation",
            "/portal/agreement",
            "/portal/who-looked",
        ]
        for path in [camera_page, *(desk.origin + p for p in pages), desk.origin + "/portal/withdraw"]:
            seen.page.goto(path)
            too_wide = seen.page.evaluate(
                """[...document.querySelectorAll('main *, header *, footer *')]
                   .filter(e => e.getBoundingClientRect().right > 320.5 && !e.closest('.table-wrap'))
                   .map(e => e.outerHTML.slice(0, 120))"""
            )
            assert too_wide == [], path
            assert seen.page.evaluate("document.documentElement.scrollWidth") <= 320, path


def test_an_owner_withdraws_by_typing_the_name(chromium, desk):
    """A wrong name changes nothing; the right one deletes everything at once."""
    with watched(chromium) as seen:
        page = seen.page
        _register(seen, desk)
        page.goto(desk.origin + "/portal/withdraw")
        page.fill("#confirm_name", "corner shop")
        page.click("text=Withdraw and delete everything")
        assert page.locator(".error").count() == 1
        page.fill("#confirm_name", "Corner Shop")
        page.click("text=Withdraw and delete everything")
        page.wait_for_url("**/withdrawn")
        assert [e for e in seen.errors if "422" not in e] == []

        assert len(desk.w.people.signed_out) == 1


def test_the_page_reads_itself_again_when_something_is_logged(chromium, desk):
    """A change made elsewhere appears within seconds without a reload."""
    with watched(chromium) as seen:
        page = seen.page
        _register(seen, desk)
        _place_site(seen, desk)
        page.goto(desk.origin + "/portal")
        page.wait_for_timeout(300)
        other = seen.page.context.new_page()
        other.goto(desk.origin + "/portal/sites/new")
        other.fill("#name", "Warehouse")
        other.fill("#lat", "41.9")
        other.fill("#lon", "-87.7")
        other.click("text=Save the place")

        assert seen.until("document.body.innerText.includes('Warehouse')")
        assert seen.violations() == []


@pytest.mark.parametrize(
    "path", ["/portal", "/portal/set-up", "/portal/organisation", "/portal/sites/new", "/portal/events"]
)
def test_nobody_else_gets_in(chromium, desk, path):
    """Anonymous visitors are sent to sign in; people of the agency are refused."""
    with watched(chromium) as seen:
        desk.caller.principal = ANONYMOUS
        answer = seen.page.request.get(desk.origin + path, max_redirects=0, headers={"accept": "text/html"})
        assert (answer.status, answer.headers.get("location", "")[:8]) == (303, "/sign-in")
        desk.caller.principal = operator()
        assert seen.page.request.get(desk.origin + path, max_redirects=0).status == 403


def test_a_request_is_a_card_that_says_how_to_answer(chromium, desk):
    """The first page counts it; the card says yes is given on site; declining works once, here."""
    held = FakeRequests()
    desk.w.portal._requests = held
    with watched(chromium) as seen:
        page = seen.page
        _register(seen, desk)
        _place_site(seen, desk)
        page.fill("#name", "Front door")
        page.check("[name=looks_around]")
        page.click("text=Save the camera")
        page.wait_for_url("**/portal/set-up?done=camera-saved")
        page.goto(desk.origin + "/portal")
        held.add(page.locator("article.card h3").get_attribute("id"))
        page.goto(desk.origin + "/portal")
        assert "1 request waits." in page.inner_text("main")
        page.click("text=A recording of Front door")
        page.wait_for_url("**/portal/requests")
        assert "lenspact-agent approve abababababab" in page.inner_text("article")
        _sound(seen)
        page.click("article button")
        page.wait_for_url("**?done=request-declined")
        assert "You declined" in page.inner_text("article")
        assert page.locator("article button").count() == 0
        answer = page.request.post(desk.origin + "/portal/requests/clr_0/decline", form={"csrf": "test-token"})
        assert (answer.status, "answered already" in answer.text()) == (422, True)


def _with_camera(seen: Watched, desk: Desk) -> str:
    """An owner with one camera; its id."""
    _register(seen, desk)
    _place_site(seen, desk)
    seen.page.fill("#name", "Front door")
    seen.page.check("[name=looks_around]")
    seen.page.click("text=Save the camera")
    seen.page.wait_for_url("**/portal/set-up?done=camera-saved")
    seen.page.goto(desk.origin + "/portal")
    return seen.page.locator("article.card h3").get_attribute("id") or ""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_without_a_passkey_a_live_request_says_how_to_answer_on_site(chromium, desk, dark):
    """The first page names it; no button gives, one declines, and a delegate sees no page that is not theirs."""
    asks = FakeViewRequests()
    desk.w.portal._view_requests = asks
    with watched(chromium, dark=dark) as seen:
        asks.add(_with_camera(seen, desk))
        page = seen.page
        page.goto(desk.origin + "/portal")
        page.click("text=Somebody asks to watch Front door live")
        page.wait_for_url("**/portal/requests")
        card = page.inner_text("article")
        assert "violent crime, robbery" in card
        assert "lenspact-agent approve cdcdcdcdcdcd" in card
        assert page.locator("[data-passkey]").count() == 0
        assert page.locator("article button").all_text_contents() == ["Decline: Front door"]
        _sound(seen)
        desk.caller.principal = dataclasses.replace(desk.caller.principal, roles=frozenset({Role.ANSWERS}))
        page.reload()
        assert page.locator("article a[href^='/portal/cameras/']").count() == 0
        assert page.locator("nav a").all_text_contents() == ["Requests", "Your passkey"]
        page.click("article button")
        page.wait_for_url("**?done=view-declined")
        assert page.locator("article").count() == 0


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (390, False), (1440, True)])
def test_a_recording_and_a_still_are_asked_for_in_their_own_words(chromium, desk, width, dark, tmp_path):
    """The first page says which; the card says which minutes, or that it is one picture, and what a yes gives."""
    asks = FakeViewRequests()
    desk.w.portal._view_requests = asks
    with watched(chromium, width=width, height=1000, dark=dark) as seen:
        camera, page = _with_camera(seen, desk), seen.page
        asks.credentials = ("AAAA",)
        span = {"t0": START - timedelta(minutes=10), "t1": START}
        asks.add(camera, act="recorded.view", **span)
        asks.add(camera, act="still.take")
        asks.add(camera, act="still.take", state="opened", can_end=False)
        page.goto(desk.origin + "/portal")
        assert page.get_by_text("Somebody asks for a still picture of Front door").is_visible()
        page.click("text=Somebody asks to look at the recording of Front door")
        page.wait_for_url("**/portal/requests")
        recorded, still, given = page.locator("article").all()
        moments = [time.get_attribute("datetime") for time in recorded.locator("dd time[data-exact]").all()]
        assert [to_rfc3339(from_rfc3339(moment or "")) for moment in moments] == [*map(to_rfc3339, span.values())]
        assert "Exactly this part, once, for at most 15 minutes" in recorded.inner_text()
        assert recorded.get_by_role("button", name="Let them look").is_visible()
        assert "One picture, of what happens when it is taken" in still.inner_text()
        assert still.get_by_role("button", name="Give one picture").is_visible()
        assert "You gave it" in given.inner_text()
        page.screenshot(path=str(tmp_path / "requests.png"), full_page=True)
        _sound(seen)


@pytest.mark.parametrize("what", ["views", "recordings"])
def test_one_touch_answers_a_request(chromium, desk, what):
    """A touch the site would not take changes nothing and says so; the next one is a yes, which can be taken back."""
    asks, clips = FakeViewRequests(), FakeRequests()
    desk.w.portal._view_requests, desk.w.portal._requests = asks, clips
    word = "Let them watch" if what == "views" else "Send"
    with watched(chromium) as seen, authenticator(seen.page) as device:
        camera = _with_camera(seen, desk)
        credential = device.add(rp_id="localhost")
        asks.credentials = clips.credentials = (credential,)
        _ = asks.add(camera) if what == "views" else clips.add(camera)
        asks.refusal = "Your site would not take this passkey." if what == "views" else ""
        seen.page.goto(desk.origin + "/portal/requests")
        _sound(seen)
        if what == "views":
            seen.page.get_by_role("button", name=word).click()
            seen.page.wait_for_selector("main [role=alert]:has-text('would not take this passkey')")
            asks.refusal = ""
            seen.errors.clear()  # the browser says of every refused form that it was refused
        seen.page.get_by_role("button", name=word).click()
        seen.page.wait_for_url("**?done=view-sent" if what == "views" else "**?done=clip-sent")
        assert "You said yes" in seen.page.inner_text("article")
        _sound(seen)
        if what == "views":
            seen.page.get_by_role("button", name="Stop it").click()
            seen.page.wait_for_url("**?done=view-declined")
            answer = seen.page.request.post(desk.origin + "/portal/views/vwr_0/decline", form={"csrf": "test-token"})
            assert (answer.status, "Look again" in answer.text()) == (422, True)
        else:
            assert clips.sent == ["clr_0"]
