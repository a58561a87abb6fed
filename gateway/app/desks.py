"""Builds the desks, the pages that join capabilities, once everything they join is there."""

from dataclasses import dataclass
from typing import TypedDict

from gateway.app.console import build_console
from gateway.app.emergency import EmergencyServices
from gateway.app.ground import Ground
from gateway.app.live import LiveServices
from gateway.app.oversight import PersonNames, build_oversight
from gateway.app.partners import PartnerServices
from gateway.app.portal import OwnersViewRequests, build_portal
from gateway.app.seconds import AgencySeconds
from gateway.app.settings import Settings
from gateway.app.sharing import SharingServices, SharingTies
from gateway.app.sites import SiteTies
from gateway.desks.console import ConsoleDesk
from gateway.desks.oversight_desk import OversightDesk
from gateway.desks.portal import PortalDesk
from gateway.desks.watching import WatchingDesk
from gateway.evidence import Evidence
from gateway.identity import Identity
from gateway.incidents import Incidents


class Desks(TypedDict):
    """The desks, by the name under which handlers get them."""

    portal: PortalDesk
    console: ConsoleDesk
    oversight: OversightDesk
    watching: WatchingDesk


@dataclass(frozen=True, slots=True)
class Joined:
    """What the desks join."""

    owners: PartnerServices
    identity: Identity
    incidents: Incidents
    law: SharingServices
    evidence: Evidence
    views: LiveServices
    emergency: EmergencyServices
    ties: SiteTies
    sharing: SharingTies


def build_desks(ground: Ground, settings: Settings, joined: Joined) -> Desks:
    """Build them."""
    owners, incidents, evidence = joined.owners, joined.incidents, joined.evidence
    return {
        "portal": build_portal(
            ground.log.audit,
            owners,
            ties=joined.ties,
            sharing=joined.sharing,
            evidence=evidence,
            live=joined.views.live,
            view_requests=OwnersViewRequests(joined.views.asks, joined.law.touches, incidents, ground.clock),
            touches=joined.law.touches,
        ),
        "console": build_console(
            ground,
            settings,
            incidents=incidents,
            owners=owners,
            listing=joined.law.listing,
            evidence=evidence,
            asks=joined.views.asks,
            seconds=AgencySeconds(joined.emergency, joined.identity, evidence, ground.clock),
            ice_servers=joined.views.calls.ice_servers,
        ),
        "oversight": build_oversight(
            ground,
            cameras=owners.cameras,
            identity=joined.identity,
            incidents=incidents,
            live=joined.views.live,
        ),
        "watching": WatchingDesk(
            live=joined.views.live,
            phones=joined.views.phones,
            people=PersonNames(joined.identity),
            cameras=owners.cameras,
            partners=owners.partners,
            incidents=incidents,
            clock=ground.clock,
        ),
    }
