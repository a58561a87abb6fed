"""What is odd about a policy by itself: rules that do nothing, rules that fight, and what the ordinance forbids.

Each finding names the rule, and the rule or the line of the ordinance that is in its way. Nothing here decides: a
policy with findings is enforced as it stands.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from policies.boxes import boxes_of
from policies.guardrail import Guardrail, GuardRule, age_s
from policies.matching import ANY
from policies.model import Policy
from policies.parts import Rule, radius_m
from policies.space import Side, Space, spaces
from policies.vocabulary import Act, Condition, Effect, GuardCondition, Origin, Purpose, Technology


class Oddity(StrEnum):
    """What is odd about a rule."""

    NEVER_MATCHES = "never_matches"  # nobody could ever make a request that it lets through, or stops
    FORBIDDEN = "forbidden"  # the ordinance forbids everything it lets through
    CONTRADICTED = "contradicted"  # rules that deny stop everything it lets through
    SHADOWED = "shadowed"  # rules before it decide everything that it would
    REDUNDANT = "redundant"  # without it the same would be let through


@dataclass(frozen=True, slots=True)
class Finding:
    """One odd rule; `by` are the rules or lines of the ordinance that make it so."""

    what: Oddity
    rule: str
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Forbidden:
    """Something a rule shares and the ordinance forbids in every case.

    Attributes:
        line: the id of the ordinance's rule; `cite`: how it names its section.
    """

    rule: str
    line: str
    cite: str
    cameras: frozenset[str]
    acts: frozenset[Act]
    purposes: frozenset[Purpose]


def oddities(policy: Policy, guardrail: Guardrail, *, since: datetime) -> tuple[Finding, ...]:
    """Every odd rule, in the order of the rules.

    Raises:
        TooManyError: there is too much to go through.
    """
    both = spaces([policy], [boxes_of(policy, guardrail)], guardrail, since)
    looks = [_Look(space, policy, guardrail) for space in both]
    odd = (_allow if rule.effect is Effect.ALLOW else _deny for rule in policy.rules)
    return tuple(found for place, judge in enumerate(odd) if (found := judge(looks, place)) is not None)


class _Look:
    """A space with the bits of a policy's rules and of the ordinance's lines."""

    def __init__(self, space: Space, policy: Policy, guardrail: Guardrail) -> None:
        self.space, (side,) = space, space.sides
        names = [rule.id for rule in policy.rules]
        first = len(space.boxes) - len(names) - len(guardrail.rules)
        self.names, self.rules = names, [1 << first + place for place, _ in enumerate(names)]
        self.lines = {rule.id: 1 << first + len(names) + place for place, rule in enumerate(guardrail.rules)}
        self.ordinance, self._always = sum(self.lines.values()), (1 << first) - 1
        self.allows = side.allows
        self.denies = sum(bit for bit in self.rules if not bit & side.allows)

    def side(self, allows: int, denies: int) -> Side:
        """What lets through what one of these allows holds and none of these denies, nor what is always stopped."""
        return Side(allows, self._always | denies)


_Sides = Callable[[_Look], tuple[Side, Side]]


def _is_empty(looks: Sequence[_Look], sides: _Sides) -> bool:
    """Whether the first side lets nothing through that the second does not."""
    return all(look.space.find(*sides(look)) is None for look in looks)


def _allow(looks: Sequence[_Look], place: int) -> Finding | None:
    """The first thing that is odd about an allow, the gravest first."""
    one = looks[0]
    before, others = range(place), [other for other in range(len(one.rules)) if other != place]

    def is_empty(denies: Callable[[_Look], int], allowed: Iterable[int] = ()) -> bool:
        """Whether the rule lets nothing through past `denies` that none of the rules `allowed` would."""
        return _is_empty(
            looks,
            lambda look: (
                look.side(look.rules[place], denies(look)),
                Side(sum(look.rules[other] for other in allowed) & look.allows, 0),
            ),
        )

    def finding(what: Oddity, by: Iterable[str] = ()) -> Finding:
        return Finding(what, one.names[place], tuple(by)[:1])

    if is_empty(lambda _: 0):
        return finding(Oddity.NEVER_MATCHES)
    if is_empty(lambda look: look.ordinance):
        lines = (line for line in one.lines if is_empty(_line(line)))
        return finding(Oddity.FORBIDDEN, lines)
    if is_empty(_all_denies):
        stops = (rule for rule in others if is_empty(_ordinance_and(rule)))
        return finding(Oddity.CONTRADICTED, (one.names[rule] for rule in stops))
    for what, allowed in ((Oddity.SHADOWED, before), (Oddity.REDUNDANT, others)):
        if is_empty(_all_denies, allowed):
            return finding(what, (one.names[rule] for rule in allowed if is_empty(_all_denies, [rule])))
    return None


def _all_denies(look: _Look) -> int:
    return look.ordinance | look.denies


def _line(name: str) -> Callable[[_Look], int]:
    return lambda look: look.lines[name]


def _ordinance_and(rule: int) -> Callable[[_Look], int]:
    return lambda look: look.ordinance | look.rules[rule] & look.denies


def _deny(looks: Sequence[_Look], place: int) -> Finding | None:
    """Whether a deny holds for nothing, or stops nothing that would be let through without it."""
    one = looks[0]
    if all(look.space.holds_nothing(look.rules[place]) for look in looks):
        return Finding(Oddity.NEVER_MATCHES, one.names[place])

    def is_idle(denies: Callable[[_Look], int]) -> bool:
        """Whether the allows let nothing through, past `denies`, that this one stops."""
        return _is_empty(
            looks,
            lambda look: (
                look.side(look.allows, denies(look) & ~look.rules[place]),
                Side(look.allows, look.rules[place]),
            ),
        )

    if not is_idle(_all_denies):
        return None
    others = (rule for rule in range(len(one.rules)) if rule != place and one.rules[rule] & one.denies)
    alone = (
        []
        if is_idle(lambda look: look.ordinance)
        else [one.names[rule] for rule in others if is_idle(_ordinance_and(rule))]
    )
    return Finding(Oddity.REDUNDANT, one.names[place], tuple(alone[:1]))


def forbidden(policy: Policy, guardrail: Guardrail) -> tuple[Forbidden, ...]:
    """What the rules share and a line of the ordinance forbids in every case: sharing it gives nothing to anybody."""
    return tuple(
        found
        for rule in policy.rules
        if rule.effect is Effect.ALLOW
        for line in guardrail.rules
        if (found := _forbidden(policy, rule, line)) is not None
    )


def narrowed(policy: Policy, guardrail: Guardrail) -> tuple[GuardRule, ...]:
    """The lines of the ordinance that forbid some cases of what the rules share, and not all of them."""
    allows = [rule for rule in policy.rules if rule.effect is Effect.ALLOW]
    return tuple(
        line
        for line in guardrail.rules
        if any(
            _touched(policy, rule, line) and not _is_every_case(rule, line) and _may_lack(rule, line) for rule in allows
        )
    )


def _forbidden(policy: Policy, rule: Rule, line: GuardRule) -> Forbidden | None:
    if not _is_every_case(rule, line) or not _touched(policy, rule, line):
        return None
    return Forbidden(
        rule.id,
        line.id,
        line.cite,
        cameras=_under(policy, line) & policy.members_by_scope[rule.scope],
        acts=rule.acts & line.acts,
        purposes=frozenset(word for word in rule.purposes if not {ANY, word}.isdisjoint(line.purposes)),
    )


def _touched(policy: Policy, rule: Rule, line: GuardRule) -> bool:
    """Whether both speak of a common camera, act and purpose, of a person who looks."""
    purposes = any(not {ANY, word}.isdisjoint(line.purposes) for word in rule.purposes)
    looks = not {ANY, Technology.VIDEO}.isdisjoint(line.technologies)
    cameras = _under(policy, line) & policy.members_by_scope[rule.scope]
    return looks and purposes and bool(cameras) and not rule.acts.isdisjoint(line.acts)


def _under(policy: Policy, line: GuardRule) -> frozenset[str]:
    """The cameras under a line."""
    if line.scope == ANY:
        return frozenset(policy.camera_by_id)
    return policy.members_by_scope[line.scope]


def _is_every_case(rule: Rule, line: GuardRule) -> bool:
    """Whether the line's condition holds whenever the rule's does."""
    if line.who != ANY and not (rule.grantee.startswith("role:") and line.who == f"role:{rule.grantee.split('/')[-1]}"):
        return False
    is_by_hand = _needs_incident(rule) and rule.origins == frozenset({Origin.HAND})
    return line.condition is GuardCondition.ALWAYS or (line.condition is GuardCondition.HAND_INCIDENT and is_by_hand)


def _may_lack(rule: Rule, line: GuardRule) -> bool:
    """Whether the rule may hold without what the line asks for."""
    if line.who != ANY or line.condition == GuardCondition.ONE_PERSON or age_s(line.condition) is not None:
        return True
    return not _needs_incident(rule) or (line.condition is GuardCondition.HAND_INCIDENT and Origin.HAND in rule.origins)


def _needs_incident(rule: Rule) -> bool:
    return rule.condition == Condition.ANY or radius_m(rule.condition) is not None
