"""A way between peers and a relay that loses media: a UDP detour on loopback, and the relay's client that sends there.

Every so many RTP packets one is dropped, in each direction, retransmissions among them; checks, handshakes and RTCP
pass. Deterministic: the count decides.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import msgspec

from gateway.live.relay.client import RelayClient
from gateway.live.relay.protocol import Answer
from partner_agent.rtc import rtp

Address = tuple[str, int]


class _Front(asyncio.DatagramProtocol):
    """Where peers send."""

    def __init__(self, way: "LossyWay") -> None:
        self._way = way

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._way.to_relay(data, (addr[0], addr[1]))


class _Back(asyncio.DatagramProtocol):
    """Where the relay believes one peer to be."""

    def __init__(self, way: "LossyWay", peer: Address) -> None:
        self._way, self._peer = way, peer

    def datagram_received(self, data: bytes, addr: Any) -> None:
        del addr
        self._way.to_peer(data, self._peer)


@dataclass
class LossyWay:
    """The detour.

    Attributes:
        every: one in so many RTP packets is lost; 0 = none.
        lost: how many were.
        forgotten: peers whose way is gone for good, as when a network changes; what they send from elsewhere passes.
    """

    relay: Address
    every: int
    lost: int = 0
    forgotten: set[Address] = field(default_factory=set)
    _seen: int = 0
    _front: asyncio.DatagramTransport | None = None
    _backs: dict[Address, asyncio.DatagramTransport] = field(default_factory=dict)
    _waiting: dict[Address, list[bytes]] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @classmethod
    async def open(cls, relay: Address, *, every: int, at: Address = ("127.0.0.1", 0)) -> "LossyWay":
        """A way to `relay`, which begins `at`."""
        way = cls(relay, every)
        loop = asyncio.get_running_loop()
        way._front, _ = await loop.create_datagram_endpoint(lambda: _Front(way), local_addr=at)
        return way

    @property
    def port(self) -> int:
        """Where peers must send."""
        assert self._front is not None
        return int(self._front.get_extra_info("sockname")[1])

    @property
    def peers(self) -> set[Address]:
        """Who has sent something."""
        return set(self._backs)

    def close(self) -> None:
        """Nothing passes any more."""
        for transport in (self._front, *self._backs.values()):
            if transport is not None:
                transport.close()

    def to_relay(self, data: bytes, peer: Address) -> None:
        """A datagram of a peer; the first of it opens its socket towards the relay."""
        if peer in self.forgotten:
            return
        back = self._backs.get(peer)
        if back is not None:
            self._pass(back, data, None)
            return
        waiting = self._waiting.setdefault(peer, [])
        waiting.append(data)
        if len(waiting) == 1:
            task = asyncio.get_running_loop().create_task(self._open_back(peer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def to_peer(self, data: bytes, peer: Address) -> None:
        """A datagram of the relay."""
        if self._front is not None and peer not in self.forgotten:
            self._pass(self._front, data, peer)

    async def _open_back(self, peer: Address) -> None:
        loop = asyncio.get_running_loop()
        back, _ = await loop.create_datagram_endpoint(lambda: _Back(self, peer), remote_addr=self.relay)
        self._backs[peer] = back
        for data in self._waiting.pop(peer):
            self._pass(back, data, None)

    def _pass(self, transport: asyncio.DatagramTransport, data: bytes, peer: Address | None) -> None:
        if len(data) > 1 and 127 < data[0] < 192 and not rtp.is_rtcp(data):
            self._seen += 1
            if self.every and self._seen % self.every == 0:
                self.lost += 1
                return
        transport.sendto(data, peer)


class Detour:
    """A relay's client whose answers name the lossy way instead of the relay's own port."""

    def __init__(self, client: RelayClient, way: LossyWay) -> None:
        self._client, self._way = client, way

    async def whip(self, publication: str, ticket: str, sdp: str) -> Answer:
        """A publisher's call."""
        return self._led(await self._client.whip(publication, ticket, sdp))

    async def whep(self, session: str, ticket: str, sdp: str) -> Answer:
        """A viewer's call."""
        return self._led(await self._client.whep(session, ticket, sdp))

    async def delete(self, subject: str, resource: str) -> bool:
        """A goodbye."""
        return await self._client.delete(subject, resource)

    async def patch(self, subject: str, resource: str, tags: list[str], sdp: str) -> Answer:
        """Candidates found later, or an ICE restart."""
        return self._led(await self._client.patch(subject, resource, tags, sdp))

    def _led(self, answer: Answer) -> Answer:
        former, now = f" {self._way.relay[1]} typ host", f" {self._way.port} typ host"
        return msgspec.structs.replace(answer, sdp=answer.sdp.replace(former, now))
