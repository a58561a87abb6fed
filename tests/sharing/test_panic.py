"""Cameras that are shared while the owner's alarm button is on, as the centre decides."""

import dataclasses
from datetime import timedelta

import pytest

from gateway.sharing import Availability, Question
from policies.clauses import Live
from policies.request import Deny, Permit
from policies.vocabulary import Act, Reason
from tests.support.sharing import incident, operator, sharing_world, usual

pytestmark = pytest.mark.anyio


@pytest.fixture
def w(database, clock, ids):
    """Sharing on a database of its own."""
    return sharing_world(database, clock=clock, ids=ids)


async def alarmed(w, *, seconds=600, **changes):
    """A site whose cameras nobody sees live but while its button is on, which it is."""
    owner, site, cameras = await w.shop()
    agent = w.pair(site, cameras)
    clause = dataclasses.replace(usual(*cameras), live=Live.NEVER, **({"on_panic": True} | changes))
    await w.answer(owner, site, clause)
    assert await w.deliver(agent) == ["ack"]
    w.agents.change(agent, panic_until=w.clock.now() + timedelta(seconds=seconds))
    return cameras[0], agent


async def ask(w, camera, **changes):
    """The centre's answer to an operator."""
    usual_question = {
        "principal": operator(),
        "camera_id": camera.id,
        "act": Act.LIVE_VIEW,
        "purpose": "violent_crime",
        "incident": incident(w.clock),
    }
    return await w.decisions.decide_for(Question(**{**usual_question, **changes}))


async def test_an_owner_who_did_not_say_so_gives_nothing_for_panic(w):
    """The button opens nothing by itself."""
    camera, _ = await alarmed(w, on_panic=False)

    assert isinstance((await ask(w, camera)).decision, Deny)


async def test_before_and_after_panic_nothing_is_given(w):
    """At the moment the site named, it is over."""
    camera, agent = await alarmed(w, seconds=60)
    w.clock.advance(60)
    assert (await ask(w, camera)).decision.reason is Reason.CONDITION

    w.agents.change(agent, panic_until=None)
    assert (await ask(w, camera)).decision.reason is Reason.CONDITION


async def test_a_pause_is_stronger_than_panic(w):
    """Whoever paused the site meant it."""
    camera, agent = await alarmed(w)
    w.agents.change(agent, is_paused=True)

    assert (await ask(w, camera)).decision.reason is Reason.PAUSED


async def test_while_the_button_is_on_the_cameras_are_available(w):
    """In the list and to a view, until the panic ends, and the ground of the permit is told."""
    camera, _ = await alarmed(w, seconds=300)

    decided = await ask(w, camera)
    near = await w.listing.list_near(operator(), incident(w.clock), purpose="violent_crime", radius_m=400, most=10)

    assert isinstance(decided.decision, Permit)
    assert decided.decision.horizon == w.clock.now() + timedelta(seconds=300)
    assert decided.ground == "panic"
    assert {view.availability for view in near} == {Availability.AVAILABLE}
