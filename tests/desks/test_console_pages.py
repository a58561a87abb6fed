"""The console in a real browser: an incident is opened, its cameras are asked for, keys work, refusals say nothing."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from anyio.from_thread import BlockingPortal
from litestar import post
from litestar.params import JSONBody
from playwright.sync_api import Route

from gateway.cameras import CameraFacts
from gateway.desks.console import PAGES, ConsoleDesk
from gateway.emergency import topic_of_first
from gateway.incidents import IncidentReport, Incidents
from gateway.incidents.store import SqlIncidents
from gateway.kernel.database import Database
from gateway.kernel.errors import DeniedError
from gateway.kernel.principal import Principal, PrincipalKind, Role
from gateway.live import topic_of_viewer
from gateway.partners import Place
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from policies.vocabulary import IncidentKind, Origin
from tests.fakes.console import FakeAsks, FakeClips, FakeListing, FakeSeconds
from tests.support.browser import Watched, served, watched
from tests.support.pages import Caller
from tests.support.partners import LOOP, World, world

pytestmark = pytest.mark.browser
OPERATOR = Principal(
    kind=PrincipalKind.AGENCY,
    person_id="per_" + "1" * 26,
    organisation_id="age_" + "1" * 26,
    roles=frozenset({Role.OPERATOR}),
    name="Sam Ortiz",
)


class Room:
    """A control room: three cameras near the Loop, one of them a home, and everything that was asked for."""

    def __init__(self, w: World, portal: BlockingPortal) -> None:
        self.w, self.portal = w, portal
        self.caller = Caller(OPERATOR)
        self.asked: list[dict] = []
        self.listing = FakeListing(w.cameras)
        self.clips = FakeClips()
        self.asks = FakeAsks(w.cameras, w.bus)
        self.seconds = FakeSeconds(w.bus, OPERATOR)
        self.incidents = Incidents(
            database=w.database,
            rows=SqlIncidents(w.database),
            log=w.audit,
            publisher=w.bus,
            clock=w.clock,
            ids=SystemIds(),
        )
        self.console = ConsoleDesk(
            incidents=self.incidents,
            cameras=w.cameras,
            partners=w.partners,
            clock=w.clock,
            zone=ZoneInfo("America/Chicago"),
            listing=self.listing,
            clips=self.clips,
            asks=self.asks,
            seconds=self.seconds,
        )
        self.origin = ""

    async def furnish(self) -> None:
        """Put the cameras there."""
        shop = await self.w.owner()
        home = await self.w.owner("bo@example.org", name="The Bowman household", kind="resident")
        site = await self.w.site(shop)
        for name, north in (("Front door", 0.0003), ("Yard", 0.0009)):
            place = Place(LOOP.lat + north, LOOP.lon)
            await self.w.cameras.add(shop, site, CameraFacts(name, place, 90, is_public_facing=True, purpose=""))
        house = await self.w.site(home, people_live_here=True)
        porch = CameraFacts("Porch", Place(LOOP.lat + 0.0015, LOOP.lon), None, is_public_facing=False, purpose="")
        await self.w.cameras.add(home, house, porch)
        self.listing.answers["Porch"] = ("not_available",)

    async def add_shop(self, name: str, camera: str) -> None:
        """One more shop with one camera, at the Loop itself."""
        owner = await self.w.owner("more@example.org", name=name)
        site = await self.w.site(owner)
        await self.w.cameras.add(owner, site, CameraFacts(camera, LOOP, 0, is_public_facing=True, purpose=""))

    def open(self, *, number: str = "26-1") -> str:
        """An incident at the Loop; the address of its page."""
        report = IncidentReport(IncidentKind.ROBBERY, Origin.HAND, LOOP.lat, LOOP.lon, "1 N State St", number)
        incident = self.portal.call(self.incidents.open, OPERATOR, report)
        return f"{self.origin}/console/incidents/{incident.id}"

    def app(self):
        """The pages, and a door for views that notes the question and refuses."""

        @post("/api/v1/live-sessions", opt={**PAGES[0].opt})
        async def refuse(data: JSONBody[dict]) -> None:
            self.asked.append(data)
            raise DeniedError("Not available for this purpose")

        return self.w.app(self.caller, more=[refuse, *PAGES], console=self.console, incidents=self.incidents)


@pytest.fixture
def room(portal: BlockingPortal, served_database: Database) -> Iterator[Room]:
    """The console behind a port."""
    room = Room(world(served_database, clock=SystemClock(), ids=SystemIds()), portal)
    portal.call(room.furnish)
    with served(room.app(), portal) as room.origin:
        yield room


def _ready(seen: Watched) -> None:
    seen.until("document.querySelector('lens-scene').hasAttribute('data-ready')", timeout_s=30)


def _sound(seen: Watched) -> None:
    assert [e for e in seen.errors if "403" not in e and "422" not in e] == []
    assert seen.violations() == []
    assert seen.axe() == []


def test_before_an_incident_homes_are_a_number(chromium, room):
    """The page holds neither name nor place of a home, only a count; a camera whose owner hides it is not counted."""
    room.listing.unknown.add("Yard")
    with watched(chromium, dark=True) as seen:
        seen.page.goto(room.origin + "/console")
        _ready(seen)
        html = seen.page.content()
        assert "Front door" in html
        assert "Porch" not in html
        assert "Bowman" not in html
        assert "Yard" not in html
        squares = json.loads(seen.page.get_attribute("lens-scene", "data-squares"))
        assert [s["count"] for s in squares] == [1]
        assert all(abs(s["lat"] - LOOP.lat) > 0.001 for s in squares)
        _sound(seen)


def test_opening_the_incident_is_the_reason(chromium, room):
    """Its nearest permitted cameras are asked for at once, for its first purpose, as opened by the incident."""
    with watched(chromium, width=1600, height=900) as seen:
        seen.page.goto(room.open())
        _ready(seen)
        seen.until("document.querySelectorAll('lens-player[ended]').length === 2")

        assert {a["opened_by"] for a in room.asked} == {"incident"}
        assert {a["purpose"] for a in room.asked} == {"violent_crime"}
        assert all(len(a["dtls_fingerprint"]) == 95 for a in room.asked)
        assert "Not available for this purpose" in seen.page.inner_text("#wall")
        assert "Bowman" not in seen.page.content()
        assert seen.page.locator("[data-state=not_available] .watch").count() == 0
        _sound(seen)


def test_only_the_end_of_a_view_is_read(chromium, room):
    """A start is not asked about; an end is, once, also when it is news before the page knows the view's name."""
    held: list[Route] = []
    read: list[str] = []
    with watched(chromium, width=1600, height=900) as seen:
        seen.page.route("**/api/v1/live-sessions", lambda route: held.append(route))  # noqa: PLW0108 -- no builtin can be bound
        seen.page.route("**/api/v1/live-sessions/*", lambda route: _tell_end(route, read))
        seen.page.route("**/whep/*", lambda route: None)  # never answered
        seen.page.goto(room.open())
        _ready(seen)
        _until(seen, lambda: len(held) == 2)
        _hear_all(seen, room)  # before that it may have missed something, and would ask
        for route in held:
            route.fulfill(status=403)
        seen.until("document.querySelectorAll('lens-player[ended]').length === 2")
        for name in ("Front door", "Yard"):
            seen.page.locator(f'[data-name="{name}"] .watch').click()
        _until(seen, lambda: len(held) == 4)
        room.portal.call(room.w.bus.publish, topic_of_viewer(OPERATOR.person_id), "ses_early")
        _hear_all(seen, room)
        for route, name in zip(held[2:], ("ses_early", "ses_later"), strict=True):
            route.fulfill(status=201, json={**VIEW, "session_id": name, "whep_url": f"/whep/{name}", "ticket": "t"})
        _until(seen, lambda: read)
        _hear_all(seen, room)
        assert read == ["ses_early"]

        room.portal.call(room.w.bus.publish, topic_of_viewer(OPERATOR.person_id), "ses_later")
        _until(seen, lambda: len(read) == 2)
        seen.until("document.querySelectorAll('lens-player[ended]').length === 2")

        assert read == ["ses_early", "ses_later"]
        assert seen.page.inner_text("#wall").count("Stopped by a supervisor") == 2


