"""What asking needs of others: the law, the sites, the owners' passkeys, and rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from gateway.kernel.database import UnitOfWork
from gateway.kernel.principal import Principal
from gateway.live.asking.model import AskState, ViewAsk
from gateway.live.ports import ViewDeny
from partner_agent.wire.touches import Assertion
from policies.request import Span
from policies.vocabulary import Act


@dataclass(frozen=True, slots=True, kw_only=True)
class AskWish:
    """What somebody wants to ask for.

    Attributes:
        act: a live view, a view of a recording, or a still.
        wanted_at: the moment of a recording that they want to see; None for what happens now.
    """

    camera_id: str
    purpose: str
    incident_id: str
    act: Act = Act.LIVE_VIEW
    wanted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskPlace:
    """Where the camera is; `local_camera` and `lineage` as its site's document in force has them.

    Attributes:
        who: the person who asks, as a grant would name them.
        footage: the range of a recording that would be given; None for what happens now.
    """

    organisation_id: str
    site_id: str
    agent_id: str
    lineage: str
    local_camera: str
    active_until: datetime | None
    who: str = ""
    footage: Span | None = None


class AskLaw(Protocol):
    """Decides at the centre (`sharing`, `incidents`)."""

    async def decide(self, principal: Principal, wish: AskWish) -> AskPlace | ViewDeny:
        """Whether this view is to be had by the owner's yes, and by nothing less.

        Raises:
            NotFoundError: no such camera or incident, or the caller may not know of it.
            ConflictError: it can be watched without asking.
            InvalidError: a purpose that is no word of ours, or a recording of no moment.
        """

    async def is_active(self, incident_id: str) -> bool:
        """Whether the incident is still a reason to look."""


class AskSites(Protocol):
    """The links to sites."""

    def link_of(self, agent_id: str) -> str:
        """The link on which this site can be asked; empty while there is none, or it does not know how."""

    def knows(self, agent_id: str, act: Act) -> bool:
        """Whether its owner can be asked for this at all: for a live view always, for others where the site says so."""

    async def ask(self, agent_id: str, document: Mapping[str, Any]) -> None:
        """Put a request before the owner on site as well.

        Raises:
            UnavailableError, DeadlineError: not now.
        """

    def take_back(self, agent_id: str, document_sha256: str) -> bool:
        """Tell the site that a request is over; False while it is not connected."""


class OwnerTouches(Protocol):
    """The passkeys that a site's document in force names (`sharing`)."""

    async def check(self, site_id: str, *, label: str, sha256: str, assertion: Assertion) -> None:
        """Check an owner's touch as the site will.

        Raises:
            PreconditionError: it is none of this site's owners', or for something else.
        """


class AskRows(Protocol):
    """Rows of requests."""

    async def add(self, unit: UnitOfWork, ask: ViewAsk) -> None:
        """A new one.

        Raises:
            ConflictError: this owner was asked for this, in this incident, before.
        """

    async def change(self, unit: UnitOfWork, ask: ViewAsk, **values: Any) -> ViewAsk:
        """Change one that is still as `ask` says.

        Raises:
            ConflictError: somebody changed it meanwhile.
        """

    async def ask(self, ask_id: str) -> ViewAsk | None:
        """One."""

    async def of_digest(self, document_sha256: str) -> ViewAsk | None:
        """The one with this document."""

    async def of_incident(self, incident_id: str) -> Sequence[ViewAsk]:
        """Every one of an incident."""

    async def asks(
        self,
        *,
        organisation_id: str = "",
        states: Sequence[AskState] = (),
        expires_after: datetime | None = None,
        limit: int,
    ) -> Sequence[ViewAsk]:
        """Those of an organisation, or of all, newest first; `expires_after`: those alone that are not gone then."""
