"""Wires the operator's desk."""

from collections.abc import Callable, Mapping, Sequence
from zoneinfo import ZoneInfo

from gateway.app.ground import Ground
from gateway.app.partners import PartnerServices
from gateway.app.settings import Settings
from gateway.desks.console import AskLine, ClipLine, ClipWish, ConsoleDesk, Listing, Seconds
from gateway.evidence import ClipRequest, ClipState, Evidence, Wanted, words
from gateway.identity import Preferences
from gateway.incidents import Incidents
from gateway.kernel.principal import Principal
from gateway.live import AskWish, ViewAsks
from partner_agent.wire.clock import Clock


class AgencyClips:
    """`console.Clips` over evidence."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence

    async def ask(self, principal: Principal, wish: ClipWish) -> str:
        """Ask."""
        return (await self._evidence.ask(principal, _wanted(wish))).id

    async def may_ask(self, principal: Principal, wish: ClipWish) -> bool:
        """Whether it may be asked for."""
        return await self._evidence.may_ask(principal, _wanted(wish))

    async def lines(self, principal: Principal, *, before: str) -> Sequence[ClipLine]:
        """The agency's requests."""
        return [_line(request) for request in await self._evidence.list_for(principal, before=before)]


class AgencyAsks:
    """`console.Asks` over live."""

    def __init__(self, asks: ViewAsks, clock: Clock) -> None:
        self._asks, self._clock = asks, clock

    async def ask(self, principal: Principal, *, camera_id: str, purpose: str, incident_id: str) -> None:
        """Ask."""
        await self._asks.ask(principal, AskWish(camera_id=camera_id, purpose=purpose, incident_id=incident_id))

    async def of_incident(self, principal: Principal, incident_id: str) -> Mapping[str, AskLine]:
        """By the organisation that was asked."""
        now = self._clock.now()
        return {
            organisation: AskLine(ask.camera_id, ask.standing_for(principal, now).value, ask.until)
            for organisation, ask in (await self._asks.of_incident(principal, incident_id)).items()
        }


def build_console(
    ground: Ground,
    settings: Settings,
    *,
    incidents: Incidents,
    owners: PartnerServices,
    listing: Listing,
    evidence: Evidence,
    asks: ViewAsks,
    seconds: Seconds,
    ice_servers: Callable[[str], Sequence[object]],
) -> ConsoleDesk:
    """Build it."""
    return ConsoleDesk(
        incidents=incidents,
        cameras=owners.cameras,
        partners=owners.partners,
        clock=ground.clock,
        zone=ZoneInfo(settings.agency_zone),
        listing=listing,
        clips=AgencyClips(evidence),
        asks=AgencyAsks(asks, ground.clock),
        seconds=seconds,
        layouts=Preferences(ground.database),
        ice_servers=ice_servers,
        sends_to_phones=settings.phone_minutes > 0,
    )


def _wanted(wish: ClipWish) -> Wanted:
    return Wanted(
        camera_id=wish.camera_id,
        t0=wish.t0,
        t1=wish.t1,
        purpose=wish.purpose,
        incident_id=wish.incident_id,
        legal_basis=wish.legal_basis,
        on_behalf_of=wish.on_behalf_of,
    )


def _line(request: ClipRequest) -> ClipLine:
    is_ready = request.state is ClipState.DOWNLOADABLE
    return ClipLine(
        id=request.id,
        camera_id=request.camera_id,
        incident_id=request.incident_id,
        t0=request.t0,
        t1=request.t1,
        words=words(request.state, request.cause, is_held=request.held_until is not None),
        package=f"/api/v1/clip-requests/{request.id}/package" if is_ready else "",
        created_at=request.created_at,
    )
