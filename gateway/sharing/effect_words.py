"""What an edit does, in the words an owner reads before saving it."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from gateway.sharing.effects import Effect
from gateway.sharing.forms import DAYS
from gateway.sharing.prover import Unproved
from gateway.sharing.replaying import Replayed
from gateway.web import _, ngettext
from policies.analysis import Concern, Verdict, Way, Witness
from policies.conflicts import Finding, Oddity
from policies.geo import far_edge_m
from policies.model import Policy
from policies.request import Request
from policies.space import NO_ROLE
from policies.vocabulary import Act, Origin
from policies.vocabulary import Effect as RuleEffect
from policies.voice import Voice
from policies.words import distance, doing, duration, purpose, say_rules

_LENGTHS: Final = frozenset({Act.LIVE_VIEW, Act.LIVE_AUDIO, Act.PTZ_MOVE})


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: who, which cameras, what, and how they are concerned."""

    way: Way
    how: str
    who: str
    cameras: str
    what: str


@dataclass(frozen=True, slots=True)
class EffectWords:
    """Sentences, each empty where there is nothing to say; `missing` says what was not ready in time."""

    verdict: str
    how_known: str
    more: str = ""
    less: str = ""
    rows: tuple[Row, ...] = ()
    views: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    missing: tuple[str, ...] = field(default=())


def words_of(effect: Effect, policy: Policy, voice: Voice) -> EffectWords:
    """The effect in words.

    Args:
        effect: what was worked out.
        policy: the new policy, cameras under our own names.
        voice: the names of cameras and agencies, and the zone.
    """
    found = effect.difference
    return EffectWords(
        verdict=_verdict(effect.verdict),
        how_known=_how_known(effect),
        more=_witness(found.widening, policy, voice, is_more=True) if found and found.widening else "",
        less=_witness(found.narrowing, policy, voice, is_more=False) if found and found.narrowing else "",
        rows=tuple(_row(one, voice) for one in sorted(effect.concerns or (), key=_order)),
        views=tuple(_views(effect)),
        odd=tuple(dict.fromkeys(_odd(one, policy, voice) for one in effect.oddities or ())),
        lines=tuple(_("The city's ordinance narrows this: %(cite)s", cite=line.cite) for line in effect.lines),
        missing=tuple(_missing(effect)),
    )


def _verdict(verdict: Verdict | None) -> str:
    match verdict:
        case None:
            return _("What this changes could not be worked out in time. It counts as sharing more.")
        case Verdict.SAME:
            return _("This changes nothing for anybody.")
        case Verdict.WIDENS:
            return _("You share more, and nothing less.")
        case Verdict.NARROWS:
            return _("You share less, and nothing more.")
        case Verdict.BOTH:
            return _("You share more in some cases and less in others.")


def _how_known(effect: Effect) -> str:
    if effect.is_alarm:
        return _("Two ways of working this out disagree, so it counts as sharing more. We are told of it.")
    if effect.is_proved:
        return _("Proved for every person, camera, purpose, incident and time.")
    if effect.verdict is None:
        return ""
    if effect.proof is Unproved.NO_SOLVER:
        return _("Searched case by case, which is slower; this gateway has no solver to prove it.")
    return _("Searched case by case; the solver did not answer in time to prove it.")


def _witness(found: Witness, policy: Policy, voice: Voice, *, is_more: bool) -> str:
    asked = found.request
    local = asked.now.astimezone(ZoneInfo(voice.zone))
    said = {
        "who": _somebody(asked.subject.agency, asked.subject.unit, asked.subject.roles, voice),
        "what": doing(asked.acts, voice, voice.cameras.get(asked.camera, asked.camera)),
        "day": _(DAYS[local.weekday()]),
        "time": f"{local:%H:%M}",
        "reason": _reason(found, policy, voice),
        "purpose": purpose(asked.purpose, voice),
        "much": _much(asked, voice),
    }
    if is_more:
        return _(
            "For example: %(who)s could %(what)s on a %(day)s at %(time)s, %(reason)s, for %(purpose)s%(much)s. "
            "Today that is refused.",
            **said,
        )
    return _(
        "For example: %(who)s could no longer %(what)s on a %(day)s at %(time)s, %(reason)s, for %(purpose)s%(much)s. "
        "Today that is permitted.",
        **said,
    )


def _somebody(agency: str, unit: str, roles: frozenset[str], voice: Voice) -> str:
    name = voice.agencies.get(agency, agency)
    named = sorted(roles - {NO_ROLE})
    if named:
        part = " / ".join(voice.translate(role) for role in named)
        return voice.translate("A {part} of {agency}").format(part=part, agency=name)
    if unit not in {"", NO_ROLE}:
        return voice.translate("The unit {part} of {agency}").format(part=unit, agency=name)
    return _("somebody at %(agency)s", agency=name)


