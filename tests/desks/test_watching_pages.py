"""The supervisor's board in a real browser, over real views: who may not see it, what it shows, and its stop."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from anyio.from_thread import BlockingPortal
from playwright.sync_api import Page

from gateway.cameras import CameraFacts
from gateway.desks import watching
from gateway.desks.watching import PAGES, WatchingDesk
from gateway.incidents import IncidentReport, Incidents
from gateway.incidents.store import SqlIncidents
from gateway.kernel.database import Database
from gateway.kernel.principal import Role
from gateway.live import OpenedView, ViewPermit, ViewQuestion, Words, words_of
from gateway.live.phones.answers import Sent
from gateway.live.relay import protocol
from gateway.partners import Place
from gateway.web import change_stream
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from policies.vocabulary import IncidentKind, Origin
from tests.support.browser import Watched, served, watched
from tests.support.live import OPERATOR, SUPERVISOR, Plane, live_plane
from tests.support.pages import Caller
from tests.support.partners import LOOP, World, world

pytestmark = pytest.mark.browser
HOME = "The Bowman household"


class FakePeople:
    """Two people of the agency, by name."""

    async def names(self, ids: object) -> dict[str, str]:
        del ids
        return {OPERATOR.person_id: "Sam Ortiz", SUPERVISOR.person_id: "Alex Kim"}


class Board:
    """The pages behind a port, with a shop's camera, a home's, and an incident."""

    def __init__(self, w: World, plane: Plane, portal: BlockingPortal) -> None:
        self.w, self.plane, self.portal = w, plane, portal
        self.caller = Caller(replace(SUPERVISOR, name="Alex Kim"))
        self.incidents = Incidents(
            database=w.database,
            rows=SqlIncidents(w.database),
            log=w.audit,
            publisher=w.bus,
            clock=w.clock,
            ids=SystemIds(),
        )
        self.origin = self.incident = ""
        self.cameras: dict[str, str] = {}

    async def furnish(self) -> None:
        """Put the cameras and the incident there, and let the decider answer about the camera that is asked for."""
        for name, owner in (("Front door", "Corner shop"), ("Porch", HOME)):
            kind = "resident" if owner == HOME else "business"
            who = await self.w.owner(f"{name.split()[0].lower()}@example.org", name=owner, kind=kind)
            site = await self.w.site(who, people_live_here=owner == HOME)
            facts = CameraFacts(name, Place(LOOP.lat, LOOP.lon), 0, is_public_facing=True, purpose="")
            self.cameras[name] = (await self.w.cameras.add(who, site, facts)).id
        report = IncidentReport(IncidentKind.ROBBERY, Origin.HAND, LOOP.lat, LOOP.lon, "1 N State St", "26-1")
        self.incident = (await self.incidents.open(OPERATOR, report)).id
        usual = self.plane.decider.decide

        async def decide(question: ViewQuestion) -> ViewPermit:
            permit = await usual(question)
            assert isinstance(permit, ViewPermit)
            return replace(permit, camera_id=question.camera_id)

        self.plane.decider.decide = decide  # type: ignore[method-assign]

    def open(self, camera: str = "Front door", *, shown_to: str = "") -> OpenedView:
        """The operator watches."""

        async def opened() -> OpenedView:
            view = await self.plane.open(camera_id=self.cameras[camera], incident_id=self.incident, shown_to=shown_to)
            await self.plane.in_state(view.session_id, "accepted")
            first = protocol.ViewerUp(session=view.session_id, srtp_profile="AEAD_AES_128_GCM")
            await self.plane.sessions.upkeep.relay_said(first)
            await self.plane.in_state(view.session_id, "established")
            return view

        return self.portal.call(opened)

    def send(self, view: OpenedView) -> Sent:
        """The operator sends it to a phone, which nobody opens."""

        async def sent() -> Sent:
            phones = self.plane.sessions.phones
            return await phones.send(OPERATOR, session_id=view.session_id, recipient="Unit 12")

        return self.portal.call(sent)

    def words(self, view: OpenedView) -> Words:
        """What the operator's tile says."""
        return words_of(self.portal.call(self.plane.read, view.session_id))


