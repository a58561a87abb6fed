"""Requests for recordings kept in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.desks.portal import Request, ViewRequest
from gateway.kernel.errors import ConflictError, PreconditionError
from gateway.kernel.principal import Principal
from gateway.sharing import TouchOffer
from partner_agent.wire.touches import Assertion

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@dataclass
class FakeRequests:
    """`portal.Requests` for one organisation."""

    held: dict[str, Request] = field(default_factory=dict)
    credentials: tuple[str, ...] = ()
    sent: list[str] = field(default_factory=list)

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
            offer=TouchOffer("AAAA", self.credentials) if state == "held" else None,
        )
        self.held[request.id] = request
        return request.id

    async def requests(self, principal: Principal, *, before: str) -> Sequence[Request]:
        """All of them."""
        return list(self.held.values())

    async def waiting(self, organisation_id: str) -> Sequence[Request]:
        """Those that wait."""
        return [each for each in self.held.values() if each.is_waiting]

    async def send(self, principal: Principal, request_id: str, assertion: Assertion) -> None:
        """Once."""
        self.sent.append(request_id)
        self.held[request_id] = replace(self.held[request_id], state="approved", is_waiting=False, offer=None)

    async def decline(self, principal: Principal, request_id: str) -> None:
        """Once."""
        if not self.held[request_id].is_waiting:
            raise ConflictError("This was answered already.")
        self.held[request_id] = replace(self.held[request_id], state="declined", is_waiting=False)


@dataclass
class FakeViewRequests:
    """`portal.ViewRequests` for one organisation; `credentials` are the passkeys its site would take."""

    held: dict[str, ViewRequest] = field(default_factory=dict)
    credentials: tuple[str, ...] = ()
    refusal: str = ""

    def add(self, camera_id: str, *, state: str = "asked", now: datetime = START, **changes: Any) -> str:
        """A request to watch this camera."""
        request = ViewRequest(
            id=f"vwr_{len(self.held)}",
            camera_id=camera_id,
            who="The crime centre",
            purpose="violent_crime",
            incident_kind="robbery",
            state=state,
            is_waiting=state == "asked",
            can_end=state == "opened",
            expires_at=now + timedelta(minutes=15),
            created_at=now,
            digest="cd" * 32,
            offer=TouchOffer("AAAA", self.credentials) if state == "asked" else None,
        )
        request = replace(request, **changes)
        self.held[request.id] = request
        return request.id

    async def requests(self, principal: Principal) -> Sequence[ViewRequest]:
        """All of them."""
        return list(self.held.values())

    async def waiting(self, organisation_id: str) -> Sequence[ViewRequest]:
        """Those that wait."""
        return [each for each in self.held.values() if each.is_waiting]

    async def send(self, principal: Principal, request_id: str, assertion: Assertion) -> None:
        """Once, unless the site would not take it."""
        if self.refusal:
            raise PreconditionError(self.refusal)
        self._answer(request_id, "approved")

    async def decline(self, principal: Principal, request_id: str) -> None:
        """Once."""
        self._answer(request_id, "declined")

    def _answer(self, request_id: str, state: str) -> None:
        if self.held[request_id].state == "declined":
            raise ConflictError("This was answered, or its time is over. Look again.")
        values = {"state": state, "is_waiting": False, "can_end": state == "approved", "offer": None}
        self.held[request_id] = replace(self.held[request_id], **values)

    def answered_by(self, request_id: str, person_id: str) -> None:
        """This person answered it."""
        self.held[request_id] = replace(self.held[request_id], answered_by=person_id)
