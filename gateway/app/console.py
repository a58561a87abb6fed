"""Wires the operator's desk."""

from zoneinfo import ZoneInfo

from gateway.app.ground import Ground
from gateway.app.partners import PartnerServices
from gateway.app.settings import Settings
from gateway.desks.console import Clips, ConsoleDesk, Listing
from gateway.incidents import Incidents


def build_console(
    ground: Ground,
    settings: Settings,
    *,
    incidents: Incidents,
    owners: PartnerServices,
    listing: Listing | None = None,
    clips: Clips | None = None,
) -> ConsoleDesk:
    """Build it. Without `listing` no camera is shown, without `clips` no recording can be asked for."""
    return ConsoleDesk(
        incidents=incidents,
        cameras=owners.cameras,
        partners=owners.partners,
        clock=ground.clock,
        zone=ZoneInfo(settings.agency_zone),
        listing=listing,
        clips=clips,
    )
