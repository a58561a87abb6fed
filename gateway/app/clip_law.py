"""Wires recordings to sharing: who may ask, whether the owner is to be asked, and the grant that releases a clip.

A second person's word replaces an owner's for emergency access: both when somebody asks, and again when the site is
told to release.
"""

from datetime import datetime
from typing import Final

import msgspec

from gateway.app.emergency import EmergencyServices, clip_report, need_of
from gateway.app.granted import as_now, told_caps, told_incident, told_obligations, told_subject
from gateway.app.ground import Ground
from gateway.audit import Kind, LeafDraft
from gateway.evidence import ClipRequest, Decision, Place, SiteRefusedError, Wanted
from gateway.identity import Identity
from gateway.incidents import Incidents
from gateway.kernel.errors import NotFoundError
from gateway.kernel.principal import Principal, PrincipalKind, Role
from gateway.sharing import Decided, Decisions, Question, wish_of
from partner_agent.wire import grants
from partner_agent.wire.grants import Clip
from policies.request import Approval, Deny, Permit, Span
from policies.vocabulary import Act

_DENIES: Final = "policy_denies"


class SharingClipLaw:
    """`evidence.ClipLaw` over the centre's decisions."""

    def __init__(self, decisions: Decisions, incidents: Incidents, emergency: EmergencyServices) -> None:
        self._decisions, self._incidents = decisions, incidents
        self._emergencies = emergency.emergencies

    async def decide(self, principal: Principal, wanted: Wanted, *, now: datetime) -> Decision:
        """Asking must be permitted, and so must receiving: as it is, for two people, or once the owner says yes."""
        del now  # the law has the same clock
        try:
            if wanted.confirmation_id:
                return await self._for_two(principal, wanted)
            asked = await self.question(principal, wanted, Act.CLIP_REQUEST)
        except NotFoundError:
            return Decision(is_permitted=False, needs_owner=True, reason="unknown", place=None)
        place = place_of(asked)
        if isinstance(asked.decision, Deny):
            return Decision(False, True, asked.decision.reason.value, place)
        standing = await self.question(principal, wanted, Act.CLIP_FETCH)
        if isinstance(standing.decision, Permit):
            return Decision(True, False, "", place)
        if wanted.on_behalf_of:  # an owner's yes is to the agency that asks, and not to another behind it
            return Decision(False, True, standing.decision.reason.value, place)
        approved = await self.question(principal, wanted, Act.CLIP_FETCH, is_approved=True)
        if isinstance(approved.decision, Deny):
            return Decision(False, True, approved.decision.reason.value, place)
        return Decision(True, True, "", place)

    async def _for_two(self, principal: Principal, wanted: Wanted) -> Decision:
        """On a second person's word: then that word is what it stands on, and nobody else is asked."""
        second_id = await self.second_of(principal, wanted)
        decided = await self.question(principal, wanted, Act.CLIP_FETCH, is_seconded=bool(second_id))
        place = place_of(decided)
        if isinstance(decided.decision, Permit) and second_id:
            return Decision(True, False, "", place, second_id)
        reason = decided.decision.reason.value if isinstance(decided.decision, Deny) else "no_second_person"
        return Decision(False, False, reason, place)

    async def second_of(self, principal: Principal, wanted: Wanted, *, used_by: str = "") -> str:
        """The second person whose word stands for exactly this; empty for nobody.

        A second person confirms what their own agency asks, never what it asks for another.
        """
        if wanted.on_behalf_of:
            return ""
        asker, need = principal.person_id, need_of(wanted)
        return await self._emergencies.second_of(asker, need, wanted.confirmation_id, used_by=used_by)

    async def may_answer(self, principal: Principal, organisation_id: str) -> bool:
        """People of the organisation itself; their role was checked at the door."""
        return principal.kind is PrincipalKind.PARTNER and principal.organisation_id == organisation_id

    async def question(
        self, principal: Principal, wanted: Wanted, act: Act, *, is_approved: bool = False, is_seconded: bool = False
    ) -> Decided:
        """What the law says of one act with this recording.

        Raises:
            NotFoundError: no such camera or incident, or the caller may not know of it.
        """
        incident = None
        if wanted.incident_id:
            incident = await self._incidents.incident(principal, wanted.incident_id)
        span = Span(wanted.t0, wanted.t1)
        return await self._decisions.decide_for(
            Question(
                principal=principal,
                camera_id=wanted.camera_id,
                act=act,
                purpose=wanted.purpose,
                incident=incident,
                wish=wish_of(span),
                span=span,
                on_behalf_of=wanted.on_behalf_of,
                is_second_person_present=is_seconded,
                approval=Approval(act=Act.CLIP_FETCH, until=datetime.max.replace(tzinfo=wanted.t1.tzinfo))
                if is_approved
                else None,
            )
        )


