"""Recordings and views that have to be asked for (section 6): answers on site, touches, and a gateway that lies.

Two requests of each kind, each to be released once. A touch is a genuine signature over one request as one kind. Time
is in steps, of which a view lives two.
"""

from collections.abc import Iterator
from typing import NamedTuple

from tests.protocol_model.engine import Action, After
from tests.protocol_model.rules import ALL, Rule

WITHOUT = "something was released that the owner did not approve"
AGAIN = "one request released two"
OVER_NO = "something was released that the owner declined on site"
TOO_LONG = "a view lives longer than what was approved"
CLIP, VIEW = "clip", "view"
VIEW_LIFE = 2
Touch = tuple[str, int, str]  # kind of the request, its number, the label that was signed


class World(NamedTuple):
    """Answers, touches, and what was released."""

    answers: frozenset[tuple[int, str]] = frozenset()
    touched: frozenset[Touch] = frozenset()
    used: frozenset[tuple[str, int]] = frozenset()
    released: frozenset[tuple[str, int]] = frozenset()
    view_left: int | None = None  # of the running view, as the agent counts
    view_lived: int = 0
    touches: int = 2


class Asking:
    """The part of the protocol about asking first."""

    def __init__(self, rules: frozenset[Rule] = ALL, *, touches: int = 2) -> None:
        self.rules, self.start = rules, World(touches=touches)

    def actions(self, w: World) -> Iterator[Action]:
        """See `Model.actions`."""
        for number in (0, 1):
            for answer in ("yes", "no"):
                yield Action("the owner answers on site", (number, answer))
            for kind in (CLIP, VIEW):
                if w.touches:
                    yield Action("an owner touches", ((kind, number, kind),))
                yield Action("a grant is sent", (kind, number, None))
                for touch in w.touched:
                    yield Action("a grant is sent", (kind, number, touch))
        if w.view_left is not None:
            yield Action("time passes")

    def apply(self, w: World, action: Action) -> After | None:
        """See `Model.apply`."""
        match action.what, action.args:
            case "the owner answers on site", (number, answer):
                others = frozenset(item for item in w.answers if item[0] != number)
                return After(w._replace(answers=others | {(number, answer)}))
            case "an owner touches", (touch,):
                return None if touch in w.touched else After(
                    w._replace(touched=w.touched | {touch}, touches=w.touches - 1)
                )  # fmt: skip
            case "a grant is sent", (kind, number, touch):
                return self._grant(w, kind, number, touch)
            case "time passes", _ if w.view_left is not None:
                return self._time(w)
        return None

    def _grant(self, w: World, kind: str, number: int, touch: Touch | None) -> After | None:
        if kind == VIEW and w.view_left is not None:
            return None  # one view is enough to watch
        is_said = kind == CLIP and (number, "yes") in w.answers
        is_declined = kind == CLIP and (number, "no") in w.answers
        is_touched = touch is not None and self._is_for(touch, kind, number)
        if is_declined and Rule.NO_WINS in self.rules:
            is_touched = False
        if (kind, number) in w.used and Rule.ONCE in self.rules:
            return After(w, "policy_denies")
        if not (is_said or is_touched):
            return After(w, "policy_denies")
        broken = [AGAIN] if (kind, number) in w.released else []
        broken += [OVER_NO] if is_declined else []
        broken += [] if is_said or (kind, number, kind) in w.touched else [WITHOUT]
        after = w._replace(used=w.used | {(kind, number)}, released=w.released | {(kind, number)})
        after = after._replace(view_left=VIEW_LIFE, view_lived=0) if kind == VIEW else after
        return After(after, "accepted", tuple(broken))

    def _is_for(self, touch: Touch, kind: str, number: int) -> bool:
        is_exact = touch[:2] == (kind, number) or (Rule.EXACT not in self.rules and touch[0] == kind)
        is_kind = touch[2] == kind or Rule.KIND not in self.rules
        return is_kind and (is_exact or (Rule.KIND not in self.rules and touch[1] == number))

    def _time(self, w: World) -> After:
        assert w.view_left is not None
        lived, left = w.view_lived + 1, w.view_left - 1
        broken = (TOO_LONG,) if lived > VIEW_LIFE else ()
        if left <= 0 and Rule.FIVE in self.rules:
            return After(w._replace(view_left=None, view_lived=0), "ended", broken)
        return After(w._replace(view_left=max(left, 0), view_lived=min(lived, VIEW_LIFE + 1)), "", broken)

    def broken(self, w: World) -> Iterator[str]:
        """See `Model.broken`."""
        del w
        return iter(())
