"""One port for many peers: which datagram belongs to whom.

A STUN request names its peer by the user name and proves it by MESSAGE-INTEGRITY; only then is the sender's address
bound to that peer, and only bound addresses may speak DTLS or media (RFC 8445 §7.3, RFC 7983 §7 for the first byte).
Tables are bounded and purged when a peer closes. What the datagrams say is the peers' business.
"""

import asyncio
import logging
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, cast

from aioice import stun
from aioice.ice import Connection, StunProtocol

from partner_agent.rtc import buffers
from partner_agent.rtc.gro import DatagramReader
from partner_agent.rtc.gso import Address, DatagramSender

MAX_PEERS: Final = 2_000  # of one port; a relay process is planned for 400 viewers a core
MAX_ADDRESSES: Final = 8  # of one peer: interfaces of a browser behind a NAT
MAX_WAYS: Final = 256  # that one ICE session looks at: a peer that has moved more often restarts ICE
MAX_WAITING: Final = 64  # datagrams that one peer's ICE agent has not handed on; a handshake repeats what was dropped
MAX_ASKED: Final = 32  # checks of one peer that may still be answered; it has one under way for each address
_COMPONENT: Final = 1
_STUN_HEADER_BYTES: Final = 20
_BINDING_REQUEST: Final = b"\x00\x01"
_TRANSACTION: Final = slice(8, 20)  # RFC 8489 §5
_NOT_STUN: Final = (ValueError, struct.error, IndexError)  # what the library raises of bytes that anybody may send
_READS: Final = 64  # calls before the event loop's other work has its turn

_LOG: Final = logging.getLogger(__name__)


class PortFullError(RuntimeError):
    """The port serves as many peers as it may; try again when one has left."""


class Route:
    """One peer's place on the port.

    Attributes:
        protocol: the ICE agent's end.
        on_media: takes SRTP and SRTCP directly once the keys are there, datagrams that came together and may be written
            over when it returns; None sends them the slow way, through ICE.
        on_check: takes a check that keeps the peer's way, after having proved it; False leaves it to ICE.
    """

    def __init__(self, port: "Port", connection: Connection) -> None:
        self.connection = connection
        self.protocol = StunProtocol(connection)
        self.on_media: Callable[[Sequence[memoryview]], None] | None = None
        self.on_check: Callable[[bytes, Address], bool] | None = None
        self.addresses: list[Address] = []
        self.asked: list[bytes] = []
        self.port = port

    def takes(self, request: stun.Message, address: Address) -> bool:
        """Whether a request from there may be taken: a new address is a way that is asked, kept and sorted ever after.

        Without an end to them one peer, by as many ports as it likes, would take the time of all. What it is sorted by
        the request must say (RFC 8445 §7.1.1).
        """
        known = self.connection._remote_candidates
        if any((each.host, each.port) == address for each in known):
            return True
        return len(known) < MAX_WAYS and "PRIORITY" in request.attributes

    def let_go_of(self) -> Address:
        """The address that was bound first, but not the one of the way in use.

        A check is as authentic when somebody who saw it repeats it from elsewhere: that moves no way.
        """
        pair = self.connection._nominated.get(_COMPONENT)
        in_use = pair.remote_addr if pair is not None else None
        oldest = next(at for at, address in enumerate(self.addresses) if address != in_use)
        return self.addresses.pop(oldest)

    def close(self) -> None:
        """Forget the peer and every address bound to it."""
        self.port.release(self)


class Sender(Protocol):
    """Sends batches.

    Attributes:
        dropped: datagrams that there was no room for.
    """

    dropped: int

    def send(self, datagrams: Sequence[bytes], address: Address) -> None:
        """Send all of them to `address`, in order; never waits."""

    def send_run(self, data: memoryview, segment_bytes: int, address: Address) -> None:
        """Send datagrams of `segment_bytes` each, the last perhaps shorter, that lie one behind the other."""


