"""What sharing needs of others: the log, the agents on site, live sessions, and rows."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from gateway.audit import LeafDraft
from gateway.kernel.database import UnitOfWork
from gateway.sharing.model import Answers, DocumentState, Step, Version
from gateway.sites import TouchAnswer
from partner_agent.wire.touches import Assertion, Path
from policies.request import Incident, Span, Usage


class Log(Protocol):
    """The audit log."""

    async def append(self, unit: UnitOfWork, draft: LeafDraft) -> object:
        """Write a leaf into the caller's transaction."""


class Publisher(Protocol):
    """Wake-ups, which may be lost."""

    def publish(self, topic: str, ref: str = "") -> None:
        """Tell the listeners of `topic`."""


@dataclass(frozen=True, slots=True)
class SiteAgent:
    """The agent of a site, as `sites` knows it.

    Attributes:
        lineage: its chain of documents; empty before the first link.
        acked_sha256: the newest document it acknowledged; empty for none.
        is_paused: the site said so.
        panic_until: until when its panic input holds, as it says on a link that is up; None while it does not.
    """

    id: str
    site_id: str
    lineage: str
    acked_sha256: str
    is_paused: bool
    panic_until: datetime | None = None


class Confirmed(Protocol):
    """Whether this process knows how things stand, and since when: `freshness.Freshness`."""

    @property
    def is_confirmed(self) -> bool:
        """It does; what was read at `stamp` may be used as long as it did not change."""

    @property
    def stamp(self) -> int:
        """The generation of everything that this process has seen."""

    def changed_at(self, *scopes: str) -> int:
        """The generation of everything at which any of these changed last."""

    async def catch_up(self) -> None:
        """See what this process itself committed."""

    async def demand(self) -> None:
        """Asked before anything is permitted.

        Raises:
            UnavailableError: it does not know; nothing may be permitted here.
        """


class SiteAgents(Protocol):
    """The agents on site."""

    async def agent_of(self, site_id: str) -> SiteAgent | None:
        """The site's agent that was not removed."""

    async def agent(self, agent_id: str) -> SiteAgent | None:
        """An agent by its id."""

    def panicking(self) -> frozenset[str]:
        """The sites whose panic input holds now, as they say on a link that is up."""

    async def ticked(self, agent_id: str) -> Mapping[str, str]:
        """The ticked cameras: registered camera to the agent's own id."""

    async def areas(self, agent_id: str) -> Mapping[str, Mapping[str, str]]:
        """What can be black in pictures: by the agent's own camera id, what rules call it and its label."""

    def knows_answerers(self, agent_id: str) -> bool:
        """Whether it is connected, and reads documents with passkeys that only answer requests."""

    def nudge(self, agent_id: str) -> None:
        """Something may be due for this site; called after the change was committed."""

    async def approve(
        self, agent_id: str, *, sha256: str, label: str, assertion: Assertion, path: Path | None = None
    ) -> TouchAnswer:
        """Bring an owner's touch for a proposal to the site; what it answered.

        Raises:
            UnavailableError: the site is not connected.
            DeadlineError: no answer in time.
        """

    async def say_no(self, agent_id: str, *, sha256: str) -> None:
        """Tell the site that a proposal is over, held or not; returns once it has noted it.

        Raises:
            UnavailableError: the site is not connected, or did not note it.
            DeadlineError: no answer in time.
        """

    def hold_until(self, agent_id: str, sha256: str) -> datetime | None:
        """When the hold of a proposal ends; None if none runs that we know of."""


