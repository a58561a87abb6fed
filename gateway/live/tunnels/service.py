"""Which tunnels may be open: a site's way to its own relay, as long as it has a view to send and may be asked.

A tunnel opens nothing that UDP would not: the relay takes of it what proves itself, by ICE and DTLS, and nothing else.
What is bounded here is what it costs the gateway, and for whom it is there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol

import anyio

from gateway.edge.bearer import bearer
from gateway.kernel.errors import (
    DeniedError,
    LimitedError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
)
from gateway.live.board import Board
from gateway.live.ports import DeviceKeys, MediaEngine, SiteLinks
from gateway.live.relay.client import RelayClient, RelayGoneError
from gateway.live.relays import Relays
from gateway.live.tunnels.carriage import Carriage
from gateway.live.tunnels.ports import Address, Socket, TunnelEnds
from partner_agent.wire import tunnels
from partner_agent.wire.clock import Clock
from partner_agent.wire.limits import LEASE_VALID_S
from partner_agent.wire.tokens import TokenError

MOST: Final = 32  # of one gateway: what they carry passes through the process that decides
MOST_OF_AGENT: Final = 4  # each is a picture of its own; the line they share is narrow
_TOKEN_BYTES: Final = 2_048
_RETRY_S: Final = 10
_OFFLINE: Final = "offline"
_GOOD: Final = frozenset({"", "behind"})  # of `SiteLinks.problem_of`: a new document on its way ends no view


@dataclass(slots=True, eq=False)
class Tunnel:
    """A tunnel that may open, or is open.

    Attributes:
        publication, resource: the call it is for.
        agent_id: whose.
        relay: where it leads.
        seen_at: when its agent was last known to be connected, monotonic seconds.
        scope: ends it.
    """

    publication: str
    resource: str
    agent_id: str
    relay: Address
    seen_at: float
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)


class Tunnels:
    """Every open tunnel of this gateway."""

    def __init__(
        self, *, board: Board, links: SiteLinks, keys: DeviceKeys, ends: TunnelEnds, gateway: str, clock: Clock
    ) -> None:
        """`gateway`: the public origin, on which tunnels are."""
        self._board, self._links, self._keys, self._ends = board, links, keys, ends
        self._gateway, self._clock = gateway, clock
        self._open: dict[str, Tunnel] = {}

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._open)

    async def admit(self, publication: str, resource: str, authorization: str) -> Tunnel:
        """Let a site open the tunnel of its call.

        1. There is room. 2. A view that the site was asked for is open. 3. The site is connected and may be asked.
        4. A relay has exactly this call. 5. The site's device signed for exactly this tunnel.

        Raises:
            LimitedError: too many are open.
            NotFoundError: no view or no call.
            DeniedError: the site may not be asked now.
            UnauthenticatedError: not the site's device.
            UnavailableError: the relay is gone.
        """
        agent_id = self._agent_of(publication)
        if not self._has_room(publication, agent_id):  # 1
            raise LimitedError("Too many views go this way now.", retry_after_s=_RETRY_S)
        if not agent_id:  # 2
            raise NotFoundError("There is no such call.")
        if self._links.problem_of(agent_id) not in _GOOD:  # 3
            raise DeniedError("The site cannot be asked now.")
        try:
            relay = await self._ends.tunnel_end(publication, resource)  # 4
        except RelayGoneError as error:
            raise UnavailableError("Live pictures are starting again. Try in a few seconds.") from error
        if relay is None:
            raise NotFoundError("There is no such call.")
        await self._demand_device(agent_id, publication, resource, authorization)  # 5
        return Tunnel(publication, resource, agent_id, relay, self._clock.monotonic())

    async def carry(self, socket: Socket, tunnel: Tunnel) -> int:
        """Carry an admitted tunnel until it ends; the code to close with. One of the same call gives way to it."""
        if not self._has_room(tunnel.publication, tunnel.agent_id):  # others were quicker
            return tunnels.CLOSE_FULL
        carriage = Carriage(socket, ended=lambda: self._ended(tunnel), clock=self._clock)
        code = tunnels.CLOSE_SUPERSEDED
        with self._place(tunnel), tunnel.scope:
            code = await carriage.carry(tunnel.relay)
        if code == tunnels.CLOSE_FLOOD:
            await self._end_call(tunnel)
        return code

    def _has_room(self, publication: str, agent_id: str) -> bool:
        others = [each for each in self._open.values() if each.publication != publication]
        return len(others) < MOST and sum(each.agent_id == agent_id for each in others) < MOST_OF_AGENT

    @contextmanager
    def _place(self, tunnel: Tunnel) -> Iterator[None]:
        former = self._open.get(tunnel.publication)
        self._open[tunnel.publication] = tunnel
        if former is not None:
            former.scope.cancel()
        try:
            yield
        finally:
            if self._open.get(tunnel.publication) is tunnel:
                del self._open[tunnel.publication]

    def _ended(self, tunnel: Tunnel) -> int:
        """A lost link ends it when the site's leases have run out as well; what is wrong with the site, at once."""
        if self._agent_of(tunnel.publication) != tunnel.agent_id:
            return tunnels.CLOSE_OVER
        now, problem = self._clock.monotonic(), self._links.problem_of(tunnel.agent_id)
        if problem != _OFFLINE:
            tunnel.seen_at = now
        is_alone = problem == _OFFLINE and now - tunnel.seen_at <= LEASE_VALID_S
        return 0 if problem in _GOOD or is_alone else tunnels.CLOSE_OVER

    async def _demand_device(self, agent_id: str, publication: str, resource: str, authorization: str) -> None:
        refusal = UnauthenticatedError("This tunnel is opened by the site's own device.")
        token, key = bearer(authorization), await self._keys.device_key(agent_id)
        if key is None or not token or len(token) > _TOKEN_BYTES:
            raise refusal
        url = tunnels.socket_url(f"{self._gateway}{path_of(publication, resource)}")
        try:
            tunnels.check_token(token, key, agent=agent_id, url=url)
        except TokenError as error:
            raise refusal from error

    async def _end_call(self, tunnel: Tunnel) -> None:
        try:
            await self._ends.delete(tunnel.publication, tunnel.resource)
        except RelayGoneError:
            return  # and the call with it

    def _agent_of(self, publication: str) -> str:
        """Whose publication it is, while a view of it is open that the site was asked for; else empty."""
        for seat in self._board:
            if seat.session.publication == publication and seat.is_granted:
                return seat.session.agent_id
        return ""


class TunnelGround(Protocol):
    """What tunnels stand on, of what live views stand on."""

    @property
    def links(self) -> SiteLinks:
        """To sites."""

    @property
    def keys(self) -> DeviceKeys:
        """Of their devices."""

    @property
    def gateway(self) -> str:
        """The public origin."""

    @property
    def clock(self) -> Clock:
        """Ours."""


def tunnels_to(engine: MediaEngine, board: Board, ground: TunnelGround) -> Tunnels | None:
    """Tunnels to these relays; None where a media server of others forwards, which has no port of ours."""
    if not isinstance(engine, RelayClient | Relays):
        return None
    return Tunnels(
        board=board, links=ground.links, keys=ground.keys, ends=engine, gateway=ground.gateway, clock=ground.clock
    )


def path_of(publication: str, resource: str) -> str:
    """Where the tunnel of a call is."""
    return f"/whip/{publication}/{resource}{tunnels.SUFFIX}"