VIEW = {"horizon_at": "2030-01-01T00:00:00Z", "ended_at": None, "state": "established", "words": ""}


def _tell_end(route: Route, read: list[str]) -> None:
    if route.request.method == "GET":
        read.append(route.request.url.rpartition("/")[2])
    ended = {"ended_at": "2026-01-01T00:00:00Z", "state": "ended", "words": "Stopped by a supervisor"}
    route.fulfill(json={**VIEW, **ended})


def _until(seen: Watched, holds: Callable[[], object]) -> None:
    for _ in range(400):
        if holds():
            return
        seen.page.wait_for_timeout(25)
    raise AssertionError(seen.errors)


def _hear_all(seen: Watched, room: Room) -> None:
    """Wait until the page has heard what was said so far: news come in order, and those of a camera fetch the page."""
    fetched: list[str] = []
    seen.page.on("request", lambda request: fetched.append(request.url))
    topic, camera = topic_of_first(OPERATOR.person_id), _camera_id(seen, "Yard")

    def has_fetched() -> bool:
        room.portal.call(room.w.bus.publish, topic, camera)
        return seen.page.url in fetched

    _until(seen, has_fetched)


def test_whoever_looks_for_another_agency_says_so(chromium, room):
    """What stands in the field goes with every question of the page, into its list, and the form for a recording."""
    room.listing.for_others["Yard"] = ("not_available",)
    with watched(chromium, width=1600, height=900) as seen:
        seen.page.goto(room.open())
        _ready(seen)
        seen.page.fill("#behalf", "Bureau of Far Affairs")
        room.asked.clear()
        seen.page.press("#behalf", "Enter")
        seen.until("document.getElementById('console').dataset.behalf === 'Bureau of Far Affairs'", timeout_s=30)
        _ready(seen)
        seen.until("document.querySelectorAll('lens-player[ended]').length === 1")

        assert [one["on_behalf_of"] for one in room.asked] == ["Bureau of Far Affairs"]
        assert "Not available for this purpose" in _line(seen, "Yard").inner_text()
        link = _line(seen, "Yard").get_by_role("link", name="Ask for a recording").get_attribute("href") or ""
        assert link.endswith("&on_behalf_of=Bureau%20of%20Far%20Affairs")
        seen.page.locator(".tile .clip").first.click()
        seen.page.wait_for_selector("#clip-dialog[open] #clip-form")
        assert seen.page.input_value("#clip-form [name=on_behalf_of]") == "Bureau of Far Affairs"
        _sound(seen)


