"""Who answers for an owner, and a request to them by way of running sessions."""

from dataclasses import replace

from gateway.kernel.principal import Principal, PrincipalKind, Role
from gateway.live import AskWish, Standing, ViewAsk
from partner_agent.wire.touches import Assertion
from tests.support.live import (
    CAMERA,
    INCIDENT,
    OPERATOR,
    ORGANISATION,
    Plane,
    made_up,
)

TOUCH = Assertion(credential="YQ", client_data="YQ", authenticator_data="YQ", signature="YQ")
OWNER = Principal(
    kind=PrincipalKind.PARTNER,
    person_id=made_up("per", 20),
    organisation_id=ORGANISATION,
    roles=frozenset({Role.OWNER}),
)
DELEGATE = replace(OWNER, person_id=made_up("per", 21), roles=frozenset({Role.ANSWERS}))
STRANGER = replace(OWNER, person_id=made_up("per", 22), organisation_id=made_up("org", 22))


async def ask(plane: Plane, principal: Principal = OPERATOR, **changes: str) -> ViewAsk:
    """Ask about the camera."""
    wish = {"camera_id": CAMERA, "purpose": "violent_crime", "incident_id": INCIDENT} | changes
    return await plane.sessions.asks.ask(principal, AskWish(**wish))


async def read(plane: Plane, asked: ViewAsk) -> ViewAsk:
    """The request as it is now."""
    found = await plane.sessions.asks.of_incident(OPERATOR, asked.incident_id)
    return found[asked.organisation_id]


async def standing(plane: Plane, asked: ViewAsk, principal: Principal = OPERATOR) -> Standing:
    """What the caller reads of it now."""
    return (await read(plane, asked)).standing_for(principal, plane.clock.now())
