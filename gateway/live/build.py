"""Connects the parts of the capability: sessions over the ports, and around them the relay as a child process."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
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
from gateway.live.engines.gate import GatedEngine
from gateway.live.engines.ports import MediaServer
from gateway.live.exchange import Exchange
from gateway.live.first_pictures import FirstPictures
from gateway.live.grants import GrantDesk, RelayPlace
from gateway.live.ice_servers import IceServers
from gateway.live.opening import Opening
from gateway.live.phones.ports import Surroundings
from gateway.live.phones.service import Phones
from gateway.live.phones.store import SqlPhones
from gateway.live.ports import (
    Consequences,
    Decider,
    DeviceKeys,
    Freshness,
    MediaEngine,
    Relay,
    SessionStore,
    SiteLinks,
)
from gateway.live.relay import protocol
from gateway.live.relay.child import RelayChild
from gateway.live.relay.client import OnEvent, RelayClient
from gateway.live.relay.config import RelayConfig
from gateway.live.relays import Relays
from gateway.live.service import Live
from gateway.live.showing import Showings
from gateway.live.steps import Steps
from gateway.live.stills.ports import StillVault
from gateway.live.stills.service import Stills, token_of
from gateway.live.stills.store import SqlStills
from gateway.live.stills.taking import StillTaking
from gateway.live.store import SqlSessions
from gateway.live.tickets import TicketIssuer, TicketReader
from gateway.live.tunnels.service import tunnels_to
from gateway.live.upkeep import Upkeep
from gateway.live.verdicts import Verdicts
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource

RELAY_NAME: Final = "relay-1"  # the first; others count on


@dataclass(frozen=True, slots=True, kw_only=True)
class AskGround:
    """What asking owners stands on."""

    law: AskLaw
    sites: AskSites
    touches: OwnerTouches


@dataclass(frozen=True, slots=True, kw_only=True)
class StillGround:
    """What stills stand on: where the bytes are, what the uploads' secrets are made from, how long they are kept."""

    vault: StillVault
    token_key: bytes
    keep: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneGround:
    """What links to phones stand on: people, incidents and names, and how long a phone shows a picture at most."""

    surroundings: Surroundings
    lasts: timedelta


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
    stills: StillGround
    phones: PhoneGround
    gateway: str
    clock: Clock
    ids: IdSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """The sessions, without a relay of their own."""

    board: Board
    live: Live
    showings: Showings
    asks: ViewAsks
    upkeep: Upkeep
    accounts: Accounts
    stills: Stills
    phones: Phones


@dataclass(frozen=True, slots=True, kw_only=True)
class LivePlane:
    """Sessions, calls, their engine. `background` runs with the gateway; `site_is_back` is told of each new link."""

    live: Live
    showings: Showings
    asks: ViewAsks
    calls: Calls
    accounts: Accounts
    stills: Stills
    phones: Phones
    engine: MediaEngine
    site_is_back: Callable[[str], Awaitable[None]]
    background: tuple[Background, ...]


def build_sessions(ground: Ground, *, relay: Relay, place: RelayPlace) -> Sessions:
    """The sessions over `relay`, whose name and fingerprint are in `place`."""
    database, audit, clock, links, keys = ground.database, ground.audit, ground.clock, ground.links, ground.keys
    store, board, grants = SqlSessions(database), Board(), _grants(ground, place)
    common = _Common(database=database, store=store, audit=audit, clock=clock)
    endings = Endings(**common, board=board, relay=relay, links=links, bus=ground.bus)
    exchange = Exchange(
        steps=Steps(database=database, store=store, audit=audit),
        audit=audit,
        board=board,
        endings=endings,
        grants=grants,
        relay=relay,
        links=links,
        clock=clock,
        keys=keys,
    )
    accounts = Accounts(**common, endings=endings, grants=grants, keys=keys)
    asks, kept = _build_asks(ground, store, endings), _Kept(store=store, board=board, endings=endings, clock=clock)
    verdicts = Verdicts(decider=ground.decider, owners_yes=asks)
    live = _build_live(ground, kept, exchange=exchange, grants=grants, asks=asks, verdicts=verdicts)
    upkeep = Upkeep(
        **kept,
        accounts=accounts,
        live=live,
        exchange=exchange,
        relay=relay,
        links=links,
        freshness=ground.freshness,
        leases=ground.keyring.lease,
        gateway=ground.gateway,
    )
    return Sessions(
        board=board,
        live=live,
        showings=Showings(board=board, links=links, verdicts=verdicts),
        asks=asks,
        upkeep=upkeep,
        accounts=accounts,
        stills=_build_stills(ground, kept, grants=grants, asks=asks, verdicts=verdicts),
        phones=_build_phones(ground, kept, live=live),
    )


def _grants(ground: Ground, place: RelayPlace) -> GrantDesk:
    clock, ids = ground.clock, ground.ids
    tickets = TicketIssuer(key=ground.keyring.ticket, issuer=ground.gateway, clock=clock, ids=ids)
    return GrantDesk(
        signer=ground.keyring.grant, tickets=tickets, relay=place, gateway=ground.gateway, clock=clock, ids=ids
    )


