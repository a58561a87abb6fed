"""Requests for recordings kept in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from gateway.desks.portal import Request
from gateway.kernel.errors import ConflictError
from gateway.kernel.principal import Principal

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@dataclass
class FakeRequests:
    """`portal.Requests` for one organisation."""

    held: dict[str, Request] = field(default_factory=dict)

    def add(self, camera_id: str, *, state: str = "held") -> str:
        """A request for a minute of this camera."""
        request = Request(
            id=f"clr_{len(self.held)}",
            camera_id=camera_id,
            t0=START,
            t1=START + timedelta(minutes=1),
            who="The crime centre",
            purpose="violent_crime",
            state=state,
            is_waiting=state == "held",
            held_until=START + timedelta(days=3),
            expires_at=START + timedelta(days=7),
            created_at=START,
            digest="ab" * 32,
        )
        self.held[request.id] = request
        return request.id

    async def requests(self, principal: Principal, *, before: str) -> Sequence[Request]:
        """All of them."""
        return list(self.held.values())

    async def waiting(self, organisation_id: str) -> Sequence[Request]:
        """Those that wait."""
        return [each for each in self.held.values() if each.is_waiting]

    async def decline(self, principal: Principal, request_id: str) -> None:
        """Once."""
        if not self.held[request_id].is_waiting:
            raise ConflictError("This was answered already.")
        self.held[request_id] = replace(self.held[request_id], state="declined", is_waiting=False)
