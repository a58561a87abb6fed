"""The gateway as one real server on loopback, in the test's own loop, with a client and a minimal agent."""

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import anyio
import httpx
import uvicorn

from gateway.app.api import create_app
from gateway.app.server import server_config
from gateway.app.services import Services
from gateway.kernel.database import Database
from gateway.kernel.principal import Principal, PrincipalKind, Role
from gateway.partners import OrganisationKind, Place, Registration, Site
from partner_agent.wire import frames, handshake, keyset, messages
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.enrolment import make_proof
from partner_agent.wire.ids import SystemIds
from partner_agent.wire.tokens import PublicKey
from tests.support.application import services_for, settings_for
from tests.support.site_bench import MiniAgent, token_form


class SiteServer:
    """A running gateway with one organisation and one site."""

    def __init__(self, *, services: Services, url: str, http: httpx.AsyncClient, site: Site, owner: Principal) -> None:
        self.services = services
        self.sites = services.sites
        self.url = url
        self.link_url = url.replace("http", "ws", 1) + "/agent/v1"
        self.http = http
        self.site = site
        self.owner = owner
        self.clock: Any = SystemClock()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    @property
    def home(self) -> tuple[Site, Principal]:
        """For the next start on the same database."""
        return self.site, self.owner

    def agent(self) -> MiniAgent:
        """One that is not paired."""
        return MiniAgent(self.clock)

    def device_form(self, agent: MiniAgent) -> dict[str, str]:
        """The fields of `POST /oauth/device` for this gateway."""
        proof = make_proof(agent.device, token_url=self.url + "/oauth/token", now=self.clock.now())
        return agent.device_form(jwk_proof=proof)

    async def approve(self, user_code: str) -> None:
        """As the owner."""
        place = await self.sites.directory.site_of(self.site.organisation_id, self.site.id)
        await self.sites.enrolments.approve(self.owner, place, user_code)

    async def paired(self) -> MiniAgent:
        """An agent that paired over HTTP."""
        await self.sites.key_sets.ensure_current()
        agent = self.agent()
        codes = (await self.http.post("/oauth/device", data=self.device_form(agent))).json()
        await self.approve(codes["user_code"])
        agent.take((await self.http.post("/oauth/token", data=token_form(codes["device_code"]))).json())
        return agent

    async def greet(self, agent: MiniAgent, connection: Any) -> None:
        """Shake hands over a real WebSocket."""
        challenge = frames.decode(await connection.recv())
        assert isinstance(challenge, messages.Challenge)
        proof = agent.proof(challenge, url=self.link_url)
        await connection.send(frames.encode(proof).decode())
        message = frames.decode(await connection.recv())
        while isinstance(message, messages.KeySets):
            agent.keys = keyset.advance(agent.keys, message.tokens, PublicKey.of(agent.pairing["root"]))
            message = frames.decode(await connection.recv())
        assert isinstance(message, messages.Welcome)
        assert agent.keys
        keys = agent.keys.live("link", self.clock.now())
        welcome = handshake.check_welcome(
            message.token, keys, gateway=self.url, agent=agent.id, agent_nonce="n", proof=proof.token
        )
        agent.epoch = welcome.epoch
        ack = messages.Ack(id=agent.new_id(), epoch=welcome.epoch, fresh="f1")
        await connection.send(frames.encode(ack).decode())

    async def until(self, holds: Any) -> None:
        """Wait until `holds`, asked again whenever the gateway has news of the site, at most half a minute."""
        with anyio.fail_after(30), self.services.bus.subscribe("site") as news:
            while not (found if isinstance(found := holds(), bool) else await found):
                with anyio.move_on_after(0.1):  # what is asked may also change on the agent's side
                    await news.get()

    async def until_key_set(self) -> None:
        """Wait until the first key set is published."""

        async def is_published() -> bool:
            return await self.sites.key_sets.newest() is not None

        await self.until(is_published)


@asynccontextmanager
async def site_server(
    database: Database,
    folder: Path,
    *,
    port: int = 0,
    home: tuple[Site, Principal] | None = None,
    host: str = "127.0.0.1",
    address: str = "127.0.0.1",
    told: Mapping[str, Any] = MappingProxyType({}),
    **changes: Any,
) -> AsyncIterator[SiteServer]:
    """Start it, stop it at the end.

    Args:
        database: migrated; closed at the end.
        folder: where `state` lies.
        port: the port to serve on; 0 for a free one.
        host: its name in addresses; a browser's passkeys want `localhost`.
        address: where it listens; it must be among the loopback interface's, or `0.0.0.0`.
        home: the organisation's site and owner, after a restart; None makes them.
        told: settings beside the usual ones.
        changes: services to replace, by field.
    """
    with socket.create_server((address, port)) as listener:
        url = f"http://{host}:{listener.getsockname()[1]}"
        settings = settings_for(folder / "state", public_url=url, **told)
        services = services_for(settings, database, clock=SystemClock(), ids=SystemIds(), **changes)
        app = create_app(services, settings, write_access_line=lambda _line: None)
        server = uvicorn.Server(server_config(app, settings))
        async with anyio.create_task_group() as group:
            group.start_soon(server.serve, [listener])
            with anyio.fail_after(10):
                while not server.started:
                    await anyio.lowlevel.checkpoint()
            site, owner = home or await _organisation(services)
            async with httpx.AsyncClient(base_url=url) as http:
                yield SiteServer(services=services, url=url, http=http, site=site, owner=owner)
            services.sites.hub.close()
            server.should_exit = True


async def _organisation(services: Services) -> tuple[Site, Principal]:
    """A business that registered, confirmed its mail, accepted the agreement and said where it is."""
    await services.identity.people.ensure_agency("City Police")
    wish = Registration(OrganisationKind.BUSINESS, "Corner shop", "1 Main Street", "Pat Owner", "pat@example.org")
    await services.partners.register(wish)
    async with services.database.unit_of_work() as unit:
        person_id = await services.identity.person_for(unit, email=wish.email, name=wish.contact_name)
    await services.partners.address_confirmed(person_id)
    member = await services.partners.membership_of(person_id)
    assert member
    owner = Principal(
        kind=PrincipalKind.PARTNER,
        person_id=person_id,
        organisation_id=member.organisation_id,
        roles=frozenset({Role.OWNER}),
        name="Pat Owner",
        session_ref="s1",
    )
    await services.partners.accept_agreement(owner, sha256=services.partners.agreement.sha256)
    place = Site("", "", "Corner shop", "1 Main Street", Place(41.88, -87.63), "America/Chicago", False)
    return await services.partners.save_site(owner, place, is_new=True), owner
