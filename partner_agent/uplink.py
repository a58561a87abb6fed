"""Live pictures to the relay: a camera's source joined to the WHIP publisher, within what may be sent.

No picture is changed here. A view that would need masks, or fewer lines than the camera's live stream has, is refused
rather than sent as it is; set a smaller live stream in the camera to share it.
"""

from collections.abc import AsyncIterator
from typing import Final, Self

import anyio
import anyio.abc

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

    def __init__(self, premises: Premises, publisher: whip.Publisher) -> None:
        self._premises, self._publisher = premises, publisher

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
        return codes[0] if all(codes) else None

    async def publish(self, order: LiveOrder, *, tasks: anyio.abc.TaskGroup) -> "OpenUplink":
        """Open the camera, then the uplink; its other stream, if the one for live views turns out not to fit.

        Raises:
            MediaError: either did not answer, or the camera sends what may not be sent.
        """
        unfit = MediaError(Code.NOT_SHARED, "no such camera")
        deadline = anyio.current_time() + OPEN_S
        for source in self._premises.for_live(order.camera):
            try:
                return await self._publish(source, order, deadline, tasks)
            except MediaError as error:
                if error.code is not Code.CODEC_UNSUPPORTED:
                    raise
                unfit = error
        raise unfit

    async def _publish(
        self, source: CameraSource, order: LiveOrder, deadline: float, tasks: anyio.abc.TaskGroup
    ) -> "OpenUplink":
        units = source.subscribe()
        try:
            with anyio.fail_after(deadline - anyio.current_time()):
                status = await source.until(SourceState.RUNNING, SourceState.WAITING, SourceState.STOPPED)
            _check_fit(source, status, order.limits)
            target = whip.PublishTarget(order.url, order.ticket, order.relay_fingerprint)
            fit = FitUnits(units, height_lines=order.limits.height_lines)
            publication = await self._publisher.publish(fit, target, tasks=tasks)
            return OpenUplink(publication, units, fit, source)
        except BaseException as error:
            units.close()
            match error:
                case TimeoutError():
                    raise MediaError(Code.CAMERA_UNREACHABLE, "the camera did not open in time") from error
                case whip.PublishFailedError():
                    raise MediaError(Code.LIMIT, str(error)) from error
                case _:
                    raise


class OpenUplink:
    """One running uplink; lets go of its camera when it stops."""

    def __init__(
        self, publication: whip.Publication, units: Subscription, fit: "FitUnits", source: CameraSource
    ) -> None:
        self._publication, self._units, self._fit, self._source = publication, units, fit, source

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
        self._units.close()

    async def stop(self) -> None:
        """Halt, then say goodbye."""
        self.halt()
        await self._publication.stop()


class FitUnits:
    """A camera's units as long as they are what may be sent; the first one that is not ends them, unsent.

    A camera can be set to another resolution while it runs. Each key picture says its own size, and is asked.

    Attributes:
        height_lines: the most that may be sent.
        code: why the units ended, if it was for that.
    """

    def __init__(self, units: AsyncIterator[AccessUnit], *, height_lines: int) -> None:
        self._units = units
        self.height_lines = height_lines
        self.code: Code | None = None
        self._height: int | None = None

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
            self.code = Code.CODEC_UNSUPPORTED
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
        raise MediaError(Code(status.code or Code.CAMERA_UNREACHABLE), status.sentence)
    code = _unfit(source, limits)
    if code is not None:
        raise MediaError(code, "the camera's live stream is larger than may be sent, or not H.264")


def _unfit(source: CameraSource, limits: Limits) -> Code | None:
    facts = source.status.facts
    is_too_large = facts is not None and facts.height > limits.height_lines
    return Code.CODEC_UNSUPPORTED if source.is_unusable or is_too_large else None
