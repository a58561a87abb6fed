"""The core of the agent, put together over its ports; `app` brings the adapters, tests bring fakes."""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import anyio

from partner_agent.accounts import Accounts
from partner_agent.addresses import AddressRules
from partner_agent.asking import Asking
from partner_agent.channels import Dialler
from partner_agent.checks import Checks, Looks
from partner_agent.clips import ClipDesk
from partner_agent.desk import Desk
from partner_agent.encoders import Encoders
from partner_agent.grants import Gate
from partner_agent.holds import Holds
from partner_agent.identity import Identity
from partner_agent.journal import Journal
from partner_agent.link import Link
from partner_agent.masks import Masks
from partner_agent.owners import Owners
from partner_agent.pin import SitePin
from partner_agent.policy_store import PolicyStore
from partner_agent.ports import (
    Cameras,
    OwnerNotice,
    Players,
    Publisher,
    Recordings,
    Stills,
    TimeSync,
    Uploader,
)
from partner_agent.postbox import Postbox
from partner_agent.proofs import Promises
from partner_agent.pulse import Pulse
from partner_agent.sessions import Sessions
from partner_agent.settings import Settings
from partner_agent.showing import Showings
from partner_agent.site import Site
from partner_agent.stills import StillDesk
from partner_agent.store import Store
from partner_agent.switches import Switches
from partner_agent.timekeeping import ClockGuard, FreshValues
from partner_agent.view_asks import ViewAsks
from partner_agent.wire.approvals import Profile
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource
from partner_agent.wire.tokens import Signer
from policies.voice import Voice

VERSION: Final = "0.1.0"
_BOOT_ID_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Adapters:
    """The world, as the core's ports see it."""

    clock: Clock
    ids: IdSource
    dialler: Dialler
    cameras: Cameras
    publisher: Publisher
    players: Players
    stills: Stills
    recordings: Recordings
    uploader: Uploader
    addresses: AddressRules
    sync: TimeSync
    notice: OwnerNotice
    tzdata: str = ""
    looks: Looks = field(default_factory=Looks)
    encoders: Encoders = field(default_factory=Encoders)


def profile_of(settings: Settings, link_url: str) -> Profile:
    """Where this site lets a passkey approve: what its settings name, else the gateway's host as it was at pairing."""
    link = urlsplit(link_url)
    origin = settings.passkey_origin or f"{'https' if link.scheme == 'wss' else 'http'}://{link.netloc}"
    return Profile(rp_id=settings.passkey_rp_id or urlsplit(origin).hostname or "", origin=origin)


