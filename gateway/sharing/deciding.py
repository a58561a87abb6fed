"""The centre's decisions: may this person do this with this camera, and which cameras near an incident may they see.

Every release asks both engines, and is refused where this process cannot know whether something was taken back
(`freshness`); lists ask the kernel alone. What the site acknowledged and what is pending must both permit. A camera
whose place the caller may not know is answered as one that is not there. The caller (live, evidence) writes the leaf of
the decision in the transaction that follows from it.
"""

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from gateway.cameras import Camera, Cameras
from gateway.incidents import Incident
from gateway.kernel.errors import InvalidError, NotFoundError
from gateway.kernel.principal import Principal
from gateway.partners import Place
from gateway.sharing.layering import Layering, SiteLayers
from gateway.sharing.ports import Confirmed
from partner_agent.wire.clock import Clock
from policies import request as law
from policies.decide import decide, preview, propose_caps
from policies.request import Approval, Caps, Decision, Deny, Permit, Span, Subject
from policies.seconding import may_second
from policies.vocabulary import Act, Layer, Purpose, Reason, Remedy, Technology

WISH: Final = Caps(seconds=1800, height_lines=1080)  # of a person who says nothing else
NOTHING: Final = Caps(seconds=0, height_lines=0)  # of knowing that a camera is there
_ASSURANCE: Final = (("passkey", 3), ("totp", 2), ("password", 1))


class Availability(StrEnum):
    """What an operator may read about a camera they may know of."""

    AVAILABLE = "available"
    AVAILABLE_IF = "available_if"  # a remedy that the owner offers
    NOT_AVAILABLE = "not_available"  # for this purpose; never why


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What somebody wants.

    Attributes:
        purpose: a word of `policies.vocabulary.Purpose`.
        incident: the reason, or None.
        span: the recording that is asked for.
        approval: the owner's yes, where the caller holds one.
        without_session: a running session that must not count against the site's totals.
    """

    principal: Principal
    camera_id: str
    act: Act
    purpose: str
    incident: Incident | None = None
    wish: Caps = WISH
    span: Span | None = None
    approval: Approval | None = None
    is_second_person_present: bool = False
    technology: Technology = Technology.VIDEO
    without_session: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a decision stood on.

    Attributes:
        local_camera: the camera as its agent and its document call it.
        policy_sha256: the newest acknowledged document.
        pending: whether a narrowing that the site has not acknowledged had to permit too.
        network, site: generations at the time.
    """

    site_id: str
    organisation_id: str
    agent_id: str
    local_camera: str
    lineage: str
    policy_sha256: str
    pending: bool
    guardrail: str
    network: int
    site: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """An answer with what it was about and what it stood on.

    Attributes:
        snapshot: None where the site holds no document.
        ground: the condition of the owner's rule that a permit stands on, without its radius; empty for a deny.
    """

    decision: Decision
    camera: Camera
    subject: Subject
    facts: law.Facts
    incident: law.Incident | None
    snapshot: Snapshot | None
    ground: str = ""


@dataclass(frozen=True, slots=True)
class NearView:
    """A camera near an incident, as its operator may read of it."""

    camera: Camera
    distance_m: float
    availability: Availability
    remedy: Remedy = Remedy.NONE


