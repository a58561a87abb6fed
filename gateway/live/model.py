"""A live view's life: its states, how it may end, and the words for it that people read.

Pure. Transitions are closed: what is not listed is refused, and the last three states are for good. Operators read
`words_of`, which never tells a refusal of the owner from a rule that does not fit.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from partner_agent.wire.problems import Code
from policies.vocabulary import Act

COUNT_TOLERANCE_S: Final = 1.0  # protocol 4: counts agree within 1 s or 1 %
COUNT_TOLERANCE: Final = 0.01
COUNT_AROUND_S: Final = 65.0  # sent around what is forwarded: a call comes within 35 s, a dead way is seen in 30 s
MARK_LENGTH: Final = 8
_MARK: Final = re.compile(r"[0-9A-HJKMNP-TV-Z]{8}")
_MISREAD: Final = str.maketrans("ILO", "110")


class SessionState(StrEnum):
    """Where a session stands."""

    REQUESTED = "requested"  # decided and logged; the site is being asked
    ACCEPTED = "accepted"  # the site said yes; no picture has been forwarded yet
    ESTABLISHED = "established"  # pictures were forwarded
    REFUSED = "refused"  # the site said no
    FAILED = "failed"  # it never came to a picture
    ENDED = "ended"  # it is over


NEXT: Final[Mapping[SessionState, frozenset[SessionState]]] = {
    SessionState.REQUESTED: frozenset(
        {SessionState.ACCEPTED, SessionState.REFUSED, SessionState.FAILED, SessionState.ENDED}
    ),
    SessionState.ACCEPTED: frozenset({SessionState.ESTABLISHED, SessionState.FAILED, SessionState.ENDED}),
    SessionState.ESTABLISHED: frozenset({SessionState.ENDED}),
    SessionState.REFUSED: frozenset(),
    SessionState.FAILED: frozenset(),
    SessionState.ENDED: frozenset(),
}
OPEN_STATES: Final = frozenset(state for state, following in NEXT.items() if following)


class EndReason(StrEnum):
    """Why a session is over, for the owner and the auditor."""

    NONE = ""
    LEFT = "left"  # the viewer closed it
    RULES = "rules"  # the owner, the site or a changed rule took it back
    SUPERVISOR = "supervisor"
    INCIDENT = "incident"  # its incident closed
    TIME = "time"  # its seconds are used, or its horizon is reached and not renewed
    LEASE = "lease"  # gateway, relay and site lost one another
    OFFLINE = "offline"  # the site or the camera is not reachable
    CANNOT_START = "cannot_start"
    RELAY = "relay"  # the relay is gone
    RESTARTED = "restarted"  # the gateway was restarted meanwhile
    TAKEN = "taken"  # a still is here
    SENDER = "sender"  # whoever had it shown on a phone took it back


class Words(StrEnum):
    """What an operator reads. These sentences and no more, so that ends do not add up to a list of the unwilling."""

    NOTHING = ""
    NOT_AVAILABLE = "Not available for this purpose"
    ENDED_BY_RULES = "Ended by the sharing rules"
    OFFLINE = "The camera is offline"
    CANNOT_START = "The picture cannot start"
    LOST = "The connection to the camera was lost"  # of a view that ran
    STOPPED = "Stopped by a supervisor"
    FULL = "This site can show no more pictures now"  # of a permitted camera: what it gives already is all it may


class OpenedBy(StrEnum):
    """Who opened the view."""

    PERSON = "person"
    INCIDENT = "incident"  # it opened by itself with its incident


_TECHNICAL: Final = {
    Code.CAMERA_UNREACHABLE: EndReason.OFFLINE,
    Code.CAMERA_AUTH: EndReason.CANNOT_START,
    Code.CODEC_UNSUPPORTED: EndReason.CANNOT_START,
    Code.LIMIT: EndReason.CANNOT_START,
    Code.CLOCK_SKEW: EndReason.CANNOT_START,
}
_LOST: Final = frozenset(
    {EndReason.LEASE, EndReason.OFFLINE, EndReason.CANNOT_START, EndReason.RELAY, EndReason.RESTARTED}
)  # technical ends: of a view that showed something, none of them is a start that failed
_SITE_REASONS: Final = {
    "lease": EndReason.LEASE,
    "lease_absent": EndReason.LEASE,
    "time_limit": EndReason.TIME,
    "horizon": EndReason.TIME,
    "source_ended": EndReason.OFFLINE,
    **{code.value: reason for code, reason in _TECHNICAL.items()},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """How much passed, as one side counted it; None where it has not said.

    Attributes:
        seconds: from the first packet to the last.
        sent_bytes: of packets.
    """

    seconds: float
    sent_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One live view.

    Attributes:
        grant_id: the grant's `jti`.
        local_camera: the camera as its agent calls it.
        person_id: who looks.
        opened_by: that person, or the incident by itself.
        fingerprint: the browser's DTLS certificate.
        horizon_at: when it ends, unless it is decided again before.
        ground: the condition of the owner's rule it stands on: `always`, `near`, `panic`, `two_persons` …
        second_id: the second person, where it is emergency access by two people.
        on_behalf_of: the other agency they look for, as they say; empty for their own.
        has_sound: whether it may be heard.
        shown_to: on whose phone it is shown, as the person said who sent it there; empty for their own screen.
        on_screen_s, enlarged_s: what the page reported.
        act: `live.view`, `still.take`, or `recorded.view` of a range of the site's recording.
        range_from, range_to: that range.
        footage_s: how much of it was shown, by the site's account.
    """

    id: str
    grant_id: str
    publication: str
    camera_id: str
    local_camera: str
    site_id: str
    organisation_id: str
    agent_id: str
    person_id: str
    agency_id: str
    unit: str
    role: str
    purpose: str
    incident_id: str
    opened_by: OpenedBy
    fingerprint: str
    policy_sha256: str
    grant_sha256: str
    state: SessionState
    requested_at: datetime
    horizon_at: datetime
    max_seconds: int
    ground: str = ""
    second_id: str = ""
    on_behalf_of: str = ""
    has_sound: bool = False
    shown_to: str = ""
    act: str = Act.LIVE_VIEW.value
    range_from: datetime | None = None
    range_to: datetime | None = None
    footage_s: int | None = None
    accepted_at: datetime | None = None
    established_at: datetime | None = None
    ended_at: datetime | None = None
    end_reason: EndReason = EndReason.NONE
    site_code: str = ""
    on_screen_s: int = 0
    enlarged_s: int = 0
    relay: Account | None = None
    site: Account | None = None
    is_reconciled: bool = False

    @property
    def streams(self) -> frozenset[str]:
        """Whom its leaves concern."""
        ids = {self.id, self.camera_id, self.site_id, self.organisation_id, self.person_id, self.incident_id}
        ids.add(self.second_id)
        return frozenset(ids - {""})

    def seconds_until(self, now: datetime) -> float:
        """How long it has been giving pictures: by the site's account, the relay's, or from its acceptance."""
        known = self.site or self.relay
        if known is not None:
            return known.seconds
        return ((self.ended_at or now) - self.accepted_at).total_seconds() if self.accepted_at else 0.0

    @property
    def is_recorded(self) -> bool:
        """Whether it shows a recording, and not what happens now."""
        return self.act == Act.RECORDED_VIEW

    @property
    def recorded_s(self) -> int:
        """Seconds of recording that it spends of the site's day: its range until the site has said what was shown."""
        if self.range_from is None or self.range_to is None:
            return 0
        return (
            math.ceil((self.range_to - self.range_from).total_seconds()) if self.footage_s is None else self.footage_s
        )

    @property
    def is_open(self) -> bool:
        """Whether it may still show something."""
        return self.state in OPEN_STATES


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One step of a session: from any of `before` to `after`, with what else is then known."""

    before: frozenset[SessionState]
    after: SessionState
    values: Mapping[str, object] = field(default_factory=dict)


def step(after: SessionState, **values: object) -> Change:
    """The change to `after`, from wherever that is allowed."""
    return Change(before=frozenset(s for s, then in NEXT.items() if after in then), after=after, values=values)


def reason_of_code(code: str) -> EndReason:
    """What a site's refusal means to us; whatever is not a technical cause is its rules."""
    return _TECHNICAL.get(Code(code), EndReason.RULES) if code in set(Code) else EndReason.RULES


