"""What the agent does with documents, touches and a no, as a function of a small state (protocol sections 1 and 3).

Levels stand for content: a lower level is a narrowing of a higher one. Owners are two passkeys, each absent (0), pinned
(1), suspended (2) or pinned as one that only answers requests (3). A half is half an hour of real time: a hold lasts
two, a proposal may be approved within three.
"""

from typing import Any, ClassVar, NamedTuple

from tests.protocol_model.rules import Rule

HOLD, APPROVE_BY = 2, 3
LAST_SEQ = 9  # stands for 2^53, the largest number a document can hold
ABSENT, PINNED, SUSPENDED, ANSWERS = range(4)
LESS = frozenset({(PINNED, SUSPENDED), (ANSWERS, ABSENT)})  # what may become of a passkey without an owner
POLICY, OWNERS, LOGIN = "policy", "owners", "login"


class Content(NamedTuple):
    """What a document says."""

    lineage: int
    seq: int
    level: int
    owners: tuple[int, int]
    parent: "Doc | None"
    approve_by: int | None = None  # wall time; None: sent as a narrowing
    nonce: int = 0


class Doc:
    """A document. Of one content there is one object, which so stands for its digest: comparing it costs nothing."""

    __slots__ = Content._fields
    _made: ClassVar[dict[Content, "Doc"]] = {}

    lineage: int
    seq: int
    level: int
    owners: tuple[int, int]
    parent: "Doc | None"
    approve_by: int | None
    nonce: int

    def __new__(cls, *args: Any, **named: Any) -> "Doc":
        content = Content(*args, **named)
        if content not in cls._made:
            made = super().__new__(cls)
            for name, value in content._asdict().items():
                setattr(made, name, value)
            cls._made[content] = made
        return cls._made[content]

    def but(self, **changes: Any) -> "Doc":
        """The same document with changes."""
        return Doc(**{name: changes.get(name, getattr(self, name)) for name in self.__slots__})

    def __reduce__(self) -> tuple[type["Doc"], tuple[Any, ...]]:
        return Doc, tuple(getattr(self, name) for name in self.__slots__)

    def __repr__(self) -> str:
        above = f" on {self.parent!r}" if self.parent is not None and self.parent.seq else ""
        by = "" if self.approve_by is None else f" by {self.approve_by}"
        return f"<{self.lineage}.{self.seq} level {self.level} owners {self.owners} n{self.nonce}{by}{above}>"


class Touch(NamedTuple):
    """A genuine signature by passkey `by`, over this document, as this kind of thing."""

    doc: Doc
    by: int
    kind: str


class Agent(NamedTuple):
    """The agent's own state, and the wall clock it reads."""

    lineage: int
    current: Doc
    held: Doc | None = None
    left: int = 0  # halves the hold still runs
    since: int = 0  # wall time at which it began: what a careless agent would count by
    proposals: frozenset[Doc] = frozenset()
    dead: frozenset[Doc] = frozenset()
    is_quarantined: bool = False
    wall: int = 0


class Did(NamedTuple):
    """The agent afterwards, its answer, and the document that took effect, with how."""

    agent: Agent
    answer: str
    effect: Doc | None = None
    how: str = ""


def nothing(lineage: int) -> Doc:
    """Where a lineage starts."""
    return Doc(lineage, 0, 0, (ABSENT, ABSENT), None)


def is_narrowing(old: Doc, new: Doc) -> bool:
    """Whether `new` only takes away."""
    kept = all(b == a or (a, b) in LESS for a, b in zip(old.owners, new.owners, strict=True))
    return old.seq > 0 and new.level <= old.level and kept


def is_owner(state: int) -> bool:
    """Whether a passkey is one of the owners', suspended or not."""
    return state in {PINNED, SUSPENDED}


def kind_of(old: Doc, new: Doc) -> str:
    """The label a touch for `new` needs."""
    return OWNERS if new.level == old.level and new.owners != old.owners else POLICY


