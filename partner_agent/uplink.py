"""Live pictures to the relay: a camera's source joined to the WHIP publisher, within what may be sent.

No picture is changed here. A view that would need masks, or fewer lines than the camera's live stream has, is refused
rather than sent as it is; set a smaller live stream in the camera to share it.
"""

from collections.abc import AsyncIterator, Callable
from typing import Final, Self

import anyio
import anyio.abc

from partner_agent.budget import Budget, Share, on_the_line
from partner_agent.handover import Subscription
from partner_agent.ports import Counts, Limits, LiveOrder, MediaError
from partner_agent.premises import Premises
from partner_agent.rtc import sps, whip
from partner_agent.rtc.units import AccessUnit
from partner_agent.rtsp import CameraSource, SourceState, SourceStatus
from partner_agent.wire.problems import Code

OPEN_S: Final = 8.0


class Uplink:
    """The agent's publisher over real cameras."""

    def __init__(self, premises: Premises, publisher: whip.Publisher, budget: Budget) -> None:
        """`budget`: what may leave the site, over all its uplinks."""
        self._premises, self._publisher, self._budget = premises, publisher, budget
        self._sending: list[str] = []  # the cameras of the uplinks that are open

    @property
    def fingerprint(self) -> str:
        """The DTLS certificate `accepted` names."""
        return self._publisher.fingerprint

    def refusal(self, camera: str, limits: Limits) -> Code | None:
        """Why this camera cannot be sent within these limits, as far as is known before it is opened."""
        sources = self._premises.for_live(camera)
        if not sources:
            return Code.NOT_SHARED
        if limits.masks:
            return Code.OBLIGATION_UNKNOWN
        codes = [_unfit(source, limits) for source in sources]
        if all(codes):
            return codes[0]
        fitting = [source for source, code in zip(sources, codes, strict=True) if code is None]
        has_room = camera in self._sending or any(self._budget.fits(_line_bps(source)) for source in fitting)
        return None if has_room else Code.LIMIT

    async def publish(self, order: LiveOrder, *, tasks: anyio.abc.TaskGroup) -> "OpenUplink":
        """Open the camera, then the uplink; its other stream, if the one for live views turns out not to fit.

        Raises:
            MediaError: either did not answer, or the camera sends what may not be sent.
        """
        unfit = _UnfitError(Code.NOT_SHARED, "no such camera")
        deadline = anyio.current_time() + OPEN_S
        for source in self._premises.for_live(order.camera):
            try:
                return await self._publish(source, order, deadline, tasks)
            except _UnfitError as error:
                unfit = error
        raise unfit

    async def _publish(
        self, source: CameraSource, order: LiveOrder, deadline: float, tasks: anyio.abc.TaskGroup
    ) -> "OpenUplink":
        units = source.subscribe(replay_gop=self._budget.affords(source.gop_bytes))
        fit = FitUnits(units, height_lines=order.limits.height_lines)
        self._sending.append(order.camera)
        try:
            with anyio.fail_after(deadline - anyio.current_time()):
                status = await source.until(SourceState.RUNNING, SourceState.WAITING, SourceState.STOPPED)
            _check_fit(source, status, order.limits)
            fit.share = self._share(source, units)
            target = whip.PublishTarget(order.url, order.ticket, order.relay_fingerprint)
            publication = await self._publisher.publish(fit, target, tasks=tasks)
            return OpenUplink(publication, fit, source, free=lambda: self._close(units, fit, order.camera))
        except BaseException as error:
            self._close(units, fit, order.camera)
            match error:
                case TimeoutError():
                    raise MediaError(Code.CAMERA_UNREACHABLE, "the camera did not open in time") from error
                case whip.PublishFailedError():
                    raise MediaError(fit.code or Code.LIMIT, str(error)) from error
                case _:
                    raise

    def _share(self, source: CameraSource, units: Subscription) -> Share:
        share = self._budget.open(lambda: _line_bps(source), on_over=units.close)
        if share is None:
            raise _UnfitError(Code.LIMIT, "the site's uplink has no room for this stream")
        return share

    def _close(self, units: Subscription, fit: "FitUnits", camera: str) -> None:
        units.close()
        if fit.share is not None:
            fit.share.close()
        self._sending.remove(camera)


