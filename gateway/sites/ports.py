"""What this capability needs of others, in its own words; the composition root connects them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.kernel.database import UnitOfWork
from partner_agent.wire.documents import Position


@dataclass(frozen=True, slots=True)
class Site:
    """A place of an organisation."""

    id: str
    name: str
    organisation_id: str


@dataclass(frozen=True, slots=True)
class RegisteredCamera:
    """A camera the organisation put on the list."""

    id: str
    name: str


class SiteDirectory(Protocol):
    """Knows the sites of an organisation, and the cameras registered there."""

    async def site_of(self, organisation_id: str, site_id: str) -> Site:
        """The site, if it belongs to the organisation.

        Raises:
            NotFoundError: there is no such site, or it is another organisation's.
        """

    async def sites_of(self, organisation_id: str) -> list[Site]:
        """The sites of the organisation, by name."""

    async def cameras_of(self, site_id: str) -> list[RegisteredCamera]:
        """The cameras registered at the site, by name."""

    async def agencies(self) -> dict[str, str]:
        """The agencies that may look through this gateway: their ids and names."""

    async def set_connected(self, unit: UnitOfWork, camera_ids: Collection[str], *, site_id: str) -> None:
        """Of the site's cameras exactly these are offered by its agent now."""


class LinkClosedError(Exception):
    """The other end is gone, or the connection broke; the link is over."""


class Transport(Protocol):
    """One WebSocket connection, frame by frame."""

    async def receive(self) -> bytes | str:
        """The next frame.

        Raises:
            LinkClosedError: there will be none.
        """

    async def send(self, frame: bytes) -> None:
        """Send one frame.

        Raises:
            LinkClosedError: it cannot arrive.
        """

    async def close(self, code: int) -> None:
        """Close with a code of the link; closing twice is nothing."""


@dataclass(frozen=True, slots=True)
class PolicyAnswer:
    """What a site said, signed, about a policy document.

    Attributes:
        agent_id: which site's agent.
        kind: `ack`, `stale` (it names the document in force, and counts as an ack of that one) or `refused`.
        lineage: the chain it speaks of; empty for `refused`.
        seq: place in the chain; 0 for nothing shared.
        sha256: of the document in force, or of the one refused.
        code: why refused; empty otherwise.
        token: the signed statement itself.
    """

    agent_id: str
    kind: str
    lineage: str
    seq: int
    sha256: str
    code: str
    token: str


@dataclass(frozen=True, slots=True)
class DuePolicy:
    """One document a site should get now, and the guard-rail pack it names."""

    document: dict[str, Any]
    pack: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TouchAnswer:
    """What a site said to an owner's touch.

    Attributes:
        held_s: how long the change waits there before it takes effect; None if it is in force.
        code: why the touch was not taken; empty if it was.
    """

    held_s: int | None = None
    code: str = ""


class PolicyOutbox(Protocol):
    """The truth about documents, kept by `sharing`: what each site should hold."""

    async def due(self, agent_id: str, held: Position) -> Sequence[DuePolicy]:
        """What to send to a site that holds `held`, in order; empty when it has all, or waits for its owner."""

    async def answered(self, unit: UnitOfWork, answer: PolicyAnswer) -> None:
        """A site answered; called in the transaction that records it."""
