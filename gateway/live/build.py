"""Connects the parts of the capability: sessions over the ports, and around them the relay as a child process."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypedDict

from gateway.audit import AuditLog
from gateway.kernel.background import Background
from gateway.kernel.bus import MemoryBus
from gateway.kernel.database import Database
from gateway.kernel.keyring import Keyring
from gateway.live.accounts import Accounts
from gateway.live.asking.ports import AskLaw, AskSites, OwnerTouches
from gateway.live.asking.service import ViewAsks
from gateway.live.asking.store import SqlViewAsks
from gateway.live.board import Board
from gateway.live.calls import Calls
from gateway.live.endings import Endings
from gateway.live.exchange import Exchange
from gateway.live.grants import GrantDesk, RelayPlace
from gateway.live.ice_servers import IceServers
from gateway.live.ports import Consequences, Decider, DeviceKeys, Freshness, Relay, SessionStore, SiteLinks
from gateway.live.relay import protocol
from gateway.live.relay.child import RelayChild
from gateway.live.relay.client import RelayClient
from gateway.live.relay.config import RelayConfig
from gateway.live.service import Live
from gateway.live.store import SqlSessions
from gateway.live.tickets import TicketIssuer
from gateway.live.upkeep import Upkeep
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource

RELAY_NAME: Final = "relay-1"  # the only one so far


@dataclass(frozen=True, slots=True, kw_only=True)
class AskGround:
    """What asking owners stands on."""

    law: AskLaw
    sites: AskSites
    touches: OwnerTouches


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What live views stand on.

    Attributes:
        gateway: our name as sites pinned it: the public origin.
    """

    database: Database
    audit: AuditLog
    bus: MemoryBus
    keyring: Keyring
    decider: Decider
    consequences: Consequences
    freshness: Freshness
    links: SiteLinks
    keys: DeviceKeys
    asking: AskGround
    gateway: str
    clock: Clock
    ids: IdSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """The sessions, without a relay of their own."""

    live: Live
    asks: ViewAsks
    upkeep: Upkeep
    accounts: Accounts


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePlane:
    """Sessions, calls, and the relay's supervisor. `background` runs as long as the gateway."""

    live: Live
    asks: ViewAsks
    calls: Calls
    accounts: Accounts
    client: RelayClient
    child: RelayChild
    background: tuple[Background, ...]


def build_sessions(ground: Ground, *, relay: Relay, place: RelayPlace) -> Sessions:
    """The sessions over `relay`, whose name and fingerprint are in `place`."""
    database, audit, clock, links, keys = ground.database, ground.audit, ground.clock, ground.links, ground.keys
    store, board = SqlSessions(database), Board()
    grants = _grants(ground, place)
    common = _Common(database=database, store=store, audit=audit, clock=clock)
    law = _Law(decider=ground.decider, consequences=ground.consequences, freshness=ground.freshness)
    endings = Endings(**common, board=board, relay=relay, links=links, bus=ground.bus)
    exchange = Exchange(**common, board=board, endings=endings, grants=grants, relay=relay, links=links, keys=keys)
    accounts = Accounts(**common, endings=endings, grants=grants, keys=keys)
    asks = _build_asks(ground, store, endings)
    live = Live(
        **common,
        owners_yes=asks,
        **law,
        links=links,
        board=board,
        endings=endings,
        exchange=exchange,
        grants=grants,
    )
    upkeep = Upkeep(
        store=store,
        accounts=accounts,
        live=live,
        board=board,
        endings=endings,
        exchange=exchange,
        relay=relay,
        links=links,
        freshness=ground.freshness,
        leases=ground.keyring.lease,
        gateway=ground.gateway,
        clock=clock,
    )
    return Sessions(live=live, asks=asks, upkeep=upkeep, accounts=accounts)


def _grants(ground: Ground, place: RelayPlace) -> GrantDesk:
    clock, ids = ground.clock, ground.ids
    tickets = TicketIssuer(key=ground.keyring.ticket, issuer=ground.gateway, clock=clock, ids=ids)
    return GrantDesk(
        signer=ground.keyring.grant, tickets=tickets, relay=place, gateway=ground.gateway, clock=clock, ids=ids
    )


def _build_asks(ground: Ground, sessions: SessionStore, endings: Endings) -> ViewAsks:
    asking = ground.asking
    return ViewAsks(
        database=ground.database,
        rows=SqlViewAsks(ground.database),
        sessions=sessions,
        endings=endings,
        audit=ground.audit,
        law=asking.law,
        sites=asking.sites,
        touches=asking.touches,
        bus=ground.bus,
        clock=ground.clock,
        ids=ground.ids,
    )


class _Common(TypedDict):
    database: Database
    store: SessionStore
    audit: AuditLog
    clock: Clock


class _Law(TypedDict):
    decider: Decider
    consequences: Consequences
    freshness: Freshness


def build_live(
    ground: Ground,
    *,
    config: RelayConfig,
    fingerprint: str,
    is_child: bool = True,
    ice_servers: IceServers | None = None,
) -> LivePlane:
    """Sessions and the relay that serves them.

    Args:
        ground: what they stand on; `gateway` is also the origin of the relay's doors.
        config: what the relay process is told.
        fingerprint: of the relay's certificate, as the key set names it.
        is_child: whether the relay is started here, or is a service of its own that is only connected to.
        ice_servers: what callers are told of; None for none.
    """
    sessions: Sessions

    async def relay_said(event: protocol.Event) -> None:
        await sessions.upkeep.relay_said(event)

    async def relay_gone() -> None:
        await sessions.upkeep.relay_gone()

    client = RelayClient(path=Path(config.socket), on_event=relay_said)
    place = RelayPlace(name=config.relay, fingerprint=fingerprint, public_url=ground.gateway)
    sessions = build_sessions(ground, relay=client, place=place)
    child = RelayChild(config=config, client=client, on_gone=relay_gone, clock=ground.clock, is_started_here=is_child)
    return LivePlane(
        live=sessions.live,
        asks=sessions.asks,
        calls=Calls(relay=client, ice_servers=ice_servers),
        accounts=sessions.accounts,
        client=client,
        child=child,
        background=(
            Background("relay", child.run),
            Background("live views", sessions.live.run),
            Background("requests to watch", sessions.asks.run),
            Background("leases", sessions.upkeep.run),
        ),
    )
