"""Who can see what: the kernel is asked for each viewer, act and group of cameras, and its yes is written down.

Nothing here reads a rule to answer: rules only say which questions are worth asking (a rule that no question of ours
would meet gives nothing). Pauses and the network's switch are left out, for the page says them by themselves.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from gateway.sharing.week_grid import CONDITIONS, Open
from policies import hours
from policies.decide import preview
from policies.geo import cell_of
from policies.heads import names_of
from policies.layers import Layers
from policies.model import Camera, Policy
from policies.parts import ALWAYS, Rule, Window
from policies.request import Approval, Caps, Facts, Incident, Permit, Request, Span, Subject
from policies.vocabulary import PURPOSES_OF_KIND, RANGE_ACTS, Act, Condition, Effect, IncidentKind, Origin, Purpose

# act, and the heading of its column
COLUMNS: Final = (
    (Act.REGISTRY_VIEW, "Where it is"),
    (Act.LIVE_VIEW, "Live"),
    (Act.LIVE_AUDIO, "Sound"),
    (Act.PTZ_MOVE, "Move it"),
    (Act.CLIP_REQUEST, "Ask for recordings"),
    (Act.CLIP_FETCH, "Receive recordings"),
)
_LEAST: Final = Caps(seconds=1, height_lines=1)
_HOURS_TRIED: Final = 3  # rules with hours of their own that take turns
_A_WHILE: Final = timedelta(minutes=10)
_KIND_OF: Final[Mapping[Purpose, IncidentKind]] = {
    purpose: kind for kind in reversed(IncidentKind) for purpose in PURPOSES_OF_KIND[kind]
}


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who might look, and who the law takes them for.

    Attributes:
        kind: "role", "unit" or "other" (of no agency of the agreement).
        part: the role or the unit.
        agency: its name.
    """

    kind: str
    part: str
    agency: str
    subject: Subject


@dataclass(frozen=True, slots=True)
class Cell:
    """What one viewer can do.

    Attributes:
        conditions: on which it is permitted, in the order of `CONDITIONS`; empty where none is needed, or never.
        is_hourly: at some hours of the week only.
    """

    is_open: Open
    conditions: tuple[str, ...] = ()
    is_hourly: bool = False


NEVER: Final = Cell(Open.NEVER)


def groups_of(policy: Policy) -> list[tuple[str, ...]]:
    """The cameras of a policy, together where the same rules and tags speak of them."""
    found: dict[object, list[str]] = {}
    for camera in policy.cameras:
        scopes = policy.scopes_of(camera.id) - {f"camera:{camera.id}"}
        own = frozenset(rule.id for rule in policy.rules if rule.scope == f"camera:{camera.id}")
        spoken = frozenset(rule.id for rule in policy.rules if rule.scope in scopes) | own
        found.setdefault((spoken, policy.tags_of(camera.id)), []).append(camera.id)
    return [tuple(names) for names in found.values()]


def cell_of_viewer(layers: Layers, viewer: Viewer, act: Act, camera: str, *, now: datetime) -> Cell:
    """What the kernel permits a viewer.

    Args:
        layers: what is decided by, without facts of the moment.
        viewer: who asks.
        act: what for.
        camera: as the documents of `layers` call it.
        now: from when on hours are looked for.
    """
    found: dict[str, bool] = {}
    for asked, kind, facts in _questions(layers, viewer, act, camera, now=now):
        if kind not in found or found[kind]:
            decision = preview(dataclasses.replace(layers, facts=facts), asked)
            if isinstance(decision, Permit):
                found[kind] = _is_hourly(layers, asked, facts, decision)
    if Condition.ALWAYS in found:
        return Cell(Open.ALWAYS, is_hourly=found[Condition.ALWAYS])
    if not found:
        return NEVER
    return Cell(Open.IF, tuple(kind for kind in CONDITIONS if kind in found), all(found.values()))


def _is_hourly(layers: Layers, asked: Request, facts: Facts, permit: Permit) -> bool:
    """Whether the yes depends on the hour: the same is asked when the hours of the deciding rules are over."""
    for _ in range(_HOURS_TRIED):
        windows = [
            layer.policy.window_by_id[rule.window]
            for layer, name in zip(layers.sharing, permit.rules, strict=True)
            for rule in layer.policy.rules
            if rule.id == name and rule.window != ALWAYS
        ]
        moment = next((at for window in windows if (at := _moment(window, asked.now, is_open=False))), None)
        if moment is None:
            return False
        asked, facts = _later(asked, facts, moment - asked.now)
        decision = preview(dataclasses.replace(layers, facts=facts), asked)
        if not isinstance(decision, Permit):
            return True
        permit = decision
    return True


