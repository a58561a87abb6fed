"""Wires live views: the centre's decisions, the links to sites, the relay as a child, and what ends a view early."""

import dataclasses
import hashlib
import tempfile
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from gateway.app.asking import LinkedAskSites, SharingAskLaw, approved_question, listen
from gateway.app.emergency import EmergencyServices
from gateway.app.granted import as_now, told_caps, told_incident, told_obligations, told_subject
from gateway.app.ground import Ground
from gateway.app.settings import Settings, SettingsError
from gateway.app.sharing import SharingServices
from gateway.edge.health import Probe
from gateway.emergency import Need
from gateway.evidence import Evidence
from gateway.identity import Identity, People
from gateway.incidents import Incidents
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
    RelayConfig,
    Session,
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
from partner_agent.wire.tokens import PublicKey
from policies.request import Deny, Permit, Usage
from policies.vocabulary import Act

INCIDENT_LOOK_S: Final = 3.0  # a view outlives its incident's grace time by no more than this
_DAY: Final = timedelta(days=1)
SOCKET_PATH_BYTES: Final = 100  # Linux allows 107 for a Unix socket's path
M = TypeVar("M", bound=Message)


class SharingDecider:
    """`live.Decider` over sharing's decisions and the incidents."""

    def __init__(
        self, *, decisions: Decisions, incidents: Incidents, people: People, emergency: EmergencyServices
    ) -> None:
        self._decisions, self._incidents, self._people = decisions, incidents, people
        self._emergencies = emergency.emergencies

    async def decide(self, question: ViewQuestion) -> ViewPermit | ViewDeny:
        """Decide with all layers of the centre; a running view for the person as they stand now."""
        if question.without_session:
            question = replace(question, principal=await as_now(self._people, question.principal))
        incident = None
        if question.incident_id:
            incident = await self._incidents.incident(question.principal, question.incident_id)
        asked = Question(
            principal=question.principal,
            camera_id=question.camera_id,
            act=Act.LIVE_VIEW,
            purpose=question.purpose,
            incident=incident,
            without_session=question.without_session,
            on_behalf_of=question.on_behalf_of,
        )
        if question.approved is not None:
            asked = approved_question(asked, until=question.approved.until)
        decided, second_id = await self._decisions.decide_for(asked), ""
        if isinstance(decided.decision, Deny):
            second_id = await self._second_of(question, decided)
        if second_id:
            decided = await self._decisions.decide_for(replace(asked, is_second_person_present=True))
        match decided.decision:
            case Deny() as deny:
                camera = decided.camera
                return ViewDeny(
                    reason=deny.reason.value,
                    layer=deny.layer.value,
                    remedies=deny.remedies,
                    site_id=camera.site_id,
                    organisation_id=camera.organisation_id,
                )
            case Permit() as permit:
                return _permit(question, decided, permit, second_id=second_id)

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
            act=Act.LIVE_VIEW.value,
            purpose=question.purpose,
            incident_id=question.incident_id,
        )
        asker, used_by = question.principal.person_id, question.without_session
        return await self._emergencies.second_of(asker, need, question.confirmation_id, used_by=used_by)


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
    )


class SiteKeys:
    """`live.DeviceKeys` over the agents on site."""

    def __init__(self, sites: Sites) -> None:
        self._sites = sites

    async def device_key(self, agent_id: str) -> PublicKey | None:
        """The agent's device key."""
        agent = await self._sites.agents.agent(agent_id)
        return PublicKey.of(agent.jwk) if agent else None


class GivenTies:
    """What sites give, live and recorded, for those who are built before both: `sharing.GivenUsage`."""

    def __init__(self, clock: Clock) -> None:
        self._now = clock.now
        self._live: Live | None = None
        self._evidence: Evidence | None = None

    def tie(self, live: Live, evidence: Evidence) -> None:
        """These are they; called once."""
        self._live, self._evidence = live, evidence

    async def usage(self, sites: Collection[str], *, without_session: str = "") -> Mapping[str, Usage]:
        """What they give; those that give nothing are left out."""
        if self._live is None or self._evidence is None:
            return {}
        live = await self._live.usage(sites, without_session=without_session)
        clips = await self._evidence.given_s(sites, since=self._now() - _DAY)
        return {
            site: dataclasses.replace(live.get(site, Usage()), clip_s=clips.get(site, 0))
            for site in live.keys() | clips.keys()
        }


