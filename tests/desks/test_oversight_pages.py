"""The compliance officer's pages in a real browser: sound in both themes and on a phone, and current by themselves."""

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from anyio.from_thread import BlockingPortal
from litestar import get
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery

from gateway.audit import Decision, Kind
from gateway.desks.oversight_desk import PAGES, OversightDesk
from gateway.edge.problems import ProblemHandler
from gateway.edge.requires import PUBLIC, requires
from gateway.kernel.database import Database
from gateway.kernel.principal import Principal, PrincipalKind, Role
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from tests.support.browser import Watched, served, watched
from tests.support.log_bench import LogBench
from tests.support.looks import Morning
from tests.support.pages import Caller, web_app

pytestmark = pytest.mark.browser
OFFICER = Principal(
    kind=PrincipalKind.AGENCY, person_id="per_" + "7" * 26, roles=frozenset({Role.COMPLIANCE}), name="Kim Okafor"
)


@dataclass
class Desk:
    """The pages behind a port."""

    origin: str

    def write(self, kind: Kind | None = None, *, signed: bool = True) -> str:
        """A view, or a refused entry of `kind`, written by the gateway itself; signed or only promised."""
        asked = {"kind": kind or "", "signed": str(signed)}
        return httpx.get(self.origin + "/test/look", params=asked, timeout=10).raise_for_status().text


class FakeMarks:
    """One picture that carries a code."""

    async def sessions_of(self, code: str) -> list[str]:
        return ["ses_" + "8" * 26] if code == "ABCD-EFG0" else []


def _writer(bench: LogBench) -> HTTPRouteHandler:
    morning = Morning(bench.database, bench.log, bench.ids)

    @get("/test/look", media_type="text/plain", opt=requires(PUBLIC))
    async def look(kind: FromQuery[str], signed: FromQuery[bool]) -> str:
        """Somebody looks."""
        event_id = await (morning.write(Kind(kind), decision=Decision.DENY) if kind else morning.view())
        if signed:
            await bench.settle()
        return event_id

    return look


@pytest.fixture
def desk(portal: BlockingPortal, served_database: Database) -> Iterator[Desk]:
    """The desk over an empty log."""
    bench = LogBench(served_database, clock=SystemClock(), ids=SystemIds())
    oversight = OversightDesk(database=bench.database, audit=bench.log, reader=bench.reader, marks=FakeMarks())
    app = web_app(
        [*PAGES, _writer(bench)],
        caller=Caller(OFFICER),
        dependencies={
            "oversight": Provide(lambda: oversight, sync_to_thread=False),
            "principal": Provide(lambda: OFFICER, sync_to_thread=False),
            "bus": Provide(lambda: bench.bus, sync_to_thread=False),
        },
        exception_handlers=ProblemHandler().handlers(),
    )
    with served(app, portal) as origin:
        yield Desk(origin)


def _sound(seen: Watched) -> None:
    assert seen.errors == []
    assert seen.violations() == []
    assert seen.axe() == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_list_and_entry_are_sound(chromium, desk, dark):
    """Empty list, list, wrong filter, entry: no finding, no violation, in both themes."""
    with watched(chromium, dark=dark) as seen:
        seen.page.goto(desk.origin + "/oversight")
        assert "Nobody has looked" in seen.page.inner_text("main")
        _sound(seen)
        event_id = desk.write()
        desk.write(Kind.VIEW_DENIED)
        seen.page.goto(desk.origin + "/oversight")
        _sound(seen)
        seen.page.click(f"#{event_id} a")
        seen.page.wait_for_url(f"**/entries/{event_id}")
        _sound(seen)
        seen.page.click("summary")
        _sound(seen)


def test_list_is_current_by_itself(chromium, desk):
    """A look appears within seconds without a click, and what is typed in a filter meanwhile is kept."""
    with watched(chromium) as seen:
        seen.page.goto(desk.origin + "/oversight")
        seen.page.fill("#since", "2026-01-01")
        seen.page.wait_for_timeout(300)
        event_id = desk.write()
        seen.until(f"document.getElementById('{event_id}') !== null", timeout_s=8)

        assert seen.page.input_value("#since") == "2026-01-01"
        assert seen.errors == []


def test_a_code_from_a_picture_leads_to_its_view(chromium, desk):
    """One that no picture carries says so beside the field; the right one shows the entries of that view alone."""
    with watched(chromium) as seen:
        page = seen.page
        page.goto(desk.origin + "/oversight")
        page.fill("#code", "ABCD-EFGX")
        page.keyboard.press("Enter")
        page.wait_for_url("**/oversight/picture?code=ABCD-EFGX")
        assert "Read it again" in page.inner_text("#code-error")
        assert page.input_value("#code") == "ABCD-EFGX"
        assert seen.axe() == []
        page.fill("#code", "ABCD-EFG0")
        page.click("text=Find the view")
        page.wait_for_url("**/oversight?session=ses_88888888888888888888888888")
        assert "Only this view" in page.inner_text("main")
        assert seen.axe() == []


@pytest.mark.parametrize("path", ["/oversight", "/oversight/entries/"])
def test_phone_never_scrolls_sideways(chromium, desk, path):
    """320 CSS pixels show the list and an entry in one column."""
    event_id = desk.write()
    with watched(chromium, width=320) as seen:
        seen.page.goto(desk.origin + path + (event_id if path.endswith("/") else ""))

        assert seen.page.evaluate("document.documentElement.scrollWidth") <= 320
        _sound(seen)