def test_hostile_names_are_text_on_the_console(chromium, room):
    """A camera, its owner and an incident's address written as script tags run nothing, in page, map data and wall."""
    bad = "<script>window.hit=1</script>"
    room.portal.call(room.add_shop, bad, f"{bad}<img src=x onerror=window.hit=1>")
    report = IncidentReport(IncidentKind.ROBBERY, Origin.HAND, LOOP.lat, LOOP.lon, bad, "26-9")
    incident = room.portal.call(room.incidents.open, OPERATOR, report)
    with watched(chromium) as seen:
        seen.page.goto(f"{room.origin}/console/incidents/{incident.id}")
        _ready(seen)
        seen.until("document.querySelectorAll('lens-player[ended]').length === 3")
        line = seen.page.locator(f'[data-owner="{bad}"]')

        assert line.locator("strong").inner_text() == f"{bad}<img src=x onerror=window.hit=1>"
        assert bad in seen.page.inner_text("body")
        assert seen.page.evaluate("window.hit") is None
        _sound(seen)


def test_the_keyboard_does_everything(chromium, room):
    """Arrows walk the list, Enter watches, a digit enlarges, r opens the form, Esc leaves step by step."""
    with watched(chromium) as seen:
        page = seen.page
        page.goto(room.open())
        seen.until("document.querySelectorAll('lens-player[ended]').length === 2")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        assert page.evaluate("document.activeElement.dataset.name") == "Yard"
        page.keyboard.press("Enter")
        for _ in range(200):
            if len(room.asked) == 3:
                break
            page.wait_for_timeout(50)
        assert len(room.asked) == 3
        assert room.asked[-1]["opened_by"] == "person"
        page.keyboard.press("2")
        assert page.locator(".tile.is-large").count() == 1
        page.keyboard.press("r")
        seen.until("document.getElementById('clip-dialog').open")
        _sound(seen)
        page.click("text=Ask for the recording")
        seen.until("!document.getElementById('clip-dialog').open")
        (wish,) = room.clips.wishes
        assert wish.t1 - wish.t0 == timedelta(minutes=5)
        assert wish.purpose == "violent_crime"
        page.keyboard.press("Escape")
        assert page.locator(".tile.is-large").count() == 0
        page.keyboard.press("Escape")
        page.wait_for_url("**/console")


