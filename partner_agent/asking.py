"""What the owner said to one file, one view or one still that has to be asked for.

On site the owner answers a request for a file with yes, yes without masks, or no; one to look with yes or
no. That answer goes before any passkey. A touch travels in the grant: it must be genuine, of the right kind, over
exactly the request that the grant carries, and the request must name what the grant names: a yes to a live view gives
no recording and no still, one to a recording gives that person no more than its range. A file's touch says nothing
about masks. A yes to look opens one session, for minutes from its acceptance (`views.APPROVED_S`). A suspended owner's
touch ends what it opened; that of somebody who only answered requests, suspended since, does not.
"""

import dataclasses
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Protocol

from partner_agent.identity import Identity
from partner_agent.owners import Owners
from partner_agent.policy_store import PolicyStore
from partner_agent.store import Store
from partner_agent.wire import views
from partner_agent.wire.approvals import ApprovalError
from partner_agent.wire.clips import ClipRequest
from partner_agent.wire.clock import from_ms, has_come
from partner_agent.wire.documents import CLIP_LABEL, VIEW_LABEL
from partner_agent.wire.grants import Grant
from partner_agent.wire.views import ViewRequest, ViewRequestError
from policies.model import Owner
from policies.request import Approval
from policies.vocabulary import Act, OwnerRole

YES: Final = frozenset({"yes", "yes_unmasked"})


def _as_answered(owner: Owner) -> Owner:
    """What somebody answered who only answers requests stands when they leave: one view, for its five minutes."""
    return owner if owner.role is OwnerRole.OWNER else dataclasses.replace(owner, is_suspended=False)


def _is_within(request: ViewRequest, grant: Grant) -> bool:
    """Whether a grant is of no other time than the request: of now, or of a range that lies in the asked one."""
    asked, given = request.span, grant.recorded
    if asked is None or given is None:
        return asked is None and given is None
    return asked[0] <= given.first and given.last <= asked[1]


class SiteAnswers(Protocol):
    """What the owner answered on site."""

    def answer(self, request: ClipRequest) -> str | None:
        """yes, yes_unmasked, no, or None while nobody has answered."""


class ViewAnswers(Protocol):
    """What the owner answered on site to a request to look, or elsewhere with no."""

    def answer(self, request: ViewRequest, now: datetime, *, is_new: bool) -> str | None:
        """yes, no, or None while nobody has answered, or when a yes has waited too long for its view (`is_new`)."""


class Asking:
    """Turns the owner's word into the approval that the law asks for."""

    def __init__(
        self,
        *,
        store: Store,
        identity: Identity,
        policy: PolicyStore,
        owners: Owners,
        on_site: SiteAnswers,
        view_answers: ViewAnswers,
    ) -> None:
        self._store, self._identity, self._policy = store, identity, policy
        self._owners, self._on_site, self._view_answers = owners, on_site, view_answers

    def first(self, grant: Grant, clip: ClipRequest | None, now: datetime) -> Approval | None:
        """The approval a new grant stands on; None if it stands on none.

        Raises:
            ApprovalError: the touch it carries approves nothing.
            ViewRequestError: the request it carries is not for this view, over, or used.
        """
        return self._approval(grant, clip, now, is_new=True)

    def again(self, grant: Grant, clip: ClipRequest | None, now: datetime) -> Approval | None:
        """The same for a session that runs; None if the owner's passkey would not be taken any more."""
        try:
            return self._approval(grant, clip, now, is_new=False)
        except (ApprovalError, ViewRequestError):
            return None

    def request_id(self, grant: Grant, clip: ClipRequest | None) -> str | None:
        """The id that this grant uses up, beside its own."""
        if clip is not None:
            return clip.request_id
        is_asked = grant.approval is not None and grant.approval.label == VIEW_LABEL
        return views.parse(grant.approval.document).request_id if grant.approval and is_asked else None

    def _approval(self, grant: Grant, clip: ClipRequest | None, now: datetime, *, is_new: bool) -> Approval | None:
        if clip is not None:
            said = self._on_site.answer(clip)
            is_touched = said is None and self._is_touched(grant, CLIP_LABEL, clip.sha256, is_new=is_new)
            return Approval(act=Act.CLIP_FETCH, until=clip.expiry) if said in YES or is_touched else None
        if grant.approval is None:
            return None
        request = views.parse(grant.approval.document)
        self._check_view(request, grant)
        accepted = self._used_at(request.request_id)
        if is_new and (accepted is not None or now >= request.expiry or not has_come(request.created, now)):
            raise ViewRequestError("the request is over, of a time to come, or has opened its view")
        said = self._view_answers.answer(request, now, is_new=is_new)
        if said == "no" or (said != "yes" and not self._is_touched(grant, VIEW_LABEL, request.sha256, is_new=is_new)):
            return None
        lasts = timedelta(seconds=views.APPROVED_S[request.kind])
        return Approval(act=request.kind, until=(accepted or now) + lasts)

    def _check_view(self, request: ViewRequest, grant: Grant) -> None:
        if grant.approval is None or grant.approval.label != VIEW_LABEL:  # else its request would not be used up
            raise ViewRequestError("an approval of another kind")
        mine = self._identity
        said = (request.lineage, request.site, request.partner, request.camera, request.purpose, request.agency)
        meant = (grant.lineage, mine.site, mine.partner, grant.camera, grant.purpose, grant.subject.agency)
        if said != meant or request.incident != (grant.incident.ref if grant.incident else None):
            raise ViewRequestError("the request is of another site, camera or reason than the grant")
        if grant.subject.on_behalf_of:
            raise ViewRequestError("a yes to one agency is none to another")
        if request.act != grant.act or request.who not in {None, grant.subject.ref}:
            raise ViewRequestError("the request is for another act, or another person's")
        if not _is_within(request, grant):
            raise ViewRequestError("the grant is of more of the recording than the request")

    def _is_touched(self, grant: Grant, label: str, digest: str, *, is_new: bool) -> bool:
        approval, in_force = grant.approval, self._policy.in_force
        if approval is None or approval.assertion is None or in_force is None:
            return False
        take: Callable[..., object] = self._owners.take if is_new else self._owners.check
        said = label if approval.label == label else ""
        owners = in_force.policy.owners if is_new else tuple(map(_as_answered, in_force.policy.owners))
        take(approval.assertion, label=said, digest=digest, path=approval.path, owners=owners)
        return True

    def _used_at(self, request_id: str) -> datetime | None:
        rows = self._store.rows("SELECT at_ms FROM used WHERE kind = 'request' AND value = ?", request_id)
        return from_ms(rows[0]["at_ms"]) if rows else None
