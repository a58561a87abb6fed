"""Wires emergency access by two people: law, people as they are now, owners' mail, and what its use brings along."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.app.granted import told_obligations
from gateway.app.ground import Ground
from gateway.app.recorded_law import range_to_ask_for
from gateway.cameras import Cameras
from gateway.desks.console import ClipWish
from gateway.emergency import DAYS, Confirmation, Emergencies, Need, Owed, Place, Reports
from gateway.emergency.store import SqlConfirmations
from gateway.evidence import ClipRequest, Wanted
from gateway.identity import Identity, Mail
from gateway.incidents import Incidents
from gateway.kernel.background import Background
from gateway.kernel.database import UnitOfWork
from gateway.kernel.errors import DeniedError, InvalidError
from gateway.kernel.principal import Principal, PrincipalKind, Role
from gateway.live import Session, ViewPermit
from gateway.partners import Partners
from gateway.sharing import Decided, Decisions, Question, wish_of
from gateway.web import _, code_in_words, in_each, load_languages
from partner_agent.wire.clock import to_rfc3339
from policies.request import Permit, Span
from policies.vocabulary import RANGE_ACTS, Act, Obligation, Remedy

_TOLD: Final = frozenset({Role.OWNER, Role.MANAGER})  # whom of an organisation a message reaches


class SharingEmergencyLaw:
    """`emergency.EmergencyLaw` over the centre's decisions."""

    def __init__(self, *, decisions: Decisions, incidents: Incidents) -> None:
        self._decisions, self._incidents = decisions, incidents

    async def place(self, asker: Principal, need: Need) -> Place:
        """Whose camera it is."""
        if (need.act not in RANGE_ACTS) is not (need.t0 is None) or (need.t0 is None) is not (need.t1 is None):
            raise InvalidError("A recording has a beginning and an end; a live view has neither.")
        decided = await self._decided(asker, need, with_second=False)
        return Place(site_id=decided.camera.site_id, organisation_id=decided.camera.organisation_id)

    async def permits(self, asker: Principal, need: Need, *, with_second: bool) -> bool:
        """Whether every layer permits it; a look only while the incident goes on."""
        decided = await self._decided(asker, need, with_second=with_second)
        is_reason = decided.incident is not None and (decided.incident.is_active or need.act == Act.CLIP_FETCH)
        return is_reason and isinstance(decided.decision, Permit)

    def may_second(self, first: Principal, second: Principal) -> bool:
        """Whether the agency's rules allow it."""
        return self._decisions.may_second(first, second)

    async def recorded(self, asker: Principal, *, camera_id: str, purpose: str, incident_id: str, at: datetime) -> Need:
        """What of a recording around a moment two people could look at.

        Raises:
            NotFoundError: no such camera or incident, or the person may not know of it.
            InvalidError: a purpose that is no word of ours.
            DeniedError: nothing of it.
        """
        question = Question(
            principal=asker,
            camera_id=camera_id,
            act=Act.RECORDED_VIEW,
            purpose=purpose,
            incident=await self._incidents.incident(asker, incident_id),
        )
        span = await range_to_ask_for(self._decisions, question, at=at, by=Remedy.TWO_PERSONS)
        if span is None:
            raise DeniedError("Not available for this purpose.")
        return Need(
            camera_id=camera_id,
            act=Act.RECORDED_VIEW.value,
            purpose=purpose,
            incident_id=incident_id,
            t0=span.start,
            t1=span.end,
        )

    async def _decided(self, asker: Principal, need: Need, *, with_second: bool) -> Decided:
        incident = await self._incidents.incident(asker, need.incident_id)
        span = Span(need.t0, need.t1) if need.t0 is not None and need.t1 is not None else None
        return await self._decisions.decide_for(
            Question(
                principal=asker,
                camera_id=need.camera_id,
                act=Act(need.act),
                purpose=need.purpose,
                incident=incident,
                wish=wish_of(span),
                span=span,
                is_second_person_present=with_second,
            )
        )


class PeopleOfTheAgency:
    """`emergency.People` over identity."""

    def __init__(self, identity: Identity) -> None:
        self._people, self._sessions = identity.people, identity.sessions

    async def as_they_are(self, person_id: str, factors: frozenset[str]) -> Principal | None:
        """With the roles they hold now."""
        membership = await self._people.membership(person_id) if person_id else None
        if membership is None:
            return None
        return Principal(
            kind=PrincipalKind.AGENCY,
            person_id=person_id,
            organisation_id=membership.organisation_id,
            roles=membership.roles,
            unit=membership.unit,
            factors=factors,
        )

    async def is_signed_in(self, session_ref: str) -> bool:
        """Whether the session still counts."""
        return await self._sessions.is_live(session_ref)


class OwnersByMail:
    """`emergency.Owners`: a message to each owner and manager."""

    def __init__(self, ground: Ground, *, partners: Partners, cameras: Cameras, identity: Identity) -> None:
        self._ground, self._partners, self._cameras, self._identity = ground, partners, cameras, identity

    async def tell(self, unit: UnitOfWork, confirmation: Confirmation) -> None:
        """In the caller's transaction."""
        need = confirmation.need
        camera = await self._cameras.camera(need.camera_id)
        agency = await self._identity.people.agency()
        now, url = self._ground.clock.now(), self._ground.settings.origin.text
        languages = load_languages().values()  # nobody knows which one each of them reads

        def said() -> str:
            return emergency_mail(need, agency=agency.name, camera=camera.name, at=now, url=url)

        def subject() -> str:
            return _("Emergency access to your camera %(camera)s", camera=camera.name)

        text, title = in_each(languages, said, between="\n"), in_each(languages, subject, between=" / ")
        for member in await self._partners.members(confirmation.place.organisation_id):
            if member.role in _TOLD:
                mail = Mail(to=member.email, subject=title, text=text)
                await self._identity.send_mail(unit, mail)


