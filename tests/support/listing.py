"""Shops with answers in force, and what lists say of their cameras."""

import dataclasses

from gateway.cameras import Box
from gateway.kernel.errors import NotFoundError
from gateway.sharing import Availability, Question, Search
from gateway.sharing.deciding import request_of
from gateway.sharing.looking import look
from policies.clauses import Clause, Live, Recordings, Where
from policies.request import Permit
from policies.vocabulary import Act
from tests.support.sharing import incident, operator, usual

CITY = Box(41.5, -88.0, 42.5, -87.0)
EVERYWHERE = Box(-90, -180, 90, 180)
WEEK_MIN = 7 * 1440


async def connected(w, email="ana@example.org", *clauses, people_live_here=False):
    """A shop of two cameras with these answers in force, and every camera marked."""
    owner, site, cameras = await w.shop(email, people_live_here=people_live_here)
    agent = w.pair(site, cameras)
    said = clauses or (usual(*cameras, is_home=people_live_here),)
    await w.answer(owner, site, *[dataclasses.replace(c, cameras=frozenset(x.id for x in cameras)) for c in said])
    await w.deliver(agent)
    await w.marker.mark_all()
    return owner, site, cameras, agent


def search(w, **changes):
    """An operator who wants to watch for an incident nearby, with changes."""
    usual_search = {"principal": operator(), "purpose": "violent_crime", "incident": incident(w.clock)}
    return Search(**{**usual_search, **changes})


async def listed(w, box=CITY, **changes):
    """What the list says of each camera."""
    page = await w.listing.page(search(w, **changes), box)
    return {one.camera.id: (one.look.availability, one.look.remedy) for one in page.listed}


async def marks(w, site):
    """The marks at a site."""
    return [camera.mark for camera in await w.base.cameras.of_site(site.id)]


OPEN_CLAUSE = Clause(frozenset(), Live.ALWAYS, Recordings.ALWAYS, Where.SHOWN)
HIDDEN_CLAUSE = Clause(frozenset(), Live.NEARBY, Recordings.ASK, Where.NEARBY, radius_m=300)


async def single_decision(w, camera, told, *, purpose="violent_crime", act=Act.LIVE_VIEW, principal=None):
    """What `decide_for` makes of it, as a list would say it; None where there is no such camera."""
    question = Question(principal=principal or operator(), camera_id=camera.id, act=act, purpose=purpose, incident=told)
    try:
        decision = (await w.decisions.decide_for(question)).decision
    except NotFoundError:
        return None
    if isinstance(decision, Permit):
        return Availability.AVAILABLE
    return Availability.NOT_AVAILABLE if decision.remedy == "none" else Availability.AVAILABLE_IF


async def single_look(w, camera, wanted):
    """The same look, from the rules of this one camera."""
    site = await w.layering.of_site(camera.site_id, camera.organisation_id)
    question = Question(
        principal=wanted.principal,
        camera_id=camera.id,
        act=wanted.act,
        purpose=wanted.purpose,
        incident=wanted.incident,
    )
    return look(site, request_of(question, camera, site, now=w.clock.now()))
