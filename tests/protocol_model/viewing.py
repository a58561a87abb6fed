"""Live views the owner is asked about on site (section 6): asked, answered there or through the gateway, opened, ended.

Two requests, of two incidents, each to open one view. A yes is given on site or by a touch, a no on site or through the
gateway; the gateway lies as it likes about what it sends. Time is in steps, of which a view, and a yes that waits for
its view, live two. What the owner really said is kept beside what the agent remembers.
"""

from collections.abc import Iterator
from typing import NamedTuple

from tests.protocol_model.engine import Action, After
from tests.protocol_model.rules import ALL, Rule

WITHOUT = "a view was opened that the owner did not approve"
AGAIN = "one yes opened two views"
OVER_NO = "a view was opened that the owner declined"
STAYS = "a view goes on after a no"
LATER = "a yes opened a view long after it was given"
NAGGED = "one incident asked an owner twice"
LIFE = 2
Ages = tuple[int | None, int | None]


class World(NamedTuple):
    """What the agent remembers; then what really was said."""

    asked: frozenset[int] = frozenset()
    yes: Ages = (None, None)  # steps since the yes on site
    no: frozenset[int] = frozenset()
    used: frozenset[int] = frozenset()
    running: int | None = None
    left: int = 0
    touches: int = 1
    touched: frozenset[int] = frozenset()
    agreed: Ages = (None, None)
    declined: frozenset[int] = frozenset()
    opened: frozenset[int] = frozenset()


class Viewing:
    """The part of the protocol about views that are asked for on site."""

    def __init__(self, rules: frozenset[Rule] = ALL) -> None:
        self.rules, self.start = rules, World()

    def actions(self, w: World) -> Iterator[Action]:
        """See `Model.actions`."""
        for number in (0, 1):
            for what in ("a view is asked for", "another view is asked for", "yes on site", "no on site", "no by link"):
                yield Action(what, (number,))
            if w.touches:
                yield Action("an owner touches", (number,))
            for touch in (None, *w.touched):
                yield Action("a grant is sent", (number, touch))
        yield Action("time passes")
        yield Action("the agent restarts")

    def apply(self, w: World, action: Action) -> After | None:
        """See `Model.apply`."""
        match action.what, action.args:
            case "a view is asked for", (number,):
                return After(w._replace(asked=w.asked | {number}), "noted")
            case "another view is asked for", (number,) if number in w.asked:
                is_refused = Rule.INCIDENT in self.rules
                return After(w, "limit" if is_refused else "noted", () if is_refused else (NAGGED,))
            case "yes on site", (number,):
                return self._yes(w, number)
            case "no on site", (number,):
                return self._no(w, number, by_link=False)
            case "no by link", (number,):
                return self._no(w, number, by_link=True)
            case "an owner touches", (number,):
                return After(w._replace(touched=w.touched | {number}, touches=w.touches - 1))
            case "a grant is sent", (number, touch):
                return self._grant(w, number, touch)
            case "time passes", _:
                return self._time(w)
            case "the agent restarts", _:
                forgets = {} if Rule.ON_DISK in self.rules else {
                    "asked": frozenset(), "yes": (None, None), "no": frozenset(), "used": frozenset()
                }  # fmt: skip
                return After(w._replace(running=None, left=0, **forgets))
        return None

    def _yes(self, w: World, number: int) -> After:
        is_over = number in w.no and Rule.FINAL in self.rules
        if number not in w.asked or is_over or w.yes[number] is not None:
            return After(w, "nothing waits")
        given = _put(w.yes, number, 0)
        return After(w._replace(yes=given, agreed=_put(w.agreed, number, 0), no=w.no - {number}), "said")

    def _no(self, w: World, number: int, *, by_link: bool) -> After:
        nothing = "noted" if by_link else "nothing waits"
        if number not in w.asked or number in w.no:
            return After(w, nothing)
        after = w._replace(no=w.no | {number}, declined=w.declined | {number})
        if w.running != number:
            return After(after, "noted" if by_link else "said")
        if Rule.NO_ENDS in self.rules:
            return After(after._replace(running=None, left=0), "ended")
        return After(after, "said", (STAYS,))

    def _grant(self, w: World, number: int, touch: int | None) -> After | None:
        if w.running is not None:
            return None  # one view is enough to watch
        age = w.yes[number]
        is_said = age is not None and number not in w.no and (age < LIFE or Rule.WAITS not in self.rules)
        is_touched = touch is not None and (touch == number or Rule.EXACT not in self.rules)
        if number in w.no and Rule.NO_WINS in self.rules:
            is_touched = False
        if (number in w.used and Rule.ONCE in self.rules) or not (is_said or is_touched):
            return After(w, "policy_denies")
        after = w._replace(running=number, left=LIFE, used=w.used | {number}, opened=w.opened | {number})
        return After(after, "accepted", tuple(self._broken(w, number, is_touched=touch == number)))

    def _broken(self, w: World, number: int, *, is_touched: bool) -> Iterator[str]:
        agreed = w.agreed[number]
        if number in w.opened:
            yield AGAIN
        if number in w.declined:
            yield OVER_NO
        if not is_touched and agreed is None:
            yield WITHOUT
        if not is_touched and agreed is not None and agreed >= LIFE:
            yield LATER

    def _time(self, w: World) -> After:
        after = w._replace(yes=_older(w.yes), agreed=_older(w.agreed), left=max(0, w.left - 1))
        if w.running is not None and after.left == 0:
            return After(after._replace(running=None), "ended")
        return After(after)

    def broken(self, w: World) -> Iterator[str]:
        """See `Model.broken`."""
        del w
        return iter(())


def _put(ages: Ages, number: int, age: int) -> Ages:
    return (age, ages[1]) if number == 0 else (ages[0], age)


def _older(ages: Ages) -> Ages:
    first, second = (None if age is None else min(age + 1, LIFE) for age in ages)
    return first, second