def _later(asked: Request, facts: Facts, by: timedelta) -> tuple[Request, Facts]:
    """The same question with everything in it moved on."""
    incident = asked.incident and dataclasses.replace(asked.incident, opened_at=asked.incident.opened_at + by)
    span = asked.span and Span(asked.span.start + by, asked.span.end + by)
    approval = facts.approval and Approval(facts.approval.act, facts.approval.until + by)
    panic = facts.panic_until and facts.panic_until + by
    later = dataclasses.replace(asked, now=asked.now + by, incident=incident, span=span)
    return later, dataclasses.replace(facts, approval=approval, panic_until=panic)


def _questions(
    layers: Layers, viewer: Viewer, act: Act, camera: str, *, now: datetime
) -> Iterator[tuple[Request, str, Facts]]:
    """What to ask: for each rule that speaks of this, its conditions, its purposes, and moments at which it is open.

    What needs no condition comes first; each comes with the condition it stands for and the facts that make it true.
    """
    policies = [layer.policy for layer in layers.sharing if camera in layer.policy.camera_by_id]
    if not policies or len(policies) != len(layers.sharing):
        return
    place = policies[0].camera_by_id[camera]
    spoken = [(policy, rule) for policy in policies for rule in _rules(policy, viewer.subject, act, camera)]
    spoken.sort(key=lambda pair: pair[1].condition != Condition.ALWAYS)
    for policy, rule in spoken:
        for moment in _moments(policy, rule, now):
            for purpose in (word for word in Purpose if word in rule.purposes):
                for kind, incident, facts in _scenes(rule, act, purpose, place, moment):
                    asked = Request(
                        now=moment,
                        partner=policy.partner,
                        camera=camera,
                        act=act,
                        purpose=purpose,
                        subject=viewer.subject,
                        caps=Caps(0, 0) if act is Act.REGISTRY_VIEW else _LEAST,
                        incident=incident,
                        span=Span(moment - _A_WHILE / 2, moment - _A_WHILE / 4) if act in RANGE_ACTS else None,
                    )
                    yield asked, kind, facts


def _rules(policy: Policy, who: Subject, act: Act, camera: str) -> Iterable[Rule]:
    """Those that might give this: the others cannot decide a yes."""
    scopes, names = policy.scopes_of(camera), names_of(who)
    allows = (one for one in policy.rules if one.effect is Effect.ALLOW and act in one.acts)
    return [one for one in allows if one.grantee in names and one.scope in scopes]


def _moments(policy: Policy, rule: Rule, now: datetime) -> Sequence[datetime]:
    """A moment from now on at which a rule's hours are open and what it gives may be old enough; none if it is over."""
    starts = [policy.terms_by_id[rule.terms].history_from_ms, rule.from_ms or 0]
    moment = max(now, *(datetime.fromtimestamp(start / 1000, UTC) + _A_WHILE for start in starts if start), now)
    if rule.window == ALWAYS:
        return (moment,)
    found = _moment(policy.window_by_id[rule.window], moment, is_open=True)
    return () if found is None else (found,)


def _moment(window: Window, now: datetime, *, is_open: bool) -> datetime | None:
    """The next moment, `now` included, at which a window is open, or closed; None if it never is."""
    moment: datetime | None = now
    for _ in range(2 * len(window.spans) + 4):  # every edge of a week, and a change of clocks
        if moment is None or hours.is_open(window.spans, window.zone, moment) is is_open:
            return moment
        moment = hours.next_change(window.spans, window.zone, moment)
    return None


def _scenes(
    rule: Rule, act: Act, purpose: Purpose, place: Camera, now: datetime
) -> Iterator[tuple[str, Incident | None, Facts]]:
    """The condition that a question stands for, the incident it names, and the facts in which it is asked."""
    later, kind = now + _A_WHILE, rule.condition.partition(":")[0]
    told = [_incident(purpose, origin, place, now) for origin in Origin if origin in rule.origins]
    match kind:
        case Condition.ALWAYS:
            yield kind, None, Facts()
            yield from ((Condition.NEAR, incident, Facts()) for incident in told)  # an ordinance may ask for one
        case Condition.ASK:
            yield kind, None, Facts(approval=Approval(act, later))
            yield from ((kind, incident, Facts(approval=Approval(act, later))) for incident in told)
        case Condition.PANIC:
            yield kind, None, Facts(panic_until=later)
        case Condition.TWO_PERSONS:
            yield kind, None, Facts(is_second_person_present=True)
            yield from ((kind, incident, Facts(is_second_person_present=True)) for incident in told)
        case _:
            yield from ((kind, incident, Facts()) for incident in told)


def _incident(purpose: Purpose, origin: Origin, place: Camera, now: datetime) -> Incident:
    """One at the camera, opened five minutes ago, that is a ground for the purpose."""
    cell = cell_of(place.lat_e6 / 1e6, place.lon_e6 / 1e6)
    return Incident("inc_matrix", _KIND_OF[purpose], origin, cell, now - timedelta(minutes=5))
