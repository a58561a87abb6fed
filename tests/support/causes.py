"""What can happen to a place, an incident, a person or everybody, as steps of a test over a whole gateway."""

import json
from datetime import timedelta
from typing import Any

from gateway.incidents import IncidentReport
from gateway.kernel.principal import Role
from partner_agent.wire.limits import LEASE_VALID_S
from policies import packs
from policies.clauses import Live
from policies.vocabulary import IncidentKind, Origin
from tests.support.events import ADMIN, City
from tests.support.ordinances import enact

AWAY = 0.0034  # degrees north: 380 m, which the desk still lists and the clause does not reach
MONDAY_9_TO_10, MONDAY_10_TO_11 = (9 * 60, 10 * 60), (10 * 60, 11 * 60)  # the clock stands at 9 in Chicago


async def emergency_only(c: City) -> None:
    """Shared live with two people alone."""
    await c.says(live=Live.NEVER, emergency=True)


async def confirmed(c: City) -> None:
    """A second person has confirmed."""
    await asked_second(c)
    await c.seconds()


async def asked(c: City) -> None:
    """The owner, who wants to be asked, is asked."""
    await to_be_asked(c)
    await c.asks_owner()


async def agreed(c: City) -> None:
    """And says yes."""
    await asked(c)
    await c.answers(is_yes=True)


async def panicking(c: City) -> None:
    """Shared live only while the site calls for help, and it calls."""
    await only_on_panic(c)
    await calls(c)


async def only_on_panic(c: City) -> None:
    """Shared live only while the site calls for help."""
    await c.says(live=Live.NEVER, on_panic=True)


async def moved(c: City, *, north: float) -> None:
    """The incident moves to so many degrees north of the camera."""
    place = c.shop.camera.place
    await c.services.incidents.move(c.shop.operator, c.incident_id, lat=place.lat + north, lon=place.lon, address="")


async def near_only(c: City) -> None:
    """Shared for incidents within 200 m, also those that come nearer."""
    await c.says(radius_m=200, is_moving=True)


async def moved_away(c: City) -> None:
    """Shared for incidents nearby, and this one is not."""
    await near_only(c)
    await moved(c, north=AWAY)


async def closed(c: City) -> None:
    """The incident is over."""
    await c.services.incidents.close(c.shop.operator, c.incident_id)


async def of_kind(c: City, **changes: Any) -> None:
    """Another incident, at the camera, is what they look for."""
    told = {"kind": IncidentKind.ROBBERY, "origin": Origin.HAND, "number": "26-9"} | changes
    place = c.shop.camera.place
    report = IncidentReport(lat=place.lat, lon=place.lon, **told)
    c.incident_id = (await c.services.incidents.open(c.shop.operator, report)).id


async def roles(c: City, person_id: str, *given: Role, unit: str = "rtcc") -> None:
    """Somebody has these roles from now on."""
    await c.services.identity.people.change_roles(person_id, frozenset(given), unit_name=unit, by=ADMIN)


async def agreement(c: City, *, is_accepted: bool = False) -> None:
    """The agency signs a version without this purpose; the owner accepts it, or not."""
    body = packs.load_document("agreements", "pilot-1.json")
    body = body | {"mou": "pilot-2", "purposes": [one for one in body["purposes"] if one != "violent_crime"]}
    memoranda = c.services.partners.memoranda
    draft = await memoranda.propose(ADMIN, json.dumps(body))
    version = await memoranda.sign_for_agency(ADMIN, draft.sha256)
    if is_accepted:
        await c.services.partners.accept_agreement(c.shop.owner, sha256=version.sha256)


async def pack(c: City, *, forbids: bool = True) -> None:
    """Two people put an ordinance in force that forbids live pictures; or one that does not, again."""
    law = dict(packs.load_document("ordinances", "open_city/pack.json"))
    nobody = {**law["rules"][0], "id": "a_nobody", "acts": ["live.view"], "condition": "always", "scope": "any"}
    nobody |= {"purposes": ["any"], "technologies": ["any"]}
    rules = [nobody, *law["rules"]] if forbids else law["rules"]
    await enact(c.services.ordinances, json.dumps(law | {"rules": rules}))