@pytest.fixture
def board(portal: BlockingPortal, served_database: Database, tmp_path: Path) -> Iterator[Board]:
    """The board over running sessions."""
    with portal.wrap_async_context_manager(live_plane(served_database, tmp_path)) as plane:
        w = world(served_database, clock=SystemClock(), ids=SystemIds())
        board = Board(w, plane, portal)
        portal.call(board.furnish)
        desk = WatchingDesk(
            live=plane.sessions.live,
            phones=plane.sessions.phones,
            people=FakePeople(),
            cameras=w.cameras,
            partners=w.partners,
            incidents=board.incidents,
            clock=plane.clock,
        )
        with _serving(board, desk):
            yield board


@contextmanager
def _serving(board: Board, desk: WatchingDesk) -> Iterator[None]:
    app = board.w.app(board.caller, more=PAGES, watching=desk, bus=board.plane.bus)
    with served(app, board.portal) as board.origin:
        yield


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.FIRE, Role.ADMIN, Role.OWNER])
def test_nobody_else_sees_the_board_or_stops_a_view(chromium, board, role):
    """Board, news and stop are refused to every other role, and the picture goes on."""
    view = board.open()
    sent = board.send(view)
    board.caller.principal = replace(OPERATOR, roles=frozenset({role}))
    with watched(chromium) as seen:
        request = seen.page.request
        for path in ("", "/events"):
            assert request.get(f"{board.origin}/console/watching{path}").status == 403
        for stop in (view.session_id, f"links/{sent.link.id}"):
            address = f"{board.origin}/console/watching/{stop}/stop"
            assert request.post(address, form={"csrf": "test-token"}).status == 403

    assert board.words(view) is Words.NOTHING
    assert len(board.plane.sessions.live.running()) == 1
    assert [state.link.id for state in board.portal.call(board.plane.sessions.phones.unshown)] == [sent.link.id]


def test_a_supervisor_reads_who_watches_and_stops_it(chromium, board):
    """Who, camera, owner, why, how; one press stops it, the operator reads that, and the log names the supervisor."""
    view = board.open()
    with watched(chromium, dark=True) as seen:
        page = seen.page
        page.goto(board.origin + "/console/watching")
        row = page.locator(f"#{view.session_id}").inner_text()
        for said in ("Sam Ortiz", "Front door", "Corner shop", "Violent crime", "Robbery, 26-1", "Live now"):
            assert said in row
        assert seen.axe() == []
        page.get_by_role("button", name="Stop Sam Ortiz: Front door").click()
        page.get_by_text("the person who watched reads that a supervisor stopped it").wait_for()
        assert "Nobody is watching now." in page.inner_text("main")
        assert seen.axe() == []
        assert seen.errors == []
        assert seen.violations() == []

    assert board.words(view) is Words.STOPPED
    entry = board.portal.call(board.plane.log, view.session_id)[-1]
    assert entry.kind == "session.stopped"
    assert entry.said("stopped_by") == SUPERVISOR.person_id


def test_how_long_is_counted_on_in_the_row(chromium, board):
    """In minutes and seconds from what the gateway said, second by second, with no further question."""
    view = board.open()
    asked: list[str] = []
    with watched(chromium) as seen:
        page = seen.page.goto(board.origin + "/console/watching", wait_until="networkidle")
        assert page is not None
        seen.page.on("request", lambda request: asked.append(request.url))
        shown = seen.page.locator(f"#{view.session_id} [data-seconds]")
        [said] = re.findall(r'data-seconds="\d+">(0:\d\d)<', page.text())

        seen.until(f"{_SHOWN} > '{said}'")
        shown.evaluate("(one) => (one.dataset.seconds = '119')")  # as if the gateway had said so
        seen.until(f"/^2:0\\d$/.test({_SHOWN})")

        assert asked == []


_SHOWN = "document.querySelector('[data-seconds]').textContent"


def test_the_board_is_current_by_itself(chromium, board):
    """A view appears when it is opened and goes when it is left, with no click; a home's owner is not named."""
    with watched(chromium, width=390, height=800) as seen:
        page = seen.page
        page.goto(board.origin + "/console/watching")
        page.wait_for_timeout(500)
        view = board.open("Porch")
        page.locator(f"#{view.session_id}").wait_for(timeout=8_000)
        assert "A home" in page.inner_text("main")
        assert HOME not in page.content()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert seen.axe() == []
        board.portal.call(board.plane.sessions.live.leave, OPERATOR, view.session_id)
        page.locator("p.lead", has_text="Nobody is watching now.").wait_for(timeout=8_000)


