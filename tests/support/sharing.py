"""Sharing over a real database, with partners, cameras and the log; agents on site are kept in memory."""

from dataclasses import dataclass
from datetime import timedelta

from gateway.cameras import Camera, CameraFacts
from gateway.incidents import Incident, Stop
from gateway.kernel.database import Database
from gateway.kernel.errors import NotFoundError
from gateway.kernel.principal import Principal, PrincipalKind, Role
from gateway.partners import Place, Site
from gateway.sharing import (
    Agency,
    Approvals,
    Decisions,
    Effects,
    Evaluations,
    Freshness,
    History,
    InForce,
    Layering,
    Listing,
    Marker,
    Outbox,
    Owners,
    Sharing,
    Signs,
    SiteBook,
    Stopping,
    WhoSees,
    ground_of,
)
from gateway.sharing.ordinance_store import SqlOrdinances
from gateway.sharing.store import SqlSharing
from gateway.sites import PolicyAnswer
from partner_agent.wire.clock import Clock
from partner_agent.wire.documents import parse
from partner_agent.wire.ids import IdSource, SystemIds
from policies import packs
from policies.clauses import Clause, Preset, of_preset
from policies.layers import AgencyLayer
from policies.model import Policy, read_policy
from policies.narrowing import compare
from policies.vocabulary import IncidentKind, Origin
from tests.fakes.given import FakeGiven
from tests.fakes.site_agents import FakeSiteAgents
from tests.policies import build
from tests.support.partners import LOOP, World, world

GATEWAY = "http://localhost:8080"
AGENCY_ID = "age_" + "1" * 26


class OneAgency:
    """The agency of the tests."""

    async def agency(self) -> Agency:
        """Always the same."""
        return Agency(AGENCY_ID, "City Police")


@dataclass
class SharingWorld:
    """Everything around sharing."""

    base: World
    agents: FakeSiteAgents
    rows: SqlSharing
    book: SiteBook
    sharing: Sharing
    owners: Owners
    approvals: Approvals
    outbox: Outbox
    layering: Layering
    decisions: Decisions
    listing: Listing
    marker: Marker
    freshness: Freshness
    given: FakeGiven
    clock: Clock

    @property
    def who_sees(self) -> WhoSees:
        """The matrix of the sharing page."""
        return WhoSees(layering=self.layering)

    @property
    def history(self) -> History:
        """What was said before."""
        return History(rows=self.rows, book=self.book)

    @property
    def signs(self) -> Signs:
        """Signs of places."""
        return Signs(
            database=self.base.database,
            sharing=self.sharing,
            who_sees=self.who_sees,
            book=self.book,
            log=self.base.audit,
            clock=self.clock,
            ids=SystemIds(),
        )

    async def shop(
        self, email: str = "ana@example.org", *, people_live_here: bool = False
    ) -> tuple[Principal, Site, list[Camera]]:
        """A confirmed owner who accepted the agreement, with a site of two cameras."""
        owner = await self.base.owner(email)
        site = await self.base.site(owner, people_live_here=people_live_here)
        await self.base.partners.accept_agreement(owner, sha256=self.base.partners.agreement.sha256)
        cameras = [
            await self.base.cameras.add(owner, site, CameraFacts(name, place, None, True, ""))
            for name, place in (("Front door", LOOP), ("Yard", Place(LOOP.lat + 0.0005, LOOP.lon)))
        ]
        return owner, site, cameras

    def pair(self, site: Site, cameras: list[Camera]) -> str:
        """An agent at the site, with every camera ticked; its id."""
        number = len(self.agents.by_site) + 1
        ticks = {camera.id: f"local-{index}" for index, camera in enumerate(cameras)}
        return self.agents.pair(site.id, ticks, agent_id=f"agt_{number:026d}").id

    async def answer(self, owner: Principal, site: Site, *clauses: Clause) -> None:
        """Save answers over whatever is there."""
        known = await self.rows.answers(site.id)
        await self.sharing.save(owner, site.id, clauses, made_from=known.version if known else 0)

    async def deliver(self, agent_id: str, *, approves: bool = True) -> list[str]:
        """Let the site take what is due, as an agent would; what it answered."""
        said = []
        for _ in range(5):
            due = await self.outbox.due(agent_id, self.agents.held[agent_id])
            if not due:
                break
            said.extend([await self._take(agent_id, dict(item.document), approves=approves) for item in due])
            if said[-1] != "ack":
                break
        return said

    async def _take(self, agent_id: str, raw: dict, *, approves: bool) -> str:
        document, held = parse(raw), self.agents.held[agent_id]
        assert document.follows(held)
        before = await self.policy_at(agent_id)
        is_narrowing = before is not None and compare(before, read_policy(raw), packs=self.book.packs).is_narrowing
        assert is_narrowing or document.approve_by is not None, "a widening is a proposal"
        if not is_narrowing and not approves:
            return "proposed"
        await self.say(agent_id, "ack", document.sha256)
        self.agents.held[agent_id] = document.position
        return "ack"

    async def say(self, agent_id: str, kind: str, sha256: str, *, code: str = "") -> None:
        """The site's signed answer arrives."""
        async with self.base.database.unit_of_work() as unit:
            if kind == "ack":
                self.agents.change(agent_id, acked_sha256=sha256)
            await self.outbox.answered(unit, PolicyAnswer(agent_id, kind, "", 0, sha256, code, ""))
            await unit.commit(unaudited="the leaf is sites'")

    async def policy_at(self, agent_id: str) -> Policy | None:
        """What the site holds."""
        found = await self.rows.document(self.agents.held[agent_id].sha256)
        return None if found is None else read_policy(found.raw)


