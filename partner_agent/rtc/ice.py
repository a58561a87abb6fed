"""One ICE agent of aioice on ports of ours; `expected` demands what is used of it here.

Once there is a way, the checks that keep it no longer pass through the agent: `checks` reads and answers the peer's,
and ours are sent from here (RFC 7675: nothing is sent to who has not answered one for `CONSENT_VALID_S`).
"""

import secrets
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Literal

import anyio
from aioice import Candidate, stun
from aioice.candidate import candidate_foundation, candidate_priority
from aioice.ice import CandidatePair, Connection

from partner_agent.rtc import checks
from partner_agent.rtc.gso import Address
from partner_agent.rtc.mux import Port, PortFullError, Route

HOOKS: Final = (
    "local_username",
    "local_password",
    "remote_username",
    "remote_password",
    "ice_controlling",
    "add_remote_candidate",
    "connect",
    "recv",
    "send",
    "close",
    "_protocols",
    "_local_candidates",
    "_local_candidates_start",
    "_local_candidates_end",
    "_nominated",
    "_remote_candidates",
    "_pair_remote_candidate",
    "_check_list",
    "check_start_task",
    "sort_check_list",
    "build_request",
    "query_consent",
    "_query_consent_task",
    "_tie_breaker",
    "_queue",
)
CONSENT_S: Final = 5.0  # RFC 7675 §5.1: between two checks, times 0.8 to 1.2
CONSENT_VALID_S: Final = 30.0
MAX_OPEN: Final = 8  # checks that may still be answered: all within `CONSENT_VALID_S`
_COMPONENT: Final = 1
_MOST_PREFERRED: Final = 65_535  # RFC 8445 §5.1.2.1: of candidates of one type no two are preferred alike
_TRANSACTION_BYTES: Final = 12  # RFC 8489 §5