def test_a_board_that_hears_nothing_says_since_when_and_reads_what_it_missed(chromium, board):
    """As while the gateway restarts: the browser gives up listening, the page does not, and looks old where it is."""
    with watched(chromium, width=390, height=800, dark=True) as seen:
        page = seen.page
        page.route("**/console/watching/events", lambda route: route.fulfill(status=503))
        page.goto(board.origin + "/console/watching")
        words = re.compile(r"No connection to the gateway since .+ What you see may be old\.")
        line = page.locator("main").get_by_text(words)
        line.wait_for(timeout=15_000)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert seen.axe() == []
        view = board.open()

        page.unroute("**/console/watching/events")

        page.locator(f"#{view.session_id}").wait_for(timeout=15_000)
        line.wait_for(state="hidden")
        assert seen.violations() == []


def listening(seen: Watched, board: Board) -> Page:
    """The board once its stream is open, under a clock that can be turned on."""
    seen.page.clock.install()
    with seen.page.expect_response("**/console/watching/events"):
        seen.page.goto(board.origin + "/console/watching")
    return seen.page


@pytest.mark.parametrize("status", [503, 0], ids=["refused", "never answered"])
def test_a_connection_that_went_away_without_a_word_is_noticed(chromium, board, status: int):
    """The browser thinks that it listens, or soon will; the board says that it does not, and reads what it missed."""
    with watched(chromium) as seen:
        page = listening(seen, board)
        page.wait_for_timeout(500)
        page.route("**/console/watching/events", lambda route: route.fulfill(status=503) if status else None)

        page.clock.fast_forward(45_000)

        page.locator("#unheard").wait_for(timeout=5_000)
        view = board.open()
        page.unroute("**/console/watching/events")
        if not status:
            page.clock.fast_forward(45_000)
        page.locator(f"#{view.session_id}").wait_for(timeout=15_000)
        page.locator("#unheard").wait_for(state="hidden")


def test_a_quiet_board_that_beats_is_left_as_it_is(chromium, board, monkeypatch):
    """Nothing happens for longer than a lost connection takes to be noticed, but the gateway is heard."""
    monkeypatch.setattr(watching, "change_stream", partial(change_stream, heartbeat_s=0.1))
    asked: list[str] = []
    with watched(chromium) as seen:
        seen.page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
        page = listening(seen, board)
        for _ in range(2):
            page.wait_for_timeout(1_000)
            page.clock.fast_forward(30_000)

        page.wait_for_timeout(1_000)
        assert not page.locator("#unheard").is_visible()
        assert asked.count("events") == 1


def test_a_picture_on_a_phone_is_told_apart_and_stopped(chromium, board):
    """The board says on whose phone; its stop is the sender's and the phone's."""
    view = board.open(shown_to="Unit 12")
    with watched(chromium, width=390, height=800) as seen:
        page = seen.page
        page.goto(board.origin + "/console/watching")
        assert "on a phone, for Unit 12" in page.locator(f"#{view.session_id}").inner_text()
        assert seen.axe() == []
        page.get_by_role("button", name="Stop Sam Ortiz: Front door").click()
        page.locator("p.lead", has_text="Nobody is watching now.").wait_for(timeout=8_000)
    assert board.words(view) is Words.STOPPED


@pytest.mark.parametrize("width", [390, 1440])
def test_a_link_that_nobody_has_opened_is_there_and_is_stopped(chromium, board, width):
    """It appears by itself, with who sent it to whom; one press ends it, and its sender reads who did."""
    view = board.open()
    with watched(chromium, width=width, height=900, dark=True) as seen:
        page = seen.page
        page.goto(board.origin + "/console/watching")
        page.wait_for_timeout(500)
        sent = board.send(view)
        row = page.locator(f"#{sent.link.id}")
        row.wait_for(timeout=8_000)
        for said in ("Sam Ortiz", "Front door", "Corner shop", "Robbery, 26-1", "Unit 12", "not opened yet"):
            assert said in row.inner_text()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert seen.axe() == []
        page.get_by_role("button", name="Stop the link for Unit 12").click()
        page.get_by_text("its sender reads that a supervisor stopped it").wait_for()
        assert page.locator(f"#{sent.link.id}").count() == 0
        assert "1 picture is watched now." in page.inner_text("main")
        assert seen.errors == []
        assert seen.violations() == []

    (state,) = board.portal.call(board.plane.sessions.phones.mine, OPERATOR)
    assert state.words == "Stopped by a supervisor."