class Port:
    """The peers behind one address of ours. What that is, subclasses say.

    Attributes:
        sender: sends batches.
        unknown: datagrams that belonged to nobody.
        failed: datagrams that their peer could not take; the first is in the log.
        overrun: datagrams that were dropped because their peer's ICE agent had too many waiting.
        on_lost: told when a port ends by itself, as a connection can.
    """

    def __init__(self, sender: Sender) -> None:
        self.sender = sender
        self.on_lost: Callable[[], None] = nobody
        self.unknown = self.failed = self.overrun = 0
        self._by_name: dict[str, Route] = {}
        self._by_address: dict[Address, Route] = {}
        self._asked: dict[bytes, Route] = {}

    @property
    def address(self) -> Address:
        """Where we listen."""
        raise NotImplementedError

    @property
    def reached_at(self) -> Address:
        """What peers are told; another address where a router stands before us that translates one to one."""
        return self.address

    def close(self) -> None:
        """Give the address up; peers must have left before."""
        raise NotImplementedError

    def join(self, connection: Connection) -> Route:
        """Give an ICE agent its place on this port.

        Raises:
            PortFullError: `MAX_PEERS` are here.
        """
        if len(self._by_name) >= MAX_PEERS:
            raise PortFullError("this media port serves as many peers as it can")
        route = Route(self, connection)
        route.protocol.connection_made(cast("asyncio.DatagramTransport", _RouteTransport(route)))
        self._by_name[connection.local_username] = route
        return route

    def release(self, route: Route) -> None:
        """Forget a peer."""
        self._by_name.pop(route.connection.local_username, None)
        for address in route.addresses:
            if self._by_address.get(address) is route:
                del self._by_address[address]
        for transaction in route.asked:
            self._asked.pop(transaction, None)
        route.addresses.clear()
        route.asked.clear()
        route.on_media = route.on_check = None

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        """Hand a datagram to its peer, or count it as nobody's."""
        if data:
            self.received([memoryview(data)], (addr[0], addr[1]))
        else:
            self.unknown += 1

    def received(self, datagrams: Sequence[memoryview], address: Address) -> None:
        """Hand one sender's datagrams to their peer, in order: media that came together together.

        What one of them provokes keeps nothing from the peers of others.
        """
        at = 0
        while at < len(datagrams):
            route = self._by_address.get(address)  # which the one before may have changed
            end = at
            if route is not None and route.on_media is not None:
                while end < len(datagrams) and 127 < datagrams[end][0] < 192:
                    end += 1
            try:
                if route is not None and route.on_media is not None and end > at:
                    route.on_media(datagrams[at:end])
                else:
                    end = at + 1
                    self._other(bytes(datagrams[at]), route, address)
            except Exception:  # noqa: BLE001 -- supervisor of one peer's datagrams among many
                self.failed += end - at
                if self.failed == end - at:
                    _LOG.exception("a datagram could not be taken")
            at = end

    def _other(self, data: bytes, route: Route | None, address: Address) -> None:
        if data[0] < 4:
            self._stun(data, address)
        elif route is None:
            self.unknown += 1
        elif route.connection._queue.qsize() >= MAX_WAITING:
            self.overrun += 1
        else:
            route.protocol.datagram_received(data, address)

    def send(self, data: bytes, address: Address) -> None:
        """Send one datagram."""
        self.sender.send([data], address)

    def ask(self, route: Route, transaction: bytes) -> None:
        """Note that `route` has sent a check, so that its answer finds it.

        By its transaction, not by where it went: while ICE restarts, two peers ask the same address.
        """
        if transaction not in self._asked:
            if len(route.asked) >= MAX_ASKED:
                self._asked.pop(route.asked.pop(0), None)
            route.asked.append(transaction)
        self._asked[transaction] = route

    def _stun(self, data: bytes, address: Address) -> None:
        known = self._asked.get(data[_TRANSACTION]) or self._by_address.get(address)
        if known is not None and known.on_check is not None and known.on_check(data, address):
            self._bind(known, address)
            return
        try:
            message = stun.parse_message(data)
        except _NOT_STUN:
            self.unknown += 1
            return
        if message.message_class == stun.Class.REQUEST:
            name = str(message.attributes.get("USERNAME", "")).partition(":")[0]
            route = self._by_name.get(name)
            password = route.connection.local_password if route and route.takes(message, address) else ""
        else:
            route = self._asked.get(message.transaction_id)
            password = (route.connection.remote_password or "") if route else ""
        if route is None or not password or not message.check_message_integrity(password.encode()):
            self.unknown += 1
            return
        self._bind(route, address)
        route.protocol.datagram_received(data, address)

    def _bind(self, route: Route, address: Address) -> None:
        if self._by_address.get(address) is route:
            return
        if len(route.addresses) >= MAX_ADDRESSES:
            del self._by_address[route.let_go_of()]
        former = self._by_address.get(address)
        if former is not None:
            former.addresses.remove(address)
        route.addresses.append(address)
        self._by_address[address] = route