class SiteRules:
    """The agent under a set of rules."""

    def __init__(self, rules: frozenset[Rule]) -> None:
        self.rules, self.last_seq = rules, LAST_SEQ

    def follows(self, a: Agent, doc: Doc) -> bool:
        """Whether `doc` may come after the one in force."""
        if doc.lineage != a.lineage or doc.parent != a.current or doc.seq > self.last_seq:
            return False
        return doc.seq == a.current.seq + 1 if Rule.NEXT in self.rules else doc.seq > a.current.seq

    def take(self, a: Agent, doc: Doc) -> Did:
        """A document from the gateway."""
        if a.is_quarantined and Rule.LINK not in self.rules:
            return Did(a, "")
        if doc == a.current and Rule.REACK in self.rules and doc.seq:
            return Did(a, "ack")
        if not self.follows(a, doc):
            return Did(a, "stale")
        if self._narrows(a.current, doc):
            return self._effect(a, doc, "narrowing")
        if a.is_quarantined:
            return Did(a, "quarantined")
        if doc.approve_by is None:
            return Did(a, "widening")
        problem = self._why_not(a, doc)
        return Did(a, problem) if problem else Did(a._replace(proposals=a.proposals | {doc}), "proposed")

    def _narrows(self, old: Doc, new: Doc) -> bool:
        if Rule.PUT_BACK in self.rules:
            return is_narrowing(old, new)
        kept = (a if (a, b) == (SUSPENDED, PINNED) else b for a, b in zip(old.owners, new.owners, strict=True))
        return is_narrowing(old, new.but(owners=tuple(kept)))

    def approve(self, a: Agent, doc: Doc, touch: Touch) -> Did:
        """A touch is delivered as the approval of `doc`."""
        if doc == a.held:
            return Did(a, "held")
        problem = "dead" if doc not in a.proposals else self._why_not(a, doc) or self._why_never(a, doc)
        if problem:
            return Did(a, problem)
        if not a.current.seq:
            return Did(a, "on_site_only")
        if not self._is_genuine(a, doc, touch):
            return Did(a, "approval_invalid")
        is_going = is_owner(a.current.owners[touch.by]) and not is_owner(doc.owners[touch.by])
        if Rule.OTHER in self.rules and is_going:
            return Did(a, "another_owner")
        if a.held is not None:
            return Did(a, "busy")
        proposals = a.proposals - {doc}
        return Did(a._replace(held=doc, left=HOLD, since=a.wall, proposals=proposals), "held")

    def say_no(self, a: Agent, doc: Doc) -> Did:
        """A no, by whatever way."""
        if a.is_quarantined and Rule.LINK not in self.rules:
            return Did(a, "")
        dead = a.dead | {doc} if Rule.DEAD in self.rules else a.dead
        held = None if a.held == doc else a.held
        return Did(a._replace(held=held, proposals=a.proposals - {doc}, dead=dead), "noted")

    def approve_on_site(self, a: Agent, doc: Doc) -> Did:
        """PIN and code were right."""
        is_here = doc in a.proposals or doc == a.held
        problem = self._why_not(a, doc) if is_here else "dead"
        problem = problem or self._why_never(a, doc)
        return Did(a, problem) if problem else self._effect(a, doc, "site")

    def half_an_hour(self, a: Agent) -> Did:
        """Both clocks move; a hold may be over."""
        return self._hold(a._replace(wall=a.wall + 1, left=max(a.left - 1, 0)))

    def clock_jumps(self, a: Agent, by: int) -> Did:
        """The wall clock alone moves."""
        return self._hold(a._replace(wall=a.wall + by))

    def restart(self, a: Agent) -> Did:
        """Kill and start on the same disk."""
        return self._hold(a._replace(left=HOLD if a.held else 0))

    def new_lineage(self, a: Agent) -> Agent:
        """Every document is forgotten."""
        return Agent(a.lineage + 1, nothing(a.lineage + 1), wall=a.wall)

    def clear_quarantine(self, a: Agent) -> Agent:
        """The site clears it."""
        return self.new_lineage(a) if Rule.ANEW in self.rules else a._replace(is_quarantined=False)

    def _hold(self, a: Agent) -> Did:
        is_over = a.left == 0 if Rule.MONOTONIC in self.rules else a.wall - a.since >= HOLD
        if a.held is None or not is_over:
            return Did(a, "")
        problem = "" if Rule.BASE not in self.rules or self.follows(a, a.held) else "dead"
        problem = problem or (self._why_never(a, a.held) if Rule.AGAIN in self.rules else "")
        if problem:
            return Did(self.say_no(a, a.held).agent, problem)
        return self._effect(a, a.held, "hold")

    def _effect(self, a: Agent, doc: Doc, how: str) -> Did:
        kept = None if Rule.BASE in self.rules or a.held == doc else a.held
        left = a.left if kept else 0
        return Did(Agent(a.lineage, doc, kept, left, a.since, wall=a.wall, is_quarantined=a.is_quarantined), "ack",
                   doc, how)  # fmt: skip

    def _why_not(self, a: Agent, doc: Doc) -> str:
        if doc in a.dead or not self.follows(a, doc):
            return "dead"
        return "expired" if doc.approve_by is None or a.wall > doc.approve_by else ""

    def _why_never(self, a: Agent, doc: Doc) -> str:
        if a.is_quarantined:
            return "quarantined"
        is_last = any(map(is_owner, a.current.owners)) and not any(map(is_owner, doc.owners))
        return "last_owner" if Rule.LAST in self.rules and is_last else ""

    def _is_genuine(self, a: Agent, doc: Doc, touch: Touch) -> bool:
        is_right = touch.doc == doc and (Rule.LABEL not in self.rules or touch.kind == kind_of(a.current, doc))
        entitled = {PINNED} if Rule.ROLE in self.rules else {PINNED, ANSWERS}
        return is_right and (Rule.PINNED not in self.rules or a.current.owners[touch.by] in entitled)
