"""What live views need of others, in their own words: a decision, the sites, a relay, and rows."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from gateway.kernel.database import UnitOfWork
from gateway.kernel.principal import Principal
from gateway.live.model import Change, Session
from gateway.live.relay.protocol import Answer
from partner_agent.wire.grants import Caps, Facts, Incident, Subject
from partner_agent.wire.messages import Message
from partner_agent.wire.tokens import PublicKey
from policies.request import Span, Usage
from policies.vocabulary import Act, Obligation, Remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """An owner's yes to one view, which can be used now.

    Attributes:
        version: of the request when it was read; a yes that was used or taken back meanwhile has another.
        approval: what a grant carries: label, the closed request, and the touch or the site's own word.
        until: when the view ends that opens now.
        footage: the range of a recording it is to; None for what happens now.
    """

    ask_id: str
    version: int
    approval: dict[str, Any]
    until: datetime
    footage: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewQuestion:
    """May this person see this camera, live or recorded, for this, now?

    Attributes:
        camera_id: the registered camera.
        purpose: a word of `policies.vocabulary.Purpose`.
        incident_id: the incident that is the reason; empty for none.
        without_session: a running session that must not count against the site's totals (when it is decided again).
        confirmation_id: a second person's word for emergency access; empty for none.
        approved: the owner's yes to exactly this view, where there is one.
        on_behalf_of: the other agency they look for, as they say; empty for their own.
        wanted_at: the moment of the site's recording that they want to see; None for what happens now.
        footage: the range of that recording, once it is known; it is decided again with exactly this.
        is_still: one picture of now is wanted, to keep.
        sound: its sound is wanted too; without it the answer is no.
        shown_to: on whose phone it is to be shown; empty for the person's own screen.
        most_seconds: no longer than this is wanted; 0 for as long as the rules give.
    """

    principal: Principal
    camera_id: str
    purpose: str
    incident_id: str = ""
    without_session: str = ""
    confirmation_id: str = ""
    approved: Approved | None = None
    on_behalf_of: str = ""
    wanted_at: datetime | None = None
    footage: Span | None = None
    is_still: bool = False
    sound: bool = False
    shown_to: str = ""
    most_seconds: int = 0

    @property
    def act(self) -> Act:
        """What is asked of the camera."""
        if self.is_still:
            return Act.STILL_TAKE
        return Act.LIVE_VIEW if self.wanted_at is None else Act.RECORDED_VIEW


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
        footage: the range of a recording that may be shown; None for a live view.
        may_hear: of a silent live view, whether it would have been permitted with sound.
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
    footage: Span | None = None
    may_hear: bool = False


def masks_of(permit: ViewPermit) -> frozenset[str]:
    """The areas that are black in what it permits."""
    owed = permit.obligations.get(Obligation.MASKS)
    return frozenset(owed) if isinstance(owed, list) else frozenset()


def most_lines_of(permit: ViewPermit) -> int:
    """How many lines high the largest picture is that it permits."""
    owed = permit.obligations.get(Obligation.MAX_HEIGHT)
    return min(permit.caps.height_lines, owed) if isinstance(owed, int) else permit.caps.height_lines


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewDeny:
    """No.

    Attributes:
        reason: for the log, a code.
        remedies: everything the owner offers instead, what takes least first.
        organisation_id: whose camera it is, so that the owner sees that somebody tried.
        agent_id: its site's agent; empty where there is none.
        is_full: permitted but for what the site gives already: the only no whose cause may be told.
    """

    reason: str
    layer: str
    remedies: tuple[Remedy, ...]
    site_id: str
    organisation_id: str
    is_full: bool = False
    agent_id: str = ""

    @property
    def remedy(self) -> Remedy:
        """What takes least of it; NONE where nothing is offered."""
        return self.remedies[0] if self.remedies else Remedy.NONE


class Decider(Protocol):
    """The centre's decision on a live view; `sharing` knows the layers, `incidents` the incident."""

    def together(self) -> "Decider":
        """One for the views of a wall, good for this moment: what they have in common it may read once."""

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

    async def may_say_yes(self, question: ViewQuestion, deny: ViewDeny) -> bool:
        """Whether this owner can be asked for this act and was not yet, or may still answer about this camera."""

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

    def vocabulary_of(self, agent_id: str) -> int:
        """Which words the agent said it knows; 0 until it has."""

    def has_sound(self, agent_id: str, local_camera: str) -> bool:
        """Whether the agent said that this camera of its has sound it can send."""

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
    """Orders to whoever forwards. Each raises RelayGoneError when it is gone."""

    @property
    def is_ready(self) -> bool:
        """Whether it is there, and takes the tickets that are issued now."""

    async def admit(
        self, *, session: str, publication: str, fingerprint: str, valid_s: float, sound: bool = False
    ) -> bool:
        """Forward, the sound too if that is said; False when the session is over there."""

    async def lease(self, sessions: list[str]) -> None:
        """These go on, every other one ends."""

    async def drop(self, sessions: list[str]) -> None:
        """End these; when it returns nothing more is forwarded to them."""

    async def first_picture(self, *, session: str, publication: str) -> Answer:
        """The newest key picture, once, before the session's pictures flow; an engine may have none to give."""


