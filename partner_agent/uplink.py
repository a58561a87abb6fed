"""Live pictures to the relay: a camera's source joined to the WHIP publisher, within what may be sent.

No picture is changed here. A view that would need masks, or fewer lines than the camera's live stream has, is refused
rather than sent as it is; set a smaller live stream in the camera to share it.
"""

from typing import Final

import anyio
import anyio.abc

from partner_agent.handover import Subscription
from partner_agent.ports import Counts, Limits, LiveOrder, MediaError
from partner_agent.premises import Premises
from partner_agent.rtc import whip
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
            return OpenUplink(await self._publisher.publish(units, target, tasks=tasks), units)
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

    def __init__(self, publication: whip.Publication, units: Subscription) -> None:
        self._publication, self._units = publication, units

    @property
    def ended(self) -> anyio.Event:
        """Set once nothing more will be sent."""
        return self._publication.ended

    @property
    def counts(self) -> Counts:
        """The account so far."""
        counts = self._publication.counts
        return Counts(counts.first_at, counts.last_at, counts.seconds, counts.sent_bytes)

    def halt(self) -> None:
        """Send nothing more, from this instant."""
        self._publication.halt()
        self._units.close()

    async def stop(self) -> None:
        """Halt, then say goodbye."""
        self.halt()
        await self._publication.stop()


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
