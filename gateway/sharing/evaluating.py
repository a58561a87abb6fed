"""Questions about decisions: what would be answered, to whom, and why. Nothing is released or logged by one.

An operator asks about themselves, now, for an incident of their agency. An owner asks about their own cameras, and the
auditor about any, for a role of the agency, at any time, and for an incident that is only supposed. The kernel answers,
as for every explanation; a release asks `Decisions.decide_for`. A camera that the caller may not know of, one of
another owner, and one that does not exist are the same answer.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.cameras import Camera, Cameras
from gateway.incidents import Incident, Incidents
from gateway.kernel.errors import DeniedError, InvalidError, NotFoundError, PreconditionError
from gateway.kernel.principal import Principal
from gateway.sharing.explaining import Audience, Basis, Explained, audience_of
from gateway.sharing.layering import Layering, SiteLayers
from gateway.sharing.looking import NOT_CONNECTED, WISH, is_known, subject_of
from gateway.sharing.model import plan, policy_of
from gateway.sharing.ports import SharingRows
from gateway.sharing.site_book import Agency, SiteBook
from gateway.sharing.standing import held_by
from partner_agent.wire.clock import Clock
from policies import request as law
from policies.decide import preview, propose_caps
from policies.geo import cell_of
from policies.horizon import next_change
from policies.layers import SharingLayer
from policies.model import read_policy
from policies.request import Decision, Span, Subject
from policies.vocabulary import RANGE_ACTS, Act, IncidentKind, Origin, Purpose

ROLES: Final = ("operator", "supervisor")
ASSURANCES: Final = (1, 2, 3)
USUAL_ASSURANCE: Final = 2
DECIDED_FOR_ONE: Final = 8  # cameras decided for each that a page may hold; then the page is short


@dataclass(frozen=True, slots=True)
class Person:
    """The caller themselves, by their id."""

    id: str


@dataclass(frozen=True, slots=True)
class SomeRole:
    """Anybody of the agency with a role; `assurance`: how surely they signed in, 1 to 3."""

    role: str
    unit: str = ""
    assurance: int = USUAL_ASSURANCE


@dataclass(frozen=True, slots=True)
class Supposed:
    """An incident that is only supposed, open since the moment that is asked about."""

    kind: IncidentKind
    origin: Origin
    lat: float
    lon: float

    def fact(self, now: datetime) -> law.Incident:
        """As a decision reads it."""
        return law.Incident("supposed", self.kind, self.origin, cell_of(self.lat, self.lon), now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question but for its camera.

    Attributes:
        at: when; None for now.
    """

    subject: Person | SomeRole
    act: Act
    purpose: Purpose
    incident_id: str = ""
    supposed: Supposed | None = None
    span: Span | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """What somebody would see of a camera: by the rules in force, and by those saved but not approved, if there are."""

    camera: Camera
    in_force: Explained
    saved: Explained | None


@dataclass(frozen=True, slots=True)
class OwnPage:
    """Some cameras of an owner; `last`: the one that was decided last, None where none is left behind it."""

    found: tuple[Camera, ...]
    last: Camera | None


