"""Builds every capability once and hands them over as one frozen value: the gateway's composition root.

To wire a capability: add its field to `Services` (handlers then get it by that name), build it in `build_services`,
its routes in `gateway.app.api.ROUTES`, its endless work in `background`, what must work for it in `probes`.
"""

from dataclasses import dataclass
from typing import TypedDict

from gateway.app import schema
from gateway.app.agreeing import PasskeySignatures
from gateway.app.clip_law import SharingClipGrants, SharingClipLaw
from gateway.app.desks import Joined, build_desks
from gateway.app.emergency import ClipConsequences, EmergencyServices, build_emergency
from gateway.app.evidence import wire_evidence
from gateway.app.figures import sources
from gateway.app.given_ties import GivenTies
from gateway.app.ground import Ground, lay_ground
from gateway.app.identity import build_people
from gateway.app.live import LiveServices, wire_live
from gateway.app.partners import PartnerServices, build_partners
from gateway.app.secret_file import MasterSecret
from gateway.app.settings import Settings
from gateway.app.sharing import SharingServices, SharingTies, build_sharing, profile_of
from gateway.app.sites import SiteTies, wire_sites
from gateway.app.view_history import LiveHistory
from gateway.audit import AuditLog, LogReader, Sequencer
from gateway.cameras import Cameras
from gateway.desks.console import ConsoleDesk
from gateway.desks.oversight_desk import OversightDesk
from gateway.desks.portal import PortalDesk
from gateway.desks.reports import ReportsDesk
from gateway.desks.watching import WatchingDesk
from gateway.edge.auth import Authenticator
from gateway.edge.health import Probe
from gateway.edge.observe import Metrics
from gateway.edge.origin import PublicOrigin
from gateway.edge.rate_limit import RateLimiter
from gateway.edge.readiness import database_is_writable
from gateway.emergency import Emergencies
from gateway.evidence import Evidence
from gateway.identity import Identity, Passwords
from gateway.incidents import Incidents
from gateway.incidents.store import SqlIncidents
from gateway.kernel.background import Background, Place
from gateway.kernel.bus import BusBetweenProcesses, MemoryBus
from gateway.kernel.database import Database
from gateway.kernel.keyring import Keyring
from gateway.live import Calls, Live, Phones, Showings, Stills, ViewAsks
from gateway.partners import Partners
from gateway.sharing import (
    Approvals,
    Decisions,
    Evaluations,
    Everywhere,
    History,
    InForce,
    Listing,
    Ordinances,
    Owners,
    Sharing,
    Signs,
    Stopping,
    WhoSees,
)
from gateway.sites import Sites
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything a handler may ask for, by field name."""

    clock: Clock
    ids: IdSource
    database: Database
    bus: MemoryBus
    metrics: Metrics
    origin: PublicOrigin
    secret: MasterSecret
    authenticator: Authenticator
    keyring: Keyring
    audit: AuditLog
    log_reader: LogReader
    sequencer: Sequencer
    rate_limiter: RateLimiter
    identity: Identity
    partners: Partners
    cameras: Cameras
    portal: PortalDesk
    incidents: Incidents
    console: ConsoleDesk
    oversight: OversightDesk
    sharing: Sharing
    site_owners: Owners
    approvals: Approvals
    everywhere: Everywhere
    decisions: Decisions
    who_sees: WhoSees
    history: History
    signs: Signs
    listing: Listing
    evaluations: Evaluations
    ordinances: Ordinances
    ordinance: InForce
    stopping: Stopping
    sites: Sites
    emergencies: Emergencies
    reports_desk: ReportsDesk
    watching: WatchingDesk
    evidence: Evidence
    live: Live
    view_asks: ViewAsks
    live_calls: Calls
    showings: Showings
    stills: Stills
    phones: Phones
    background: tuple[Background, ...] = ()
    probes: tuple[Probe, ...] = ()

    async def close(self) -> None:
        """Let go of connections."""
        self.sites.hub.close()
        await self.database.close()


def build_services(
    settings: Settings,
    *,
    clock: Clock | None = None,
    ids: IdSource | None = None,
    passwords: Passwords | None = None,
) -> Services:
    """Build the whole gateway; nothing runs yet, and the database must already be migrated.

    It decides by the ordinance pack of the settings until it has looked at what two people approved (`setup.obey`).
    """
    ground = lay_ground(settings, clock=clock, ids=ids)
    identity, memberships = build_people(ground, passwords or Passwords())
    ties, shared = SiteTies(), SharingTies()
    owners = _owners(ground, identity, ties, shared)
    memberships.tie(owners.partners)
    incidents = _incidents(ground)
    viewing, history = _given(ground, incidents)
    theirs = _Theirs(identity=identity, partners=owners.partners, cameras=owners.cameras)
    seen = _Seen(incidents=incidents, usage=viewing, history=history)
    law = build_sharing(ground, **theirs, **seen, ties=shared)
    sites = wire_sites(ground, **theirs, outbox=law.outbox)
    ties.tie(sites)
    law.agents.tie(sites)
    emergency = build_emergency(ground, **theirs, decisions=law.decisions, incidents=incidents)
    evidence = _evidence(ground, SharingClipLaw(law.decisions, incidents, emergency), sites, identity, emergency)
    around = _Around(law=law, incidents=incidents, sites=sites, identity=identity, cameras=owners.cameras)
    views = wire_live(ground, **around, emergency=emergency)
    viewing.tie(views.live, evidence)
    history.tie(views.live, evidence)
    joined = Joined(owners, identity, incidents, law, evidence, views, emergency, ties, shared)
    return Services(
        **_base(ground),
        **build_desks(ground, settings, joined),
        metrics=_metrics(ground, sites, views, evidence),
        authenticator=identity.sessions,
        **theirs,
        incidents=incidents,
        **law.for_handlers,
        sites=sites,
        emergencies=emergency.emergencies,
        reports_desk=_reports_desk(ground, emergency, owners, incidents),
        evidence=evidence,
        **views.for_handlers,
        background=(
            *_background(ground, incidents, sites, evidence),
            *(work for part in (identity, law, emergency, views) for work in part.background),
        ),
        probes=(*_probes(ground), *law.probes, views.probe),
    )


class _Seen(TypedDict):
    """What was and is looked at, and why."""

    incidents: Incidents
    usage: GivenTies
    history: LiveHistory


class _Theirs(TypedDict):
    """People and what partners own: what most capabilities are built on."""

    identity: Identity
    partners: Partners
    cameras: Cameras


class _Around(TypedDict):
    """What live views stand on."""

    law: SharingServices
    incidents: Incidents
    sites: Sites
    identity: Identity
    cameras: Cameras


class _Base(TypedDict):
    clock: Clock
    ids: IdSource
    database: Database
    bus: MemoryBus
    origin: PublicOrigin
    secret: MasterSecret
    keyring: Keyring
    audit: AuditLog
    log_reader: LogReader
    sequencer: Sequencer
    rate_limiter: RateLimiter


def _base(ground: Ground) -> _Base:
    """What handlers get of the ground itself."""
    return _Base(
        clock=ground.clock,
        ids=ground.ids,
        database=ground.database,
        bus=ground.bus,
        origin=ground.settings.origin,
        secret=ground.secret,
        keyring=ground.keyring,
        audit=ground.log.audit,
        log_reader=ground.log.reader,
        sequencer=ground.log.sequencer,
        rate_limiter=ground.rate_limiter,
    )


def _given(ground: Ground, incidents: Incidents) -> tuple[GivenTies, LiveHistory]:
    """What sites are giving, and what was looked at: both are asked for before views and recordings are there."""
    return GivenTies(ground.clock), LiveHistory(log=ground.log.audit, incidents=incidents, clock=ground.clock)


def _incidents(ground: Ground) -> Incidents:
    return Incidents(
        database=ground.database,
        rows=SqlIncidents(ground.database),
        log=ground.log.audit,
        publisher=ground.bus,
        clock=ground.clock,
        ids=ground.ids,
    )


def _owners(ground: Ground, identity: Identity, ties: SiteTies, shared: SharingTies) -> PartnerServices:
    return build_partners(
        database=ground.database,
        audit=ground.log.audit,
        people=identity,
        signatures=PasskeySignatures(identity, profile_of(ground.settings)),
        bus=ground.bus,
        clock=ground.clock,
        ids=ground.ids,
        ties=ties,
        sharing=shared,
    )


def _evidence(
    ground: Ground, law: SharingClipLaw, sites: Sites, identity: Identity, emergency: EmergencyServices
) -> Evidence:
    grants = SharingClipGrants(ground, law=law, identity=identity, emergency=emergency)
    used = ClipConsequences(emergency.emergencies)
    return wire_evidence(ground, sites=sites, law=law, grants=grants, consequences=used)


def _reports_desk(
    ground: Ground, emergency: EmergencyServices, owners: PartnerServices, incidents: Incidents
) -> ReportsDesk:
    return ReportsDesk(reports=emergency.reports, cameras=owners.cameras, incidents=incidents, clock=ground.clock)


def _metrics(ground: Ground, sites: Sites, views: LiveServices, evidence: Evidence) -> Metrics:
    relay, sequencer = views.relay_figures, ground.log.sequencer
    return Metrics(sources(hub=sites.hub, live=views.live, relay=relay, sequencer=sequencer, evidence=evidence))


def _background(ground: Ground, incidents: Incidents, sites: Sites, evidence: Evidence) -> tuple[Background, ...]:
    """What runs as long as the gateway."""
    bus = ground.bus
    crossing = (Background("bus", bus.run, Place.EVERYWHERE),) if isinstance(bus, BusBetweenProcesses) else ()
    return (
        *crossing,
        Background("sequencer", ground.log.sequence, Place.WORKER),
        Background("incidents", incidents.sweep_forever),
        Background("key set", sites.keep_key_set),
        Background("last seen", sites.hub.flush_forever),
        Background("evidence", evidence.run),
    )


def _probes(ground: Ground) -> tuple[Probe, ...]:
    """What must work before anybody is sent here."""
    return (
        Probe("database", lambda: database_is_writable(ground.database, ground.clock)),
        Probe("migrations", lambda: schema.at_head(ground.database)),
        Probe("log", ground.log.probe),
    )
