"""Looks that have to be asked for (section 6): a live view, a range of a recording, a still; and a gateway that lies.

One request of each act. The owner says yes on site, or touches; the gateway sends grants under any of the requests, for
any act, for more of the recording than was asked for, and for somebody else. What was said yes to is what is left.
"""

from collections.abc import Iterator
from typing import NamedTuple

from tests.protocol_model.engine import Action, After
from tests.protocol_model.rules import ALL, Rule

OTHER_ACT = "a yes to one act gave another"
MORE = "a yes to a range gave more of the recording"
SOMEBODY = "a yes to one person gave it to another"
WITHOUT = "something was given without a yes"
LIVE, RECORDED, STILL = "live.view", "recorded.view", "still.take"
ACTS = (LIVE, RECORDED, STILL)


class Sent(NamedTuple):
    """What a grant is for: the act of the request it carries, its own, and how it stretches that."""

    asked: str
    act: str
    is_wider: bool = False
    is_somebody_s: bool = False


class World(NamedTuple):
    """Which requests have a yes on site, a touch, and have opened what they were for."""

    agreed: frozenset[str] = frozenset()
    touched: frozenset[str] = frozenset()
    used: frozenset[str] = frozenset()


class Looks:
    """The part of the protocol about what a yes is to."""

    def __init__(self, rules: frozenset[Rule] = ALL) -> None:
        self.rules, self.start = rules, World()

    def actions(self, w: World) -> Iterator[Action]:
        """See `Model.actions`."""
        for asked in ACTS:
            if asked not in w.agreed:
                yield Action("the owner says yes on site", (asked,))
            if asked not in w.touched:
                yield Action("an owner touches", (asked,))
            for act in ACTS:
                yield Action("a grant is sent", (Sent(asked, act),))
                yield Action("a grant is sent", (Sent(asked, act, is_somebody_s=True),))
            yield Action("a grant is sent", (Sent(asked, RECORDED, is_wider=True),))

    def apply(self, w: World, action: Action) -> After | None:
        """See `Model.apply`."""
        match action.what, action.args:
            case "the owner says yes on site", (asked,):
                return After(w._replace(agreed=w.agreed | {asked}))
            case "an owner touches", (asked,):
                return After(w._replace(touched=w.touched | {asked}))
            case "a grant is sent", (sent,):
                return self._grant(w, sent)
        return None

    def _grant(self, w: World, sent: Sent) -> After:
        is_agreed = sent.asked in w.agreed | w.touched
        is_own = sent.asked == LIVE or not sent.is_somebody_s  # a request to watch live names the agency alone
        is_taken = is_agreed and sent.asked not in w.used
        is_taken = is_taken and (sent.act == sent.asked or Rule.ACT not in self.rules)
        is_taken = is_taken and (not sent.is_wider or Rule.RANGE not in self.rules)
        is_taken = is_taken and (is_own or Rule.PERSON not in self.rules)
        if not is_taken:
            return After(w, "policy_denies")
        broken = [] if is_agreed else [WITHOUT]
        broken += [] if sent.act == sent.asked else [OTHER_ACT]
        broken += [MORE] if sent.is_wider and sent.asked == RECORDED else []
        broken += [] if is_own else [SOMEBODY]
        return After(w._replace(used=w.used | {sent.asked}), "accepted", tuple(broken))

    def broken(self, w: World) -> Iterator[str]:
        """See `Model.broken`."""
        del w
        return iter(())
