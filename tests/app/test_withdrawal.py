"""A partner who leaves is deleted everywhere, the log's details included, and the log still holds offline."""

from pathlib import Path
from typing import Any

import anyio
import pytest
from sqlalchemy import select

from gateway.app.services import Services
from gateway.audit import Query, export_log
from gateway.cameras import CameraFacts
from gateway.identity import newest_link
from gateway.identity.sign_in import Attempt
from gateway.kernel.database import METADATA, Database
from gateway.kernel.principal import Principal, Role
from gateway.partners import OrganisationKind, Place, Registration, Site
from gateway.sites.ports import Site as AgentSite
from partner_agent.verify.cli import main as verify
from partner_agent.wire import enrolment
from policies.clauses import Preset, of_preset
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds
from tests.support.application import ORIGIN, agreeing_owner, services_for, settings_for
from tests.support.site_bench import MiniAgent, token_form

pytestmark = pytest.mark.anyio

OWN = (
    "Quillfeather",
    "quill@shop.example",
    "12 Zebulon Way",
    "Aunt Zora's porch",
    "zora-laptop",
    "192.0.2",
    "Zed Helper",
)
HERE = Place(41.8819, -87.6278)


async def signed_in(services: Services, spool: Path, mail: str) -> None:
    """The person asks for a link and uses it."""
    await services.identity.send_link(mail, next_path="/portal")
    await services.identity.outbox.deliver_due()
    link = newest_link(spool, mail)
    await services.identity.sign_in.use_link(link.rsplit("/", 1)[1], attempt=Attempt(address="192.0.2.77"))


async def partner(services: Services, spool: Path) -> Principal:
    """A partner with a place, a camera, an agent, a helper and answers, under names that are found again anywhere."""
    await services.identity.people.ensure_agency("City Police")
    wish = Registration(OrganisationKind.RESIDENT, "Quillfeather", "12 Zebulon Way", "Q. Quillfeather", OWN[1])
    await services.partners.register(wish)
    await signed_in(services, spool, OWN[1])
    owner = await agreeing_owner(services, wish)
    await services.partners.add_member(owner, name="Zed Helper", email="zed@shop.example", role=Role.ANSWERS)
    await services.partners.add_member(owner, name="Zed Helper", email="gone@shop.example", role=Role.ANSWERS)
    wanted = Site("", "", "Quillfeather", "12 Zebulon Way", HERE, "America/Chicago", people_live_here=True)
    site = await services.partners.save_site(owner, wanted, is_new=True)
    camera = await services.cameras.add(owner, site, CameraFacts("Aunt Zora's porch", HERE, 0, True, "Quillfeather"))
    clause = of_preset(Preset.EMERGENCIES, frozenset({camera.id}), is_home=True)
    await services.sharing.save(owner, site.id, [clause], made_from=0)
    await agent_at(services, owner, site)
    return owner


async def agent_at(services: Services, owner: Principal, site: Site) -> None:
    """Pair an agent at the site."""
    agent = MiniAgent(services.clock)  # type: ignore[arg-type]
    proof = enrolment.make_proof(agent.device, token_url=f"{ORIGIN}/oauth/token", now=services.clock.now())
    _, codes = await services.sites.enrolments.begin(
        agent.device_form(jwk_proof=proof, host="zora-laptop"), address="192.0.2.77"
    )
    place = AgentSite(site.id, site.name, site.organisation_id)
    await services.sites.key_sets.ensure_current()
    await services.sites.enrolments.approve(owner, place, codes["user_code"])
    status, _ = await services.sites.enrolments.poll(token_form(codes["device_code"]))
    assert status == 200


async def everything(database: Database) -> str:
    """Every value in every table, as text."""
    found: list[Any] = []
    async with database.read() as connection:
        for table in METADATA.sorted_tables:
            found += [tuple(row) for row in await connection.execute(select(table))]
    return "\n".join(map(repr, found))


async def test_nothing_names_who_left_and_the_log_holds(database: Database, tmp_path: Path):
    """Names, mail, addresses, camera and machine are in no row; every leaf is as it was and verifies offline."""
    settings = settings_for(tmp_path / "state")
    services = services_for(settings, database, clock=FakeClock(), ids=SequentialIds())
    owner = await partner(services, settings.state_dir / "spool")
    before = await everything(database)
    assert [word for word in OWN if word not in before] == []
    helper = next(m for m in await services.partners.members(owner.organisation_id) if m.email == "gone@shop.example")
    await services.partners.remove_member(owner, helper.person_id)
    assert "gone@shop.example" not in await everything(database)
    old = [entry.leaf for entry in (await services.audit.find(Query(), limit=200)).entries]

    await services.partners.withdraw(owner)

    after = await everything(database)
    assert [word for word in OWN if word in after] == []
    page = await services.audit.find(Query(is_restricted_visible=True), limit=200)
    assert [entry.leaf for entry in page.entries][-len(old) :] == old
    assert "detail.erased" in [entry.kind for entry in page.entries]
    await services.sequencer.drain()
    await export_log(services.log_reader, tmp_path / "copy")
    assert (
        await anyio.to_thread.run_sync(verify, ["log", str(tmp_path / "copy"), "--key", services.keyring.log.vkey]) == 0
    )


async def test_who_also_works_for_the_agency_stays_known_to_it(sqlite_database: Database, tmp_path: Path):
    """Leaving as a partner deletes no colleague: their address and sign-ins stay the agency's."""
    settings = settings_for(tmp_path / "state")
    services = services_for(settings, sqlite_database, clock=FakeClock(), ids=SequentialIds())
    await services.identity.people.ensure_agency("City Police")
    await services.identity.people.invite_first_admin(email=OWN[1], name="Q. Quillfeather")
    owner = await partner(services, settings.state_dir / "spool")

    await services.partners.withdraw(owner)

    kept = await services.identity.people.person(owner.person_id)
    assert kept is not None
    assert kept.email == OWN[1]
