"""What is asked of the law and what it answers: plain frozen values.

Who fills them in: at the centre, the gateway from its own records; on site, the agent from the signed grant (the
city's word: subject, purpose, incident) and from what it knows itself (camera, time, pause, panic, approvals, usage).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache

from policies.geo import Cell
from policies.vocabulary import (
    LIVE_ACTS,
    MARKS,
    RANGE_ACTS,
    VIEWERS,
    WATCHERS,
    Act,
    IncidentKind,
    Layer,
    Obligation,
    Origin,
    Purpose,
    Reason,
    Remedy,
    Technology,
)

ObligationValue = bool | int | str | tuple[str, ...]
Obligations = Mapping[Obligation, ObligationValue]


def said_role(roles: frozenset[str]) -> str:
    """The role that counts of several: what marks somebody first, then what lets them look, then any; or empty."""
    ranked = (*MARKS, *WATCHERS, *VIEWERS, *sorted(roles))
    return next((role for role in ranked if role in roles), "")


@dataclass(frozen=True, slots=True)
class Subject:
    """Who asks.

    Attributes:
        ref: opaque reference of the person.
        agency: `age_…`.
        assurance: how surely they signed in: 1 password, 2 two factors, 3 passkey.
        on_behalf_of: another agency's reference, or empty.
    """

    ref: str
    agency: str
    unit: str
    roles: frozenset[str]
    assurance: int = 0
    on_behalf_of: str = ""

    @property
    def said_role(self) -> str:
        """The one role that a site is told."""
        return said_role(self.roles)


@dataclass(frozen=True, slots=True)
class Incident:
    """The incident that is the reason.

    Attributes:
        cell: where it is now (`policies.geo.cell_of`).
        has_moved: whether that differs from where it was opened.
        is_active: whether it is still open, or within its grace time. A recording may also be asked for afterwards.
    """

    ref: str
    kind: IncidentKind
    origin: Origin
    cell: Cell
    opened_at: datetime
    has_moved: bool = False
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class Caps:
    """How much is asked for: seconds of a view, of a recording or of a hold; lines of height; sound; moving."""

    seconds: int
    height_lines: int
    audio: bool = False
    ptz: bool = False

    def cut_to(self, *, seconds: int, height_lines: int) -> "Caps":
        """The same, with no more than this."""
        lines = min(self.height_lines, height_lines)
        return Caps(min(self.seconds, seconds), lines, audio=self.audio, ptz=self.ptz)


@dataclass(frozen=True, slots=True)
class Span:
    """The recording that is asked for, from `start` up to `end`."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.end - self.start).total_seconds()


@cache
def _acts(act: Act, audio: bool, ptz: bool) -> frozenset[Act]:
    return frozenset({act, *([Act.LIVE_AUDIO] if audio else []), *([Act.PTZ_MOVE] if ptz else [])})


@dataclass(frozen=True, slots=True)
class Request:
    """One question to the law; `caps` are part of it. `now` is the one time of the whole decision."""

    now: datetime
    partner: str
    camera: str
    act: Act
    purpose: Purpose
    subject: Subject
    caps: Caps
    incident: Incident | None = None
    span: Span | None = None
    technology: Technology = Technology.VIDEO

    @property
    def acts(self) -> frozenset[Act]:
        """Every act that is needed: sound and moving are acts of their own."""
        return _acts(self.act, self.caps.audio, self.caps.ptz)

    @property
    def is_live(self) -> bool:
        """Whether what is asked for happens now."""
        return self.act in LIVE_ACTS

    @property
    def is_shown(self) -> bool:
        """Whether pictures are asked for that the site can paint: of now, or of its recording; a file is a copy."""
        return self.is_live or self.act is Act.RECORDED_VIEW

    @property
    def needs_span(self) -> bool:
        """Whether what is asked for has a time range."""
        return self.act in RANGE_ACTS


class Place(StrEnum):
    """Where the decision is made; each place has its required layers."""

    CENTRE = "centre"
    SITE = "site"


@dataclass(frozen=True, slots=True)
class Invariants:
    """What must be true whatever the rules say. On site: the camera is ticked and present, and nothing is paused."""

    is_camera_present: bool
    is_paused: bool = False
    is_suspended: bool = False  # the network-wide switch
    is_partner_active: bool = True
    is_account_active: bool = True
    drawn_masks: frozenset[str] = frozenset()  # of this camera, what the site can draw into pictures; none yet


@dataclass(frozen=True, slots=True)
class Approval:
    """The owner's yes to this one view or clip; whoever builds it has checked what was signed."""

    act: Act
    until: datetime


@dataclass(frozen=True, slots=True)
class Usage:
    """What the site has already given: in the last 24 hours, and right now."""

    live_s: int = 0
    clip_s: int = 0
    views_now: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """What is true at this moment, apart from the rules."""

    usage: Usage = field(default_factory=Usage)
    panic_until: datetime | None = None
    approval: Approval | None = None
    is_second_person_present: bool = False


@dataclass(frozen=True, slots=True)
class Permit:
    """Yes: this much, with these obligations, at most until the horizon.

    Attributes:
        caps: what was asked for, cut to agreement, ordinance and totals.
        horizon: the earliest moment at which the answer may change without an event; ask again then.
        rules: the id of the deciding rule of each policy document, in the order of the documents.
    """

    caps: Caps
    obligations: Obligations
    horizon: datetime | None
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Deny:
    """No.

    Attributes:
        explanation: one sentence for the owner and the auditor; an operator reads only the remedies.
        remedies: everything that the owner offers instead, each once, in the order of `REMEDIES`.
        rule: the rule that stopped it or came nearest, or empty.
        is_alarm: the law itself is broken somewhere; somebody has to look.
    """

    reason: Reason
    layer: Layer
    explanation: str
    remedies: tuple[Remedy, ...] = ()
    rule: str = ""
    is_alarm: bool = False

    @property
    def remedy(self) -> Remedy:
        """The one that takes least; NONE where the owner offers nothing."""
        return self.remedies[0] if self.remedies else Remedy.NONE


Decision = Permit | Deny
