"""The reasons that decisions are made for, and how a wall of them reads its incident once."""

from typing import Protocol

from gateway.incidents import Incident
from gateway.kernel.principal import Principal


class Reasons(Protocol):
    """`incidents.Incidents`, as far as decisions need it."""

    async def incident(self, principal: Principal, incident_id: str) -> Incident:
        """One incident of the caller's agency.

        Raises:
            NotFoundError: there is none.
        """


class ReadOnce:
    """Incidents that are read once; for the questions of one person in one moment."""

    def __init__(self, incidents: Reasons) -> None:
        self._incidents = incidents
        self._read: dict[tuple[str, str], Incident] = {}

    async def incident(self, principal: Principal, incident_id: str) -> Incident:
        """One incident of the caller's agency."""
        key = principal.organisation_id, incident_id
        if key not in self._read:
            self._read[key] = await self._incidents.incident(principal, incident_id)
        return self._read[key]
