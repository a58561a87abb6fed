"""What one policy lets through that another does not: a verdict, a witness for each direction, and whom it concerns.

Every request that the two documents can tell apart is gone through (`policies.space`), with nothing yet used of the
day's limits. What is compared is what is given in full: a request that is permitted, but cut, counts as refused. A
witness is a request that anybody can ask both documents.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Final

from policies.boxes import Reason, What, Who, boxes_of
from policies.decide import preview
from policies.geo import cell_between
from policies.guardrail import Guardrail
from policies.heads import asked_caps
from policies.layers import GuardrailLayer, Layers, SharingLayer
from policies.model import Policy
from policies.moments import TooManyError
from policies.request import (
    Approval,
    Caps,
    Facts,
    Incident,
    Invariants,
    Permit,
    Request,
    Span,
    Subject,
)
from policies.space import NO_ROLE, THINGS, Only, Places, Side, Space, Values, spaces
from policies.vocabulary import PURPOSES_OF_KIND, Act, Condition, IncidentKind, Purpose

NOTHING: Final = Side(0, 0)  # a side that lets nothing through
_SECOND: Final = timedelta(seconds=1)
_LATER: Final = timedelta(hours=1)


class Verdict(StrEnum):
    """What an edit does."""

    SAME = "same"
    WIDENS = "widens"
    NARROWS = "narrows"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Witness:
    """A request, and what is true when it is made."""

    request: Request
    facts: Facts


@dataclass(frozen=True, slots=True)
class Difference:
    """What an edit does, with a request that only the new policy grants and one that only the old one grants.

    Attributes:
        is_certain: False where there was too much to go through: what was not found may still be there.
    """

    widening: Witness | None
    narrowing: Witness | None
    is_certain: bool = True

    @property
    def verdict(self) -> Verdict:
        """In one word; what is not certain counts as a widening."""
        is_wider = self.widening is not None or not self.is_certain
        if self.narrowing is None:
            return Verdict.WIDENS if is_wider else Verdict.SAME
        return Verdict.BOTH if is_wider else Verdict.NARROWS


class Way(StrEnum):
    """How somebody is concerned by an edit."""

    NEW = "new"  # could not do it at all before
    MORE = "more"  # could before, in fewer cases
    LESS = "less"  # still can, in fewer cases
    GONE = "gone"  # cannot do it at all any more


@dataclass(frozen=True, slots=True)
class Concern:
    """Who gains or loses what, on which cameras; without roles everybody of the unit, else who has one of them."""

    way: Way
    agency: str
    unit: str
    roles: frozenset[str]
    cameras: frozenset[str]
    acts: frozenset[Act]


class Judge:
    """Asks the kernel what one policy grants under an ordinance, with nothing used yet and its masks drawn.

    A site may draw them later without a new document, so that a masked live view counts as shared here.
    """

    def __init__(self, policy: Policy, guardrail: GuardrailLayer) -> None:
        pinned = dataclasses.replace(policy, guardrail=guardrail.guardrail.digest)
        self._guardrail, self._sharing = guardrail, SharingLayer(pinned)
        self._masks = frozenset[str]().union(*(terms.masks for terms in policy.terms))

    def grants(self, asked: Witness) -> bool:
        """Whether all that is asked for is permitted."""
        layers = Layers.at_site(
            invariants=Invariants(is_camera_present=True, drawn_masks=self._masks),
            guardrail=self._guardrail,
            sharing=self._sharing,
            facts=asked.facts,
        )
        decision = preview(layers, asked.request)
        return isinstance(decision, Permit) and decision.caps == asked_caps(asked.request)


class Judges:
    """The kernel on both policies of an edit: what it confirms is true."""

    def __init__(self, old: Policy | None, new: Policy, guardrail: GuardrailLayer) -> None:
        self._old = None if old is None else Judge(old, guardrail)
        self._new = Judge(new, guardrail)

    def confirm(self, found: Witness, *, new: bool) -> bool:
        """Whether only the new policy grants it, or (not `new`) only the old one."""
        before = self._old is not None and self._old.grants(found)
        return self._new.grants(found) is new and before is not new


class Edit:
    """One policy that is to replace another."""

    def __init__(self, old: Policy | None, new: Policy, guardrail: Guardrail, *, since: datetime) -> None:
        """`old`: None where nothing was shared; `guardrail`: the ordinance; `since`: earlier moments do not count."""
        self._old = old if old is not None and old.partner == new.partner else None
        self._new, self._guardrail = new, guardrail
        policies = [one for one in (self._old, new) if one is not None]
        sides = [boxes_of(one, guardrail) for one in policies]
        self._is_certain = not _moved(self._old, new)
        try:
            self._spaces = spaces(policies, sides, guardrail, since)
        except TooManyError:
            self._spaces, self._is_certain = (), False

    @cached_property
    def difference(self) -> Difference:
        """The verdict with its witnesses."""
        wider, narrower = self._only_in(new=True), self._only_in(new=False)
        return Difference(wider, narrower, is_certain=self._is_certain)

    def _only_in(self, *, new: bool) -> Witness | None:
        """A request that one of them grants and the other does not."""
        try:
            for space in self._spaces:
                giving, other = _sides(space, new=new)
                values = space.find(giving, other)
                if values is not None:
                    return self._confirmed(witness(space.places, values, self._new.partner), new=new)
        except TooManyError:
            self._is_certain = False
        return None

    def _confirmed(self, found: Witness, *, new: bool) -> Witness | None:
        """The witness, where the kernel says the same; where a camera was moved it may not."""
        if self.judges.confirm(found, new=new):
            return found
        self._is_certain = False
        return None

    @cached_property
    def judges(self) -> Judges:
        """The kernel on both."""
        return Judges(self._old, self._new, GuardrailLayer(self._guardrail))

    def concerns(self) -> tuple[Concern, ...]:
        """Who gains and who loses, by agency, unit and role, by cameras that are treated alike, and by act.

        Raises:
            TooManyError: there is too much to go through.
        """
        found: dict[tuple[Way, Who, frozenset[str]], set[Act]] = {}
        for space in self._spaces:
            changed = [_changing(space, new=new) for new in (True, False)]
            for who in _people(space):
                for cameras in _alike(space):
                    for act, way in _ways(space, who, cameras[0], changed):
                        found.setdefault((way, who, frozenset(cameras)), set()).add(act)
        return _merged(found, {who for space in self._spaces for who in _people(space)})


def witness(places: Places, values: Values, partner: str) -> Witness:
    """The request that these values describe."""
    said = dict(zip(THINGS, values, strict=True))
    who, camera, what, reason, when = (said[thing] for thing in ("who", "camera", "what", "reason", "when"))
    purpose: Purpose = said["purpose"]
    start = None if when.age_ms is None else when.now - timedelta(milliseconds=when.age_ms)
    request = Request(
        now=when.now,
        partner=partner,
        camera=camera,
        act=what.act,
        purpose=purpose,
        subject=Subject("per_anybody", who.agency, who.unit, who.roles, assurance=2),
        caps=Caps(what.seconds, said["lines"], audio=what.audio, ptz=what.ptz),
        incident=_incident(places, camera, reason, purpose, when.now if start is None else start),
        span=None if start is None else Span(start, start + _SECOND),
    )
    return Witness(request, _facts(reason, what.act, when.now + _LATER))


def _incident(places: Places, camera: str, reason: Reason, purpose: Purpose, begins: datetime) -> Incident | None:
    """An incident as near as the reason says, opened so that a second from `begins` reaches as far around it."""
    if reason.origin is None:
        return None
    cell = cell_between(places.cameras[camera].place, places.bands[reason.distance_m], reason.distance_m)
    assert cell is not None, "bands without a cell are denied"
    return Incident(
        ref="inc_any",
        kind=next(kind for kind in IncidentKind if purpose in PURPOSES_OF_KIND[kind]),
        origin=reason.origin,
        cell=cell,
        opened_at=begins - timedelta(seconds=max(0, (reason.around_s or 0) - 1)),
        has_moved=reason.has_moved,
    )


def _facts(reason: Reason, act: Act, until: datetime) -> Facts:
    return Facts(
        panic_until=until if Condition.PANIC in reason.holding else None,
        approval=Approval(act, until) if Condition.ASK in reason.holding else None,
        is_second_person_present=Condition.TWO_PERSONS in reason.holding,
    )


def _moved(old: Policy | None, new: Policy) -> bool:
    """Whether a camera of both stands elsewhere: distances are then other ones for each."""
    before = {} if old is None else old.camera_by_id
    return any(one.id in before and before[one.id] != one for one in new.cameras)


def _sides(space: Space, *, new: bool) -> tuple[Side, Side]:
    """The side that gives, and the other one; without an old policy that lets nothing through."""
    before, after = (NOTHING, *space.sides)[-2:]
    return (after, before) if new else (before, after)


def _changing(space: Space, *, new: bool) -> int:
    """The allows of one side that give something the other side does not."""
    giving, other = _sides(space, new=new)
    bits = (1 << place for place in range(len(space.boxes)) if giving.allows >> place & 1)
    return sum(bit for bit in bits if space.find(giving, other, by=bit) is not None)


def _people(space: Space) -> Iterator[Who]:
    """Everybody by one name: an agency's people, those of a unit, those of a role."""
    for who in space.values["who"]:
        if len(who.roles) == 1 and (who.unit == NO_ROLE or NO_ROLE in who.roles):
            yield who


