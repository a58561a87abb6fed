"""Wires identity: its mailer, its keys, and the knot with partners, who know memberships and need people."""

from dataclasses import dataclass, field

from gateway.app.mail import build_mailer
from gateway.app.secret_file import MasterSecret
from gateway.app.settings import Settings
from gateway.audit import AuditLog
from gateway.edge.rate_limit import RateLimiter
from gateway.identity import Identity, IdentityParts, Membership, Passwords, build_identity, load_blocklist
from gateway.kernel.bus import MemoryBus
from gateway.kernel.database import Database
from gateway.partners import Partners
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource


@dataclass
class PartnerMemberships:
    """`Memberships` over partners, who are built after identity: `tie` is called once, before the first request."""

    _partners: Partners | None = field(default=None)

    def tie(self, partners: Partners) -> None:
        """Say who knows."""
        self._partners = partners

    async def membership_of(self, person_id: str) -> Membership | None:
        """What this person is among partners."""
        assert self._partners is not None
        member = await self._partners.membership_of(person_id)
        return Membership(member.organisation_id, frozenset({member.role})) if member else None

    async def address_confirmed(self, person_id: str) -> None:
        """The person opened a mailed link."""
        assert self._partners is not None
        await self._partners.address_confirmed(person_id)


def build(
    settings: Settings,
    *,
    secret: MasterSecret,
    database: Database,
    audit: AuditLog,
    bus: MemoryBus,
    rate_limiter: RateLimiter,
    passwords: Passwords,
    clock: Clock,
    ids: IdSource,
) -> tuple[Identity, PartnerMemberships]:
    """Identity, and the knot to be tied with partners."""
    memberships = PartnerMemberships()
    identity = build_identity(
        IdentityParts(
            database=database,
            log=audit,
            memberships=memberships,
            mailer=build_mailer(settings, clock=clock, ids=ids),
            bus=bus,
            origin=settings.origin,
            key=secret.key("identity"),
            limiter=rate_limiter,
            blocklist=load_blocklist(),
            passwords=passwords,
            clock=clock,
            ids=ids,
        )
    )
    return identity, memberships
