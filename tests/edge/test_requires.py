"""Every route declares its action; the roles decide."""

from typing import Any

import pytest
from litestar import get

from gateway.app.api import UndeclaredRouteError
from gateway.app.settings import Settings
from gateway.edge.requires import requires
from gateway.kernel.principal import Role
from tests.fakes.authenticator import FakeAuthenticator
from tests.support.application import app_of, browser, services_for

pytestmark = pytest.mark.anyio


async def test_undeclared_route_does_not_start(settings: Settings, sqlite_database: Any, clock: Any, ids: Any):
    """A handler without requires(…) fails start-up, by name."""

    @get("/forgotten")
    async def forgotten() -> None:
        """Nobody said who may."""

    services = services_for(settings, sqlite_database, clock=clock, ids=ids)
    with pytest.raises(UndeclaredRouteError, match="GET /forgotten"):
        app_of(services, settings, [forgotten])
    await services.close()


def test_unknown_action_does_not_import():
    """An action that is not in the table is a programming error at import."""
    with pytest.raises(KeyError, match=r"portal\.fly"):
        requires("portal.fly")


@pytest.mark.parametrize(("role", "status"), [(Role.ADMIN, 200), (Role.OPERATOR, 403), (Role.OWNER, 403)])
async def test_role_decides(app: object, authenticator: FakeAuthenticator, role: Role, status: int):
    """The right role is let in, another signed-in person is refused."""
    async with browser(app, session=authenticator.sign_in(role)) as client:
        assert (await client.get("/secret")).status_code == status


async def test_unknown_session_is_nobody(app: object):
    """A made-up session id is nobody, and is not adopted."""
    async with browser(app, session="ATTACKER") as client:
        answer = await client.get("/secret", headers={"accept": "application/json"})

    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
