"""An owner is asked to let somebody watch: once for an incident, as the document that the site will check."""

from datetime import timedelta

import anyio
import pytest

from gateway.audit import Query
from gateway.kernel.errors import (
    DeniedError,
    LimitedError,
    NotFoundError,
)
from gateway.kernel.principal import Principal
from gateway.live import Standing, ViewDeny
from gateway.live.asking.service import MOST_WAITING
from partner_agent.wire import views
from policies.vocabulary import Remedy
from tests.support.asking import OWNER, ask, standing
from tests.support.live import (
    CAMERA,
    INCIDENT,
    LOCAL,
    OPERATOR,
    ORGANISATION,
    OTHER,
    SITE,
    Plane,
    made_up,
)

pytestmark = pytest.mark.anyio


# --- who is not asked


@pytest.mark.parametrize("remedy", [Remedy.NONE, Remedy.TWO_PERSONS, Remedy.LINK_INCIDENT])
async def test_an_owner_who_does_not_offer_it_is_not_asked(plane: Plane, remedy: Remedy):
    """Nobody is told, the attempt is a leaf, and the operator reads the one sentence there is."""
    plane.ask_law.answer = ViewDeny(
        reason="not_shared",
        layer="sharing",
        remedies=tuple({remedy} - {Remedy.NONE}),
        site_id=SITE,
        organisation_id=ORGANISATION,
    )
    with pytest.raises(DeniedError, match=r"^Not available for this purpose\.$"):
        await ask(plane)

    await plane.sessions.asks.tick()
    assert plane.ask_sites.asked == []
    assert await plane.kinds(ORGANISATION) == ["view.denied"]


async def test_a_camera_nobody_may_know_of_is_not_found(plane: Plane):
    """No leaf would tell it apart from one that is not there."""
    plane.ask_law.is_known = False
    with pytest.raises(NotFoundError):
        await ask(plane)

    assert await plane.kinds() == []


async def test_one_incident_asks_one_owner_once(plane: Plane):
    """Not again for another camera, reason or by another person; and not after a no, silence or a yes."""
    first = await ask(plane)
    for changes in ({"camera_id": made_up("cam", 30)}, {"camera_id": made_up("cam", 31), "purpose": "life_safety"}):
        with pytest.raises(DeniedError, match=r"^Not available for this purpose\.$"):
            await ask(plane, OTHER, **changes)
    await plane.sessions.asks.decline(OWNER, first.id)
    with pytest.raises(DeniedError):
        await ask(plane)

    kinds = await plane.kinds(ORGANISATION)
    assert kinds == ["view.asked", "view.denied", "view.denied", "view.declined", "view.denied"]


async def test_two_who_ask_at_once_are_one_request(plane: Plane):
    """The schema holds it too: of two hands in one moment one is refused, and one leaf is written."""
    outcomes: list[object] = []

    async def one(principal: Principal, camera: str) -> None:
        try:
            outcomes.append(await ask(plane, principal, camera_id=camera))
        except DeniedError as error:
            outcomes.append(error)

    async with anyio.create_task_group() as group:
        group.start_soon(one, OPERATOR, CAMERA)
        group.start_soon(one, OTHER, made_up("cam", 30))

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["DeniedError", "ViewAsk"]
    assert (await plane.kinds(ORGANISATION)).count("view.asked") == 1


async def test_asking_again_for_the_same_camera_is_the_same_request(plane: Plane):
    """A second press, or a colleague's, changes nothing and writes nothing."""
    first = await ask(plane)

    assert (await ask(plane)).id == first.id
    assert (await ask(plane, OTHER)).id == first.id
    assert await plane.kinds(ORGANISATION) == ["view.asked"]


async def test_one_person_does_not_ask_the_whole_city(plane: Plane):
    """Eight may wait; then somebody has to answer first."""
    for number in range(MOST_WAITING + 1):
        camera = made_up("cam", 40 + number)
        plane.ask_law.organisations[camera] = made_up("org", 40 + number)
    for number in range(MOST_WAITING):
        await ask(plane, camera_id=made_up("cam", 40 + number))

    with pytest.raises(LimitedError):
        await ask(plane, camera_id=made_up("cam", 40 + MOST_WAITING))


# --- how it is put before the owner


async def test_the_request_is_the_closed_document_that_the_site_will_check(plane: Plane):
    """Named as the site names things, short-lived, and over with its incident."""
    plane.ask_law.active_until = plane.clock.now() + timedelta(minutes=2)
    asked = await ask(plane)
    document = views.parse(dict(asked.document))

    assert (document.camera, document.site, document.partner) == (LOCAL, SITE, ORGANISATION)
    assert (document.incident, document.purpose, document.request_id) == (INCIDENT, "violent_crime", asked.id)
    assert document.sha256 == asked.document_sha256
    assert asked.expires_at == plane.clock.now() + timedelta(minutes=2)


async def test_the_site_is_asked_as_soon_as_it_is_there(plane: Plane):
    """Offline while asked: on its next link, once on each; a lost answer is no reason to lose the request."""
    plane.ask_sites.link = ""
    asked = await ask(plane)
    await plane.sessions.asks.tick()
    assert plane.ask_sites.asked == []
    plane.ask_sites.link, plane.ask_sites.is_slow = "lnk_2", True
    await plane.sessions.asks.tick()
    await plane.sessions.asks.tick()
    assert [document["request_id"] for document in plane.ask_sites.asked] == [asked.id]
    plane.ask_sites.link = "lnk_3"
    await plane.sessions.asks.tick()

    assert len(plane.ask_sites.asked) == 2
    assert await standing(plane, asked) is Standing.ASKED


async def test_the_owner_sees_that_somebody_asks_and_not_who(plane: Plane):
    """Agency and reason; the person is for compliance."""
    await ask(plane)
    seen = await plane.audit.find(Query(streams=frozenset({ORGANISATION})))

    assert "person" not in seen.entries[0].openings
    assert seen.entries[0].said("camera") == CAMERA
