"""One camera as a source of access units: opened when wanted, tried again with patience, watched for silence.

The demultiplexer runs in a thread of its own; this module owns it, its back-off and what the owner is told. One refused
password ends all tries until the owner acts: cameras lock accounts. Other failures are tried again by themselves.
"""

import logging
import math
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

import anyio
import anyio.from_thread
import anyio.to_thread

from partner_agent import demux
from partner_agent.areas import Area
from partner_agent.converting import Converter
from partner_agent.demux import CameraAddress, CameraError, Demuxed, StreamFacts
from partner_agent.encoders import Encoders
from partner_agent.faults import place_of
from partner_agent.handover import Handover, Subscription
from partner_agent.rtc.room import Room
from partner_agent.rtc.units import CLOCK_RATE_HZ, AccessUnit
from partner_agent.slices import Joiner
from partner_agent.timing import Capture, ClockSource, GopRate
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource

BACKOFF_FIRST_S: Final = 0.5
BACKOFF_LAST_S: Final = 8.0  # a camera that is back is seen within 10 s
RECHECK_S: Final = 120.0  # a camera that sent what cannot be shown may have been set anew; looking is harmless
LINGER_S: Final = 5.0  # kept open this long after the last consumer, so that the next one starts warm


_LOG: Final = logging.getLogger(__name__)


class SourceState(StrEnum):
    """What a source is doing."""

    CLOSED = "closed"  # nobody wants it
    OPENING = "opening"
    RUNNING = "running"
    WAITING = "waiting"  # failed; will be tried again
    STOPPED = "stopped"  # failed; waits for the owner


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """What the owner, and the doctor, may know of a source.

    Attributes:
        code: why it gives nothing: camera_auth, camera_unreachable, codec_unsupported, obligation_unknown; empty if it
            gives.
        sentence: the same for people, with the remedy.
        is_silent: when it was last opened it sent no pictures, or no more; until it sends one, or cannot be opened.
        since: when this state began.
        last_unit_at: wall time of the newest unit's arrival.
        key_distance_s: time between the last two key pictures.
        rate_bps: what the stream needs, in bits a second: the larger of its last two groups of pictures; kept while the
            camera is closed.
        clock_source: whose clock the newest capture time came from.
        clock_offset_ms: the camera's clock minus the agent's, if the camera tells a time.
        open_s: how long it last took from opening it until it had said what it sends.
    """

    state: SourceState
    since: datetime
    code: str = ""
    sentence: str = ""
    is_silent: bool = False
    facts: StreamFacts | None = None
    last_unit_at: datetime | None = None
    key_distance_s: float | None = None
    rate_bps: int | None = None
    clock_source: ClockSource = ClockSource.AGENT
    clock_offset_ms: int | None = None
    open_s: float | None = None