def emergency_mail(need: Need, *, agency: str, camera: str, at: datetime, url: str) -> str:
    """What owners and managers are told, in the language that is spoken."""
    if need.act == Act.LIVE_VIEW:
        what = _(
            "Two people of %(agency)s used emergency access by two people, which you allowed, to open the live "
            "picture of your camera “%(camera)s”.",
            agency=agency,
            camera=camera,
        )
    elif need.act == Act.STILL_TAKE:
        what = _(
            "Two people of %(agency)s used emergency access by two people, which you allowed, to take a still picture "
            "of your camera “%(camera)s”.",
            agency=agency,
            camera=camera,
        )
    elif need.act == Act.RECORDED_VIEW:
        what = _(
            "Two people of %(agency)s used emergency access by two people, which you allowed, to look at a part of the "
            "recording of your camera “%(camera)s”.",
            agency=agency,
            camera=camera,
        )
    else:
        what = _(
            "Two people of %(agency)s used emergency access by two people, which you allowed, to ask for a "
            "recording of your camera “%(camera)s”.",
            agency=agency,
            camera=camera,
        )
    lines = (
        what,
        "",
        _("When: %(at)s", at=to_rfc3339(at)),
        _("Why: %(purpose)s", purpose=code_in_words(need.purpose)),
        "",
        _("A report about it is owed within days."),
        _("Who looked, and for how long: %(url)s", url=f"{url}/portal/who-looked"),
        _("To end it now, switch the camera off on your page, or run on site: lenspact-agent pause"),
    )
    return "\n".join(lines) + "\n"


class ViewConsequences:
    """`live.Consequences`: the second person's word is used up, and a report is owed."""

    def __init__(self, emergencies: Emergencies, reports: Reports) -> None:
        self._emergencies, self._reports = emergencies, reports

    async def of_view(self, unit: UnitOfWork, session: Session, permit: ViewPermit, *, confirmation_id: str) -> None:
        """In the transaction that writes the session."""
        if permit.second_id:
            await self._emergencies.use(unit, confirmation_id, by=session.id)
        await _owe(self._reports, unit, session, permit.obligations, session_id=session.id)


def need_of(recording: Wanted | ClipWish) -> Need:
    """A recording as a second person confirms it: where it is asked for and where it is used, the same fields count."""
    return Need(
        camera_id=recording.camera_id,
        act=Act.CLIP_FETCH.value,
        purpose=recording.purpose,
        incident_id=recording.incident_id,
        t0=recording.t0,
        t1=recording.t1,
        legal_basis=recording.legal_basis,
    )


class ClipConsequences:
    """`evidence.Consequences`: the second person's word is used up."""

    def __init__(self, emergencies: Emergencies) -> None:
        self._emergencies = emergencies

    async def of_request(self, unit: UnitOfWork, request: ClipRequest) -> None:
        """In the transaction that writes the request."""
        await self._emergencies.use(unit, request.confirmation_id, by=request.id)


async def clip_report(reports: Reports, unit: UnitOfWork, request: ClipRequest, permit: Permit) -> None:
    """A report is owed for a recording whose grant obliges to one, in the transaction of the grant's leaf."""
    await _owe(reports, unit, request, told_obligations(permit), session_id=request.session_id)


async def _owe(
    reports: Reports,
    unit: UnitOfWork,
    look: Session | ClipRequest,
    obligations: Mapping[str, object],
    *,
    session_id: str,
) -> None:
    if not obligations.get(Obligation.AFTER_ACTION):
        return
    days = obligations.get(Obligation.AFTER_ACTION_DAYS)
    owed = Owed(
        agency_id=look.agency_id,
        incident_id=look.incident_id,
        session_id=session_id,
        camera_id=look.camera_id,
        organisation_id=look.organisation_id,
        person_id=look.person_id,
        days=days if isinstance(days, int) and days > 0 else DAYS,
    )
    await reports.owe(unit, owed)


@dataclass(frozen=True, slots=True)
class EmergencyServices:
    """What is built together."""

    law: SharingEmergencyLaw
    emergencies: Emergencies
    reports: Reports
    consequences: ViewConsequences
    background: tuple[Background, ...]


def build_emergency(
    ground: Ground,
    *,
    decisions: Decisions,
    incidents: Incidents,
    identity: Identity,
    partners: Partners,
    cameras: Cameras,
) -> EmergencyServices:
    """Build it."""
    law = SharingEmergencyLaw(decisions=decisions, incidents=incidents)
    emergencies = Emergencies(
        database=ground.database,
        rows=SqlConfirmations(ground.database),
        law=law,
        people=PeopleOfTheAgency(identity),
        owners=OwnersByMail(ground, partners=partners, cameras=cameras, identity=identity),
        log=ground.log.audit,
        publisher=ground.bus,
        clock=ground.clock,
        ids=ground.ids,
    )
    reports = Reports(database=ground.database, log=ground.log.audit, clock=ground.clock, ids=ground.ids)
    work = (Background("emergency access", emergencies.run), Background("reports owed", reports.run))
    return EmergencyServices(law, emergencies, reports, ViewConsequences(emergencies, reports), work)
