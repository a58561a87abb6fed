"""What the owner's desk asks of the capabilities it joins; each is wired in `gateway.app` by whoever provides it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from gateway.cameras import Camera
from gateway.kernel.principal import Principal
from gateway.sharing import TouchOffer
from partner_agent.wire.touches import Assertion

BadgeState = Literal["permitted", "ask", "unavailable", "live", "offline"]


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """How a camera stands, as its card says it.

    Attributes:
        badge: which of the five states.
        word: the state in a word or two.
        sentence: what it means: who may see it, and when.
        is_on: whether its switch is on; None when it has no switch yet.
    """

    badge: BadgeState
    word: str
    sentence: str
    is_on: bool | None = None


@dataclass(frozen=True, slots=True)
class Watched:
    """A camera somebody watches now."""

    camera_id: str
    camera_name: str
    who: str
    why: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Task:
    """Something that waits for the owner."""

    title: str
    detail: str
    href: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is broken: what, since when, what to do."""

    sentence: str
    remedy: str
    href: str
    since: datetime | None = None


class LiveViews(Protocol):
    """Views that run now."""

    async def watched(self, organisation_id: str) -> Sequence[Watched]:
        """Those of the organisation's cameras."""


class Troubles(Protocol):
    """Health."""

    async def troubles(self, organisation_id: str) -> Sequence[Trouble]:
        """What is broken at the organisation's sites."""


class Sharing(Protocol):
    """The owner's rules."""

    async def statuses(self, cameras: Sequence[Camera]) -> Mapping[str, CameraStatus]:
        """How each camera stands, by id."""

    async def switch(self, principal: Principal, camera: Camera, *, is_on: bool) -> None:
        """Stop sharing a camera at once, or share it again by the rules it had."""

    async def is_stopped(self, organisation_id: str) -> bool:
        """Whether the organisation stopped sharing everything."""

    async def has_rules(self, organisation_id: str) -> bool:
        """Whether the organisation has said what it shares."""


class Pairing(Protocol):
    """The machines on site."""

    async def has_agent(self, organisation_id: str) -> bool:
        """Whether a site of the organisation has a paired agent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request for a recording, as the owner's card says it.

    Attributes:
        t0: the beginning of the recording that is asked for.
        t1: its end.
        who: role, unit or agency; never a person's name.
        purpose: the coded reason.
        state: where it stands, a word of `STATES` in `requests`.
        held_until: until when the site keeps the footage from being overwritten; None if it does not.
        digest: names the request on site.
        offer: what a passkey is to sign for a yes, while it waits; None where only the site can be asked.
        answered_by: who answered in the portal; empty for the site, a rule, or nobody.
    """

    id: str
    camera_id: str
    t0: datetime
    t1: datetime
    who: str
    purpose: str
    state: str
    is_waiting: bool
    held_until: datetime | None
    expires_at: datetime
    created_at: datetime
    digest: str
    offer: TouchOffer | None = None
    answered_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewRequest:
    """A request to look, as the owner's card says it.

    Attributes:
        act: a live view, a view of a recording, or a still: a word of `policies.vocabulary.Act`.
        t0, t1: the range of a recording; None for what happens now.
        who: role, unit or agency; never a person's name.
        purpose: the coded reason.
        incident_kind: what happened, coded; empty if that is not known any more.
        state: where it stands, a word of `VIEW_STATES` in `requests`.
        is_waiting: whether a yes or a no is still taken.
        can_end: whether a yes can still be taken back, or the picture ended.
        digest: names the request on site.
        offer: what a passkey is to sign for a yes, while it waits; None where only the site can be asked.
        answered_by: who answered last in the portal; empty for the site, or nobody.
    """

    id: str
    camera_id: str
    who: str
    purpose: str
    incident_kind: str
    state: str
    is_waiting: bool
    can_end: bool
    expires_at: datetime
    created_at: datetime
    digest: str
    offer: TouchOffer | None = None
    answered_by: str = ""
    act: str = "live.view"
    t0: datetime | None = None
    t1: datetime | None = None


class ViewRequests(Protocol):
    """Requests to look (`live`)."""

    async def requests(self, principal: Principal) -> Sequence[ViewRequest]:
        """The newest to the principal's organisation."""

    async def waiting(self, organisation_id: str) -> Sequence[ViewRequest]:
        """Those that wait for its answer, without their offers."""

    async def send(self, principal: Principal, request_id: str, assertion: Assertion) -> None:
        """Say yes by one touch.

        Raises:
            NotFoundError: there is none, or it is another's.
            ConflictError: it was answered, or is over.
            PreconditionError: the touch is none that the site would take.
        """

    async def decline(self, principal: Principal, request_id: str) -> None:
        """Say no, also after a yes.

        Raises:
            NotFoundError: there is none, or it is another's.
            ConflictError: it was declined, or is over.
        """


class Requests(Protocol):
    """Requests for recordings (`evidence`)."""

    async def requests(self, principal: Principal, *, before: str) -> Sequence[Request]:
        """Those to the principal's organisation, newest first, older than the id `before`.

        Whoever only answers is told of those that wait.
        """

    async def waiting(self, organisation_id: str) -> Sequence[Request]:
        """Those that wait for its answer."""

    async def send(self, principal: Principal, request_id: str, assertion: Assertion) -> None:
        """Say yes by one touch.

        Raises:
            NotFoundError: there is none, or it is another's.
            ConflictError: it was answered, or is over.
            PreconditionError: the touch is none that the site would take.
        """

    async def decline(self, principal: Principal, request_id: str) -> None:
        """Say no.

        Raises:
            NotFoundError: there is none, or it is another's.
            ConflictError: it was answered, or is over.
        """