class SharingClipGrants:
    """`app.evidence.ClipGrants`: decides once more, writes the leaf of the grant, then signs it with the promise.

    The person is who asked, with the roles they have now.
    """

    def __init__(
        self, ground: Ground, *, law: SharingClipLaw, identity: Identity, emergency: EmergencyServices
    ) -> None:
        self._ground, self._law, self._identity, self._reports = ground, law, identity, emergency.reports

    async def make(self, request: ClipRequest, *, fresh: str, upload_url: str, upload_token: str) -> str:
        """A `grant+jwt` for an approved request; see the port."""
        try:
            asker, wanted = await as_now(self._identity.people, _asker(request)), _wanted(request)
            is_seconded = bool(await self._law.second_of(asker, wanted, used_by=request.id))
            if is_seconded is not bool(request.confirmation_id):
                raise SiteRefusedError(_DENIES)  # the second person may not be it any more
            decided = await self._law.question(
                asker,
                wanted,
                Act.CLIP_FETCH,
                is_approved=request.approval is not None,
                is_seconded=is_seconded,
            )
        except NotFoundError as error:
            raise SiteRefusedError(_DENIES) from error
        if not isinstance(decided.decision, Permit) or decided.snapshot is None:
            raise SiteRefusedError(_DENIES)
        if decided.snapshot.lineage != request.document["lineage"]:
            raise SiteRefusedError("policy_stale")  # the site forgot everything since; ask again
        body = self._body(request, decided, decided.decision) | {"fresh": fresh, "session": request.session_id}
        clip = Clip(upload_url=upload_url, upload_token=upload_token, request=request.document)
        body |= {"jti": self._ground.ids.new("grt"), "clip": msgspec.to_builtins(clip)}
        return await self._signed(request, decided, decided.decision, body)

    def _body(self, request: ClipRequest, decided: Decided, permit: Permit) -> dict[str, object]:
        assert decided.snapshot is not None
        body: dict[str, object] = {
            "lineage": decided.snapshot.lineage,
            "policy_sha256": decided.snapshot.policy_sha256,
            "camera": decided.snapshot.local_camera,
            "act": Act.CLIP_FETCH.value,
            "subject": msgspec.to_builtins(told_subject(decided.subject)),
            "purpose": request.purpose,
            "facts": msgspec.to_builtins(grants.Facts(is_second_person_present=decided.facts.is_second_person_present)),
            "caps": msgspec.to_builtins(told_caps(permit)),
            "obligations": told_obligations(permit),
        }
        incident = told_incident(decided)
        if incident is not None:
            body["incident"] = msgspec.to_builtins(incident)
        if request.approval is not None:
            body["approval"] = request.approval
        return body

    async def _signed(self, request: ClipRequest, decided: Decided, permit: Permit, body: dict[str, object]) -> str:
        ground, stood_on = self._ground, decided.snapshot
        assert stood_on is not None
        gateway, now = ground.settings.origin.text, ground.clock.now()
        claims = grants.claims_for_hash(gateway=gateway, agent=request.agent_id, now=now, body=body)
        ids = {request.camera_id, request.organisation_id, request.id, request.session_id, request.incident_id}
        draft = LeafDraft(
            kind=Kind.GRANT_ISSUED,
            streams=frozenset(ids - {""}),
            public={"act": Act.CLIP_FETCH.value, "purpose": request.purpose},
            details={
                "camera": stood_on.local_camera,
                "grant_sha256": grants.hash_without_leaf(claims),
                "policy_sha256": stood_on.policy_sha256,
                "session": request.session_id,
            },
            once=f"grant {body['jti']}",
        )
        async with ground.database.unit_of_work() as unit:
            leaf = await ground.log.audit.append(unit, draft)
            await clip_report(self._reports, unit, request, permit)
            await unit.commit()
        promise = ground.log.audit.promise(leaf.leaf_hash)
        return grants.sign(
            ground.keyring.grant, claims, leaf=leaf.document, openings=leaf.openings_json(), promise=promise
        )


def place_of(decided: Decided) -> Place:
    """Where the camera is; the document it stands in, if the site has one."""
    stood_on, camera = decided.snapshot, decided.camera
    return Place(
        organisation_id=camera.organisation_id,
        site_id=camera.site_id,
        agent_id=stood_on.agent_id if stood_on else "",
        lineage=stood_on.lineage if stood_on else "",
        local_camera=stood_on.local_camera if stood_on else "",
    )


def _asker(request: ClipRequest) -> Principal:
    """Who asked, signed in as they were; what they may do is asked when something is released."""
    return Principal(
        kind=PrincipalKind.AGENCY,
        person_id=request.person_id,
        organisation_id=request.agency_id,
        roles=frozenset(Role(name) for name in request.asker["roles"]),
        unit=str(request.asker["unit"]),
        factors=frozenset(request.asker["factors"]),
    )


def _wanted(request: ClipRequest) -> Wanted:
    return Wanted(
        camera_id=request.camera_id,
        t0=request.t0,
        t1=request.t1,
        purpose=request.purpose,
        incident_id=request.incident_id,
        legal_basis=str(request.document["legal_basis"]),
        on_behalf_of=request.on_behalf_of,
        confirmation_id=request.confirmation_id,
    )
