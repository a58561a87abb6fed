"""Owner, site and gateway around the policy documents: the network loses, repeats and reorders; the gateway may lie.

An honest gateway keeps to its rules, and every message ever sent may arrive at any later moment, any number of times,
or never. A lying one composes any document it can, delivers any touch it has seen as any approval, lies on the page in
which an owner touches, puts any digest to a passkey that signs in, and withholds everything.
"""

from collections.abc import Iterator
from typing import NamedTuple

from tests.protocol_model.engine import Action, After
from tests.protocol_model.rules import ALL, Rule
from tests.protocol_model.site import (
    ABSENT,
    ANSWERS,
    APPROVE_BY,
    HOLD,
    LAST_SEQ,
    LOGIN,
    PINNED,
    POLICY,
    SUSPENDED,
    Agent,
    Did,
    Doc,
    SiteRules,
    Touch,
    is_narrowing,
    is_owner,
    kind_of,
    nothing,
)

WIDENED = "a widening took effect without an entitled owner or the site"
UNDONE = "an acknowledged narrowing was undone"
MOVED = "a document took effect over another than it was approved over"
CUT = "a hold was cut short"
COPY = "a copy of the agent widened"
LOCKED = "no owner's passkey is left, or one removed itself"
LOST = "a passkey that was lost and suspended approved something"
BACK = "a lost passkey was put back without another owner or the site"
STUCK = "a narrowing cannot be accepted"
UNHEARD = "the gateway's next narrowing does not get in"
DOWN = "no act on site restores service"
OWNER_CHANGES = ((ABSENT, PINNED), (PINNED, ABSENT), (ABSENT, ABSENT), (PINNED, PINNED), (SUSPENDED, PINNED))
FORGOTTEN = "a pending narrowing was forgotten"


class World(NamedTuple):
    """Everything that matters; the second half is ghosts and what may still happen."""

    agent: Agent
    touched: frozenset[Touch] = frozenset()
    snapshot: Agent | None = None
    acked: Doc = nothing(0)
    base: Doc = nothing(0)
    pending: frozenset[int] = frozenset()
    net: frozenset[tuple[str, object]] = frozenset()
    ceiling: int = 0  # what the owner last agreed to share
    refused: frozenset[Doc] = frozenset()
    waited: int = 0  # real halves since the hold, or the agent, began
    owed: frozenset[int] = frozenset()
    narrow: int = 0
    propose: int = 0
    touch: int = 0
    halves: int = 0
    lost: frozenset[int] = frozenset()  # passkeys in the hands of a stranger
    odd: frozenset[str] = frozenset()


