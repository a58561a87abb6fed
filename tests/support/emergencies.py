"""Two people of one agency, and a shop whose rules let both together in."""

import dataclasses

from gateway.app.emergency import SharingEmergencyLaw
from gateway.audit import Query
from gateway.emergency import Confirmation, Emergencies, Need
from gateway.emergency.store import SqlConfirmations
from gateway.kernel.errors import NotFoundError
from gateway.kernel.principal import Role
from policies.clauses import Live
from tests.support.sharing import incident, operator, sharing_world, usual

ASKER = dataclasses.replace(operator(), session_ref="a" * 64)
SECOND = dataclasses.replace(
    operator(), person_id="per_" + "8" * 26, roles=frozenset({Role.SUPERVISOR}), session_ref="b" * 64
)
VIEW = "ses_" + "1" * 26


class FakePeople:
    """The agency's people as a test says."""

    def __init__(self):
        self.now = {one.person_id: one for one in (ASKER, SECOND)}
        self.sessions = {ASKER.session_ref, SECOND.session_ref}

    async def as_they_are(self, person_id, factors):
        found = self.now.get(person_id)
        return dataclasses.replace(found, factors=factors) if found else None

    async def is_signed_in(self, session_ref):
        return session_ref in self.sessions


class FakeIncidents:
    """One incident."""

    def __init__(self, one):
        self.one = one

    async def incident(self, principal, incident_id):
        if (self.one.id, self.one.agency_id) != (incident_id, principal.organisation_id):
            raise NotFoundError("There is no such incident.")
        return self.one


class ToldOwners:
    """Remembers what owners were told."""

    def __init__(self):
        self.told: list[Confirmation] = []

    async def tell(self, unit, confirmation):
        del unit
        self.told.append(confirmation)


class Bench:
    """A shop that is shared live by two people alone, and everything around emergency access."""

    def __init__(self, database, clock, ids):
        self.w = sharing_world(database, clock=clock, ids=ids)
        self.database, self.clock = database, clock
        self.people, self.owners, self.incidents = FakePeople(), ToldOwners(), FakeIncidents(incident(clock))
        self.rows = SqlConfirmations(database)
        self.emergencies = Emergencies(
            database=database,
            rows=self.rows,
            law=SharingEmergencyLaw(decisions=self.w.decisions, incidents=self.incidents),
            people=self.people,
            owners=self.owners,
            log=self.w.base.audit,
            publisher=self.w.base.bus,
            clock=clock,
            ids=ids,
        )

    async def share(self, **changes):
        """The owner's answers, in force."""
        self.owner, self.site, self.cameras = await self.w.shop()
        self.agent = self.w.pair(self.site, self.cameras)
        await self.answer(**changes)
        return self.need()

    async def answer(self, **changes):
        said = {"live": Live.NEVER, "emergency": True} | changes
        await self.w.answer(self.owner, self.site, dataclasses.replace(usual(*self.cameras), **said))
        await self.w.deliver(self.agent)

    def need(self, **changes):
        """A live view of the first camera for the incident."""
        usual_need = {
            "camera_id": self.cameras[0].id,
            "act": "live.view",
            "purpose": "violent_crime",
            "incident_id": self.incidents.one.id,
        }
        return Need(**{**usual_need, **changes})

    async def confirmed(self, need):
        one = await self.emergencies.ask(ASKER, need)
        return await self.emergencies.confirm(SECOND, one.id)

    async def use(self, confirmation_id, *, by=VIEW):
        async with self.database.unit_of_work() as unit:
            await self.emergencies.use(unit, confirmation_id, by=by)
            await unit.commit(unaudited="a test: the view has the leaf")

    async def kinds(self):
        found = await self.w.base.audit.find(Query(), limit=200)
        return [e.kind for e in reversed(found.entries) if e.kind.startswith("emergency.")]