def test_an_operator_opens_and_numbers_and_closes_by_hand(chromium, room):
    """No number yet counts down; the number ends the countdown; closing leaves nothing to open; it may go on."""
    with watched(chromium) as seen:
        page = seen.page
        page.goto(room.origin + "/console/incidents/new")
        page.click("text=Open the incident")
        assert page.locator(".error").count() == 3
        page.select_option("#kind", "robbery")
        page.fill("#lat", "41.8819")
        page.fill("#lon", "-87.6278")
        page.click("text=Open the incident")
        page.wait_for_url("**/console/incidents/inc_*")
        seen.until("/^1[45]:/.test(document.querySelector('[data-until]').textContent)")
        _sound(seen)
        page.fill("#number", "26-7")
        page.click("text=Save the number")
        page.wait_for_url("**?done=incident-numbered")
        assert page.locator("[data-until]").count() == 0
        page.click("text=Close the incident")
        page.wait_for_url("**/console?done=incident-closed")
        page.click("a.incident")
        page.wait_for_url("**/console/incidents/inc_*")
        page.click("text=It goes on")
        page.wait_for_timeout(500)
        assert page.locator("text=Close the incident").count() == 1


def test_a_new_incident_appears_without_a_reload(chromium, room):
    """The rail follows what dispatch sends."""
    with watched(chromium) as seen:
        seen.page.goto(room.origin + "/console/incidents/new")
        other = seen.page.context.new_page()
        other.goto(room.origin + "/console")
        other.wait_for_timeout(300)
        seen.page.select_option("#kind", "fire")
        seen.page.fill("#lat", "41.88")
        seen.page.fill("#lon", "-87.63")
        seen.page.click("text=Open the incident")
        for _ in range(100):
            if "Fire" in other.inner_text("#rail"):
                break
            other.wait_for_timeout(50)

        assert "Fire" in other.inner_text("#rail")


def test_recordings_are_listed_with_their_state_and_download(chromium, room):
    """Each with a sentence; only what is ready has a button."""
    with watched(chromium) as seen:
        seen.page.goto(room.origin + "/console/clips")
        _sound(seen)
        seen.page.goto(room.open())
        camera = seen.page.get_attribute("[data-name=Yard]", "data-camera")
        incident = seen.page.url.rsplit("/", 1)[1]
        for _ in range(2):
            seen.page.goto(f"{room.origin}/console/clips/new?camera={camera}&incident={incident}")
            seen.page.click("text=Ask for the recording")
            seen.page.wait_for_url("**/console/clips?done=clip-asked")

        assert seen.page.locator("tbody tr").count() == 2
        assert seen.page.locator("a[download]").count() == 1
        _sound(seen)


def _recording_of_the_yard(seen, room):
    """The form that asks for a recording of one camera."""
    seen.page.goto(room.open())
    camera = seen.page.get_attribute("[data-name=Yard]", "data-camera")
    incident = seen.page.url.rsplit("/", 1)[1]
    seen.page.goto(f"{room.origin}/console/clips/new?camera={camera}&incident={incident}")


