"""A request to look that was put to a camera's owner: its states, its time, and how it reads to who asked. Pure.

One request of each act (a live view, a view of a recording, a still) for an incident and an owner, whatever came of the
first. A yes is good for one of it, until the request is over, and waits no longer than five minutes. A no and silence
read the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from gateway.kernel.principal import Principal
from partner_agent.wire.clock import from_rfc3339
from partner_agent.wire.limits import VIEW_APPROVED_S
from policies.request import Span
from policies.vocabulary import Act

ANSWER_S: Final = 15 * 60  # an owner answers within this time, and within the incident's


class AskState(StrEnum):
    """Where a request stands."""

    ASKED = "asked"
    APPROVED = "approved"  # the owner said yes; the view has not been opened
    OPENED = "opened"  # it opened its view
    DECLINED = "declined"
    LAPSED = "lapsed"  # nobody answered, or nobody opened the view


NEXT: Final[Mapping[AskState, frozenset[AskState]]] = {
    AskState.ASKED: frozenset({AskState.APPROVED, AskState.DECLINED, AskState.LAPSED}),
    AskState.APPROVED: frozenset({AskState.OPENED, AskState.DECLINED, AskState.LAPSED}),
    AskState.OPENED: frozenset({AskState.OPENED, AskState.DECLINED}),  # again, if it never came to a picture
    AskState.DECLINED: frozenset(),
    AskState.LAPSED: frozenset(),
}
WAITING: Final = frozenset({AskState.ASKED, AskState.APPROVED})  # something still has to happen, by a deadline

TAKEN_BACK: Final = frozenset({AskState.DECLINED, AskState.LAPSED})  # over, which its site is told until the deadline


class Standing(StrEnum):
    """What whoever asked reads of it."""

    ASKED = "asked"
    GRANTED = "granted"  # to this person: it can be opened now
    OVER = "over"  # declined, silent, used up, or somebody else's: not available


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewAsk:
    """One request.

    Attributes:
        person_id: who asked, and who alone may open the view.
        document: the closed document that the owner approves (`partner_agent.wire.views`).
        approval: what the owner said yes with, as a grant carries it.
        session_id: the view it opened.
        answered_by: who of the organisation answered last, in the portal; empty for the site, or nobody.
        act: what is asked for, a word of `policies.vocabulary.Act`.
        expires_at: when the owner's answer comes too late, and a view that was not opened cannot be any more.
        version: counts changes.
    """

    id: str
    incident_id: str
    organisation_id: str
    agency_id: str
    person_id: str
    site_id: str
    agent_id: str
    camera_id: str
    purpose: str
    state: AskState
    document: Mapping[str, Any]
    document_sha256: str
    approval: Mapping[str, Any] | None
    session_id: str
    created_at: datetime
    expires_at: datetime
    answered_at: datetime | None
    version: int
    answered_by: str = ""
    act: str = Act.LIVE_VIEW.value

    @property
    def footage(self) -> Span | None:
        """The range of a recording that is asked for; None for what happens now."""
        start, end = self.document.get("from"), self.document.get("to")
        return Span(from_rfc3339(start), from_rfc3339(end)) if start and end else None

    @property
    def until(self) -> datetime:
        """When it is over unless something happens before."""
        if self.answered_at is None:
            return self.expires_at
        return min(self.expires_at, self.answered_at + timedelta(seconds=VIEW_APPROVED_S))

    @property
    def streams(self) -> frozenset[str]:
        """Whom its leaves concern."""
        ids = {self.camera_id, self.site_id, self.organisation_id, self.person_id, self.incident_id, self.session_id}
        return frozenset(ids - {""})

    def is_waiting(self, now: datetime) -> bool:
        """Whether its owner may still answer."""
        return self.state is AskState.ASKED and now < self.expires_at

    def standing_for(self, principal: Principal, now: datetime) -> Standing:
        """What the caller reads of it."""
        if self.is_waiting(now):
            return Standing.ASKED
        is_theirs = principal.person_id == self.person_id
        is_usable = self.state is AskState.APPROVED and now < self.until
        return Standing.GRANTED if is_theirs and is_usable else Standing.OVER
