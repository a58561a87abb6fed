"""The owner's answers in plain words, and the rules they stand for.

Three questions (live, recordings, where my cameras are), each with a closed list of answers, for some cameras, agencies
and purposes, in a weekly window, until an end date. Clauses are sugar: a document holds only what `expand` makes of
them. Switching a camera off is leaving it out of every clause.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Final

from policies import hours, parts
from policies.fields import Fields, PolicyError
from policies.model import Policy
from policies.parts import ALWAYS, Group, Rule, Terms, Window
from policies.reach import Reach, demand_reach, reached, read_label
from policies.vocabulary import RANGE_ACTS, Act, Condition, Effect, Notify, Origin, Purpose

HOLD_S: Final = 72 * 3600  # "keep footage from being overwritten for 72 h while I decide"
RADII_M: Final = (300, 600, 900, 1600)
DEFAULT_RADIUS_M: Final = 600
VIEW_S: Final = 1800
CLIP_S: Final = 3600
AROUND_S: Final = 3600  # recordings "around an incident": an hour before to an hour after it was opened
LOOK_BACK_S: Final = 7 * 24 * 3600
HEIGHT_LINES: Final = 2160
MAX_CLAUSES: Final = 32
ORDINARY_PURPOSES: Final = frozenset(Purpose) - {
    Purpose.IMMIGRATION,
    Purpose.PROTEST_MONITORING,
    Purpose.HEALTH_CARE_SEEKING,
}


class Live(StrEnum):
    """Who may watch live, and when."""

    NEVER = "never"
    ASK = "ask"
    NEARBY = "nearby"
    ALWAYS = "always"


class Recordings(StrEnum):
    """Who may have recordings, and when."""

    NEVER = "never"
    ASK = "ask"
    NEARBY = "nearby"
    ALWAYS = "always"


class Where(StrEnum):
    """Whether operators know that the camera is there."""

    NEARBY = "nearby"
    SHOWN = "shown"


class Preset(StrEnum):
    """Four ready answers."""

    LIST_ONLY = "list_only"
    ASK_ME = "ask_me"
    EMERGENCIES = "emergencies"
    OPEN = "open"


DEFAULT_PRESET: Final = Preset.EMERGENCIES
PRESETS: Final[Mapping[Preset, tuple[Live, Recordings]]] = {
    Preset.LIST_ONLY: (Live.NEVER, Recordings.NEVER),
    Preset.ASK_ME: (Live.ASK, Recordings.ASK),
    Preset.EMERGENCIES: (Live.NEARBY, Recordings.ASK),
    Preset.OPEN: (Live.ALWAYS, Recordings.ALWAYS),
}


@dataclass(frozen=True, slots=True)
class Clause:
    """One set of answers.

    Attributes:
        cameras: whom it speaks of; a camera may stand in several clauses.
        radius_m: what "nearby" means.
        agencies: empty means every agency of the agreement.
        zone: with `spans`: the weekly window of live and recordings; without a zone there is none.
        until_ms: the clause ends then, or None.
        by_hand: incidents of every origin count, whatever `origins` says.
        origins: whose word for an incident counts; calls of the 911 centre alone where nothing else was said.
        is_moving: also when an incident moves towards the camera.
        hold: recordings may be kept from being overwritten while the owner decides.
        named: units and roles (`unit:agency/unit`, `role:agency/role`) that the clause is for, besides `agencies`.
        excluded: agencies, units and roles that get nothing from these cameras, whatever any clause says.
        on_panic: live also while the alarm button of the site is on.
        emergency: live and recordings also as emergency access by two persons.
        session_s: seconds of one live view; `clip_s` of one recording, which is at most `look_back_s` old.
        history_from_ms: nothing recorded before this; the moment of saving gives "only from now on".
        live_s_per_day, clip_s_per_day: what the whole site gives within 24 hours; of several clauses the least counts.
        reach, labels: which cameras it speaks of besides `cameras`; `over` names them, `expand` wants them named.
        without: cameras that it does not speak of, however it would reach them: those switched off; never written.
    """

    cameras: frozenset[str]
    live: Live
    recordings: Recordings
    where: Where
    radius_m: int = DEFAULT_RADIUS_M
    agencies: frozenset[str] = frozenset()
    purposes: frozenset[Purpose] = ORDINARY_PURPOSES
    zone: str = ""
    spans: hours.Spans = ()
    until_ms: int | None = None
    by_hand: bool = False
    is_moving: bool = False
    hold: bool = True
    audio: bool = False
    ptz: bool = False
    masks: frozenset[str] = frozenset()
    notify: Notify = Notify.NOW
    named: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()
    on_panic: bool = False
    emergency: bool = False
    session_s: int = VIEW_S
    clip_s: int = CLIP_S
    look_back_s: int = LOOK_BACK_S
    height_lines: int = HEIGHT_LINES
    history_from_ms: int = 0
    origins: frozenset[Origin] = frozenset({Origin.CAD})
    live_s_per_day: int = parts.LIVE_S_PER_DAY
    clip_s_per_day: int = parts.CLIP_S_PER_DAY
    reach: Reach = Reach.NAMED
    labels: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not self.purposes:
            raise PolicyError("purposes", "choose at least one purpose")
        if not self.origins:
            raise PolicyError("origins", "choose at least one kind of incident that counts")
        if not 0 < self.radius_m <= parts.MAX_RADIUS_M:
            raise PolicyError("radius_m", f"must be from 1 to {parts.MAX_RADIUS_M} metres")
        if bool(self.zone) != bool(self.spans):
            raise PolicyError("spans", "a weekly window needs its hours and its time zone")
        if self.zone and (not hours.is_zone(self.zone) or self.spans != hours.normal(list(self.spans))):
            raise PolicyError("zone", "must be an IANA time zone, with spans sorted and merged")
        demand_reach(self.reach, self.labels, self.cameras)

    def to_json(self) -> object:
        """The written form; `read_clause` reads it."""
        written = {item.name: parts.plain(getattr(self, item.name)) for item in fields(self) if item.name != "without"}
        return {name: value for name, value in written.items() if name not in _UNSAID or value != _UNSAID[name]}

    @property
    def is_about_any(self) -> bool:
        """Whether it may speak of a camera at all."""
        return bool(self.cameras or self.labels) or self.reach is not Reach.NAMED

    def over(self, cameras: Mapping[str, Collection[str]]) -> "Clause":
        """The same answer with every camera named that it speaks of; `cameras`: of the place, each with its labels."""
        found = reached(self.reach, self.labels, named=self.cameras, without=self.without, cameras=cameras)
        return replace(self, cameras=found, reach=Reach.NAMED, labels=frozenset(), without=frozenset())

    @property
    def preset(self) -> Preset | None:
        """The preset whose answers these are, if any."""
        return next((name for name, answers in PRESETS.items() if answers == (self.live, self.recordings)), None)


def of_preset(preset: Preset, cameras: frozenset[str], *, is_home: bool) -> Clause:
    """The answers of a preset; where people live, cameras are shown only during an incident nearby."""
    live, recordings = PRESETS[preset]
    return Clause(cameras, live, recordings, Where.NEARBY if is_home else Where.SHOWN)


def read_clause(value: object, path: str) -> Clause:
    """One clause from its written form.

    Raises:
        PolicyError: a field is missing, unknown or wrong.
    """
    read = Fields({**_LATER, **value} if isinstance(value, Mapping) else value, path)
    spans = parts.read_spans(read, "spans") if read.raw("spans") else ()
    return read.done(
        Clause(
            cameras=read.names("cameras"),
            live=read.word("live", Live),
            recordings=read.word("recordings", Recordings),
            where=read.word("where", Where),
            radius_m=read.whole("radius_m", 1, parts.MAX_RADIUS_M),
            agencies=read.names("agencies"),
            purposes=read.words("purposes", Purpose),
            zone=read.text("zone", 64),
            spans=spans,
            until_ms=read.whole_or_none("until_ms"),
            by_hand=read.flag("by_hand"),
            is_moving=read.flag("is_moving"),
            hold=read.flag("hold"),
            audio=read.flag("audio"),
            ptz=read.flag("ptz"),
            masks=read.names("masks"),
            notify=read.word("notify", Notify),
            named=frozenset(read.ordered("named", parts.as_grantee)),
            excluded=frozenset(read.ordered("excluded", parts.as_grantee)),
            on_panic=read.flag("on_panic"),
            emergency=read.flag("emergency"),
            session_s=read.whole("session_s", 1, parts.MAX_SESSION_S),
            clip_s=read.whole("clip_s", 1, parts.MAX_CLIP_S),
            look_back_s=read.whole("look_back_s", 1, parts.MAX_LOOK_BACK_S),
            height_lines=read.whole("height_lines", 1, parts.MAX_LINES),
            history_from_ms=read.whole("history_from_ms"),
            origins=read.words("origins", Origin),
            live_s_per_day=read.whole("live_s_per_day", 1, parts.MAX_PER_DAY_S),
            clip_s_per_day=read.whole("clip_s_per_day", 1, parts.MAX_PER_DAY_S),
            reach=read.word("reach", Reach),
            labels=frozenset(read.ordered("labels", read_label)),
        )
    )


# not written where it says nothing, so that a gateway from before reads every answer that it can say
_UNSAID: Final[Mapping[str, object]] = {"reach": Reach.NAMED.value, "labels": []}
# what a clause written before these answers existed says of them
_LATER: Final[Mapping[str, object]] = {
    **_UNSAID,
    "named": [],
    "excluded": [],
    "on_panic": False,
    "emergency": False,
    "session_s": VIEW_S,
    "clip_s": CLIP_S,
    "look_back_s": LOOK_BACK_S,
    "height_lines": HEIGHT_LINES,
    "history_from_ms": 0,
    "origins": [Origin.CAD.value],
    "live_s_per_day": parts.LIVE_S_PER_DAY,
    "clip_s_per_day": parts.CLIP_S_PER_DAY,
}


@dataclass(frozen=True, slots=True)
class Expansion:
    """What clauses stand for: the parts of a policy that they decide.

    Attributes:
        live_s_per_day, clip_s_per_day: the least that any clause says; None where there is no clause.
    """

    groups: tuple[Group, ...]
    windows: tuple[Window, ...]
    terms: tuple[Terms, ...]
    rules: tuple[Rule, ...]
    live_s_per_day: int | None = None
    clip_s_per_day: int | None = None

    def into(self, policy: Policy) -> Policy:
        """`policy` with these rules in place of its own."""
        totals = policy.totals
        if self.live_s_per_day is not None and self.clip_s_per_day is not None:
            totals = replace(totals, live_s_per_day=self.live_s_per_day, clip_s_per_day=self.clip_s_per_day)
        return replace(
            policy, groups=self.groups, windows=self.windows, terms=self.terms, rules=self.rules, totals=totals
        )


def expand(clauses: Sequence[Clause]) -> Expansion:
    """The rules that the clauses stand for, in their order; a clause without cameras stands for nothing.

    Raises:
        PolicyError: they are more than one document holds, or one speaks of cameras that it does not name.
    """
    if any(clause.labels or clause.without or clause.reach is not Reach.NAMED for clause in clauses):
        raise PolicyError("clauses", "have to name their cameras first")
    groups: list[Group] = []
    windows: list[Window] = []
    terms: list[Terms] = []
    rules: list[Rule] = []
    spoken = [one for one in clauses if one.cameras]
    for number, clause in enumerate(spoken, start=1):
        groups.append(Group(f"g{number}", clause.cameras))
        if clause.zone:
            windows.append(Window(f"w{number}", clause.zone, clause.spans))
        terms += _terms(clause, number)
        rules += list(_rules(clause, number))
    if len(terms) > parts.MAX_TERMS or len(rules) > parts.MAX_RULES:
        raise PolicyError("clauses", "say more than one document holds; use fewer clauses, or name fewer agencies")
    return Expansion(
        tuple(groups),
        tuple(windows),
        tuple(terms),
        tuple(rules),
        live_s_per_day=min((one.live_s_per_day for one in spoken), default=None),
        clip_s_per_day=min((one.clip_s_per_day for one in spoken), default=None),
    )


def _terms(clause: Clause, number: int) -> tuple[Terms, ...]:
    """The terms of looking, those of recordings, and those of recordings in an emergency where they differ."""
    looking = Terms(
        id=f"t{number}",
        session_s=clause.session_s,
        clip_s=0,
        hold_s=0,
        look_back_s=0,
        around_s=None,
        height_lines=clause.height_lines,
        history_from_ms=0,
        masks=clause.masks,
        watermark=True,
        notify=clause.notify,
    )
    recorded = replace(
        looking,
        id=f"r{number}",
        session_s=0,
        clip_s=clause.clip_s,
        hold_s=HOLD_S,
        look_back_s=clause.look_back_s,
        around_s=AROUND_S if clause.recordings is Recordings.NEARBY else None,
        history_from_ms=clause.history_from_ms,
    )
    if clause.emergency and recorded.around_s is not None:
        return looking, recorded, replace(recorded, id=f"e{number}", around_s=None)
    return looking, recorded


def _rules(clause: Clause, number: int) -> Iterator[Rule]:
    near = f"{Condition.NEAR}:{clause.radius_m}"
    sound = frozenset({Act.LIVE_AUDIO} if clause.audio else ()) | frozenset({Act.PTZ_MOVE} if clause.ptz else ())
    fetch = frozenset({Act.RECORDED_VIEW, Act.CLIP_REQUEST, Act.CLIP_FETCH})
    conditions: dict[str, str] = {"never": "", "ask": Condition.ASK, "nearby": near, "always": Condition.ALWAYS}
    where = near if clause.where is Where.NEARBY else str(Condition.ALWAYS)
    wanted = [("where", frozenset({Act.REGISTRY_VIEW}), where)]
    live = frozenset({Act.LIVE_VIEW, Act.STILL_TAKE}) | sound
    wanted.append(("live", live, conditions[clause.live]))
    if clause.recordings is Recordings.ASK:
        wanted.append(("request", frozenset({Act.CLIP_REQUEST}), str(Condition.ALWAYS)))
        wanted.append(("clip", frozenset({Act.RECORDED_VIEW, Act.CLIP_FETCH}), str(Condition.ASK)))
    else:
        wanted.append(("clip", fetch, conditions[clause.recordings]))
    if clause.hold and clause.recordings is not Recordings.NEVER:
        held = near if clause.recordings is Recordings.NEARBY else str(Condition.ALWAYS)
        wanted.append(("hold", frozenset({Act.PRESERVE_PLACE}), held))
    if clause.on_panic:
        wanted.append(("panic", live, str(Condition.PANIC)))
    if clause.emergency:
        wanted.append(("emergency", live, str(Condition.TWO_PERSONS)))
        wanted.append(("evidence", fetch, str(Condition.TWO_PERSONS)))
    yield from _exclusions(clause, number)
    for name, acts, condition in wanted:
        if condition:
            yield from _for_each_grantee(clause, number, name, acts, condition)


def _exclusions(clause: Clause, number: int) -> Iterator[Rule]:
    """A deny of everything for each that is excluded; it wins over every clause."""
    for index, grantee in enumerate(sorted(clause.excluded), start=1):
        yield Rule(
            id=f"c{number}.not.{index}",
            effect=Effect.DENY,
            grantee=grantee,
            scope=f"group:g{number}",
            acts=frozenset(Act),
            purposes=frozenset(Purpose),
            window=ALWAYS,
            condition=Condition.ALWAYS,
            origins=frozenset(),
            is_moving=False,
            from_ms=None,
            until_ms=None,
            terms=parts.NO_TERMS,
        )


def _for_each_grantee(clause: Clause, number: int, name: str, acts: frozenset[Act], condition: str) -> Iterator[Rule]:
    origins = frozenset(Origin) if clause.by_hand else clause.origins
    has_hours = bool(clause.zone) and name not in {"where", "panic", "emergency", "evidence"}
    terms = "t" if acts.isdisjoint(RANGE_ACTS) else "r"
    if name == "evidence" and clause.recordings is Recordings.NEARBY:
        terms = "e"
    grantees = sorted({f"agency:{agency}" for agency in clause.agencies} | clause.named) or ["any"]
    for index, grantee in enumerate(grantees, start=1):
        yield Rule(
            id=f"c{number}.{name}.{index}",
            effect=Effect.ALLOW,
            grantee=grantee,
            scope=f"group:g{number}",
            acts=acts,
            purposes=clause.purposes,
            window=f"w{number}" if has_hours else ALWAYS,
            condition=condition,
            origins=origins,
            is_moving=clause.is_moving,
            from_ms=None,
            until_ms=clause.until_ms,
            terms=f"{terms}{number}",
        )
