"""What happens by itself: heartbeats, proof requests, repeated accounts, the end of a hold.

Heartbeats go every 30 s, and every 3 s while a session runs. Health is an allow-list: nothing else about the machine
crosses the link.
"""

import shutil
from pathlib import Path
from typing import Final

from partner_agent.accounts import Accounts
from partner_agent.clips import ClipDesk
from partner_agent.desk import Desk
from partner_agent.masks import Masks
from partner_agent.policy_store import PolicyStore
from partner_agent.ports import Cameras
from partner_agent.postbox import Postbox
from partner_agent.proofs import Promises
from partner_agent.sessions import Sessions
from partner_agent.site import Site
from partner_agent.timekeeping import FreshValues
from partner_agent.view_asks import ViewAsks
from partner_agent.wire import messages as m
from partner_agent.wire.clock import Clock, to_rfc3339
from partner_agent.wire.ids import IdSource
from partner_agent.wire.limits import HEARTBEAT_IDLE_S, HEARTBEAT_LIVE_S
from policies import vocabulary

PERIOD_S: Final = 0.5
SWEEP_S: Final = 60.0
MOST_AREAS: Final = 200  # of a site that are told: a frame holds few more, and what is not told is not shown


class Pulse:
    """The agent's own rhythm."""

    def __init__(
        self,
        *,
        clock: Clock,
        ids: IdSource,
        outbox: Postbox,
        fresh: FreshValues,
        site: Site,
        desk: Desk,
        policy: PolicyStore,
        sessions: Sessions,
        proofs: Promises,
        accounts: Accounts,
        clip_desk: ClipDesk,
        view_asks: ViewAsks,
        cameras: Cameras,
        masks: Masks,
        state_dir: Path,
        version: str,
        tzdata: str,
    ) -> None:
        self._clock, self._ids, self._outbox, self._fresh = clock, ids, outbox, fresh
        self._site, self._desk, self._policy, self._sessions = site, desk, policy, sessions
        self._proofs, self._accounts, self._clips, self._cameras = proofs, accounts, clip_desk, cameras
        self._view_asks, self._masks = view_asks, masks
        self._state_dir, self._version, self._tzdata = state_dir, version, tzdata
        self._started = clock.monotonic()
        self._beat_at = self._swept_at = self._started
        self._told_state: tuple[object, ...] = ()
        self._told_cameras: list[m.CameraCard] = []
        self._told_areas: tuple[list[m.CameraArea], list[str]] | None = None

    def on_up(self) -> None:
        """A new link: say who we are, what is in force, and everything that was not noted."""
        self._sessions.new_link()
        if "quarantined" in self._site.states():  # found out in this handshake
            self._sessions.end_all("quarantined")
        self._told_state, self._told_cameras, self._told_areas = (), [], None
        self._beat_at = self._clock.monotonic()
        self._tell_changes()
        if self._policy.position.seq > 0:
            self._desk.acknowledge(None)
        self._accounts.repeat(now=True)

    async def run(self) -> None:
        """Beat until cancelled."""
        while True:
            self.beat()
            await self._clock.sleep(PERIOD_S)

    def beat(self) -> None:
        """Everything that is due now."""
        self._desk.end_hold()
        moment = self._clock.monotonic()
        if moment - self._swept_at >= SWEEP_S:
            self._swept_at = moment
            self._clips.sweep()
            self._view_asks.sweep()
        if not self._outbox.is_open:
            return
        self._tell_changes()
        period_s = HEARTBEAT_LIVE_S if self._sessions.running else HEARTBEAT_IDLE_S
        if moment - self._beat_at >= period_s:
            self._beat_at = moment
            self._outbox.post(m.Heartbeat(id=self._ids.new("msg"), fresh=self._fresh.new(), health=self._health()))
        for request in self._proofs.requests():
            self._outbox.post(request)
        self._accounts.repeat()

    def _tell_changes(self) -> None:
        at, states, panic_until = self._policy.position, self._site.states(), self._site.panic_until
        state = (at.lineage, at.seq, at.sha256, tuple(states), panic_until)
        if state != self._told_state:
            self._told_state = state
            self._outbox.post(
                m.SiteState(
                    id=self._ids.new("msg"),
                    lineage=at.lineage,
                    seq=at.seq,
                    sha256=at.sha256,
                    states=states,
                    vocabulary=vocabulary.VERSION,
                    tzdata=self._tzdata,
                    version=self._version,
                    panic_until=to_rfc3339(panic_until) if panic_until else None,
                )
            )
        cards = [
            m.CameraCard(
                camera=info.id,
                label=info.label,
                codec=info.codec,
                width=info.width,
                height=info.height,
                audio=info.audio,
                ptz=info.ptz,
                recordings=info.recordings,
                live=info.live,
            )
            for info in self._cameras.known()
        ]
        if cards != self._told_cameras:
            self._told_cameras = cards
            self._outbox.post(m.Cameras(id=self._ids.new("msg"), cameras=cards))
            self._told_areas = None
        self._tell_areas(cards)

    def _tell_areas(self, cards: list[m.CameraCard]) -> None:
        areas = [
            m.CameraArea(camera=card.camera, area=area.id, label=area.label)
            for card in cards
            for area in self._masks.of(card.camera)
        ][:MOST_AREAS]
        anew = sorted(info.id for info in self._cameras.known() if info.is_anew)
        if (areas, anew) != self._told_areas:
            self._told_areas = (areas, anew)
            self._outbox.post(m.Areas(id=self._ids.new("msg"), areas=areas, anew=anew))

    def _health(self) -> m.Health:
        usage = shutil.disk_usage(self._state_dir)
        states = [m.CameraHealth(camera=info.id, state=_word(info.state)) for info in self._cameras.known()]
        return m.Health(
            cameras=states,
            sessions=len(self._sessions.running),
            uptime_s=int(self._clock.monotonic() - self._started),
            disk_free_percent=usage.free * 100 // usage.total,
        )


def _word(state: str) -> m.CameraState:
    match state:
        case "ok" | "auth_failed" | "gone" | "frozen":
            return state
        case _:
            return "unknown"