def _build_live(
    ground: Ground, kept: "_Kept", *, exchange: Exchange, grants: GrantDesk, asks: ViewAsks, verdicts: Verdicts
) -> Live:
    opening = Opening(
        **kept,
        database=ground.database,
        audit=ground.audit,
        verdicts=verdicts,
        consequences=ground.consequences,
        freshness=ground.freshness,
        links=ground.links,
        exchange=exchange,
        grants=grants,
        owners_yes=asks,
    )
    return Live(
        **kept,
        database=ground.database,
        decider=ground.decider,
        verdicts=verdicts,
        opening=opening,
        first_pictures=FirstPictures(board=kept["board"], exchange=exchange),
        links=ground.links,
    )


def _build_stills(ground: Ground, kept: "_Kept", *, grants: GrantDesk, asks: ViewAsks, verdicts: Verdicts) -> Stills:
    rows, secret = SqlStills(ground.database), partial(token_of, ground.stills.token_key)
    taking = StillTaking(
        **kept,
        rows=rows,
        database=ground.database,
        audit=ground.audit,
        verdicts=verdicts,
        owners_yes=asks,
        consequences=ground.consequences,
        freshness=ground.freshness,
        links=ground.links,
        keys=ground.keys,
        grants=grants,
        gateway=ground.gateway,
        token_of=secret,
    )
    return Stills(
        database=ground.database,
        store=kept["store"],
        rows=rows,
        vault=ground.stills.vault,
        audit=ground.audit,
        grants=grants,
        keys=ground.keys,
        board=kept["board"],
        taking=taking,
        token_key=ground.stills.token_key,
        keep=ground.stills.keep,
        clock=ground.clock,
    )


def _build_phones(ground: Ground, kept: "_Kept", *, live: Live) -> Phones:
    return Phones(
        **kept,
        database=ground.database,
        rows=SqlPhones(ground.database),
        audit=ground.audit,
        live=live,
        surroundings=ground.phones.surroundings,
        lasts=ground.phones.lasts,
        ids=ground.ids,
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


class _Kept(TypedDict):
    store: SessionStore
    board: Board
    endings: Endings
    clock: Clock


def build_live(
    ground: Ground,
    *,
    configs: Sequence[RelayConfig],
    fingerprint: str,
    is_child: bool = True,
    ice_servers: IceServers | None = None,
    server: MediaServer | None = None,
) -> LivePlane:
    """Sessions and the engine that serves them: our relay, or a media server of others.

    Args:
        ground: what they stand on; `gateway` is also the origin of the relay's doors.
        configs: what each relay process is told; one, unless there are several on this machine.
        fingerprint: of the relays' certificate, as the key set names it.
        is_child: whether they are started here, or one is a service of its own that is only connected to.
        ice_servers: what callers are told of; None for none.
        server: forwards instead of our relay; None for our relay.
    """
    sessions: Sessions

    async def relay_said(event: protocol.Event) -> None:
        await sessions.upkeep.relay_said(event)

    place = RelayPlace(configs[0].relay, fingerprint, ground.gateway, tuple(config.relay for config in configs[1:]))

    async def relay_gone(relay: str) -> None:
        await sessions.upkeep.relay_gone(lambda publication: place.of(publication) == relay)

    engine, run = _build_engine(
        ground,
        server=server,
        configs=configs,
        fingerprint=fingerprint,
        is_child=is_child,
        on_event=relay_said,
        on_gone=relay_gone,
    )
    is_up = engine.is_up if isinstance(engine, Relays) else place.is_up
    place = replace(place, carries_sound=engine.features.carries_sound, is_up=is_up)
    sessions = build_sessions(ground, relay=engine, place=place)
    return LivePlane(
        live=sessions.live,
        showings=sessions.showings,
        asks=sessions.asks,
        calls=Calls(relay=engine, ice_servers=ice_servers, tunnels=tunnels_to(engine, sessions.board, ground)),
        accounts=sessions.accounts,
        stills=sessions.stills,
        phones=sessions.phones,
        engine=engine,
        site_is_back=sessions.upkeep.site_is_back,
        background=(
            *run,
            Background("live views", sessions.live.run),
            Background("requests to watch", sessions.asks.run),
            Background("leases", sessions.upkeep.run),
            Background("stills expire", sessions.stills.run),
        ),
    )


def _build_engine(
    ground: Ground,
    *,
    server: MediaServer | None,
    configs: Sequence[RelayConfig],
    fingerprint: str,
    is_child: bool,
    on_event: OnEvent,
    on_gone: Callable[[str], Awaitable[None]],
) -> tuple[MediaEngine, tuple[Background, ...]]:
    """The engine, and what keeps it running."""
    clock, config = ground.clock, configs[0]
    if server is None:
        clients = {each.relay: RelayClient(config=each, on_event=on_event, clock=clock) for each in configs}
        children = [
            RelayChild(
                config=each,
                client=clients[each.relay],
                on_gone=partial(on_gone, each.relay),
                clock=clock,
                is_started_here=is_child,
            )
            for each in configs
        ]
        engine = Relays(clients) if len(clients) > 1 else clients[config.relay]
        return engine, tuple(Background(child.name, child.run) for child in children)
    # As the relay would read them: those from before this process open nothing.
    tickets = TicketReader(public_jwk=config.ticket_jwk, issuer=config.issuer, relay=config.relay, clock=clock)
    gate = GatedEngine(
        server=server,
        fingerprint=fingerprint,
        tickets=tickets,
        on_event=on_event,
        on_gone=partial(on_gone, config.relay),
        clock=clock,
        ids=ground.ids,
    )
    return gate, (Background("relay", gate.run),)