def _alike(space: Space) -> list[list[str]]:
    """The cameras that no rule tells apart."""
    groups: dict[int, list[str]] = {}
    for camera, mask in space.masks["camera"].items():
        groups.setdefault(mask, []).append(camera)
    return list(groups.values())


def _ways(space: Space, who: Who, camera: str, changed: list[int]) -> Iterator[tuple[Act, Way]]:
    """How somebody is concerned at a camera, act by act: what they gain, then what they lose."""
    acts: dict[Act, set[What]] = {}
    for what in space.values["what"]:
        acts.setdefault(what.act, set()).add(what)
    for act, whats in acts.items():
        only: Only = {"who": frozenset({who}), "camera": frozenset({camera}), "what": frozenset(whats)}
        for is_gain, by in zip((True, False), changed, strict=True):
            giving, other = _sides(space, new=is_gain)
            if space.find(giving, other, only, by=by) is not None:
                is_all = space.find(other, NOTHING, only) is None
                yield act, {True: (Way.MORE, Way.NEW), False: (Way.LESS, Way.GONE)}[is_gain][is_all]


def _merged(found: Mapping[tuple[Way, Who, frozenset[str]], set[Act]], people: set[Who]) -> tuple[Concern, ...]:
    """The same for several groups of cameras said once, and for everybody of an agency once."""
    by_cameras: dict[tuple[Way, Who, frozenset[Act]], frozenset[str]] = {}
    for (way, who, cameras), acts in found.items():
        key = (way, who, frozenset(acts))
        by_cameras[key] = by_cameras.get(key, frozenset()) | cameras
    by_role: dict[tuple[Way, str, str, frozenset[str], frozenset[Act]], frozenset[str]] = {}
    for (way, who, acts_), cameras in by_cameras.items():
        place = (way, who.agency, _unit(who), cameras, acts_)
        by_role[place] = by_role.get(place, frozenset()) | who.roles
    everybody = {(who.agency, _unit(who)): frozenset[str]() for who in people}
    for who in people:
        everybody[who.agency, _unit(who)] |= who.roles
    return tuple(
        Concern(way, agency, unit, frozenset() if roles == everybody[agency, unit] else roles, cameras, acts_)
        for (way, agency, unit, cameras, acts_), roles in by_role.items()
    )


def _unit(who: Who) -> str:
    return "" if who.unit == NO_ROLE else who.unit