def sharing_world(database: Database, *, clock: Clock, ids: IdSource, effects: Effects | None = None) -> SharingWorld:
    """Build it; `effects` works out what saving does."""
    base = world(database, clock=clock, ids=ids)
    agents, rows = FakeSiteAgents(), SqlSharing(database)
    in_force = InForce(start=build.PACK_DOCUMENT, rows=SqlOrdinances(database))
    book = SiteBook(
        partners=base.partners,
        cameras=base.cameras,
        agents=agents,
        agency=OneAgency(),
        ordinance=in_force,
    )
    places = [packs.place(name) for name in packs.places()]
    sharing = Sharing(
        database=database,
        rows=rows,
        book=book,
        log=base.audit,
        publisher=base.bus,
        clock=clock,
        places=places,
        effects=effects,
    )
    owners = Owners(sharing=sharing, rows=rows, book=book)
    approvals = Approvals(database=database, rows=rows, book=book, log=base.audit, clock=clock)
    outbox = Outbox(
        gateway=GATEWAY,
        database=database,
        rows=rows,
        book=book,
        log=base.audit,
        publisher=base.bus,
        clock=clock,
    )
    given = FakeGiven()
    freshness = Freshness(generations=database, clock=clock, take_over=in_force.take_over)
    layering = Layering(
        rows=rows,
        book=book,
        ordinance=in_force,
        agency=AgencyLayer(packs.agency_rules("default")),
        freshness=freshness,
        usage=given,
    )
    decisions = Decisions(cameras=base.cameras, layering=layering, freshness=freshness, clock=clock)
    ground = ground_of(book)
    listing = Listing(cameras=base.cameras, layering=layering, rows=rows, ground=ground, clock=clock)
    marker = Marker(database=database, cameras=base.cameras, rows=rows, layering=layering, ground=ground, clock=clock)
    return SharingWorld(
        base=base,
        agents=agents,
        rows=rows,
        book=book,
        sharing=sharing,
        owners=owners,
        approvals=approvals,
        outbox=outbox,
        layering=layering,
        decisions=decisions,
        listing=listing,
        marker=marker,
        freshness=freshness,
        given=given,
        clock=clock,
    )


def stopping_of(world: SharingWorld) -> Stopping:
    """The owner's switch over everything."""
    return Stopping(
        database=world.base.database,
        rows=world.rows,
        book=world.book,
        sharing=world.sharing,
        log=world.base.audit,
        clock=world.clock,
    )


def usual(*cameras: Camera, preset: Preset = Preset.EMERGENCIES, is_home: bool = False) -> Clause:
    """A preset for these cameras."""
    return of_preset(preset, frozenset(camera.id for camera in cameras), is_home=is_home)


def operator() -> Principal:
    """An operator with two factors."""
    return Principal(
        kind=PrincipalKind.AGENCY,
        person_id="per_" + "9" * 26,
        organisation_id=AGENCY_ID,
        roles=frozenset({Role.OPERATOR}),
        unit="rtcc",
        factors=frozenset({"password", "totp"}),
    )


def incident(clock: Clock, *, place: Place = LOOP, origin: Origin = Origin.CAD, number: str = "26-1") -> Incident:
    """A robbery near the shop."""
    now = clock.now() - timedelta(minutes=2)
    return Incident(
        id="inc_" + "1" * 26,
        agency_id=AGENCY_ID,
        kind=IncidentKind.ROBBERY,
        origin=origin,
        number=number,
        opened_at=now,
        opened_by="",
        stops=(Stop(place.lat, place.lon, "", now),),
    )


class Incidents:
    """`Incidents` with those that the test says, by id."""

    def __init__(self, *incidents: Incident) -> None:
        self.known = {one.id: one for one in incidents}

    async def incident(self, principal: Principal, incident_id: str) -> Incident:
        """One of the caller's agency."""
        found = self.known.get(incident_id)
        if found is None or found.agency_id != principal.organisation_id:
            raise NotFoundError("There is no such incident.")
        return found


def evaluations(w: SharingWorld, *incidents: Incident) -> Evaluations:
    """Questions about decisions, over a world."""
    return Evaluations(
        cameras=w.base.cameras,
        incidents=Incidents(*incidents),  # type: ignore[arg-type]  # what is asked of them
        layering=w.layering,
        rows=w.rows,
        book=w.book,
        clock=w.clock,
    )
