"""Every request that some rules can tell apart, as a few values in each of seven things.

Rules compare with numbers and words that stand in the documents; between two of those numbers nothing changes, so one
value for each stretch is enough. What a request consists of is chosen thing by thing, and a set of boxes is carried
along as the bits of an integer: those that hold so far. The spaces of requests with a recording and of those without
one are apart, because the terms compare other things.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, reduce
from itertools import combinations
from operator import or_
from typing import Any, Final

from policies.boxes import PER_DAY, Box, NoGround, NoPicture, NoSuchPlace, NotTheirs, Reason, What, When, Who
from policies.geo import cell_between
from policies.guardrail import Guardrail
from policies.heads import SECONDS_OF, epoch_ms
from policies.model import Policy
from policies.moments import TooManyError, moments
from policies.parts import Camera, Window, radius_m
from policies.vocabulary import LIVE_ACTS, RANGE_ACTS, VIEWERS, Act, Condition, GuardCondition, Origin, Purpose

THINGS: Final = ("who", "camera", "purpose", "what", "reason", "lines", "when")  # in the order in which they are chosen
STEPS: Final = 200_000  # of one search; past that nothing is known
NO_ROLE: Final = "other"  # a unit and a role that no rule names
FAR_M: Final = 2_000  # past the largest radius there is always a cell in so many metres
Values = tuple[Any, ...]  # one of each thing
Only = Mapping[str, frozenset[Any]]  # things of which only these values count


@dataclass(frozen=True, slots=True)
class Side:
    """The boxes of one policy, as bits."""

    allows: int
    denies: int


@dataclass(frozen=True, slots=True)
class Places:
    """Where the cameras stand, and how far from them incidents are told apart.

    Attributes:
        bands: the largest distance of each band, with the one below it.
    """

    cameras: Mapping[str, Camera]
    bands: Mapping[int, int]

    @classmethod
    def of(cls, policies: Sequence[Policy]) -> "Places":
        """Of these documents together; a camera of several stands where the last one says."""
        cameras = {camera.id: camera for policy in policies for camera in policy.cameras}
        radii = {radius_m(rule.condition) for policy in policies for rule in policy.rules} - {None}
        tops = sorted(metres for metres in radii if metres is not None)
        tops.append(max(tops, default=0) + FAR_M)
        return cls(cameras, dict(zip(tops, [-1, *tops], strict=False)))

    def without_cell(self) -> Mapping[int, frozenset[str]]:
        """The cameras that no incident can be so far from, by band."""
        return {
            top: frozenset(name for name, one in self.cameras.items() if cell_between(one.place, low, top) is None)
            for top, low in self.bands.items()
        }


@dataclass(frozen=True)
class Space:
    """Values of each thing, and which boxes hold for each value.

    Attributes:
        boxes: every box of every side; the place in the list is the bit.
        sides: the bits of each policy.
        values: by thing.
    """

    boxes: tuple[Box, ...]
    sides: tuple[Side, ...]
    values: Mapping[str, tuple[Any, ...]]
    places: Places

    @cached_property
    def masks(self) -> Mapping[str, Mapping[Any, int]]:
        """For each value of each thing, the boxes that hold."""
        return {thing: self._masks_of(thing) for thing in THINGS}

    def _masks_of(self, thing: str) -> Mapping[Any, int]:
        holds: list[Callable[[Any], bool]] = [getattr(box, f"has_{thing}") for box in self.boxes]
        return {value: sum(1 << place for place, has in enumerate(holds) if has(value)) for value in self.values[thing]}

    def find(self, giving: Side, other: Side, only: Only | None = None, *, by: int | None = None) -> Values | None:
        """A request that one side lets through and the other does not; None: there is none.

        Args:
            giving: the side that lets it through.
            other: the side that does not; without allows it lets nothing through.
            only: of these things only these values.
            by: only by these allows of `giving`.

        Raises:
            TooManyError: there is more to try than we do.
        """
        allows = giving.allows if by is None else by
        for thing, wanted in (only or {}).items():
            allows &= self._any_of(thing, wanted)
        while allows:
            lowest = allows & -allows
            found = _Search(self, lowest, giving, other, only or {}).run()
            if found is not None:
                return found
            allows ^= lowest
        return None

    def holds_nothing(self, box: int) -> bool:
        """Whether there is something for which a box holds for no value at all."""
        return any(not self._any_of(thing, values) & box for thing, values in self.values.items())

    def _any_of(self, thing: str, values: Iterable[Any]) -> int:
        """The boxes that hold for one of these values."""
        return reduce(or_, (self.masks[thing].get(value, 0) for value in values), 0)


class _Search:
    """The requests of one allow, thing by thing, until one is found that no deny stops and the other side refuses."""

    def __init__(self, space: Space, allow: int, giving: Side, other: Side, only: Only) -> None:
        self._denies, self._other = giving.denies, other
        bits = allow | giving.denies | other.allows | other.denies
        self._choices: list[dict[int, Any]] = []
        for thing in THINGS:
            chosen: dict[int, Any] = {}
            for value, mask in space.masks[thing].items():
                if mask & allow and (thing not in only or value in only[thing]):
                    chosen.setdefault(mask & bits, value)
            self._choices.append(chosen)
        self._seen: set[tuple[int, int]] = set()
        self._for_sure = self._rest()

    def _rest(self) -> list[int]:
        """For each thing, the boxes that hold whatever is chosen from there on."""
        rest = [-1]
        for chosen in reversed(self._choices):
            common = rest[0]
            for mask in chosen:
                common &= mask
            rest.insert(0, common)
        return rest

    def run(self) -> Values | None:
        if not all(self._choices):
            return None
        return self._from(0, -1)

    def _from(self, place: int, held: int) -> Values | None:
        if (place, held) in self._seen or self._is_lost(held & self._for_sure[place], held):
            return None
        if place == len(self._choices):
            return ()
        self._seen.add((place, held))
        if len(self._seen) > STEPS:
            raise TooManyError
        for mask, value in self._choices[place].items():
            found = self._from(place + 1, held & mask)
            if found is not None:
                return (value, *found)
        return None

    def _is_lost(self, sure: int, held: int) -> bool:
        """Whether a deny will stop it, or the other side will let it through, whatever is chosen next."""
        return bool(sure & self._denies or (sure & self._other.allows and not held & self._other.denies))


def spaces(
    policies: Sequence[Policy], sides: Sequence[Sequence[Box]], guardrail: Guardrail, since: datetime
) -> tuple[Space, ...]:
    """The space of requests without a recording, and that of requests with one.

    Args:
        policies: everything that is compared with one another.
        sides: the boxes of each.
        guardrail: the ordinance.
        since: earlier moments do not count.

    Raises:
        TooManyError: there is too much to tell apart.
    """
    return tuple(_Builder(policies, sides, guardrail, since, is_range=is_range).space() for is_range in (False, True))


class _Builder:
    """Reads the numbers and words of the documents into values."""

    def __init__(
        self,
        policies: Sequence[Policy],
        sides: Sequence[Sequence[Box]],
        guardrail: Guardrail,
        since: datetime,
        *,
        is_range: bool,
    ) -> None:
        self._policies, self._boxes, self._guardrail, self._since = policies, sides, guardrail, since
        self._is_range = is_range
        self._rules = [rule for policy in policies for rule in policy.rules]
        self._terms = [terms for policy in policies for terms in policy.terms]
        envelopes = [policy.envelope for policy in policies]
        self._bounds: list[Any] = [*self._terms, *envelopes, guardrail.limits]

    def space(self) -> Space:
        places, people = Places.of(self._policies), tuple(self._who())
        roles = {role for who in people for role in who.roles}
        common: list[Box] = [
            NoGround(),
            NoPicture(on_map=False),
            NoPicture(on_map=True),
            *(NotTheirs(role=role) for role in VIEWERS if role in roles),
            *(NoSuchPlace(cameras=none, distance_m=top) for top, none in places.without_cell().items() if none),
        ]
        boxes: list[Box] = list(common)
        shared, sides = (1 << len(boxes)) - 1, []
        for side in self._boxes:
            first = len(boxes)
            boxes += side
            allows = sum(1 << first + place for place, box in enumerate(side) if box.is_allow)
            sides.append(Side(allows, shared | ((1 << len(boxes)) - (1 << first)) & ~allows))
        values = {
            "who": people,
            "camera": tuple(sorted(places.cameras)),
            "purpose": tuple(word for word in Purpose if any(word in one.envelope.purposes for one in self._policies)),
            "what": tuple(self._what()),
            "reason": tuple(self._reasons(tuple(places.bands))),
            "lines": (0, *self._numbers("height_lines")),
            "when": tuple(self._when()),
        }
        return Space(tuple(boxes), tuple(sides), values, places)

    def _numbers(self, field: str) -> list[int]:
        """Where something that is compared with this field changes: the numbers themselves, the smallest first."""
        return sorted({getattr(one, field) for one in self._bounds if getattr(one, field, 0) > 0})

    def _who(self) -> Iterator[Who]:
        """Everybody whom rules tell apart; two roles suffice: one that lets through, one that stops."""
        for agency in sorted({name for policy in self._policies for name in policy.envelope.agencies}):
            named = [rule.grantee.split("/", 1) for rule in self._rules if "/" in rule.grantee]
            units = sorted({part for head, part in named if head == f"unit:{agency}"})
            roles = sorted({part for head, part in named if head == f"role:{agency}"})
            sets = [frozenset({role}) for role in roles] + [frozenset(pair) for pair in combinations(roles, 2)]
            for unit in (NO_ROLE, *units):
                for some in (frozenset({NO_ROLE}), *sets):
                    yield Who(agency, unit, some)

    def _what(self) -> Iterator[What]:
        totals = [policy.totals for policy in self._policies]
        for act in Act:
            if (act in RANGE_ACTS) is not self._is_range:
                continue
            seconds = set(self._numbers(SECONDS_OF[act])) if act in SECONDS_OF else {0}
            seconds |= {1} if act is Act.STILL_TAKE else set()
            if act in LIVE_ACTS:
                seconds |= {one.live_s_per_day for one in totals}
            if act in PER_DAY:
                seconds |= {one.clip_s_per_day for one in totals}
            least = 0 if act not in SECONDS_OF and act is not Act.STILL_TAKE else 1
            extras = ((False, False), (True, False), (False, True), (True, True))
            for audio, ptz in extras[: 1 if act is Act.REGISTRY_VIEW else 4]:
                for count in sorted(one for one in seconds if one >= least):
                    yield What(act, audio, ptz, count)

    def _reasons(self, tops: Iterable[int]) -> Iterator[Reason]:
        named = {rule.condition for rule in self._rules}
        words = [word for word in (Condition.ASK, Condition.PANIC, Condition.TWO_PERSONS) if word in named]
        holding = [frozenset[str](), *(frozenset({str(word)}) for word in words)]
        if any(line.condition == GuardCondition.ONE_PERSON for line in self._guardrail.rules):
            holding += [one | {str(Condition.TWO_PERSONS)} for one in holding if Condition.TWO_PERSONS not in one]
        arounds: list[int] = [0]
        if self._is_range:
            known = sorted({one.around_s for one in self._terms if one.around_s})
            arounds = [*known, max(known, default=0) + 1]
        for held in dict.fromkeys(holding):
            yield Reason(held, around_s=None if self._is_range else 0)
            for origin in self._origins():
                for has_moved in (False, True):
                    for top in tops:
                        for around in arounds:
                            yield Reason(held, origin, has_moved, top, around)

    def _origins(self) -> list[Origin]:
        """One origin of each kind that rules tell apart; the ordinance tells incidents opened by hand apart."""
        told: dict[tuple[bool, ...], Origin] = {}
        for origin in Origin:
            told.setdefault((origin is Origin.HAND, *(origin in rule.origins for rule in self._rules)), origin)
        return list(told.values())

    def _when(self) -> Iterator[When]:
        ends = [(rule.from_ms, rule.until_ms) for rule in self._rules]
        ends += [(one.envelope.from_ms, one.envelope.until_ms) for one in self._policies]
        dates = [moment for pair in ends for moment in pair if moment is not None]
        backs = [seconds * 1000 for seconds in self._numbers("look_back_s")] if self._is_range else []
        histories = {one.history_from_ms for one in self._terms if one.history_from_ms} if self._is_range else set()
        dates += [start + back for start in histories for back in (0, *backs)]
        windows = _windows(self._policies)
        for now in moments(windows, dates, self._since):
            if not self._is_range:
                yield When(now, None)
                continue
            ages = {*backs, *(epoch_ms(now) - start for start in histories)}
            yield from (When(now, age) for age in sorted(ages) if age >= 1000)


def _windows(policies: Sequence[Policy]) -> list[Window]:
    """Every window that some rule names, once for each content; their ids differ between documents."""
    said: dict[object, Window] = {}
    for policy in policies:
        for rule in policy.rules:
            window = policy.window_by_id.get(rule.window)
            if window is not None:
                said.setdefault((window.zone, window.spans), window)
    return [dataclasses.replace(window, id=f"w{place}") for place, window in enumerate(said.values())]
