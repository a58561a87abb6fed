"""Drives the real policy store with the steps of `documents`: real keys, real bytes, a clock that the test moves."""

from datetime import timedelta
from pathlib import Path
from typing import Final

from partner_agent.policy_store import Taken
from partner_agent.wire import documents
from partner_agent.wire import messages as m
from partner_agent.wire.documents import NO_PARENT, OWNERS_LABEL, POLICY_LABEL, PolicyDocument, Position
from partner_agent.wire.touches import Assertion
from policies.model import Owner
from policies.vocabulary import OwnerRole
from tests.fakes.clock import START, FakeClock
from tests.policies import build
from tests.protocol_model import site
from tests.protocol_model.documents import World
from tests.protocol_model.engine import Action, After
from tests.protocol_model.site import ANSWERS, APPROVE_BY, LOGIN, OWNERS, SUSPENDED, Doc, Touch, kind_of
from tests.support.agents import PIN, Bench
from tests.support.lying_gateway import AGENT, GATEWAY, SITE
from tests.support.passkeys import SoftPasskey

HALF_S: Final = 1800
RULES: Final = {0: (), 1: (build.rule(condition="any"),), 2: (build.rule(),)}


class RealDocuments:
    """One agent that does what a model's `SiteRules` do."""

    def __init__(self, folder: Path, start: World, *, is_lying: bool) -> None:
        self.clock, self.folder, self.is_lying = FakeClock(), folder, is_lying
        self.bench = Bench(folder, self.clock)
        self.passkeys = (SoftPasskey("a"), SoftPasskey("b"))
        self.lineages = [self.bench.agent.policy.position.lineage]
        self.made: dict[Doc, PolicyDocument] = {}
        self.touches: dict[Touch, Assertion] = {}
        self._take_pack()
        assert self.send(start.agent.current) == "proposed"
        assert self.approve_on_site(start.agent.current) == "ack"

    def do(self, action: Action, after: After, before: World) -> str:
        """Do one step; the real agent's answer, in the model's words."""
        what, args = action.what, action.args
        match what:
            case "half an hour passes":
                self.clock.advance(HALF_S)
                return self._hold()
            case "the wall clock jumps":
                self.clock.step_wall(args[0] * HALF_S)
                return self._hold()
            case "the agent restarts":
                self.bench.restart()
                return self._hold()
            case "the site approves":
                return self.approve_on_site(args[0])
            case "the owner says no on site":
                self.bench.agent.site.decline(self.document(args[0]).sha256)
                return "noted"
            case "no arrives":
                return self._answer(m.PolicyNo(id="msg", sha256=self.document(args[0]).sha256))
            case "a narrowing is sent" | "a proposal is sent" | "narrow arrives" | "propose arrives":
                return self.send(args[0])
            case "an approval is delivered":
                return self._approve(before, args[0], args[1])
            case "approval arrives":
                return self._approve(before, args[0].doc, args[0])
            case _:
                return self._on_the_disk(what, after)

    def _on_the_disk(self, what: str, after: After) -> str:
        bench = self.bench
        match what:
            case "the site clears the quarantine":
                bench.agent.site.clear("quarantined", PIN)
                self.lineages.append(bench.agent.policy.position.lineage)
                self._take_pack()
            case "the agent loses its state":
                bench.reinstall()
                self.lineages[after.state.agent.lineage :] = [bench.agent.policy.position.lineage]
                self._take_pack()
            case "a snapshot is taken":
                bench.snapshot(self.folder / "copy.db")
            case "the snapshot is restored":
                bench.go_back_to(self.folder / "copy.db")
                if not self.is_lying:  # what the handshake finds out
                    bench.agent.switches.quarantine("epoch")
            case _:
                pass  # what happens at the gateway only
        return ""

    def check(self, after: After) -> None:
        """The same document is in force, and the same one is held."""
        a, policy = after.state.agent, self.bench.agent.policy
        expected = self.document(a.current).sha256 if a.current.seq else NO_PARENT
        assert (policy.position.seq, policy.position.sha256) == (a.current.seq, expected)
        assert (policy.held[0] if policy.held else None) == (self.document(a.held).sha256 if a.held else None)
        assert self.bench.agent.journal.first_broken() is None

    # --- documents

    def document(self, doc: Doc) -> PolicyDocument:
        """The bytes that a model's document stands for."""
        if doc not in self.made:
            now = START + timedelta(seconds=HALF_S * ((doc.approve_by or APPROVE_BY) - APPROVE_BY) + doc.nonce)
            until = None if doc.approve_by is None else START + timedelta(seconds=HALF_S * doc.approve_by)
            content = build.policy(*RULES[doc.level], owners=tuple(self._owners(doc)))
            self.made[doc] = documents.build(
                gateway=GATEWAY, site=SITE, agent=AGENT, created_at=now, approve_by=until,
                base=Position(self._lineage(doc), doc.seq - 1, self._parent(doc)), content=content.to_document(),
            )  # fmt: skip
        return self.made[doc]

    def _owners(self, doc: Doc) -> list[Owner]:
        listed = zip(self.passkeys, doc.owners, strict=True)
        roles = {ANSWERS: OwnerRole.ANSWERS}
        return [
            Owner(p.owner.credential, p.owner.public_key, state == SUSPENDED, roles.get(state, OwnerRole.OWNER))
            for p, state in listed
            if state
        ]

    def _lineage(self, doc: Doc) -> str:
        return self.lineages[doc.lineage] if doc.lineage < len(self.lineages) else "f" * 32

    def _parent(self, doc: Doc) -> str:
        parent = doc.parent
        if parent is None or not parent.seq:
            return NO_PARENT if parent == site.nothing(doc.lineage) else "f" * 64
        return self.document(parent).sha256

    def send(self, doc: Doc) -> str:
        """The gateway sends it."""
        return self._answer(m.Policy(id="msg", document=dict(self.document(doc).raw)))

    def approve_on_site(self, doc: Doc) -> str:
        """PIN and code were right."""
        agent = self.bench.agent
        sha256 = self.document(doc).sha256
        outcome = agent.policy.approve_on_site(sha256, is_quarantined=agent.switches.is_quarantined)
        return "ack" if isinstance(outcome, Taken) else str(outcome.problem)  # type: ignore[union-attr]

    def _approve(self, before: World, doc: Doc, touch: Touch) -> str:
        if touch not in self.touches:
            digest = self.document(touch.doc).sha256
            key = self.passkeys[touch.by]
            label = OWNERS_LABEL if touch.kind == OWNERS else POLICY_LABEL
            is_login = touch.kind == LOGIN
            self.touches[touch] = key.sign(bytes.fromhex(digest)) if is_login else key.approve(label, digest)
        label = OWNERS_LABEL if kind_of(before.agent.current, doc) == OWNERS else POLICY_LABEL
        sha256 = self.document(doc).sha256
        return self._answer(m.PolicyApproval(id="msg", sha256=sha256, label=label, assertion=self.touches[touch]))

    def _hold(self) -> str:
        self.bench.heard(m.Message)
        self.bench.agent.desk.end_hold()
        return self._word(self.bench.heard(m.Message))

    def _answer(self, message: m.Message) -> str:
        self.bench.heard(m.Message)
        self.bench.agent.desk.take(message)
        return self._word(self.bench.heard(m.Message))

    def _word(self, said: list[m.Message]) -> str:
        match said:
            case [m.PolicyAck()]:
                return "ack"
            case [m.PolicyStale()]:
                return "stale"
            case [m.PolicyProposed(held_s=held_s)]:
                return "proposed" if held_s is None else "held"
            case [m.PolicyRefused() as refused]:
                return str(self.bench.claims(refused)["code"])
            case [m.Noted()]:
                return "noted"
            case _:
                return ", ".join(type(message).__name__ for message in said)

    def _take_pack(self) -> None:
        self.bench.agent.policy.take_pack(dict(build.PACK_DOCUMENT))
