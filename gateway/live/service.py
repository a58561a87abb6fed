"""Live views: opened by a decision, held by leases, ended by whoever may.

One view is (1) decided by the centre's layers, a denial being a leaf too; (2) written with its leaf and the grant's
leaf; (3) answered at once with a ticket while (4) the site is asked, checks the grant and decides again; (5) forwarded
from its `accepted` on. Leases, horizons and accounts are `upkeep`; the order of ending is `endings`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import anyio
import anyio.abc

from gateway.kernel.database import Database
from gateway.kernel.errors import InvalidError, LenspactError, NotFoundError, UnavailableError
from gateway.kernel.principal import Principal, Role
from gateway.live.board import Board, Seat
from gateway.live.endings import Endings
from gateway.live.first_pictures import FirstPictures
from gateway.live.model import EndReason, OpenedBy, Session, read_mark
from gateway.live.opening import Opened, OpenedView, Opening, ViewWish
from gateway.live.ports import Decider, SessionStore, SiteLinks, ViewPermit
from gateway.live.verdicts import Verdicts
from partner_agent.wire.clock import Clock
from partner_agent.wire.playback_messages import ViewSize
from policies.request import Usage

OVERSEERS: Final = frozenset({Role.SUPERVISOR, Role.COMPLIANCE})  # they read everybody's views, and stop them
AT_A_TIME: Final = 8  # views decided again before the relay is told; the first waits for the last of them


class Live:
    """Opens, shows, ends and reports live views. `run` owns the questions to sites.

    Attributes:
        first_pictures: of views whose own connection is on its way.
    """

    def __init__(
        self,
        *,
        database: Database,
        store: SessionStore,
        decider: Decider,
        verdicts: Verdicts,
        opening: Opening,
        first_pictures: FirstPictures,
        board: Board,
        endings: Endings,
        links: SiteLinks,
        clock: Clock,
    ) -> None:
        self._database, self._store, self._decider, self._verdicts = database, store, decider, verdicts
        self._opening, self._board, self._endings, self._clock = opening, board, endings, clock
        self._links, self.first_pictures = links, first_pictures
        self._tasks: anyio.abc.TaskGroup | None = None

    async def run(self) -> None:
        """Own the questions to sites until cancelled."""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            try:
                await anyio.sleep_forever()
            finally:
                self._tasks = None

    @property
    def is_running(self) -> bool:
        """Whether sites can be asked."""
        return self._tasks is not None

    async def open(
        self,
        principal: Principal,
        *,
        camera_id: str,
        purpose: str,
        incident_id: str = "",
        fingerprint: str,
        opened_by: OpenedBy = OpenedBy.PERSON,
        confirmation_id: str = "",
        on_behalf_of: str = "",
        wanted_at: datetime | None = None,
        sound: bool = False,
        shown_to: str = "",
        most_seconds: int = 0,
    ) -> OpenedView:
        """Decide, write, answer; the site is asked while the browser already calls.

        With `wanted_at` it is a view of the site's recording around that moment, as much of it as may be shown. With
        `shown_to` it is shown on that somebody's phone, for `most_seconds` at most (`gateway.live.phones`).

        Raises:
            NotFoundError: no such camera, or the caller may not know of it.
            DeniedError: the rules say no; the sentence names what takes least of what the owner offers, if anything.
            ConflictError: the owner's yes was used or taken back meanwhile.
            UnavailableError: the camera's site cannot be asked, live views or the relay are not running, the log is
                behind, or this process may have missed that something was taken back.
            LimitedError: the caller has too many open.
            InvalidError: the fingerprint or the purpose is none.
            ConflictError: the second person's word was used up meanwhile.
        """
        wish = ViewWish(
            camera_id=camera_id,
            purpose=purpose,
            incident_id=incident_id,
            fingerprint=fingerprint,
            opened_by=opened_by,
            confirmation_id=confirmation_id,
            on_behalf_of=on_behalf_of,
            wanted_at=wanted_at,
            sound=sound,
            shown_to=shown_to,
            most_seconds=most_seconds,
        )
        (answer,) = await self.open_several(principal, [wish])
        if isinstance(answer, LenspactError):
            raise answer
        return answer

    async def open_several(self, principal: Principal, wishes: Sequence[ViewWish]) -> list[Opened]:
        """Open a wall: each view is decided, written and answered as `open` does, and takes nothing from the others.

        Raises:
            UnavailableError: the log is behind: of nothing.
        """
        return await self._opening.open(principal, wishes, tasks=self._tasks)

    async def view(self, principal: Principal, session_id: str) -> Session:
        """One session, to whoever opened it or watches over them.

        Raises:
            NotFoundError: there is none, or it is another person's.
        """
        session = await self._store.get(session_id)
        if session is None or not (session.person_id == principal.person_id or OVERSEERS & principal.roles):
            raise NotFoundError("There is no such view.")
        seat = self._board.get(session_id)  # knows of an end that was moved since, which is no step
        return session if seat is None else replace(session, horizon_at=seat.session.horizon_at)

    async def marked(self, text: str) -> Sequence[Session]:
        """The views whose picture carries this code, as somebody read it off a photo; none if it is no code."""
        mark = read_mark(text)
        return await self._store.marked(mark) if mark else ()

    async def usage(self, sites: Collection[str], *, without_session: str = "") -> Mapping[str, Usage]:
        """What sites have given in views in the last 24 hours and give now; one that gives nothing is left out.

        Recordings that were handed over as files are not known here.
        """
        now = self._clock.now()
        return await self._store.given(sites, since=now - timedelta(days=1), now=now, without=without_session)

    async def asked_for(self, site_id: str, *, since: datetime, most: int) -> Sequence[Session]:
        """The views of a site that were let through by the centre since then, newest first, at most so many."""
        return await self._store.asked_for(site_id, since=since, most=most)

    async def open_at(self, site_id: str) -> list[Session]:
        """The views of a site that may show something now, whichever process holds them."""
        return [session for session in await self._store.unfinished() if session.site_id == site_id]

    def running(self) -> list[Session]:
        """Every open session, newest first, for the supervisor's board and the owner's first page."""
        return sorted((seat.session for seat in self._board), key=lambda session: session.id, reverse=True)

    async def leave(self, principal: Principal, session_id: str) -> None:
        """The viewer closes the picture.

        Raises:
            NotFoundError: there is none, or it is another person's.
        """
        session = await self._store.get(session_id)
        if session is None or session.person_id != principal.person_id:
            raise NotFoundError("There is no such view.")
        await self._endings.end(session_id, EndReason.LEFT, by=principal)

    async def stop(self, principal: Principal, session_id: str) -> None:
        """A supervisor or compliance officer stops somebody's view.

        Raises:
            NotFoundError: there is none.
        """
        await self.view(principal, session_id)
        await self._endings.end(session_id, EndReason.SUPERVISOR, by=principal)

    def sized(self, principal: Principal, session_id: str, *, lines: int) -> None:
        """The picture is so many lines high on its viewer's screen: the site may send a larger stream, or a smaller.

        Raises:
            NotFoundError: there is none that runs, or it is another person's.
        """
        seat = self._board.get(session_id)
        if seat is None or seat.session.person_id != principal.person_id:
            raise NotFoundError("There is no such view.")
        if seat.is_admitted and not seat.session.is_recorded and lines != seat.lines:
            size = ViewSize(id=self._links.new_id(), session=session_id, lines=lines)
            with suppress(UnavailableError):  # a site that is away ends the view anyway
                self._links.tell(seat.session.agent_id, size)
                seat.lines = lines

    async def seen(self, principal: Principal, session_id: str, *, on_screen_s: int, enlarged_s: int) -> None:
        """What the page measured, as totals; they only grow, and never past the time that has passed.

        Raises:
            NotFoundError: there is none, or it is another person's.
            InvalidError: longer enlarged than on screen.
        """
        session = await self._store.get(session_id)
        if session is None or session.person_id != principal.person_id:
            raise NotFoundError("There is no such view.")
        if not 0 <= enlarged_s <= on_screen_s:
            raise InvalidError("A picture is not enlarged for longer than it is on screen.")
        passed_s = int(((session.ended_at or self._clock.now()) - session.requested_at).total_seconds()) + 1
        values = {
            "on_screen_s": max(session.on_screen_s, min(on_screen_s, passed_s)),
            "enlarged_s": max(session.enlarged_s, min(enlarged_s, passed_s)),
        }
        async with self._database.unit_of_work() as unit:
            await self._store.note(unit, session_id, **values)
            await unit.commit(unaudited="seconds on screen, which the leaf of the end names")
        seat = self._board.get(session_id)
        if seat is not None:
            seat.follow(**values)

    async def end_where(self, reason: EndReason, which: Callable[[Session], bool]) -> int:
        """End every open session that `which` picks; how many."""
        ended = 0
        for seat in self._board:
            if which(seat.session):
                ended += await self._endings.end(seat.session.id, reason)
        return ended

    async def incident_closed(self, incident_id: str) -> int:
        """The reason is over, and with it every view it carried."""
        return await self.end_where(EndReason.INCIDENT, lambda session: session.incident_id == incident_id)

    async def rules_changed(self, which: Callable[[Session], bool] = lambda _: True) -> int:
        """Decide the picked sessions again and end those that would not be permitted now; how many.

        All their pictures stop before the first end is written: a few at a time by one order to the relay, for asking
        it costs about as much as deciding, and the news of each end would come in between. Those of an owner who
        pressed the switch stop first, by one order: nothing has to be decided about them.
        """
        concerned = [seat for seat in self._board if which(seat.session)]
        off = await self._switched_off(concerned)
        ended = await self._endings.stop([seat.session.id for seat in concerned if _between(seat) in off])
        concerned = [seat for seat in concerned if _between(seat) not in off]
        try:
            for start in range(0, len(concerned), AT_A_TIME):
                few = concerned[start : start + AT_A_TIME]
                over = [seat.session.id for seat in few if not await self._verdicts.goes_on(seat)]
                ended += await self._endings.stop(over)
        finally:  # also of those before the one that could not be decided
            await self._endings.finish(ended, EndReason.RULES)
        return len(ended)

    async def _switched_off(self, seats: list[Seat]) -> set[tuple[str, str]]:
        """Owners and agencies of these between whom the owner, or the network, has switched off everything."""
        return {pair for pair in set(map(_between, seats)) if await self._decider.is_switched_off(*pair)}

    async def is_still_permitted(self, seat: Seat) -> ViewPermit | None:
        """What the centre would say to a running session now; whoever cannot decide does not permit."""
        return await self._verdicts.on_running(seat)


def _between(seat: Seat) -> tuple[str, str]:
    """Between which owner and which agency a picture passes."""
    return seat.session.organisation_id, seat.session.agency_id
