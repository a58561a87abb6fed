"""What the agent's core needs from the world: cameras, an uplink, recordings, time that can be trusted.

Each port is in the core's words; errors are stated. The adapters are `rtsp`, `rtc.whip`, `ring` and `export`,
built by `app` alone; the fakes are in tests/fakes. The transport of the link is in `channels`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import anyio.abc

from partner_agent.wire.limits import SPEEDS
from partner_agent.wire.messages import LiveStream, Message
from partner_agent.wire.problems import Code
from partner_agent.wire.tokens import Signer


class MediaError(Exception):
    """The picture cannot be had or sent; `code` says why, for the owner and (in its coarse form) the operator."""

    def __init__(self, code: Code, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """One camera the site knows, ticked or not.

    Attributes:
        id: minted by this agent.
        state: ok, auth_failed, gone, frozen or unknown; what crosses the link of its health.
        sentence: what is wrong and what the owner can do, for the site's own page; never crosses the link.
        live: the same as one of the words that cross the link; None while the stream meant for live views serves them.
        is_anew: its live pictures are made anew on site, as none of its own can be shown.
        audio: whether it has sound that can be sent.
        sound: what sound it has, for the site's own page; never crosses the link.
        live_stream: of a camera with two streams, which one live views come from and why; never crosses the link.
        kbps: what the stream for live views needs, as far as it has been seen.
        key_distance_ms: time between two of its key pictures, the same.
    """

    id: str
    label: str
    state: str
    codec: str | None = None
    width: int | None = None
    height: int | None = None
    audio: bool = False
    ptz: bool = False
    recordings: bool = False
    sentence: str = ""
    live: LiveStream | None = None
    is_anew: bool = False
    live_stream: str = ""
    kbps: int | None = None
    key_distance_ms: int | None = None
    sound: str = ""


class Cameras(Protocol):
    """The cameras of this site."""

    def known(self) -> Sequence[CameraInfo]:
        """Every camera, whether or not it is shared."""

    def wake(self, camera: str) -> None:
        """Open it for a moment, so that its picture is known; an unknown name is ignored."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The tightest of grant and own decision, to be enforced here."""

    seconds: int
    height_lines: int
    audio: bool
    ptz: bool
    masks: frozenset[str]


@dataclass(frozen=True, slots=True)
class LiveOrder:
    """One accepted view: what to send where. The address was checked against key set and site rules."""

    session: str
    camera: str
    url: str
    ticket: str
    relay_fingerprint: str
    limits: Limits


@dataclass(frozen=True, slots=True)
class Counts:
    """What left the site so far, by the agent's clock."""

    first_at: datetime | None = None
    last_at: datetime | None = None
    seconds: float = 0.0
    sent_bytes: int = 0


class Publication(Protocol):
    """One running uplink."""

    @property
    def ended(self) -> anyio.Event:
        """Set once nothing more will be sent, whoever ended it."""

    @property
    def counts(self) -> Counts:
        """The account so far."""

    @property
    def code(self) -> Code | None:
        """Why it ended by itself, if there is a better word for it than that the source ended."""

    @property
    def fault(self) -> Exception | None:
        """What nobody foresaw and ended it; whoever owns the session writes it down."""

    def tighten(self, limits: Limits) -> Code | None:
        """Another view rides on it: from this instant nothing leaves that these limits forbid either.

        Returns:
            Why this view may not have what is sent now; then nothing has changed.
        """

    def let_hear(self, is_heard: bool) -> None:
        """Whether its sound may leave from this instant on; at first it may not. Another than a live view has none."""

    def show(self, lines: int) -> None:
        """The largest picture that anybody has of it is so many lines high; a larger stream may come."""

    def halt(self) -> None:
        """Send nothing more, from this instant."""

    async def stop(self) -> None:
        """Halt, then say goodbye within a few seconds."""


class Publisher(Protocol):
    """Sends live pictures to a relay."""

    @property
    def fingerprint(self) -> str:
        """The DTLS certificate `accepted` names."""

    def refusal(self, camera: str, limits: Limits, opening: Sequence[tuple[str, Limits]] = ()) -> Code | None:
        """Why this camera cannot be sent within these limits, or None; a mask it cannot draw is a refusal.

        `opening`: cameras and limits of the views that were accepted and do not run yet; they count as if they did.
        """

    async def publish(self, order: LiveOrder, *, tasks: anyio.abc.TaskGroup) -> Publication:
        """Open camera and uplink and start sending; `tasks` owns the sending.

        Raises:
            MediaError: the camera or the relay did not answer.
        """


