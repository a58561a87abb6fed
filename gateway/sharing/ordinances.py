"""How the ordinance pack changes: one person proposes, another approves, and from then on it is the law everywhere.

Each step is one transaction with its leaf. An approval raises the generation `ordinance` in it, so every process takes
the pack over before it decides anything newer (`in_force`). A pack that cannot be read, or lets through what is denied
by default, is refused with the place in it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

from gateway.audit import Kind, LeafDraft
from gateway.kernel.database import Database, UnitOfWork
from gateway.kernel.errors import ConflictError, DeniedError, InvalidError, NotFoundError
from gateway.kernel.generations import ORDINANCE
from gateway.kernel.phrases import phrase
from gateway.kernel.principal import Principal
from gateway.sharing.ports import Log
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource
from policies import packs
from policies.fields import PolicyError
from policies.guardrail import Guardrail

BODY_LENGTH: Final = 48_000  # characters; a pack travels to sites as one message of at most 64 KiB
MAX_WAITING: Final = 10
_NO_JSON: Final = "A value is none JSON knows."


class Progress(StrEnum):
    """How far a proposal has come."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A pack that somebody wants in force.

    Attributes:
        body: its JSON, as it would be sent to sites.
        decided_by: the second person, who approved or declined.
    """

    id: str
    body: str
    state: Progress
    proposed_by: str
    proposed_by_name: str
    proposed_at: datetime
    decided_by: str = ""
    decided_by_name: str = ""
    decided_at: datetime | None = None

    @property
    def document(self) -> Mapping[str, object]:
        """The pack as a document."""
        found: Mapping[str, object] = json.loads(self.body)
        return found

    @property
    def pack(self) -> Guardrail:
        """The pack, read.

        Raises:
            PolicyError: it is not whole.
        """
        return packs.read_ordinance(self.document)


class OrdinanceRows(Protocol):
    """Proposed packs, in storage."""

    async def proposals(self, *, unit: UnitOfWork | None = None) -> Sequence[Proposal]:
        """Every proposal, newest first."""

    async def add(self, unit: UnitOfWork, proposal: Proposal) -> None:
        """A new proposal."""

    async def save(self, unit: UnitOfWork, proposal: Proposal) -> None:
        """A proposal is decided.

        Raises:
            ConflictError: it was decided in between.
        """


class Ordinances:
    """Use cases of the ordinance."""

    def __init__(
        self,
        *,
        database: Database,
        rows: OrdinanceRows,
        log: Log,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._database = database
        self._rows = rows
        self._log = log
        self._clock = clock
        self._ids = ids

    async def proposals(self) -> Sequence[Proposal]:
        """Every proposal, newest first."""
        return await self._rows.proposals()

    async def proposal(self, proposal_id: str) -> Proposal:
        """One proposal.

        Raises:
            NotFoundError: there is none.
        """
        return _found(await self._rows.proposals(), proposal_id)

    async def propose(self, principal: Principal, text: str) -> Proposal:
        """Propose a pack, written as JSON.

        Raises:
            InvalidError: it cannot be read; the sentence names the place.
            ConflictError: it waits already, or too many wait.
        """
        document, pack = read_text(text)
        async with self._database.unit_of_work() as unit:
            waiting = [one for one in await self._rows.proposals(unit=unit) if one.state is Progress.PROPOSED]
            if len(waiting) >= MAX_WAITING:
                raise ConflictError("Ten proposals wait. Decide one of them first.")
            if any(one.pack.digest == pack.digest for one in waiting):
                raise ConflictError("Exactly this pack is proposed already.")
            proposal = Proposal(
                id=self._ids.new("ord"),
                body=json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False),
                state=Progress.PROPOSED,
                proposed_by=principal.person_id,
                proposed_by_name=principal.name,
                proposed_at=self._clock.now(),
            )
            await self._rows.add(unit, proposal)
            await self._log.append(unit, _leaf(Kind.ORDINANCE_PROPOSED, principal, pack))
            await unit.commit()
        return proposal

    async def decide(self, principal: Principal, proposal_id: str, *, is_approved: bool) -> Proposal:
        """Approve a proposal of somebody else, or decline any.

        Raises:
            NotFoundError: there is no such proposal.
            DeniedError: whoever proposed it would approve it too.
            ConflictError: it is decided already.
        """
        async with self._database.unit_of_work() as unit:
            known = await self._rows.proposals(unit=unit)
            proposal = _found(known, proposal_id)
            if proposal.state is not Progress.PROPOSED:
                raise ConflictError("This proposal is decided already.")
            if is_approved and principal.person_id == proposal.proposed_by:
                raise DeniedError("Somebody else has to approve what you proposed.")
            decided = replace(
                proposal,
                state=Progress.APPROVED if is_approved else Progress.DECLINED,
                decided_by=principal.person_id,
                decided_by_name=principal.name,
                decided_at=_after(newest_approved(known), self._clock.now()),
            )
            await self._rows.save(unit, decided)
            kind = Kind.ORDINANCE_APPROVED if is_approved else Kind.ORDINANCE_DECLINED
            await self._log.append(unit, _leaf(kind, principal, proposal.pack))
            if is_approved:
                unit.bump(ORDINANCE)
            await unit.commit()
        return decided


def newest_approved(proposals: Sequence[Proposal]) -> Proposal | None:
    """What was approved last."""
    approved = [(one.decided_at, one.id, one) for one in proposals if one.state is Progress.APPROVED and one.decided_at]
    return max(approved)[2] if approved else None


def _after(last: Proposal | None, now: datetime) -> datetime:
    """Now, or right after the last approval, where the clocks of two machines differ: who approves last decides."""
    at = None if last is None else last.decided_at
    return now if at is None else max(now, at + timedelta(milliseconds=1))


def read_text(text: str) -> tuple[Mapping[str, object], Guardrail]:
    """A pack as it was typed or uploaded.

    Raises:
        InvalidError: it cannot be read, with the line; or is not whole, with the field.
    """
    try:
        document = json.loads(text)
        return document, packs.read_ordinance(document)
    except json.JSONDecodeError as error:
        line = phrase("Line %(line)d, column %(column)d: this is not JSON.", line=error.lineno, column=error.colno)
        raise InvalidError("This pack cannot be read.", fields={"body": line}) from error
    except (PolicyError, ValueError, RecursionError) as error:
        place = f"{error.path} {error.sentence}." if isinstance(error, PolicyError) else _NO_JSON
        raise InvalidError("This pack cannot be put in force.", fields={"body": place}) from error


def _found(proposals: Sequence[Proposal], proposal_id: str) -> Proposal:
    found = next((one for one in proposals if one.id == proposal_id), None)
    if found is None:
        raise NotFoundError("There is no such proposal.")
    return found


def _leaf(kind: Kind, principal: Principal, pack: Guardrail) -> LeafDraft:
    public = {"ordinance": pack.id, "ordinance_sha256": pack.digest}
    return LeafDraft(kind=kind, public=public, restricted={"person": principal.person_id})