def reason_of_stop(reason: str) -> EndReason:
    """What a site's own word for an end means to us; an unknown one is its rules."""
    return _SITE_REASONS.get(reason, EndReason.RULES)


def words_of(session: Session) -> Words:
    """What the operator reads of a session."""
    if session.site_code == Code.LIMIT and session.state is SessionState.REFUSED:
        return Words.FULL
    match session.end_reason:
        case EndReason.RULES:
            was_seen = session.state is SessionState.ENDED
            return Words.ENDED_BY_RULES if was_seen else Words.NOT_AVAILABLE
        case EndReason.INCIDENT | EndReason.TIME:  # shared for an incident, and for so long
            return Words.ENDED_BY_RULES
        case EndReason.SUPERVISOR:
            return Words.STOPPED
        case reason if reason in _LOST and session.established_at is not None:
            return Words.LOST
        case EndReason.OFFLINE:
            return Words.OFFLINE
        case EndReason.CANNOT_START | EndReason.RELAY | EndReason.LEASE | EndReason.RESTARTED:
            return Words.CANNOT_START
        case _:
            return Words.NOTHING


def mark_of(session_id: str) -> str:
    """The short code that a session's picture carries: 40 random bits of its id, in Crockford's base32."""
    return session_id[-MARK_LENGTH:].upper()


def read_mark(text: str) -> str:
    """The end of the id that a code somebody read off a photo means; empty if it is none. I, L and O are 1, 1 and 0."""
    plain = re.sub(r"[\s-]", "", text).upper().translate(_MISREAD)
    return plain.lower() if _MARK.fullmatch(plain) else ""


def counts_agree(site: Account, relay: Account, *, is_live: bool = True) -> bool:
    """Whether the relay forwarded no longer than the site says it sent, nor much shorter.

    The uplink starts earlier and ends later than what is forwarded of it, but only by so much: more went elsewhere. Of
    a recording that is not asked: a site that crashed answers for the whole time until it was back.
    """
    tolerance_s = max(COUNT_TOLERANCE_S, COUNT_TOLERANCE * site.seconds)
    around_s = COUNT_AROUND_S if is_live else math.inf
    return -tolerance_s <= site.seconds - relay.seconds <= around_s + tolerance_s
