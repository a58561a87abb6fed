"""What keeps live views alive, and what notices their end: leases every 3 s, horizons, the relay's and sites' news.

At its horizon a view is decided again at once, for from then on the relay waits for that and shows nothing. A lease
batch goes to the relay and to every site with a session; a site that cannot be reached for `LEASE_VALID_S` has ended
its sessions by itself, so they end here too.
"""

import itertools
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from gateway.kernel.errors import UnavailableError
from gateway.live.accounts import Accounts
from gateway.live.board import Board, Seat
from gateway.live.endings import Endings
from gateway.live.exchange import Exchange
from gateway.live.grants import horizon_of
from gateway.live.model import Account, EndReason, SessionState
from gateway.live.ports import Freshness, Relay, SessionStore, SiteLinks
from gateway.live.relay import protocol
from gateway.live.relay.client import RelayGoneError
from gateway.live.service import Live
from partner_agent.wire import leases
from partner_agent.wire.clock import Clock
from partner_agent.wire.limits import LEASE_PERIOD_S, LEASE_VALID_S
from partner_agent.wire.messages import Lease
from partner_agent.wire.tokens import ClassSigner

ACCOUNTS_EVERY_S: Final = 30.0
PASS_S: Final = 1.0  # of deciding again, before leases are looked after; the rest is done at the next look
LOOK_S: Final = 0.25  # between two looks at the horizons, which a view may get, or a nearer one, at any time
UNSEEN_S: Final = 35.0  # a ticket's life and the handshakes: who has no picture by then never calls, or never gets one
_LOG: Final = logging.getLogger("lenspact.live")
_GONE: Final[dict[protocol.EndReason, EndReason]] = {
    "dropped": EndReason.LEFT,
    "left": EndReason.LEFT,
    "silent": EndReason.LEFT,
    "replaced": EndReason.LEFT,
    "lease": EndReason.LEASE,
    "horizon": EndReason.TIME,
    "failed": EndReason.CANNOT_START,
    "unadmitted": EndReason.CANNOT_START,
}


