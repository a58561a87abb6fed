"""Wires live views: the centre's decisions, the links to sites, the relay as a child, and what ends a view early."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypedDict, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from gateway.app.agents_on_site import SiteKeys
from gateway.app.asking import LinkedAskSites, SharingAskLaw, approved_question, listen
from gateway.app.emergency import EmergencyServices
from gateway.app.granted import as_now, told_caps, told_incident, told_obligations, told_subject
from gateway.app.ground import Ground
from gateway.app.media import media_server
from gateway.app.phones import phone_ground
from gateway.app.reasons import ReadOnce, Reasons
from gateway.app.recorded_law import decide_recorded
from gateway.app.relay_socket import relay_socket
from gateway.app.settings import Settings, SettingsError
from gateway.app.sharing import SharingServices
from gateway.app.still_vault import still_ground
from gateway.cameras import Cameras
from gateway.edge.health import Probe
from gateway.emergency import Need
from gateway.identity import Identity, People
from gateway.incidents import Incident, Incidents
from gateway.kernel.background import Background
from gateway.kernel.errors import LenspactError, NotFoundError
from gateway.kernel.generations import AGREEMENT, ORDINANCE
from gateway.kernel.keyring import Keyring
from gateway.live import (
    FINGERPRINT_PREFIX,
    RELAY_NAME,
    AskGround,
    Calls,
    IceServerError,
    IceServers,
    Live,
    LivePlane,
    Phones,
    RelayConfig,
    Session,
    Showings,
    Stills,
    ViewAsks,
    ViewDeny,
    ViewPermit,
    ViewQuestion,
    build_live,
)
from gateway.live import Ground as LiveGround
from gateway.sharing import EVERYTHING, NETWORK, Decided, Decisions, Freshness, Question
from gateway.sites import Peer, Sites
from partner_agent.rtc import certificate
from partner_agent.wire import grants
from partner_agent.wire.clock import Clock
from partner_agent.wire.messages import Interrupted, Message, Noted, Refused, Stopped
from policies.request import Caps, Deny, Permit, Span, Usage
from policies.vocabulary import Reason

INCIDENT_LOOK_S: Final = 3.0  # a view outlives its incident's grace time by no more than this
M = TypeVar("M", bound=Message)


class SharingDecider:
    """`live.Decider` over sharing's decisions and the incidents."""

    def __init__(
        self, *, decisions: Decisions, incidents: Reasons, people: People, emergency: EmergencyServices
    ) -> None:
        self._decisions, self._incidents, self._people = decisions, incidents, people
        self._emergency, self._emergencies = emergency, emergency.emergencies

    def together(self) -> "SharingDecider":
        """For a wall: the incident, and what each site gives, is read once. Each view is decided by itself."""
        return SharingDecider(
            decisions=self._decisions.together(),
            incidents=ReadOnce(self._incidents),
            people=self._people,
            emergency=self._emergency,
        )

    async def decide(self, question: ViewQuestion) -> ViewPermit | ViewDeny:
        """Decide with all layers of the centre; a running view for the person as they stand now."""
        if question.without_session:
            question = replace(question, principal=await as_now(self._people, question.principal))
        incident = None
        if question.incident_id:
            incident = await self._incidents.incident(question.principal, question.incident_id)
        if question.wanted_at is not None:
            return await self._recorded(question, incident)
        asked = Question(
            principal=question.principal,
            camera_id=question.camera_id,
            act=question.act,
            purpose=question.purpose,
            incident=incident,
            without_session=question.without_session,
            on_behalf_of=question.on_behalf_of,
        )
        if question.is_still or question.most_seconds:
            seconds = 1 if question.is_still else min(question.most_seconds, asked.wish.seconds)
            asked = replace(asked, wish=Caps(seconds=seconds, height_lines=asked.wish.height_lines))
        if question.sound:
            asked = replace(asked, wish=replace(asked.wish, audio=True))
        if question.approved is not None:
            asked = approved_question(asked, until=question.approved.until)
        decided, second_id = await self._decisions.decide_for(asked), ""
        if isinstance(decided.decision, Deny) and not question.sound:
            second_id = await self._second_of(question, decided)
        if second_id:
            decided = await self._decisions.decide_for(replace(asked, is_second_person_present=True))
        return _answer(question, decided, second_id=second_id)

    async def _recorded(self, question: ViewQuestion, incident: Incident | None) -> ViewPermit | ViewDeny:
        """Of a recording; a second person's word is to exactly the range that was asked for."""
        decided, footage = await decide_recorded(self._decisions, question, incident)
        word = question.confirmation_id if footage is None else ""
        need = await self._emergencies.need_of(question.principal.person_id, word) if word else None
        if need is None or need.t0 is None or need.t1 is None:
            return _answer(question, decided, footage=footage)
        question = replace(question, footage=Span(need.t0, need.t1))
        second_id = await self._second_of(question, decided)
        if second_id:
            decided, footage = await decide_recorded(self._decisions, question, incident, is_for_two=True)
        return _answer(question, decided, second_id=second_id, footage=footage)

    async def is_switched_off(self, organisation_id: str, agency_id: str) -> bool:
        """One look at the switches."""
        try:
            return await self._decisions.is_switched_off(organisation_id, agency_id)
        except (LenspactError, SQLAlchemyError, OSError):
            return False

    async def _second_of(self, question: ViewQuestion, decided: Decided) -> str:
        """The second person whose word stands for exactly this; nobody's where no incident is going on.

        A second person confirms what their own agency does, never what it does for another.
        """
        if decided.incident is None or not decided.incident.is_active or question.on_behalf_of:
            return ""
        need = Need(
            camera_id=question.camera_id,
            act=question.act.value,
            purpose=question.purpose,
            incident_id=question.incident_id,
            t0=question.footage.start if question.footage else None,
            t1=question.footage.end if question.footage else None,
        )
        asker, used_by = question.principal.person_id, question.without_session
        return await self._emergencies.second_of(asker, need, question.confirmation_id, used_by=used_by)


