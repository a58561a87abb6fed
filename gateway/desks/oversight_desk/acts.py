"""Acts of looking as compliance reads them: one line per view or request, made of the log's entries. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.audit import Decision, Entry, Kind, ProofState
from gateway.web import _
from policies.vocabulary import Act as LawAct

# What a line says, by the kind of the entry that began it; the order is that of the filter.
WHAT: Final[Mapping[str, str]] = {
    Kind.VIEW_REQUESTED: "Live view",
    Kind.VIEW_DENIED: "Live view",
    Kind.STILL_TAKEN: "Still picture",
    Kind.STILL_READ: "Still picture opened",
    Kind.PHONE_LINK_MADE: "Sent to a phone",
    Kind.CLIP_REQUESTED: "Recording asked for",
    Kind.CLIP_DENIED: "Recording asked for",
    Kind.CLIP_DOWNLOADED: "Recording downloaded",
    Kind.PACKAGE_DOWNLOADED: "Evidence package downloaded",
}
GROUNDS: Final[Mapping[str, str]] = {
    "two_persons": "emergency access by two people",
    "panic": "the site's alarm button",
}
# How a view went on, by later entries of its session: the first of these that is there is what counts.
OUTCOMES: Final[Mapping[str, str]] = {
    Kind.SESSION_STOPPED: "Stopped by a supervisor",
    Kind.VIEW_ENDED: "Ended",
    Kind.VIEW_INTERRUPTED: "Interrupted",
    Kind.VIEW_REFUSED: "Refused by the site",
    Kind.VIEW_FAILED: "Could not start",
    Kind.STILL_TAKEN: "Handed over",
    Kind.VIEW_STARTED: "Live now",
    Kind.VIEW_ACCEPTED: "Starting",
}
# Which entry says how long, the surest first: the site counts what left it.
_SECONDS: Final = (Kind.VIEW_ACCOUNTED, Kind.RECORDING_SHOWN, Kind.VIEW_INTERRUPTED, Kind.VIEW_ENDED)
LATER: Final = frozenset({*OUTCOMES, *_SECONDS})
# Instead of a live view, where the act says so.
OTHER_ACTS: Final[Mapping[str, str]] = {
    LawAct.RECORDED_VIEW: "View of a recording",
    LawAct.STILL_TAKE: "Still picture asked for",
    LawAct.LIVE_AUDIO: "Live view with sound",
}
# The choices of the filter: name, words, kinds (none: everything that is in the log).
CHOICES: Final[tuple[tuple[str, str, frozenset[str]], ...]] = (
    ("", "Every look and request", frozenset(WHAT)),
    (
        "live",
        "Live views",
        frozenset({Kind.VIEW_REQUESTED, Kind.VIEW_DENIED, Kind.STILL_TAKEN, Kind.STILL_READ, Kind.PHONE_LINK_MADE}),
    ),
    (
        "recordings",
        "Recordings",
        frozenset({Kind.CLIP_REQUESTED, Kind.CLIP_DENIED, Kind.CLIP_DOWNLOADED, Kind.PACKAGE_DOWNLOADED}),
    ),
    ("all", "Every entry of the log", frozenset()),
)


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody or something: its id, and what it is called; the name is empty where none is kept."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Act:
    """One line.

    Attributes:
        who: the person, if the log still says who.
        standing: role and unit.
        decision: permit, deny or empty.
        outcome: how it went on, in words; empty if nothing was to go on.
        seconds: how long somebody saw something.
        is_live: whether somebody is looking now.
        is_logged: whether a signed checkpoint covers the entry.
        is_erased: whether details were erased.
    """

    event_id: str
    at: datetime
    what: str
    who: Named
    standing: str
    camera: Named
    why: str
    incident: Named
    decision: Decision
    outcome: str
    seconds: int | None
    is_live: bool
    is_logged: bool
    is_erased: bool


def sessions_of(entries: Iterable[Entry]) -> frozenset[str]:
    """The sessions whose later entries say how a view went on."""
    return frozenset(text for entry in entries if (text := _text(entry, "session")))


def ids_of(entries: Iterable[Entry]) -> frozenset[str]:
    """Everything that has a name elsewhere."""
    fields = ("person", "camera", "incident", "organisation", "site")
    return frozenset(text for entry in entries for name in fields if (text := _text(entry, name)))


def act_of(entry: Entry, later: Sequence[Entry], names: Mapping[str, str]) -> Act:
    """The line of `entry`; `later` are the entries of its session, `names` what is called how now."""
    outcome = next((e for kind in OUTCOMES for e in later if e.kind == kind), None)
    begins_view = entry.kind == Kind.VIEW_REQUESTED
    return Act(
        event_id=entry.event_id,
        at=entry.at,
        what=_what(entry),
        who=_named(entry, "person", names),
        standing=", ".join(plain(text) for name in ("role", "unit") if (text := _text(entry, name))),
        camera=_named(entry, "camera", names),
        why=", ".join([plain(text) for name in ("purpose", "reason") if (text := _text(entry, name))] + _ground(entry)),
        incident=_incident(entry, names),
        decision=entry.decision,
        outcome=OUTCOMES[outcome.kind] if begins_view and outcome else "",
        seconds=_seconds([*later, entry] if begins_view else [entry]),
        is_live=begins_view and outcome is not None and outcome.kind == Kind.VIEW_STARTED,
        is_logged=entry.proof_state is ProofState.LOGGED,
        is_erased=entry.is_erased,
    )


def _ground(entry: Entry) -> list[str]:
    """What a view stood on, and for whom, where that was out of the ordinary."""
    found = [GROUNDS[ground]] if (ground := _text(entry, "ground")) in GROUNDS else []
    other = _text(entry, "on_behalf_of")
    found += [_("for another agency: %(name)s", name=other)] if other else []
    phone = _text(entry, "shown_to")
    return [*found, _("on a phone, for %(name)s", name=phone)] if phone else found


def _what(entry: Entry) -> str:
    """What was asked for is told by the act, what came of it by the kind."""
    is_asking = entry.kind in {Kind.VIEW_REQUESTED, Kind.VIEW_DENIED}
    act = LawAct.LIVE_AUDIO if entry.said("sound") is True else _text(entry, "act")
    return (is_asking and OTHER_ACTS.get(act)) or what_of(entry.kind)


def what_of(kind: str) -> str:
    """A kind in words."""
    return WHAT.get(kind) or plain(kind).capitalize()


def plain(code: str) -> str:
    """A code as people read it."""
    return code.replace("_", " ").replace(".", " ")


def _seconds(entries: Sequence[Entry]) -> int | None:
    """How long somebody saw something: as counted, else from the first picture to the end."""
    counted = {entry.kind: value for entry in entries if isinstance(value := entry.said("seconds"), int)}
    if counted:
        return next((counted[kind] for kind in _SECONDS if kind in counted), next(iter(counted.values())))
    times = {entry.kind: entry.at for entry in entries}
    start, end = times.get(Kind.VIEW_STARTED), times.get(Kind.VIEW_ENDED) or times.get(Kind.SESSION_STOPPED)
    return max(0, round((end - start).total_seconds())) if start and end else None


def _named(entry: Entry, field: str, names: Mapping[str, str]) -> Named:
    """What it was called then, if the log says so, else what it is called now."""
    id_ = _text(entry, field)
    return Named(id_, _text(entry, f"{field}_name") or names.get(id_, ""))


def _incident(entry: Entry, names: Mapping[str, str]) -> Named:
    """By its number, then or now, else by its kind."""
    id_ = _text(entry, "incident")
    return Named(id_, _text(entry, "call") or names.get(id_, "") or plain(_text(entry, "incident_kind")))


def _text(entry: Entry, field: str) -> str:
    value = entry.said(field)
    return value if isinstance(value, str) else ""