class Decisions:
    """Answers of the centre."""

    def __init__(self, *, cameras: Cameras, layering: Layering, freshness: Confirmed, clock: Clock) -> None:
        self._cameras = cameras
        self._layering = layering
        self._freshness = freshness
        self._clock = clock

    async def decide_for(self, question: Question) -> Decided:
        """Whether this may be released, by both engines and every layer of the centre.

        Raises:
            NotFoundError: there is no such camera, or the person may not know of it.
            InvalidError: the purpose is no word of ours.
            UnavailableError: it would be permitted, but this process may have missed that something was taken back.
        """
        camera = await self._cameras.camera(question.camera_id)
        site = await self._layering.of_site(camera.site_id, camera.organisation_id)
        asked = self._request(question, camera, site, now=self._clock.now())
        if not self._is_known(site, asked):
            raise NotFoundError("There is no such camera.")
        usage = await self._layering.usage(camera.site_id, without_session=question.without_session)
        facts = law.Facts(
            usage=usage,
            approval=question.approval,
            is_second_person_present=question.is_second_person_present,
        )
        decision = self._decision(site, asked, facts)
        if isinstance(decision, Permit):
            await self._freshness.demand()  # last, so that a decision that took long does not stand on what was
        return Decided(
            decision=decision,
            camera=camera,
            subject=asked.subject,
            facts=facts,
            incident=asked.incident,
            snapshot=self._snapshot(site, camera),
            ground=_ground(site, decision),
        )

    async def list_near(
        self, principal: Principal, incident: Incident, *, purpose: str, radius_m: float, most: int
    ) -> list[NearView]:
        """The cameras around an incident that the caller may know of, nearest first, with what they may read of each.

        Raises:
            InvalidError: the purpose is no word of ours.
        """
        centre = Place(incident.place.lat, incident.place.lon)
        sites: dict[str, SiteLayers] = {}
        found = []
        for near in await self._cameras.near(centre, radius_m=radius_m, most=most):
            camera = near.camera
            if camera.site_id not in sites:
                sites[camera.site_id] = await self._layering.of_site(camera.site_id, camera.organisation_id)
            question = Question(
                principal=principal, camera_id=camera.id, act=Act.LIVE_VIEW, purpose=purpose, incident=incident
            )
            asked = self._request(question, camera, sites[camera.site_id], now=self._clock.now())
            if self._is_known(sites[camera.site_id], asked):
                found.append(self._near(sites[camera.site_id], asked, camera, near.distance_m))
        return found

    def may_second(self, first: Principal, second: Principal) -> bool:
        """Whether the agency's rules let `second` be the second person of what `first` asks."""
        agency, now = self._layering.agency, self._clock.now()
        return may_second(agency, first=_subject(first), second=_subject(second), now=now)

    async def is_known(self, principal: Principal, camera: Camera, *, purpose: str, incident: Incident | None) -> bool:
        """Whether the caller may know where this camera is, for this purpose and incident."""
        site = await self._layering.of_site(camera.site_id, camera.organisation_id)
        question = Question(
            principal=principal, camera_id=camera.id, act=Act.REGISTRY_VIEW, purpose=purpose, incident=incident
        )
        return self._is_known(site, self._request(question, camera, site, now=self._clock.now()))

    def _near(self, site: SiteLayers, asked: law.Request, camera: Camera, distance_m: float) -> NearView:
        decision = self._previewed(site, asked)
        if isinstance(decision, Permit):
            return NearView(camera, distance_m, Availability.AVAILABLE)
        if decision.remedy is not Remedy.NONE:
            return NearView(camera, distance_m, Availability.AVAILABLE_IF, decision.remedy)
        return NearView(camera, distance_m, Availability.NOT_AVAILABLE)

    def _is_known(self, site: SiteLayers, asked: law.Request) -> bool:
        """Whether the camera's place may be known: for what is asked, or to anybody who looks at the map.

        By its document, or on the list by what the owner answered. A switch or a pause ends releases, not knowledge.
        """
        is_connected = asked.camera in site.names.values()
        layers = site.layers(law.Facts()) if is_connected else site.drafted(law.Facts())
        if layers is None or layers.invariants is None:
            return False
        still = dataclasses.replace(layers.invariants, is_paused=False, is_suspended=False)
        layers = dataclasses.replace(layers, invariants=still)
        look = dataclasses.replace(asked, act=Act.REGISTRY_VIEW, caps=NOTHING, span=None, technology=Technology.VIDEO)
        on_the_map = (dataclasses.replace(look, purpose=purpose, incident=None) for purpose in Purpose)
        return any(isinstance(preview(layers, one), Permit) for one in (look, *on_the_map))

    def _previewed(self, site: SiteLayers, asked: law.Request) -> Decision:
        layers = site.layers(law.Facts())
        if layers is None:
            return _NOT_CONNECTED
        caps = propose_caps(layers, asked)
        return preview(layers, asked if caps is None else dataclasses.replace(asked, caps=caps))

    def _decision(self, site: SiteLayers, asked: law.Request, facts: law.Facts) -> Decision:
        layers = site.layers(facts)
        if layers is None:
            return _NOT_CONNECTED
        caps = propose_caps(layers, asked)
        return decide(layers, asked if caps is None else dataclasses.replace(asked, caps=caps))

    def _request(self, question: Question, camera: Camera, site: SiteLayers, *, now: datetime) -> law.Request:
        if question.purpose not in set(Purpose):
            raise InvalidError("Choose a purpose.", fields={"purpose": "This is no purpose we know."})
        return law.Request(
            now=now,
            partner=camera.organisation_id,
            camera=site.names.get(camera.id, camera.id),
            act=question.act,
            purpose=Purpose(question.purpose),
            subject=_subject(question.principal),
            caps=question.wish,
            incident=None if question.incident is None else question.incident.fact(now),
            span=question.span,
            technology=question.technology,
        )

    def _snapshot(self, site: SiteLayers, camera: Camera) -> Snapshot | None:
        if site.document is None:
            return None
        return Snapshot(
            site_id=camera.site_id,
            organisation_id=camera.organisation_id,
            agent_id=site.document.agent_id,
            local_camera=site.names.get(camera.id, ""),
            lineage=site.document.lineage,
            policy_sha256=site.document.sha256,
            pending=site.has_pending,
            guardrail=site.guardrail_digest,
            network=site.network,
            site=site.generation,
        )


_NOT_CONNECTED: Final = Deny(Reason.NOT_SHARED, Layer.SHARING, "This site shares nothing through us yet.")


def _ground(site: SiteLayers, decision: Decision) -> str:
    if not isinstance(decision, Permit):
        return ""
    deciding = next(rule for rule in site.sharing[0].policy.rules if rule.id == decision.rules[0])
    return deciding.condition.partition(":")[0]


def _subject(principal: Principal) -> Subject:
    assurance = next((level for factor, level in _ASSURANCE if factor in principal.factors), 0)
    return Subject(
        ref=principal.person_id,
        agency=principal.organisation_id,
        unit=principal.unit,
        roles=frozenset(str(role) for role in principal.roles),
        assurance=assurance,
    )