def test_a_range_that_ends_before_it_begins_comes_back(chromium, room):
    """The error stands beside the field and what was typed is kept."""
    with watched(chromium) as seen:
        _recording_of_the_yard(seen, room)
        seen.page.fill("#to", "2020-01-01T00:00:00")
        seen.page.click("text=Ask for the recording")
        seen.page.wait_for_selector("#to-error")

        assert "The end comes after the beginning." in seen.page.inner_text("#to-error")
        assert (
            seen.page.input_value("#to") == "2020-01-01T00:00:00" or seen.page.input_value("#to") == "2020-01-01T00:00"
        )
        _sound(seen)


def test_a_range_of_whole_minutes_is_one(chromium, room):
    """A browser leaves seconds of nought out of what it sends."""
    with watched(chromium) as seen:
        _recording_of_the_yard(seen, room)
        seen.page.fill("#from", "2026-11-22T14:30:00")
        seen.page.fill("#to", "2026-11-22T14:31:00")
        seen.page.click("text=Ask for the recording")
        seen.page.wait_for_url("**/console/clips?*")

        (wish,) = room.clips.wishes
        assert (wish.t1 - wish.t0).total_seconds() == 60


def test_a_camera_the_operator_may_not_know_of_is_not_there(chromium, room):
    """The form for its recording answers 404, as for a camera that does not exist."""
    with watched(chromium) as seen:
        seen.page.goto(room.open())
        camera = seen.page.get_attribute("[data-name=Yard]", "data-camera")
        incident = seen.page.url.rsplit("/", 1)[1]
        room.listing.unknown.add("Yard")
        for wanted in (camera, "cam_nothing"):
            address = f"{room.origin}/console/clips/new?camera={wanted}&incident={incident}"
            assert seen.page.request.get(address).status == 404


@pytest.mark.parametrize("width", [320, 900])
def test_narrow_screens_show_one_thing_below_the_other(chromium, room, width):
    """No page scrolls sideways."""
    with watched(chromium, width=width) as seen:
        for address in (room.open(), room.origin + "/console", room.origin + "/console/clips"):
            seen.page.goto(address)
            assert seen.page.evaluate("document.documentElement.scrollWidth") <= width, address


# --- asking an owner


def _line(seen: Watched, name: str):
    return seen.page.locator(f"li.camera[data-name='{name}']")


def _camera_id(seen: Watched, name: str) -> str:
    return _line(seen, name).get_attribute("data-camera") or ""


def test_a_refused_question_says_only_that_it_is_not_available(chromium, room):
    """Whoever refused, and why: the operator reads the one sentence, and nothing was asked."""
    room.listing.answers["Front door"] = ("available_if", "ask")
    room.asks.refusal = "Not available for this purpose."
    with watched(chromium) as seen:
        seen.page.goto(room.open())
        _ready(seen)
        _line(seen, "Front door").get_by_role("button", name="Ask the owner Front door").click()
        seen.until("document.getElementById('said').textContent.includes('Not available')")
        assert room.asks.asked == {}


@pytest.mark.parametrize("dark", [True, False], ids=["dark", "light"])
def test_an_owner_is_asked_and_their_yes_starts_the_picture(chromium, room, dark):
    """One button; asked, it is gone and says until when; the yes arrives by itself, as one view of the person's own."""
    room.listing.answers |= {"Front door": ("available_if", "ask"), "Yard": ("available_if", "ask")}
    with watched(chromium, dark=dark) as seen:
        seen.page.goto(room.open())
        _ready(seen)
        line = _line(seen, "Front door")
        assert "Available if the owner says yes" in line.inner_text()
        _sound(seen)
        line.get_by_role("button", name="Ask the owner Front door").click()
        seen.until("document.getElementById('said').textContent.includes('The owner is asked')")
        assert "Asked. The owner may answer until" in line.inner_text()
        assert line.locator("form.ask").count() == 0
        assert "Not available for this purpose" in _line_after_reading(seen, "Yard")
        _sound(seen)
        assert room.asked == []
        room.portal.call(room.asks.answer, OPERATOR, _camera_id(seen, "Front door"), "granted")
        seen.until("document.querySelectorAll('article.tile').length === 1")
        seen.page.wait_for_selector(
            "article.tile:has-text('Not available for this purpose')"
        )  # this room shows nothing
        assert room.asked[0]["opened_by"] == "person"
        assert "once, for five minutes" in line.inner_text()


