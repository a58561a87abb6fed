"""Who looked: entries of the log as an owner reads them, in the reader's language."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.audit import Entry, Kind, ProofState
from gateway.web import _, code_in_words
from partner_agent.wire.clock import from_rfc3339
from policies.vocabulary import Act, Condition

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
    Kind.RECORDING_SHOWN: "This is what was shown of your recording",
    Kind.STILL_TAKEN: "Took a still picture",
    Kind.STILL_READ: "Opened a still picture",
    Kind.PHONE_LINK_MADE: "Sent a link that shows your camera on one phone",
    Kind.PHONE_LINK_OPENED: "The link was opened on a phone",
    Kind.PHONE_LINK_STOPPED: "The link to a phone was taken back",
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
# The same for a view of a recording.
OF_RECORDINGS: Final[Mapping[str, str]] = {
    Kind.VIEW_STARTED: "Watched your recording",
    Kind.VIEW_ENDED: "Stopped watching your recording",
    Kind.VIEW_INTERRUPTED: "The view of your recording was interrupted",
    Kind.VIEW_DENIED: "Asked to watch your recording, and was refused by your rules",
    Kind.VIEW_REFUSED: "Asked to watch your recording, and your site refused",
    Kind.VIEW_ASKED: "Asked you to let them watch your recording",
    Kind.VIEW_APPROVED: "You let somebody watch your recording",
    Kind.VIEW_DECLINED: "You declined a view of your recording",
    Kind.VIEW_LAPSED: "A request to watch your recording ran out",
    Kind.SESSION_STOPPED: "A supervisor stopped a view of your recording",
}
# And for a still that was asked for.
OF_STILLS: Final[Mapping[str, str]] = {
    Kind.VIEW_ENDED: "A still picture that was asked for did not come",
    Kind.VIEW_DENIED: "Asked for a still picture, and was refused by your rules",
    Kind.VIEW_REFUSED: "Asked for a still picture, and your site refused",
    Kind.VIEW_ASKED: "Asked you for a still picture",
    Kind.VIEW_APPROVED: "You gave a still picture",
    Kind.VIEW_DECLINED: "You declined a still picture",
    Kind.VIEW_LAPSED: "A request for a still picture ran out",
    Kind.SESSION_STOPPED: "A supervisor stopped a still picture",
}
# And for a view that could be heard.
OF_SOUND: Final[Mapping[str, str]] = {
    Kind.VIEW_STARTED: "Watched and listened live",
    Kind.VIEW_ENDED: "Stopped watching and listening",
    Kind.VIEW_INTERRUPTED: "A view with sound was interrupted",
    Kind.VIEW_DENIED: "Asked to watch and listen, and was refused by your rules",
    Kind.VIEW_REFUSED: "Asked to watch and listen, and your site refused",
    Kind.SESSION_STOPPED: "A supervisor stopped a view with sound",
}
OTHER_ACTS: Final[Mapping[str, Mapping[str, str]]] = {Act.RECORDED_VIEW: OF_RECORDINGS, Act.STILL_TAKE: OF_STILLS}
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
        shown: from the first to the last moment of a recording that was shown, and `seconds` how much of it.
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
    shown: tuple[datetime, datetime] | None = None


def look_of(entry: Entry, camera_names: Mapping[str, str]) -> Look:
    """The line of an entry; `camera_names` says what cameras are called now, by id."""
    camera = str(entry.said("camera") or "")
    seconds, footage = entry.said("seconds"), _footage(entry)
    own = OF_SOUND if entry.said("sound") is True else OTHER_ACTS.get(str(entry.said("act")), {})
    if entry.kind == Kind.RECORDING_SHOWN:
        seconds = round(sum(max(1.0, (end - start).total_seconds()) for start, end in footage))
    return Look(
        event_id=entry.event_id,
        at=entry.at,
        sentence=own.get(entry.kind) or SENTENCES.get(entry.kind, entry.kind),
        camera_name=camera_names.get(camera) or str(entry.said("camera_name") or ""),
        who=", ".join(_who(name, str(word)) for name in ("role", "unit", "agency_name") if (word := entry.said(name))),
        why=", ".join(_why(entry)),
        seconds=seconds if isinstance(seconds, int) else None,
        is_access=entry.kind in ACCESSES,
        is_logged=entry.proof_state is ProofState.LOGGED,
        shown=(min(start for start, _end in footage), max(end for _start, end in footage)) if footage else None,
    )


def _footage(entry: Entry) -> list[tuple[datetime, datetime]]:
    """Which moments of a recording were shown."""
    said = entry.said("footage")
    pairs = said if isinstance(said, list) else []
    return [(from_rfc3339(str(pair[0])), from_rfc3339(str(pair[1]))) for pair in pairs if isinstance(pair, list)]


def _why(entry: Entry) -> list[str]:
    words = [code_in_words(str(word)) for name in _WHY if (word := entry.said(name))]
    ground, other = GROUNDS.get(str(entry.said("ground") or "")), entry.said("on_behalf_of")
    words += [_(ground)] if ground else []
    words += [_("for another agency: %(name)s", name=str(other))] if other else []
    phone = entry.said("shown_to")
    return [*words, _("on a phone, for %(name)s", name=str(phone))] if phone else words


def _who(field: str, word: str) -> str:
    return code_in_words(word) if field == "role" else word