class _UnfitError(MediaError):
    """This stream cannot be sent; the camera's other one may be."""


class OpenUplink:
    """One running uplink; lets go of its camera when it stops."""

    def __init__(
        self, publication: whip.Publication, fit: "FitUnits", source: CameraSource, *, free: Callable[[], None]
    ) -> None:
        """`free`: lets go of the camera and of the site's uplink; called once."""
        self._publication, self._fit, self._source, self._free = publication, fit, source, free
        self._is_halted = False

    @property
    def ended(self) -> anyio.Event:
        """Set once nothing more will be sent."""
        return self._publication.ended

    @property
    def counts(self) -> Counts:
        """The account so far."""
        counts = self._publication.counts
        return Counts(counts.first_at, counts.last_at, counts.seconds, counts.sent_bytes)

    @property
    def code(self) -> Code | None:
        """Why it ended by itself: the camera sends, or began to send, what may not be sent."""
        return self._fit.code or (Code.CODEC_UNSUPPORTED if self._source.is_unusable else None)

    def tighten(self, limits: Limits) -> Code | None:
        """What a view that joins may see is the most that leaves from now on: all see the same packets."""
        return self._fit.tighten(limits.height_lines)

    def halt(self) -> None:
        """Send nothing more, from this instant."""
        self._publication.halt()
        if not self._is_halted:
            self._is_halted = True
            self._free()

    async def stop(self) -> None:
        """Halt, then say goodbye."""
        self.halt()
        await self._publication.stop()


class FitUnits:
    """A camera's units as long as they are what may be sent; the first one that is not ends them, unsent.

    A camera can be set to another resolution while it runs. Each key picture says its own size, and is asked.

    Attributes:
        height_lines: the most that may be sent.
        share: its part of what may leave the site; None = not counted.
    """

    def __init__(self, units: AsyncIterator[AccessUnit], *, height_lines: int) -> None:
        self._units = units
        self.height_lines = height_lines
        self.share: Share | None = None
        self._is_too_large = False
        self._height: int | None = None

    @property
    def code(self) -> Code | None:
        """Why the units ended, if it was for what they are, or for how much leaves the site."""
        if self._is_too_large:
            return Code.CODEC_UNSUPPORTED
        return Code.LIMIT if self.share is not None and self.share.is_over else None

    def tighten(self, height_lines: int) -> Code | None:
        """No more than so many lines from now on, unless more is being sent: then why not."""
        if self._height is not None and self._height > height_lines:
            return Code.CODEC_UNSUPPORTED
        self.height_lines = min(self.height_lines, height_lines)
        return None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AccessUnit:
        """The next unit that may be sent."""
        unit = await anext(self._units)
        if unit.is_key:
            self._height = _height(unit)
        if self._height is None or self._height > self.height_lines:
            self._is_too_large = True
            raise StopAsyncIteration
        if self.share is not None and not self.share.take(len(unit.data)):
            raise StopAsyncIteration
        return unit


def _height(key_picture: AccessUnit) -> int | None:
    """Its lines, by its own parameters; None if they cannot be read."""
    try:
        said = sps.of(key_picture.data)
    except sps.BadParametersError:
        return None
    return said.height if said else None


def _check_fit(source: CameraSource, status: SourceStatus, limits: Limits) -> None:
    if status.state is not SourceState.RUNNING:
        kind = _UnfitError if source.is_unusable else MediaError
        raise kind(Code(status.code or Code.CAMERA_UNREACHABLE), status.sentence)
    code = _unfit(source, limits)
    if code is not None:
        raise _UnfitError(code, "the camera's live stream is larger than may be sent, or not H.264")


def _unfit(source: CameraSource, limits: Limits) -> Code | None:
    facts = source.status.facts
    is_too_large = facts is not None and facts.height > limits.height_lines
    return Code.CODEC_UNSUPPORTED if source.is_unusable or is_too_large else None


def _line_bps(source: CameraSource) -> int | None:
    """What the stream takes of the uplink, as far as it was measured."""
    rate = source.status.rate_bps
    return None if rate is None else on_the_line(rate)