def _line_after_reading(seen: Watched, name: str) -> str:
    """Another camera of the same owner, as the page says it when it is read again."""
    seen.page.reload()
    _ready(seen)
    return _line(seen, name).inner_text()


def test_a_no_and_silence_look_like_every_other_refusal(chromium, room):
    """The line says what it says of a camera whose owner never offered anything, letter for letter."""
    room.listing.answers |= {"Front door": ("available_if", "ask"), "Yard": ("not_available",)}
    with watched(chromium) as seen:
        seen.page.goto(room.open())
        _ready(seen)
        room.portal.call(room.asks.answer, OPERATOR, _camera_id(seen, "Front door"), "over")
        seen.page.wait_for_selector("li.camera[data-name='Front door'][data-state='not_available']")

        said = [_line(seen, name).locator(".badge").inner_text() for name in ("Front door", "Yard")]
        assert said == ["Not available for this purpose"] * 2
        assert room.asked == []


def test_both_ways_are_offered_side_by_side_and_one_stays_when_the_other_is_used(chromium, room):
    """Two buttons; the owner's silence leaves the second person's; asking both shows what is waited for."""
    room.listing.answers["Front door"] = ("available_if", "ask", "two_persons")
    with watched(chromium, dark=True) as seen:
        seen.page.goto(room.open())
        _ready(seen)
        line = _line(seen, "Front door")
        offered = line.locator(".badge").all_inner_texts()
        assert offered == ["Available if the owner says yes", "Available with emergency access by two people"]
        _sound(seen)
        line.get_by_role("button", name="Ask a second person Front door").click()
        line.get_by_text("Waiting for a second person").wait_for()
        assert seen.page.url.count("done=") == 0  # the page stays: the script asked
        assert line.get_by_role("button").count() == 1  # the other one's
        line.get_by_role("button", name="Ask the owner Front door").click()
        line.get_by_text("Asked. The owner may answer until").wait_for()
        assert line.locator("form.ask").count() == 0
        room.seconds.asked.clear()  # nobody confirmed in time
        room.portal.call(room.asks.answer, OPERATOR, _camera_id(seen, "Front door"), "over")
        line.get_by_role("button", name="Ask a second person Front door").wait_for()
        assert line.locator(".badge").all_inner_texts() == offered[1:]
        _sound(seen)


def test_an_owner_is_asked_without_script(chromium, room):
    """The button is a form; the page comes back with what was done."""
    room.listing.answers["Front door"] = ("available_if", "ask")
    with closing(chromium.new_context(java_script_enabled=False)) as context:
        page = context.new_page()
        page.goto(room.open())
        line = page.locator("li.camera[data-name='Front door']")
        line.get_by_role("button", name="Ask the owner Front door").click()
        page.wait_for_url("**done=view-asked")

        assert "The owner is asked." in page.inner_text("main")
        assert "Asked. The owner may answer until" in line.inner_text()


SUPERVISOR = replace(OPERATOR, person_id="per_" + "2" * 26, roles=frozenset({Role.SUPERVISOR}), name="Kim Ito")


def test_a_second_person_confirms_on_a_phone_and_the_picture_starts(chromium, room):
    """One press asks; the other's page says who, what and why; their yes starts exactly this view, with their word."""
    room.listing.answers["Yard"] = ("available_if", "two_persons")
    with watched(chromium, dark=True) as seen:
        seen.page.goto(room.open())
        _ready(seen)
        line = seen.page.locator('[data-name="Yard"]')
        line.get_by_role("button", name="Ask a second person").click()
        line.get_by_text("Waiting for a second person").wait_for()
        before = len(room.asked)
        _sound(seen)

        room.caller.principal = SUPERVISOR
        with watched(chromium, dark=True, width=390, height=844) as phone:
            phone.page.goto(room.origin + "/console")
            phone.page.get_by_role("link", name="Yard").click()
            text = phone.page.inner_text("main")
            for words in ("Sam Ortiz, operator, rtcc", "Yard", "Robbery", "Violent crime", "The owner is told at once"):
                assert words in text
            _sound(phone)
            phone.page.get_by_role("button", name="Confirm").click()
            phone.page.get_by_text("The person who asked can open it once").wait_for()
            room.caller.principal = OPERATOR
            _sound(phone)

        topic, camera = topic_of_first(OPERATOR.person_id), _camera_id(seen, "Yard")
        room.portal.call(room.w.bus.publish, topic, camera)  # the news came while the other was the caller
        seen.until("document.querySelectorAll('#cameras [data-confirmation]').length === 1")
        for _ in range(200):
            if len(room.asked) > before:
                break
            seen.page.wait_for_timeout(25)
        assert [(a["confirmation_id"], a["opened_by"]) for a in room.asked[before:]] == [
            ("emg_" + "1".zfill(26), "person")
        ]


