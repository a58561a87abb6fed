"""The pictures of one view of a recording as they leave: in their time, at its speed, from where it is told to be.

`Replay` is what an uplink sends, one unit after the other, and takes orders meanwhile. It reads the recording a segment
at a time, off the loop. Where pictures must be made anew (`remaking`), only such leave, and the first that cannot be
made ends it.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Self, TypeVar

import anyio
import anyio.to_thread

from partner_agent.areas import NoPlaceError
from partner_agent.playback import Pace, Watched, key_before, run_up
from partner_agent.ports import Steer, Where
from partner_agent.remaking import Remaker
from partner_agent.ring.footage import Footage, Shot
from partner_agent.rtc.units import AccessUnit
from partner_agent.wire.clock import Clock
from partner_agent.wire.problems import Code

FRESH_S: Final = 5.0  # a range may end now: what is being written is waited for no longer than this
AGAIN_S: Final = 0.5
_LOG: Final = logging.getLogger(__name__)
_Made = TypeVar("_Made")


class Replay:
    """An endless iterator of units; it ends with whoever holds it, by itself only where a picture cannot be made anew.

    Attributes:
        code: why it ended by itself.
        watched: which moments have left.
    """

    def __init__(
        self,
        footage: Footage,
        *,
        at: datetime,
        clock: Clock,
        affords: Callable[[int], bool] = lambda _bytes: True,
        remaker: Remaker | None = None,
    ) -> None:
        """A view that begins at `at`.

        Args:
            footage: what it may show.
            at: where it begins.
            clock: paces it.
            affords: whether so many bytes may leave at once; if not, a jump lands on a key picture.
            remaker: makes every picture anew; None = they leave as they were recorded.
        """
        self._footage, self._clock, self._affords = footage, clock, affords
        self._pace, self._remaker = Pace(at, clock.monotonic()), remaker
        self._shots: list[Shot] = []
        self._index = -1  # of the picture shown
        self._ready: list[AccessUnit] = []
        self._wanted: datetime | None = at
        self._changed, self._settled = anyio.Event(), anyio.Event()
        self.code: Code | None = None
        self.watched = Watched()

    @property
    def where(self) -> Where:
        """Where it is."""
        return self._pace.where

    @property
    def is_all_sent(self) -> bool:
        """Whether nothing of a jump is left to be sent."""
        return self._wanted is None and not self._ready

    @property
    def rate_bps(self) -> int | None:
        """What the segment at hand takes in real time; None before the first."""
        if len(self._shots) < 2:
            return None
        seconds = (self._shots[-1].at - self._shots[0].at).total_seconds()
        return round(8 * sum(len(shot.data) for shot in self._shots) / seconds) if seconds > 0 else None

    async def steer(self, order: Steer) -> Where:
        """Do as told; returns where it is then, once the picture is there."""
        pace, now = self._pace, self._clock.monotonic()
        if order.is_paused is not None and order.is_paused is not pace.is_paused:
            pace.is_paused = order.is_paused or pace.is_over
            pace.anchor_here(now)
        if order.speed_percent is not None and order.speed_percent != pace.speed_percent:
            pace.speed_percent = order.speed_percent
            pace.anchor_here(now)
        if order.step is not None:
            pace.is_paused = True
            await self._step(order.step)
        elif order.position is not None:
            self._wanted = order.position
            pace.is_paused = pace.is_paused if order.is_paused is None else order.is_paused
            self._nudge()
        if self._wanted is not None and self.code is None:
            await self._settled.wait()
        self._nudge()
        return self.where

    def _nudge(self) -> None:
        self._changed.set()
        if self._wanted is not None and self._settled.is_set():
            self._settled = anyio.Event()

    async def _step(self, step: int) -> None:
        """One picture on or back."""
        at = self._pace.position
        if step > 0:
            found = await self._read(self._footage.after, at)
            target = next((shot.at for shot in found if shot.at > at), None)
        else:
            found = await self._read(self._footage.before, at)
            target = next((shot.at for shot in reversed(found) if shot.at < at), None)
        if target is not None:
            self._wanted = target
            self._nudge()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AccessUnit:
        """The next unit, when it is due."""
        while self.code is None:
            if self._wanted is not None:
                await self._jump()
                continue
            if self._ready:
                return self._ready.pop(0)
            self._changed = anyio.Event()
            if self._pace.is_paused:
                await self._changed.wait()
                continue
            unit = await self._play()
            if unit is not None:
                return unit
        self._settled.set()  # who waits for a picture is answered with where it is
        raise StopAsyncIteration

    async def _jump(self) -> None:
        """Go where it is told: the pictures it takes to show that moment, at once."""
        assert self._wanted is not None
        wanted, self._wanted = min(max(self._wanted, self._footage.span.t0), self._footage.span.t1), None
        shots = await self._read(self._footage.around, wanted) or await self._read(self._footage.before, wanted)
        if self._is_told_on():
            return
        is_all_sent, self._ready = not self._ready, []
        if not shots:
            self._pace.end()
        elif self._remaker is None:
            self._land(shots, run_up(shots, wanted), is_all_sent=is_all_sent)
        elif not await self._land_anew(self._remaker, shots, run_up(shots, wanted)):
            return
        self._settled.set()

    def _is_told_on(self) -> bool:
        """Whether an order to go elsewhere came while we read."""
        return self._wanted is not None

    def _land(self, shots: list[Shot], index: int, *, is_all_sent: bool) -> None:
        """Send what it takes to show the picture at `index`: from its key picture on, or from where the player is."""
        first = key_before(shots, index)
        is_same = bool(self._shots) and shots[0].at == self._shots[0].at
        if is_all_sent and is_same and first <= self._index < index:
            first = self._index + 1
        if not self._affords(sum(len(shot.data) for shot in shots[first : index + 1])):
            index = first
        self._shots, self._index = shots, index
        now = self._clock.monotonic()
        for shot in shots[first:index]:
            self._ready.append(self._unit(shot, self._pace.hurried(now), follows=shot is not shots[first]))
        self._ready.append(self._unit(shots[index], self._pace.jumped(shots[index].at, now), follows=first != index))

    async def _land_anew(self, remaker: Remaker, shots: list[Shot], index: int) -> bool:
        """Show the picture at `index` and none before it; False where that was of no use, or not to be had."""
        if not await self._is_prepared(remaker, shots, index) or self._is_told_on():
            return False
        self._shots, self._index = shots, index
        remaker.want_key()
        unit = await self._made(remaker, self._pace.jumped(shots[index].at, self._clock.monotonic()), follows=False)
        self._ready = [unit] if unit else []
        return unit is not None

    async def _play(self) -> AccessUnit | None:
        """Wait for the next picture of running time; None when something changed meanwhile, or nothing is left."""
        found = await self._following()
        if found is None:
            return None
        index, pace, remaker = found, self._pace, self._remaker
        if remaker is not None:
            index = self._newest_due(index)
            if not await self._is_prepared(remaker, self._shots, index):
                return None
        shot = self._shots[index]
        wait_s = 0.0 if pace.is_hole(shot.at) else pace.due(shot.at) - self._clock.monotonic()
        if wait_s > 0 and await self._is_changed_within(wait_s):
            return None
        self._index = index
        pts_90k = pace.shown(shot.at, self._clock.monotonic())
        if remaker is not None:
            return await self._made(remaker, pts_90k, follows=True)
        return self._unit(shot, pts_90k, follows=True)

    def _newest_due(self, index: int) -> int:
        """Of the pictures from `index` on that are due, the newest: a machine that is behind shows fewer, not later."""
        now, newest = self._clock.monotonic(), index
        for number in range(index + 1, len(self._shots)):
            shot = self._shots[number]
            if self._pace.is_hole(shot.at) or self._pace.due(shot.at) > now:
                break
            newest = number if shot.is_key or not self._pace.is_keys_only else newest
        return newest

    async def _following(self) -> int | None:
        """The place of the next picture to be shown in the segment at hand."""
        at, is_keys_only = self._pace.position, self._pace.is_keys_only
        while True:
            for index in range(self._index + 1, len(self._shots)):
                shot = self._shots[index]
                if shot.at > at and (shot.is_key or not is_keys_only):
                    return index
            last = self._shots[-1].at if self._shots else at
            shots = await self._read(self._footage.after, max(last, at))
            if shots and shots[0].at != (self._shots[0].at if self._shots else None):
                self._shots, self._index = shots, -1
            elif shots:
                self._shots = shots  # the same segment, which has grown
            else:
                await self._run_out()
                return None

    async def _run_out(self) -> None:
        """Nothing more is there: wait where it is being recorded still, otherwise it is over."""
        is_fresh = self._footage.span.t1 > self._clock.now() - timedelta(seconds=FRESH_S)
        if not is_fresh or self._pace.is_keys_only:
            self._pace.end()
        else:
            await self._is_changed_within(AGAIN_S)

    async def _is_prepared(self, remaker: Remaker, shots: list[Shot], index: int) -> bool:
        await self._anew(partial(remaker.prepare, shots, index))
        return self.code is None

    async def _made(self, remaker: Remaker, pts_90k: int, *, follows: bool) -> AccessUnit | None:
        """The present picture, made anew; None where it cannot be, which is the end."""
        found = await self._anew(partial(remaker.make, self._shots, self._index, pts_90k))
        if found is not None:
            self.watched.add(self._shots[self._index].at, follows=follows)
        return found

    async def _anew(self, work: Callable[[], _Made]) -> _Made | None:
        """What it gives; None where it failed: nothing leaves any more."""
        try:
            return await anyio.to_thread.run_sync(work)
        except NoPlaceError:
            self.code = Code.OBLIGATION_UNKNOWN
        except Exception:  # noqa: BLE001 - fail closed: whatever it was, no picture leaves, and the agent goes on
            _LOG.exception("a picture of a recording could not be made anew")
            self.code = Code.CODEC_UNSUPPORTED
        return None

    def _unit(self, shot: Shot, pts_90k: int, *, follows: bool) -> AccessUnit:
        self.watched.add(shot.at, follows=follows)
        return AccessUnit(shot.data, pts_90k, shot.is_key, None)

    async def _is_changed_within(self, duration_s: float) -> bool:
        changed = self._changed
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._sleep, duration_s, tasks.cancel_scope)
            await changed.wait()
            tasks.cancel_scope.cancel()
        return changed.is_set()

    async def _sleep(self, duration_s: float, scope: anyio.CancelScope) -> None:
        await self._clock.sleep(duration_s)
        scope.cancel()

    async def _read(self, find: Callable[[datetime], list[Shot]], at: datetime) -> list[Shot]:
        return await anyio.to_thread.run_sync(partial(find, at))
