"""Partners and cameras over a real database and a real log, with people kept in memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from litestar import Litestar
from litestar.di import Provide

from gateway.audit import AuditLog, Entry, Query
from gateway.audit.store import SqlEvents
from gateway.cameras import Cameras
from gateway.cameras.pages import PAGES as CAMERA_PAGES
from gateway.cameras.store import SqlCameras
from gateway.desks.portal import PAGES as PORTAL_PAGES
from gateway.desks.portal import PortalDesk
from gateway.edge.auth import enforce
from gateway.edge.origin import PublicOrigin
from gateway.edge.problems import ProblemHandler
from gateway.edge.rate_limit import RateLimiter
from gateway.edge.requires import PUBLIC, requires
from gateway.kernel.bus import MemoryBus
from gateway.kernel.database import Database
from gateway.kernel.principal import Principal, PrincipalKind, Role
from gateway.partners import OrganisationKind, Partners, Place, Registration, Site
from gateway.partners.agreements import load_agreement
from gateway.partners.pages import PAGES as PARTNER_PAGES
from gateway.partners.store import SqlPartners
from gateway.web import MAPS, open_sets, tile_routes
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource
from tests.fakes.log_health import FakeLogHealth
from tests.fakes.people import FakePeople
from tests.fakes.signatures import FakeSignatures
from tests.support.pages import Caller, web_app

LOOP = Place(41.8819, -87.6278)


class UnsignedPromises:
    """A promise signer for tests that make none."""

    def sign(self, claims: Any, /) -> str:
        """Never asked."""
        raise AssertionError("no promise is made here")


@dataclass
class World:
    """Everything of partners and cameras."""

    database: Database
    bus: MemoryBus
    audit: AuditLog
    partners: Partners
    cameras: Cameras
    portal: PortalDesk
    people: FakePeople
    clock: Clock
    signatures: FakeSignatures

    async def owner(
        self, email: str = "ana@example.org", *, name: str = "Corner Shop", kind: str = "business"
    ) -> Principal:
        """The owner of a registered and confirmed organisation."""
        wish = Registration(OrganisationKind(kind), name, "1 North State Street", "Ana Ruiz", email)
        await self.partners.register(wish)
        person_id = self.people.by_email[email]
        await self.partners.address_confirmed(person_id)
        return await self.principal(person_id)

    async def principal(self, person_id: str) -> Principal:
        """The person as a caller."""
        member = await self.partners.membership_of(person_id)
        assert member is not None
        return Principal(
            kind=PrincipalKind.PARTNER,
            person_id=person_id,
            organisation_id=member.organisation_id,
            roles=frozenset({member.role}),
            name=member.name,
        )

    async def site(self, owner: Principal, *, place: Place = LOOP, people_live_here: bool = False) -> Site:
        """A place of the owner's organisation."""
        wish = Site("", "", "Shop", "1 North State Street", place, "America/Chicago", people_live_here)
        return await self.partners.save_site(owner, wish, is_new=True)

    async def kinds(self, *streams: str) -> list[str]:
        """What was logged on these streams, oldest first."""
        return [entry.kind for entry in await self.entries(*streams)]

    async def entries(self, *streams: str) -> list[Entry]:
        """The log on these streams, oldest first."""
        return list(reversed((await self.audit.find(Query(streams=frozenset(streams)), limit=200)).entries))

    def app(self, caller: Caller, *, more: Sequence[Any] = (), **services: Any) -> Litestar:
        """Every page of partners, cameras and the owner's desk; `more` handlers with their services by name."""
        limiter = RateLimiter(database=self.database, clock=self.clock, key=b"k" * 32)
        provided = {
            "partners": self.partners,
            "cameras": self.cameras,
            "portal": self.portal,
            "bus": self.bus,
            "rate_limiter": limiter,
            "origin": PublicOrigin.parse("http://localhost:8080"),
            "clock": self.clock,
            **services,
        }
        dependencies = {name: _constant(value) for name, value in provided.items()}
        dependencies["principal"] = Provide(lambda: caller.principal, sync_to_thread=False)
        tiles = tile_routes(open_sets(MAPS), opt=requires(PUBLIC))
        return web_app(
            [tiles, *PARTNER_PAGES, *CAMERA_PAGES, *PORTAL_PAGES, *more],
            caller=caller,
            dependencies=dependencies,
            guards=[enforce],
            exception_handlers=ProblemHandler().handlers(),
        )


def _constant(value: object) -> Provide:
    return Provide(lambda: value, sync_to_thread=False)


def world(database: Database, *, clock: Clock, ids: IdSource) -> World:
    """Build it."""
    bus = MemoryBus()
    audit = AuditLog(
        gateway="http://localhost:8080",
        origin="localhost/log",
        events=SqlEvents(database),
        signer=UnsignedPromises(),
        health=FakeLogHealth(),
        bus=bus,
        clock=clock,
        ids=ids,
    )
    cameras = Cameras(database=database, rows=SqlCameras(database), log=audit, publisher=bus, clock=clock, ids=ids)
    database.on_change(cameras.forget_marks)
    people, signatures = FakePeople(), FakeSignatures()
    partners = Partners(
        database=database,
        rows=SqlPartners(database),
        log=audit,
        people=people,
        signatures=signatures,
        agreement=load_agreement(),
        clock=clock,
        ids=ids,
        watchers=(cameras,),
    )
    portal = PortalDesk(partners=partners, cameras=cameras, audit=audit)
    return World(database, bus, audit, partners, cameras, portal, people, clock, signatures)


def operator() -> Principal:
    """Somebody of the agency, who has no business on the owner's pages."""
    return Principal(kind=PrincipalKind.AGENCY, person_id="per_9", roles=frozenset({Role.OPERATOR}), name="Op")
