"""An ordinance pack in force that nobody has changed, and two people who change it."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.kernel.principal import Principal, PrincipalKind, Role
from gateway.sharing import InForce, Ordinances, Proposal

ADA = Principal(PrincipalKind.AGENCY, "per_" + "1" * 26, "age_1", frozenset({Role.ADMIN}), name="Ada")
BEN = Principal(PrincipalKind.AGENCY, "per_" + "2" * 26, "age_1", frozenset({Role.SECOND}), name="Ben")


class NoProposals:
    """`OrdinanceRows` where nobody proposed anything."""

    async def proposals(self, *, unit: object = None) -> Sequence[Proposal]:
        """None."""
        del unit
        return ()

    async def add(self, unit: object, proposal: Proposal) -> None:
        """Nobody does."""
        raise NotImplementedError

    async def save(self, unit: object, proposal: Proposal) -> None:
        """Nobody does."""
        raise NotImplementedError


def in_force(document: Mapping[str, Any]) -> InForce:
    """This pack, for good."""
    return InForce(start=document, rows=NoProposals())


async def enact(ordinances: Ordinances, text: str) -> Proposal:
    """Ada proposes this pack, and Ben approves it."""
    proposal = await ordinances.propose(ADA, text)
    return await ordinances.decide(BEN, proposal.id, is_approved=True)
