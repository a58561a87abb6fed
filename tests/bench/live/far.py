"""The relay at the end of a long and lossy way: each datagram takes half of a round trip, and media is lost by lot.

The lot is seeded. RTP and RTCP are lost, in both directions, retransmissions and what asks for them among them; checks
and handshakes pass.
"""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

from gateway.live.ports import RelayCalls
from gateway.live.relay.protocol import Answer
from tests.support.lossy import Address, Detour, LossyWay

SEED = 8_836


@dataclass
class FarWay(LossyWay):
    """The detour, farther.

    Attributes:
        share: of media packets that are lost, 0 to 1.
        rtt_s: there and back.
    """

    share: float = 0.0
    rtt_s: float = 0.0
    passed: int = 0
    _lot: random.Random = field(default_factory=lambda: random.Random(SEED))

    def _pass(self, transport: asyncio.DatagramTransport, data: bytes, peer: Address | None) -> None:
        if len(data) > 1 and 127 < data[0] < 192 and self._lot.random() < self.share:
            self.lost += 1
            return
        self.passed += 1
        asyncio.get_running_loop().call_later(self.rtt_s / 2, _send, transport, data, peer)


def _send(transport: asyncio.DatagramTransport, data: bytes, peer: Address | None) -> None:
    if not transport.is_closing():
        transport.sendto(data, peer)


class FarCalls:
    """`RelayCalls` whose answers name the far way; it opens with the first call, once the relay's port is known."""

    def __init__(self, near: RelayCalls, *, loss: float, rtt_s: float, is_site_near: bool = False) -> None:
        self._near, self._loss, self._rtt_s, self._is_site_near = near, loss, rtt_s, is_site_near
        self._way: FarWay | None = None

    async def whip(self, publication: str, ticket: str, sdp: str) -> Answer:
        """A publisher's call."""
        answer = await self._near.whip(publication, ticket, sdp)
        return answer if self._is_site_near else await self._led(answer)

    async def whep(self, session: str, ticket: str, sdp: str) -> Answer:
        """A viewer's call."""
        return await self._led(await self._near.whep(session, ticket, sdp))

    async def delete(self, subject: str, resource: str) -> bool:
        """A goodbye."""
        return await self._near.delete(subject, resource)

    async def patch(self, subject: str, resource: str, tags: list[str], sdp: str) -> Answer:
        """Candidates found later, or an ICE restart."""
        return await self._led(await self._near.patch(subject, resource, tags, sdp))

    async def _led(self, answer: Answer) -> Answer:
        address = _address(answer.sdp)
        if address is None:
            return answer
        if self._way is None:
            made = await FarWay.open(address, every=0)
            assert isinstance(made, FarWay)
            made.share, made.rtt_s = self._loss, self._rtt_s
            self._way = made
        near: Any = self._near
        return Detour(near, self._way)._led(answer)


def _address(sdp: str) -> Address | None:
    """Of the first candidate; None where there is none."""
    for line in sdp.splitlines():
        if line.startswith("a=candidate:"):
            fields = line.split()
            return fields[4], int(fields[5])
    return None
