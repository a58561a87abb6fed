"""Requests for recordings as they are read: by the agency that asked, by the organisation that was asked, and by us."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from gateway.evidence.model import HANDED_OVER, OPEN, ClipRequest, ClipState
from gateway.evidence.ports import EvidenceStore
from gateway.kernel.errors import NotFoundError
from gateway.kernel.principal import Principal, PrincipalKind

PAGE: Final = 50
BATCH: Final = 100  # requests that are read at a time
NONE: Final = "There is no such request."


class Requests:
    """Reads them; nobody's refusal is told apart from a request that is not there."""

    def __init__(self, store: EvidenceStore) -> None:
        self._store = store

    async def get(self, request_id: str) -> ClipRequest:
        """One request, for those who have checked who asks.

        Raises:
            NotFoundError: there is none.
        """
        request = await self._store.request(request_id)
        if request is None:
            raise NotFoundError(NONE)
        return request

    async def seen_by(self, principal: Principal, request_id: str) -> ClipRequest:
        """One request of the caller's own agency or organisation.

        Raises:
            NotFoundError: there is none they may know of.
        """
        request = await self.get(request_id)
        own = request.agency_id if principal.kind is PrincipalKind.AGENCY else request.organisation_id
        if not principal.organisation_id or own != principal.organisation_id:
            raise NotFoundError(NONE)
        return request

    async def queue(self) -> dict[ClipState, int]:
        """How many requests are in each state that something still has to happen in."""
        counted = await self._store.count_by_state()
        return {state: counted.get(state, 0) for state in ClipState if state in OPEN}

    async def given_s(self, sites: Collection[str], *, since: datetime) -> Mapping[str, int]:
        """Seconds of recordings each site gave since then or is giving, as it counts them itself; none: left out."""
        return await self._store.given(sites, since=since)

    async def list_for(
        self, principal: Principal, *, states: tuple[ClipState, ...] = (), before: str = "", limit: int = PAGE
    ) -> list[ClipRequest]:
        """Requests of the caller's own agency or organisation, newest first."""
        if not principal.organisation_id:
            return []
        is_agency = principal.kind is PrincipalKind.AGENCY
        whose = {"agency_id" if is_agency else "organisation_id": principal.organisation_id}
        return await self._store.requests(**whose, states=states, before=before, limit=max(1, min(limit, PAGE)))

    async def handed_over(self, organisation_id: str, *, since: datetime, most: int) -> list[ClipRequest]:
        """Recordings of an owner that arrived here, asked for since then, newest first."""
        found: list[ClipRequest] = []
        whose: dict[str, Any] = {"organisation_id": organisation_id, "states": HANDED_OVER}
        while len(found) < most:
            page = await self._store.requests(**whose, before=found[-1].id if found else "", limit=BATCH)
            found += [one for one in page if one.created_at >= since]
            if len(page) < BATCH or page[-1].created_at < since:
                break
        return found[:most]