class Evaluations:
    """Answers questions about decisions."""

    def __init__(
        self,
        *,
        cameras: Cameras,
        incidents: Incidents,
        layering: Layering,
        rows: SharingRows,
        book: SiteBook,
        clock: Clock,
    ) -> None:
        self._cameras = cameras
        self._incidents = incidents
        self._layering = layering
        self._rows = rows
        self._book = book
        self._clock = clock

    def now(self) -> datetime:
        """The gateway's time."""
        return self._clock.now()

    async def agency(self) -> Agency:
        """The agency whose people look."""
        return await self._book.agency()

    async def evaluate(self, principal: Principal, asked: Asked, camera_id: str) -> Explained:
        """What would be answered for one camera.

        Raises:
            NotFoundError: there is no such camera or incident for the caller.
            DeniedError: the caller may not ask about this person, time or incident.
            InvalidError: a recording is asked for without its time range.
        """
        request = await self._request(principal, asked)
        camera = await self._camera(principal, camera_id)
        site = await self._layering.of_site(camera.site_id, camera.organisation_id)
        found = await self._explained(site, camera, request)
        if audience_of(principal) is Audience.OPERATOR and not found.is_known:
            raise NotFoundError("There is no such camera.")
        return found

    async def acts(self, principal: Principal, asked: Asked, camera_id: str) -> list[Act]:
        """Everything that would be permitted with this camera; recordings only where a time range is given.

        Raises:
            NotFoundError, DeniedError: as `evaluate`.
        """
        possible = [act for act in Act if act not in RANGE_ACTS or asked.span is not None]
        return [
            act
            for act in possible
            if (await self.evaluate(principal, dataclasses.replace(asked, act=act), camera_id)).is_permitted
        ]

    async def roles(self, principal: Principal, asked: Asked, camera_id: str) -> list[SomeRole]:
        """The roles of the agency, with the weakest sign-in for each, for whom it would be permitted.

        Raises:
            NotFoundError, InvalidError: as `evaluate`.
            DeniedError: an operator asks; who else may look is not theirs to know.
        """
        if audience_of(principal) is Audience.OPERATOR:
            raise DeniedError("You can ask what you may do yourself, not who else may.")
        unit = asked.subject.unit if isinstance(asked.subject, SomeRole) else ""
        found = []
        for role in ROLES:
            for assurance in ASSURANCES:
                somebody = SomeRole(role, unit, assurance)
                wanted = dataclasses.replace(asked, subject=somebody)
                if (await self.evaluate(principal, wanted, camera_id)).is_permitted:
                    found.append(somebody)
                    break
        return found

    async def own_cameras(self, principal: Principal, asked: Asked, *, after: str, most: int) -> OwnPage:
        """Some of the owner's cameras for which it would be permitted, by id.

        Args:
            principal: the owner.
            asked: what would be done.
            after: go on behind this id; empty begins.
            most: of cameras that are found; no more than a few times as many are decided for it.

        Raises:
            DeniedError, InvalidError: as `evaluate`.
        """
        request = await self._request(principal, asked)
        mine = await self._cameras.of_organisation(principal.organisation_id)
        left = sorted((camera for camera in mine if camera.id > after), key=lambda camera: camera.id)
        sites: dict[str, SiteLayers] = {}
        found: list[Camera] = []
        last = None
        for camera in left[: most * DECIDED_FOR_ONE]:
            if camera.site_id not in sites:
                sites[camera.site_id] = await self._layering.of_site(camera.site_id, camera.organisation_id)
            if (await self._explained(sites[camera.site_id], camera, request)).is_permitted:
                found.append(camera)
            last = camera
            if len(found) == most:
                break
        return OwnPage(tuple(found), None if last is None or last is left[-1] else last)

    async def incident(self, principal: Principal, asked: Asked) -> Incident | None:
        """The agency's incident that is named.

        Raises:
            NotFoundError: there is none of the caller's agency.
        """
        return await self._incidents.incident(principal, asked.incident_id) if asked.incident_id else None

    async def at_site(self, principal: Principal, site_id: str, asked: Asked) -> list[Tried]:
        """What somebody would see of each camera of the owner's site.

        Raises:
            NotFoundError: no such site of the caller's organisation.
            DeniedError, InvalidError: as `evaluate`.
        """
        place = await self._book.partners.site(site_id, organisation_id=principal.organisation_id)
        request = await self._request(principal, asked)
        site = await self._layering.of_site(place.id, place.organisation_id)
        saved = await self._saved(site, place.id, place.organisation_id)
        return [
            Tried(
                camera,
                await self._explained(site, camera, request),
                None if saved is None else await self._explained(saved, camera, request),
            )
            for camera in await self._cameras.of_site(place.id)
        ]

    # -- inside --------------------------------------------------------------------------------------------------

    async def _camera(self, principal: Principal, camera_id: str) -> Camera:
        own = principal.organisation_id if audience_of(principal) is Audience.OWNER else ""
        return await self._cameras.camera(camera_id, organisation_id=own)

    async def _request(self, principal: Principal, asked: Asked) -> law.Request:
        """The question in the law's words, but for camera and partner."""
        if asked.act in RANGE_ACTS and asked.span is None:
            raise InvalidError("Say from when until when.", fields={"context.span": "This act needs a time range."})
        now = asked.at or self._clock.now()
        if audience_of(principal) is Audience.OPERATOR:
            if asked.supposed is not None or asked.at is not None:
                raise DeniedError("Ask about an incident that exists, and about now.")
            fact = await self._fact(principal, asked, now)
        else:
            fact = asked.supposed.fact(now) if asked.supposed else await self._fact(principal, asked, now)
        return law.Request(
            now=now,
            partner="",
            camera="",
            act=asked.act,
            purpose=asked.purpose,
            subject=await self._subject(principal, asked.subject),
            caps=WISH,
            incident=fact,
            span=asked.span,
        )

    async def _fact(self, principal: Principal, asked: Asked, now: datetime) -> law.Incident | None:
        incident = await self.incident(principal, asked)
        return None if incident is None else incident.fact(now)

    async def _subject(self, principal: Principal, who: Person | SomeRole) -> Subject:
        if audience_of(principal) is Audience.OPERATOR:
            if who != Person(principal.person_id):
                raise DeniedError("You can ask about yourself only.")
            return subject_of(principal)
        if not isinstance(who, SomeRole):
            raise DeniedError("Ask about a role, not about a person.")
        agency = await self._book.agency()
        return Subject("", agency.id, who.unit, frozenset({who.role}), who.assurance)

    async def _explained(self, site: SiteLayers, camera: Camera, request: law.Request) -> Explained:
        name = site.names.get(camera.id, camera.id)
        asked = dataclasses.replace(request, partner=camera.organisation_id, camera=name)
        decision, changes_at = await self._decided(site, camera, asked)
        return Explained(
            decision=decision,
            is_known=is_known(site, asked),
            changes_at=changes_at,
            basis=Basis(
                organisation=camera.organisation_id,
                site=camera.site_id,
                policy_sha256="" if site.document is None else site.document.sha256,
                is_narrowing_pending=site.has_pending,
                guardrail=site.guardrail_digest,
            ),
        )

    async def _decided(self, site: SiteLayers, camera: Camera, asked: law.Request) -> tuple[Decision, datetime | None]:
        facts = law.Facts(usage=await self._layering.usage(camera.site_id, without_session=""))
        layers = site.for_agency(asked.subject.agency).for_camera(asked.camera).layers(facts)
        if layers is None:
            return NOT_CONNECTED, None
        caps = propose_caps(layers, asked)
        whole = asked if caps is None else dataclasses.replace(asked, caps=caps)
        decision = preview(layers, whole)
        return decision, next_change(layers, whole, decision)

    async def _saved(self, site: SiteLayers, site_id: str, organisation_id: str) -> SiteLayers | None:
        """The site as it would be once everything that its owner saved is approved; None where nothing waits."""
        agent, answers = await self._book.agents.agent_of(site_id), await self._rows.answers(site_id)
        if answers is None:
            return None
        try:
            facts = await self._book.facts(site_id, organisation_id, agent)
        except PreconditionError:
            return None
        wanted, held = policy_of(facts, answers.effective), await held_by(self._rows, agent)
        base = answers.pending if answers.pending is not None else held.raw if held else None
        if plan(None if base is None else read_policy(base), wanted).proposal is None:
            return None
        names: Mapping[str, str] = {camera.id: camera.name_on_site for camera in facts.cameras}
        return dataclasses.replace(site, sharing=(SharingLayer(wanted),), names=names, document=None)
