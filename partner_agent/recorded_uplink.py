"""Views of recordings to the relay: a range of a camera's ring joined to a WHIP uplink of its own.

Pictures leave as they were recorded, unless areas of them must be black or they are higher than may be sent: then each
is made anew (`remaking`). A view for which that cannot be done ends with the first such picture, unsent.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Final

import anyio
import anyio.abc
import anyio.to_thread

from partner_agent import thumbnails
from partner_agent.areas import Area
from partner_agent.budget import Budget, on_the_line
from partner_agent.converting import most_bps
from partner_agent.encoders import Encoders, Place
from partner_agent.live_streams import there
from partner_agent.masks import Masks
from partner_agent.playback import Watched
from partner_agent.ports import (
    Counts,
    Gap,
    HeldRange,
    Limits,
    LiveOrder,
    MediaError,
    Steer,
    Thumbnail,
    Where,
)
from partner_agent.remaking import Remaker
from partner_agent.replay import Replay
from partner_agent.ring.footage import Footage
from partner_agent.ring.model import Span
from partner_agent.ring.store import RecordingStore
from partner_agent.rtc import whip
from partner_agent.rtc.units import AccessUnit
from partner_agent.rtc.whip_answer import PublishFailedError
from partner_agent.switching import height_of
from partner_agent.uplink import FitUnits
from partner_agent.wire.clock import Clock
from partner_agent.wire.problems import Code

OPEN_S: Final = 8.0


class RecordedUplink:
    """The agent's `Players` over its ring."""

    def __init__(
        self,
        ring: RecordingStore,
        publisher: whip.Publisher,
        budget: Budget,
        masks: Masks,
        *,
        clock: Clock,
        is_recorded: Callable[[str], bool],
        encoders: Encoders,
    ) -> None:
        """A site's recordings.

        Args:
            ring: where they are.
            publisher: sends.
            budget: what may leave the site, over all its uplinks.
            masks: what can be blackened.
            clock: paces.
            is_recorded: whether a camera is one of ours.
            encoders: what makes pictures anew here.
        """
        self._ring, self._publisher, self._budget, self._clock = ring, publisher, budget, clock
        self._masks, self._is_recorded, self._encoders = masks, is_recorded, encoders

    def refusal(self, camera: str, limits: Limits) -> Code | None:
        """Why no recording of this camera can be shown within these limits, as far as is known before."""
        if not self._is_recorded(camera):
            return Code.NOT_SHARED
        if not limits.masks <= self._masks.names(camera):
            return Code.OBLIGATION_UNKNOWN
        has_encoder = not limits.masks or self._encoders.busy < self._encoders.most
        return None if has_encoder and self._budget.fits(None) else Code.LIMIT

    async def play(
        self, order: LiveOrder, span: HeldRange, at: datetime, *, tasks: anyio.abc.TaskGroup
    ) -> "OpenReplay":
        """Open an uplink and start.

        Raises:
            MediaError: nothing of the range is recorded, an area that must be black is not drawn, the machine makes as
                many pictures anew as it may, or the relay did not answer.
        """
        areas = self._areas(order)
        footage = Footage(self._ring, order.camera, Span(span.start, span.end))
        if not (await anyio.to_thread.run_sync(footage.coverage)).spans:
            raise MediaError(Code.CAMERA_UNREACHABLE, "nothing of this range is recorded")
        height, most = await anyio.to_thread.run_sync(_height, footage, at), order.limits.height_lines
        remaker = Remaker(areas, most_lines=most) if areas or height > most else None
        replay = Replay(footage, at=at, clock=self._clock, affords=self._budget.affords, remaker=remaker)
        fit = FitUnits(replay, height_lines=most, masks=order.limits.masks)
        over: list[Callable[[], None]] = []
        anew_bps = on_the_line(most_bps(min(height, most))) if remaker else None
        place = there(self._encoders.take(order.camera)) if remaker else Place(_nothing)
        share = self._budget.open(lambda: anew_bps or _line_bps(replay), on_over=lambda: _call_all(over))
        if share is None:
            place.close()
            raise MediaError(Code.LIMIT, "the site's uplink has no room for this view")
        fit.share = share
        target = whip.PublishTarget(order.url, order.ticket, order.relay_fingerprint)
        try:
            with anyio.fail_after(OPEN_S):
                publication = await self._publisher.publish(
                    fit,
                    target,
                    tasks=tasks,
                    on_key_frame_wanted=remaker.want_key if remaker else _nothing,
                    spares=share.spares,
                )
        except BaseException as error:
            _call_all([share.close, place.close])
            if isinstance(error, PublishFailedError | TimeoutError):
                raise MediaError(fit.code or Code.LIMIT, str(error) or "no answer in time") from error
            raise
        over.append(publication.halt)
        return OpenReplay(
            publication, fit, replay, footage, areas=areas, free=lambda: _call_all([share.close, place.close])
        )

    def _areas(self, order: LiveOrder) -> tuple[Area, ...]:
        """What is black in this view.

        Raises:
            MediaError: one of it is not drawn, since the grant was checked.
        """
        found = tuple(area for area in self._masks.of(order.camera) if area.id in order.limits.masks)
        if order.limits.masks != {area.id for area in found}:
            raise MediaError(Code.OBLIGATION_UNKNOWN, "an area that must be black is not drawn here")
        return found


