"""An owner's touch for what waits at a site: what is to be signed, and the site's own answer to it, in words.

The gateway checks nothing of a touch: the site does, by the credentials of its own document. Here it is only offered
for the proposal that waits, carried there, and logged once the site took it. The challenge is made of the document's
digest alone, so nothing is stored for it and a touch is good for nothing else.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from gateway.audit import Kind, LeafDraft
from gateway.kernel.database import Database
from gateway.kernel.errors import ConflictError, PreconditionError
from gateway.kernel.principal import Principal
from gateway.partners import Site
from gateway.sharing.model import DocumentState, Step
from gateway.sharing.ports import Log, SharingRows, SiteAgent, StoredDocument
from gateway.sharing.site_book import SiteBook
from gateway.sharing.standing import held_by
from gateway.sites import TouchAnswer
from partner_agent.wire import canonical
from partner_agent.wire.clock import Clock
from partner_agent.wire.documents import NO_PARENT, OWNERS_LABEL
from partner_agent.wire.problems import PolicyProblem
from partner_agent.wire.touches import Assertion, Path, base64url, challenge, label_of
from policies.model import Policy, read_policy
from policies.vocabulary import OwnerRole
from policies.words import Change, say_change

TAKEN_BACK: Final = "taken_back"  # why a document is over: its owner withdrew it
MINUTE_S: Final = 60
ASSERTION_CHARACTERS: Final = 4096  # of each part; real ones have hundreds, and a frame of the link holds 64 KiB
# What the site's refusal means for whoever touched; nothing has changed in any of them.
REFUSALS: Final[Mapping[str, str]] = {
    PolicyProblem.ON_SITE_ONLY: "Your site takes this change only on site. Approve it on your machine on site.",
    PolicyProblem.APPROVAL_INVALID: (
        "Your site did not take this passkey. Try again, or approve it on your machine on site."
    ),
    PolicyProblem.ANOTHER_OWNER: (
        "A passkey cannot take itself off the list. Use another one, or approve it on your machine on site."
    ),
    PolicyProblem.BUSY: "Your site waits out another change first. Approve this one after it.",
    PolicyProblem.QUARANTINED: "Your site is held back until you clear that there. Then approve this on site.",
    PolicyProblem.LAST_OWNER: "Your site keeps its last passkey. Let another one approve there first.",
    PolicyProblem.EXPIRED: "This waited too long. Your site is sent it anew; look again in a minute.",
}
OTHER_REFUSAL: Final = "Your site does not take this any more. Look again at what waits."


@dataclass(frozen=True, slots=True)
class Waiting:
    """A proposal that waits for its owner.

    Attributes:
        challenge: what a passkey is to sign for it, base64url.
        credentials: the passkeys the site would take it from; empty where only the site itself can approve.
        changes: what it would change, in words.
        is_about_owners: whether it changes who may approve, and nothing that is shared.
        minutes_left: of its hold, once a touch was taken; None before.
    """

    sha256: str
    challenge: str
    credentials: tuple[str, ...]
    changes: tuple[Change, ...]
    is_about_owners: bool
    minutes_left: int | None


class Approvals:
    """Use cases of somebody who approves from afar."""

    def __init__(self, *, database: Database, rows: SharingRows, book: SiteBook, log: Log, clock: Clock) -> None:
        self._database = database
        self._rows = rows
        self._book = book
        self._log = log
        self._clock = clock

    async def sites(self, principal: Principal) -> Sequence[Site]:
        """The places of the caller's organisation."""
        return await self._book.partners.sites(principal.organisation_id)

    async def waiting(self, principal: Principal, site_id: str) -> Waiting | None:
        """What waits at a site, and how it can be approved.

        Raises:
            NotFoundError: no such site of the caller's organisation.
        """
        site = await self._book.partners.site(site_id, organisation_id=principal.organisation_id)
        agent = await self._book.agents.agent_of(site.id)
        document = await self._document(agent)
        if agent is None or document is None:
            return None
        old, new = await self._in_force(agent), read_policy(document.raw)
        label = label_of(old, new)
        approving = (one for one in (old.owners if old else ()) if one.role is OwnerRole.OWNER and not one.is_suspended)
        return Waiting(
            sha256=document.sha256,
            challenge=base64url(challenge(label, bytes.fromhex(document.sha256))),
            credentials=tuple(owner.credential for owner in approving),
            changes=tuple(say_change(old, new, await self._book.voice(site, agent))),
            is_about_owners=label == OWNERS_LABEL,
            minutes_left=self._minutes_left(self._book.agents.hold_until(agent.id, document.sha256)),
        )

    async def touch(
        self, principal: Principal, site_id: str, sha256: str, assertion: Assertion, *, path: Path | None = None
    ) -> TouchAnswer:
        """Bring an owner's touch to the site, and its answer back; `path` leads from the document to what was signed.

        Raises:
            NotFoundError: no such site of the caller's organisation.
            ConflictError: something else waits there now.
            PreconditionError: the site did not take it; the sentence says why and what to do.
            UnavailableError, DeadlineError: the site is not connected, or did not answer.
        """
        site = await self._book.partners.site(site_id, organisation_id=principal.organisation_id)
        agent = await self._book.agents.agent_of(site.id)
        document = await self._document(agent)
        if agent is None or document is None or document.sha256 != sha256:
            raise ConflictError("Something else waits now, or nothing any more. Look again, then decide.")
        if any(len(part) > ASSERTION_CHARACTERS for part in msgspec.structs.astuple(assertion)):
            raise PreconditionError(REFUSALS[PolicyProblem.APPROVAL_INVALID])
        label = label_of(await self._in_force(agent), read_policy(document.raw))
        answer = await self._book.agents.approve(agent.id, sha256=sha256, label=label, assertion=assertion, path=path)
        if answer.code:
            raise PreconditionError(REFUSALS.get(answer.code, OTHER_REFUSAL))
        async with self._database.unit_of_work() as unit:
            await self._log.append(unit, _approved(principal, document, assertion, answer))
            await unit.commit()
        return answer

    async def take_back(self, principal: Principal, site_id: str, sha256: str) -> None:
        """Withdraw what waits at a site, held there or not: the site forgets it, and everything stays as it was.

        Raises:
            NotFoundError: no such site of the caller's organisation.
            ConflictError: something else waits there now.
            UnavailableError, DeadlineError: the site is not connected, or did not answer; nothing has changed.
        """
        site = await self._book.partners.site(site_id, organisation_id=principal.organisation_id)
        agent = await self._book.agents.agent_of(site.id)
        document = await self._document(agent)
        if agent is None or document is None or document.sha256 != sha256:
            raise ConflictError("Something else waits now, or nothing any more. Look again, then decide.")
        is_about_owners = label_of(await self._in_force(agent), read_policy(document.raw)) == OWNERS_LABEL
        await self._book.agents.say_no(agent.id, sha256=sha256)
        who = {"organisation": principal.organisation_id, "site": site.id, "person": principal.person_id}
        withdrawn = LeafDraft(
            kind=Kind.POLICY_WITHDRAWN,
            streams=frozenset(who.values()),
            details={**who, "policy_sha256": sha256},
        )
        async with self._database.unit_of_work() as unit:
            await self._rows.mark(unit, sha256, DocumentState.REFUSED, code=TAKEN_BACK, at=self._clock.now())
            if is_about_owners:
                await self._rows.owners_named(unit, site.id)  # the wish goes with it
            await self._log.append(unit, withdrawn)
            await unit.commit()

    async def _document(self, agent: SiteAgent | None) -> StoredDocument | None:
        """The newest proposal that follows what the site holds, was sent, and whose time is not over."""
        if agent is None:
            return None
        base, now = agent.acked_sha256 or NO_PARENT, self._clock.now()
        for known in await self._rows.waiting(agent.id):
            is_open = known.state is DocumentState.SENT and known.approve_by is not None and known.approve_by > now
            if is_open and known.step is Step.PROPOSAL and known.parent_sha256 == base:
                return known
        return None

    async def _in_force(self, agent: SiteAgent) -> Policy | None:
        held = await held_by(self._rows, agent)
        return read_policy(held.raw) if held else None

    def _minutes_left(self, until: datetime | None) -> int | None:
        if until is None:
            return None
        return max(0, math.ceil((until - self._clock.now()).total_seconds() / MINUTE_S))


def _approved(principal: Principal, document: StoredDocument, assertion: Assertion, answer: TouchAnswer) -> LeafDraft:
    who = {"organisation": principal.organisation_id, "site": document.site_id, "person": principal.person_id}
    return LeafDraft(
        kind=Kind.POLICY_APPROVED,
        streams=frozenset(who.values()),
        public={"by": "passkey", "held_s": answer.held_s or 0},
        details={**who, "policy_sha256": document.sha256, "sha256": canonical.sha256_hex(assertion.credential)},
    )
