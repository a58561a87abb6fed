"""Which of a camera's two streams a live view gets: the small one, or the large one once it is looked at large.

The other stream takes over at its own next key picture, on the time line of the one before, so that a viewer's decoder
goes on without a gap. It does where somebody sees the picture larger than the small stream is, it is no larger than may
be sent, the site's uplink has room for what it was measured to need, and little of what is sent is lost on the way; it
gives back when one of these ends.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Final, Self

from partner_agent.budget import Budget, on_the_line
from partner_agent.handover import Subscription
from partner_agent.line_loss import LineLoss
from partner_agent.rtc import sps
from partner_agent.rtc.units import CLOCK_RATE_HZ, AccessUnit
from partner_agent.rtsp import CameraSource
from partner_agent.wire.clock import Clock

LARGER: Final = 1.1  # a picture a little larger than its stream is not worth more


def height_of(key_picture: AccessUnit) -> int | None:
    """Its lines, by its own parameters; None if they cannot be read."""
    try:
        said = sps.of(key_picture.data)
    except sps.BadParametersError:
        return None
    return said.height if said else None


def line_bps(source: CameraSource) -> int | None:
    """What the stream takes of the uplink, as far as it was measured."""
    rate = source.status.rate_bps
    return None if rate is None else on_the_line(rate)


class Switching:
    """The units of one of two streams: an async iterator; `close` lets go of both.

    Attributes:
        source: where the units come from now.
        most_lines: asked before the larger one is taken.
    """

    def __init__(
        self,
        small: CameraSource,
        large: CameraSource,
        units: Subscription,
        *,
        budget: Budget,
        clock: Clock,
        most_lines: Callable[[], int] = lambda: 0,
    ) -> None:
        """`units` is a subscription to `small`; the view begins with it."""
        self._small, self._large, self.source = small, large, small
        self._units = units
        self._next: Subscription | None = None
        self._budget, self._clock, self.most_lines = budget, clock, most_lines
        self._ready: deque[AccessUnit] = deque()
        self._lines, self._is_new, self._loss = 0, False, LineLoss()
        self._last_90k: int | None = None
        self._last_s = 0.0
        self._offset_90k = 0

    def show(self, lines: int) -> None:
        """The largest picture that anybody has of it is so many lines high."""
        self._lines = lines

    def heard_loss(self, lost_of_256: int) -> None:
        """The relay reports that it did not get so much of what was sent since its last report."""
        self._loss.heard(lost_of_256, self._clock.monotonic())

    def bps(self) -> int | None:
        """What it takes of the uplink now, as far as it was measured."""
        return line_bps(self.source)

    def close(self) -> None:
        """Take no more of either."""
        self._units.close()
        self._leave_other()

    def __aiter__(self) -> Self:
        return self

    def step_down(self, lines: int) -> bool:
        """Give the larger stream back at once, where the small one is known to have no more than so many lines.

        Nothing comes until the small one's next key picture.
        """
        facts = self._small.status.facts
        is_there = facts is not None and facts.height <= lines and not self._small.is_unusable
        if self.source is not self._large or not is_there:
            return False
        self._units.close()
        self._leave_other()
        self._ready.clear()
        self._units, self.source, self._is_new = self._small.subscribe(replay_gop=False), self._small, True
        return True

    async def __anext__(self) -> AccessUnit:
        """The next unit, on one time line."""
        unit = await self._taken()
        if self._is_new:
            self._follow_on(unit)
        unit = replace(unit, pts_90k=unit.pts_90k + self._offset_90k)
        self._last_90k, self._last_s = unit.pts_90k, self._clock.monotonic()
        return unit

    async def _taken(self) -> AccessUnit:
        """The next unit of the stream that holds when it is there: another one may begin while it is waited for."""
        while True:
            self._look()
            if self._ready:
                return self._ready.popleft()
            units = self._units
            try:
                unit = await anext(units)
            except StopAsyncIteration:
                if units is self._units:
                    raise
                continue
            if units is self._units:
                return unit

    def _look(self) -> None:
        """Change over if the other stream is wanted and is there."""
        wanted = self._large if self._wants_large() else self._small
        if wanted is self.source:
            self._leave_other()
            return
        if self._next is None:
            self._next = wanted.subscribe(replay_gop=False)
        waiting = self._next.waiting()
        if waiting and self._may_begin(wanted, waiting[0]):
            self._change(wanted, waiting)
        elif waiting:
            self._leave_other()  # and begin with another key picture

    def _wants_large(self) -> bool:
        facts = self._small.status.facts
        is_looked_at = facts is not None and self._lines > facts.height * LARGER
        large = self._large.status.facts
        is_too_large = large is not None and large.height > self.most_lines()
        if not is_looked_at or is_too_large or self._large.is_unusable or self._loss.is_strained:
            return False
        return self.source is not self._large or self._budget.fits(0)

    def _may_begin(self, wanted: CameraSource, key_picture: AccessUnit) -> bool:
        """Whether what is about to begin may be sent, and fits; of an unknown size or need it may not."""
        lines, rate = height_of(key_picture), line_bps(wanted)
        if lines is None or lines > self.most_lines():
            return False
        if wanted is self._small or not self._budget.is_bound:
            return True
        return rate is not None and self._budget.fits(max(0, rate - (line_bps(self._small) or 0)))

    def _change(self, wanted: CameraSource, units: list[AccessUnit]) -> None:
        assert self._next is not None
        self._units.close()
        self._units, self._next, self.source = self._next, None, wanted
        self._ready = deque(units)
        self._follow_on(units[0])

    def _follow_on(self, first: AccessUnit) -> None:
        """The first unit of another stream stands where it is on the time line: by how much has passed."""
        self._is_new = False
        if self._last_90k is not None:
            passed = round((self._clock.monotonic() - self._last_s) * CLOCK_RATE_HZ)
            self._offset_90k = self._last_90k + max(1, passed) - first.pts_90k

    def _leave_other(self) -> None:
        if self._next is not None:
            self._next.close()
            self._next = None