class OpenReplay:
    """One running view of a recording."""

    def __init__(
        self,
        publication: whip.Publication,
        fit: FitUnits,
        replay: Replay,
        footage: Footage,
        *,
        areas: Sequence[Area],
        free: Callable[[], None],
    ) -> None:
        """`areas`: black in small pictures too; `free`: lets go of the uplink."""
        self._publication, self._fit, self._replay, self._footage = publication, fit, replay, footage
        self._areas = areas
        self._free, self._small, self._small_bytes = free, Watched(), 0

    @property
    def ended(self) -> anyio.Event:
        """Set once nothing more will be sent."""
        return self._publication.ended

    @property
    def counts(self) -> Counts:
        """The account so far; small pictures are bytes of it."""
        counts = self._publication.counts
        return Counts(counts.first_at, counts.last_at, counts.seconds, counts.sent_bytes + self._small_bytes)

    def let_hear(self, is_heard: bool) -> None:
        """Nothing: recordings are without sound."""

    @property
    def code(self) -> Code | None:
        """Why it ended by itself."""
        return self._fit.code

    @property
    def fault(self) -> Exception | None:
        """What nobody foresaw and ended it."""
        return self._publication.fault

    @property
    def watched(self) -> Sequence[HeldRange]:
        """Which moments have left the site."""
        return [HeldRange(start, end) for start, end in self._all.told()]

    @property
    def watched_s(self) -> float:
        """How much footage that is."""
        return self._all.seconds

    @property
    def _all(self) -> Watched:
        return Watched([*self._replay.watched.ranges, *self._small.ranges])

    def tighten(self, limits: Limits) -> Code | None:
        """Nobody else rides on it."""
        return self._fit.tighten(limits)

    def show(self, lines: int) -> None:
        """One size was recorded."""

    def halt(self) -> None:
        """Send nothing more, from this instant."""
        self._publication.halt()
        self._free()

    async def stop(self) -> None:
        """Halt, then say goodbye."""
        self.halt()
        await self._publication.stop()

    async def steer(self, order: Steer) -> Where:
        """Do as told."""
        return await self._replay.steer(order)

    async def coverage(self) -> tuple[Sequence[HeldRange], Sequence[Gap]]:
        """What of the range is recorded, and why the rest is not."""
        found = await anyio.to_thread.run_sync(self._footage.coverage)
        return (
            [HeldRange(span.t0, span.t1) for span in found.spans],
            [Gap(gap.t0, gap.t1, gap.reason.value) for gap in found.gaps],
        )

    async def thumbnails(self, moments: Sequence[datetime]) -> Sequence[Thumbnail]:
        """Small pictures of the key frames at these moments; none once it is over."""
        found: list[Thumbnail] = []
        for at in moments:
            take = partial(thumbnails.take, self._footage, at, areas=self._areas, most_lines=self._fit.height_lines)
            small = await anyio.to_thread.run_sync(take)
            if small is not None and not self.ended.is_set():
                found.append(small)
                self._small.add(small.at, follows=False)
                self._small_bytes += len(small.jpeg)
        return found


class NoPlayers:
    """A site without a recorder: nothing can be shown."""

    def refusal(self, camera: str, limits: Limits) -> Code | None:
        """Refuse."""
        del camera, limits
        return Code.NOT_SHARED

    async def play(
        self, order: LiveOrder, span: HeldRange, at: datetime, *, tasks: anyio.abc.TaskGroup
    ) -> "OpenReplay":
        """Refuse.

        Raises:
            MediaError: always.
        """
        del order, span, at, tasks
        raise MediaError(Code.NOT_SHARED, "this site records nothing")


def _call_all(calls: list[Callable[[], None]]) -> None:
    for call in calls:
        call()


def _height(footage: Footage, at: datetime) -> int:
    """How high the recording is at `at`; 0 where nothing says so."""
    shots = footage.around(at) or footage.before(at)
    found = height_of(AccessUnit(shots[0].data, 0, is_key=True, captured_at=None)) if shots else None
    return found or 0


def _nothing() -> None:
    """What was recorded has its key pictures where it has them."""


def _line_bps(replay: Replay) -> int | None:
    """What the view takes of the uplink, as far as is known."""
    rate = replay.rate_bps
    return None if rate is None else on_the_line(rate) * min(replay.where.speed_percent, 200) // 100