class Documents:
    """The part of the protocol about documents. `odd`: what else may happen, each once; `second`: the other passkey."""

    def __init__(
        self,
        rules: frozenset[Rule] = ALL,
        *,
        is_lying: bool,
        level: int = 1,
        narrow: int = 1,
        propose: int = 1,
        touch: int = 1,
        halves: int = 4,
        owners: bool = False,
        second: int = PINNED,
        changes: tuple[tuple[int, int], ...] = OWNER_CHANGES,
        odd: frozenset[str] = frozenset(),
    ) -> None:
        self.site, self.rules, self.is_lying, self.has_owner_changes = SiteRules(rules), rules, is_lying, owners
        self.changes = changes
        first = Doc(0, 1, level, (PINNED, second if owners else ABSENT), nothing(0), APPROVE_BY)
        self.start = World(Agent(0, first), acked=first, base=first, ceiling=level, narrow=narrow, propose=propose,
                           touch=touch, halves=halves, odd=odd)  # fmt: skip

    # --- what may happen

    def actions(self, w: World) -> Iterator[Action]:
        """See `Model.actions`."""
        yield from self._on_site(w)
        yield from (Action("a passkey is lost", (by,)) for by in (0, 1) if f"passkey {by} is lost" in w.odd)
        yield from self._lies(w) if self.is_lying else self._honest(w)

    def _on_site(self, w: World) -> Iterator[Action]:
        a = w.agent
        if w.halves and (a.held or a.proposals):
            yield Action("half an hour passes")
        for jump in (HOLD, -HOLD):
            if a.held and f"clock {jump:+}" in w.odd:
                yield Action("the wall clock jumps", (jump,))
        yield from (Action("the site approves", (doc,)) for doc in a.proposals)
        yield from (Action("the owner says no on site", (doc,)) for doc in [a.held] if doc)
        if a.held and "restart" in w.odd:
            yield Action("the agent restarts")
        if a.is_quarantined:
            yield Action("the site clears the quarantine")
        for what in ("the agent loses its state", "a snapshot is taken"):
            if what in w.odd:
                yield Action(what)
        if w.snapshot and "the snapshot is restored" in w.odd:
            yield Action("the snapshot is restored")

    def _next(self, a: Agent, level: int, owners: tuple[int, int], **changes: object) -> Doc:
        doc = Doc(a.lineage, a.current.seq + 1, level, owners, a.current, a.wall + APPROVE_BY)
        return doc.but(**changes)

    def _lies(self, w: World) -> Iterator[Action]:
        a = w.agent
        if w.narrow:
            yield from (Action("a narrowing is sent", (doc,)) for doc in self._narrower(a))
            suspended = tuple(SUSPENDED if by in w.lost else state for by, state in enumerate(a.current.owners))
            if suspended != a.current.owners:
                yield Action("a narrowing is sent", (self._next(a, a.current.level, suspended, approve_by=None),))
        wider = list(self._wider(a))
        for doc in wider:
            yield Action("a proposal is sent", (doc,))
            yield Action("a proposal is sent", (doc.but(approve_by=None),))
        if w.touch:
            for doc in wider:
                for by in (0, 1):
                    if a.current.owners[by] or Rule.PINNED not in self.rules:
                        yield Action("an owner touches", (Touch(doc, by, kind_of(a.current, doc)),))
                yield Action("an owner signs in", (Touch(doc, 0, LOGIN),))
        for touch in w.touched:
            for doc in sorted(a.proposals | ({a.held} if a.held else set()), key=repr):
                yield Action("an approval is delivered", (doc, touch))

    def _narrower(self, a: Agent) -> Iterator[Doc]:
        for level in range(a.current.level + 1):
            doc = self._next(a, level, a.current.owners, approve_by=None)
            yield from (doc, doc.but(seq=LAST_SEQ), doc.but(parent=nothing(LAST_SEQ)))
        if self.has_owner_changes:
            yield self._next(a, a.current.level, (SUSPENDED, PINNED), approve_by=None)
            if a.current.owners[1] == ANSWERS:
                yield self._next(a, a.current.level, (a.current.owners[0], ABSENT), approve_by=None)

    def _wider(self, a: Agent) -> Iterator[Doc]:
        for level in range(a.current.level + 1, 3):
            yield self._next(a, level, a.current.owners)
        if self.has_owner_changes and a.current.seq:
            alone = [(ABSENT, ANSWERS)] if a.current.owners[1] == ANSWERS else []
            for owners in (*self.changes, *alone):
                doc = self._next(a, a.current.level, owners)
                if owners != a.current.owners and not is_narrowing(a.current, doc):
                    yield doc

    def _honest(self, w: World) -> Iterator[Action]:
        for level in (0, 1):
            if w.narrow and level < w.acked.level and level not in w.pending:
                yield Action("an owner narrows", (level,))
        for level in sorted(w.pending):
            yield Action("the narrowing is rebuilt", (level,))
        if w.propose:
            yield from (Action("an owner proposes", (level,)) for level in range(w.base.level + 1, 3))
        for kind, what in w.net:
            if kind == "propose" and w.touch:
                yield Action("an owner touches", (Touch(what, 0, POLICY),))  # type: ignore[arg-type]
            if kind == "approval":
                yield Action("the owner withdraws it in the portal", (what.doc,))  # type: ignore[attr-defined]
            yield Action(f"{kind} arrives", (what,))

    # --- what follows

    def apply(self, w: World, action: Action) -> After | None:
        """See `Model.apply`."""
        what, args, site, a = action.what, action.args, self.site, w.agent
        match what:
            case "half an hour passes":
                left = w._replace(halves=w.halves - 1, waited=min(w.waited + 1, HOLD))
                return self._after(left, site.half_an_hour(a))
            case "the wall clock jumps":
                return self._after(self._spend(w, f"clock {args[0]:+}"), site.clock_jumps(a, args[0]))
            case "the agent restarts":
                return self._after(self._spend(w, "restart")._replace(waited=0), site.restart(a))
            case "the site approves":
                return self._after(w, site.approve_on_site(a, args[0]))
            case "the owner says no on site":
                return self._after(w._replace(refused=w.refused | {args[0]}), site.say_no(a, args[0]))
            case "the site clears the quarantine" if a.is_quarantined:
                return After(self._renewed(w, site.clear_quarantine(a)))
            case "the agent loses its state":
                return After(self._renewed(self._spend(w, what), site.new_lineage(a)))
            case "a snapshot is taken":
                return None if a.is_quarantined else After(self._spend(w, what)._replace(snapshot=a))
            case "the snapshot is restored" if w.snapshot:
                back = w.snapshot._replace(
                    is_quarantined=not self.is_lying, wall=a.wall, left=HOLD if w.snapshot.held else 0
                )
                return After(self._spend(w, what)._replace(agent=back, snapshot=None, waited=0))
            case _:
                return self._by_gateway(w, action)

    def _by_gateway(self, w: World, action: Action) -> After | None:
        what, args, site, a = action.what, action.args, self.site, w.agent
        match what:
            case "a narrowing is sent":
                did = site.take(a, args[0])
                return self._after(w._replace(narrow=w.narrow - 1) if did.effect else w, did)
            case "a proposal is sent":
                return self._after(w, site.take(a, args[0]))
            case "an owner touches" | "an owner signs in":
                touch: Touch = args[0]
                if touch in w.touched:
                    return None
                net = w.net if self.is_lying else w.net | {("approval", touch)}
                return After(w._replace(touched=w.touched | {touch}, touch=w.touch - 1, net=net))
            case "an approval is delivered":
                return self._after(w._replace(waited=0) if not a.held else w, site.approve(a, *args))
            case "an owner narrows" | "the narrowing is rebuilt":
                doc = Doc(w.base.lineage, w.base.seq + 1, min(args[0], w.base.level), w.base.owners, w.base)
                left = w._replace(net=w.net | {("narrow", doc)})
                if what == "an owner narrows":
                    owed = w.owed | {args[0]} if a.current.level > args[0] else w.owed
                    left = left._replace(narrow=w.narrow - 1, pending=w.pending | {args[0]}, owed=owed)
                return After(left)
            case "an owner proposes":
                on, until = w.base, a.wall + APPROVE_BY
                doc = Doc(on.lineage, on.seq + 1, args[0], on.owners, on, until, w.propose)
                return After(w._replace(propose=w.propose - 1, net=w.net | {("propose", doc)}))
            case "the owner withdraws it in the portal":
                return After(w._replace(net=w.net | {("no", args[0])}))
            case _:
                return self._arrives(w, what.removesuffix(" arrives"), args[0])

    def _arrives(self, w: World, kind: str, what: object) -> After | None:
        site, a = self.site, w.agent
        match kind, what:
            case (("narrow" | "propose"), Doc()):
                return self._after(w, site.take(a, what))
            case "approval", Touch():
                return self._after(w._replace(waited=0) if not a.held else w, site.approve(a, what.doc, what))
            case "no", Doc():
                refused = w.refused | {what} if what.lineage == a.lineage else w.refused
                return self._after(w._replace(refused=refused), site.say_no(a, what))
            case "a passkey is lost", int():
                return After(self._spend(w, f"passkey {what} is lost")._replace(lost=w.lost | {what}))
            case (("ack" | "stale"), Doc()):
                return After(self._report(w, what, is_ack=kind == "ack"))
        return None

    def _after(self, w: World, did: Did) -> After:
        broken = []
        if did.effect is not None:
            broken = list(self._wrongs(w, did.effect, did.how))
            owed = frozenset(level for level in w.owed if level < did.effect.level)
            w = w._replace(ceiling=did.effect.level, owed=owed)
        w = self._tidy(w._replace(agent=did.agent))
        if not self.is_lying and did.answer in {"ack", "stale"}:
            w = w._replace(net=w.net | {(did.answer, did.agent.current)})
        return After(w, did.answer, tuple(broken))

    def _wrongs(self, w: World, doc: Doc, how: str) -> Iterator[str]:
        a = w.agent
        if doc.parent != a.current:
            yield MOVED
        if any(map(is_owner, a.current.owners)) and not any(map(is_owner, doc.owners)):
            yield LOCKED
        if how != "site" and w.lost:
            yield from self._of_strangers(w, doc, how)
        if how != "hold":
            return
        if w.waited < HOLD:
            yield CUT
        if a.is_quarantined:
            yield COPY
        if not is_narrowing(a.current, doc) and (doc in w.refused or not any(self._may(a, t, doc) for t in w.touched)):
            yield WIDENED
        if doc.parent == a.current and not any(self._is_another(a, t, doc) for t in w.touched):
            yield LOCKED

    def _of_strangers(self, w: World, doc: Doc, how: str) -> Iterator[str]:
        if any(touch.doc == doc and not self._is_gone(w, touch.by) for touch in w.touched):
            return
        if any(self._is_gone(w, by) and doc.owners[by] == PINNED for by in w.lost):
            yield BACK
        if how == "hold":
            yield LOST

    def _is_gone(self, w: World, by: int) -> bool:
        return by in w.lost and w.agent.current.owners[by] == SUSPENDED

    def _may(self, a: Agent, touch: Touch, doc: Doc) -> bool:
        parent = doc.parent or a.current
        return touch.doc == doc and touch.kind == kind_of(parent, doc) and parent.owners[touch.by] == PINNED

    def _is_another(self, a: Agent, touch: Touch, doc: Doc) -> bool:
        return touch.doc == doc and not (is_owner(a.current.owners[touch.by]) and not is_owner(doc.owners[touch.by]))

    def _report(self, w: World, doc: Doc, *, is_ack: bool) -> World:
        """An ack, or a signed `policy_stale`, names the document in force."""
        if not is_ack and Rule.REACK not in self.rules:
            return w
        if (doc.lineage, doc.seq) < (w.acked.lineage, w.acked.seq):
            return w if is_ack else w._replace(base=doc)
        return w._replace(base=doc, acked=doc, pending=frozenset(level for level in w.pending if doc.level > level))

    def _renewed(self, w: World, agent: Agent) -> World:
        if agent.lineage == w.agent.lineage:
            return w._replace(agent=agent)
        return w._replace(agent=agent, snapshot=None, ceiling=0, owed=frozenset(), refused=frozenset(), waited=0)

    def _spend(self, w: World, what: str) -> World:
        return w._replace(odd=w.odd - {what})

    def _tidy(self, w: World) -> World:
        """Forget what can never act again: without a snapshot the document in force never comes back."""
        if w.snapshot or Rule.BASE not in self.rules or Rule.ANEW not in self.rules:
            return w
        now = w.agent.current

        def lives(doc: Doc) -> bool:
            return doc.parent == now or doc.seq > now.seq + 1 or doc == w.agent.held

        net = frozenset(
            (kind, what) for kind, what in w.net
            if kind in {"ack", "stale", "narrow"} or lives(what.doc if isinstance(what, Touch) else what)  # type: ignore[arg-type]
        )  # fmt: skip
        touched = frozenset(touch for touch in w.touched if lives(touch.doc))
        waited = w.waited if w.agent.held else 0
        return w._replace(net=net, touched=touched, refused=frozenset(filter(lives, w.refused)), waited=waited)

    # --- what must hold

    def broken(self, w: World) -> Iterator[str]:
        """See `Model.broken`."""
        a = w.agent
        if not a.is_quarantined and a.current.level > w.ceiling:
            yield UNDONE
        if a.current.level and self.site.take(a, self._next(a, 0, a.current.owners, approve_by=None)).effect is None:
            yield STUCK
        if not self.is_lying and a.current.level and not self._gets_in(w):
            yield UNHEARD
        b = self.site.clear_quarantine(a) if a.is_quarantined else a
        if not b.current.level:
            doc = self._next(b, 1, (PINNED, ABSENT), nonce=LAST_SEQ)
            b = self.site.approve_on_site(self.site.take(b, doc).agent, doc).agent
        if not b.current.level or b.is_quarantined:
            yield DOWN
        if w.owed - w.pending:
            yield FORGOTTEN

    def _gets_in(self, w: World) -> bool:
        for _ in range(2):  # send, be told the base, send again
            doc = Doc(w.base.lineage, w.base.seq + 1, 0, w.base.owners, w.base)
            did = self.site.take(w.agent, doc)
            if not did.answer:
                return Rule.LINK not in self.rules  # no link is another property
            w = self._report(w._replace(agent=did.agent), did.agent.current, is_ack=did.answer == "ack")
        return not w.agent.current.level
