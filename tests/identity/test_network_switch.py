"""Administrators switch sharing off for the whole network, and on again, on their first page; others cannot."""

import pytest

from gateway.audit import Query
from gateway.kernel.principal import Role
from tests.identity.conftest import Gateway, submit

pytestmark = pytest.mark.anyio


async def test_an_operator_has_no_switch(gateway: Gateway):
    """Neither the page nor the deed."""
    operator, _ = await gateway.enrol("op@city.example", Role.OPERATOR)
    async with gateway.browser(operator) as client:
        assert (await client.get("/admin")).status_code in {403, 404}
        assert (await client.post("/admin/sharing/stop")).status_code in {403, 404}
    assert not await gateway.services.sharing.is_suspended()


async def test_an_administrator_switches_the_network_off_and_on(gateway: Gateway):
    """The page says how it stands, each press counts at once, and both are in the log with who did it."""
    admin, _ = await gateway.enrol()
    async with gateway.browser(admin) as client:
        assert "On, as each owner says." in (await client.get("/admin")).text
        off = await submit(client, "/admin", {}, to="/admin/sharing/stop")
        assert off.status_code == 303
        assert await gateway.services.sharing.is_suspended()
        assert "Switched off." in (await client.get("/admin")).text
        await submit(client, "/admin", {}, to="/admin/sharing/again")
        assert not await gateway.services.sharing.is_suspended()

    page = await gateway.services.audit.find(Query(is_restricted_visible=True), limit=50)
    said = [(entry.kind, bool(entry.said("person"))) for entry in page.entries if entry.kind.startswith("sharing.")]
    assert said == [("sharing.resumed", True), ("sharing.suspended", True)]
