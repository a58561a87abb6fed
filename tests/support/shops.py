"""A whole gateway's services with a shop whose camera may be watched for an incident that is open nearby."""

from dataclasses import dataclass, replace

from gateway.app.services import Services
from gateway.cameras import Camera, CameraFacts
from gateway.incidents import IncidentReport
from gateway.kernel.principal import Principal
from gateway.partners import OrganisationKind, Place, Registration, Site
from gateway.sites import PolicyAnswer
from gateway.sites import Site as AgentSite
from gateway.sites.model import AgentCamera, CameraHealth
from gateway.sites.store import SiteStore
from partner_agent.wire import enrolment
from partner_agent.wire.documents import Position, parse
from partner_agent.wire.tokens import LocalSigner
from policies.clauses import Preset, of_preset
from policies.vocabulary import IncidentKind, Origin
from tests.support.application import ORIGIN, agreeing_owner
from tests.support.deciding_process import operator
from tests.support.site_bench import MiniAgent, token_form

HERE = Place(41.8819, -87.6278)
LINEAGE = "1" * 32


@dataclass(frozen=True)
class Shop:
    """A shop that shares its camera, the operator who may look, and why."""

    services: Services
    owner: Principal
    site: Site
    camera: Camera
    agent_id: str
    operator: Principal
    incident_id: str
    device: LocalSigner

    async def acknowledges(self) -> None:
        """The site takes what is due and says so, as its agent would."""
        store, now = SiteStore(self.services.database), self.services.clock.now()
        outbox = self.services.sites.delivery._outbox
        agent = await store.agent(self.agent_id)
        assert agent is not None
        held = Position(agent.lineage or LINEAGE, agent.acked_seq, agent.acked_sha256)
        if not agent.acked_seq:
            held = Position.nothing(LINEAGE)
        for due in await outbox.due(self.agent_id, held):
            stands = parse(due.document).position
            async with self.services.database.unit_of_work() as unit:
                values = {"lineage": LINEAGE, "acked_seq": stands.seq, "acked_sha256": stands.sha256, "acked_at": now}
                await store.change_agent(unit, self.agent_id, **values)
                answer = PolicyAnswer(self.agent_id, "ack", LINEAGE, stands.seq, stands.sha256, "", "")
                await outbox.answered(unit, answer)
                await unit.commit(unaudited="the site's signed answer, without its link")


async def sharing_shop(services: Services) -> Shop:
    """Registered, paired, ticked, answered for, approved on site; and an incident nearby."""
    await services.identity.people.ensure_agency("City Police")
    wish = Registration(OrganisationKind.BUSINESS, "Corner Shop", "1 State St", "Ana Ruiz", "ana@shop.example")
    await services.partners.register(wish)
    owner = await agreeing_owner(services, wish)
    wanted = Site("", "", "Shop", "1 State St", HERE, "America/Chicago", people_live_here=False)
    site = await services.partners.save_site(owner, wanted, is_new=True)
    camera = await services.cameras.add(owner, site, CameraFacts("Front door", HERE, None, True, ""))
    agent = await _paired(services, owner, site)
    await _ticked(services, owner, site, camera, agent.id)
    clause = replace(of_preset(Preset.EMERGENCIES, frozenset({camera.id}), is_home=False), by_hand=True)
    await services.sharing.save(owner, site.id, [clause], made_from=0)
    watcher = operator((await services.identity.people.agency()).id)
    report = IncidentReport(IncidentKind.ROBBERY, Origin.HAND, HERE.lat, HERE.lon, number="26-1")
    incident = await services.incidents.open(watcher, report)
    shop = Shop(services, owner, site, camera, agent.id, watcher, incident.id, agent.device)
    await shop.acknowledges()
    return shop


async def _paired(services: Services, owner: Principal, site: Site) -> MiniAgent:
    agent = MiniAgent(services.clock)  # type: ignore[arg-type]
    proof = enrolment.make_proof(agent.device, token_url=f"{ORIGIN}/oauth/token", now=services.clock.now())
    _, codes = await services.sites.enrolments.begin(agent.device_form(jwk_proof=proof), address="192.0.2.1")
    await services.sites.key_sets.ensure_current()
    place = AgentSite(id=site.id, name=site.name, organisation_id=site.organisation_id)
    await services.sites.enrolments.approve(owner, place, codes["user_code"])
    status, body = await services.sites.enrolments.poll(token_form(codes["device_code"]))
    assert status == 200
    agent.take(dict(body))
    return agent


async def _ticked(services: Services, owner: Principal, site: Site, camera: Camera, agent_id: str) -> None:
    told = AgentCamera(
        areas=(),
        agent_id=agent_id,
        local_id="cam-1",
        label="Door",
        codec="h264",
        width=1280,
        height=720,
        health=CameraHealth.OK,
        health_since=services.clock.now(),
        camera_id=None,
        live="",
        is_listed=True,
    )
    async with services.database.unit_of_work() as unit:
        await SiteStore(services.database).put_camera(unit, told)
        await unit.commit(unaudited="what an agent can see")
    await services.sites.agents.tick(owner, site.id, {"cam-1": camera.id})