def _reason(found: Witness, policy: Policy, voice: Voice) -> str:
    asked, facts = found.request, found.facts
    parts = [
        text
        for is_so, text in (
            (facts.approval is not None, _("after you said yes")),
            (facts.panic_until is not None, _("while your alarm button is on")),
            (facts.is_second_person_present, _("as emergency access by two people")),
        )
        if is_so
    ]
    if asked.incident is None:
        return ", ".join([*parts, _("without an incident")])
    camera = policy.camera_by_id.get(asked.camera)
    text = (
        _("for an incident that an operator opened") if asked.incident.origin is Origin.HAND else _("for an incident")
    )
    if camera is not None:
        metres = far_edge_m(camera.place, asked.incident.cell)
        text = _("%(incident)s within %(distance)s", incident=text, distance=distance(metres, voice))
    if asked.incident.has_moved:
        text = _("%(incident)s, which moved there", incident=text)
    return ", ".join([*parts, text])


def _much(asked: Request, voice: Voice) -> str:
    time = duration(asked.caps.seconds, voice)
    if asked.span is not None:
        age = duration(max(1, round((asked.now - asked.span.start) / timedelta(seconds=1))), voice)
        return _(": %(time)s of it, from %(age)s ago", time=time, age=age)
    return _(", for %(time)s", time=time) if asked.act in _LENGTHS else ""


_WAYS: Final = {
    Way.NEW: "Can for the first time",
    Way.MORE: "Can in more cases",
    Way.LESS: "Can in fewer cases",
    Way.GONE: "Can no longer",
}


def _order(one: Concern) -> tuple[int, str, str, list[str]]:
    return list(Way).index(one.way), one.agency, one.unit, sorted(one.roles)


def _row(one: Concern, voice: Voice) -> Row:
    return Row(
        way=one.way,
        how=_(_WAYS[one.way]),
        who=_people(one, voice),
        cameras=", ".join(voice.cameras.get(camera, camera) for camera in sorted(one.cameras)),
        what=doing(one.acts, voice),
    )


def _people(one: Concern, voice: Voice) -> str:
    name = voice.agencies.get(one.agency, one.agency)
    if one.roles == frozenset({NO_ROLE}):
        return _("%(agency)s: everybody else", agency=name)
    roles = ", ".join(_("others") if role == NO_ROLE else voice.translate(role) for role in sorted(one.roles))
    where = _("%(agency)s, unit %(unit)s", agency=name, unit=one.unit) if one.unit else name
    return f"{where}: {roles}" if roles else where


def _views(effect: Effect) -> list[str]:
    said = [] if effect.replayed is None else [_past(effect.replayed)]
    if effect.ending:
        said.append(
            ngettext(
                "%(num)d view that runs right now would end.",
                "%(num)d views that run right now would end.",
                effect.ending,
            )
        )
    return said


def _past(past: Replayed) -> str:
    days = ngettext("the last day", "the last %(num)d days", past.days)
    if past.made == 0:
        return _("Nobody watched or received anything in %(days)s.", days=days)
    refused = ngettext(
        "%(num)d view that happened would have been refused",
        "%(num)d views that happened would have been refused",
        past.refused,
    )
    allowed = ngettext(
        "%(num)d that was refused would have happened", "%(num)d that were refused would have happened", past.allowed
    )
    said = _("In %(days)s: %(refused)s, %(allowed)s.", days=days, refused=refused, allowed=allowed)
    if not past.withheld:
        return said
    withheld = ngettext(
        "%(num)d recording that was handed over would not have been.",
        "%(num)d recordings that were handed over would not have been.",
        past.withheld,
    )
    return f"{said} {withheld}"


def _odd(one: Finding, policy: Policy, voice: Voice) -> str:
    rule = next(rule for rule in policy.rules if rule.id == one.rule)
    said = next(iter(say_rules(policy, [rule], voice)), one.rule)
    if rule.effect is RuleEffect.DENY:
        return _("This stops nothing that is not refused anyway: “%(said)s”", said=said)
    match one.what:
        case Oddity.NEVER_MATCHES:
            return _("This can never happen: “%(said)s”", said=said)
        case Oddity.FORBIDDEN:
            return _("The city's ordinance forbids all of this: “%(said)s”", said=said)
        case Oddity.CONTRADICTED:
            return _("Another answer of yours forbids all of this: “%(said)s”", said=said)
        case Oddity.SHADOWED | Oddity.REDUNDANT:
            return _("This adds nothing, for another answer gives it already: “%(said)s”", said=said)


def _missing(effect: Effect) -> list[str]:
    said = []
    if effect.difference is not None and effect.concerns is None:
        said.append(_("Who gains and who loses could not be listed in time."))
    if effect.difference is not None and effect.oddities is None:
        said.append(_("Whether some of your answers do nothing could not be worked out in time."))
    return said