async def passes(c: City, seconds: float) -> None:
    """Time passes, and nothing else."""
    await c.passes(seconds)


async def paused(c: City) -> None:
    """The site pauses."""
    await c.tells("paused")


async def switched(c: City, *, is_on: bool) -> None:
    """The owner's one switch of the camera; the site takes what follows."""
    await c.services.sharing.switch(c.shop.owner, c.shop.camera, is_on=is_on)
    if is_on:
        await c.acknowledged()


async def switched_off(c: City) -> None:
    """Switched off, and the site knows."""
    await switched(c, is_on=False)
    await c.acknowledged()


async def stopped(c: City, *agency: str) -> None:
    """The owner shares nothing any more, with everybody or with one agency."""
    await c.services.stopping.stop(c.shop.owner, *agency)
    await c.acknowledged()


async def shared_again(c: City, *agency: str) -> None:
    """The owner shares again, and approves it at the site."""
    await c.services.stopping.share_again(c.shop.owner, *agency)
    await c.acknowledged()


async def ticked(c: City, camera_id: str) -> None:
    """The owner says which camera of theirs the agent's camera is."""
    await c.services.sites.agents.tick(c.shop.owner, c.shop.site.id, {"cam-1": camera_id})


async def suspended(c: City, *, is_suspended: bool) -> None:
    """The switch of the whole network."""
    await c.services.sharing.suspend(ADMIN, is_suspended=is_suspended)


async def five_minutes_a_day(c: City) -> None:
    """The whole place shows so much in a day."""
    await c.says(live_s_per_day=300)


async def hours(c: City) -> None:
    """Shared until ten o'clock on Mondays."""
    await c.says(zone="America/Chicago", spans=(MONDAY_9_TO_10,))


async def hours_to_come(c: City) -> None:
    """Shared from ten o'clock on Mondays."""
    await c.says(zone="America/Chicago", spans=(MONDAY_10_TO_11,))


async def until_soon(c: City) -> None:
    """Shared for five minutes more."""
    await c.says(until_ms=c.in_ms(300))


async def ended_soon(c: City) -> None:
    """The owner saves, while somebody looks, that it is shared for five minutes more; they pass."""
    await until_soon(c)
    await c.passes(301)


async def called_for_a_minute(c: City) -> None:
    """The site says, while somebody looks, that its call for help ends within a minute, and is not heard again."""
    await c.tells("panic", panic_until=c.clock.now() + timedelta(seconds=60))
    await c.passes(61)


async def not_for_patrol(c: City) -> None:
    """Shared with everybody but one unit."""
    await c.says(excluded=frozenset({f"unit:{c.shop.operator.organisation_id}/patrol"}))


async def person_suspended(c: City) -> None:
    """An administrator lets them in no more."""
    await c.services.identity.people.suspend(c.watcher_id, by=ADMIN)


async def numbered(c: City) -> None:
    """The call number is known."""
    await c.services.incidents.give_number(c.shop.operator, c.incident_id, "26-10")


async def revoked(c: City) -> None:
    """The owner takes it away."""
    await c.services.sites.agents.revoke(c.shop.owner, c.shop.site.id)


async def calls(c: City) -> None:
    """The site calls for help, for ten minutes."""
    await c.tells("panic", panic_until=c.clock.now() + timedelta(seconds=600))


async def offline(c: City) -> None:
    """The link is gone, and the last lease over."""
    await c.goes_offline()
    for _ in range(2):
        await c.passes(LEASE_VALID_S)


async def to_be_asked(c: City) -> None:
    """The owner wants to be asked."""
    await c.says(live=Live.ASK)


async def asked_second(c: City) -> None:
    """Shared live with two people alone, and one asks for the second."""
    await emergency_only(c)
    await c.asks_second()