def _answer(
    question: ViewQuestion, decided: Decided, *, second_id: str = "", footage: Span | None = None
) -> ViewPermit | ViewDeny:
    match decided.decision:
        case Deny() as deny:
            return ViewDeny(
                reason=deny.reason.value,
                layer=deny.layer.value,
                remedies=deny.remedies,
                site_id=decided.camera.site_id,
                organisation_id=decided.camera.organisation_id,
                is_full=deny.reason is Reason.TOTALS and decided.facts.usage != Usage(),
                agent_id=decided.snapshot.agent_id if decided.snapshot else "",
            )
        case Permit() as permit:
            return replace(_permit(question, decided, permit, second_id=second_id), footage=footage)


def _permit(question: ViewQuestion, decided: Decided, permit: Permit, *, second_id: str) -> ViewPermit:
    stood_on = decided.snapshot
    assert stood_on is not None, "a permit stands on an acknowledged document"
    return ViewPermit(
        camera_id=question.camera_id,
        local_camera=stood_on.local_camera,
        site_id=stood_on.site_id,
        organisation_id=stood_on.organisation_id,
        agent_id=stood_on.agent_id,
        lineage=stood_on.lineage,
        policy_sha256=stood_on.policy_sha256,
        subject=told_subject(decided.subject),
        facts=grants.Facts(is_second_person_present=decided.facts.is_second_person_present),
        caps=told_caps(permit),
        obligations=told_obligations(permit),
        incident=told_incident(decided),
        horizon=permit.horizon,
        ground=decided.ground,
        second_id=second_id,
        may_hear=decided.may_hear and question.approved is None and not second_id,
    )


class LiveForHandlers(TypedDict):
    """What handlers get, by the names they ask for."""

    live: Live
    showings: Showings
    stills: Stills
    phones: Phones
    view_asks: ViewAsks
    live_calls: Calls


@dataclass(frozen=True, slots=True)
class LiveServices:
    """What is built together."""

    live: Live
    showings: Showings
    stills: Stills
    phones: Phones
    asks: ViewAsks
    calls: Calls
    background: tuple[Background, ...]
    probe: Probe
    relay_figures: Callable[[], Awaitable[Mapping[str, int]]]

    @property
    def for_handlers(self) -> LiveForHandlers:
        """What handlers get."""
        return LiveForHandlers(
            live=self.live,
            showings=self.showings,
            stills=self.stills,
            phones=self.phones,
            view_asks=self.asks,
            live_calls=self.calls,
        )


def wire_live(
    ground: Ground,
    *,
    law: SharingServices,
    incidents: Incidents,
    sites: Sites,
    identity: Identity,
    cameras: Cameras,
    emergency: EmergencyServices,
) -> LiveServices:
    """Live views with a relay of their own; nothing runs yet."""
    settings, origin = ground.settings, ground.settings.origin.text
    plane = build_live(
        LiveGround(
            database=ground.database,
            audit=ground.log.audit,
            bus=ground.bus,
            keyring=ground.keyring,
            decider=_decider(law, incidents, identity, emergency),
            consequences=emergency.consequences,
            freshness=law.freshness,
            links=sites.hub,
            keys=SiteKeys(sites),
            asking=_asking(ground, law, incidents, sites),
            stills=still_ground(ground),
            phones=phone_ground(ground, identity=identity, cameras=cameras, incidents=incidents),
            gateway=origin,
            clock=ground.clock,
            ids=ground.ids,
        ),
        configs=[relay_config(settings, ground.keyring, number) for number in range(1, settings.relays + 1)],
        is_child=settings.relay == "child",
        fingerprint=relay_fingerprint(ground).removeprefix(FINGERPRINT_PREFIX),
        ice_servers=ice_servers(settings, ground.clock),
        server=media_server(settings, ground.ids),
    )
    _listen_all(sites, plane, origin)
    follow = Background("views follow rules", lambda: follow_rules(plane.live, law.freshness))
    close = Background("views follow incidents", lambda: follow_incidents(plane.live, incidents, ground.clock))
    return LiveServices(
        plane.live,
        plane.showings,
        plane.stills,
        plane.phones,
        plane.asks,
        plane.calls,
        (*plane.background, follow, close),
        Probe("relay", lambda: _relay_answers(plane)),
        plane.engine.figures,
    )


