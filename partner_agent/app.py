"""The composition root of the agent: settings and adapters in, one running agent out."""

import logging
import os
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from importlib import metadata
from typing import Any, Final
from urllib.parse import urlsplit

import anyio
import anyio.abc
import httpx

from partner_agent import control, local_http
from partner_agent.addresses import AddressRules, PinnedTransport, SystemResolver
from partner_agent.archive import Archive, NoRecordings
from partner_agent.assembly import VERSION, Adapters, Agent
from partner_agent.budget import Budget
from partner_agent.checks import Looks, RealNetwork
from partner_agent.encoders import Encoders
from partner_agent.first_picture import PremisesPictures
from partner_agent.identity import Identity
from partner_agent.keystore import FileKeyStore, KeyStoreError
from partner_agent.line import HttpMeter
from partner_agent.local_page import ALWAYS, LocalPage
from partner_agent.masks import Masks
from partner_agent.notices import MailNotice, Notices, TerminalNotice
from partner_agent.pairing import Code, pair, settle
from partner_agent.premises import Premises
from partner_agent.recorded_uplink import NoPlayers, RecordedUplink
from partner_agent.ring.recorder import Recorder, SegmentWriter
from partner_agent.ring.store import Quota, RecordingStore
from partner_agent.rtc import buffers, certificate, whip
from partner_agent.rtc.detours import Detours
from partner_agent.settings import Settings
from partner_agent.shared_uplink import SharedPublisher
from partner_agent.still_camera import CameraStills
from partner_agent.store import Store
from partner_agent.timekeeping import KernelTimeSync, UnsafeAlwaysSynced
from partner_agent.tus import TusUploader
from partner_agent.uplink import Uplink
from partner_agent.websocket import WebSocketDialler, WebSocketTunnel
from partner_agent.wire import tunnels
from partner_agent.wire.clock import Clock, SystemClock
from partner_agent.wire.enrolment import Pairing
from partner_agent.wire.ids import SystemIds
from partner_agent.wire.steady import put_aside
from partner_agent.wire.tokens import Signer

log: Final = logging.getLogger("lenspact.agent")
DATABASE: Final = "agent.db"
SPOOL: Final = "spool"
_PAGE_PORT: Final = "page_port"  # a free port is chosen once and kept
_USER_AGENT: Final = f"lenspact-agent/{VERSION}"


def open_store(settings: Settings) -> Store:
    """The agent's durable state."""
    return Store(settings.state_dir / DATABASE)


def address_rules(settings: Settings) -> AddressRules:
    """Where this site lets the gateway send the agent."""
    return AddressRules(
        resolver=SystemResolver(), allow_loopback=settings.allow_loopback, allow_networks=settings.allow_networks
    )


async def enrol(settings: Settings, *, show_code: Callable[[Code], None]) -> tuple[Pairing, Callable[[Store], None]]:
    """Run the device flow; returns the answer and the step that pins it once a person has compared the words."""
    keys = FileKeyStore(settings.state_dir, os.environ)
    device = keys.create()
    origin = urlsplit(settings.gateway).netloc
    transport = PinnedTransport(address_rules(settings), lambda url: urlsplit(url).netloc == origin)
    async with httpx.AsyncClient(transport=transport, headers={"user-agent": _USER_AGENT}) as http:
        pairing = await pair(
            http=http,
            gateway_url=settings.gateway,
            device=device,
            host=socket.gethostname(),
            version=VERSION,
            clock=SystemClock(),
            show_code=show_code,
        )
    return pairing, lambda store: settle(store, pairing, SystemClock(), adopt_key=keys.adopt)


async def run(settings: Settings, *, show: Callable[[str], None]) -> None:
    """Serve until cancelled.

    Raises:
        NotPairedError: `lenspact-agent enrol` has not run.
        KeyStoreError: the device key cannot be used.
    """
    store = open_store(settings)
    async with AsyncExitStack() as stack:
        stack.callback(store.close)
        device = FileKeyStore(settings.state_dir, os.environ).load()
        if device is None:
            raise KeyStoreError("there is no device key here; run: lenspact-agent enrol")
        identity = Identity(store)
        if too_little := buffers.shortage(buffers.given_here()):
            log.warning("%s: %s", too_little, buffers.CURE)
        tasks = await stack.enter_async_context(anyio.create_task_group())
        premises = Premises(
            settings.cameras,
            store=store,
            clock=SystemClock(),
            ids=SystemIds(),
            encoders=Encoders(settings.max_encoders),
        )
        tasks.start_soon(premises.run)
        masks = Masks(store)
        world = await _world(settings, identity, device, premises, masks, stack=stack, tasks=tasks, show=show)
        agent = Agent(settings=settings, store=store, identity=identity, device=device, world=world)
        if isinstance(world.uploader, TusUploader):
            paused = agent.switches.is_paused
            tasks.start_soon(partial(world.uploader.resume, settings.state_dir / SPOOL, may_send=lambda: not paused()))
        tasks.start_soon(control.serve, control.socket_path(settings.state_dir), agent.site)
        if settings.page_port >= 0:
            await _open_page(settings, agent, tasks, show)
        put_aside()
        await agent.run()


