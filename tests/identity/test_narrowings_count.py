"""Whoever loses a role, or is suspended, loses what runs in their name: their generation goes up with it."""

import pytest

from gateway.identity import Membership
from gateway.kernel.principal import SYSTEM, Role
from tests.identity.conftest import Gateway

pytestmark = pytest.mark.anyio


async def _operator(gateway: Gateway) -> str:
    await gateway.enrol()
    await gateway.enrol("op@city.example", Role.OPERATOR)
    users = await gateway.services.identity.people.users()
    return next(user.person.id for user in users if user.person.email == "op@city.example")


@pytest.mark.parametrize("change", ["roles", "suspend"])
async def test_a_person_who_may_do_less(gateway: Gateway, change: str):
    """The person's generation goes up with the change, and they are read as they are from then on."""
    people, person_id = gateway.services.identity.people, await _operator(gateway)
    before = (await gateway.services.database.generations_since(0)).platform
    assert await people.membership(person_id) is not None

    if change == "roles":
        await people.change_roles(person_id, frozenset({Role.COMPLIANCE}), unit_name="", by=SYSTEM)
    else:
        await people.suspend(person_id, by=SYSTEM)

    assert person_id in (await gateway.services.database.generations_since(before)).changed
    held = await people.membership(person_id)
    if change == "suspend":
        assert held is None
    else:
        assert isinstance(held, Membership)
        assert held.roles == {Role.COMPLIANCE}


async def test_somebody_unknown_may_do_nothing(gateway: Gateway):
    """A person who was forgotten is of no agency."""
    assert await gateway.services.identity.people.membership("per_" + "7" * 26) is None
