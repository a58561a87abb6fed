"""What each site should hold, as documents: built on what it says it holds, and again when that was something else.

Asked anew each time, so a restart forgets nothing. A narrowing that is pending goes first; what is wanted beyond it is
proposed once the site stands there. The same wish on the same base is the same document, byte for byte, until its time
to be approved is over; one that the site refused is not sent again until something changes.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final

from gateway.audit import Kind, LeafDraft
from gateway.kernel.database import Database, UnitOfWork
from gateway.kernel.errors import PreconditionError
from gateway.sharing.model import Answers, DocumentState, Plan, Step, plan, policy_of, rebased
from gateway.sharing.ports import Log, Publisher, SharingRows, SiteAgent, StoredDocument
from gateway.sharing.service import topic_of
from gateway.sharing.site_book import SiteBook
from gateway.sharing.standing import held_by
from gateway.sites import DuePolicy, PolicyAnswer
from partner_agent.wire import documents
from partner_agent.wire.clock import Clock
from partner_agent.wire.documents import Position
from partner_agent.wire.limits import APPROVE_BY_S
from partner_agent.wire.problems import PolicyProblem
from policies.model import CONTENT_FIELDS, Policy, read_policy
from policies.narrowing import compare

# A touch that did not count; the proposal still waits on site for another one, or for the site itself.
TOUCH_REFUSED: Final = frozenset(
    {
        PolicyProblem.ON_SITE_ONLY,
        PolicyProblem.APPROVAL_INVALID,
        PolicyProblem.ANOTHER_OWNER,
        PolicyProblem.BUSY,
    }
)


class Outbox:
    """The documents on their way, and what came back."""

    def __init__(
        self,
        *,
        gateway: str,
        database: Database,
        rows: SharingRows,
        book: SiteBook,
        log: Log,
        publisher: Publisher,
        clock: Clock,
    ) -> None:
        """`gateway`: our name as agents pinned it."""
        self._gateway = gateway
        self._database = database
        self._rows = rows
        self._book = book
        self._log = log
        self._publisher = publisher
        self._clock = clock

    async def due(self, agent_id: str, held: Position) -> Sequence[DuePolicy]:
        """What to send to a site that holds `held`, in order; empty when it has all, or waits for its owner."""
        agent = await self._book.agents.agent(agent_id)
        answers = None if agent is None else await self._rows.answers(agent.site_id)
        if agent is None or answers is None:
            return []
        base = await self._policy_at(agent, held)
        try:
            facts = await self._book.facts(agent.site_id, answers.organisation_id, agent)
        except PreconditionError:
            return []  # no agreement: nothing new is written; what the site holds is refused at the centre
        step = await self._next(agent, answers, base, held, policy_of(facts, answers.effective))
        if step.narrowing is not None:
            document = await self._document(agent, held, step.narrowing, Step.NARROWING)
        elif step.proposal is not None:
            document = await self._document(agent, held, step.proposal, Step.PROPOSAL)
        else:
            return []
        return [] if document is None else [self._due(document)]

    def _due(self, document: StoredDocument) -> DuePolicy:
        """With the ordinance pack that it names, which may be one of before."""
        pack = self._book.ordinance.document_of(read_policy(document.raw).guardrail)
        return DuePolicy(dict(document.raw), dict(pack))

    async def refresh(self, site_id: str) -> None:
        """Facts of a site may have changed: what is less counts from now on, and its agent is told what is due."""
        agent = await self._book.agents.agent_of(site_id)
        answers = await self._rows.answers(site_id)
        held = await held_by(self._rows, agent)
        if agent is None or answers is None:
            return
        if held is not None:
            with suppress(PreconditionError):
                facts = await self._book.facts(site_id, answers.organisation_id, agent)
                base = read_policy(held.raw if answers.pending is None else answers.pending)
                step = plan(base, policy_of(facts, answers.effective), owners=answers.owners, packs=self._book.packs)
                if step.narrowing is not None:
                    await self._narrow(answers, step.narrowing)
        self._book.agents.nudge(agent.id)

    async def answered(self, unit: UnitOfWork, answer: PolicyAnswer) -> None:
        """A site answered; called in the transaction that records it."""
        document = await self._rows.document(answer.sha256)
        if document is None or document.agent_id != answer.agent_id or answer.code in TOUCH_REFUSED:
            return
        now = self._clock.now()
        if answer.kind == "refused":
            await self._rows.mark(unit, document.sha256, DocumentState.REFUSED, code=answer.code, at=now)
        else:
            await self._rows.mark(unit, document.sha256, DocumentState.ACKNOWLEDGED, code="", at=now)
        if answer.kind == "ack":
            answers = await self._rows.answers(document.site_id, unit=unit)
            stands_at = read_policy(document.raw)
            if answers is not None and answers.owners == stands_at.owners:
                await self._rows.owners_named(unit, document.site_id)
            pending = None if answers is None or answers.pending is None else read_policy(answers.pending)
            if pending is not None and compare(rebased(pending, stands_at), stands_at).is_narrowing:
                await self._rows.keep_pending(unit, document.site_id, None)
        unit.bump(document.site_id)
        unit.after_commit(lambda: self._publisher.publish(topic_of(document.site_id), document.site_id))

    async def _policy_at(self, agent: SiteAgent, held: Position) -> Policy | None:
        """The policy a site holds; None for nothing, or a document that we do not know."""
        found = await self._rows.document(held.sha256) if held.seq else None
        return None if found is None or found.agent_id != agent.id else read_policy(found.raw)

    async def _next(
        self, agent: SiteAgent, answers: Answers, base: Policy | None, held: Position, wanted: Policy
    ) -> Plan:
        pending = None if answers.pending is None else read_policy(answers.pending)
        if pending is not None and base is not None:
            pending = rebased(pending, base)
            if not compare(pending, base, packs=self._book.packs).is_narrowing:
                first = plan(base, pending, owners=pending.owners, packs=self._book.packs).narrowing
                return Plan(narrowing=first or pending)
            if held.sha256 == agent.acked_sha256:
                await self._clear_pending(answers)
        step = plan(base, wanted, owners=answers.owners, packs=self._book.packs)
        if step.narrowing is not None and pending is None:
            await self._narrow(answers, step.narrowing)
        return step

    async def _clear_pending(self, answers: Answers) -> None:
        async with self._database.unit_of_work() as unit:
            if await self._is_as_read(unit, answers):
                await self._rows.keep_pending(unit, answers.site_id, None)
                unit.bump(answers.site_id)
                await unit.commit(unaudited="the site stands there already, and said so")

    async def _narrow(self, answers: Answers, narrowing: Policy) -> None:
        """Facts changed so that less is to be shared (a camera unticked, a home said to be one): it counts from now."""
        async with self._database.unit_of_work() as unit:
            if not await self._is_as_read(unit, answers):
                return  # the owner saved meanwhile, which wakes us again
            await self._rows.keep_pending(unit, answers.site_id, narrowing.to_document())
            unit.bump(answers.site_id)
            unit.after_commit(lambda: self._publisher.publish(topic_of(answers.site_id), answers.site_id))
            await unit.commit(unaudited="follows from a change of facts that has its own leaf")

    async def _is_as_read(self, unit: UnitOfWork, answers: Answers) -> bool:
        """Whether what we decided upon still stands: an owner's save in between is never overwritten."""
        now = await self._rows.answers(answers.site_id, unit=unit)
        return now is not None and (now.version, now.pending) == (answers.version, answers.pending)

    async def _document(self, agent: SiteAgent, held: Position, policy: Policy, step: Step) -> StoredDocument | None:
        """The document of this wish on this base: the one we made before, or a new one; None if it was refused."""
        content, now = policy.to_document(), self._clock.now()
        for known in await self._rows.waiting(agent.id):
            is_same = (known.lineage, known.parent_sha256, known.step) == (held.lineage, held.sha256, step)
            if not is_same or {name: known.raw[name] for name in CONTENT_FIELDS} != content:
                continue
            if known.state is DocumentState.REFUSED:
                return None if step is Step.PROPOSAL else known
            if known.approve_by is None or known.approve_by > now:
                return known
        approve_by = now + timedelta(seconds=APPROVE_BY_S) if step is Step.PROPOSAL else None
        made = documents.build(
            gateway=self._gateway,
            site=agent.site_id,
            agent=agent.id,
            base=held,
            created_at=now,
            approve_by=approve_by,
            content=content,
        )
        stored = StoredDocument(
            sha256=made.sha256,
            agent_id=agent.id,
            site_id=agent.site_id,
            lineage=made.lineage,
            seq=made.seq,
            parent_sha256=made.parent_sha256,
            step=step,
            state=DocumentState.SENT,
            raw=made.raw,
            created_at=made.created_at,
            approve_by=made.approve_by,
        )
        async with self._database.unit_of_work() as unit:
            await self._rows.add_document(unit, stored)
            await self._log.append(unit, _sent(stored, policy.partner))
            await unit.commit()
        return stored


def _sent(document: StoredDocument, organisation_id: str) -> LeafDraft:
    who = {"organisation": organisation_id, "site": document.site_id, "agent": document.agent_id}
    return LeafDraft(
        kind=Kind.POLICY_SENT,
        streams=frozenset(who.values()),
        public={"step": document.step.value, "seq": document.seq},
        details={**who, "policy_sha256": document.sha256, "lineage": document.lineage},
    )
