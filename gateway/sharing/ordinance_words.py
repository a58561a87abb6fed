"""An ordinance pack in plain words: each rule as one sentence with its citation, and what a new pack would loosen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.kernel.phrases import Phrase, phrase
from gateway.web import _, reader_s_voice
from policies.guardrail import GuardLimits, Guardrail, GuardRule, age_s
from policies.matching import ANY
from policies.strictness import Loosened
from policies.vocabulary import Act, GuardCondition, Purpose, Rank, Tag, Technology, Who
from policies.words import duration, purpose


@dataclass(frozen=True, slots=True)
class Line:
    """One rule: what it forbids, in a sentence, and where that is written."""

    id: str
    sentence: str
    cite: str


_ACTS: Final[dict[Act, Phrase]] = {
    Act.REGISTRY_VIEW: phrase("seeing cameras on the map"),
    Act.LIVE_VIEW: phrase("watching live"),
    Act.LIVE_AUDIO: phrase("listening"),
    Act.PTZ_MOVE: phrase("moving cameras"),
    Act.STILL_TAKE: phrase("taking stills"),
    Act.RECORDED_VIEW: phrase("playing recordings"),
    Act.CLIP_REQUEST: phrase("asking for recordings"),
    Act.CLIP_FETCH: phrase("receiving recordings"),
    Act.PRESERVE_PLACE: phrase("keeping recordings from being overwritten"),
    Act.SHARE_FORWARD: phrase("handing pictures on"),
}
_TAGS: Final[dict[Tag, Phrase]] = {
    Tag.RESIDENTIAL: phrase("where people live"),
    Tag.PUBLIC_FACING: phrase("on cameras that look at a public place"),
    Tag.INTERIOR: phrase("indoors"),
    Tag.SCHOOL: phrase("in schools"),
    Tag.HEALTH: phrase("in places of care"),
    Tag.WORSHIP: phrase("in places of worship"),
    Tag.TRANSIT: phrase("in transit"),
}
_TECHNOLOGIES: Final[dict[Technology, Phrase]] = {
    Technology.VIDEO: phrase("a person who looks"),
    Technology.PLATE_READING: phrase("plate reading"),
    Technology.FACE_MATCHING: phrase("face recognition"),
    Technology.BIOMETRIC_SEARCH: phrase("other biometric search"),
    Technology.BEHAVIOUR_PREDICTION: phrase("prediction of behaviour"),
}
_CONDITIONS: Final[dict[str, Phrase]] = {
    GuardCondition.ALWAYS: phrase("always"),
    GuardCondition.NO_INCIDENT: phrase("without an incident"),
    GuardCondition.HAND_INCIDENT: phrase("unless the 911 centre, an alarm or a permit confirms an incident"),
    GuardCondition.ONE_PERSON: phrase("until a second person has approved it"),
}
LIMITS: Final[dict[str, Phrase]] = {
    "session_s": phrase("how long one live view lasts"),
    "clip_s": phrase("how long one recording is"),
    "look_back_s": phrase("how old a recording may be"),
    "height_lines": phrase("how sharp the picture is"),
    "watermark": phrase("the viewer's name over the picture"),
    "record_reason": phrase("the reason in writing"),
    "after_action": phrase("a report afterwards"),
    "after_action_days": phrase("when that report is due"),
    "second_person": phrase("the rank of the second person"),
}
_RANKS: Final = {
    Rank.SUPERVISOR: phrase("Where a second person approves, that is a supervisor."),
    Rank.CAPTAIN: phrase("Where a second person approves, that is a captain or higher."),
}


def lines(pack: Guardrail) -> list[Line]:
    """Every rule in words."""
    return [Line(rule.id, say_rule(rule), rule.cite) for rule in pack.rules]


def say_rule(rule: GuardRule) -> str:
    """What one rule forbids."""
    parts = [
        _what(rule),
        _where(rule),
        _who(rule),
        _purposes(rule),
        _technologies(rule),
        _when(rule),
    ]
    said = ", ".join(part for part in parts if part)
    return _("Forbidden: {what}.").format(what=said)


def say_limits(limits: GuardLimits) -> list[str]:
    """What the pack cuts and obliges to."""
    voice = reader_s_voice()
    lengths = [
        (_("One live view lasts at most {much}."), duration(limits.session_s, voice)),
        (_("One recording is at most {much}."), duration(limits.clip_s, voice)),
        (_("No recording is older than {much}."), duration(limits.look_back_s, voice)),
        (_("The picture is at most {much} lines high."), str(limits.height_lines)),
    ]
    said = [text.format(much=much) for text, much in lengths]
    said += [_("The viewer's name is laid over the picture.")] if limits.watermark else []
    said += [_("The reason is recorded.")] if limits.record_reason else []
    if limits.after_action_days:
        said.append(_("A report is due within {n} days.").format(n=limits.after_action_days))
    elif limits.after_action:
        said.append(_("A report is due afterwards."))
    return said if limits.second_person is None else [*said, _(_RANKS[limits.second_person])]


def say_loosened(found: Sequence[Loosened]) -> list[str]:
    """What a new pack would no longer forbid, or limit less."""
    texts = []
    for one in found:
        if one.rule is not None:
            texts.append(_("No longer {rule} ({cite})").format(rule=_lowered(say_rule(one.rule)), cite=one.rule.cite))
        else:
            texts.append(_("Less strict: {limit}.").format(limit=_(LIMITS[one.limit])))
    return texts


def say_added(found: Sequence[Loosened]) -> list[str]:
    """What a new pack forbids or limits beyond the old one, of what going back would loosen."""
    texts = []
    for one in found:
        if one.rule is not None:
            texts.append(f"{say_rule(one.rule)} ({one.rule.cite})")
        else:
            texts.append(_("Stricter: {limit}.").format(limit=_(LIMITS[one.limit])))
    return texts


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _where(rule: GuardRule) -> str:
    return "" if rule.scope == ANY else _(_TAGS[Tag(rule.scope.partition(":")[2])])


def _who(rule: GuardRule) -> str:
    kind, __, role = rule.who.partition(":")
    if rule.who == Who.ON_BEHALF:
        return _("by anybody who acts for another agency")
    return _("by the role {role}").format(role=role.replace("_", " ")) if kind == "role" else ""


def _what(rule: GuardRule) -> str:
    if rule.acts == frozenset(Act):
        return _("Everything")
    return reader_s_voice().listed([_(_ACTS[act]) for act in Act if act in rule.acts])


def _purposes(rule: GuardRule) -> str:
    if ANY in rule.purposes:
        return ""
    voice = reader_s_voice()
    named = voice.listed([purpose(word, voice) for word in Purpose if word in rule.purposes])
    return _("for {purposes}").format(purposes=named)


def _technologies(rule: GuardRule) -> str:
    if ANY in rule.technologies:
        return ""
    named = reader_s_voice().listed([_(text) for word, text in _TECHNOLOGIES.items() if word in rule.technologies])
    return _("by {technologies}").format(technologies=named)


def _when(rule: GuardRule) -> str:
    seconds = age_s(rule.condition)
    if seconds is None:
        return _(_CONDITIONS[rule.condition])
    much = duration(seconds, reader_s_voice())
    return _("without an incident, or more than {much} after it was opened").format(much=much)
