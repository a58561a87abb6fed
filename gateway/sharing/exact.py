"""The folded part of the sharing form: to whom exactly, on which conditions, how much, and how the owner is told.

Everything here has an answer already when nobody opens it: every agency of the agreement, no alarm button, no emergency
access, the usual lengths. What is typed is bounded by the agreement, which no answer can go beyond.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from gateway.kernel.phrases import phrase
from gateway.kernel.principal import Role
from gateway.sharing.site_book import Agency
from gateway.web import Form
from partner_agent.wire.clock import from_rfc3339, to_rfc3339
from policies.clauses import CLIP_S, HEIGHT_LINES, LOOK_BACK_S, VIEW_S, Clause
from policies.parts import (
    CLIP_S_PER_DAY,
    DAY_S,
    LIVE_S_PER_DAY,
    MAX_CLIP_S,
    MAX_LINES,
    MAX_LOOK_BACK_S,
    MAX_PER_DAY_S,
    MAX_SESSION_S,
    Envelope,
)
from policies.vocabulary import Notify

ROLES: Final = (
    *(Role.OPERATOR, Role.SUPERVISOR, Role.FIRE, Role.EMS, Role.EMERGENCY_MANAGEMENT, Role.TRANSPORT),
)  # who may look at all, as far as their agency is concerned
HEIGHTS: Final = (480, 720, 1080, HEIGHT_LINES)
MAX_UNITS: Final = 16
_TICKS: Final = ("on_panic", "emergency")
_UNIT: Final = re.compile(r"[a-z0-9_-]{1,32}")
_MINUTE_S: Final = 60
_HOUR_S: Final = 3600


@dataclass(frozen=True, slots=True)
class Choices:
    """What this part of the form can offer at a site.

    Attributes:
        agencies: those of the agreement.
        most: what the agreement allows at most; None before it is accepted.
        areas: what rules call an area that can be black, drawn at the site or named in an answer.
    """

    agencies: tuple[Agency, ...] = ()
    most: Envelope | None = None
    areas: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """Every field of this part."""
        return (*(name for names in self.folds.values() for name in names), "history_from")

    @property
    def folds(self) -> Mapping[str, tuple[str, ...]]:
        """The fields of each fold."""
        who = (name for agency in self.agencies for kind in ("to", "not") for name in _who_fields(kind, agency.id))
        return {
            "who": tuple(who),
            "conditions": _TICKS,
            "caps": (*(one.field for one in _NUMBERS), "height_lines", "from_now"),
            "black": tuple(map(area_field, self.areas)),
            "told": ("notify",),
        }

    @property
    def caps(self) -> list[tuple[str, int]]:
        """The fields of lengths, each with the most the agreement allows in the field's unit."""
        return [(one.field, one.most(self.most)) for one in _CAPS]


