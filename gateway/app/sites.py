"""Wires the agents on site to the partners who own the sites and the cameras registered there."""

from collections.abc import Collection, Sequence

from gateway.app.ground import Ground
from gateway.app.live import ice_servers, relay_fingerprint
from gateway.cameras import Cameras
from gateway.desks.portal import Trouble
from gateway.identity import Identity
from gateway.kernel.database import UnitOfWork
from gateway.live import server_hosts
from gateway.partners import Partners
from gateway.partners import Site as PartnerSite
from gateway.sites import (
    DuePolicy,
    PolicyAnswer,
    PolicyOutbox,
    Published,
    RegisteredCamera,
    Site,
    Sites,
    SiteView,
    build_sites,
)
from gateway.sites.connection import Servers
from gateway.web import _
from partner_agent.wire.check_messages import CheckServer
from partner_agent.wire.documents import Position


class Directory:
    """`gateway.sites.SiteDirectory` over partners, cameras and the agency."""

    def __init__(self, *, partners: Partners, cameras: Cameras, identity: Identity) -> None:
        self._partners = partners
        self._cameras = cameras
        self._people = identity.people

    async def site_of(self, organisation_id: str, site_id: str) -> Site:
        """The site, if it is the organisation's."""
        return _site(await self._partners.site(site_id, organisation_id=organisation_id))

    async def sites_of(self, organisation_id: str) -> list[Site]:
        """The organisation's sites."""
        return [_site(site) for site in await self._partners.sites(organisation_id)]

    async def cameras_of(self, site_id: str) -> list[RegisteredCamera]:
        """The cameras on the list there."""
        return [RegisteredCamera(camera.id, camera.name) for camera in await self._cameras.of_site(site_id)]

    async def agencies(self) -> dict[str, str]:
        """The one agency of this gateway."""
        agency = await self._people.agency()
        return {agency.id: agency.name}

    async def set_connected(self, unit: UnitOfWork, camera_ids: Collection[str], *, site_id: str) -> None:
        """Exactly these are offered by the site's agent."""
        await self._cameras.set_connected(unit, camera_ids, site_id=site_id)


class NothingDue:
    """Until sharing is wired: no site gets a document."""

    async def due(self, agent_id: str, held: Position) -> Sequence[DuePolicy]:
        """None."""
        del agent_id, held
        return ()

    async def answered(self, unit: UnitOfWork, answer: PolicyAnswer) -> None:
        """Nothing was asked."""


class SiteTies:
    """What those who are built before the agents need of them: an end with their site, health for the first page.

    `tie` names the agents once they are built.
    """

    def __init__(self) -> None:
        self._sites: Sites | None = None

    def tie(self, sites: Sites) -> None:
        """These are they."""
        self._sites = sites

    async def site_changed(self, unit: UnitOfWork, site: PartnerSite) -> None:
        """Nothing of ours depends on it (`partners.SiteWatcher`)."""

    async def site_removed(self, unit: UnitOfWork, site: PartnerSite) -> None:
        """A site that is removed takes its agent's key with it (`partners.SiteWatcher`)."""
        if self._sites:
            await self._sites.agents.site_removed(unit, site.id)

    async def has_agent(self, organisation_id: str) -> bool:
        """Whether any site is paired (`portal.Pairing`)."""
        return any(view.agent for view in await self._views(organisation_id))

    async def troubles(self, organisation_id: str) -> Sequence[Trouble]:
        """Everything wrong at the organisation's sites (`portal.Troubles`)."""
        return [
            Trouble(
                f"{view.site.name}: {_(each.sentence)}", each.remedy, f"/portal/sites/{view.site.id}/agent", each.since
            )
            for view in await self._views(organisation_id)
            for each in view.troubles
        ]

    async def _views(self, organisation_id: str) -> list[SiteView]:
        return await self._sites.agents.views(organisation_id) if self._sites else []


def wire_sites(
    ground: Ground,
    *,
    partners: Partners,
    cameras: Cameras,
    identity: Identity,
    outbox: PolicyOutbox | None = None,
) -> Sites:
    """The agents on site, reached at the public address."""
    origin = ground.settings.origin
    return build_sites(
        database=ground.database,
        audit=ground.log.audit,
        log=ground.log.reader,
        keyring=ground.keyring,
        published=Published(
            gateway=origin.text,
            hosts=tuple(dict.fromkeys((origin.authority, *server_hosts(ground.settings.ice_servers)))),
            relay_fingerprints=(relay_fingerprint(ground),),
        ),
        public_url=origin.text,
        directory=Directory(partners=partners, cameras=cameras, identity=identity),
        outbox=outbox or NothingDue(),
        limiter=ground.rate_limiter,
        bus=ground.bus,
        clock=ground.clock,
        ids=ground.ids,
        servers=_servers(ground),
        has_tunnels=ground.settings.media_engine == "embedded",
    )


def _servers(ground: Ground) -> Servers:
    """What a call from a site would be told of, for its check."""
    configured = ice_servers(ground.settings, ground.clock)

    def told(site_id: str) -> list[CheckServer]:
        servers = configured.told_to(site_id) if configured else ()
        return [CheckServer(url=each.urls, username=each.username, credential=each.credential) for each in servers]

    return told


def _site(site: PartnerSite) -> Site:
    return Site(id=site.id, name=site.name, organisation_id=site.organisation_id)
