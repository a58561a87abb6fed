"""Ways around a network that lets no UDP out to the relay: straight first, then TURN over UDP, then over TLS.

Servers come with the relay's answer, and each is used only if the site's rule gives an address for it. A place that
was needed once is sought at once the next time, until a straight way was found again. Where none of these leads there,
the last is a WebSocket to the gateway itself, if it offers one.
"""

import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Final, Literal

import anyio
import anyio.abc

from partner_agent.rtc.hooks import Leg, LegFailedError
from partner_agent.rtc.mux import Port
from partner_agent.rtc.tunnel import TunnelChannel, TunnelLostError, TunnelPlace, TunnelPort
from partner_agent.rtc.turn import TurnError, TurnPort, TurnServer

STRAIGHT_S: Final = 0.8  # a straight way's checks come back by then, or are lost
NEXT_S: Final = 1.2  # for a server to give a place and for checks by it
ALLOCATE_S: Final = 5.0
TUNNEL_S: Final = 3.0  # after the last other way was begun: long enough for TURN over TLS on a line of 400 ms
TUNNEL_OPEN_S: Final = 5.0

Way = Literal["straight", "server", "tunnel"]
ServerRule = Callable[[str, int], Awaitable[str | None]]
"""The address of a host and port that the gateway named; None where the site does not allow it."""

DialTunnel = Callable[[str], Awaitable[TunnelChannel]]
"""Opens the WebSocket at an address of the gateway; raises TunnelLostError."""


class Detours:
    """What an agent knows of ways around its network.

    Attributes:
        last: how the last call got through; None before the first.
    """

    def __init__(
        self, rule: ServerRule, *, trust: ssl.SSLContext | None = None, dial_tunnel: DialTunnel | None = None
    ) -> None:
        """`dial_tunnel`: None for a site that uses none."""
        self.last: Way | None = None
        self._rule, self._trust, self._dial_tunnel = rule, trust, dial_tunnel

    async def connect(
        self,
        leg: Leg,
        servers: Sequence[TurnServer],
        straight: Callable[[], Awaitable[None]],
        *,
        tunnel: TunnelPlace | None = None,
        carriers: anyio.abc.TaskGroup,
    ) -> list[Port]:
        """Connect by `straight`, which is helped by one way around after the other; the one that is used, if one is.

        Args:
            leg: what is connected.
            servers: that give places.
            straight: connects; fails when there is no way.
            tunnel: the last resort; None where the gateway offers none.
            carriers: owns what carries a tunnel.

        Raises:
            LegFailedError: there is no way, or somebody else at its end.
        """
        taken: list[TurnPort | TunnelPort] = []
        failures: list[LegFailedError] = []
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._seek, leg, servers, taken)
                if tunnel is not None and self._dial_tunnel is not None:
                    tasks.start_soon(partial(self._dig, leg, tunnel, taken, after=len(servers), carriers=carriers))
                try:
                    await straight()
                except LegFailedError as error:
                    failures.append(error)
                tasks.cancel_scope.cancel()
        except BaseException:
            _give_up(taken)
            raise
        used = [port for port in taken if port is leg.port and not failures]
        _give_up(port for port in taken if port not in used)
        for failure in failures:
            raise failure
        self.last = _way_of(used)
        return [*used]

    async def _seek(self, leg: Leg, servers: Sequence[TurnServer], taken: list[TurnPort | TunnelPort]) -> None:
        wait_s = STRAIGHT_S if self.last in {None, "straight"} else 0.0
        async with anyio.create_task_group() as tasks:
            for server in servers:
                await anyio.sleep(wait_s)
                wait_s = NEXT_S
                tasks.start_soon(self._look_from, leg, server, taken)

    async def _dig(
        self,
        leg: Leg,
        place: TunnelPlace,
        taken: list[TurnPort | TunnelPort],
        *,
        after: int,
        carriers: anyio.abc.TaskGroup,
    ) -> None:
        """Open the tunnel once every other way has had its time; sooner where nothing else led there the last time.

        `after`: how many servers are tried before.
        """
        assert self._dial_tunnel is not None
        others_s = STRAIGHT_S + NEXT_S * max(after - 1, 0) + TUNNEL_S
        await anyio.sleep(STRAIGHT_S if self.last == "tunnel" else others_s)
        try:
            with anyio.fail_after(TUNNEL_OPEN_S):
                port = TunnelPort(await self._dial_tunnel(place.url), place.relay)
        except (TunnelLostError, TimeoutError):
            return
        taken.append(port)
        carriers.start_soon(port.run)
        leg.add_port(port)

    async def _look_from(self, leg: Leg, server: TurnServer, taken: list[TurnPort | TunnelPort]) -> None:
        address = await self._rule(server.host, server.port)
        if address is None:
            return
        try:
            with anyio.fail_after(ALLOCATE_S):
                port = await TurnPort.allocate(server, address, trust=self._trust)
        except (TurnError, TimeoutError):
            return
        taken.append(port)
        leg.add_port(port)


def _way_of(used: Sequence[Port]) -> Way:
    if not used:
        return "straight"
    return "tunnel" if isinstance(used[0], TunnelPort) else "server"


def _give_up(ports: Iterable[TurnPort | TunnelPort]) -> None:
    for port in ports:
        port.close()
