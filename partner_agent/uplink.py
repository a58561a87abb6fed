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
from partner_agent.rtsp import SourceState, SourceStatus
from partner_agent.wire.problems import Code

OPEN_S: Final = 8.0
_SENT_CODECS: Final = frozenset({"h264"})


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
        source = self._premises.live(camera)
        if source is None:
            return Code.NOT_SHARED
        if limits.masks:
            return Code.OBLIGATION_UNKNOWN
        return _unfit(source.status, limits)

    async def publish(self, order: LiveOrder, *, tasks: anyio.abc.TaskGroup) -> "OpenUplink":
        """Open the camera, then the uplink.

        Raises:
            MediaError: either did not answer, or the camera sends what may not be sent.
        """
        source = self._premises.live(order.camera)
        if source is None:
            raise MediaError(Code.NOT_SHARED, "no such camera")
        units = source.subscribe()
        try:
            with anyio.fail_after(OPEN_S):
                status = await source.until(SourceState.RUNNING, SourceState.WAITING, SourceState.STOPPED)
            _check_fit(status, order.limits)
            target = whip.PublishTarget(order.url, order.ticket, order.relay_fingerprint)
            fit = FitUnits(units, height_lines=order.limits.height_lines)
            return OpenUplink(await self._publisher.publish(fit, target, tasks=tasks), units, fit)
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

    def __init__(self, publication: whip.Publication, units: Subscription, fit: "FitUnits") -> None:
        self._publication, self._units, self._fit = publication, units, fit

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
        """Why it ended by itself: the camera began to send what may not be sent."""
        return self._fit.code

    def tighten(self, limits: Limits) -> None:
        """What a view that joins may see is the most that leaves from now on: all see the same packets."""
        self._fit.height_lines = min(self._fit.height_lines, limits.height_lines)

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


def _check_fit(status: SourceStatus, limits: Limits) -> None:
    if status.state is not SourceState.RUNNING:
        raise MediaError(Code(status.code or Code.CAMERA_UNREACHABLE), status.sentence)
    code = _unfit(status, limits)
    if code is not None:
        raise MediaError(code, "the camera's live stream is larger than may be sent, or not H.264")


def _unfit(status: SourceStatus, limits: Limits) -> Code | None:
    facts = status.facts
    if facts is None:
        return None
    is_sendable = facts.codec.lower() in _SENT_CODECS and facts.height <= limits.height_lines
    return None if is_sendable else Code.CODEC_UNSUPPORTED
