"""What live views need of others, in their own words: a decision, the sites, a relay, and rows."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from gateway.kernel.database import UnitOfWork
from gateway.kernel.principal import Principal
from gateway.live.model import Change, Session
from partner_agent.wire.grants import Caps, Facts, Incident, Subject
from partner_agent.wire.messages import Message
from partner_agent.wire.tokens import PublicKey
from policies.vocabulary import Remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """An owner's yes to one view, which can be used now.

    Attributes:
        version: of the request when it was read; a yes that was used or taken back meanwhile has another.
        approval: what a grant carries: label, the closed request, and the touch or the site's own word.
        until: when the view ends that opens now.
    """

    ask_id: str
    version: int
    approval: dict[str, Any]
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewQuestion:
    """May this person see this camera live, for this, now?

    Attributes:
        camera_id: the registered camera.
        purpose: a word of `policies.vocabulary.Purpose`.
        incident_id: the incident that is the reason; empty for none.
        without_session: a running session that must not count against the site's totals (when it is decided again).
        confirmation_id: a second person's word for emergency access; empty for none.
        approved: the owner's yes to exactly this view, where there is one.
        on_behalf_of: the other agency they look for, as they say; empty for their own.
    """

    principal: Principal
    camera_id: str
    purpose: str
    incident_id: str = ""
    without_session: str = ""
    confirmation_id: str = ""
    approved: Approved | None = None
    on_behalf_of: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewPermit:
    """Yes, with everything the grant has to say.

    Attributes:
        local_camera: the camera as its agent calls it, as the policy document does.
        lineage, policy_sha256: the newest acknowledged document of the site.
        obligations: as a grant carries them.
        horizon: when the answer may change by itself; None if it cannot.
        ground: the condition of the owner's rule it stands on.
        second_id: the second person it stands on; empty where it needs none.
    """

    camera_id: str
    local_camera: str
    site_id: str
    organisation_id: str
    agent_id: str
    lineage: str
    policy_sha256: str
    subject: Subject
    facts: Facts
    caps: Caps
    obligations: dict[str, bool | int | str | list[str]]
    incident: Incident | None
    horizon: datetime | None
    ground: str = ""
    second_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewDeny:
    """No.

    Attributes:
        reason: for the log, a code.
        remedies: everything the owner offers instead, what takes least first.
        organisation_id: whose camera it is, so that the owner sees that somebody tried.
    """

    reason: str
    layer: str
    remedies: tuple[Remedy, ...]
    site_id: str
    organisation_id: str

    @property
    def remedy(self) -> Remedy:
        """What takes least of it; NONE where nothing is offered."""
        return self.remedies[0] if self.remedies else Remedy.NONE


class Decider(Protocol):
    """The centre's decision on a live view; `sharing` knows the layers, `incidents` the incident."""

    async def decide(self, question: ViewQuestion) -> ViewPermit | ViewDeny:
        """Decide with all layers of the centre.

        Raises:
            NotFoundError: there is no such camera or incident, or the person may not know of it.
            InvalidError: a purpose that is no word of ours.
        """

    async def is_switched_off(self, organisation_id: str, agency_id: str) -> bool:
        """Whether an owner shares nothing with an agency now, or nobody anything: then `decide` could only deny.

        It costs one look at the switches. Whoever cannot look says False, for `decide` is asked then.
        """


class Consequences(Protocol):
    """What a permitted view brings with it beside the view, in the transaction that writes it."""

    async def of_view(self, unit: UnitOfWork, session: Session, permit: ViewPermit, *, confirmation_id: str) -> None:
        """A second person's word is used up, its owner is told, a report afterwards is owed.

        Args:
            unit: the transaction that writes the session.
            session: the view.
            permit: with its obligations.
            confirmation_id: what it stands on; empty where it stands on nobody's word.

        Raises:
            ConflictError: the word was used, or is over; nothing may be written.
        """


class OwnersYes(Protocol):
    """What owners said yes to when they were asked (`gateway.live.asking`)."""

    async def approved_for(self, question: ViewQuestion) -> Approved | None:
        """A yes to exactly this view of this person, if one can be used now."""

    async def may_say_yes(self, question: ViewQuestion, organisation_id: str) -> bool:
        """Whether this owner was not asked yet for this incident, or may still answer about this camera."""

    async def stands(self, approved: Approved, session_id: str) -> bool:
        """Whether the yes that this view was opened with was not taken back."""

    async def opened(self, unit: UnitOfWork, approved: Approved, session_id: str) -> None:
        """It is used by this view, in the transaction that opens it.

        Raises:
            ConflictError: it was used, or taken back, meanwhile.
        """


class Freshness(Protocol):
    """Whether this process knows how things stand, and which generation of them: `sharing.Freshness`."""

    async def demand(self) -> None:
        """Know it, by looking once more if need be; while that fails, nothing is permitted and no lease is renewed.

        Raises:
            UnavailableError: it cannot be seen.
        """

    @property
    def stamp(self) -> int:
        """The generation of everything that this process has seen."""


class SiteLinks(Protocol):
    """The links to sites: `gateway.sites.LinkHub`."""

    def problem_of(self, agent_id: str) -> str:
        """Why nothing new can be asked; empty if it can."""

    def fresh_of(self, agent_id: str) -> str:
        """The `fresh` to echo; empty when there is none young enough."""

    def new_id(self) -> str:
        """An id for a message."""

    async def send(self, agent_id: str, message: Message, *, deadline_s: float) -> Message:
        """Ask and wait.

        Raises:
            UnavailableError: not connected.
            DeadlineError: no answer in time.
        """

    def tell(self, agent_id: str, message: Message) -> None:
        """Queue a message.

        Raises:
            UnavailableError: not connected.
        """


class DeviceKeys(Protocol):
    """Who may speak for a site."""

    async def device_key(self, agent_id: str) -> PublicKey | None:
        """The agent's device key; None once it was removed."""


class Relay(Protocol):
    """Orders to the relay: `gateway.live.relay.client.RelayClient`. Each raises RelayGoneError when it is gone."""

    @property
    def is_ready(self) -> bool:
        """Whether it is there, and takes the tickets that are issued now."""

    async def admit(self, *, session: str, publication: str, fingerprint: str, valid_s: float) -> bool:
        """Forward; False when the session is over there."""

    async def lease(self, sessions: list[str]) -> None:
        """These go on, every other one ends."""

    async def drop(self, sessions: list[str]) -> None:
        """End these; when it returns nothing more is forwarded to them."""


class SessionStore(Protocol):
    """Rows of sessions."""

    async def add(self, unit: UnitOfWork, session: Session) -> None:
        """A new row."""

    async def change(self, unit: UnitOfWork, session_id: str, change: Change) -> bool:
        """Take one step; False when the session is in none of `change.before`, and nothing was written."""

    async def note(self, unit: UnitOfWork, session_id: str, **values: object) -> None:
        """Write facts that are no step: counts, seconds on screen."""

    async def get(self, session_id: str) -> Session | None:
        """One session."""

    async def unfinished(self) -> Sequence[Session]:
        """Every session that is in an open state."""

    async def given(self, sites: Collection[str], *, since: datetime, without: str) -> Sequence[Session]:
        """The accepted sessions of these sites that are open or ended after then, without one."""

    async def asked_for(self, site_id: str, *, since: datetime, most: int) -> Sequence[Session]:
        """The sessions of a site that were asked for since then, newest first, at most so many."""

    async def unaccounted(self, *, ended_before: datetime) -> Sequence[Session]:
        """Sessions that were accepted, ended before then, and of which the site has not given its account."""
