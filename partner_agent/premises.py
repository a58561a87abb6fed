"""The cameras of this site as the settings list them: one source per stream, an id minted once for each name.

Discovery, addresses and passwords stay here. A camera on this list is not shared; the owner's document says what is.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import timedelta
from typing import Final

import anyio
import anyio.abc
import anyio.to_thread

from partner_agent import camera_sound, describing
from partner_agent.areas import Area
from partner_agent.camera_sound import NOT_KNOWN, CameraSound, SoundKind
from partner_agent.demux import SENT_CODEC, CameraAddress
from partner_agent.encoders import Encoders
from partner_agent.faults import place_of
from partner_agent.handover import ROOM_BYTES
from partner_agent.ports import CameraInfo
from partner_agent.rtc.room import Room
from partner_agent.rtsp import CameraSource, SourceState
from partner_agent.settings import CameraSettings, password_of
from partner_agent.store import Store
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource
from partner_agent.wire.messages import LiveStream

_GRAVITY: Final = {"unknown": 0, "ok": 1, "frozen": 2, "gone": 3, "auth_failed": 4}  # of a camera's two streams
_LIVE_FROM: Final[dict[LiveStream | None, str]] = {
    None: "Live pictures come from its stream for live views.",
    "main_codec": (
        "Live pictures come from its main stream: the one for live views is not H.264, and only that can be shown."
    ),
    "main_b_frames": (
        "Live pictures come from its main stream: the one for live views has B-frames, which cannot be shown."
    ),
    "none": "Neither of its streams can be shown live: each needs H.264 without B-frames.",
}
ANEW: Final = "Live pictures are made anew on this machine, as the camera's cannot be shown: that costs it work."
LONG_GOP_S: Final = 4.0
LONG_GOP: Final = (
    "It sends a whole picture only every few seconds, so a live view may begin late: set that to 1 or 2 seconds."
)
SOUNDS: Final[dict[SoundKind, str]] = {
    SoundKind.UNKNOWN: "",
    SoundKind.NONE: "It sends no sound.",
    SoundKind.G711: "Its sound is G.711. It leaves only in a view that your rules give sound to.",
    SoundKind.AAC: "Its sound is AAC, made anew as Opus here. It leaves only in a view that your rules give sound to.",
    SoundKind.OTHER: "Its sound is of a kind that cannot be sent. Set it to G.711 or AAC to share it.",
}
_LOG: Final = logging.getLogger(__name__)
AWAKE_S: Final = 20.0
FROZEN: Final = timedelta(seconds=10)  # running, and no picture for this long


class Premises:
    """Every camera the owner wrote down."""

    def __init__(
        self,
        cameras: tuple[CameraSettings, ...],
        *,
        store: Store,
        clock: Clock,
        ids: IdSource,
        encoders: Encoders | None = None,
    ) -> None:
        """Build the sources; nothing is opened before somebody wants it. `encoders`: what makes pictures anew here.

        Raises:
            SettingsError: a password file cannot be read.
            ValueError: an address is not rtsp://host/path without user and password.
        """
        self._clock, self._ids, self._room = clock, ids, Room(ROOM_BYTES)
        self.encoders = encoders or Encoders()
        self._tasks: anyio.abc.TaskGroup | None = None
        self.settings = {_id_of(camera.name, store, ids): camera for camera in cameras}
        self._main: dict[str, CameraSource] = {}
        self._live: dict[str, CameraSource] = {}
        self._sounds: dict[CameraSource, CameraSound] = {}
        self._painted: dict[str, CameraSource] = {}  # the newest that was painted, of each camera
        self._anew: dict[str, CameraSource] = {}  # a connection of its own, so that only viewers cost the work
        for camera_id, camera in self.settings.items():
            self._main[camera_id] = self._source(camera, camera.url)
            self._live[camera_id] = self._source(camera, camera.live_url) if camera.live_url else self._main[camera_id]
            if camera.convert:
                address = _address(camera, camera.live_url or camera.url)
                self._anew[camera_id] = CameraSource(
                    address, clock=clock, ids=ids, is_anew=True, encoders=self.encoders, room=self._room
                )

    def known(self) -> list[CameraInfo]:
        """Every camera with its state."""
        return [self._info(camera_id, camera) for camera_id, camera in self.settings.items()]

    def live(self, camera: str) -> CameraSource | None:
        """The stream for live views."""
        return self._live.get(camera)

    def for_live(self, camera: str) -> tuple[CameraSource, ...]:
        """The streams that may serve a live view: the one that is meant for it, then the other, then one made anew."""
        found = (self._live.get(camera), self._main.get(camera), self._anew.get(camera))
        return tuple(dict.fromkeys(source for source in found if source is not None))

    def sound_of(self, camera: str) -> CameraSound:
        """What sound it has, as far as a stream that ran has told."""
        known = [self._sounds[source] for source in self.for_live(camera) if source in self._sounds]
        return next((one for one in known if one.kind.is_sendable), known[0] if known else NOT_KNOWN)

    def sound_address(self, camera: str) -> CameraAddress | None:
        """Where its sound is to be had; None where it has none that can be sent. Unknown is worth a try."""
        if self.sound_of(camera).kind in {SoundKind.NONE, SoundKind.OTHER}:
            return None
        streams = self.for_live(camera)
        with_sound = [source for source in streams if self._sounds.get(source, NOT_KNOWN).kind.is_sendable]
        return next((source.address for source in (*with_sound, *streams)), None)

    def painted(self, camera: str, areas: Sequence[Area]) -> tuple[CameraSource, Callable[[], None]]:
        """What is made anew of a camera with these areas black, as a stream of its own; and what ends it."""
        settings, scope = self.settings[camera], anyio.CancelScope()
        address = _address(settings, settings.live_url or settings.url)
        source = CameraSource(address, clock=self._clock, ids=self._ids, is_anew=True, areas=areas, room=self._room)
        assert self._tasks is not None
        self._tasks.start_soon(_run_in, scope, source)
        self._painted[camera] = source
        return source, scope.cancel

    def main(self, camera: str) -> CameraSource | None:
        """The stream that is recorded."""
        return self._main.get(camera)

    def is_recorded(self, camera: str) -> bool:
        """Whether it is a camera of ours that is recorded."""
        return camera in self.settings and self.settings[camera].is_recorded

    async def run(self) -> None:
        """Serve every source until cancelled."""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            for source in dict.fromkeys((*self._main.values(), *self._live.values(), *self._anew.values())):
                tasks.start_soon(source.run)
                tasks.start_soon(self._learn_sound, source)

    def wake(self, camera: str) -> None:
        """Open what may serve a live view of it for a moment."""
        if self._tasks is None:
            return
        for source in self.for_live(camera):
            self._tasks.start_soon(self._hold_open, source)

    async def _learn_sound(self, source: CameraSource) -> None:
        """Each time it begins to run: its password was right then, and asking for a description starts nothing."""
        while True:
            await source.until(SourceState.RUNNING)
            try:
                text = await anyio.to_thread.run_sync(describing.described, source.address, abandon_on_cancel=True)
                if text is not None:
                    self._sounds[source] = camera_sound.read(text)
            except Exception as error:  # noqa: BLE001 - what a camera says of its sound never ends the agent
                _LOG.error("what a camera says of its sound could not be read: %s", place_of(error))
            await source.until(SourceState.CLOSED, SourceState.WAITING, SourceState.STOPPED)

    async def _hold_open(self, source: CameraSource) -> None:
        place = self.encoders.share(source) if source.is_anew else None
        if source.is_anew and place is None:
            return  # those who watch go first
        with place or nullcontext(), source.subscribe(replay_gop=False):
            await self._clock.sleep(AWAKE_S)

    def _source(self, camera: CameraSettings, url: str) -> CameraSource:
        return CameraSource(_address(camera, url), clock=self._clock, ids=self._ids, room=self._room)

    def _info(self, camera_id: str, camera: CameraSettings) -> CameraInfo:
        used, why = self._used(camera_id)
        facts = used.status.facts
        watched = {used} if used.is_anew else {used, self._main[camera_id]}
        worst = max(watched, key=lambda source: _GRAVITY[self._state(source)])
        return CameraInfo(
            id=camera_id,
            label=camera.label or camera.name,
            state=self._state(worst),
            sentence=worst.status.sentence or self._unpainted(camera_id) or _advice(used),
            live=why,
            live_stream=ANEW if used.is_anew else _LIVE_FROM[why] if len(self.for_live(camera_id)) > 1 else "",
            is_anew=used.is_anew,
            kbps=rate // 1000 if (rate := used.status.rate_bps) else None,
            key_distance_ms=round(1000 * distance) if (distance := used.status.key_distance_s) else None,
            codec=facts.codec if facts else None,
            width=facts.width if facts else None,
            height=facts.height if facts else None,
            recordings=camera.is_recorded,
            audio=self.sound_of(camera_id).kind.is_sendable,
            sound=_said(self.sound_of(camera_id)),
        )

    def _unpainted(self, camera_id: str) -> str:
        """Why its newest painted view ended, if that was what it painted."""
        source = self._painted.get(camera_id)
        return source.status.sentence if source is not None and source.is_unusable else ""

    def _used(self, camera_id: str) -> tuple[CameraSource, LiveStream | None]:
        """The stream live views come from, and why that one if it is not the one meant for them."""
        meant, *other = self.for_live(camera_id)
        if not meant.is_unusable:
            return meant, None
        if other and other[-1].is_anew and all(source.is_unusable for source in other[:-1]):
            return other[-1], None
        if not other or other[0].is_unusable:
            return meant, "none"
        facts = meant.status.facts
        is_codec = facts is not None and facts.codec != SENT_CODEC
        return other[0], "main_codec" if is_codec else "main_b_frames"

    def _state(self, source: CameraSource) -> str:
        status = source.status
        match status.state:
            case _ if status.is_silent:
                return "frozen"
            case SourceState.RUNNING:
                last = status.last_unit_at
                return "frozen" if last and self._clock.now() - last > FROZEN else "ok"
            case SourceState.WAITING | SourceState.STOPPED:
                return "auth_failed" if status.code == "camera_auth" else "gone"
            case _:
                return "unknown"


def _said(sound: CameraSound) -> str:
    """What sound it has, in words."""
    return SOUNDS[sound.kind]


def _advice(used: CameraSource) -> str:
    """What would make its live views better."""
    distance_s = used.status.key_distance_s
    return LONG_GOP if distance_s is not None and distance_s > LONG_GOP_S else ""


def _address(camera: CameraSettings, url: str) -> CameraAddress:
    return CameraAddress(url, camera.user, password_of(camera), camera.transport)


async def _run_in(scope: anyio.CancelScope, source: CameraSource) -> None:
    with scope:
        await source.run()


def _id_of(name: str, store: Store, ids: IdSource) -> str:
    with store.transaction() as db:
        db.execute("INSERT OR IGNORE INTO camera VALUES (?, ?)", (name, ids.new("cam")))
    return str(store.rows("SELECT id FROM camera WHERE name = ?", name)[0]["id"])