class CameraSource:
    """One stream of one camera, shared by all who want it."""

    def __init__(
        self,
        address: CameraAddress,
        *,
        clock: Clock,
        ids: IdSource,
        linger_s: float = LINGER_S,
        is_anew: bool = False,
        areas: Sequence[Area] = (),
        encoders: Encoders | None = None,
        recheck_s: float = RECHECK_S,
        room: Room | None = None,
    ) -> None:
        """Nothing is opened yet.

        Args:
            address: where.
            clock: ours.
            ids: for the jitter of waits.
            linger_s: kept open so long after the last consumer.
            is_anew: every picture is made anew as H.264, whatever the camera sends.
            areas: black in every picture made anew.
            encoders: where it says that it makes pictures anew, while it does; None = who owns it does.
            recheck_s: what cannot be shown may be looked at again after so long.
            room: for the group of pictures that runs, and those of other sources; None = it is alone.
        """
        self._address, self.is_anew = address, is_anew
        self._areas, self._encoders = tuple(areas), encoders
        self._converter: Converter | None = None
        self._clock = clock
        self._ids = ids
        self._linger_s, self._recheck_s = linger_s, recheck_s
        self._handover = Handover(on_change=self._wake, room=room)
        self._joiner = Joiner()
        self._changed = anyio.Event()
        self._failures = 0
        self._last_90k: int | None = None
        self._last_monotonic_s = 0.0
        self._last_key_90k: int | None = None
        self._rate = GopRate()
        self.status = SourceStatus(SourceState.CLOSED, clock.now())

    def subscribe(self, *, replay_gop: bool = True) -> Subscription:
        """Units from now on, beginning with a key picture; opens the camera if it is closed.

        Args:
            replay_gop: begin with the group of pictures that is running, at once, instead of waiting for the next.

        Returns:
            An async iterator of `AccessUnit`. Close it, or use it in a `with` block: an open one keeps the camera open.
            It goes on across reconnections and ends only when the source stops for good (see `status`).
        """
        if self.status.state is SourceState.WAITING and not self._is_wanted:
            self._enter(SourceState.OPENING)  # what it failed with when it was last wanted is no answer now
        subscription = self._handover.add(replay_gop=replay_gop)
        if self.status.state is SourceState.STOPPED:
            subscription.close()
        self._wake()
        return subscription

    @property
    def address(self) -> CameraAddress:
        """Where it is."""
        return self._address

    @property
    def gop_bytes(self) -> int:
        """How much a new consumer begins with."""
        return sum(len(unit.data) for unit in self._handover.gop)

    def want_key(self) -> None:
        """Somebody waits for a picture to begin with; of pictures made anew the next one is, a camera is not asked."""
        if self._converter is not None:
            self._converter.is_key_wanted = True

    @property
    def is_unusable(self) -> bool:
        """Whether what this stream sends was seen to be what cannot be shown; it is looked at again after a while."""
        return self.status.state is SourceState.STOPPED and self.status.code == "codec_unsupported"

    async def until(self, *states: SourceState) -> SourceStatus:
        """Wait until the source is in one of `states`."""
        while self.status.state not in states:
            await self._change()
        return self.status

    async def run(self) -> None:
        """Serve until cancelled; the composition root owns this task."""
        try:
            while True:
                await self._until_wanted()
                try:
                    with self._encoder():
                        await self._read()
                except CameraError as error:
                    await self._failed(error)
                except Exception as error:  # noqa: BLE001 - the supervisor of one camera: the agent goes on
                    _LOG.error("a camera's stream could not be read: %s", place_of(error))
                    await self._failed(
                        CameraError(
                            "camera_unreachable", "This camera sent what cannot be read. It is tried again by itself."
                        )
                    )
                else:
                    self._handover.forget()  # whoever opens it again begins with what it sees then
                    self._enter(SourceState.CLOSED)
        finally:
            self._handover.end()

    def _encoder(self) -> AbstractContextManager[object]:
        return self._encoders.hold(self) if self.is_anew and self._encoders else nullcontext()

    @property
    def _is_wanted(self) -> bool:
        return len(self._handover) > 0 and self.status.state is not SourceState.STOPPED

    async def _until_wanted(self) -> None:
        while not self._is_wanted:
            if self.is_unusable:
                await self._clock.sleep(self._recheck_s)
                self._enter(SourceState.CLOSED)
            else:
                await self._change()

    async def _change(self) -> None:
        await self._changed.wait()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    async def _failed(self, error: CameraError) -> None:
        """Stop, or wait with full jitter as long as anybody wants it.

        A wrong password stops it for good, as another try could lock the camera; what cannot be shown, for a while.
        """
        self._handover.forget()
        if error.is_final:
            self._enter(SourceState.STOPPED, error)
            self._handover.end()
            return
        self._enter(SourceState.WAITING, error)
        ceiling_s = min(BACKOFF_LAST_S, BACKOFF_FIRST_S * 2**self._failures)
        self._failures += 1
        jitter = int.from_bytes(self._ids.secret(2), "big") / 0xFFFF
        async with anyio.create_task_group() as group:
            group.start_soon(self._cancel_when_unwanted, group.cancel_scope)
            await self._clock.sleep(ceiling_s / 2 * (1 + jitter))
            group.cancel_scope.cancel()

    async def _cancel_when_unwanted(self, scope: anyio.CancelScope) -> None:
        while self.status.state is SourceState.WAITING and self._is_wanted:
            await self._change()
        scope.cancel()

    async def _read(self) -> None:
        """Run the demultiplexer until nobody wants the camera any more.

        Raises:
            CameraError: the camera gives nothing, or no more.
        """
        self._enter(SourceState.OPENING)
        began_s = self._clock.monotonic()
        self._rate.begin()
        self._last_key_90k = None  # the time in between is no distance of two key pictures
        stop = threading.Event()
        failure: CameraError | None = None
        async with anyio.create_task_group() as group:
            group.start_soon(self._watch_unwanted, stop)
            start_90k, limiter = self._next_start_90k(), anyio.CapacityLimiter(1)
            try:
                await anyio.to_thread.run_sync(self._read_in_thread, stop, start_90k, began_s, limiter=limiter)
            except CameraError as error:
                failure = error
            group.cancel_scope.cancel()
        if failure is not None:
            raise failure

    def _next_start_90k(self) -> int:
        """Where this connection starts on the time line: real time after the last unit."""
        if self._last_90k is None:
            return 0
        elapsed_s = self._clock.monotonic() - self._last_monotonic_s
        return self._last_90k + max(1, math.ceil(elapsed_s * CLOCK_RATE_HZ))

    def _read_in_thread(self, stop: threading.Event, starts_at_90k: int, began_s: float) -> None:
        def opened(facts: StreamFacts) -> None:
            anyio.from_thread.run_sync(self._opened, facts, self._clock.monotonic() - began_s)

        self._converter = Converter(self._areas) if self.is_anew else None
        items = demux.read(
            self._address,
            clock=self._clock,
            starts_at_90k=starts_at_90k,
            joiner=self._joiner,
            stop=stop,
            on_open=opened,
            converter=self._converter,
        )
        for item in items:
            anyio.from_thread.run_sync(self._take, item)

    async def _watch_unwanted(self, stop: threading.Event) -> None:
        """Ask the reader to stop once nobody has wanted the camera for `linger_s`, or at the end of the program."""
        try:
            is_over = False
            while not is_over:
                while self._is_wanted:
                    await self._change()
                with anyio.move_on_after(self._linger_s) as lingering:
                    while not self._is_wanted:
                        await self._change()
                is_over = lingering.cancelled_caught
        finally:
            stop.set()

    def _opened(self, facts: StreamFacts, open_s: float) -> None:
        self.status = replace(self.status, facts=facts, open_s=open_s)

    def _take(self, item: Demuxed) -> None:
        """One unit from the reader, in the event loop."""
        unit = item.unit
        if self.status.state is SourceState.OPENING:
            self._enter(SourceState.RUNNING)
            self._failures = 0
        if item.size is not None and self.status.facts is not None:
            facts = replace(self.status.facts, width=item.size[0], height=item.size[1])
            self.status = replace(self.status, facts=facts)
        self._note(unit, item.capture)
        self._handover.put(unit)

    def _note(self, unit: AccessUnit, capture: Capture) -> None:
        key_distance_s = self.status.key_distance_s
        if unit.is_key:
            if self._last_key_90k is not None:
                key_distance_s = (unit.pts_90k - self._last_key_90k) / CLOCK_RATE_HZ
            self._last_key_90k = unit.pts_90k
        self._rate.add(len(unit.data), unit.pts_90k, is_key=unit.is_key)
        self._last_90k = unit.pts_90k
        self._last_monotonic_s = self._clock.monotonic()
        self.status = replace(
            self.status,
            last_unit_at=self._clock.now(),
            key_distance_s=key_distance_s,
            rate_bps=self._rate.bps,
            clock_source=capture.source,
            clock_offset_ms=capture.offset_ms,
        )

    def _enter(self, state: SourceState, error: CameraError | None = None) -> None:
        before = self.status
        is_still_silent = state is SourceState.OPENING and before.is_silent  # a try tells nothing before it is over
        self.status = replace(
            before,
            state=state,
            since=self._clock.now(),
            code=error.code if error else "",
            sentence=error.sentence if error else before.sentence if is_still_silent else "",
            is_silent=error.is_silent if error else is_still_silent,
        )
        self._wake()
