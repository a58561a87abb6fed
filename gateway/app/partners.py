"""Wires partners and their cameras."""

from dataclasses import dataclass

from gateway.app.sharing import SharingTies
from gateway.app.sites import SiteTies
from gateway.audit import AuditLog
from gateway.cameras import Cameras
from gateway.cameras.store import SqlCameras
from gateway.kernel.bus import MemoryBus
from gateway.kernel.database import Database
from gateway.partners import Partners
from gateway.partners.agreements import load_agreement
from gateway.partners.ports import People, Signatures
from gateway.partners.store import SqlPartners
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource


@dataclass(frozen=True, slots=True)
class PartnerServices:
    """What is built together."""

    partners: Partners
    cameras: Cameras


def build_partners(
    *,
    database: Database,
    audit: AuditLog,
    people: People,
    signatures: Signatures,
    bus: MemoryBus,
    clock: Clock,
    ids: IdSource,
    ties: SiteTies,
    sharing: SharingTies,
) -> PartnerServices:
    """Build them; cameras follow what happens to their sites."""
    cameras = Cameras(database=database, rows=SqlCameras(database), log=audit, publisher=bus, clock=clock, ids=ids)
    database.on_change(cameras.forget_marks)
    partners = Partners(
        database=database,
        rows=SqlPartners(database),
        log=audit,
        people=people,
        signatures=signatures,
        agreement=load_agreement(),
        clock=clock,
        ids=ids,
        watchers=(ties, cameras, sharing),
        member_watchers=(sharing,),
        agreement_watchers=(sharing,),
    )
    return PartnerServices(partners, cameras)
