"""The cameras of this site as the settings list them: one source per stream, an id minted once for each name.

Discovery, addresses and passwords stay here. A camera on this list is not shared; the owner's document says what is.
"""

from datetime import timedelta
from typing import Final

import anyio

from partner_agent.demux import SENT_CODEC, CameraAddress
from partner_agent.ports import CameraInfo
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
LONG_GOP_S: Final = 4.0
LONG_GOP: Final = (
    "It sends a whole picture only every few seconds, so a live view may begin late: set that to 1 or 2 seconds."
)
FROZEN: Final = timedelta(seconds=10)  # running, and no picture for this long


class Premises:
    """Every camera the owner wrote down."""

    def __init__(self, cameras: tuple[CameraSettings, ...], *, store: Store, clock: Clock, ids: IdSource) -> None:
        """Build the sources; nothing is opened before somebody wants it.

        Raises:
            SettingsError: a password file cannot be read.
            ValueError: an address is not rtsp://host/path without user and password.
        """
        self._clock = clock
        self.settings = {_id_of(camera.name, store, ids): camera for camera in cameras}
        self._main: dict[str, CameraSource] = {}
        self._live: dict[str, CameraSource] = {}
        for camera_id, camera in self.settings.items():
            self._main[camera_id] = _source(camera, camera.url, clock, ids)
            self._live[camera_id] = (
                _source(camera, camera.live_url, clock, ids) if camera.live_url else self._main[camera_id]
            )

    def known(self) -> list[CameraInfo]:
        """Every camera with its state."""
        return [self._info(camera_id, camera) for camera_id, camera in self.settings.items()]

    def live(self, camera: str) -> CameraSource | None:
        """The stream for live views."""
        return self._live.get(camera)

    def for_live(self, camera: str) -> tuple[CameraSource, ...]:
        """The streams that may serve a live view: the one that is meant for it, then the other, if there is one."""
        meant, main = self._live.get(camera), self._main.get(camera)
        if meant is None or main is None:
            return ()
        return (meant,) if meant is main else (meant, main)

    def main(self, camera: str) -> CameraSource | None:
        """The stream that is recorded."""
        return self._main.get(camera)

    async def run(self) -> None:
        """Serve every source until cancelled."""
        async with anyio.create_task_group() as tasks:
            for source in {id(item): item for item in (*self._main.values(), *self._live.values())}.values():
                tasks.start_soon(source.run)

    def _info(self, camera_id: str, camera: CameraSettings) -> CameraInfo:
        used, why = self._used(camera_id)
        facts = used.status.facts
        watched = {used, self._main[camera_id]}
        worst = max(watched, key=lambda source: _GRAVITY[self._state(source)])
        return CameraInfo(
            id=camera_id,
            label=camera.label or camera.name,
            state=self._state(worst),
            sentence=worst.status.sentence or _advice(used),
            live=why,
            live_stream=_LIVE_FROM[why] if len(self.for_live(camera_id)) > 1 else "",
            codec=facts.codec if facts else None,
            width=facts.width if facts else None,
            height=facts.height if facts else None,
            recordings=camera.is_recorded,
        )

    def _used(self, camera_id: str) -> tuple[CameraSource, LiveStream | None]:
        """The stream live views come from, and why that one if it is not the one meant for them."""
        meant, *other = self.for_live(camera_id)
        if not meant.is_unusable:
            return meant, None
        if not other or other[0].is_unusable:
            return meant, "none"
        facts = meant.status.facts
        is_codec = facts is not None and facts.codec != SENT_CODEC
        return other[0], "main_codec" if is_codec else "main_b_frames"

    def _state(self, source: CameraSource) -> str:
        status = source.status
        match status.state:
            case SourceState.RUNNING:
                last = status.last_unit_at
                return "frozen" if last and self._clock.now() - last > FROZEN else "ok"
            case SourceState.WAITING | SourceState.STOPPED:
                return "auth_failed" if status.code == "camera_auth" else "gone"
            case _:
                return "unknown"


def _advice(used: CameraSource) -> str:
    """What would make its live views better."""
    distance_s = used.status.key_distance_s
    return LONG_GOP if distance_s is not None and distance_s > LONG_GOP_S else ""


def _source(camera: CameraSettings, url: str, clock: Clock, ids: IdSource) -> CameraSource:
    address = CameraAddress(url, camera.user, password_of(camera), camera.transport)
    return CameraSource(address, clock=clock, ids=ids)


def _id_of(name: str, store: Store, ids: IdSource) -> str:
    with store.transaction() as db:
        db.execute("INSERT OR IGNORE INTO camera VALUES (?, ?)", (name, ids.new("cam")))
    return str(store.rows("SELECT id FROM camera WHERE name = ?", name)[0]["id"])