@dataclass(frozen=True, slots=True)
class HeldRange:
    """A stretch of recording that is there and will not be overwritten."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Cut:
    """A file cut from the recording; `capture` (digests, true range, gaps, clock, software) is signed as it is."""

    id: str
    size_bytes: int
    capture: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Steer:
    """An order to a playback; what is None stays as it is."""

    position: datetime | None = None
    speed_percent: int | None = None
    is_paused: bool | None = None
    step: int | None = None

    @property
    def is_good(self) -> bool:
        """Whether these are words of ours."""
        return self.speed_percent in {None, *SPEEDS} and self.step in {None, 1, -1}


@dataclass(frozen=True, slots=True)
class Where:
    """Where a playback is; `ticks` counts 1/90,000 s of the stream from its first picture to the anchor."""

    position: datetime
    speed_percent: int
    is_paused: bool
    is_over: bool
    ticks: int
    anchored_at: datetime


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch that is not recorded, and why, in one word."""

    start: datetime
    end: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture (JPEG) of a key frame."""

    at: datetime
    jpeg: bytes


class Player(Publication, Protocol):
    """One running view of a recording; nothing outside its range leaves."""

    @property
    def watched(self) -> Sequence[HeldRange]:
        """Which moments have left the site, in order."""

    @property
    def watched_s(self) -> float:
        """How much footage that is."""

    async def steer(self, order: Steer) -> Where:
        """Do as told, under the caller's deadline; returns where it is then."""

    async def coverage(self) -> tuple[Sequence[HeldRange], Sequence[Gap]]:
        """What of the range is recorded, and why the rest is not."""

    async def thumbnails(self, moments: Sequence[datetime]) -> Sequence[Thumbnail]:
        """Small pictures of the key frames at these moments, as far as there are any; they count as having left."""


class Players(Protocol):
    """Sends views of recordings to a relay."""

    def refusal(self, camera: str, limits: Limits) -> Code | None:
        """Why no recording of this camera can be shown within these limits, or None; a mask it cannot draw is one."""

    async def play(self, order: LiveOrder, span: HeldRange, at: datetime, *, tasks: anyio.abc.TaskGroup) -> Player:
        """Open the recording and an uplink of its own, and start sending at `at`.

        Raises:
            MediaError: nothing is recorded, or the relay did not answer.
        """


@dataclass(frozen=True, slots=True)
class Still:
    """One picture (JPEG), as it may leave: areas black, words burned in; `at` by this site's clock."""

    jpeg: bytes
    at: datetime
    width: int
    height: int


class Stills(Protocol):
    """Takes single pictures, and hands them over."""

    def refusal(self, camera: str, limits: Limits) -> Code | None:
        """Why no picture of this camera can be taken within these limits, or None; a mask it cannot draw is one."""

    async def take(self, camera: str, limits: Limits, words: Sequence[str]) -> Still:
        """A picture from after this call, within the limits, with its time and `words` burned in.

        Raises:
            MediaError: the camera did not answer, or what must be black in it cannot be.
        """

    async def send(self, still: Still, *, url: str, token: str, statement: str) -> None:
        """Hand it over, once, with the `still+jwt` before it.

        Raises:
            MediaError: it was not taken.
        """


class Recordings(Protocol):
    """The ring of each camera."""

    def hold(self, hold_id: str, camera: str, start: datetime, end: datetime, until: datetime) -> Sequence[HeldRange]:
        """Keep what lies in [start, end) until `until`; never at the cost of the owner's own recording.

        Raises:
            MediaError: `limit` (disk share, look-back) or an unknown camera.
        """

    def release(self, hold_id: str) -> None:
        """Let go of a hold; unknown ids are ignored."""

    async def cut(self, camera: str, start: datetime, end: datetime) -> Cut:
        """Cut [start, end) by stream copy.

        Raises:
            MediaError: nothing of it is there, or it cannot be read.
        """

    def discard(self, cut: Cut) -> None:
        """Delete a cut file."""


class Uploader(Protocol):
    """Sends one file, resumably (tus 1.0)."""

    async def upload(self, cut: Cut, *, url: str, token: str, on_progress: Callable[[int], None]) -> int:
        """Send the file; returns the bytes sent.

        Raises:
            MediaError: the gateway did not take it, or not in time.
        """


class Outbox(Protocol):
    """Where the core puts what it has to say to the gateway."""

    def post(self, message: Message) -> None:
        """Say it now, if there is a link; messages that must arrive are repeated by whoever owns them."""


class TimeSync(Protocol):
    """Whether the machine's clock follows a source."""

    def is_synced(self) -> bool:
        """Whether the operating system calls its clock synchronised since boot."""


class OwnerNotice(Protocol):
    """The agent's own way to tell the owner, without the gateway."""

    def tell(self, kind: str, sentence: str, lines: Sequence[str] = ()) -> None:
        """Tell the owner one thing, with its details a line each; must not block and must not fail."""


class KeyStore(Protocol):
    """Where the device key lies."""

    def load(self) -> Signer | None:
        """The device key, or None before the first enrolment.

        Raises:
            KeyStoreError: it is there and cannot be opened, or others can read it.
        """

    def create(self) -> Signer:
        """A new device key, stored; an older one is kept aside."""

    def describe(self) -> str:
        """How well the key is protected, honestly, in one sentence for the owner."""