class IceSession:
    """One ICE agent on shared ports, its only host candidates; relayed ports may join while it looks for a way.

    Attributes:
        user_fragment, password: what our SDP says for it.
        peer_fragment: the peer's user fragment; empty until it is known.
        routes: its places on these ports, the preferred one first, those of relayed ports last.
        search: for a way; cancelled when another session supersedes this one.
    """

    def __init__(self, ports: Sequence[Port], connection: Connection, *, peer_fragment: str = "") -> None:
        """`ports`: at least one, in the order they are preferred.

        Raises:
            PortFullError: one of them has no room for another peer.
        """
        self.user_fragment, self.password = connection.local_username, connection.local_password
        self.peer_fragment = peer_fragment
        self.connection = connection
        self.search = anyio.CancelScope()
        self._pair: CandidatePair | None = None
        self._way: tuple[Port, Address] | None = None
        self._peer: checks.Peer | None = None
        self._asked: dict[bytes, float] = {}  # when, monotonic seconds
        self._consented_at = 0.0
        self.routes: list[Route] = []
        try:
            for port in ports:
                self.routes.append(self._join(port, "host"))
        except PortFullError:
            self._leave_ports()
            raise
        connection._local_candidates_start = True
        connection._local_candidates_end = True
        connection.query_consent = self._keep  # type: ignore[method-assign]

    @property
    def candidates(self) -> tuple[str, ...]:
        """Of the ports it began with, as SDP writes them."""
        ours = [route.protocol.local_candidate for route in self.routes]
        return tuple(str(candidate.to_sdp()) for candidate in ours if candidate.type == "host")

    @property
    def way(self) -> tuple[Port, Address] | None:
        """From which port to which address media go; None while there is no way."""
        pair = self.connection._nominated.get(_COMPONENT)
        if pair is not self._pair:  # rarely; this is asked for each picture and viewer
            self._pair, self._way = pair, self._found(pair)
        return self._way

    def hand(self, on_media: Callable[[Sequence[memoryview]], None] | None) -> None:
        """Let media take the short way to `on_media`, by whichever port they come."""
        for route in self.routes:
            route.on_media = on_media

    def add(self, port: Port) -> None:
        """Try a relayed port as well, for a peer whose candidates are known; checks that run go on."""
        connection = self.connection
        route = self._join(port, "relay")
        self.routes.append(route)
        for candidate in list(connection._remote_candidates):
            connection._pair_remote_candidate(candidate)
        connection.sort_check_list()
        for pair in connection._check_list:
            if pair.protocol is route.protocol:
                connection.check_start_task(pair)

    async def answers(self) -> bool:
        """Ask the peer by a check, twice within 1.5 s; whether it proved that it reads."""
        connection = self.connection
        pair = connection._nominated.get(_COMPONENT)
        if pair is None or not connection.remote_password:
            return False
        request = connection.build_request(pair, nominate=False)
        key = connection.remote_password.encode()
        try:
            await pair.protocol.request(request, pair.remote_addr, integrity_key=key, retransmissions=1)
        except (stun.TransactionError, ConnectionError):
            return False
        return True

    async def close(self) -> None:
        """Send nothing more, and leave the ports."""
        await self.connection.close()
        self.leave()

    def leave(self) -> None:
        """Leave the ports; the ICE agent has been closed, and what holds it together is cut."""
        self._leave_ports()
        connection = self.connection
        connection._check_list.clear()
        connection.query_consent = _nobody  # type: ignore[method-assign]

    def _leave_ports(self) -> None:
        for route in self.routes:
            route.close()

    def _found(self, pair: CandidatePair | None) -> tuple[Port, Address] | None:
        if pair is None:
            return None
        port = next(route.port for route in self.routes if pair.protocol is route.protocol)
        return port, pair.remote_addr

    async def _keep(self) -> None:
        """Ask the peer every now and then whether it still wants what is sent; who does not answer is left."""
        connection = self.connection
        self._peer, self._consented_at = self._both(), anyio.current_time()
        while anyio.current_time() - self._consented_at < CONSENT_VALID_S:
            transaction = secrets.token_bytes(_TRANSACTION_BYTES)
            await anyio.sleep(CONSENT_S * (0.8 + 0.4 * transaction[0] / 255))
            self._peer = self._both()  # a role may have changed since
            self._ask(transaction, self._peer)
        connection._query_consent_task = None  # this one, which `close` would wait for
        await connection.close()

    def _both(self) -> checks.Peer:
        connection = self.connection
        name, peer_name = self.user_fragment, connection.remote_username
        return checks.Peer(
            asks_as=f"{name}:{peer_name}".encode(),
            key=self.password.encode(),
            asked_as=f"{peer_name}:{name}".encode(),
            peer_key=(connection.remote_password or "").encode(),
            is_controlling=connection.ice_controlling,
            tie_breaker=connection._tie_breaker,
        )

    def _ask(self, transaction: bytes, peer: checks.Peer) -> None:
        way = self.way
        if way is None:
            return
        port, address = way
        self._asked[transaction] = anyio.current_time()
        if len(self._asked) > MAX_OPEN:
            del self._asked[next(iter(self._asked))]
        for route in self.routes:
            if route.port is port:
                port.ask(route, transaction)
        port.send(checks.request(transaction, peer), address)

    def _take_check(self, route: Route, data: bytes, address: Address) -> bool:
        """Take a check that keeps the way; False leaves it to the ICE agent."""
        peer = self._peer
        if peer is None or self.way != (route.port, address) or not checks.is_kept(data, peer):
            return False
        if checks.kind_of(data) == checks.REQUEST:
            route.port.send(checks.answer(data, address, peer), address)
            return True
        asked_at = self._asked.pop(checks.transaction_of(data), None)
        if asked_at is None:
            return False
        self._consented_at = max(self._consented_at, asked_at)  # who holds answers back prolongs nothing by them
        return True

    def _join(self, port: Port, kind: Literal["host", "relay"]) -> Route:
        host, number = port.reached_at
        route = port.join(self.connection)
        route.on_check = partial(self._take_check, route)
        route.protocol.local_candidate = Candidate(
            foundation=candidate_foundation(kind, "udp", host),
            component=_COMPONENT,
            transport="udp",
            priority=candidate_priority(_COMPONENT, kind, _MOST_PREFERRED - len(self.routes)),
            host=host,
            port=number,
            type=kind,
        )
        self.connection._protocols.append(route.protocol)
        self.connection._local_candidates.append(route.protocol.local_candidate)
        return route


async def _nobody() -> None:
    """The session is over: nobody is asked."""