@dataclass(frozen=True, slots=True)
class LiveServices:
    """What is built together."""

    live: Live
    asks: ViewAsks
    calls: Calls
    background: tuple[Background, ...]
    probe: Probe
    relay_figures: Callable[[], Awaitable[Mapping[str, int]]]


def wire_live(
    ground: Ground,
    *,
    law: SharingServices,
    incidents: Incidents,
    sites: Sites,
    identity: Identity,
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
            decider=SharingDecider(
                decisions=law.decisions, incidents=incidents, people=identity.people, emergency=emergency
            ),
            consequences=emergency.consequences,
            freshness=law.freshness,
            links=sites.hub,
            keys=SiteKeys(sites),
            asking=AskGround(
                law=SharingAskLaw(decisions=law.decisions, incidents=incidents, clock=ground.clock),
                sites=LinkedAskSites(sites),
                touches=law.touches,
            ),
            gateway=origin,
            clock=ground.clock,
            ids=ground.ids,
        ),
        config=relay_config(settings, ground.keyring),
        is_child=settings.relay == "child",
        fingerprint=relay_fingerprint(ground).removeprefix(FINGERPRINT_PREFIX),
        ice_servers=ice_servers(settings, ground.clock),
    )
    _listen_all(sites, plane)
    listen(sites, plane.asks, gateway=origin)
    follow = Background("views follow rules", lambda: follow_rules(plane.live, law.freshness))
    close = Background("views follow incidents", lambda: follow_incidents(plane.live, incidents, ground.clock))
    return LiveServices(
        plane.live,
        plane.asks,
        plane.calls,
        (*plane.background, follow, close),
        Probe("relay", lambda: _relay_answers(plane)),
        plane.client.figures,
    )


def relay_config(settings: Settings, keyring: Keyring) -> RelayConfig:
    """What the relay is told, whoever starts it."""
    return RelayConfig(
        relay=RELAY_NAME,
        socket=str(_socket_path(settings.state_dir)),
        certificate=str(relay_certificate(settings.state_dir)),
        media_address=settings.media_addresses[0],
        media_port=settings.media_port,
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
    await plane.client.figures()


async def follow_rules(live: Live, freshness: Freshness) -> None:
    """Decide the views that run in this process again when something they stand on has changed, whoever changed it.

    Generations are counted, so nothing is missed, however the news of it came; twice changes nothing.
    """
    with freshness.changes() as changes:
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


def _listen_all(sites: Sites, plane: LivePlane) -> None:
    _listen(sites, Stopped, plane.accounts.stopped)
    _listen(sites, Interrupted, plane.accounts.interrupted)
    _listen(sites, Refused, plane.accounts.refused)


def _listen(sites: Sites, kind: type[M], take: Callable[[str, M], Awaitable[None]]) -> None:
    """Take a site's statements about views, and note them so that it stops repeating; others are left to others."""

    async def handle(peer: Peer, message: M) -> Noted | None:
        try:
            await take(peer.agent_id, message)
        except NotFoundError:
            return None
        return Noted(id=sites.hub.new_id(), re=message.id)

    sites.hub.on(kind, handle)


def _socket_path(state_dir: Path) -> Path:
    """Beside the state, unless that path is too long for a Unix socket."""
    path = state_dir.absolute() / "relay.sock"
    if len(str(path).encode()) <= SOCKET_PATH_BYTES:
        return path
    folder = (
        Path(tempfile.gettempdir()) / f"lenspact-{hashlib.sha256(str(state_dir.absolute()).encode()).hexdigest()[:16]}"
    )
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / "relay.sock"