async def _world(
    settings: Settings,
    identity: Identity,
    device: Signer,
    premises: Premises,
    masks: Masks,
    *,
    stack: AsyncExitStack,
    tasks: anyio.abc.TaskGroup,
    show: Callable[[str], None],
) -> Adapters:
    clock, ids, rules = SystemClock(), SystemIds(), address_rules(settings)
    transport = PinnedTransport(rules, lambda url: identity.key_set.allows(url))  # noqa: PLW0108 - key sets move on
    http = await stack.enter_async_context(
        httpx.AsyncClient(transport=transport, headers={"user-agent": _USER_AGENT}, follow_redirects=False)
    )
    may_ask = partial(_server_address, rules, identity)
    dialler = WebSocketDialler(addresses=rules, key_set=lambda: identity.key_set, user_agent=_USER_AGENT)
    detours = Detours(may_ask, dial_tunnel=partial(_dial_tunnel, dialler, identity, device, clock))
    publisher = whip.Publisher(
        http=http,
        identity=certificate.generate(clock.now()),
        media_address=settings.media_address,
        allows_address=rules.allows,
        clock=clock,
        ids=ids,
        detours=detours,
    )
    budget, spool = Budget(settings.uplink_kbps * 1000, clock=clock), settings.state_dir / SPOOL
    ring = _recorder(settings, premises, tasks, stack) if settings.ring_bytes else None
    return Adapters(
        clock=clock,
        ids=ids,
        dialler=dialler,
        cameras=premises,
        publisher=SharedPublisher(Uplink(premises, publisher, budget, masks), clock=clock),
        players=_players(ring, premises, publisher, budget, masks) if ring else NoPlayers(),
        stills=CameraStills(premises, masks, http=http, clock=clock),
        recordings=Archive(ring, spool, ids=ids, software=_USER_AGENT) if ring else NoRecordings(),
        uploader=TusUploader(http=http, clock=clock, path_of=lambda cut_id: spool / f"{cut_id}.mp4"),
        addresses=rules,
        sync=UnsafeAlwaysSynced() if settings.trust_clock else KernelTimeSync(),
        notice=_notices(settings, clock, tasks, show),
        tzdata=metadata.version("tzdata"),
        looks=_looks(settings, premises, http, RealNetwork(may_ask, detours)),
        encoders=premises.encoders,
    )


def _looks(settings: Settings, premises: Premises, http: httpx.AsyncClient, network: RealNetwork) -> Looks:
    """What the check of the connection looks with."""
    meter = HttpMeter(http=http, clock=SystemClock(), most_kbps=settings.uplink_kbps)
    return Looks(network, PremisesPictures(premises, clock=SystemClock()), meter)


def _players(
    ring: RecordingStore, premises: Premises, publisher: whip.Publisher, budget: Budget, masks: Masks
) -> RecordedUplink:
    return RecordedUplink(
        ring,
        publisher,
        budget,
        masks,
        clock=budget.clock,
        is_recorded=premises.is_recorded,
        encoders=premises.encoders,
    )


async def _server_address(rules: AddressRules, identity: Identity, host: str, port: int) -> str | None:
    address = await rules.server(host, port, identity.key_set)
    return str(address) if address else None


async def _dial_tunnel(
    dialler: WebSocketDialler, identity: Identity, device: Signer, clock: Clock, url: str
) -> WebSocketTunnel:
    token = tunnels.make_token(device, agent=identity.agent, url=url, now=clock.now())
    return await dialler.dial_tunnel(url, token)


def _notices(
    settings: Settings, clock: SystemClock, tasks: anyio.abc.TaskGroup, show: Callable[[str], None]
) -> Notices:
    terminal = TerminalNotice(show)
    if settings.notice_mail is None:
        return Notices(terminal)
    mail = MailNotice(settings.notice_mail, place=socket.gethostname(), clock=clock)
    tasks.start_soon(mail.run)
    return Notices(terminal, mail)


def _recorder(
    settings: Settings,
    premises: Premises,
    tasks: anyio.abc.TaskGroup,
    stack: AsyncExitStack,
) -> RecordingStore:
    clock, ids, folder = SystemClock(), SystemIds(), settings.state_dir / "ring"
    ring = RecordingStore(folder, quota=Quota(cap_bytes=settings.ring_bytes), clock=clock, ids=ids)
    stack.callback(ring.close)
    for camera_id, camera in premises.settings.items():
        source = premises.main(camera_id)
        if camera.is_recorded and source is not None:
            writer = SegmentWriter(ring, camera_id, folder)
            tasks.start_soon(Recorder(source, writer, ring, camera_id, clock).run)
    return ring


def page_address(settings: Settings, store: Store) -> str:
    """Where the owner's page is on this machine; empty where there is none, or none yet."""
    port = _page_port(settings, store)
    return f"http://127.0.0.1:{port}/" if port > 0 else ""


def _page_port(settings: Settings, store: Store) -> int:
    return settings.page_port or int(store.get(_PAGE_PORT) or 0)


async def _open_page(settings: Settings, agent: Agent, tasks: anyio.abc.TaskGroup, show: Callable[[str], None]) -> None:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=_page_port(settings, agent.store))
    bound = int(listener.extra(anyio.abc.SocketAttribute.local_port))  # noqa: S610 - anyio's, not Django's
    agent.store.put(_PAGE_PORT, str(bound))
    page = LocalPage(
        site=agent.site, clock=SystemClock(), ids=SystemIds(), input_secret=settings.input_secret, show=show
    )
    page.bind(bound)
    tasks.start_soon(_serve_page, listener, page)
    show(f"This site's own page: http://127.0.0.1:{bound}/")


async def _serve_page(listener: Any, page: LocalPage) -> None:
    async with listener:
        await local_http.serve(listener, page.handle, ALWAYS)