class GivenUsage(Protocol):
    """What sites are giving, live and recorded."""

    async def usage(self, sites: Collection[str], *, without_session: str = "") -> Mapping[str, Usage]:
        """In the last 24 hours and right now, without one view that is decided again; nothing given: left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewMade:
    """A live view or a recording that was asked for, as far as a decision can be made again from it.

    Attributes:
        at: when it was decided.
        camera_id: the registered camera.
        incident: the reason, as it was then.
        has_happened: whether it was let through; otherwise the owner's rules refused it.
        span: of the recording that was handed over; None for a live view.
        live_s: how long a live view lasted, rounded up.
    """

    id: str
    at: datetime
    camera_id: str
    agency: str
    unit: str
    roles: frozenset[str]
    purpose: str
    incident: Incident | None
    has_happened: bool
    span: Span | None = None
    live_s: int = 0


class ViewHistory(Protocol):
    """What was and is watched at a site."""

    async def past(self, site_id: str, organisation_id: str, *, since: datetime, most: int) -> Sequence[ViewMade]:
        """What happened, and views that the owner's rules refused, newest first, at most so many."""

    async def running(self, site_id: str) -> Sequence[ViewMade]:
        """Views that may show something right now."""


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document that was sent, or is to be."""

    sha256: str
    agent_id: str
    site_id: str
    lineage: str
    seq: int
    parent_sha256: str
    step: Step
    state: DocumentState
    raw: Mapping[str, Any]
    created_at: datetime
    approve_by: datetime | None
    code: str = ""


class SignatureRows(Protocol):
    """What marks stand for."""

    async def signatures(self, marks: Collection[str]) -> Mapping[str, str]:
        """The bodies of these marks, of those that are known."""

    async def add_signatures(self, unit: UnitOfWork, bodies: Mapping[str, str]) -> None:
        """Keep bodies by their marks; one that is known stays."""

    async def signature_marks(self) -> Collection[str]:
        """Every mark that is kept."""

    async def drop_signatures(self, unit: UnitOfWork, marks: Collection[str]) -> None:
        """Forget these."""


class SharingRows(Protocol):
    """Rows of sharing. Methods with a unit change, or read what stays locked until its end."""

    async def answers(self, site_id: str, *, unit: UnitOfWork | None = None) -> Answers | None:
        """What the owner said about a site."""

    async def answers_of(self, organisation_id: str) -> Sequence[Answers]:
        """What an organisation said about its sites."""

    async def sites(self) -> Sequence[str]:
        """Every site of which something was said."""

    async def sites_with(self, camera_id: str) -> Sequence[str]:
        """The sites whose answers speak of a camera, also of one that is gone."""

    async def save_answers(self, unit: UnitOfWork, answers: Answers, *, made_from: int) -> None:
        """The new answers, made from version `made_from` (0: there were none).

        Raises:
            ConflictError: somebody saved in between.
        """

    async def keep_pending(self, unit: UnitOfWork, site_id: str, pending: Mapping[str, object] | None) -> None:
        """The narrowing the site has not acknowledged yet, or None."""

    async def owners_named(self, unit: UnitOfWork, site_id: str) -> None:
        """The site names the owners that were wanted: the wish is done."""

    async def keep_version(
        self, unit: UnitOfWork, known: Answers | None, answers: Answers, *, author: str, name: str
    ) -> None:
        """Write down what is saved by whom; nothing where only another wish of the owner changed."""

    async def versions(self, site_id: str, *, before: int | None, most: int) -> Sequence[Version]:
        """What was said at a site, newest first; with `before`, earlier than that version."""

    async def forget(self, unit: UnitOfWork, site_id: str) -> None:
        """The site is gone."""

    async def document(self, sha256: str) -> StoredDocument | None:
        """One document."""

    async def waiting(self, agent_id: str) -> Sequence[StoredDocument]:
        """The agent's documents that are sent and not answered, or refused; newest first."""

    async def add_document(self, unit: UnitOfWork, document: StoredDocument) -> None:
        """A new document; earlier ones that were sent and not answered are superseded."""

    async def mark(self, unit: UnitOfWork, sha256: str, state: DocumentState, *, code: str, at: datetime) -> None:
        """How far a document has come."""

    async def suspensions(self, organisation_id: str) -> Mapping[str, datetime]:
        """With whom an organisation shares nothing, and since when."""

    async def suspend(self, unit: UnitOfWork, organisation_id: str, agency_id: str, *, at: datetime) -> None:
        """It shares nothing with an agency (`EVERYBODY`: with nobody) any more."""

    async def resume(self, unit: UnitOfWork, organisation_id: str, agency_id: str) -> None:
        """It shares again."""

    async def is_suspended(self) -> bool:
        """Whether sharing is switched off for the whole network."""

    async def set_suspended(self, unit: UnitOfWork, *, is_suspended: bool, at: datetime, by: str) -> None:
        """Switch the whole network off, or on."""
