"""A control room for tests of the console in a browser: its cameras, its people, and what was asked for."""

from collections.abc import Callable, Iterator
from dataclasses import replace
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
from gateway.kernel.principal import Principal, PrincipalKind, Role
from gateway.live.ice_servers import IceServer
from gateway.partners import Place
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from policies.vocabulary import IncidentKind, Origin
from tests.fakes.console import FakeAsks, FakeClips, FakeLayouts, FakeListing, FakeSeconds
from tests.support.browser import Watched, served
from tests.support.pages import Caller
from tests.support.partners import LOOP, World, world

OPERATOR = Principal(
    kind=PrincipalKind.AGENCY,
    person_id="per_" + "1" * 26,
    organisation_id="age_" + "1" * 26,
    roles=frozenset({Role.OPERATOR}),
    name="Sam Ortiz",
)
SUPERVISOR = replace(OPERATOR, person_id="per_" + "2" * 26, roles=frozenset({Role.SUPERVISOR}), name="Kim Ito")
VIEW = {"horizon_at": "2030-01-01T00:00:00Z", "ended_at": None, "state": "established", "words": ""}


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
            layouts=FakeLayouts(),
            ice_servers=lambda holder: (IceServer("turns:turn.example.net:443?transport=tcp", f'9:"{holder}"', "s"),),
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

        @post("/api/v1/live-sessions/several", opt={**PAGES[0].opt}, status_code=200)
        async def refuse(data: JSONBody[dict]) -> list[dict]:
            self.asked.extend(data["views"])
            return [{"status": 403, "detail": "Not available for this purpose."} for _ in data["views"]]

        return self.w.app(self.caller, more=[refuse, *PAGES], console=self.console, incidents=self.incidents)


@pytest.fixture
def room(portal: BlockingPortal, served_database: Database) -> Iterator[Room]:
    """The console behind a port."""
    room = Room(world(served_database, clock=SystemClock(), ids=SystemIds()), portal)
    portal.call(room.furnish)
    with served(room.app(), portal) as room.origin:
        yield room


def until_ready(seen: Watched) -> None:
    """The map is drawn."""
    seen.until("document.querySelector('lens-scene').hasAttribute('data-ready')", timeout_s=30)


def demand_sound(seen: Watched) -> None:
    """No error beside refusals, nothing against the content security policy, nothing for axe."""
    assert [e for e in seen.errors if "403" not in e and "422" not in e] == []
    assert seen.violations() == []
    assert seen.axe() == []


def tell_running(route: Route, methods: list[str]) -> None:
    """A view that runs; notes how it was asked for."""
    methods.append(route.request.method)
    route.fulfill(json=VIEW)


def open_all(route: Route, posts: list[int], *, refused: dict[str, object] | None = None) -> None:
    """Open what is asked for; the first of it with a watermark. With `refused`, the relay says that to each call."""
    wishes = route.request.post_data_json["views"]
    names = [f"ses_{sum(posts) + number}" for number in range(len(wishes))]
    posts.append(len(wishes))
    until = VIEW["horizon_at"]
    views = [{"session_id": name, "whep_url": f"/whep/{name}", "ticket": "t", "horizon_at": until} for name in names]
    marks = ["ABCDEFG0", *[""] * (len(views) - 1)]
    opened = zip(views, marks, strict=True)
    answers = [
        {"status": 201, "view": {**view, "mark": mark}, "call": None, "refused": refused} for view, mark in opened
    ]
    route.fulfill(json=answers)


def two_pictures(seen: Watched, url: str) -> list[str]:
    """Two tiles whose pictures are on their way; how each view was asked for since."""
    methods: list[str] = []
    posts: list[int] = []
    seen.page.route("**/live-sessions/several", lambda route: open_all(route, posts))
    seen.page.route("**/live-sessions/ses_*", lambda route: tell_running(route, methods))
    seen.page.route("**/whep/*", lambda route: None)
    seen.page.goto(url)
    seen.until("document.querySelectorAll('.watermark[data-says]').length === 2")
    return methods


def tell_end(route: Route, read: list[str], words: str = "Stopped by a supervisor") -> None:
    """A view that has ended; notes which were read."""
    if route.request.method == "GET":
        read.append(route.request.url.rpartition("/")[2])
    ended = {"ended_at": "2026-01-01T00:00:00Z", "state": "ended", "words": words}
    route.fulfill(json={**VIEW, **ended})


def until_true(seen: Watched, holds: Callable[[], object]) -> None:
    """Wait until it holds, the page going on meanwhile."""
    for _ in range(400):
        if holds():
            return
        seen.page.wait_for_timeout(25)
    raise AssertionError(seen.errors)


def hear_all(seen: Watched, room: Room) -> None:
    """Wait until the page has heard what was said so far: news come in order, and those of a camera fetch the page."""
    fetched: list[str] = []
    seen.page.on("request", lambda request: fetched.append(request.url.partition("?")[0]))
    topic, camera = topic_of_first(OPERATOR.person_id), camera_id_of(seen, "Yard")

    def has_fetched() -> bool:
        room.portal.call(room.w.bus.publish, topic, camera)
        return seen.page.url.partition("?")[0] in fetched

    until_true(seen, has_fetched)


def line_of(seen: Watched, name: str):
    """A camera in the list."""
    return seen.page.locator(f"li.camera[data-name='{name}']")


def camera_id_of(seen: Watched, name: str) -> str:
    """What a camera in the list is called by the gateway."""
    return line_of(seen, name).get_attribute("data-camera") or ""


def line_after_reading(seen: Watched, name: str) -> str:
    """Another camera of the same owner, as the page says it when it is read again."""
    seen.page.reload()
    until_ready(seen)
    return line_of(seen, name).inner_text()
