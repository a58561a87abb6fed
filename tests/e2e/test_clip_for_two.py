"""A recording by two people over a real gateway and a real agent: the site decides by the two, and it arrives."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from gateway.audit import Query
from gateway.desks.console import ClipWish
from gateway.evidence import ClipState
from gateway.identity import Membership
from gateway.identity.model import Door
from gateway.identity.sessions import ref_of
from gateway.incidents import IncidentReport
from gateway.kernel.database import Database
from gateway.kernel.principal import Principal, Role
from partner_agent.verify.package import check_package
from policies.clauses import Live, Recordings
from policies.vocabulary import IncidentKind, Origin
from tests.e2e.test_clip import recording_site, saved, until_state
from tests.support.sharing import operator
from tests.support.site_server import SiteServer

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def signed_in(server: SiteServer, role: Role) -> Principal:
    """Somebody of the agency with two factors."""
    identity, factors = server.services.identity, frozenset({"password", "totp"})
    agency = await identity.people.agency()
    async with server.services.database.unit_of_work() as unit:
        person_id = await identity.person_for(unit, email=f"{role}@city.example", name=role.value)
        await identity.people._store.put_agency_membership(unit, person_id, Membership(agency.id, frozenset({role})))
        token = await identity.sessions.begin(
            unit, person_id, door=Door.AGENCY, factors=factors, network="192.0.2.0/24", old_token=""
        )
        await unit.commit(unaudited="a test's people")
    usual = replace(operator(), organisation_id=agency.id, person_id=person_id, roles=frozenset({role}), unit="")
    return replace(usual, factors=factors, session_ref=ref_of(token))


async def test_two_people_get_a_recording_that_nobody_else_gets(sqlite_database: Database, tmp_path: Path):
    """The site decides by the two persons the grant names; the owner is not asked, and reads that two people were."""
    site: Any = recording_site(sqlite_database, tmp_path, Recordings.NEVER, live=Live.NEVER, emergency=True)
    async with site as (server, agent, camera):
        first, second = await signed_in(server, Role.OPERATOR), await signed_in(server, Role.SUPERVISOR)
        report = IncidentReport(IncidentKind.ROBBERY, Origin.HAND, 41.88, -87.63, number="26-1")
        incident = await server.services.incidents.open(first, report)
        begin = server.services.clock.now().replace(microsecond=0)
        await anyio.sleep(6)  # the recording has to happen
        wish = ClipWish(
            camera_id=camera.id,
            t0=begin,
            t1=server.services.clock.now().replace(microsecond=0),
            purpose="violent_crime",
            incident_id=incident.id,
            legal_basis="",
        )
        desk = server.services.console
        ways = await desk.ways(first, wish)
        assert (ways.owner, ways.two) == (False, True)
        await desk.seconds.ask_for_recording(first, wish)
        ((ask, _),) = await desk.seconds.waiting(second)
        await desk.seconds.answer(second, ask.id, is_yes=True)
        (request,) = await server.services.evidence.list_for(first)
        await until_state(server, request, ClipState.DOWNLOADABLE)
        assert (await agent.ask(do="status"))["asked"] == []
        path = await saved(server, first, request, tmp_path / "package.tar")
        page = await server.services.audit.find(Query(streams=frozenset({camera.id})))

    kinds = [entry.kind for entry in reversed(page.entries)]
    steps = ["emergency.asked", "emergency.confirmed", "clip.requested", "clip.approved", "grant.issued", "report.owed"]
    assert [kind for kind in kinds if kind in steps] == steps
    checked = check_package(path, key="", cosigners=[], quorum=None, gateway_key="", agent_key="")
    assert checked.capture.statement.predicate["frames"] >= 30
