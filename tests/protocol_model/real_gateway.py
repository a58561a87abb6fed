"""Drives the real gateway with the steps of `gateway_asks`: its database, log and sessions, and a second process."""

from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from gateway.kernel.database import Database
from gateway.kernel.errors import ConflictError, DeniedError
from gateway.kernel.principal import Principal, PrincipalKind, Role
from gateway.live import AskState, AskWish, ViewAsk
from gateway.live.asking.service import ViewAsks
from gateway.live.asking.store import SqlViewAsks
from gateway.live.board import Board
from gateway.live.endings import Endings
from gateway.live.store import SqlSessions
from partner_agent.wire.touches import Assertion
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds
from tests.protocol_model.engine import Action, After
from tests.protocol_model.gateway_asks import OTHERS_WISH, World
from tests.support.live import (
    AGENT,
    CAMERA,
    INCIDENT,
    OPERATOR,
    ORGANISATION,
    OTHER,
    FakeRelay,
    Plane,
    live_plane,
    made_up,
)

STEP_S: Final = 300  # a third of the time to answer, and what a view that was asked for lives
INCIDENTS: Final = (INCIDENT, made_up("inc", 19))
OPERATORS: Final = (OPERATOR, OTHER)
CAMERAS: Final = (CAMERA, made_up("cam", 19))
PURPOSE: Final = "violent_crime"
TOUCH: Final = Assertion(credential="YQ", client_data="YQ", authenticator_data="YQ", signature="YQ")
OWNER: Final = Principal(
    kind=PrincipalKind.PARTNER,
    person_id=made_up("per", 20),
    organisation_id=ORGANISATION,
    roles=frozenset({Role.OWNER}),
)


