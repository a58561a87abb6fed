"""The web application in the test's own process, asked through ASGI as a browser of its own origin would."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import msgspec
from litestar import Litestar
from litestar.types import ControllerRouterHandler

from gateway.app.api import create_app
from gateway.app.services import Services, build_services
from gateway.app.settings import Settings
from gateway.edge.csrf import FormToken
from gateway.identity import Passwords
from gateway.kernel.database import Database
from gateway.kernel.principal import Principal, PrincipalKind, Role
from gateway.partners import Registration
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource

ORIGIN = "http://localhost:8080"
SAME_ORIGIN = {"origin": ORIGIN, "sec-fetch-site": "same-origin"}


def settings_for(state_dir: Path, **changes: Any) -> Settings:
    """Settings of a gateway on loopback that keeps its state in `state_dir`."""
    return Settings(**({"state_dir": state_dir, "public_url": ORIGIN} | changes))


def services_for(settings: Settings, database: Database, *, clock: Clock, ids: IdSource, **changes: Any) -> Services:
    """Everything as in production, on the test's database, clock and ids; `changes` replace single parts."""
    url = database.url if database.is_sqlite else database.url.replace("postgresql+asyncpg", "postgresql")
    settings = msgspec.structs.replace(settings, database_url=url)
    passwords = Passwords(memory_kib=64, passes=1)  # a test is no attacker
    return replace(build_services(settings, clock=clock, ids=ids, passwords=passwords), **changes)


def app_of(services: Services, settings: Settings, routes: Sequence[ControllerRouterHandler] | None = None) -> Litestar:
    """The application, silent; with its own routes, or with these."""
    more: dict[str, Any] = {} if routes is None else {"routes": routes}
    return create_app(services, settings, write_access_line=lambda _line: None, **more)


async def agreeing_owner(services: Services, wish: Registration) -> Principal:
    """The owner who registered with `wish`, as a caller, after accepting the agreement."""
    async with services.database.unit_of_work() as unit:
        person_id = await services.identity.person_for(unit, email=wish.email, name=wish.contact_name)
    await services.partners.address_confirmed(person_id)
    member = await services.partners.membership_of(person_id)
    assert member is not None
    owner = Principal(
        kind=PrincipalKind.PARTNER,
        person_id=person_id,
        organisation_id=member.organisation_id,
        roles=frozenset({Role.OWNER}),
        name=wish.contact_name,
    )
    await services.partners.accept_agreement(owner, sha256=services.partners.agreement.sha256)
    return owner


def csrf_of(services: Services, session: str) -> str:
    """The form token of a session."""
    ref, key = hashlib.sha256(session.encode()).hexdigest(), services.secret.key("csrf")
    return FormToken(key=key, session_ref=ref, visit="", ids=services.ids).value


@asynccontextmanager
async def browser(app: Any, *, session: str = "", origin: str = ORIGIN) -> AsyncIterator[httpx.AsyncClient]:
    """A browser: sends Origin with forms, keeps cookies, does not follow redirects by itself."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False, client=("192.0.2.7", 4711))
    headers = SAME_ORIGIN | {"accept": "text/html,*/*;q=0.8"}
    async with httpx.AsyncClient(transport=transport, base_url=origin, headers=headers) as client:
        if session:
            client.cookies.set("lenspact", session)
        yield client
