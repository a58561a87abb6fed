"""Which of two ordinance packs is stricter, and what every pack must forbid.

`loosened` names everything an old pack forbids or limits that a new one does not cover; whatever cannot be shown to be
covered by one rule counts as loosened. `demand_defaults` refuses a pack that lets through what is denied by default
(sound, watching lawful assembly, immigration and reproductive-health purposes, standing live where people live) unless
the pack cites, for each, the ordinance that allows it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from policies.fields import PolicyError
from policies.guardrail import GuardLimits, Guardrail, GuardRule, age_s
from policies.matching import ANY
from policies.vocabulary import Act, Default, GuardCondition, Purpose, Tag, Who

_EVERYTHING: Final = frozenset({ANY})
_SEES: Final = frozenset({Act.LIVE_VIEW, Act.LIVE_AUDIO, Act.PTZ_MOVE, Act.STILL_TAKE, Act.RECORDED_VIEW})
NUMBERS: Final = ("session_s", "clip_s", "look_back_s", "height_lines")
FLAGS: Final = ("watermark", "record_reason", "after_action")


def _default(
    acts: frozenset[Act],
    purposes: frozenset[str],
    *,
    scope: str = ANY,
    condition: str = GuardCondition.ALWAYS,
) -> GuardRule:
    return GuardRule("", scope, acts, purposes, _EVERYTHING, condition, "")


DEFAULTS: Final[Mapping[Default, GuardRule]] = {
    Default.SOUND: _default(frozenset({Act.LIVE_AUDIO}), _EVERYTHING),
    Default.ASSEMBLY: _default(frozenset(Act), frozenset({str(Purpose.PROTEST_MONITORING)})),
    Default.IMMIGRATION: _default(frozenset(Act), frozenset({str(Purpose.IMMIGRATION)})),
    Default.REPRODUCTIVE_HEALTH: _default(frozenset(Act), frozenset({str(Purpose.HEALTH_CARE_SEEKING)})),
    Default.STANDING_LIVE_AT_HOMES: _default(
        _SEES, _EVERYTHING, scope=f"tag:{Tag.RESIDENTIAL}", condition=GuardCondition.NO_INCIDENT
    ),
}


@dataclass(frozen=True, slots=True)
class Loosened:
    """What a new pack no longer forbids or limits: the old rule, or the name of a limit."""

    rule: GuardRule | None = None
    limit: str = ""


def loosened(old: Guardrail, new: Guardrail) -> tuple[Loosened, ...]:
    """Everything of the old pack that the new one does not cover; empty when the new one is at least as strict."""
    rules = (Loosened(rule=rule) for rule in old.rules if not any(covers(other, rule) for other in new.rules))
    return (*rules, *(Loosened(limit=name) for name in _looser_limits(old.limits, new.limits)))


def demand_defaults(pack: Guardrail) -> Guardrail:
    """`pack`, when it forbids all that is denied by default, or cites what allows it.

    Raises:
        PolicyError: one is neither forbidden nor cited.
    """
    cited = {exception.of for exception in pack.exceptions}
    for name, rule in DEFAULTS.items():
        if name not in cited and not any(covers(one, rule) for one in pack.rules):
            raise PolicyError(
                "pack.rules", f"must forbid {name}, or pack.exceptions must cite the ordinance that allows it"
            )
    return pack


def covers(outer: GuardRule, inner: GuardRule) -> bool:
    """Whether `outer` forbids everything that `inner` forbids."""
    return (
        outer.scope in {ANY, inner.scope}
        and outer.who in {Who.ANY, inner.who}
        and inner.acts <= outer.acts
        and _holds(outer.purposes, inner.purposes)
        and _holds(outer.technologies, inner.technologies)
        and _condition_covers(outer.condition, inner.condition)
    )


def _holds(outer: frozenset[str], inner: frozenset[str]) -> bool:
    return ANY in outer or (ANY not in inner and inner <= outer)


def _condition_covers(outer: str, inner: str) -> bool:
    """A deny that always holds covers all; one for want of a sure or a fresh incident covers one for want of any."""
    if outer in {GuardCondition.ALWAYS, inner}:
        return True
    seconds, than = age_s(outer), age_s(inner)
    if inner == GuardCondition.NO_INCIDENT:
        return outer == GuardCondition.HAND_INCIDENT or seconds is not None
    return seconds is not None and than is not None and seconds <= than


def _looser_limits(old: GuardLimits, new: GuardLimits) -> Iterator[str]:
    yield from (name for name in NUMBERS if getattr(new, name) > getattr(old, name))
    yield from (name for name in FLAGS if getattr(old, name) and not getattr(new, name))
    if old.after_action_days and not 0 < new.after_action_days <= old.after_action_days:
        yield "after_action_days"
    if old.second_person not in {None, new.second_person}:
        yield "second_person"
