"""Ending a session, in the order that leaves no picture behind (architecture 4.6).

1. The relay stops forwarding, and says so. 2. The end is written with its leaf. 3. The site is told to stop. Whoever
ends a session is answered after the second. Taking access away works when relay or log do not: without the relay the
lease ends it within 10 s, and an end that could not be written is owed and tried again. It works when whoever asked for
it has gone, too: what has begun to end is stopped, owed to the log and told to the site.
"""

import logging
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import anyio
from sqlalchemy.exc import SQLAlchemyError

from gateway.audit import AuditLog, LeafDraft
from gateway.kernel.bus import MemoryBus
from gateway.kernel.database import Database
from gateway.kernel.errors import LenspactError, UnavailableError
from gateway.kernel.principal import Principal
from gateway.live import leaves
from gateway.live.board import Board, Seat
from gateway.live.model import Change, EndReason, Session, SessionState, reason_of_code, step
from gateway.live.ports import Relay, SessionStore, SiteLinks
from gateway.live.relay.client import RelayGoneError
from partner_agent.wire.clock import Clock
from partner_agent.wire.messages import End

_LOG: Final = logging.getLogger("lenspact.live")


def topic_of_viewer(person_id: str) -> str:
    """The bus topic of the ends of one person's views; `ref` names the session. How a start goes is no news."""
    return f"live.viewer.{person_id}"


@dataclass(frozen=True, slots=True)
class _End:
    """An end as it is to be written: the first of these changes that the row's state allows, with its leaf."""

    session: Session
    ways: tuple[tuple[Change, LeafDraft], ...]


class Endings:
    """Ends sessions."""

    def __init__(
        self,
        *,
        database: Database,
        store: SessionStore,
        audit: AuditLog,
        board: Board,
        relay: Relay,
        links: SiteLinks,
        bus: MemoryBus,
        clock: Clock,
    ) -> None:
        self._database, self._store, self._audit, self._board = database, store, audit, board
        self._relay, self._links, self._bus, self._clock = relay, links, bus, clock
        self._owed: dict[str, _End] = {}

    async def end(self, session_id: str, reason: EndReason, *, by: Principal | None = None) -> bool:
        """End one session; False if it was over already. Returns once no picture passes and the end is written."""
        seats = await self.stop([session_id])
        await self.finish(seats, reason, by=by)
        return bool(seats)

    async def stop(self, session_ids: Iterable[str]) -> list[Seat]:
        """Let no picture of these pass any more, by one order; whoever gets the seats has to `finish` them.

        Those that were over already are left out. A caller that is cancelled meanwhile is so after it, for it has them.
        """
        seats = [seat for seat in map(self._board.take, session_ids) if seat is not None]
        if seats:
            with anyio.CancelScope(shield=True):  # the relay answers, or is given up, within its own time
                await self._stop_forwarding(seats)  # 1
        return seats

    async def finish(self, seats: Sequence[Seat], reason: EndReason, *, by: Principal | None = None) -> None:
        """Write the ends of sessions whose pictures have stopped, and tell their sites, each after its own end."""
        ends = [self._ended(seat.session, reason, by) for seat in seats]
        self._owe(ends)
        untold = deque(seats)
        try:
            for end in ends:
                await self._write(end)  # 2
                self._tell_site(untold.popleft(), reason)  # 3
        finally:
            for seat in untold:
                self._tell_site(seat, reason)

    async def refused(self, session_id: str, code: str) -> None:
        """The site said no to a session that is not over; nothing was forwarded yet, and the site knows."""
        seat = self._board.take(session_id)
        if seat is None:
            return
        values = {"ended_at": self._clock.now(), "end_reason": reason_of_code(code), "site_code": code}
        change = step(SessionState.REFUSED, **values)
        end = _End(seat.session, ((change, leaves.refused(seat.session, code)),))
        self._owe([end])
        await self._write(end)

    async def pay_owed(self) -> None:
        """Write the ends that could not be written, or have not been yet: of two who write one, the second finds it."""
        for end in list(self._owed.values()):
            await self._write(end)

    def _announce(self, session: Session) -> None:
        """Wake the page of the person who looks: the picture tells it everything but the end."""
        self._bus.publish(topic_of_viewer(session.person_id), session.id)

    async def _stop_forwarding(self, seats: list[Seat]) -> None:
        names = [seat.session.id for seat in seats]
        try:
            await self._relay.drop(names)
        except RelayGoneError:
            _LOG.warning("the relay is gone; its lease ends %s", ", ".join(names))

    def _ended(self, session: Session, reason: EndReason, by: Principal | None) -> "_End":
        """It has failed where the row says that nobody accepted it, for the acceptance may be just written."""
        values = {"ended_at": self._clock.now(), "end_reason": reason}
        failed = replace(step(SessionState.FAILED, **values), before=frozenset({SessionState.REQUESTED}))
        ended = step(SessionState.ENDED, **values)
        return _End(session, ((failed, leaves.failed(session, reason)), (ended, leaves.ended(session, reason, by=by))))

    def _owe(self, ends: Sequence["_End"]) -> None:
        """Before anything can be cancelled; what is written is owed no more."""
        self._owed |= {end.session.id: end for end in ends}

    async def _write(self, end: "_End") -> None:
        session = end.session
        try:
            async with self._database.unit_of_work() as unit:
                for change, leaf in end.ways:
                    if await self._store.change(unit, session.id, change):
                        await self._audit.append(unit, leaf)
                        await unit.commit()
                        break
            self._owed.pop(session.id, None)
        except (SQLAlchemyError, OSError, LenspactError):
            _LOG.exception("the end of %s is owed to the log", session.id)
        self._announce(session)

    def _tell_site(self, seat: Seat, reason: EndReason) -> None:
        if not seat.is_granted:
            return
        session = seat.session
        try:
            self._links.tell(session.agent_id, End(id=self._links.new_id(), session=session.id, reason=reason.value))
        except UnavailableError:
            _LOG.info("the site of %s is not connected; its lease ends it there", session.id)
