"""Explores a small model of the trust protocol: every state it can reach, breadth first, up to a bound.

A model is pure: it names what may happen next, says what then follows and what the agent answers, and which of its
properties a step or a state breaks. Because the search is breadth first, the first counter-example found is a shortest.
"""

import random
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol


class Action(NamedTuple):
    """One thing that happens: what, and with which arguments."""

    what: str
    args: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return f"{self.what}({', '.join(map(str, self.args))})" if self.args else self.what


class After(NamedTuple):
    """What follows: the next state, the agent's answer if it gives one, and the properties this step broke."""

    state: Any
    answer: str = ""
    broken: tuple[str, ...] = ()


class Model(Protocol):
    """One part of the protocol."""

    start: Hashable

    def actions(self, state: Any) -> Iterable[Action]:
        """What may happen in `state`."""

    def apply(self, state: Any, action: Action) -> After | None:
        """What follows; None if it cannot happen here."""

    def broken(self, state: Any) -> Iterable[str]:
        """The properties that do not hold in `state`."""


@dataclass(frozen=True)
class Explored:
    """What a search found.

    Attributes:
        is_complete: whether every reachable state was seen.
        broken: each property that can be broken, with a shortest way there.
        tour: a shortest way to each kind of step and answer.
    """

    states: int
    steps: int
    depth: int
    is_complete: bool
    broken: dict[str, tuple[Action, ...]]
    tour: dict[tuple[str, str], tuple[Action, ...]]


def explore(model: Model, *, max_states: int = 10**9, max_depth: int = 10**9, until: str = "") -> Explored:
    """Search breadth first; stop at a bound, or once the property `until` is broken."""
    parents: dict[Any, tuple[Any, Action] | None] = {model.start: None}
    frontier, depth, steps = [model.start], 0, 0
    broken: dict[str, tuple[Action, ...]] = {}
    tour: dict[tuple[str, str], tuple[Action, ...]] = {}
    while frontier and depth < max_depth:
        following = []
        for state in frontier:
            for prop in model.broken(state):
                broken.setdefault(prop, _way(parents, state))
            for action in model.actions(state):
                after = model.apply(state, action)
                if after is None or (after.state == state and not after.answer and not after.broken):
                    continue
                steps += 1
                if (action.what, after.answer) not in tour:
                    tour[action.what, after.answer] = (*_way(parents, state), action)
                for prop in after.broken:
                    broken.setdefault(prop, (*_way(parents, state), action))
                if after.state not in parents:
                    parents[after.state] = (state, action)
                    following.append(after.state)
            if until in broken or len(parents) > max_states:
                return Explored(len(parents), steps, depth, is_complete=False, broken=broken, tour=tour)
        frontier, depth = following, depth + 1
    return Explored(len(parents), steps, depth, is_complete=not frontier, broken=broken, tour=tour)


def walk(model: Model, seed: int, length: int) -> Iterator[Action]:
    """A way through the model that a seed chooses."""
    rng, state = random.Random(seed), model.start
    for _ in range(length):
        possible = [(action, after) for action in model.actions(state) if (after := model.apply(state, action))]
        if not possible:
            return
        possible.sort(key=repr)  # sets have no order of their own
        kinds = sorted({action.what for action, _ in possible})  # rare kinds are chosen as often as common ones
        kind = rng.choice(kinds)
        action, after = rng.choice([pair for pair in possible if pair[0].what == kind])
        state = after.state
        yield action


def replay(model: Model, way: Iterable[Action], see: Callable[[Action, After, Any], None]) -> Any:
    """Follow a way, leaving out what cannot happen; `see` gets each step, what followed, and the state before."""
    state = model.start
    for action in way:
        after = model.apply(state, action)
        if after is not None:
            see(action, after, state)
            state = after.state
    return state


def _way(parents: dict[Any, tuple[Any, Action] | None], state: Any) -> tuple[Action, ...]:
    steps = []
    while (came := parents[state]) is not None:
        state, action = came
        steps.append(action)
    return tuple(reversed(steps))
