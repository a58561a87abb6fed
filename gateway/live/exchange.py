"""Asking the site: the grant goes out with its leaf and the log's promise, and the answer opens or closes the session.

No transaction is open while the site thinks. Only a signed `accepted` for exactly this grant lets the relay forward; a
late one reopens nothing, and the site is told so.
"""

import logging
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from gateway.audit import AuditLog, LeafRef
from gateway.kernel.errors import DeadlineError, LenspactError, UnavailableError
from gateway.live import leaves
from gateway.live.board import Board, Seat
from gateway.live.endings import Endings
from gateway.live.grants import DraftGrant, GrantDesk
from gateway.live.model import EndReason, SessionState, step
from gateway.live.ports import DeviceKeys, Relay, SiteLinks
from gateway.live.relay.client import RelayGoneError
from gateway.live.steps import Step, Steps
from partner_agent.wire.clock import Clock
from partner_agent.wire.messages import Accepted, Grant, Message, Refused
from partner_agent.wire.tokens import PublicKey

ANSWER_S: Final = 8.0  # the site may wait 4 s for room among its promises, then asks its camera nothing
BY_HTTPS: Final = "HTTPS"  # what the entry of the start names instead of an SRTP profile
_LOG: Final = logging.getLogger("lenspact.live")


class Exchange:
    """One question to a site and its answer."""

    def __init__(
        self,
        *,
        steps: Steps,
        audit: AuditLog,
        board: Board,
        endings: Endings,
        grants: GrantDesk,
        relay: Relay,
        links: SiteLinks,
        keys: DeviceKeys,
        clock: Clock,
    ) -> None:
        self._steps, self._audit, self._board = steps, audit, board
        self._endings, self._grants, self._relay = endings, grants, relay
        self._links, self._keys, self._clock = links, keys, clock

    def demand_relay(self) -> None:
        """Demand a relay that would take a ticket now; without one the site would be asked for nothing.

        Raises:
            UnavailableError: it is starting again.
        """
        if not self._relay.is_ready:
            raise UnavailableError("Live pictures are starting again. Try in a few seconds.")

    async def ask(self, seat: Seat, draft: DraftGrant, leaf: LeafRef) -> None:
        """Ask the site for a session whose leaf is committed; returns when it is accepted or over.

        One that was ended before is not asked for: its site would send to nobody.
        """
        session = seat.session
        if self._board.get(session.id) is not seat:
            return
        token = self._grants.sign(draft, leaf, self._audit.promise(leaf.leaf_hash))
        seat.is_granted = True
        message = Grant(id=self._links.new_id(), token=token)
        try:
            answer = await self._links.send(session.agent_id, message, deadline_s=ANSWER_S)
            key = await self._keys.device_key(session.agent_id)
            if key is None:
                await self._endings.end(session.id, EndReason.OFFLINE)
                return
            await self._take(seat, answer, key, token)
        except (UnavailableError, DeadlineError):
            await self._endings.end(session.id, EndReason.OFFLINE)
        except RelayGoneError:
            await self._endings.end(session.id, EndReason.RELAY)
        except LenspactError:
            _LOG.warning("the site's answer for %s was not usable", session.id, exc_info=True)
            await self._endings.end(session.id, EndReason.CANNOT_START)
        except Exception:  # noqa: BLE001 - the supervisor of one question: a full disk must not end the others'
            _LOG.exception("the site's answer for %s could not be written", session.id)
            await self._endings.end(session.id, EndReason.CANNOT_START)

    async def _take(self, seat: Seat, answer: Message, key: PublicKey, grant: str) -> None:
        match answer:
            case Accepted():
                seat.fingerprint = self._grants.accepted_fingerprint(answer.token, key, seat.session, grant=grant)
                await self._accept(seat)
            case Refused():
                code = self._grants.refused_code(answer.token, key, seat.session, grant=grant)
                await self._endings.refused(seat.session.id, code)
            case _:
                await self._endings.end(seat.session.id, EndReason.CANNOT_START)

    async def _accept(self, seat: Seat) -> None:
        """Forward first, then write: a picture never waits for the disk, and its leaf was committed before."""
        if self._board.get(seat.session.id) is not seat:
            return  # it was ended meanwhile, and the site has been told
        await self.admit(seat)
        now = self._clock.now()
        change = step(SessionState.ACCEPTED, accepted_at=now)
        if not await self._steps.take(Step(seat.session.id, change, leaves.accepted(seat.session))):
            return
        seat.follow(state=SessionState.ACCEPTED, accepted_at=now)
        if seat.cipher:
            await self.establish(seat)

    async def admit(self, seat: Seat) -> None:
        """Let the relay forward until the session's horizon.

        Raises:
            RelayGoneError: there is no relay.
        """
        session = seat.session
        valid_s = (session.horizon_at - self._clock.now()).total_seconds()
        seat.is_admitted = True  # before the order, for a lease that overtakes its answer would end the session
        is_open = await self._relay.admit(
            session=session.id,
            publication=session.publication,
            fingerprint=seat.fingerprint,
            valid_s=valid_s,
            sound=session.has_sound,
        )
        if not is_open:
            await self._endings.end(session.id, EndReason.LEFT)

    async def forwarded(self, session_id: str, cipher: str) -> None:
        """A picture left the relay; it may be faster than our disk with the acceptance. The first one is the start.

        A start that cannot be written ends the view: nothing is watched without its entry.
        """
        seat = self._board.get(session_id)
        if seat is None:
            return
        if seat.cipher:
            seat.is_on_its_way = seat.is_on_its_way and cipher == BY_HTTPS  # the news of both may cross
            return
        seat.cipher, seat.is_on_its_way = cipher, cipher == BY_HTTPS
        if seat.session.state is SessionState.ACCEPTED:
            try:
                await self.establish(seat)
            except (LenspactError, SQLAlchemyError, OSError):
                _LOG.exception("the start of %s could not be written", session_id)
                await self._endings.end(session_id, EndReason.CANNOT_START)

    async def first_picture(self, seat: Seat) -> bytes:
        """What the relay has of it before its pictures flow, for who is admitted by then; empty for nothing."""
        session = seat.session
        try:
            answer = await self._relay.first_picture(session=session.id, publication=session.publication)
        except RelayGoneError:
            return b""
        return answer.picture

    async def establish(self, seat: Seat) -> None:
        """Write that pictures are forwarded."""
        now = self._clock.now()
        change = step(SessionState.ESTABLISHED, established_at=now)
        if not await self._steps.take(Step(seat.session.id, change, leaves.started(seat.session, cipher=seat.cipher))):
            return
        seat.follow(state=SessionState.ESTABLISHED, established_at=now)
        seat.settled.set()
