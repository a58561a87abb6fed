"""Wires the owner's desk to the capabilities it joins."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import msgspec

from gateway.app.partners import PartnerServices
from gateway.app.sharing import SharingTies
from gateway.app.sites import SiteTies
from gateway.audit import AuditLog
from gateway.cameras import Cameras
from gateway.desks.portal import PortalDesk, Request, ViewRequest, Watched
from gateway.evidence import ClipRequest, ClipState, Evidence
from gateway.incidents import Incidents
from gateway.kernel.principal import Principal, PrincipalKind
from gateway.live import AskState, Live, Session, ViewAsk, ViewAsks
from gateway.sharing import Touches, TouchOffer
from gateway.web import _, code_in_words
from partner_agent.wire.clock import Clock
from partner_agent.wire.documents import CLIP_LABEL, VIEW_LABEL
from partner_agent.wire.touches import Assertion
from policies.vocabulary import Act

THE_AGENCY: Final = "The crime centre"
WAITING: Final = (ClipState.REQUESTED, ClipState.HELD)


class OwnersRequests:
    """`portal.Requests` over evidence."""

    def __init__(self, evidence: Evidence, touches: Touches) -> None:
        self._evidence = evidence
        self._touches = touches

    async def requests(self, principal: Principal, *, before: str) -> Sequence[Request]:
        """Those to the organisation."""
        states = WAITING if principal.only_answers else ()
        found = await self._evidence.list_for(principal, states=states, before=before)
        return [replace(_request(each), offer=await self._offer(each)) for each in found]

    async def send(self, principal: Principal, request_id: str, assertion: Assertion) -> None:
        """Say yes: checked as the site will check it, then carried there in the grant."""
        request = await self._evidence.seen_by(principal, request_id)
        digest = request.document_sha256
        await self._touches.check(request.site_id, label=CLIP_LABEL, sha256=digest, assertion=assertion)
        approval = {
            "label": CLIP_LABEL,
            "document": dict(request.document),
            "assertion": msgspec.to_builtins(assertion),
        }
        await self._evidence.answer(principal, request_id, is_yes=True, approval=approval)

    async def _offer(self, request: ClipRequest) -> TouchOffer | None:
        if request.state not in WAITING:
            return None
        return await self._touches.offer(request.site_id, label=CLIP_LABEL, sha256=request.document_sha256)

    async def waiting(self, organisation_id: str) -> Sequence[Request]:
        """Those that wait."""
        owner = Principal(kind=PrincipalKind.PARTNER, organisation_id=organisation_id)
        return [_request(each) for each in await self._evidence.list_for(owner, states=WAITING)]

    async def decline(self, principal: Principal, request_id: str) -> None:
        """Say no."""
        await self._evidence.answer(principal, request_id, is_yes=False, approval=None)


class OwnersViewRequests:
    """`portal.ViewRequests` over live."""

    def __init__(self, asks: ViewAsks, touches: Touches, incidents: Incidents, clock: Clock) -> None:
        self._asks, self._touches, self._incidents, self._clock = asks, touches, incidents, clock

    async def requests(self, principal: Principal) -> Sequence[ViewRequest]:
        """The newest to the organisation."""
        found = [await self._request(ask) for ask in await self._asks.list_for(principal)]
        return [
            replace(each, offer=await self._touches.offer(ask.site_id, label=VIEW_LABEL, sha256=ask.document_sha256))
            if each.is_waiting
            else each
            for each, ask in found
        ]

    async def waiting(self, organisation_id: str) -> Sequence[ViewRequest]:
        """Those that wait."""
        return [(await self._request(ask))[0] for ask in await self._asks.waiting(organisation_id)]

    async def send(self, principal: Principal, request_id: str, assertion: Assertion) -> None:
        """Say yes."""
        await self._asks.approve(principal, request_id, assertion)

    async def decline(self, principal: Principal, request_id: str) -> None:
        """Say no."""
        await self._asks.decline(principal, request_id)

    async def _request(self, ask: ViewAsk) -> tuple[ViewRequest, ViewAsk]:
        now, incident = self._clock.now(), await self._incidents.find(ask.incident_id)
        request = ViewRequest(
            id=ask.id,
            camera_id=ask.camera_id,
            who=_(THE_AGENCY),
            purpose=ask.purpose,
            incident_kind=incident.kind.value if incident else "",
            state=ask.state.value,
            is_waiting=ask.is_waiting(now),
            can_end=_can_end(ask) and now < ask.until,
            expires_at=ask.until,
            created_at=ask.created_at,
            digest=ask.document_sha256,
            answered_by=ask.answered_by,
            act=ask.act,
            t0=ask.footage.start if ask.footage else None,
            t1=ask.footage.end if ask.footage else None,
        )
        return request, ask


def _can_end(ask: ViewAsk) -> bool:
    """Whether a yes can be taken back, or what it opened be ended; a still that was given is given."""
    return ask.state is AskState.APPROVED or (ask.state is AskState.OPENED and ask.act != Act.STILL_TAKE)


class OwnersViews:
    """`portal.LiveViews` over live."""

    def __init__(self, live: Live, cameras: Cameras) -> None:
        self._live = live
        self._cameras = cameras

    async def watched(self, organisation_id: str) -> Sequence[Watched]:
        """Views that show a picture, or are about to."""
        running = [each for each in self._live.running() if each.organisation_id == organisation_id]
        found = await self._cameras.cameras({each.camera_id for each in running}) if running else []
        names: Mapping[str, str] = {camera.id: camera.name for camera in found}
        return [
            Watched(
                camera_id=each.camera_id,
                camera_name=names.get(each.camera_id, ""),
                who=", ".join(word for word in (_(THE_AGENCY), code_in_words(each.role), each.unit) if word),
                why=", ".join(_why(each)),
                since=each.established_at or each.requested_at,
            )
            for each in running
            if each.accepted_at
        ]


def _why(session: Session) -> list[str]:
    """What for, and what is out of the ordinary about it."""
    words = [code_in_words(session.purpose), *([_("your recording")] if session.is_recorded else [])]
    return [*words, _("on a phone, for %(name)s", name=session.shown_to)] if session.shown_to else words


def build_portal(
    audit: AuditLog,
    owners: PartnerServices,
    *,
    ties: SiteTies,
    sharing: SharingTies,
    evidence: Evidence,
    live: Live,
    view_requests: OwnersViewRequests,
    touches: Touches,
) -> PortalDesk:
    """Build it, once everything it joins is there."""
    return PortalDesk(
        partners=owners.partners,
        cameras=owners.cameras,
        audit=audit,
        live=OwnersViews(live, owners.cameras),
        sharing=sharing,
        requests=OwnersRequests(evidence, touches),
        view_requests=view_requests,
        pairing=ties,
        troubles=(ties,),
    )


def _request(request: ClipRequest) -> Request:
    return Request(
        id=request.id,
        camera_id=request.camera_id,
        t0=request.t0,
        t1=request.t1,
        who=_(THE_AGENCY),
        purpose=request.purpose,
        state=request.state.value,
        is_waiting=request.state in WAITING,
        held_until=request.held_until,
        expires_at=request.expires_at,
        created_at=request.created_at,
        digest=request.document_sha256,
        answered_by=request.answered_by,
    )
