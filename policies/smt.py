"""Two documents as formulas of SMT-LIB 2, for a solver: which request does one let through and the other not?

An encoding of its own, next to the search of `policies.space`: times are milliseconds with the offsets of each zone,
lengths, ages and heights are numbers, and nothing is cut into stretches beforehand. Only distances are bands, for
incidents are stated as cells. The text is handed to a solver as it is; `witness_of` reads the solver's answer.

What is asked: `wider` and `narrower` are requests that only the new, only the old document lets through; `breach` is
one that the composition of layers lets through although the ordinance forbids it, whatever an owner's rules may say.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from policies.analysis import Witness, witness
from policies.boxes import GROUNDS, PER_DAY, Reason, What, When, Who
from policies.formulas import (
    ACTS,
    HOLDING,
    MINUTE_MS,
    ORIGINS,
    PURPOSES,
    acts,
    all_of,
    any_of,
    covers,
    dates,
    lengths,
    of_condition,
    of_terms,
    offsets,
    one_of,
    purposes,
    touches,
)
from policies.guardrail import Guardrail, GuardRule, age_s
from policies.heads import epoch_ms
from policies.hours import DAY_MIN, WEEK_MIN
from policies.matching import ANY
from policies.model import Policy
from policies.parts import ALWAYS, Rule, Window
from policies.request import said_role
from policies.space import NO_ROLE, Places
from policies.vocabulary import (
    LIVE_ACTS,
    PURPOSES_OF_ROLE,
    RANGE_ACTS,
    Act,
    Effect,
    GuardCondition,
    Origin,
    Technology,
)

WIDER: Final = "wider"
NARROWER: Final = "narrower"
BREACH: Final = "breach"
GOALS: Final = (WIDER, NARROWER, BREACH)
# how the layers are put together: whatever an owner's rules say, and not what the ordinance forbids
COMPOSED: Final = "(and (not {forbidden}) {allowed})"
YEAR: Final = timedelta(weeks=55)  # from the last date of either document on nothing new comes
_THURSDAY_MIN: Final = 3 * DAY_MIN  # 1 January 1970 was one; weeks begin on Monday
_TECHNOLOGIES: Final = tuple(Technology)
_FREE: Final = frozenset({Act.REGISTRY_VIEW, Act.SHARE_FORWARD})  # acts without a length


@dataclass(frozen=True, slots=True)
class Question:
    """A text for a solver, with what its numbers mean.

    Attributes:
        text: declarations and assertions; each goal is a constant to be assumed.
        variables: the constants whose values make a witness, with their sorts.
    """

    text: str
    variables: Mapping[str, str]
    partner: str
    places: Places
    cameras: tuple[str, ...]
    agencies: tuple[str, ...]
    units: tuple[str, ...]
    roles: tuple[str, ...]


def question(
    old: Policy | None, new: Policy, guardrail: Guardrail, *, since: datetime, composed: str = COMPOSED
) -> Question:
    """What an edit gives and takes, and whether the ordinance holds whatever is written.

    Args:
        old: the policy that is replaced; None where nothing was shared.
        new: the one that replaces it.
        guardrail: the ordinance in force.
        since: earlier moments do not count.
        composed: how the layers are put together; another way than ours shows that the proof can fail.
    """
    return _Writer(old, new, guardrail, since, composed).question()


def witness_of(asked: Question, model: Mapping[str, int | bool]) -> Witness:
    """The request that a solver found."""
    roles = frozenset(role for place, role in enumerate(asked.roles) if model[f"role{place}"])
    who = Who(asked.agencies[model["agency"]], asked.units[model["unit"]], roles or frozenset({NO_ROLE}))
    act = ACTS[model["act"]]
    holding = frozenset(str(word) for word in HOLDING if model[word])
    reason = Reason(holding, around_s=int(model["around"]))
    if model["incident"]:
        origin = ORIGINS[model["origin"]]
        reason = Reason(holding, origin, bool(model["moved"]), int(model["distance"]), int(model["around"]))
    now = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(model["now"]))
    values = (
        who,
        asked.cameras[model["camera"]],
        PURPOSES[model["purpose"]],
        What(act, bool(model["audio"]), bool(model["ptz"]), int(model["seconds"])),
        reason,
        int(model["lines"]),
        When(now, int(model["age"]) if act in RANGE_ACTS else None),
    )
    found = witness(asked.places, values, asked.partner)
    technology = _TECHNOLOGIES[model["technology"]]
    return dataclasses.replace(found, request=dataclasses.replace(found.request, technology=technology))


@dataclass
class _Writer:
    old: Policy | None
    new: Policy
    guardrail: Guardrail
    since: datetime
    composed: str
    lines: list[str] = field(default_factory=list)
    named: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.policies = [one for one in (self.old, self.new) if one is not None]
        self.places = Places.of(self.policies)
        self.cameras = tuple(sorted(self.places.cameras))
        grantees = {rule.grantee for policy in self.policies for rule in policy.rules}
        self.agencies = tuple(sorted({name for policy in self.policies for name in policy.envelope.agencies}))
        self.units = (NO_ROLE, *_parts_of(grantees, "unit"))
        self.roles = _parts_of(grantees, "role")

    def question(self) -> Question:
        """The text."""
        self._variables()
        self._whole()
        old, new = self._policy(self.old), self._policy(self.new)
        guard = self._name(self._ordinance(self.new))
        self.lines += [f"(declare-const {goal} Bool)" for goal in GOALS] + [
            f"(assert (=> (or wider narrower) (= technology {_TECHNOLOGIES.index(Technology.VIDEO)})))",
            f"(assert (=> wider (and {new} (not {old}))))",
            f"(assert (=> narrower (and {old} (not {new}))))",
            # any rules at all that an owner may write
            f"(declare-fun partner ({' '.join('Int' for _ in _NUMBERS)}) Bool)",
            f"(define-fun released () Bool {self.composed.format(forbidden=guard, allowed=_PARTNER)})",
            f"(assert (=> breach (and released {guard})))",
        ]
        return Question(
            "\n".join(self.lines),
            dict.fromkeys(_NUMBERS, "Int") | dict.fromkeys((*_FLAGS, *self._role_names), "Bool"),
            self.new.partner,
            self.places,
            self.cameras,
            self.agencies,
            self.units,
            self.roles,
        )

    @property
    def _role_names(self) -> list[str]:
        return [f"role{place}" for place, _ in enumerate(self.roles)]

    def _name(self, formula: str) -> str:
        """A name for a formula; the same formula is written once."""
        if formula not in self.named:
            self.named[formula] = f"f{len(self.named)}"
            self.lines.append(f"(define-fun {self.named[formula]} () Bool {formula})")
        return self.named[formula]

    def _variables(self) -> None:
        self.lines += [f"(declare-const {name} Int)" for name in _NUMBERS]
        self.lines += [f"(declare-const {name} Bool)" for name in _FLAGS]
        self.lines += [f"(declare-const {name} Bool)" for name in self._role_names]
        sizes = (
            ("agency", len(self.agencies)), ("unit", len(self.units)), ("camera", len(self.cameras)),
            ("act", len(ACTS)), ("purpose", len(PURPOSES)), ("origin", len(ORIGINS)),
            ("technology", len(_TECHNOLOGIES)),
        )  # fmt: skip
        self.lines += [f"(assert (and (<= 0 {name}) (< {name} {size})))" for name, size in sizes]
        ends = [moment for policy in self.policies for moment in _dates_of(policy)]
        last = max([epoch_ms(self.since), *ends]) + YEAR // timedelta(milliseconds=1)
        self.lines.append(f"(assert (and (<= {epoch_ms(self.since)} now) (<= now {last})))")
        for zone in sorted({window.zone for policy in self.policies for window in policy.windows}):
            self._clock(zone, last)

    def _clock(self, zone: str, last_ms: int) -> None:
        """The minute of the week that clocks in a zone show."""
        name = self._zone(zone)
        offset, *changes = offsets(zone, self.since, last_ms)
        said = str(offset[1])
        for begins, minutes in changes:
            said = f"(ite (< now {begins}) {said} {minutes})"
        self.lines += [
            f"(declare-const w{name} Int)",
            f"(declare-const k{name} Int)",
            f"(define-fun shown{name} () Int (+ now (* {MINUTE_MS} (+ {_THURSDAY_MIN} {said}))))",
            f"(define-fun rest{name} () Int (- shown{name} (* {MINUTE_MS} (+ w{name} (* {WEEK_MIN} k{name})))))",
            f"(assert (and (<= 0 w{name}) (< w{name} {WEEK_MIN}) (<= 0 rest{name}) (< rest{name} {MINUTE_MS})))",
        ]

    def _zone(self, zone: str) -> str:
        return self.named.setdefault(f"zone {zone}", f"z{len(self.named)}")

    def _whole(self) -> None:
        """A request is whole: nothing is asked for that no request can hold."""
        map_act = ACTS.index(Act.REGISTRY_VIEW)
        nowhere = {top: self._cameras(none) for top, none in self.places.without_cell().items()}
        grounds = [place for place, word in enumerate(PURPOSES) if word in GROUNDS]
        self.lines += [
            f"(define-fun range () Bool {acts(RANGE_ACTS)})",
            f"(define-fun live () Bool {acts(LIVE_ACTS)})",
            f"(assert (=> (= act {map_act}) (and (= lines 0) (not audio) (not ptz))))",
            f"(assert (=> (not (= act {map_act})) (>= lines 1)))",
            f"(assert (ite {acts(_FREE)} (= seconds 0) (>= seconds 1)))",
            "(assert (and (>= age 1000) (>= around 1)))",
            f"(assert (=> incident {one_of('purpose', grounds)}))",
            *(f"(assert (=> {self._said(role)} {purposes(some)}))" for role, some in PURPOSES_OF_ROLE.items()),
            f"(assert {any_of(f'(and (= distance {top}) (not {none}))' for top, none in nowhere.items())})",
        ]

    def _said(self, role: str) -> str:
        """That this is the role that counts: somebody has it, and none of those that count before it."""
        if role not in self.roles:
            return "false"
        before = [
            f"(not role{at})" for at, other in enumerate(self.roles) if said_role(frozenset({role, other})) != role
        ]
        return all_of([f"role{self.roles.index(role)}", *before])

    def _policy(self, policy: Policy | None) -> str:
        """What a policy lets through, under agreement, ordinance and totals."""
        if policy is None or policy.partner != self.new.partner:
            return "false"
        allows = any_of(self._rule(policy, rule) for rule in policy.rules if rule.effect is Effect.ALLOW)
        denies = any_of(self._rule(policy, rule) for rule in policy.rules if rule.effect is Effect.DENY)
        guard = self._ordinance(policy)
        limits = (self._agreement(policy), self._totals(policy))
        return self._name(all_of([*limits, allows, f"(not {denies})", f"(not {guard})"]))

    def _agreement(self, policy: Policy) -> str:
        envelope = policy.envelope
        return all_of(
            (
                one_of("agency", map(self.agencies.index, sorted(envelope.agencies))),
                covers(envelope.acts),
                purposes(envelope.purposes),
                dates(envelope.from_ms, envelope.until_ms),
                lengths(envelope.session_s, envelope.clip_s, envelope.hold_s, envelope.height_lines),
                f"(=> range (<= age {envelope.look_back_s * 1000}))",
            )
        )

    def _totals(self, policy: Policy) -> str:
        totals, limits = policy.totals, self.guardrail.limits
        day_s = totals.live_s_per_day if totals.views_at_once else 0
        return all_of(
            (
                f"(=> live (<= seconds {day_s}))",
                f"(=> {acts(PER_DAY)} (<= seconds {totals.clip_s_per_day}))",
                lengths(limits.session_s, limits.clip_s, None, limits.height_lines),
                f"(=> range (<= age {limits.look_back_s * 1000}))",
            )
        )

    def _rule(self, policy: Policy, rule: Rule) -> str:
        is_allow = rule.effect is Effect.ALLOW
        parts = [
            self._name(self._grantee(rule.grantee)),
            self._name(self._cameras(policy.members_by_scope[rule.scope])),
            self._name(covers(rule.acts) if is_allow else touches(rule.acts)),
            self._name(purposes(rule.purposes)),
            dates(rule.from_ms, rule.until_ms),
        ]
        if rule.window != ALWAYS:
            parts.append(self._name(self._open(policy.window_by_id[rule.window])))
        if is_allow:
            parts += [self._name(of_condition(rule)), self._name(of_terms(policy.terms_by_id[rule.terms]))]
        return self._name(all_of(parts))

    def _cameras(self, names: Iterable[str]) -> str:
        return one_of("camera", map(self.cameras.index, sorted(names)))

    def _grantee(self, grantee: str) -> str:
        kind, _, name = grantee.partition(":")
        if kind == ANY:
            return "true"
        agency, _, part = name.partition("/")
        if agency not in self.agencies:
            return "false"
        here = f"(= agency {self.agencies.index(agency)})"
        match kind:
            case "unit":
                return f"(and {here} (= unit {self.units.index(part)}))"
            case "role":
                return f"(and {here} role{self.roles.index(part)})"
            case _:
                return here

    def _open(self, window: Window) -> str:
        minute = f"w{self._zone(window.zone)}"
        return any_of(f"(and (<= {start} {minute}) (< {minute} {end}))" for start, end in window.spans)

    def _ordinance(self, policy: Policy) -> str:
        return any_of(self._name(self._line(policy, line)) for line in self.guardrail.rules)

    def _meant(self, line: GuardRule) -> str:
        """Whom a line means; somebody of a role that no rule names need not be looked at, nor who acts for others."""
        kind, _, role = line.who.partition(":")
        if kind == ANY:
            return "true"
        return f"role{self.roles.index(role)}" if kind == "role" and role in self.roles else "false"

    def _line(self, policy: Policy, line: GuardRule) -> str:
        under = policy.camera_by_id if line.scope == ANY else policy.members_by_scope[line.scope]
        grounds: dict[str, str] = {
            GuardCondition.NO_INCIDENT: "(not incident)",
            GuardCondition.HAND_INCIDENT: f"(or (not incident) (= origin {ORIGINS.index(Origin.HAND)}))",
            GuardCondition.ONE_PERSON: "(not two_persons)",
        }
        fresh = "true" if age_s(line.condition) is None else "(not incident)"  # it can have been opened just now
        return all_of(
            (
                self._cameras(under),
                self._meant(line),
                touches(line.acts),
                "true" if ANY in line.purposes else purposes(line.purposes),
                grounds.get(line.condition, fresh),
                "true"
                if ANY in line.technologies
                else one_of(
                    "technology", (_TECHNOLOGIES.index(Technology(word)) for word in sorted(line.technologies))
                ),
            )
        )


_NUMBERS: Final = (
    "agency", "unit", "camera", "act", "purpose", "technology", "origin", "distance", "seconds", "lines", "now", "age",
    "around",
)  # fmt: skip
_FLAGS: Final = ("audio", "ptz", "incident", "moved", *(str(word) for word in HOLDING))

_PARTNER: Final = f"(partner {' '.join(_NUMBERS)})"


def _parts_of(grantees: Iterable[str], kind: str) -> tuple[str, ...]:
    """The units or roles that rules name, without their agency."""
    return tuple(sorted({one.partition("/")[2] for one in grantees if one.startswith(f"{kind}:")}))


def _dates_of(policy: Policy) -> Iterator[int]:
    """Every moment from which something is otherwise."""
    ends = [(rule.from_ms, rule.until_ms) for rule in policy.rules]
    ends.append((policy.envelope.from_ms, policy.envelope.until_ms))
    yield from (moment for pair in ends for moment in pair if moment is not None)
    yield from (terms.history_from_ms for terms in policy.terms)
