"""The centre's decisions: may this person do this with this camera.

Every release asks both engines, for this one camera, and is refused where this process cannot know whether something
was taken back (`freshness`); lists (`listing`) ask the kernel alone. What the site acknowledged and what is pending
must both permit. A camera whose place the caller may not know is answered as one that is not there. The caller (live,
evidence) writes the leaf of the decision in the transaction that follows from it.
"""

import dataclasses
from dataclasses import dataclass
from datetime import datetime

from gateway.cameras import Camera, Cameras
from gateway.incidents import Incident
from gateway.kernel.errors import InvalidError, NotFoundError
from gateway.kernel.principal import Principal
from gateway.sharing.layering import Layering, SiteLayers
from gateway.sharing.looking import NOT_CONNECTED, WISH, is_known, subject_of
from gateway.sharing.ports import Confirmed
from partner_agent.wire.clock import Clock
from policies import request as law
from policies.decide import decide, propose_caps
from policies.footage import propose_span
from policies.request import Approval, Caps, Decision, Permit, Span, Subject
from policies.seconding import may_second
from policies.vocabulary import Act, Purpose, Technology


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What somebody wants.

    Attributes:
        purpose: a word of `policies.vocabulary.Purpose`.
        incident: the reason, or None.
        span: the recording that is asked for.
        approval: the owner's yes, where the caller holds one.
        without_session: a running session that must not count against the site's totals.
        on_behalf_of: the other agency they ask for, as they say; empty for their own.
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
    on_behalf_of: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a decision stood on.

    Attributes:
        local_camera: the camera as its agent and its document call it.
        policy_sha256: the newest acknowledged document.
        pending: whether a narrowing that the site has not acknowledged had to permit too.
        network, site: the generations of everything at which each had changed last.
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
        moves: to how many other places the incident has gone.
        ground: the condition of the owner's rule that a permit stands on, without its radius; empty for a deny.
        may_hear: of a permitted silent live view, whether the kernel would permit it with sound.
    """

    decision: Decision
    camera: Camera
    subject: Subject
    facts: law.Facts
    incident: law.Incident | None
    snapshot: Snapshot | None
    ground: str = ""
    moves: int = 0
    may_hear: bool = False


class Decisions:
    """Answers of the centre."""

    def __init__(self, *, cameras: Cameras, layering: Layering, freshness: Confirmed, clock: Clock) -> None:
        self._cameras = cameras
        self._layering = layering
        self._freshness = freshness
        self._clock = clock
        self._usages: dict[tuple[str, str], law.Usage] | None = None  # None = read anew for each decision

    def together(self) -> "Decisions":
        """For questions of one moment: what a site gives is read once for all of them. Not to be kept."""
        others = Decisions(cameras=self._cameras, layering=self._layering, freshness=self._freshness, clock=self._clock)
        others._usages = {}
        return others

    async def decide_for(self, question: Question) -> Decided:
        """Whether this may be released, by both engines and every layer of the centre.

        Raises:
            NotFoundError: there is no such camera, or the person may not know of it.
            InvalidError: the purpose is no word of ours.
            UnavailableError: it would be permitted, but this process may have missed that something was taken back.
        """
        camera = await self._cameras.camera(question.camera_id)
        site = await self._layering.of_site(camera.site_id, camera.organisation_id)
        asked = request_of(question, camera, site, now=self._clock.now())
        if not is_known(site, asked):
            raise NotFoundError("There is no such camera.")
        facts = law.Facts(
            approval=question.approval,
            is_second_person_present=question.is_second_person_present,
        )
        decision = self._decision(site, asked, facts)
        if isinstance(decision, Permit):  # what the site gives already can only take away from a permit
            usage = await self._usage(camera.site_id, question.without_session)
            facts = dataclasses.replace(facts, usage=usage)
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
            moves=len(question.incident.stops) - 1 if question.incident else 0,
            may_hear=isinstance(decision, Permit) and self._may_hear(site, asked, facts),
        )

    async def footage_for(self, question: Question, *, at: datetime, most_s: int, lasts_s: int) -> Span | None:
        """The stretch of recording around `at` to ask for, as long as may be; None where nothing would be permitted.

        It is asked of the kernel alone; whoever shows something decides with it.

        Raises:
            NotFoundError: there is no such camera.
            InvalidError: the purpose is no word of ours.
        """
        camera = await self._cameras.camera(question.camera_id)
        site = await self._layering.of_site(camera.site_id, camera.organisation_id)
        asked = request_of(question, camera, site, now=self._clock.now())
        usage = await self._layering.usage(camera.site_id, without_session=question.without_session)
        facts = law.Facts(
            usage=usage,
            approval=question.approval,
            is_second_person_present=question.is_second_person_present,
        )
        layers = site.for_agency(asked.subject.agency).for_camera(asked.camera).layers(facts)
        return None if layers is None else propose_span(layers, asked, at=at, most_s=most_s, lasts_s=lasts_s)

    async def is_switched_off(self, organisation_id: str, agency_id: str) -> bool:
        """Whether the owner shares nothing with an agency, or nobody anything: the invariants deny all then."""
        return await self._layering.is_switched_off(organisation_id, agency_id)

    def may_second(self, first: Principal, second: Principal) -> bool:
        """Whether the agency's rules, and the ordinance in force, let `second` be the second person of `first`."""
        agency, now, rank = self._layering.agency, self._clock.now(), self._layering.second_person
        return may_second(agency, first=subject_of(first), second=subject_of(second), now=now, rank=rank)

    async def _usage(self, site_id: str, without_session: str) -> law.Usage:
        key = site_id, without_session
        found = None if self._usages is None else self._usages.get(key)
        if found is None:
            found = await self._layering.usage(site_id, without_session=without_session)
            if self._usages is not None:
                self._usages[key] = found
        return found

    def _decision(self, site: SiteLayers, asked: law.Request, facts: law.Facts) -> Decision:
        layers = site.for_agency(asked.subject.agency).for_camera(asked.camera).layers(facts)
        if layers is None:
            return NOT_CONNECTED
        caps = propose_caps(layers, asked)
        if caps is None:
            return decide(layers, asked)
        # Whoever asks for sound asks for nothing less: where it is not permitted, the answer is no.
        return decide(layers, dataclasses.replace(asked, caps=dataclasses.replace(caps, audio=asked.caps.audio)))

    def _may_hear(self, site: SiteLayers, asked: law.Request, facts: law.Facts) -> bool:
        """Whether the same with sound would be permitted, so that it is worth asking for; not a decision."""
        layers = site.for_agency(asked.subject.agency).for_camera(asked.camera).layers(facts)
        if layers is None or asked.act is not Act.LIVE_VIEW or asked.caps.audio:
            return False
        caps = propose_caps(layers, dataclasses.replace(asked, caps=dataclasses.replace(asked.caps, audio=True)))
        return caps is not None and caps.audio

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


def request_of(question: Question, camera: Camera, site: SiteLayers, *, now: datetime) -> law.Request:
    """The question in the law's words.

    Raises:
        InvalidError: the purpose is no word of ours.
    """
    if question.purpose not in set(Purpose):
        raise InvalidError("Choose a purpose.", fields={"purpose": "This is no purpose we know."})
    return law.Request(
        now=now,
        partner=camera.organisation_id,
        camera=site.names.get(camera.id, camera.id),
        act=question.act,
        purpose=Purpose(question.purpose),
        subject=dataclasses.replace(subject_of(question.principal), on_behalf_of=question.on_behalf_of),
        caps=question.wish,
        incident=None if question.incident is None else question.incident.fact(now),
        span=question.span,
        technology=question.technology,
    )


def _ground(site: SiteLayers, decision: Decision) -> str:
    if not isinstance(decision, Permit):
        return ""
    deciding = next(rule for rule in site.sharing[0].policy.rules if rule.id == decision.rules[0])
    return deciding.condition.partition(":")[0]