def _decider(
    law: SharingServices, incidents: Incidents, identity: Identity, emergency: EmergencyServices
) -> SharingDecider:
    return SharingDecider(decisions=law.decisions, incidents=incidents, people=identity.people, emergency=emergency)


def _asking(ground: Ground, law: SharingServices, incidents: Incidents, sites: Sites) -> AskGround:
    return AskGround(
        law=SharingAskLaw(decisions=law.decisions, incidents=incidents, clock=ground.clock),
        sites=LinkedAskSites(sites),
        touches=law.touches,
    )


def relay_config(settings: Settings, keyring: Keyring, number: int = 1) -> RelayConfig:
    """What the relay of this number is told, whoever starts it. All show one certificate, as grants name one."""
    return RelayConfig(
        relay=f"{RELAY_NAME.removesuffix('1')}{number}",
        socket=str(relay_socket(settings.state_dir, number)),
        certificate=str(relay_certificate(settings.state_dir)),
        media_addresses=settings.media_addresses,
        media_port=settings.media_port and settings.media_port + number - 1,
        issuer=settings.origin.text,
        ticket_jwk=dict(keyring.ticket.public.jwk),
    )


def ice_servers(settings: Settings, clock: Clock) -> IceServers | None:
    """What callers of the relay are told of; None where nothing is configured.

    Raises:
        SettingsError: a server cannot be named, or the secret cannot be read.
    """
    if not settings.ice_servers:
        return None
    path = settings.turn_secret_file
    try:
        secret = path.read_bytes().strip() if path else b""
        return IceServers(urls=settings.ice_servers, secret=secret, clock=clock)
    except (IceServerError, OSError) as error:
        raise SettingsError(f"ice_servers: {error}") from error


def relay_certificate(state_dir: Path) -> Path:
    """Where the relay's DTLS identity is kept."""
    return state_dir / "keys" / f"{RELAY_NAME}.pem"


def relay_fingerprint(ground: Ground) -> str:
    """The relay's certificate as key sets name it: `sha-256 AA:BB:…` (RFC 8122 §5)."""
    identity = certificate.load_or_generate(relay_certificate(ground.settings.state_dir), ground.clock.now())
    return FINGERPRINT_PREFIX + identity.fingerprint


async def _relay_answers(plane: LivePlane) -> None:
    """Ask it something, for one that hangs keeps its connection."""
    await plane.engine.figures()


async def follow_rules(live: Live, freshness: Freshness) -> None:
    """Decide the views that run in this process again when something they stand on has changed, whoever changed it.

    Generations are counted, so nothing is missed, however the news of it came; twice changes nothing. What was taken
    up when this broke off is unknown, so each start looks at all of them.
    """
    with freshness.changes() as changes:
        await live.rules_changed()
        while True:
            await live.rules_changed(_concerned(await changes.get()))


def _concerned(scopes: frozenset[str]) -> Callable[[Session], bool]:
    """Which sessions a change of these scopes may end."""
    if scopes & {EVERYTHING, NETWORK, AGREEMENT, ORDINANCE}:
        return lambda _session: True

    def which(session: Session) -> bool:
        stands_on = {
            session.site_id, session.organisation_id, session.incident_id, session.person_id, session.agency_id,
            session.second_id,
        }  # fmt: skip
        return not stands_on.isdisjoint(scopes)

    return which


async def follow_incidents(live: Live, incidents: Incidents, clock: Clock) -> None:
    """End the views of incidents whose grace time is over."""
    while True:
        for incident_id in {session.incident_id for session in live.running()} - {""}:
            incident = await incidents.find(incident_id)
            if incident is None or not incident.is_active(clock.now()):
                await live.incident_closed(incident_id)
        await clock.sleep(INCIDENT_LOOK_S)


def _listen_all(sites: Sites, plane: LivePlane, origin: str) -> None:
    listen(sites, plane.asks, gateway=origin)
    _listen(sites, Stopped, plane.accounts.stopped)
    _listen(sites, Interrupted, plane.accounts.interrupted)
    _listen(sites, Refused, plane.accounts.refused)
    sites.hub.on_up(lambda peer: plane.site_is_back(peer.agent_id))


def _listen(sites: Sites, kind: type[M], take: Callable[[str, M], Awaitable[None]]) -> None:
    """Take a site's statements about views, and note them so that it stops repeating; others are left to others."""

    async def handle(peer: Peer, message: M) -> Noted | None:
        try:
            await take(peer.agent_id, message)
        except NotFoundError:
            return None
        return Noted(id=sites.hub.new_id(), re=message.id)

    sites.hub.on(kind, handle)
