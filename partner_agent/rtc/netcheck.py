"""What the network between this machine and the relay lets through: UDP, how it is translated, places at TURN servers.

Only servers of the key set are asked, at addresses the site allows. Nothing of the site's own network is told.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import anyio
from aioice import stun

from partner_agent.rtc.turn import TurnError, TurnPort, TurnServer

TRIES: Final = 3
WAIT_S: Final = 0.6
ALLOCATE_S: Final = 5.0

Nat = Literal["open", "same", "changing", "unknown"]
Passes = Literal["yes", "no", "untried"]
ServerRule = Callable[[str, int], Awaitable[str | None]]


@dataclass(frozen=True, slots=True)
class NetworkFindings:
    """What was found.

    Attributes:
        udp: whether answers came back by UDP from any server.
        nat: whether two servers saw this machine at its own address, at one other, or at two.
        turn_udp: whether a place could be had over UDP.
        turn_tls: the same over TLS.
    """

    udp: Passes = "untried"
    nat: Nat = "unknown"
    turn_udp: Passes = "untried"
    turn_tls: Passes = "untried"


async def examine_network(
    stun_servers: Sequence[tuple[str, int]],
    turn_servers: Sequence[TurnServer],
    rule: ServerRule,
    *,
    trust: ssl.SSLContext | None = None,
) -> NetworkFindings:
    """Ask every server, at most some seconds."""
    allowed = [(address, port) for host, port in stun_servers[:4] if (address := await rule(host, port))]
    udp, nat = await _mapping(allowed)
    turn: dict[bool, Passes] = {False: "untried", True: "untried"}

    async def try_place(server: TurnServer, address: str) -> None:
        passes = await _place(server, address, trust)
        if turn[server.is_tls] != "yes":
            turn[server.is_tls] = passes

    async with anyio.create_task_group() as tasks:
        for server in turn_servers:
            address = await rule(server.host, server.port)
            if address is not None:
                tasks.start_soon(try_place, server, address)
    return NetworkFindings(udp, nat, turn[False], turn[True])


async def _place(server: TurnServer, address: str, trust: ssl.SSLContext | None) -> Passes:
    try:
        with anyio.fail_after(ALLOCATE_S):
            port = await TurnPort.allocate(server, address, trust=trust)
    except (TurnError, TimeoutError):
        return "no"
    port.close()
    return "yes"


async def _mapping(servers: Sequence[tuple[str, int]]) -> tuple[Passes, Nat]:
    if not servers:
        return "untried", "unknown"
    servers = [server for server in servers if ":" not in server[0]] or servers  # of one family, the one with routers
    heard, any_way = _Answers(), "::" if ":" in servers[0][0] else "0.0.0.0"  # noqa: S104 -- any way out
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: heard, local_addr=(any_way, 0))
    try:
        for _try in range(TRIES):
            for server in servers:
                if server not in heard.seen:
                    transport.sendto(bytes(heard.ask(server)), server)
            with anyio.move_on_after(WAIT_S):
                await heard.all_of(servers)
            if len(heard.seen) == len(servers):
                break
        own = (_address_towards(servers[0]), int(transport.get_extra_info("sockname")[1]))
    finally:
        transport.close()
    places = set(heard.seen.values())
    if not places:
        return "no", "unknown"
    if places == {own}:
        return "yes", "open"
    if len(heard.seen) < 2:
        return "yes", "unknown"
    return "yes", "same" if len(places) == 1 else "changing"


def _address_towards(server: tuple[str, int]) -> str:
    """Our own address on the way there; nothing is sent."""
    with socket.socket(socket.AF_INET6 if ":" in server[0] else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(server)
        except OSError:
            return ""
        return str(probe.getsockname()[0])


class _Answers(asyncio.DatagramProtocol):
    """Where each server saw us."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, int], tuple[str, int]] = {}
        self._asked: dict[bytes, tuple[str, int]] = {}
        self._news = asyncio.Event()

    def ask(self, server: tuple[str, int]) -> stun.Message:
        request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        self._asked[request.transaction_id] = server
        return request

    async def all_of(self, servers: Sequence[tuple[str, int]]) -> None:
        while len(self.seen) < len(set(servers)):
            self._news.clear()
            await self._news.wait()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        del addr
        try:
            message = stun.parse_message(data)
        except (ValueError, IndexError):
            return
        server, place = self._asked.get(message.transaction_id), message.attributes.get("XOR-MAPPED-ADDRESS")
        if server is not None and place is not None:
            self.seen[server] = (place[0], place[1])
            self._news.set()

    def error_received(self, exc: Exception) -> None:
        """A refused port is no answer."""
        del exc
