"""Floods by people without a ticket: checks at the media port, and offers and patches at the gateway's door.

They are open: the next leaves when it is due, whether or not the one before was answered. What the machine cannot send
or take is not sent later.
"""

import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from socket import AF_INET, SOCK_DGRAM, create_connection, socket

import anyio
from aioice import stun
from joserfc.jwk import ECKey

from gateway.kernel.keyring import TicketSigner
from gateway.live.relay.client import RelayClient, RelayGoneError
from partner_agent.wire.clock import SystemClock
from tests.support.relays import RunningRelay, viewer_ticket

BATCH_S = 0.02
LINES = 80  # connections to the door: as many offers are on their way at once, more than may wait for the relay
OFFER = "v=0\r\n" + "a=x\r\n" * 3_000  # as long as an offer may be
FRAGMENT = "a=ice-ufrag:guess\r\n" + "a=x\r\n" * 100
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3})")
_READ_BYTES = 65_536

Ask = Callable[[int], Awaitable[int]]
Address = tuple[str, int]


@dataclass
class Flood:
    """How much of it has been sent, and how it was answered.

    Attributes:
        statuses: how often each answer was given.
    """

    checks: int = 0
    asked: int = 0
    statuses: Counter[int] = field(default_factory=Counter)

    def __str__(self) -> str:
        return f"{self.checks:,} checks, {self.asked:,} requests, answered {dict(self.statuses)}"


def media_address(relay: RunningRelay) -> Address:
    """Where the relay's media port is."""
    host, _, number = relay.hello.addresses[0].rpartition(":")
    return host, int(number)


def forged_ticket(session: str) -> str:
    """A ticket with everything right but the key: the dearest to refuse."""
    return viewer_ticket(TicketSigner(ECKey.generate_key("P-256")), session=session)


def offers(client: RelayClient) -> Ask:
    """The longest offers there may be, with a forged ticket."""
    forged = forged_ticket("ses_x")

    async def ask(number: int) -> int:
        del number
        return (await client.whep("ses_x", forged, OFFER)).status

    return ask


def patches(client: RelayClient) -> Ask:
    """Patches of calls whose names are guessed."""

    async def ask(number: int) -> int:
        return (await client.patch("ses_x", f"guess-{number}", ["*"], FRAGMENT)).status

    return ask


async def check(address: Address, a_second: int, into: Flood) -> None:
    """Until cancelled: so many connectivity checks a second, of nobody."""
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    request.attributes["USERNAME"] = "nobody:here"
    request.attributes["PRIORITY"] = 1
    request.attributes["ICE-CONTROLLING"] = 7
    request.add_message_integrity(b"guess")
    data = bytes(request)
    with socket(AF_INET, SOCK_DGRAM) as out:
        out.setblocking(False)
        async for due in _due(a_second):
            for _ in range(due):
                try:
                    out.sendto(data, address)
                except BlockingIOError:
                    break
                into.checks += 1


async def ask_each(ask: Ask, a_second: int, into: Flood) -> None:
    """Until cancelled: so many requests a second, none awaited before the next."""

    async def one(number: int) -> None:
        try:
            into.statuses[await ask(number)] += 1
        except RelayGoneError:
            into.statuses[503] += 1  # what the door makes of it

    async with anyio.create_task_group() as tasks:
        async for due in _due(a_second):
            for _ in range(due):
                into.asked += 1
                tasks.start_soon(one, into.asked)


async def offer_over_http(address: Address, a_second: int, into: Flood) -> None:
    """Until cancelled: so many offers a second with a forged ticket, over `LINES` connections, none awaited."""
    head = f"POST /whep/ses_x HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {forged_ticket('ses_x')}\r\n"
    request = (head + "Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n").encode()
    lines = [_Line(address) for _ in range(LINES)]
    try:
        async for due in _due(a_second):
            for _ in range(due):
                into.asked += lines[into.asked % LINES].send(request)
            for line in lines:
                into.statuses.update(line.answers())
    finally:
        for line in lines:
            line.close()


class _Line:
    """One connection, written to as long as the other end takes it, and read without waiting."""

    def __init__(self, address: Address) -> None:
        self._socket, self._unsent, self._unread = create_connection(address, timeout=5), b"", b""
        self._socket.setblocking(False)

    def send(self, request: bytes) -> bool:
        """Whether it began to leave."""
        is_free = not self._unsent
        data = self._unsent or request
        try:
            self._unsent = data[self._socket.send(data) :]
        except BlockingIOError:
            return False
        return is_free

    def answers(self) -> list[int]:
        """The statuses that have come."""
        try:
            self._unread += self._socket.recv(_READ_BYTES)
        except BlockingIOError:
            return []
        found = list(_STATUS.finditer(self._unread))
        if found:
            self._unread = self._unread[found[-1].end() :]
        return [int(each[1]) for each in found]

    def close(self) -> None:
        self._socket.close()


async def _due(a_second: int) -> AsyncIterator[int]:
    """How many are due, each `BATCH_S`; what a busy machine was late for is not made up for beyond a few batches."""
    clock, most = SystemClock(), round(a_second * BATCH_S * 5)
    before = clock.monotonic()
    while True:
        await anyio.sleep(BATCH_S)
        now = clock.monotonic()
        yield min(round((now - before) * a_second), most)
        before = now