class RelayCalls(Protocol):
    """WHIP and WHEP calls, for whoever owns the streams. Each raises RelayGoneError when it is gone."""

    async def whip(self, publication: str, ticket: str, sdp: str) -> Answer:
        """A publisher's call."""

    async def whep(self, session: str, ticket: str, sdp: str) -> Answer:
        """A viewer's call."""

    async def delete(self, subject: str, resource: str) -> bool:
        """A goodbye; whether there was such a call."""

    async def patch(self, subject: str, resource: str, tags: list[str], sdp: str) -> Answer:
        """Candidates found later, or an ICE restart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFeatures:
    """In what engines differ. What they must not differ in is no feature, and stands in the contract.

    Attributes:
        keeps_one_certificate: publishers can pin it, as grants demand; without it no site publishes here.
        confirms_ends: when it says that a call has ended nothing is sent on it any more; else a moment later.
        is_fenced: without the gateway it ends everything by itself within `LEASE_VALID_S`; else the sites' leases do.
        starts_at_once: a viewer gets the cached group of pictures, and its first one by `first_picture`; else their
            first picture is the next key frame.
        restarts_ice: who changes their network goes on; else they open the view again.
        repairs_apart: a lost packet comes again in a stream of its own (RFC 4588).
        counts: packets and bytes stand in the account, and the log names the cipher; else seconds alone.
        carries_sound: sound is forwarded to whom it is granted; else to nobody.
    """

    keeps_one_certificate: bool
    confirms_ends: bool
    is_fenced: bool
    starts_at_once: bool
    restarts_ice: bool
    repairs_apart: bool
    counts: bool
    carries_sound: bool


class MediaEngine(Relay, RelayCalls, Protocol):
    """Who forwards pictures: the embedded relay, or a media server of others behind `gateway.live.engines`.

    Of each holds, and one contract suite says so (tests/contracts/test_media_engines.py):

    1. A ticket opens one door once, and a viewer's only for the certificate it names.
    2. Nothing is forwarded to a session before `admit`, nor from another publisher than the admitted fingerprint's.
    3. When `drop` returns nothing more is forwarded, and that session never begins again.
    4. A session that a lease does not name ends; without leases each ends within `LEASE_VALID_S`. Soon after its
       horizon it ends, unless it is admitted anew; the embedded relay forwards nothing meanwhile.
    5. A viewer who vanishes without a goodbye is let go within 5 s; where the answer names `pulse_s`, one who patched.
    6. It tells, in order: `PublicationUp` and `PublicationDown`, `ViewerUp` and, once for each session, `ViewerGone`.
    """

    @property
    def features(self) -> EngineFeatures:
        """In what it differs from others."""

    async def figures(self, session: str = "") -> dict[str, int]:
        """How much runs; with a session, what is known of that viewer's way, empty if nothing is."""


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

    async def marked(self, mark: str) -> Sequence[Session]:
        """The sessions whose pictures carry this code, newest first: one, but for a chance of one in many millions."""

    async def unfinished(self) -> Sequence[Session]:
        """Every session that is in an open state."""

    async def given(
        self, sites: Collection[str], *, since: datetime, now: datetime, without: str
    ) -> Mapping[str, Usage]:
        """What sites have given by accepted sessions that are open or ended after `since`, without one; until `now`.

        Each live view is rounded up, as the site does. A view of a recording counts its whole range until the site has
        said what of it was shown. A site that has given nothing is left out.
        """

    async def asked_for(self, site_id: str, *, since: datetime, most: int) -> Sequence[Session]:
        """The sessions of a site that were asked for since then, newest first, at most so many."""

    async def unaccounted(self, *, ended_before: datetime) -> Sequence[Session]:
        """Sessions that were accepted, ended before then, and of which the site has not given its account."""
