"""What a grant tells a site, for views and recordings alike, and for whom it speaks.

A site decides by what it is told here, so both kinds of grant say it in the same way; what is signed, and when, stays
with each of them. The person is the one they are now, not the one who signed in.
"""

from dataclasses import replace

import msgspec

from gateway.identity import People
from gateway.kernel.errors import NotFoundError
from gateway.kernel.principal import Principal
from gateway.sharing import Decided
from partner_agent.wire import grants
from partner_agent.wire.clock import to_rfc3339
from policies.request import Permit, Subject


async def as_now(people: People, principal: Principal) -> Principal:
    """The person with the roles they have now.

    Raises:
        NotFoundError: they are suspended, or of the agency no more.
    """
    membership = await people.membership(principal.person_id)
    if membership is None or membership.organisation_id != principal.organisation_id:
        raise NotFoundError("There is no such person.")
    return replace(principal, roles=membership.roles, unit=membership.unit)


def told_subject(subject: Subject) -> grants.Subject:
    """Who asks, as a site is told."""
    return grants.Subject(
        ref=subject.ref,
        agency=subject.agency,
        unit=subject.unit,
        role=subject.said_role,
        assurance=subject.assurance,
        on_behalf_of=subject.on_behalf_of,
    )


def told_caps(permit: Permit) -> grants.Caps:
    """The bounds of what was permitted."""
    return msgspec.convert(permit.caps, grants.Caps, from_attributes=True)


def told_obligations(permit: Permit) -> dict[str, bool | int | str | list[str]]:
    """What has to be done with the picture; a set is told as a list."""
    return {
        kind.value: list(value) if isinstance(value, tuple) else value for kind, value in permit.obligations.items()
    }


def told_incident(decided: Decided) -> grants.Incident | None:
    """The incident it was decided for, its place no finer than its cell."""
    incident = decided.incident
    if incident is None:
        return None
    return grants.Incident(
        ref=incident.ref,
        kind=incident.kind.value,
        origin=incident.origin.value,
        cell=(incident.cell[0], incident.cell[1]),
        opened_at=to_rfc3339(incident.opened_at),
        has_moved=incident.has_moved,
        is_active=incident.is_active,
        moves=decided.moves,
    )
