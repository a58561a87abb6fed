"""Where a site sends bytes without meaning, so that it learns how much its line carries: counted, and thrown away.

A place is handed out over the link of a paired agent, with a check that its owner or somebody on site asked for; so
nobody else can make this gateway take anything. Each is good for some seconds, a few requests and 3 MB, a site gets a
few a day, and there are two at any time.
"""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from gateway.edge.rate_limit import Limit, RateLimiter
from gateway.kernel.errors import LimitedError, NotFoundError
from partner_agent.wire.check_messages import CheckUpload
from partner_agent.wire.clock import Clock
from partner_agent.wire.limits import LINE_BYTES, LINE_REQUESTS

PATH: Final = "/agent/v1/line"
PLACE_S: Final = 25.0  # network and cameras are looked at first
MOST_AT_ONCE: Final = 2
A_DAY: Final = 12  # measurements of one site
_TOKEN_BYTES: Final = 32
_NONE: Final = "There is no such place."


@dataclass(slots=True)
class _Place:
    """One measurement that may run.

    Attributes:
        until_s: on our monotonic clock.
        requests: how many came.
        left_bytes: of what may still be sent.
        is_taking: a request of it runs.
    """

    token: str
    until_s: float
    requests: int = 0
    left_bytes: int = LINE_BYTES
    is_taking: bool = False


class LineDesk:
    """Hands places out, and takes what comes."""

    def __init__(self, *, limiter: RateLimiter, public_url: str, clock: Clock) -> None:
        self._limiter, self._clock = limiter, clock
        self._url = public_url.rstrip("/") + PATH
        self._places: dict[str, _Place] = {}

    async def place(self, agent_id: str) -> CheckUpload | None:
        """A place for one measurement; None while there is no room for one, or the site had enough today."""
        if not self._has_room(agent_id):
            return None
        try:
            await self._limiter.check("line", [Limit("account", agent_id, count=A_DAY, window_s=86_400)])
        except LimitedError:
            return None
        if not self._has_room(agent_id):  # others came meanwhile
            return None
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        self._places[agent_id] = _Place(token, self._clock.monotonic() + PLACE_S)
        return CheckUpload(url=self._url, token=token)

    def close(self, agent_id: str) -> None:
        """Its measurement is over."""
        self._places.pop(agent_id, None)

    def _has_room(self, agent_id: str) -> bool:
        now_s = self._clock.monotonic()
        self._places = {agent: place for agent, place in self._places.items() if place.until_s > now_s}
        return agent_id in self._places or len(self._places) < MOST_AT_ONCE

    def demand(self, token: str) -> _Place:
        """Before a byte of the body is read: its place.

        1. A token that was handed out, and is still good. 2. One request at a time. 3. Not too many of them.

        Raises:
            NotFoundError: any of these.
        """
        now_s = self._clock.monotonic()
        for place in self._places.values():
            is_it = secrets.compare_digest(place.token.encode(), token.encode())
            if is_it and place.until_s > now_s and not place.is_taking and place.requests < LINE_REQUESTS:
                return place
        raise NotFoundError(_NONE)

    async def take(self, token: str, body: AsyncIterator[bytes]) -> None:
        """Count one request's bytes and forget them.

        Raises:
            NotFoundError: it is not expected, or sends more than it may.
        """
        place = self.demand(token)
        place.requests += 1
        place.is_taking = True
        try:
            async for piece in body:
                place.left_bytes -= len(piece)
                if place.left_bytes < 0 or place.until_s <= self._clock.monotonic():
                    raise NotFoundError(_NONE)
        finally:
            place.is_taking = False
