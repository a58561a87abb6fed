"""A policy said back in plain words, from its rules and from nothing else, so that what is read is what is enforced.

Each allow rule is one sentence; so is each deny. `say_change` says what a new document adds and takes away. The texts
here are English; in another tongue (`policies.voice`, `policies.spanish`) the same sentences come in the same order,
each text exchanged for its own. Names of cameras and agencies go through the caller's table: a document holds ids only.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from policies import hours
from policies.model import Policy
from policies.narrowing import Reason, Widening, compare
from policies.parts import CLIP_S_PER_DAY, LIVE_S_PER_DAY, Rule, Terms, Window, radius_m
from policies.vocabulary import LIVE_ACTS, VIEWERS, Act, Condition, Effect, Notify, Origin, Purpose
from policies.voice import Voice

FEET_PER_M: Final = 3.28084
MILE_M: Final = 1_590  # 1,600 m is "1 mile"
WHOLE_LINES: Final = 2160  # no camera of ours sends more
BLOCK_M: Final = 100.0  # a city block, as people count them
_CAMERAS: Final = "\0"  # stands for names in a sentence whose cameras are not chosen yet; no name holds it
_VOWELS: Final = frozenset("aeiou")
_SERVICES: Final[Mapping[str, str]] = {"fire": "fire service", "ems": "medical service"}
# act, how it is said first in a sentence, and how after another act has named the cameras
_PHRASES: Final[tuple[tuple[Act, str, str], ...]] = (
    (Act.REGISTRY_VIEW, "see {cameras} on the map", "see it on the map"),
    (Act.LIVE_VIEW, "watch {cameras} live", "watch live"),
    (Act.LIVE_AUDIO, "listen live at {cameras}", "listen"),
    (Act.PTZ_MOVE, "move {cameras}", "move the camera"),
    (Act.STILL_TAKE, "take stills of {cameras}", "take stills"),
    (Act.RECORDED_VIEW, "play recordings of {cameras}", "play recordings"),
    (Act.CLIP_REQUEST, "ask you for clips of {cameras}", "ask you for clips"),
    (Act.CLIP_FETCH, "receive clips of {cameras}", "receive clips"),
    (Act.PRESERVE_PLACE, "keep recordings of {cameras} from being overwritten", "keep them from being overwritten"),
    (Act.SHARE_FORWARD, "hand pictures of {cameras} on to other agencies", "hand them on to other agencies"),
)


@dataclass(frozen=True, slots=True)
class Change:
    """One sentence of a change: `more` is shared, `less`, or something `other` that needs the owner."""

    kind: str
    sentence: str


def say(policy: Policy, voice: Voice) -> list[str]:
    """The policy as a list of sentences: one for each rule, then what they have in common, then what is not shared."""
    sentences = say_rules(policy, policy.rules, voice)
    allows = [rule for rule in policy.rules if rule.effect is Effect.ALLOW]
    shared = {name for rule in allows for name in policy.members_by_scope[rule.scope]}
    silent = _names([camera.id for camera in policy.cameras if camera.id not in shared], voice)
    if silent:
        sentences.append(voice.translate("Nothing is shared from {cameras}.").format(cameras=silent))
    if not policy.cameras:
        sentences.append(voice.translate("No camera is shared."))
    if allows and not _has_usual_totals(policy):
        sentences.append(_totals(policy, voice))
    return _unique(sentences)


def say_rules(policy: Policy, rules: Iterable[Rule], voice: Voice) -> list[str]:
    """Some rules of a policy: one sentence for each that speaks of a camera, then what they have in common."""
    spoken = [rule for rule in rules if policy.members_by_scope[rule.scope]]
    allows = [rule for rule in spoken if rule.effect is Effect.ALLOW]
    common = _common([(policy, rule) for rule in allows])
    cameras = {rule.id: _names(sorted(policy.members_by_scope[rule.scope]), voice) for rule in spoken}
    sentences = [_sentence(policy, rule, cameras[rule.id], common, voice) for rule in spoken]
    if allows and common.purposes:
        text = voice.translate("All of this only for {purposes}.")
        sentences.append(text.format(purposes=_purposes(allows[0], voice)))
    told = [rule for rule in allows if _is_told(rule)]
    if told and common.notify:
        sentences.append(_told(policy.terms_by_id[told[0].terms], voice))
    return _unique(sentences)


@dataclass(frozen=True, slots=True)
class _Common:
    """What every rule has in common and is therefore said once, at the end."""

    purposes: bool
    notify: bool


def say_change(old: Policy | None, new: Policy, voice: Voice) -> list[Change]:
    """What changes from `old` (None: nothing was shared) to `new`: each sentence for the cameras it is new for."""
    if old is None:
        named = [voice.translate("Passkeys are named that may approve sharing more.")] if new.owners else []
        return [Change("more", sentence) for sentence in [*say(new, voice), *named]]
    common = _common([(one, rule) for one in (old, new) for rule in one.rules if rule.effect is Effect.ALLOW])
    before, after = _by_sentence(old, common, voice), _by_sentence(new, common, voice)
    changes = [Change("more", sentence) for sentence in _beyond(after, before, voice)]
    changes += [Change("less", sentence) for sentence in _beyond(before, after, voice)]
    if _has_less(new, old):
        changes.append(Change("less", _totals(new, voice)))
    elif _has_less(old, new):
        changes.append(Change("more", _totals(new, voice)))
    reasons = compare(old, new).reasons
    return changes + [Change("other", text) for text in _unique(_reason(reason, voice) for reason in reasons) if text]


def _common(rules: list[tuple[Policy, Rule]]) -> _Common:
    """What all of these allow rules agree on, so that no sentence has to say it."""
    told = {policy.terms_by_id[rule.terms].notify for policy, rule in rules if _is_told(rule)}
    return _Common(purposes=len({rule.purposes for _, rule in rules}) == 1, notify=len(told) == 1)


def _by_sentence(policy: Policy, common: _Common, voice: Voice) -> dict[str, frozenset[str]]:
    """The cameras that each sentence speaks of; `_CAMERAS` stands in it for their names."""
    said: dict[str, frozenset[str]] = {}
    for rule in policy.rules:
        sentence = _sentence(policy, rule, _CAMERAS, common, voice)
        said[sentence] = said.get(sentence, frozenset()) | policy.members_by_scope[rule.scope]
    return said


def _beyond(some: Mapping[str, frozenset[str]], others: Mapping[str, frozenset[str]], voice: Voice) -> Iterator[str]:
    """What `some` say of cameras of which the `others` do not say it."""
    for sentence, cameras in some.items():
        if left := cameras - others.get(sentence, frozenset()):
            yield sentence.replace(_CAMERAS, _names(sorted(left), voice))


def distance(metres: int, voice: Voice) -> str:
    """A distance as people say it: "1,000 ft, about 3 blocks", or metres."""
    if voice.is_metric:
        return f"{metres / 1000:g} km" if metres >= 1000 else f"{metres} m"
    if metres >= MILE_M:
        miles = f"{metres / MILE_M:.1f}".removesuffix(".0")
        return voice.translate("1 mile" if miles == "1" else "{miles} miles").format(miles=miles)
    feet, blocks = max(100, round(metres * FEET_PER_M / 100) * 100), round(metres / BLOCK_M)
    text = "{feet} ft, about {blocks} blocks" if blocks > 1 else "{feet} ft"
    return voice.translate(text).format(feet=f"{feet:,}", blocks=blocks)


def duration(seconds: int, voice: Voice) -> str:
    """A length of time in its largest whole unit."""
    for size, text in ((86_400, "{n} days"), (3600, "{n} hours"), (60, "{n} minutes")):
        if seconds >= 2 * size and seconds % size == 0:
            return voice.translate(text).format(n=seconds // size)
    return voice.translate("{n} seconds").format(n=seconds)


def _sentence(policy: Policy, rule: Rule, cameras: str, common: _Common, voice: Voice) -> str:
    who, what = _who(policy, rule, voice), _acts(rule.acts, cameras, voice)
    is_many = rule.grantee.startswith("any") and len(policy.envelope.agencies) > 1
    details = [_condition(rule, voice), _hours(policy.window_by_id.get(rule.window), voice), _dates(rule, voice)]
    reasons = voice.translate("for {purposes}").format(purposes=_purposes(rule, voice))
    if rule.effect is Effect.DENY:
        if rule.acts == frozenset(Act) and rule.purposes == frozenset(Purpose):
            text = voice.translate("{who} gets nothing from {cameras}, ever{details}.", is_many=is_many)
            return text.format(who=who, cameras=cameras, details=_join(details))
        text = voice.translate("{who} can never {what}{details}.", is_many=is_many)
        return text.format(who=who, what=what, details=_join([*details, reasons]))
    terms = policy.terms_by_id[rule.terms]
    details += [*_limits(rule, terms, voice), "" if common.purposes else reasons]
    sentence = voice.translate("{who} can {what}{details}.", is_many=is_many).format(
        who=who, what=what, details=_join(details)
    )
    return sentence if common.notify or not _is_told(rule) else f"{sentence} {_told(terms, voice)}"


def _names(cameras: list[str], voice: Voice) -> str:
    return voice.listed([voice.cameras.get(name, name) for name in cameras])


def _who(policy: Policy, rule: Rule, voice: Voice) -> str:
    kind, _, name = rule.grantee.partition(":")
    agency, _, part = name.partition("/")
    if kind == "any":
        parties = [voice.agencies.get(party, party) for party in sorted(policy.envelope.agencies)]
        return voice.listed(parties) if parties else voice.translate("Every agency of your agreement")
    unnamed = voice.translate("The agency of your agreement")  # a site knows agencies by their ids alone
    one = "An {part} of {agency}" if part[:1] in _VOWELS else "A {part} of {agency}"
    texts = {"agency": "{agency}", "unit": "The unit {part} of {agency}", "role": one}
    if kind == "role" and part in VIEWERS:
        texts["role"] = "{agency}, {part}"
    # a role is one of our words, a unit is a name
    word = _SERVICES.get(part, part.replace("_", " "))
    said = voice.translate(word) if kind == "role" else part
    return voice.translate(texts[kind]).format(agency=voice.agencies.get(agency, unnamed), part=said)


def doing(acts: frozenset[Act], voice: Voice, cameras: str = "") -> str:
    """What acts let somebody do: with these cameras, or where the cameras are named beside it."""
    if cameras:
        return _acts(acts, cameras, voice)
    return voice.listed([voice.translate(later) for act, _, later in _PHRASES if act in acts])


def _acts(acts: frozenset[Act], cameras: str, voice: Voice) -> str:
    phrases = [(first, later) for act, first, later in _PHRASES if act in acts]
    said = [voice.translate(later if index else first) for index, (first, later) in enumerate(phrases)]
    return voice.listed(said).format(cameras=cameras)


def _condition(rule: Rule, voice: Voice) -> str:
    said = voice.translate
    match rule.condition:
        case Condition.ALWAYS:
            return ""
        case Condition.ASK:
            return said("only when you say yes, each time")
        case Condition.PANIC:
            return said("only while the alarm button of this site is on")
        case Condition.TWO_PERSONS:
            return said("only as emergency access by two people")
        case _:
            return _incident(rule, voice)


def _incident(rule: Rule, voice: Voice) -> str:
    said = voice.translate
    metres = radius_m(rule.condition)
    text = said("only for an incident nearby, within {distance}") if metres else said("only for an incident anywhere")
    parts = [text.format(distance=distance(metres or 0, voice))]
    parts.append(_origins(rule, voice))
    if rule.is_moving:
        parts.append(said("also one that moves towards you"))
    return ", ".join(parts)


_ORIGINS: Final[Mapping[Origin, str]] = {
    Origin.CAD: "called in to the 911 centre",
    Origin.ALERT: "reported by an alarm or a sensor",
    Origin.HAND: "opened by an operator",
    Origin.PLANNED: "planned as an event",
}


def _origins(rule: Rule, voice: Voice) -> str:
    """Whose word for an incident counts."""
    if rule.origins == frozenset(Origin):
        return voice.translate("also one that an operator opened")
    named = [voice.translate(text) for origin, text in _ORIGINS.items() if origin in rule.origins]
    return voice.translate(" or ").join(named)


def _hours(window: Window | None, voice: Voice) -> str:
    if window is None or window.spans == hours.ALL_WEEK:
        return ""
    by_time: dict[tuple[int, int], list[int]] = {}
    for start, end in window.spans:
        day = start // hours.DAY_MIN
        by_time.setdefault((start - day * hours.DAY_MIN, end - day * hours.DAY_MIN), []).append(day)
    spans = [f"{_days(days, voice)} {_clock(start)}–{_clock(end)}" for (start, end), days in by_time.items()]
    return f"{voice.listed(spans)} ({window.zone.rpartition('/')[2].replace('_', ' ')})"


def _days(days: list[int], voice: Voice) -> str:
    names = [voice.translate(name) for name in ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")]
    if len(days) > 2 and days == list(range(days[0], days[-1] + 1)):
        return f"{names[days[0]]}–{names[days[-1]]}"
    return ", ".join(names[day] for day in days)


def _clock(minute: int) -> str:
    days, rest = divmod(minute, hours.DAY_MIN)
    if days and not rest:
        return "24:00" if days == 1 else f"24:00 +{days - 1}d"
    return f"{rest // 60:02d}:{rest % 60:02d}" + (f" +{days}d" if days else "")


def _dates(rule: Rule, voice: Voice) -> str:
    said = voice.translate
    low = "" if rule.from_ms is None else said("from {date}").format(date=_date(rule.from_ms, voice))
    high = "" if rule.until_ms is None else said("until {date}").format(date=_date(rule.until_ms, voice))
    return f"{low} {high}".strip()


def _date(moment_ms: int, voice: Voice) -> str:
    return datetime.fromtimestamp(moment_ms / 1000, ZoneInfo(voice.zone)).strftime("%Y-%m-%d %H:%M %Z")


_PURPOSES: Final[Mapping[Purpose, str]] = {
    Purpose.LIFE_SAFETY: "danger to life",
    Purpose.VIOLENT_CRIME: "violent crime",
    Purpose.PROPERTY_CRIME: "burglary and theft",
    Purpose.TRAFFIC: "traffic",
    Purpose.MISSING_PERSON: "missing people",
    Purpose.FIRE: "fire",
    Purpose.MEDICAL: "medical emergencies",
    Purpose.DISASTER: "storms and dangerous substances",
    Purpose.PUBLIC_EVENT: "public events",
    Purpose.INVESTIGATION: "investigations",
    Purpose.IMMIGRATION: "immigration enforcement",
    Purpose.PROTEST_MONITORING: "watching protest",
    Purpose.HEALTH_CARE_SEEKING: "following who seeks health care",
}


def purpose(word: Purpose, voice: Voice) -> str:
    """A purpose as people say it."""
    return voice.translate(_PURPOSES[word])


def _purposes(rule: Rule, voice: Voice) -> str:
    return voice.listed([purpose(word, voice) for word in Purpose if word in rule.purposes])


def _limits(rule: Rule, terms: Terms, voice: Voice) -> list[str]:
    said = voice.translate
    found = []
    if Act.LIVE_VIEW in rule.acts:
        found.append(said("at most {time} at a time").format(time=duration(terms.session_s, voice)))
        if terms.height_lines < WHOLE_LINES:
            found.append(said("pictures at most {n} lines high").format(n=terms.height_lines))
    if rule.acts & {Act.RECORDED_VIEW, Act.CLIP_FETCH, Act.CLIP_REQUEST}:
        text = said("at most {time} of recording, not older than {age}")
        found.append(text.format(time=duration(terms.clip_s, voice), age=duration(terms.look_back_s, voice)))
        if terms.around_s is not None:
            text = said("not more than {time} before or after the incident was opened")
            found.append(text.format(time=duration(terms.around_s, voice)))
        if terms.history_from_ms:
            found.append(said("nothing recorded before {date}").format(date=_date(terms.history_from_ms, voice)))
    if Act.PRESERVE_PLACE in rule.acts:
        found.append(said("for at most {time}").format(time=duration(terms.hold_s, voice)))
    if terms.masks and rule.acts & LIVE_ACTS:
        text = said("live only with {n} areas black that are drawn on site, and not at all until they are")
        found.append(text.format(n=len(terms.masks)))
    if terms.masks and Act.RECORDED_VIEW in rule.acts:
        text = said(
            "recordings watched only with {n} areas black that are drawn on site, and not at all until they are"
        )
        found.append(text.format(n=len(terms.masks)))
    if terms.masks and rule.acts & {Act.CLIP_REQUEST, Act.CLIP_FETCH}:
        text = said("recordings as a file only as far as you say on site that they may go without the {n} masked areas")
        found.append(text.format(n=len(terms.masks)))
    return found


def _is_told(rule: Rule) -> bool:
    """Whether the owner hears of it: looking at the map is no use of a camera."""
    return rule.acts != frozenset({Act.REGISTRY_VIEW})


def _told(terms: Terms, voice: Voice) -> str:
    return voice.translate("You are told each time." if terms.notify is Notify.NOW else "You are told once a day.")


_REASONS: Final[Mapping[Widening, str]] = {
    Widening.PARTNER: "The site would belong to another organisation.",
    Widening.AGREEMENT: "The agreement changes.",
    Widening.OWNERS: "Who may approve changes is changed.",
    Widening.ANSWERERS: "Who may answer requests, and nothing else, is changed.",
    Widening.HOLD: "The waiting time before a change counts becomes shorter.",
    Widening.GUARDRAIL: "The city's ordinance pack changes.",
    Widening.ENVELOPE: "The agreement covers more, or longer.",
    Widening.TOTALS: "The limits for the whole site are raised.",
    Widening.CAMERA_ADDED: "A camera is added: {name}.",
    Widening.CAMERA_CHANGED: "The place of a camera changes: {name}.",
    Widening.TAG_REMOVED: "A camera loses a protection, such as “people live here”: {name}.",
    Widening.ALLOW: "",  # said by the sentence of the rule itself
    Widening.DENY: "",
    Widening.OBLIGATION: "In some cases you are told later, or a mask or watermark is left out.",
}


def _reason(reason: Reason, voice: Voice) -> str:
    text = _REASONS[reason.what]
    return voice.translate(text).format(name=voice.cameras.get(reason.subject, reason.subject)) if text else ""


def _has_usual_totals(policy: Policy) -> bool:
    return (policy.totals.live_s_per_day, policy.totals.clip_s_per_day) == (LIVE_S_PER_DAY, CLIP_S_PER_DAY)


def _has_less(policy: Policy, other: Policy) -> bool:
    """Whether a policy gives less within a day than another, of anything."""
    mine, theirs = policy.totals, other.totals
    return mine.live_s_per_day < theirs.live_s_per_day or mine.clip_s_per_day < theirs.clip_s_per_day


def _totals(policy: Policy, voice: Voice) -> str:
    live, clips = duration(policy.totals.live_s_per_day, voice), duration(policy.totals.clip_s_per_day, voice)
    text = voice.translate("Within 24 hours, all looks together: at most {live} live and {clips} of recordings.")
    return text.format(live=live, clips=clips)


def _join(parts: Iterable[str]) -> str:
    return "".join(f", {part}" for part in parts if part)


def _unique(items: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(items))
