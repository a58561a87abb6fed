"""Wires identity: its mailer, its keys, and the knot with partners, who know memberships and need people."""

from dataclasses import dataclass, field

from gateway.app.ground import Ground
from gateway.app.mail import build_mailer
from gateway.identity import Identity, IdentityParts, Membership, Passwords, build_identity, load_blocklist
from gateway.partners import Partners


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


def build_people(ground: Ground, passwords: Passwords) -> tuple[Identity, PartnerMemberships]:
    """Identity, and the knot to be tied with partners, who know memberships and need people."""
    memberships = PartnerMemberships()
    parts = IdentityParts(
        database=ground.database,
        log=ground.log.audit,
        memberships=memberships,
        mailer=build_mailer(ground.settings, clock=ground.clock, ids=ground.ids),
        bus=ground.bus,
        origin=ground.settings.origin,
        key=ground.secret.key("identity"),
        limiter=ground.rate_limiter,
        blocklist=load_blocklist(),
        passwords=passwords,
        clock=ground.clock,
        ids=ground.ids,
    )
    return build_identity(parts), memberships