class UdpPort(Port):
    """A bound UDP socket and the peers behind it.

    Attributes:
        buffer_bytes: what the kernel keeps for it, each way; 0 before `open`.
    """

    def __init__(self, sock: socket.socket, *, reached: str = "") -> None:
        """`reached`: the address that peers know it by; empty = the one it is bound to."""
        super().__init__(DatagramSender(sock))
        self.socket, self.buffer_bytes, self._reached = sock, 0, reached
        self._loop: asyncio.AbstractEventLoop | None = None

    @classmethod
    async def open(cls, host: str, number: int = 0, *, reached: str = "") -> "UdpPort":
        """Bind `host`:`number` (0 = any free one) and nothing else; `reached` as above.

        Raises:
            OSError: the address is not ours, or the port is taken.
        """
        sock = bound(host, number)
        try:
            port = cls(sock, reached=reached)
            port.buffer_bytes = buffers.widen(sock)
            port._listen(asyncio.get_running_loop())
        except BaseException:
            sock.close()
            raise
        return port

    @property
    def address(self) -> Address:
        """Where we listen."""
        host, number, *_ = self.socket.getsockname()
        return host, number

    @property
    def reached_at(self) -> Address:
        """What peers are told."""
        host, number = self.address
        return self._reached or host, number

    def close(self) -> None:
        """Close the socket; peers must have left before."""
        if self._loop is not None:
            self._loop.remove_reader(self.socket)
            self._loop = None
        self.socket.close()

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        loop.add_reader(self.socket, self._read, DatagramReader(self.socket))

    def _read(self, reader: DatagramReader) -> None:
        for datagrams, address in reader.read(_READS):
            self.received(datagrams, address)
            if self._loop is None:
                return  # closed by what it said


def bound(host: str, number: int) -> socket.socket:
    """A datagram socket at `host`:`number` and nothing else, of that address's family alone; never waits.

    Raises:
        OSError: the address is not ours, or the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, number))
    except BaseException:
        sock.close()
        raise
    return sock


def nobody() -> None:
    """Nobody is told."""


class _RouteTransport:
    """What an ICE agent believes to be its own socket."""

    def __init__(self, route: Route) -> None:
        self._route: Route | None = route

    def get_extra_info(self, name: str, default: object = None) -> object:
        """`sockname`, while it is open; there is no socket to tune."""
        return self._route.port.address if self._route is not None and name == "sockname" else default

    def sendto(self, data: bytes, addr: Address) -> None:
        """Send through the port; a STUN request opens the way for its answer. Nothing once it has left the port."""
        if self._route is None:
            return
        if len(data) >= _STUN_HEADER_BYTES and data[:2] == _BINDING_REQUEST:
            self._route.port.ask(self._route, data[_TRANSACTION])
        self._route.port.send(data, addr)

    def is_closing(self) -> bool:
        """Whether `close` was called."""
        return self._route is None

    def close(self) -> None:
        """Leave the port."""
        route, self._route = self._route, None
        if route is not None:
            route.close()
            asyncio.get_running_loop().call_soon(route.protocol.connection_lost, None)