class Agent:
    """One paired agent, assembled; `run` keeps it alive."""

    def __init__(
        self, *, settings: Settings, store: Store, identity: Identity, device: Signer, world: Adapters
    ) -> None:
        clock, ids, notice = world.clock, world.ids, world.notice
        self.store, self.identity, self.world = store, identity, world
        self.journal = Journal(store, clock)
        self.masks = Masks(store)
        self.switches = Switches(store=store, journal=self.journal, clock=clock)
        self.clock_guard = ClockGuard(clock=clock, sync=world.sync, store=store)
        self.outbox = Postbox()
        self.fresh = FreshValues(clock=clock, ids=ids)
        self.pin = SitePin(store=store, journal=self.journal, clock=clock, configured_hash=settings.site_pin_hash)
        self.owners = Owners(store=store, profile=profile_of(settings, identity.link_url))
        self.policy = PolicyStore(
            store=store,
            journal=self.journal,
            clock=clock,
            ids=ids,
            identity=self.identity,
            notice=notice,
            owners=self.owners,
            holds=Holds(
                store=store,
                journal=self.journal,
                clock=clock,
                notice=notice,
                hold_s=settings.hold_s,
                voice=self._voice,
            ),
        )
        self.proofs = Promises(
            store=store, journal=self.journal, clock=clock, ids=ids, identity=self.identity, notice=notice
        )
        self._build_link(device)
        self._build_sessions(device)
        self._build_clips(device)
        self._build_gate(settings)
        self._build_desk(device, settings)
        self._build_site(settings)

    def _voice(self) -> Voice:
        """The names in which the owner is told things."""
        cameras = {camera.id: camera.label for camera in self.world.cameras.known()}
        return Voice(cameras=cameras, agencies=self.identity.agencies)

    def _build_link(self, device: Signer) -> None:
        world = self.world
        self.link = Link(
            dialler=world.dialler,
            outbox=self.outbox,
            identity=self.identity,
            device=device,
            clock=world.clock,
            ids=world.ids,
            journal=self.journal,
            switches=self.switches,
            clock_guard=self.clock_guard,
            fresh=self.fresh,
            notice=world.notice,
            version=VERSION,
            boot_id=world.ids.secret(_BOOT_ID_BYTES).hex(),
            lineage=lambda: self.policy.position.lineage,
            is_watched=lambda: bool(self.sessions.running),
        )

    def _build_sessions(self, device: Signer) -> None:
        world, clock, ids = self.world, self.world.clock, self.world.ids
        store, journal, identity, outbox = self.store, self.journal, self.identity, self.outbox
        self.accounts = Accounts(store=store, clock=clock, ids=ids, identity=identity, device=device, outbox=outbox)
        self.sessions = Sessions(
            store=store,
            journal=journal,
            clock=clock,
            identity=identity,
            policy=self.policy,
            proofs=self.proofs,
            fresh=self.fresh,
            accounts=self.accounts,
            publisher=world.publisher,
            players=world.players,
            outbox=outbox,
        )
        self.still_desk = StillDesk(
            identity=identity, journal=journal, clock=clock, device=device, stills=world.stills, notice=world.notice
        )
        self.showings = Showings(sessions=self.sessions, journal=journal, clock=clock, ids=ids, outbox=outbox)

    def _build_clips(self, device: Signer) -> None:
        world = self.world
        self.clip_desk = ClipDesk(
            store=self.store,
            journal=self.journal,
            clock=world.clock,
            ids=world.ids,
            identity=self.identity,
            policy=self.policy,
            device=device,
            accounts=self.accounts,
            outbox=self.outbox,
            notice=world.notice,
            recordings=world.recordings,
            uploader=world.uploader,
        )

        self.view_asks = ViewAsks(
            store=self.store,
            journal=self.journal,
            clock=world.clock,
            identity=self.identity,
            policy=self.policy,
            switches=self.switches,
            accounts=self.accounts,
            outbox=self.outbox,
            notice=world.notice,
            voice=self._voice,
        )

    def _build_gate(self, settings: Settings) -> None:
        world, clock, store, identity = self.world, self.world.clock, self.store, self.identity
        self.gate = Gate(
            identity=identity,
            policy=self.policy,
            store=store,
            clock=clock,
            clock_guard=self.clock_guard,
            fresh=self.fresh,
            switches=self.switches,
            cameras=world.cameras,
            masks=self.masks,
            publisher=world.publisher,
            players=world.players,
            stills=world.stills,
            proofs=self.proofs,
            asking=self._asking(),
            on_site=self.clip_desk,
            addresses=world.addresses,
            usage=self.sessions.usage,
            opening=self.sessions.opening,
            max_views=settings.max_views,
        )
        self.sessions.decide_by(self.gate)

    def _build_desk(self, device: Signer, settings: Settings) -> None:
        world, clock = self.world, self.world.clock
        store, journal, identity = self.store, self.journal, self.identity
        self.checks = Checks(
            store=store,
            outbox=self.outbox,
            clock=clock,
            ids=world.ids,
            cameras=world.cameras,
            sync=world.sync,
            looks=world.looks,
            is_linked=lambda: self.outbox.is_open,
            is_watched=lambda: bool(self.sessions.running),
            uplink_kbps=settings.uplink_kbps,
            journal=journal,
        )
        self.desk = Desk(
            store=store,
            journal=journal,
            clock=clock,
            ids=world.ids,
            identity=identity,
            device=device,
            outbox=self.outbox,
            policy=self.policy,
            switches=self.switches,
            gate=self.gate,
            sessions=self.sessions,
            proofs=self.proofs,
            accounts=self.accounts,
            clip_desk=self.clip_desk,
            view_asks=self.view_asks,
            showings=self.showings,
            still_desk=self.still_desk,
            publisher=world.publisher,
            checks=self.checks,
        )

    def _asking(self) -> Asking:
        return Asking(
            store=self.store,
            identity=self.identity,
            policy=self.policy,
            owners=self.owners,
            on_site=self.clip_desk,
            view_answers=self.view_asks,
        )

    def _build_site(self, settings: Settings) -> None:
        world = self.world
        self.site = Site(
            store=self.store,
            journal=self.journal,
            identity=self.identity,
            pin=self.pin,
            policy=self.policy,
            switches=self.switches,
            proofs=self.proofs,
            clock_guard=self.clock_guard,
            sessions=self.sessions,
            clip_desk=self.clip_desk,
            view_asks=self.view_asks,
            desk=self.desk,
            cameras=world.cameras,
            masks=self.masks,
            encoders=world.encoders,
            panic_s=settings.panic_s,
            is_linked=lambda: self.outbox.is_open,
        )
        self.pulse = Pulse(
            clock=world.clock,
            ids=world.ids,
            outbox=self.outbox,
            fresh=self.fresh,
            site=self.site,
            desk=self.desk,
            policy=self.policy,
            sessions=self.sessions,
            proofs=self.proofs,
            accounts=self.accounts,
            clip_desk=self.clip_desk,
            view_asks=self.view_asks,
            cameras=world.cameras,
            masks=self.masks,
            state_dir=settings.state_dir,
            version=VERSION,
            tzdata=world.tzdata,
        )

    async def run(self) -> None:
        """Serve until cancelled; then end every session with its account."""
        self.journal.add("start", version=VERSION)
        async with anyio.create_task_group() as tasks:
            self.sessions.bind(tasks)
            self.desk.bind(tasks)
            tasks.start_soon(self.sessions.run)
            tasks.start_soon(self.pulse.run)
            try:
                await self.link.run(on_up=self.pulse.on_up, take=self.desk.take)
            finally:
                self.sessions.end_all("stopping")
