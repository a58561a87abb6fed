"""Who looked: entries of the log as an owner reads them, in the reader's language."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.audit import Entry, Kind, ProofState
from gateway.web import _, code_in_words
from policies.vocabulary import Condition

# What an owner is told, by kind; kinds that are not here are the system's own affairs.
SENTENCES: Final[Mapping[str, str]] = {
    Kind.VIEW_STARTED: "Watched live",
    Kind.VIEW_ENDED: "Stopped watching",
    Kind.VIEW_INTERRUPTED: "The picture was interrupted",
    Kind.VIEW_DENIED: "Asked to watch, and was refused by your rules",
    Kind.VIEW_ASKED: "Asked you to let them watch live",
    Kind.VIEW_APPROVED: "You let somebody watch live",
    Kind.VIEW_DECLINED: "You declined a live view",
    Kind.VIEW_LAPSED: "A request to watch live ran out",
    Kind.VIEW_REFUSED: "Asked to watch, and your site refused",
    Kind.STILL_TAKEN: "Took a still picture",
    Kind.CLIP_REQUESTED: "Asked for a recording",
    Kind.CLIP_DENIED: "Asked for a recording, and was refused by your rules",
    Kind.CLIP_PRESERVED: "A recording is kept from being overwritten",
    Kind.CLIP_APPROVED: "You sent a recording",
    Kind.CLIP_DECLINED: "You declined a recording",
    Kind.CLIP_UPLOADED: "A recording was handed over",
    Kind.CLIP_DOWNLOADED: "A recording was downloaded",
    Kind.CLIP_EXPIRED: "A request for a recording ran out",
    Kind.SESSION_STOPPED: "A supervisor stopped a view",
    Kind.EMERGENCY_ASKED: "Asked for emergency access by two people",
    Kind.EMERGENCY_CONFIRMED: "A second person confirmed emergency access",
    Kind.EMERGENCY_DECLINED: "A second person declined emergency access",
    Kind.EMERGENCY_LAPSED: "A request for emergency access ran out",
    Kind.EMERGENCY_REFUSED: "Asked for emergency access, and was refused by your rules",
    Kind.REPORT_OWED: "A report about this is owed",
    Kind.REPORT_WRITTEN: "The report about this was written",
    Kind.REPORT_OVERDUE: "The report about this is overdue",
    Kind.HELP_CALLED: "Your alarm button was pressed",
    Kind.HELP_OVER: "The alarm is over",
}
# What a look stood on, where that was out of the ordinary.
GROUNDS: Final[Mapping[str, str]] = {
    Condition.TWO_PERSONS: "emergency access by two people",
    Condition.PANIC: "your alarm button was on",
    Condition.ASK: "you said yes",
}
ACCESSES: Final = frozenset(
    {Kind.VIEW_STARTED, Kind.STILL_TAKEN, Kind.CLIP_UPLOADED, Kind.CLIP_DOWNLOADED}
)  # somebody saw something
_WHY: Final = ("purpose", "incident_kind", "call")


@dataclass(frozen=True, slots=True)
class Look:
    """One line of the timeline.

    Attributes:
        is_access: whether somebody saw something, rather than asked or was refused.
        is_logged: whether a signed checkpoint covers it.
    """

    event_id: str
    at: datetime
    sentence: str
    camera_name: str
    who: str
    why: str
    seconds: int | None
    is_access: bool
    is_logged: bool


def look_of(entry: Entry, camera_names: Mapping[str, str]) -> Look:
    """The line of an entry; `camera_names` says what cameras are called now, by id."""
    camera = str(entry.said("camera") or "")
    seconds = entry.said("seconds")
    return Look(
        event_id=entry.event_id,
        at=entry.at,
        sentence=SENTENCES.get(entry.kind, entry.kind),
        camera_name=camera_names.get(camera) or str(entry.said("camera_name") or ""),
        who=", ".join(_who(name, str(word)) for name in ("role", "unit", "agency_name") if (word := entry.said(name))),
        why=", ".join(_why(entry)),
        seconds=seconds if isinstance(seconds, int) else None,
        is_access=entry.kind in ACCESSES,
        is_logged=entry.proof_state is ProofState.LOGGED,
    )


def _why(entry: Entry) -> list[str]:
    words = [code_in_words(str(word)) for name in _WHY if (word := entry.said(name))]
    ground, other = GROUNDS.get(str(entry.said("ground") or "")), entry.said("on_behalf_of")
    words += [_(ground)] if ground else []
    return [*words, _("for another agency: %(name)s", name=str(other))] if other else words


def _who(field: str, word: str) -> str:
    return code_in_words(word) if field == "role" else word
