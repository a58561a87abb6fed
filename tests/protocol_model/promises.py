"""Promises and the log (section 5): leaves that appear, late, never, or in a history that contradicts the last head.

A promise is a leaf with its age in halves of the merge delay. The log may take it in or lose it (never sequenced, a
restored backup); a lying gateway may offer one leaf with two grants, and heads of a history that was changed.
"""

from collections.abc import Iterator
from typing import NamedTuple

from tests.protocol_model.engine import Action, After
from tests.protocol_model.rules import ALL, Rule

SECOND_USE = "one log entry covers two releases"
WHILE_BROKEN = "something new was accepted while a promise was broken"
RUNS_ON = "a session runs on while a promise is overdue"
REWRITTEN = "a rewritten history was taken for the log"
DOWN = "no act on site restores service"
DELAY = 2


class World(NamedTuple):
    """The agent's promises, then ghosts and what may still happen."""

    waiting: frozenset[tuple[int, int]] = frozenset()  # (leaf, age)
    overdue: frozenset[int] = frozenset()
    used: frozenset[int] = frozenset()
    is_contradicted: bool = False
    is_live: bool = False
    history: int = 0  # of the head last taken: 0 none, 1 the honest one
    logged: frozenset[int] = frozenset()
    released: tuple[int, ...] = ()  # leaves of what was released, in order
    broken_promises: frozenset[int] = frozenset()
    leaves: int = 0
    odd: frozenset[str] = frozenset()


class Promises:
    """The part of the protocol about promises; `leaves`: how many grants there are."""

    def __init__(self, rules: frozenset[Rule] = ALL, *, leaves: int = 3, odd: frozenset[str] = frozenset()) -> None:
        self.rules, self.leaves = rules, leaves
        self.start = World(odd=odd)

    def actions(self, w: World) -> Iterator[Action]:
        """See `Model.actions`."""
        yield from (Action("a grant is sent", (leaf,)) for leaf in range(min(w.leaves + 1, self.leaves)))
        yield Action("half the delay passes")
        if w.is_live:
            yield Action("the session ends")
        for leaf in sorted({leaf for leaf, _ in w.waiting} | w.overdue):
            if leaf in w.logged:
                yield Action("a proof arrives", (leaf,))
                if w.history and "a head of another history" in w.odd:
                    yield Action("a head of another history", (leaf,))
            else:
                yield Action("the leaf is sequenced", (leaf,))
        yield from (Action(what) for what in w.odd if what == "the agent restarts")
        if w.overdue or w.is_contradicted:
            yield Action("the site clears it")

    def apply(self, w: World, action: Action) -> After | None:
        """See `Model.apply`."""
        match action.what, action.args:
            case "a grant is sent", (leaf,):
                return self._grant(w, leaf)
            case "half the delay passes", _:
                return After(self._tick(w))
            case "the session ends", _ if w.is_live:
                return After(w._replace(is_live=False))
            case "the leaf is sequenced", (leaf,):
                return After(w._replace(logged=w.logged | {leaf}))
            case "a proof arrives", (leaf,):
                waiting = frozenset(item for item in w.waiting if item[0] != leaf)
                return After(w._replace(waiting=waiting, overdue=w.overdue - {leaf}, history=1,
                                        broken_promises=w.broken_promises - {leaf}))  # fmt: skip
            case "a head of another history", _:
                left = w._replace(odd=w.odd - {"a head of another history"})
                if Rule.CONSISTENT not in self.rules:
                    return After(left, "", (REWRITTEN,))
                return After(left._replace(is_contradicted=True, is_live=False), "contradiction")
            case "the agent restarts", _ if "the agent restarts" in w.odd:
                return After(self._restart(w._replace(odd=w.odd - {"the agent restarts"})))
            case "the site clears it", _ if w.overdue or w.is_contradicted:
                return After(self.clear(w))
        return None

    def _grant(self, w: World, leaf: int) -> After:
        if leaf in w.used and Rule.ONE_LEAF in self.rules:
            return After(w, "promise_invalid")
        if w.overdue or w.is_contradicted:
            return After(w, "promise_overdue")
        broken = [SECOND_USE] if leaf in w.released else []
        broken += [WHILE_BROKEN] if w.broken_promises else []
        after = w._replace(waiting=w.waiting | {(leaf, 0)}, used=w.used | {leaf}, is_live=True, leaves=w.leaves + 1,
                           released=(*w.released, leaf))  # fmt: skip
        return After(after, "accepted", tuple(broken))

    def _tick(self, w: World) -> World:
        aged = frozenset((leaf, age + 1) for leaf, age in w.waiting)
        late = frozenset(leaf for leaf, age in aged if age >= DELAY)
        return w._replace(
            waiting=frozenset(item for item in aged if item[1] < DELAY), overdue=w.overdue | late,
            is_live=w.is_live and not late, broken_promises=w.broken_promises | late,
        )  # fmt: skip

    def _restart(self, w: World) -> World:
        if Rule.DURABLE in self.rules:
            return w._replace(waiting=frozenset((leaf, 0) for leaf, _ in w.waiting), is_live=False)
        forgotten = frozenset(leaf for leaf, _ in w.waiting)
        return w._replace(waiting=frozenset(), is_live=False, broken_promises=w.broken_promises | forgotten)

    def clear(self, w: World) -> World:
        """The site accepts what is overdue or contradicts."""
        if Rule.CLEAR not in self.rules:
            return w._replace(is_contradicted=False)
        history = 0 if w.is_contradicted else w.history
        return w._replace(overdue=frozenset(), is_contradicted=False, history=history, broken_promises=frozenset())

    def broken(self, w: World) -> Iterator[str]:
        """See `Model.broken`."""
        if w.is_live and w.overdue:
            yield RUNS_ON
        cleared = self.clear(w)
        if cleared.overdue or cleared.is_contradicted:
            yield DOWN