def test_nobody_confirms_their_own_question(chromium, room):
    """The page of one's own question has no button, in either theme and on a phone."""
    room.listing.answers["Yard"] = ("available_if", "two_persons")
    with watched(chromium, dark=True) as seen:
        seen.page.goto(room.open())
        _ready(seen)
        seen.page.get_by_role("button", name="Ask a second person").click()
        seen.page.get_by_text("Waiting for a second person").wait_for()
    for dark in (True, False):
        with watched(chromium, dark=dark, width=390, height=844) as seen:
            seen.page.goto(f"{room.origin}/console/confirm/{next(iter(room.seconds.asked))}")

            assert "You asked for this. Somebody else has to confirm it." in seen.page.inner_text("main")
            assert seen.page.get_by_role("button", name="Confirm").count() == 0
            _sound(seen)


def test_a_second_person_confirms_a_recording(chromium, room):
    """Where the owner gives it to two people alone, the form says so and asks one; the list says what is waited for."""
    room.clips.is_offered, room.seconds.is_offered = False, True
    room.listing.answers["Yard"] = ("not_available",)
    with watched(chromium, dark=True) as seen:
        seen.page.goto(room.open())
        _ready(seen)
        seen.page.locator('[data-name="Yard"]').get_by_role("link", name="Ask for a recording").click()
        assert "if a second person of your agency confirms it" in seen.page.inner_text("main")
        assert seen.page.get_by_role("button", name="Ask for the recording").count() == 0
        _sound(seen)
        seen.page.fill("#legal_basis", "warrant 7")
        seen.page.get_by_role("button", name="Ask a second person").click()
        seen.page.wait_for_url("**done=second-asked-recording")
        asked = seen.page.inner_text("main")
        assert "Yard: waiting for a second person" in asked
        assert "Nothing was asked for" not in asked
        assert len(re.findall(r"\d{1,2}:\d\d:\d\d", asked)) == 2  # the very seconds, however lately
        assert room.clips.wishes == []
        _sound(seen)

        room.caller.principal = SUPERVISOR
        with watched(chromium, dark=True, width=390, height=844) as phone:
            phone.page.goto(f"{room.origin}/console/confirm/{next(iter(room.seconds.asked))}")
            text = phone.page.inner_text("main")
            assert all(words in text for words in ("one recording", "From", "Until", "warrant 7", "Sam Ortiz"))
            _sound(phone)
            phone.page.get_by_role("button", name="Confirm").click()
            phone.page.get_by_text("The recording is asked for now").wait_for()
            _sound(phone)


def test_the_dialog_over_a_picture_knows_which_button_was_pressed(chromium, room):
    """Both ways are open: the one that was pressed is the one that is taken."""
    room.seconds.is_offered = True
    with watched(chromium) as seen:
        seen.page.goto(room.open())
        _ready(seen)
        seen.page.keyboard.press("1")
        seen.page.keyboard.press("r")
        seen.until("document.getElementById('clip-dialog').open")
        _sound(seen)
        seen.page.locator("#clip-dialog").get_by_role("button", name="Ask a second person").click()
        seen.until("!document.getElementById('clip-dialog').open")

        assert room.clips.wishes == []
        assert [ask.act for ask in room.seconds.asked.values()] == ["clip.fetch"]
