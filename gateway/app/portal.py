"""Wires the owner's desk to the capabilities it joins."""

from collections.abc import Mapping, Sequence
from typing import Final

from gateway.app.partners import PartnerServices
from gateway.app.sharing import SharingTies
from gateway.app.sites import SiteTies
from gateway.audit import AuditLog
from gateway.cameras import Cameras
from gateway.desks.portal import PortalDesk, Request, Watched
from gateway.evidence import ClipRequest, ClipState, Evidence
from gateway.kernel.principal import Principal, PrincipalKind
from gateway.live import Live
from gateway.web import _, code_in_words

THE_AGENCY: Final = "The crime centre"
WAITING: Final = (ClipState.REQUESTED, ClipState.HELD)


class OwnersRequests:
    """`portal.Requests` over evidence."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence

    async def requests(self, principal: Principal, *, before: str) -> Sequence[Request]:
        """Those to the organisation."""
        return [_request(each) for each in await self._evidence.list_for(principal, before=before)]

    async def waiting(self, organisation_id: str) -> Sequence[Request]:
        """Those that wait."""
        owner = Principal(kind=PrincipalKind.PARTNER, organisation_id=organisation_id)
        return [_request(each) for each in await self._evidence.list_for(owner, states=WAITING)]

    async def decline(self, principal: Principal, request_id: str) -> None:
        """Say no."""
        await self._evidence.answer(principal, request_id, is_yes=False, approval=None)


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
                why=code_in_words(each.purpose),
                since=each.established_at or each.requested_at,
            )
            for each in running
            if each.accepted_at
        ]


def build_portal(
    audit: AuditLog,
    owners: PartnerServices,
    *,
    ties: SiteTies,
    sharing: SharingTies,
    evidence: Evidence,
    live: Live,
) -> PortalDesk:
    """Build it, once everything it joins is there."""
    return PortalDesk(
        partners=owners.partners,
        cameras=owners.cameras,
        audit=audit,
        live=OwnersViews(live, owners.cameras),
        sharing=sharing,
        requests=OwnersRequests(evidence),
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
    )
