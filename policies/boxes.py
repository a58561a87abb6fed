"""Rules as boxes: what each says of seven things a request consists of, one by one.

A rule matches a request where it holds for each of them: who asks, the camera, the reason, the purpose, what is asked
for, the picture's height, and when. Agreement, ordinance limits and daily totals are folded into every allow, so that
an allow box holds exactly what its rule lets out. The ordinance's denials and a few things that no law lets through
are deny boxes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from policies.guardrail import Guardrail, GuardRule, age_s
from policies.heads import SECONDS_OF, epoch_ms
from policies.hours import is_open
from policies.matching import ANY
from policies.model import Policy
from policies.parts import ALWAYS, Rule, radius_m
from policies.request import said_role
from policies.vocabulary import (
    LIVE_ACTS,
    PURPOSES_OF_KIND,
    PURPOSES_OF_ROLE,
    Act,
    Condition,
    Effect,
    GuardCondition,
    Origin,
    Purpose,
    Technology,
)

GROUNDS: Final = frozenset(purpose for purposes in PURPOSES_OF_KIND.values() for purpose in purposes)
# which origins a denial's condition means; one without an entry means all
_NO_GROUNDS: Final[Mapping[str, frozenset[Origin | None]]] = {
    GuardCondition.NO_INCIDENT: frozenset({None}),
    GuardCondition.HAND_INCIDENT: frozenset({None, Origin.HAND}),
}
PER_DAY: Final = frozenset({Act.RECORDED_VIEW, Act.CLIP_FETCH})  # recordings that count for the day


class Who(NamedTuple):
    """Somebody: every person with these is treated alike."""

    agency: str
    unit: str
    roles: frozenset[str]

    @property
    def names(self) -> frozenset[str]:
        """Every grantee that means them."""
        at, roles = self.agency, (f"role:{self.agency}/{role}" for role in self.roles)
        return frozenset({ANY, f"agency:{at}", f"unit:{at}/{self.unit}", *roles})


class Reason(NamedTuple):
    """What speaks for it: a condition that holds by itself, and an incident.

    Attributes:
        holding: of `ask`, `panic` and `two_persons`.
        origin: of the incident; None: there is none.
        distance_m: of the incident.
        around_s: how far from the opening of the incident a recording reaches; None without an incident, 0 where no
            recording is asked for.
    """

    holding: frozenset[str]
    origin: Origin | None = None
    has_moved: bool = False
    distance_m: int = 0
    around_s: int | None = 0


class What(NamedTuple):
    """What is asked for, and how many seconds of it."""

    act: Act
    audio: bool
    ptz: bool
    seconds: int

    @property
    def needed(self) -> frozenset[Act]:
        """Every act that is needed."""
        return frozenset({self.act, *([Act.LIVE_AUDIO] if self.audio else []), *([Act.PTZ_MOVE] if self.ptz else [])})


class When(NamedTuple):
    """The moment, and how long before it the recording begins (None: nothing recorded is asked for)."""

    now: datetime
    age_ms: int | None


class Box(Protocol):
    """One rule, or one thing that no law lets through."""

    @property
    def is_allow(self) -> bool:
        """Whether it lets out what it holds, or stops it."""

    def has_who(self, who: Who) -> bool:
        """Whether it speaks of this person."""

    def has_camera(self, camera: str) -> bool:
        """Whether it speaks of this camera."""

    def has_reason(self, reason: Reason) -> bool:
        """Whether its condition holds."""

    def has_purpose(self, purpose: Purpose) -> bool:
        """Whether it speaks of this purpose."""

    def has_what(self, what: What) -> bool:
        """Whether it speaks of this act, and of so much."""

    def has_lines(self, lines: int) -> bool:
        """Whether it speaks of a picture of this height."""

    def has_when(self, when: When) -> bool:
        """Whether it holds at this moment, for a recording of this age."""


@dataclass(frozen=True, slots=True)
class OwnerBox:
    """An owner's rule; an allow within agreement, ordinance limits and totals."""

    policy: Policy
    rule: Rule
    guardrail: Guardrail

    @property
    def is_allow(self) -> bool:
        """By its effect."""
        return self.rule.effect is Effect.ALLOW

    def has_who(self, who: Who) -> bool:
        """One of its names is the grantee, and the agreement is with this agency."""
        return self.rule.grantee in who.names and (not self.is_allow or who.agency in self.policy.envelope.agencies)

    def has_camera(self, camera: str) -> bool:
        """It is in the scope."""
        return camera in self.policy.members_by_scope[self.rule.scope]

    def has_reason(self, reason: Reason) -> bool:
        """The condition holds, and a recording lies around its incident."""
        return self._is_around(reason) and self._is_met(reason)

    def _is_met(self, reason: Reason) -> bool:
        condition = self.rule.condition
        if condition == Condition.ALWAYS or condition in reason.holding:
            return True
        if reason.origin is None or reason.origin not in self.rule.origins:
            return False
        if reason.has_moved and not self.rule.is_moving:
            return False
        metres = radius_m(condition)
        return condition == Condition.ANY if metres is None else reason.distance_m <= metres

    def _is_around(self, reason: Reason) -> bool:
        bound = self.policy.terms_by_id[self.rule.terms].around_s if self.is_allow else None
        return bound is None or (reason.around_s is not None and reason.around_s <= bound)

    def has_purpose(self, purpose: Purpose) -> bool:
        """It is named, and the agreement names it."""
        return purpose in self.rule.purposes and (not self.is_allow or purpose in self.policy.envelope.purposes)

    def has_what(self, what: What) -> bool:
        """An allow covers every act that is needed and gives so many seconds; a deny is touched by one act."""
        if not self.is_allow:
            return not what.needed.isdisjoint(self.rule.acts)
        return what.needed <= self.rule.acts & self.policy.envelope.acts and what.seconds <= self._seconds(what.act)

    def _seconds(self, act: Act) -> float:
        """The most seconds of one act."""
        field, totals = SECONDS_OF.get(act, ""), self.policy.totals
        bounds = (self.policy.terms_by_id[self.rule.terms], self.policy.envelope, self.guardrail.limits)
        most = min([float("inf"), *(float(getattr(bound, field)) for bound in bounds if hasattr(bound, field))])
        if act in LIVE_ACTS:
            return min(most, totals.live_s_per_day if totals.views_at_once else 0)
        return min(most, totals.clip_s_per_day) if act in PER_DAY else most

    def has_lines(self, lines: int) -> bool:
        """Terms, agreement and ordinance give so much."""
        if not self.is_allow:
            return True
        limits = (self.policy.terms_by_id[self.rule.terms], self.policy.envelope, self.guardrail.limits)
        return all(lines <= one.height_lines for one in limits)

    def has_when(self, when: When) -> bool:
        """Dates and window hold now, and the recording is young enough."""
        now_ms, rule = epoch_ms(when.now), self.rule
        is_dated = (rule.from_ms or 0) <= now_ms and (rule.until_ms is None or now_ms < rule.until_ms)
        if not is_dated or not self._is_open(when.now):
            return False
        return not self.is_allow or self._is_agreed(when, now_ms)

    def _is_open(self, now: datetime) -> bool:
        if self.rule.window == ALWAYS:
            return True
        window = self.policy.window_by_id[self.rule.window]
        return is_open(window.spans, window.zone, now)

    def _is_agreed(self, when: When, now_ms: int) -> bool:
        envelope, terms = self.policy.envelope, self.policy.terms_by_id[self.rule.terms]
        if now_ms < envelope.from_ms or (envelope.until_ms is not None and now_ms >= envelope.until_ms):
            return False
        if when.age_ms is None:
            return True
        back_s = min(terms.look_back_s, envelope.look_back_s, self.guardrail.limits.look_back_s)
        return when.age_ms <= back_s * 1000 and now_ms - when.age_ms >= terms.history_from_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class _Everything:
    """Speaks of everything; what stops something says where it does not."""

    is_allow: bool = False

    def has_who(self, _who: Who) -> bool:
        """Of everybody."""
        return True

    def has_camera(self, _camera: str) -> bool:
        """Of every camera."""
        return True

    def has_reason(self, _reason: Reason) -> bool:
        """For every reason."""
        return True

    def has_purpose(self, _purpose: Purpose) -> bool:
        """For every purpose."""
        return True

    def has_what(self, _what: What) -> bool:
        """Of every act."""
        return True

    def has_lines(self, _lines: int) -> bool:
        """Of every picture."""
        return True

    def has_when(self, _when: When) -> bool:
        """At every time."""
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardBox(_Everything):
    """A denial of the ordinance, on the cameras that an owner's tags put under it; of a person who looks."""

    rule: GuardRule
    cameras: frozenset[str]

    @classmethod
    def of(cls, rule: GuardRule, policy: Policy) -> "GuardBox":
        """The denial for one policy."""
        tag = rule.scope.partition(":")[2]
        tagged = {name for word, names in policy.tags.items() if word == tag for name in names}
        return cls(rule=rule, cameras=frozenset(policy.camera_by_id if rule.scope == ANY else tagged))

    def has_who(self, who: Who) -> bool:
        """Whom the denial means; nobody here acts for another agency."""
        kind, _, role = self.rule.who.partition(":")
        return self.rule.who == ANY or (kind == "role" and role in who.roles)

    def has_camera(self, camera: str) -> bool:
        """It carries the tag."""
        return camera in self.cameras

    def has_reason(self, reason: Reason) -> bool:
        """The condition of the denial; an incident can always have been opened just now."""
        if self.rule.condition == GuardCondition.ONE_PERSON:
            return Condition.TWO_PERSONS not in reason.holding
        if age_s(self.rule.condition) is not None:
            return reason.origin is None
        return reason.origin in _NO_GROUNDS.get(self.rule.condition, frozenset({reason.origin}))

    def has_purpose(self, purpose: Purpose) -> bool:
        """It is named."""
        return not {ANY, purpose}.isdisjoint(self.rule.purposes)

    def has_what(self, what: What) -> bool:
        """It is touched by one act, of a person who looks."""
        looks = not {ANY, Technology.VIDEO}.isdisjoint(self.rule.technologies)
        return looks and not what.needed.isdisjoint(self.rule.acts)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoGround(_Everything):
    """No kind of incident is a ground for these purposes."""

    def has_reason(self, reason: Reason) -> bool:
        """There is an incident."""
        return reason.origin is not None

    def has_purpose(self, purpose: Purpose) -> bool:
        """No kind allows it."""
        return purpose not in GROUNDS