class LateRows(SqlViewAsks):
    """What it read before it reads once more; then it reads what is there."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.before: list[Sequence[ViewAsk]] = []

    async def ask(self, ask_id: str) -> ViewAsk | None:
        """One."""
        return next(iter(self.before.pop()), None) if self.before else await super().ask(ask_id)

    async def of_incident(self, incident_id: str) -> Sequence[ViewAsk]:
        """Every one of an incident."""
        return self.before.pop() if self.before else await super().of_incident(incident_id)


class RealGateway:
    """One gateway of two processes that does what `gateway_asks.GatewayAsks` does."""

    def __init__(self, database: Database, folder: Path, stack: AsyncExitStack) -> None:
        self.database, self.folder, self.clock, self.ids = database, folder, FakeClock(), SequentialIds()
        self._stack, self._starts = stack, 0

    @classmethod
    @asynccontextmanager
    async def at_work(cls, database: Database, folder: Path) -> AsyncIterator["RealGateway"]:
        """Started."""
        async with AsyncExitStack() as stack:
            real = cls(database, folder, stack)
            await real.boot()
            yield real

    async def boot(self) -> None:
        """Start, or start again: what was in memory is gone, and no picture passes."""
        await self._stack.aclose()
        self._starts += 1
        folder = self.folder / str(self._starts)
        folder.mkdir(parents=True)
        started = live_plane(self.database, folder, clock=self.clock, ids=self.ids)
        self.plane: Plane = await self._stack.enter_async_context(started)
        self.plane.decider.needs_yes = True
        self.late, self.held = LateRows(self.database), None
        self.elsewhere = self._other_process()

    async def do(self, action: Action, before: World) -> str:
        """Do one step; what is answered, in the model's words."""
        asks, args = self.plane.sessions.asks, action.args
        match action.what:
            case "an operator asks":
                return await self._ask(asks, *args)
            case "a view is opened" | "a view comes to no picture" | "a no arrives while a view is opened" as what:
                return await self._open(before, args, what)
            case "an owner touches":
                return await _said(asks.approve(OWNER, (await self._row(args[0])).id, TOUCH))
            case "no in the portal":
                return await _said(asks.decline(OWNER, (await self._row(args[0])).id))
            case "yes from the site" | "no from the site" as what:
                digest = (await self._row(args[0])).document_sha256
                await asks.site_answered(AGENT, digest, is_yes=what == "yes from the site", token="signed")
                return "heard"
            case (
                "another process reads"
                | "another process asks"
                | "another process takes a yes"
                | ("another process takes a no")
            ):
                return await self._elsewhere(action)
            case what:
                await self._happens(what, args)
        return ""

    async def _happens(self, what: str, args: tuple[Any, ...]) -> None:
        """What nobody is answered."""
        match what:
            case "a view is closed":
                (mine,) = [view for view in self.plane.sessions.live.running() if self._view(view) == args]
                await self.plane.sessions.live.leave(OPERATORS[args[1]], mine.id)
            case "time passes":
                self.clock.advance(STEP_S)
                self.held = None
                await self.plane.sessions.upkeep.beat()
            case "the gateway looks":
                await self.plane.sessions.asks.tick()
            case "the incident closes":
                self.plane.ask_law.closed.add(INCIDENTS[args[0]])
                await self.plane.sessions.live.incident_closed(INCIDENTS[args[0]])
            case "the gateway restarts":
                closed = self.plane.ask_law.closed
                await self.boot()
                self.plane.ask_law.closed = closed

    async def check(self, after: After) -> None:
        """The same requests stand as they should, to everybody, and the same views are shown."""
        world: World = after.state
        for incident, ask in enumerate(world.asks):
            rows = await SqlViewAsks(self.database).of_incident(INCIDENTS[incident])
            assert [AskState(row.state).value for row in rows] == ([ask.state] if ask else [])
        assert {self._view(view) for view in self.plane.sessions.live.running()} == world.views

    async def reads(self, incident: int, by: int) -> str:
        """How the request of an incident stands, to a person."""
        found = await self.plane.sessions.asks.of_incident(OPERATORS[by], INCIDENTS[incident])
        ask = found.get(ORGANISATION)
        return ask.standing_for(OPERATORS[by], self.clock.now()).value if ask else ""

    # --- inside

    def _other_process(self) -> ViewAsks:
        plane, sessions = self.plane, SqlSessions(self.database)
        common: dict[str, Any] = {
            "database": self.database, "audit": plane.audit, "clock": self.clock, "bus": plane.bus,
        }  # fmt: skip
        endings = Endings(**common, store=sessions, board=Board(), relay=FakeRelay(), links=plane.site)
        return ViewAsks(
            **common, rows=self.late, sessions=sessions, endings=endings, law=plane.ask_law, sites=plane.ask_sites,
            touches=plane.touches, ids=self.ids,
        )  # fmt: skip

    async def _elsewhere(self, action: Action) -> str:
        if action.what == "another process reads":
            self.held = await SqlViewAsks(self.database).of_incident(INCIDENTS[action.args[0]])
            return ""
        held, self.held = self.held, None
        assert held is not None
        if action.what == "another process asks":
            self.late.before = [held] if INCIDENTS[0] not in self.plane.ask_law.closed else []
            return await self._ask(self.elsewhere, *OTHERS_WISH)
        self.late.before = [held]
        if action.what == "another process takes a yes":
            return await _said(self.elsewhere.approve(OWNER, held[0].id, TOUCH))
        said = await _said(self.elsewhere.decline(OWNER, held[0].id))
        await self.plane.sessions.live.rules_changed()  # as the generations make every process do
        return said

    async def _ask(self, asks: ViewAsks, incident: int, by: int, camera: int) -> str:
        wish = AskWish(camera_id=CAMERAS[camera], purpose=PURPOSE, incident_id=INCIDENTS[incident])
        try:
            await asks.ask(OPERATORS[by], wish)
        except DeniedError as error:
            return _word(error)
        return "asked"

    async def _open(self, before: World, way: tuple[int, int, int], what: str) -> str:
        incident, by, camera = way
        plane, is_failed = self.plane, what == "a view comes to no picture"
        row = before.asks[incident] and await self._row(incident)
        if what == "a no arrives while a view is opened" and row:
            plane.decider.meanwhile = lambda: plane.sessions.asks.decline(OWNER, row.id)
        plane.site.answer = "camera_unreachable" if is_failed else "accept"
        if INCIDENTS[incident] in plane.ask_law.closed:
            plane.decider.deny()
        try:
            opened = await plane.open(OPERATORS[by], camera_id=CAMERAS[camera], incident_id=INCIDENTS[incident])
        except DeniedError as error:
            return _word(error)
        except ConflictError:
            return "over"
        finally:
            plane.decider.answer = plane.decider.meanwhile = None
        await plane.in_state(opened.session_id, "refused" if is_failed else "accepted")
        return "failed" if is_failed else "opened"

    async def _row(self, incident: int) -> ViewAsk:
        (row,) = await SqlViewAsks(self.database).of_incident(INCIDENTS[incident])
        return row

    def _view(self, session: Any) -> tuple[int, int, int]:
        people = [operator.person_id for operator in OPERATORS]
        return (
            INCIDENTS.index(session.incident_id), people.index(session.person_id), CAMERAS.index(session.camera_id)
        )  # fmt: skip


async def _said(answer: Awaitable[object]) -> str:
    try:
        await answer
    except ConflictError:
        return "over"
    return "said"


def _word(error: DeniedError) -> str:
    words = {"Not available for this purpose.": "not available", "Available if the owner agrees.": "ask first"}
    return words[str(error)]