class Upkeep:
    """The endless work beside `Live`."""

    def __init__(
        self,
        *,
        store: SessionStore,
        accounts: Accounts,
        live: Live,
        board: Board,
        endings: Endings,
        exchange: Exchange,
        relay: Relay,
        links: SiteLinks,
        freshness: Freshness,
        leases: ClassSigner,
        gateway: str,
        clock: Clock,
    ) -> None:
        self._store, self._accounts, self._live = store, accounts, live
        self._board, self._endings, self._exchange = board, endings, exchange
        self._relay, self._links, self._leases = relay, links, leases
        self._freshness, self._gateway, self._clock = freshness, gateway, clock
        self._numbers = itertools.count(1)
        self._leased_at: dict[str, float] = {}

    async def run(self) -> None:
        """Recover, then lease and look after horizons until cancelled."""
        await self.recover()
        checked_at = self._clock.monotonic()
        while True:
            await self.beat()
            if self._clock.monotonic() - checked_at >= ACCOUNTS_EVERY_S:
                checked_at = self._clock.monotonic()
                await self._accounts.check_missing()
            await self._rest()

    async def _rest(self) -> None:
        """Until the next beat, but for the horizons on the way there."""
        until = self._clock.monotonic() + LEASE_PERIOD_S
        while (left_s := until - self._clock.monotonic()) > 0:
            now = self._clock.now()
            ahead_s = [(seat.session.horizon_at - now).total_seconds() for seat in self._board]
            await self._clock.sleep(min(left_s, LOOK_S, *(one for one in ahead_s if one > 0)))
            await self._look_at_horizons()

    async def recover(self) -> None:
        """After a restart no picture of before runs any more: end what the rows still call open."""
        for session in await self._store.unfinished():
            if self._board.get(session.id) is None:
                self._board.put(Seat(session=session, question=None))
                await self._endings.end(session.id, EndReason.RESTARTED)

    async def beat(self) -> None:
        """One round: leases to relay and sites, horizons, ends that are owed.

        While this process cannot know whether something was taken back, it renews nothing; leases end by themselves.
        """
        try:
            await self._freshness.demand()
        except UnavailableError:
            _LOG.warning("no lease is renewed: whether anything was taken back cannot be seen")
        else:
            await self._lease()
        await self._look_at_horizons()
        await self._end_unseen()
        await self._endings.pay_owed()

    async def _lease(self) -> None:
        try:
            await self._relay.lease([seat.session.id for seat in self._board if seat.is_admitted])
        except RelayGoneError:
            _LOG.debug("no relay to lease to")
        for agent_id, seats in self._board.by_agent().items():
            await self._lease_site(agent_id, seats)
        self._leased_at = {agent: at for agent, at in self._leased_at.items() if agent in self._board.by_agent()}

    async def site_is_back(self, agent_id: str) -> None:
        """A site dialled anew: its views' leases run out meanwhile, so they are renewed now, not at the next beat."""
        seats = self._board.by_agent().get(agent_id)
        if not seats:
            return
        try:
            await self._freshness.demand()
        except UnavailableError:
            return
        await self._lease_site(agent_id, seats)

    async def relay_said(self, event: protocol.Event) -> None:
        """News from the relay."""
        match event:
            case protocol.ViewerUp():
                await self._exchange.forwarded(event.session, event.srtp_profile)
            case protocol.ViewerGone():
                await self._viewer_gone(event)
            case protocol.PublicationUp() | protocol.PublicationDown():
                _LOG.debug("%s", event)

    async def relay_gone(self, had: Callable[[str], bool] = lambda _: True) -> None:
        """A relay died, and every picture with it; `had` says which publications were its."""
        for seat in [seat for seat in self._board if had(seat.session.publication)]:
            await self._endings.end(seat.session.id, EndReason.RELAY)

    async def _lease_site(self, agent_id: str, seats: list[Seat]) -> None:
        now = self._clock.monotonic()
        fresh = self._links.fresh_of(agent_id)
        token = leases.sign(
            self._leases,
            gateway=self._gateway,
            agent=agent_id,
            n=next(self._numbers),
            fresh=fresh,
            sessions=[(seat.session.id, seat.session.grant_id) for seat in seats],
            now=self._clock.now(),
        )
        if fresh and self._told(agent_id, Lease(id=self._links.new_id(), token=token)):
            self._leased_at[agent_id] = now
        elif now - self._leased_at.setdefault(agent_id, now) >= LEASE_VALID_S:
            for seat in seats:
                await self._endings.end(seat.session.id, EndReason.OFFLINE)

    def _told(self, agent_id: str, message: Lease) -> bool:
        try:
            self._links.tell(agent_id, message)
        except UnavailableError:
            return False
        return True

    async def _look_at_horizons(self) -> None:
        """A session at its horizon is decided again; its seconds are never extended."""
        now, latest = self._clock.now(), self._clock.monotonic() + PASS_S
        for seat in self._board:
            session = seat.session
            if session.accepted_at is None or now < session.horizon_at or self._clock.monotonic() > latest:
                continue
            left_s = session.max_seconds - (now - session.accepted_at).total_seconds()
            if seat.question is not None and seat.question.approved is not None:  # a yes is never made longer
                left_s = min(left_s, (seat.question.approved.until - now).total_seconds())
            permit = await self._live.is_still_permitted(seat) if left_s >= 1 else None
            if permit is None:
                await self._endings.end(session.id, EndReason.TIME if left_s < 1 else EndReason.RULES)
                continue
            if seat.session.horizon_at != session.horizon_at:
                continue  # something changed meanwhile, and gave it another: that is looked at next
            seat.follow(horizon_at=horizon_of(permit, now, int(left_s)))
            try:
                await self._exchange.admit(seat)
            except RelayGoneError:
                await self._endings.end(session.id, EndReason.RELAY)

    async def _end_unseen(self) -> None:
        """The site would send for as long as it may, to nobody; one that nobody asked for would keep its place."""
        latest = self._clock.now() - timedelta(seconds=UNSEEN_S)
        for seat in self._board:
            session = seat.session
            is_unseen = session.state is not SessionState.ESTABLISHED or seat.is_on_its_way
            if is_unseen and (session.accepted_at or session.requested_at) <= latest:
                await self._endings.end(session.id, EndReason.CANNOT_START)

    async def _viewer_gone(self, event: protocol.ViewerGone) -> None:
        await self._endings.end(event.session, _GONE[event.reason])
        await self._accounts.forwarded(
            event.session, Account(seconds=event.seconds_ms / 1000, sent_bytes=event.sent_bytes)
        )
