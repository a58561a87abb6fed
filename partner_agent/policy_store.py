"""The owner's word on this site: the document in force, the proposals that wait, and how one becomes the other.

A narrowing takes effect at once, in every state. A widening is a proposal outside the chain until the site approves it,
or an owner's passkey does and the hold has passed. Checks of a document, in this order:
1 it is a document of ours, for this site; 2 it is the one in force, sent again; 3 it follows the one in force;
4 its content can be read and its guard-rail pack is here; 5 it only narrows, or waits as a proposal.
Checks of an approval: A it waits here, not dead, on the document in force, in time; B not in quarantine; C an owner
stays; and for a passkey D something is in force, whose owners it can be one of; E the touch is genuine; F it is not the
passkey that would go; G nothing else is held. A without the time, B and C are made again when a hold ends.
What is in force is decided here; ending sessions it no longer permits comes before the ack and is the caller's.
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from partner_agent import owners as owner_rules
from partner_agent.holds import Holds, changes
from partner_agent.identity import Identity
from partner_agent.journal import Journal
from partner_agent.owners import Owners
from partner_agent.ports import OwnerNotice
from partner_agent.store import Store
from partner_agent.wire import documents
from partner_agent.wire.approvals import ApprovalError
from partner_agent.wire.clock import Clock, to_ms
from partner_agent.wire.documents import LINEAGE_BYTES, DocumentError, PolicyDocument, Position
from partner_agent.wire.ids import IdSource
from partner_agent.wire.messages import PolicyApproval
from partner_agent.wire.problems import PolicyProblem
from partner_agent.wire.touches import label_of
from policies.guardrail import Guardrail, read_guardrail
from policies.layers import GuardrailLayer, SharingLayer
from policies.model import Policy, PolicyError, read_policy
from policies.narrowing import compare

MAX_PROPOSALS: Final = 8  # the oldest is dropped; a lying gateway cannot fill the disk
MAX_PACKS: Final = 4  # beside the one in force
_LINEAGE: Final = "lineage"


@dataclass(frozen=True, slots=True)
class InForce:
    """The document in force, compiled."""

    document: PolicyDocument
    policy: Policy
    sharing: SharingLayer
    guardrail: GuardrailLayer | None


@dataclass(frozen=True, slots=True)
class Taken:
    """It is in force (again); to be acknowledged once sessions have been decided again."""

    position: Position
    is_new: bool


@dataclass(frozen=True, slots=True)
class Stale:
    """It does not follow; this is what is in force."""

    position: Position


@dataclass(frozen=True, slots=True)
class Proposed:
    """It waits for the owner; `held_s` is set while a hold runs."""

    sha256: str
    held_s: int | None = None


@dataclass(frozen=True, slots=True)
class NotTaken:
    """It was refused."""

    sha256: str
    problem: PolicyProblem


Outcome = Taken | Stale | Proposed | NotTaken


class PolicyStore:
    """The chain of documents of this site."""

    def __init__(
        self,
        *,
        store: Store,
        journal: Journal,
        clock: Clock,
        ids: IdSource,
        identity: Identity,
        notice: OwnerNotice,
        owners: Owners,
        holds: Holds,
    ) -> None:
        self._store, self._journal, self._clock, self._ids = store, journal, clock, ids
        self._identity, self._notice, self._owners, self._holds = identity, notice, owners, holds
        self._packs: dict[str, Guardrail] = {}
        if store.get(_LINEAGE) is None:
            self._start_lineage()
        self.in_force: InForce | None = None
        self._load()

    # --- what is in force

    @property
    def position(self) -> Position:
        """The place of the document in force; seq 0 if nothing is."""
        if self.in_force is not None:
            return self.in_force.document.position
        return Position.nothing(str(self._store.get(_LINEAGE)))

    def proposals(self) -> list[tuple[PolicyDocument, Policy]]:
        """What waits for the owner, held or not."""
        rows = self._store.rows("SELECT raw FROM document WHERE role != 'in_force' ORDER BY rowid")
        found = [documents.parse(json.loads(row["raw"])) for row in rows]
        return [(document, read_policy(document.raw)) for document in found if document.follows(self.position)]

    @property
    def held(self) -> tuple[str, float] | None:
        """The digest of the held proposal and the seconds its hold still runs."""
        return self._holds.current

    # --- what the gateway sends

    def take_pack(self, raw: dict[str, Any]) -> str | None:
        """Keep a guard-rail pack until a document pins its digest; None if it is no pack."""
        try:
            pack = read_guardrail(raw)
        except PolicyError:
            return None
        with self._store.transaction() as db:
            values = (pack.digest, json.dumps(raw), to_ms(self._clock.now()))
            db.execute(
                "INSERT INTO pack VALUES (?, ?, ?) ON CONFLICT (sha256) DO UPDATE SET at_ms = excluded.at_ms", values
            )
            pinned = self.in_force.policy.guardrail if self.in_force else ""
            db.execute(
                "DELETE FROM pack WHERE sha256 != ? AND sha256 NOT IN"
                " (SELECT sha256 FROM pack ORDER BY at_ms DESC LIMIT ?)",
                (pinned, MAX_PACKS),
            )
        return pack.digest

    def take(self, raw: dict[str, Any], *, is_quarantined: bool) -> Outcome:
        """A document from the gateway; see the numbered checks above."""
        try:  # 1
            document = documents.parse(raw)
        except DocumentError:
            return NotTaken("", PolicyProblem.MALFORMED)
        mine = self._identity
        names = (document.gateway, document.site, document.agent, raw["partner"])
        if names != (mine.gateway, mine.site, mine.agent, mine.partner):
            return self._not_taken(document, PolicyProblem.WRONG_SITE)
        if document.sha256 == self.position.sha256:  # 2
            return Taken(self.position, is_new=False)
        if not document.follows(self.position):  # 3
            self._journal.add("policy_stale", sha256=document.sha256, seq=document.seq)
            return Stale(self.position)
        try:  # 4
            policy = read_policy(document.raw)
        except PolicyError:
            return self._not_taken(document, PolicyProblem.MALFORMED)
        if self._pack(policy.guardrail) is None:
            return self._not_taken(document, PolicyProblem.PACK_MISSING)
        if self._is_narrowing(policy):  # 5
            self._take_effect(document, "narrowing")
            return Taken(self.position, is_new=True)
        return self._propose(document, is_quarantined=is_quarantined)

    def no(self, sha256: str, *, by: str) -> None:
        """The owner said no: the proposal is dead until the document in force changes. Works in every state."""
        with self._store.transaction() as db:
            db.execute("INSERT OR IGNORE INTO dead VALUES (?)", (sha256,))
            db.execute("DELETE FROM document WHERE sha256 = ? AND role != 'in_force'", (sha256,))
            self._journal.add("policy_no", sha256=sha256, by=by)

    # --- approval

    def approve_on_site(self, sha256: str, *, is_quarantined: bool) -> Outcome:
        """The site approved this proposal (the caller has checked PIN and code): in force at once."""
        document = self._waiting(sha256)
        problem = self._why_not(document) or self._why_never(document, is_quarantined=is_quarantined)
        if document is None or problem is not None:
            return NotTaken(sha256, problem or PolicyProblem.DEAD)
        self._take_effect(document, "site")
        return Taken(self.position, is_new=True)

    def approve_by_passkey(self, message: PolicyApproval, *, is_quarantined: bool) -> Outcome:
        """An owner's touch for a proposal: hold it and tell the owner; see the lettered checks above."""
        held, sha256 = self.held, message.sha256
        if held is not None and held[0] == sha256:  # the answer was lost
            return Proposed(sha256, held_s=round(held[1]))
        document = self._waiting(sha256)
        problem = self._why_not(document)  # A
        if document is None or problem is not None:
            return self._not_approved(sha256, problem or PolicyProblem.DEAD)
        new, in_force = read_policy(document.raw), self.in_force
        problem = self._why_never(document, is_quarantined=is_quarantined)  # B, C
        if problem is not None:
            return self._not_approved(sha256, problem)
        if in_force is None or new.hold_s < in_force.policy.hold_s:  # D
            return self._not_approved(sha256, PolicyProblem.ON_SITE_ONLY)
        label = label_of(in_force.policy, new)
        try:  # E
            approved = self._owners.take(
                message.assertion,
                label=label if message.label == label else "",
                digest=sha256,
                path=message.path,
                owners=in_force.policy.owners,
            )
        except ApprovalError as error:
            return self._not_approved(sha256, PolicyProblem.APPROVAL_INVALID, check=error.check, why=str(error))
        problem = owner_rules.problem(in_force.policy, new, by=approved.credential)  # F
        if problem is None and held is not None:  # G
            problem = PolicyProblem.BUSY
        if problem is not None:
            return self._not_approved(sha256, problem)
        self._holds.begin(sha256, by=approved.credential, old=in_force.policy, new=new)
        return self.tick(is_quarantined=is_quarantined) or Proposed(sha256, held_s=self._holds.hold_s)

    def tick(self, *, is_quarantined: bool) -> Taken | NotTaken | None:
        """End a hold whose time has passed; every check is made again."""
        held = self.held
        if held is None or held[1] > 0:
            return None
        document = self._waiting(held[0])
        problem = self._why_not(document, is_approved=True)
        problem = problem or self._why_never(document, is_quarantined=is_quarantined)
        if document is None or problem is not None:
            self.no(held[0], by="hold_end")
            return self._not_approved(held[0], problem or PolicyProblem.DEAD)
        self._take_effect(document, "passkey")
        return Taken(self.position, is_new=True)

    def start_lineage(self) -> None:
        """Forget every document: nothing is shared until the site approves again."""
        with self._store.transaction():
            self.forget(self._store)
            self._start_lineage()
        self.in_force = None

    @staticmethod
    def forget(store: Store) -> None:
        """Forget every document before a store is opened for a new pairing."""
        with store.transaction() as db:
            db.execute("DELETE FROM document")
            db.execute("DELETE FROM dead")
            store.put(_LINEAGE, None)

    # --- inside

    def _start_lineage(self) -> None:
        with self._store.transaction():
            self._store.put(_LINEAGE, self._ids.secret(LINEAGE_BYTES).hex())
            self._journal.add("lineage", lineage=str(self._store.get(_LINEAGE)))

    def _load(self) -> None:
        rows = self._store.rows("SELECT raw FROM document WHERE role = 'in_force'")
        self.in_force = self._compiled(documents.parse(json.loads(rows[0]["raw"]))) if rows else None
        held = self.held
        document = self._waiting(held[0]) if held else None
        if document is not None:  # its hold starts again, and the owner hears of it again
            self._holds.tell(self.in_force.policy if self.in_force else None, read_policy(document.raw))

    def _compiled(self, document: PolicyDocument) -> InForce:
        policy = read_policy(document.raw)
        pack = self._pack(policy.guardrail)
        return InForce(document, policy, SharingLayer(policy), GuardrailLayer(pack) if pack else None)

    def _pack(self, digest: str) -> Guardrail | None:
        if digest not in self._packs:
            rows = self._store.rows("SELECT raw FROM pack WHERE sha256 = ?", digest)
            if not rows:
                return None
            self._packs = {digest: read_guardrail(json.loads(rows[0]["raw"]))} | self._packs
        return self._packs[digest]

    def _is_narrowing(self, policy: Policy) -> bool:
        if self.in_force is None:
            return False  # document 1 is approved on site, whatever it says
        old = self.in_force.policy
        packs = {digest: pack for digest in (old.guardrail, policy.guardrail) if (pack := self._pack(digest))}
        return compare(old, policy, packs=packs).is_narrowing

    def _propose(self, document: PolicyDocument, *, is_quarantined: bool) -> Outcome:
        if is_quarantined:
            return self._not_taken(document, PolicyProblem.QUARANTINED)
        if document.approve_by is None:
            return self._not_taken(document, PolicyProblem.WIDENING)
        problem = self._why_not(document)
        if problem is not None:
            return self._not_taken(document, problem)
        with self._store.transaction() as db:
            is_known = db.execute("SELECT 1 FROM document WHERE sha256 = ?", (document.sha256,)).fetchone()
            if not is_known:
                raw = json.dumps(dict(document.raw))
                db.execute("INSERT INTO document (sha256, role, raw) VALUES (?, 'proposal', ?)", (document.sha256, raw))
                db.execute(
                    "DELETE FROM document WHERE role = 'proposal' AND sha256 NOT IN"
                    " (SELECT sha256 FROM document WHERE role = 'proposal' ORDER BY rowid DESC LIMIT ?)",
                    (MAX_PROPOSALS,),
                )
                self._journal.add("policy_proposed", sha256=document.sha256, seq=document.seq)
        if not is_known:
            old = self.in_force.policy if self.in_force else None
            lines = changes(old, read_policy(document.raw), self._holds.voice())
            self._notice.tell("policy_proposed", "Sharing more waits for your approval.", lines)
        return Proposed(document.sha256, held_s=None)

    def _waiting(self, sha256: str) -> PolicyDocument | None:
        rows = self._store.rows("SELECT raw FROM document WHERE sha256 = ? AND role != 'in_force'", sha256)
        return documents.parse(json.loads(rows[0]["raw"])) if rows else None

    def _why_not(self, document: PolicyDocument | None, *, is_approved: bool = False) -> PolicyProblem | None:
        """Why a proposal cannot be approved: dead, its base moved, its time over, or its pack gone."""
        if document is None or self._store.rows("SELECT 1 FROM dead WHERE sha256 = ?", document.sha256):
            return PolicyProblem.DEAD
        if not document.follows(self.position):
            return PolicyProblem.DEAD
        if not is_approved and (document.approve_by is None or self._clock.now() > document.approve_by):
            return PolicyProblem.EXPIRED
        if self._pack(document.guardrail) is None:
            return PolicyProblem.PACK_MISSING
        return None

    def _why_never(self, document: PolicyDocument | None, *, is_quarantined: bool) -> PolicyProblem | None:
        """Why nobody may approve this now."""
        if is_quarantined:  # B
            return PolicyProblem.QUARANTINED
        if document is None:
            return PolicyProblem.DEAD
        old = self.in_force.policy if self.in_force else None
        return owner_rules.problem(old, read_policy(document.raw), by=None)  # C

    def _take_effect(self, document: PolicyDocument, how: str) -> None:
        """Durable first; then what is held, what waits on the old base and what is dead all go."""
        compiled = self._compiled(document)
        with self._store.transaction() as db:
            db.execute("DELETE FROM document")
            db.execute("DELETE FROM dead")
            raw = json.dumps(dict(document.raw))
            db.execute("INSERT INTO document (sha256, role, raw) VALUES (?, 'in_force', ?)", (document.sha256, raw))
            self._journal.add("policy_in_force", sha256=document.sha256, seq=document.seq, how=how)
        self.in_force = compiled

    def _not_taken(self, document: PolicyDocument, problem: PolicyProblem) -> NotTaken:
        self._journal.add("policy_refused", sha256=document.sha256, code=str(problem))
        return NotTaken(document.sha256, problem)

    def _not_approved(self, sha256: str, problem: PolicyProblem, *, check: int = 0, why: str = "") -> NotTaken:
        self._journal.add("approval_refused", sha256=sha256, code=str(problem), check=check, why=why)
        return NotTaken(sha256, problem)
