"""One uplink for all views of one publication: the second viewer joins what already leaves the site.

Each view keeps an account of its own, from when it joined until it was halted; the uplink itself stops, at once, with
the last of them. Whether a view may join is decided before: each has its own grant. A `Publisher` around a `Publisher`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import anyio
import anyio.abc

from partner_agent.ports import Counts, Limits, LiveOrder, MediaError, Publication, Publisher
from partner_agent.wire.clock import Clock
from partner_agent.wire.problems import Code


@dataclass(slots=True, eq=False)
class _Line:
    """One uplink and the views on it.

    Attributes:
        ready: set once it runs or has failed.
        publication: None while it opens, and after it failed.
        hearers: how many of the views may hear it; its sound leaves while there is one.
        sizes: how many lines high each view shows it, as far as told.
    """

    ready: anyio.Event = field(default_factory=anyio.Event)
    publication: Publication | None = None
    views: int = 0
    hearers: int = 0
    sizes: dict[int, int] = field(default_factory=dict)


class SharedPublisher:
    """Publishes each address once."""

    def __init__(self, publisher: Publisher, *, clock: Clock) -> None:
        self._publisher, self._clock = publisher, clock
        self._lines: dict[tuple[str, str], _Line] = {}

    @property
    def fingerprint(self) -> str:
        """The DTLS certificate `accepted` names."""
        return self._publisher.fingerprint

    def refusal(self, camera: str, limits: Limits, opening: Sequence[tuple[str, Limits]] = ()) -> Code | None:
        """Why this camera cannot be sent within these limits, or None."""
        return self._publisher.refusal(camera, limits, opening)

    async def publish(self, order: LiveOrder, *, tasks: anyio.abc.TaskGroup) -> Publication:
        """Join the running uplink of this camera to this address, or open it.

        Raises:
            MediaError: it could not be opened, or what runs is more than this view may have.
        """
        key = (order.camera, order.url)
        line = self._lines.get(key)
        while line is not None:  # whoever waits with us may have opened another one since
            await line.ready.wait()
            if line.publication is not None and not line.publication.ended.is_set():
                break
            self._forget(key, line)
            line = self._lines.get(key)
        if line is None or line.publication is None:
            line = await self._open(key, order, tasks)
        else:
            code = self._publisher.refusal(order.camera, order.limits) or line.publication.tighten(order.limits)
            if code is not None:
                raise MediaError(code, "what is sent already is more than this view may have")
        assert line.publication is not None
        line.views += 1
        if order.limits.audio:
            line.hearers += 1
            line.publication.let_hear(True)
        forget = partial(self._forget, key, line)
        return _View(line, line.publication, self._clock, hears=order.limits.audio, forget=forget)

    async def _open(self, key: tuple[str, str], order: LiveOrder, tasks: anyio.abc.TaskGroup) -> _Line:
        line = self._lines[key] = _Line()
        try:
            line.publication = await self._publisher.publish(order, tasks=tasks)
        finally:
            line.ready.set()
            if line.publication is None:
                self._forget(key, line)
        return line

    def _forget(self, key: tuple[str, str], line: _Line) -> None:
        if self._lines.get(key) is line:
            del self._lines[key]


class _View:
    """One view's share of an uplink."""

    def __init__(
        self, line: _Line, publication: Publication, clock: Clock, *, hears: bool, forget: Callable[[], None]
    ) -> None:
        self._line, self._publication, self._clock, self._forget = line, publication, clock, forget
        self._hears = hears
        before = publication.counts
        self._joined_at, self._joined_s = clock.now(), clock.monotonic()
        self._before_bytes, self._before_seconds = before.sent_bytes, before.seconds
        self._own = anyio.Event()
        self._final: Counts | None = None

    @property
    def ended(self) -> anyio.Event:
        """Set once nothing more will be sent for this view."""
        return self._own if self._final is not None else self._publication.ended

    @property
    def counts(self) -> Counts:
        """What left the site while this view was on the uplink."""
        if self._final is not None:
            return self._final
        whole = self._publication.counts
        sent_bytes = whole.sent_bytes - self._before_bytes
        if not sent_bytes:
            return Counts()
        first_at = max(filter(None, (whole.first_at, self._joined_at)))
        here_s = self._clock.monotonic() - self._joined_s  # the uplink may have stood still before, and count that now
        return Counts(first_at, whole.last_at, min(whole.seconds - self._before_seconds, here_s), sent_bytes)

    @property
    def code(self) -> Code | None:
        """Why the uplink ended by itself."""
        return self._publication.code

    @property
    def fault(self) -> Exception | None:
        """What nobody foresaw and ended the uplink."""
        return self._publication.fault

    def tighten(self, limits: Limits) -> Code | None:
        """For all views of the uplink at once: they see the same packets."""
        return self._publication.tighten(limits)

    def let_hear(self, is_heard: bool) -> None:
        """Whether this view may hear; the sound leaves as long as one of them may."""
        if self._final is None and is_heard is not self._hears:
            self._hears = is_heard
            self._line.hearers += 1 if is_heard else -1
            self._publication.let_hear(self._line.hearers > 0)

    def show(self, lines: int) -> None:
        """The largest of all views counts: they see the same packets."""
        if self._final is None:
            self._line.sizes[id(self)] = lines
            self._publication.show(max(self._line.sizes.values()))

    def halt(self) -> None:
        """This view is over; with the last one the uplink sends nothing more, from this instant."""
        if self._final is not None:
            return
        self.let_hear(False)
        self._final = self.counts
        self._own.set()
        self._line.views -= 1
        if self._line.sizes.pop(id(self), None) is not None and self._line.views:
            self._publication.show(max(self._line.sizes.values(), default=0))
        if self._line.views == 0:
            self._forget()
            self._publication.halt()

    async def stop(self) -> None:
        """Halt, and say goodbye with the last view."""
        self.halt()
        if self._line.views == 0:
            await self._publication.stop()