@dataclass(frozen=True, slots=True, kw_only=True)
class NotTheirs(_Everything):
    """A service other than the police looks for its own purposes only, whatever an owner's rules name."""

    role: str

    def has_who(self, who: Who) -> bool:
        """Somebody for whom this is the role that counts."""
        return said_role(who.roles) == self.role

    def has_purpose(self, purpose: Purpose) -> bool:
        """It is none of the service's."""
        return purpose not in PURPOSES_OF_ROLE[self.role]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoPicture(_Everything):
    """A picture without lines is none, and a place on the map has no lines; neither is asked for."""

    on_map: bool

    def has_what(self, what: What) -> bool:
        """A place on the map, or anything else."""
        return (what.act is Act.REGISTRY_VIEW) is self.on_map

    def has_lines(self, lines: int) -> bool:
        """Lines where there are none, or none where there are."""
        return (lines > 0) is self.on_map


@dataclass(frozen=True, slots=True, kw_only=True)
class NoSuchPlace(_Everything):
    """There is no cell in this band of distances around these cameras."""

    cameras: frozenset[str]
    distance_m: int

    def has_camera(self, camera: str) -> bool:
        """One of them."""
        return camera in self.cameras

    def has_reason(self, reason: Reason) -> bool:
        """An incident in the band."""
        return reason.origin is not None and reason.distance_m == self.distance_m


def boxes_of(policy: Policy, guardrail: Guardrail) -> list[Box]:
    """Everything that decides about a request to one policy, in the order of its rules; the ordinance last."""
    owners: list[Box] = [OwnerBox(policy, rule, guardrail) for rule in policy.rules]
    return [*owners, *(GuardBox.of(rule, policy) for rule in guardrail.rules)]
