"""Every change that can take something back raises the generation of what it concerns, in its own transaction."""

import dataclasses
import json

import pytest

from gateway.cameras import CameraFacts
from gateway.incidents import IncidentReport, Incidents
from gateway.incidents.model import UNNUMBERED_S
from gateway.incidents.store import SqlIncidents
from gateway.kernel.generations import AGREEMENT
from gateway.partners import Place
from gateway.sharing import NETWORK, Key, Question
from policies.clauses import Preset
from policies.vocabulary import Act, IncidentKind, Origin
from tests.support.partners import LOOP
from tests.support.sharing import incident, operator, sharing_world, usual

pytestmark = pytest.mark.anyio


@pytest.fixture
async def w(sqlite_database, clock, ids):
    """Sharing, with a shop whose site is paired, answered for and in force."""
    w = sharing_world(sqlite_database, clock=clock, ids=ids)
    w.owner, w.site, w.listed = await w.shop()
    w.agent = w.pair(w.site, w.listed)
    await w.answer(w.owner, w.site, usual(*w.listed, preset=Preset.OPEN))
    assert await w.deliver(w.agent) == ["ack"]
    w.incidents = Incidents(
        database=sqlite_database, rows=SqlIncidents(sqlite_database), log=w.base.audit, publisher=w.base.bus,
        clock=clock, ids=ids,
    )  # fmt: skip
    return w


async def raised(w, change):
    """Which scopes a change raises."""
    before = (await w.base.database.generations_since(0)).platform
    await change
    return (await w.base.database.generations_since(before)).changed


def opened(w, **changes):
    """An incident opened by hand downtown."""
    report = IncidentReport(IncidentKind.ROBBERY, Origin.HAND, LOOP.lat, LOOP.lon, **({"number": "26-7"} | changes))
    return w.incidents.open(operator(), report)


async def test_a_save(w):
    """The owner answers otherwise."""
    assert w.site.id in await raised(w, w.answer(w.owner, w.site, usual(*w.listed)))


async def test_a_camera_switched_off(w):
    """The one switch of a card."""
    assert w.site.id in await raised(w, w.sharing.switch(w.owner, w.listed[0], is_on=False))


async def test_an_acknowledgement(w):
    """The site says which document it holds now, which is what decisions stand on."""
    await w.answer(w.owner, w.site, usual(*w.listed))
    assert w.site.id in await raised(w, w.deliver(w.agent))


async def test_facts_that_make_it_less(w):
    """A camera that is not ticked any more: its narrowing counts from then on."""
    w.agents.ticks[w.agent].pop(w.listed[0].id)
    assert w.site.id in await raised(w, w.outbox.refresh(w.site.id))


async def test_the_whole_network_switched_off(w):
    """An administrator's switch concerns everybody."""
    assert NETWORK in await raised(w, w.sharing.suspend(operator(), is_suspended=True))


async def test_an_owner_s_passkey_suspended(w):
    """Whoever may approve is part of the document."""
    await w.owners.ask_for(w.owner, w.site.id, Key("a" * 24, "b" * 88))
    await w.deliver(w.agent)
    assert w.site.id in await raised(w, w.owners.suspend(w.owner, "a" * 24))


async def test_a_camera_moved(w):
    """Its place decides what is near."""
    facts = CameraFacts("Front door", Place(LOOP.lat + 0.01, LOOP.lon), None, True, "")
    assert w.site.id in await raised(w, w.base.cameras.change(w.owner, w.listed[0].id, facts))


async def test_a_camera_removed(w):
    """Gone from the list, gone from the screens."""
    assert w.site.id in await raised(w, w.base.cameras.remove(w.owner, w.listed[0].id))


async def test_a_place_where_people_live_now(w):
    """Stricter rules hold from then on."""
    changed = dataclasses.replace(w.site, people_live_here=True)
    assert w.site.id in await raised(w, w.base.partners.save_site(w.owner, changed, is_new=False))


async def test_a_place_removed(w):
    """With its cameras."""
    assert w.site.id in await raised(w, w.base.partners.remove_site(w.owner, w.site.id))


async def test_a_partner_who_withdraws(w):
    """The organisation and each of its places."""
    assert {w.site.id, w.owner.organisation_id} <= await raised(w, w.base.partners.withdraw(w.owner))


async def test_an_agreement_accepted(w):
    """It is what the envelope of every decision comes from."""
    other = await w.base.owner("bo@example.org")
    accept = w.base.partners.accept_agreement(other, sha256=w.base.partners.agreement.sha256)
    assert other.organisation_id in await raised(w, accept)


async def test_a_version_that_the_agency_signed(w):
    """It binds every place, also one that somebody answers for at this moment, which no list of places names yet."""
    asked = Question(
        principal=operator(), camera_id=w.listed[0].id, act=Act.LIVE_VIEW, purpose="violent_crime",
        incident=incident(w.clock),
    )  # fmt: skip
    memoranda = w.base.partners.memoranda
    body = json.loads(w.base.partners.agreement.memorandum.body)
    await w.marker.mark_all()
    before = (await w.decisions.decide_for(asked)).decision
    narrower = json.dumps(body | {"mou": "pilot-2", "session_s": 60})

    async def nowhere():
        return []

    async def signed():
        await memoranda.sign_for_agency(operator(), (await memoranda.propose(operator(), narrower)).sha256)
        w.rows.sites = nowhere
        async with w.base.database.unit_of_work() as unit:
            await w.sharing.agreement_changed(unit)
            await unit.commit(unaudited="a test: in the transaction of the signature")

    assert AGREEMENT in await raised(w, signed())
    after = (await w.decisions.decide_for(asked)).decision
    assert (before.caps.seconds > 60, after.caps.seconds) == (True, 60)
    assert {camera.mark for camera in await w.base.cameras.of_site(w.site.id)} == {""}


async def test_an_incident_closed(w):
    """What it carries ends with its grace time; whoever holds views for it looks again."""
    robbery = await opened(w)
    assert robbery.id in await raised(w, w.incidents.close(operator(), robbery.id))


async def test_an_incident_moved(w):
    """Cameras that were near are not any more."""
    robbery = await opened(w)
    move = w.incidents.move(operator(), robbery.id, lat=41.95, lon=-87.7, address="")
    assert robbery.id in await raised(w, move)


async def test_an_incident_that_never_got_its_number(w):
    """It closes by itself, for the timer as for a person."""
    robbery = await opened(w, number="")
    w.clock.advance(UNNUMBERED_S)
    assert robbery.id in await raised(w, w.incidents.sweep())
