"""The capability as one value: what the rest of the gateway, its routes and its pages use."""

from dataclasses import dataclass
from typing import Final

from gateway.audit import AuditLog, LogReader
from gateway.edge.rate_limit import RateLimiter
from gateway.kernel.bus import MemoryBus
from gateway.kernel.database import Database
from gateway.kernel.keyring import Keyring
from gateway.sites.agents import Agents
from gateway.sites.connection import ConnectionChecks, Servers
from gateway.sites.delivery import PolicyDelivery
from gateway.sites.enrolment import Enrolments, link_url
from gateway.sites.handshake import Handshakes
from gateway.sites.hub import LinkHub
from gateway.sites.keysets import KeySets, Published
from gateway.sites.ports import PolicyOutbox, SiteDirectory
from gateway.sites.proofs import ProofDesk
from gateway.sites.reports import Reports
from gateway.sites.store import SiteStore
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource

KEY_SET_CHECK_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Sites:
    """The agents on site.

    Attributes:
        agents: the owner's view, ticks, revocation, and who is which camera.
        delivery: `nudge(agent_id)` after a change that a site should get.
        enrolments: pairing.
        hub: every live link.
        key_sets: the chain agents follow.
        public_url: the only origin a browser's socket may have.
        connection: whether live views can leave a site.
    """

    agents: Agents
    delivery: PolicyDelivery
    enrolments: Enrolments
    hub: LinkHub
    key_sets: KeySets
    directory: SiteDirectory
    public_url: str
    connection: ConnectionChecks

    async def keep_key_set(self) -> None:
        """Look once an hour whether the key set is current, and tell connected agents of one that is new.

        It may have been published by another process (`lenspact keys publish`).
        """
        while True:
            self.hub.offer_key_sets(await self.key_sets.untold())
            await self.hub.clock.sleep(KEY_SET_CHECK_S)


def build_sites(
    *,
    database: Database,
    audit: AuditLog,
    log: LogReader,
    keyring: Keyring,
    published: Published,
    public_url: str,
    directory: SiteDirectory,
    outbox: PolicyOutbox,
    limiter: RateLimiter,
    bus: MemoryBus,
    clock: Clock,
    ids: IdSource,
    servers: Servers = lambda _: (),
    has_tunnels: bool = False,
) -> Sites:
    """Connect the parts of the capability."""
    store, gateway = SiteStore(database), published.gateway
    key_sets = KeySets(store=store, audit=audit, clock=clock, keyring=keyring, published=published)
    handshakes = Handshakes(
        store=store,
        audit=audit,
        key_sets=key_sets,
        signer=keyring.link,
        clock=clock,
        ids=ids,
        gateway=gateway,
        link_url=link_url(public_url),
    )
    hub = _hub(LinkHub(handshakes=handshakes, store=store, bus=bus, clock=clock, ids=ids), store, audit, log, bus)
    delivery = PolicyDelivery(hub=hub, store=store, audit=audit, outbox=outbox, bus=bus, clock=clock, gateway=gateway)
    enrolments = Enrolments(
        store=store,
        audit=audit,
        key_sets=key_sets,
        clock=clock,
        ids=ids,
        limiter=limiter,
        public_url=public_url,
        gateway=gateway,
        directory=directory,
        on_revoked=hub.drop,
    )
    agents = Agents(store=store, audit=audit, hub=hub, directory=directory, bus=bus, clock=clock)
    return Sites(
        agents=agents,
        delivery=delivery,
        enrolments=enrolments,
        hub=hub,
        key_sets=key_sets,
        directory=directory,
        public_url=public_url,
        connection=ConnectionChecks(
            hub, agents=agents, store=store, limiter=limiter, servers=servers, url=public_url, has_tunnels=has_tunnels
        ),
    )


def _hub(hub: LinkHub, store: SiteStore, audit: AuditLog, log: LogReader, bus: MemoryBus) -> LinkHub:
    """The links, with those who listen to every site."""
    Reports(hub=hub, store=store, audit=audit, bus=bus, clock=hub.clock)
    ProofDesk(hub=hub, log=log, origin=audit.origin)
    return hub