@dataclass(frozen=True, slots=True)
class _Cap:
    """A length of time in the form: its field, the clause's attribute, seconds of its unit, what a mistake is told."""

    field: str
    name: str
    unit_s: int
    usual_s: int
    limit_s: int
    wrong: str

    def most(self, envelope: Envelope | None) -> int:
        """In the field's unit, rounded down."""
        agreed = getattr(envelope, self.name, self.limit_s)  # the agreement knows no totals of a day
        return int(min(self.limit_s, agreed) // self.unit_s)


_MINUTES: Final = "Give whole minutes from 1 to %(most)s; the agreement allows no more."
_OF_DAY: Final = "Give whole hours from 1 to %(most)s."
_DAYS: Final = "Give whole days from 1 to %(most)s; the agreement allows no more."
_CAPS: Final = (
    _Cap("session_min", "session_s", _MINUTE_S, VIEW_S, MAX_SESSION_S, _MINUTES),
    _Cap("clip_min", "clip_s", _MINUTE_S, CLIP_S, MAX_CLIP_S, _MINUTES),
    _Cap("look_back_days", "look_back_s", DAY_S, LOOK_BACK_S, MAX_LOOK_BACK_S, _DAYS),
)
_TOTALS: Final = (
    _Cap("live_day_h", "live_s_per_day", _HOUR_S, LIVE_S_PER_DAY, MAX_PER_DAY_S, _OF_DAY),
    _Cap("clip_day_h", "clip_s_per_day", _HOUR_S, CLIP_S_PER_DAY, MAX_PER_DAY_S, _OF_DAY),
)
_NUMBERS: Final = _CAPS + _TOTALS


def values_of_exact(clause: Clause, choices: Choices) -> dict[str, str]:
    """This part of a clause as the form shows it."""
    values = {one.field: f"{getattr(clause, one.name) / one.unit_s:g}" for one in _NUMBERS}
    values |= {"height_lines": str(clause.height_lines), "notify": str(clause.notify)}
    values |= {name: "yes" for name in _TICKS if getattr(clause, name)}
    values |= {area_field(name): "yes" for name in clause.masks if name in choices.areas}
    if clause.history_from_ms:
        values |= {"from_now": "yes", "history_from": _moment(clause.history_from_ms)}
    to = clause.named | {f"agency:{agency}" for agency in clause.agencies}
    for agency in choices.agencies:
        values |= _who_values("to", agency.id, to) | _who_values("not", agency.id, clause.excluded)
    return values


def read_exact(form: Form, choices: Choices, *, now: datetime, kept: Clause | None) -> Mapping[str, Any]:
    """What this part of a form says, by attribute of the clause; what is wrong is said at its field.

    Args:
        form: what was typed.
        choices: what it could say.
        now: "only from now on" begins here, where no earlier save said when.
        kept: the clause there was: grantees of agencies that the form does not offer stay.
    """
    mine = {agency.id for agency in choices.agencies}
    old_to = frozenset[str]() if kept is None else kept.named | {f"agency:{agency}" for agency in kept.agencies}
    to = _read_who(form, "to", choices.agencies) | _of_others(old_to, mine)
    excluded = _read_who(form, "not", choices.agencies)
    excluded |= _of_others(frozenset() if kept is None else kept.excluded, mine)
    found: dict[str, Any] = {one.name: _read_cap(form, one, choices.most, kept) for one in _NUMBERS}
    heights = {str(height) for height in HEIGHTS} | ({str(kept.height_lines)} if kept else set())
    height = form.choice("height_lines", heights) if form.given("height_lines") else str(HEIGHT_LINES)
    notify = form.choice("notify", list(Notify)) if form.given("notify") else str(Notify.NOW)
    return {
        **found,
        **{name: form.is_ticked(name) for name in _TICKS},
        "agencies": frozenset(name.removeprefix("agency:") for name in to if name.startswith("agency:")),
        "named": frozenset(name for name in to if not name.startswith("agency:")),
        "excluded": excluded,
        "height_lines": min(int(height), MAX_LINES) if height.isdecimal() else HEIGHT_LINES,
        "notify": Notify(notify) if notify in set(Notify) else Notify.NOW,
        "history_from_ms": _read_history(form, now),
        "masks": frozenset(name for name in choices.areas if form.is_ticked(area_field(name)))
        | ((kept.masks if kept else frozenset()) - set(choices.areas)),
    }


def area_field(name: str) -> str:
    """The field of an area."""
    return f"black_{name}"


def heights_of(values: Mapping[str, str]) -> Sequence[int]:
    """The heights to choose from: ours, and the one that is there already."""
    known = values.get("height_lines", "")
    return sorted({*HEIGHTS, *([int(known)] if known.isdecimal() and len(known) < 5 else [])}, reverse=True)


def _read_cap(form: Form, cap: _Cap, envelope: Envelope | None, kept: Clause | None) -> int:
    """Seconds; a number that the form itself rounded when it showed it stays what it was."""
    text = form.line(cap.field, most=12, is_required=False)
    if not text:
        return cap.usual_s
    if kept is not None and text == f"{getattr(kept, cap.name) / cap.unit_s:g}":
        return int(getattr(kept, cap.name))
    most = cap.most(envelope)
    if not text.isdecimal() or not 1 <= int(text) <= most:
        form.wrong(cap.field, phrase(cap.wrong, most=f"{most:,}"))
        return cap.usual_s
    return int(text) * cap.unit_s


def _read_history(form: Form, now: datetime) -> int:
    """Milliseconds since 1970 before which nothing is given; 0 for no such moment. The form then carries the moment."""
    if not form.is_ticked("from_now"):
        form.values.pop("history_from", None)
        return 0
    try:
        since = min(from_rfc3339(form.given("history_from")), now)
    except ValueError:
        since = now  # said for the first time
    form.values["history_from"] = to_rfc3339(since)
    return round(since.timestamp() * 1000)


def _moment(moment_ms: int) -> str:
    return to_rfc3339(datetime.fromtimestamp(moment_ms / 1000, UTC))


def _who_fields(kind: str, agency: str) -> tuple[str, ...]:
    return (f"{kind}_{agency}", f"{kind}_units_{agency}", *(f"{kind}_{role}_{agency}" for role in ROLES))


def _who_values(kind: str, agency: str, grantees: Iterable[str]) -> dict[str, str]:
    values, units = {}, []
    for grantee in sorted(grantees):
        what, _, name = grantee.partition(":")
        whose, _, part = name.partition("/")
        if whose == agency and what == "agency":
            values[f"{kind}_{agency}"] = "yes"
        elif whose == agency and what == "unit":
            units.append(part)
        elif whose == agency and part in ROLES:
            values[f"{kind}_{part}_{agency}"] = "yes"
    return values | ({f"{kind}_units_{agency}": ", ".join(units)} if units else {})


def _read_who(form: Form, kind: str, agencies: Iterable[Agency]) -> frozenset[str]:
    found = set()
    for agency in agencies:
        whole, units, *_ = _who_fields(kind, agency.id)
        if form.is_ticked(whole):
            found.add(f"agency:{agency.id}")
        found |= {f"role:{agency.id}/{role}" for role in ROLES if form.is_ticked(f"{kind}_{role}_{agency.id}")}
        found |= {f"unit:{agency.id}/{unit}" for unit in _read_units(form, units)}
    return frozenset(found)


def _read_units(form: Form, name: str) -> list[str]:
    units = [unit.strip() for unit in form.line(name, most=600, is_required=False).split(",") if unit.strip()]
    wrong = next((unit for unit in units if not _UNIT.fullmatch(unit)), None)
    if wrong is not None:
        form.wrong(
            name,
            phrase(
                "“%(wrong)s” is no unit's name. Use small letters, digits and -, with commas: rtcc, patrol-7.",
                wrong=wrong[:40],
            ),
        )
        return []
    if len(units) > MAX_UNITS:
        form.wrong(name, phrase("Name at most %(most)d units.", most=MAX_UNITS))
    return units


def _of_others(grantees: frozenset[str], agencies: set[str]) -> frozenset[str]:
    """Grantees that the form cannot show: of agencies it does not offer, or of roles it does not know."""
    kept = set()
    for grantee in grantees:
        what, _, name = grantee.partition(":")
        whose, _, part = name.partition("/")
        if whose not in agencies or (what == "role" and part not in ROLES):
            kept.add(grantee)
    return frozenset(kept)
