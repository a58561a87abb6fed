"""Live pictures to the relay: a camera's source joined to the WHIP publisher, within what may be sent.

A view that owes masks gets pictures made anew with these areas black (`live_streams`), or none: where an area is not
drawn, has no place in the picture, or anything fails, nothing leaves. A view that may have fewer lines than the
camera's live stream has is refused; set a smaller live stream in the camera to share it. Sound leaves only while a view
that may hear it is there, over a connection to the camera that is open only then.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Final, Self

import anyio
import anyio.abc

from partner_agent.areas import fits
from partner_agent.budget import Budget, Share
from partner_agent.camera_sound import SoundKind
from partner_agent.converting import Converted
from partner_agent.live_streams import LiveStream, LiveStreams
from partner_agent.masks import Masks
from partner_agent.ports import Counts, Limits, LiveOrder, MediaError
from partner_agent.premises import Premises
from partner_agent.replay import Replay
from partner_agent.rtc import whip
from partner_agent.rtc.units import AccessUnit, SoundUnit
from partner_agent.rtc.whip_answer import PublishFailedError
from partner_agent.rtsp import CameraSource, SourceState, SourceStatus
from partner_agent.sound_source import SoundSource
from partner_agent.switching import height_of, line_bps
from partner_agent.wire.problems import Code

OPEN_S: Final = 8.0


class Uplink:
    """The agent's publisher over real cameras."""

    def __init__(self, premises: Premises, publisher: whip.Publisher, budget: Budget, masks: Masks) -> None:
        """`budget`: what may leave the site, over all its uplinks; `masks`: what can be blackened."""
        self._premises, self._publisher, self._budget, self._masks = premises, publisher, budget, masks
        self._streams = LiveStreams(premises, budget, masks)
        self._sending: list[str] = []  # the cameras of the uplinks that are open

    @property
    def fingerprint(self) -> str:
        """The DTLS certificate `accepted` names."""
        return self._publisher.fingerprint

    def refusal(self, camera: str, limits: Limits, opening: Sequence[tuple[str, Limits]] = ()) -> Code | None:
        """Why this camera cannot be sent within these limits, as far as is known before it is opened."""
        sources = self._premises.for_live(camera)
        if not sources:
            return Code.NOT_SHARED
        if not limits.masks <= self._masks.names(camera):
            return Code.OBLIGATION_UNKNOWN
        if limits.audio and self._premises.sound_of(camera).kind in {SoundKind.NONE, SoundKind.OTHER}:
            return Code.CODEC_UNSUPPORTED
        codes = [_unfit(source, limits) for source in sources]
        if all(codes):
            return codes[0]
        fitting = [source for source, code in zip(sources, codes, strict=True) if code is None]
        has_room = camera in self._sending or self._has_line(fitting)
        return None if has_room and self._has_encoder(camera, limits, opening) else Code.LIMIT

    def _has_line(self, sources: Sequence[CameraSource]) -> bool:
        """Whether one of these would be sent: of what follows one that is too large, only what is known to be less."""
        rates = [line_bps(source) for source in sources]
        return self._budget.fits(rates[0]) or any(rate is not None and self._budget.fits(rate) for rate in rates[1:])

    def _has_encoder(self, camera: str, limits: Limits, opening: Sequence[tuple[str, Limits]]) -> bool:
        """Whether one is left for it, if it needs one, once those that are opening have theirs."""
        mine = self._streams.encoder_of(camera, limits.masks)
        others = (self._streams.encoder_of(name, bound.masks) for name, bound in opening)
        return mine is None or self._premises.encoders.has_room({mine, *others} - {None})

    async def publish(self, order: LiveOrder, *, tasks: anyio.abc.TaskGroup) -> "OpenUplink":
        """Open the camera, then the uplink; its other stream, if the one for live views turns out not to fit.

        Raises:
            MediaError: either did not answer, or the camera sends what may not be sent.
        """
        unfit = _UnfitError(Code.NOT_SHARED, "no such camera")
        deadline = anyio.current_time() + OPEN_S
        for source in self._premises.for_live(order.camera):
            rate = line_bps(source)
            if unfit.code is Code.LIMIT and (rate is None or not self._budget.fits(rate)):
                continue  # the one before it did not fit; this one is larger for all that is known
            try:
                return await self._publish(source, order, deadline, tasks)
            except _UnfitError as error:
                unfit = error
        raise unfit

    async def _publish(
        self, source: CameraSource, order: LiveOrder, deadline: float, tasks: anyio.abc.TaskGroup
    ) -> "OpenUplink":
        stream = self._streams.open(source, order)
        fit = FitUnits(stream.pictures, height_lines=order.limits.height_lines, masks=order.limits.masks)
        self._sending.append(order.camera)
        try:
            with anyio.fail_after(deadline - anyio.current_time()):
                status = await stream.source.until(SourceState.RUNNING, SourceState.WAITING, SourceState.STOPPED)
            _check_fit(stream.source, status, order.limits)
            _check_shape(stream)
            if stream.switching:
                stream.switching.most_lines = lambda: fit.height_lines
                fit.step_down = stream.switching.step_down
            fit.share = self._share(stream)
            target = whip.PublishTarget(order.url, order.ticket, order.relay_fingerprint)
            publication = await self._publisher.publish(
                fit,
                target,
                tasks=tasks,
                on_key_frame_wanted=stream.want_key,
                on_loss=stream.heard_loss,
                spares=fit.share.spares,
                has_sound=True,
            )
            sound = self._sound(order.camera, publication, fit.share, tasks)
            free = partial(self._close, stream, fit, order.camera)
            return OpenUplink(publication, fit, stream, sound=sound, free=free)
        except BaseException as error:
            self._close(stream, fit, order.camera)
            match error:
                case TimeoutError():
                    raise MediaError(Code.CAMERA_UNREACHABLE, "the camera did not open in time") from error
                case PublishFailedError():
                    raise MediaError(fit.code or Code.LIMIT, str(error)) from error
                case _:
                    raise

    def _sound(
        self, camera: str, publication: whip.Publication, share: Share, tasks: anyio.abc.TaskGroup
    ) -> SoundSource | None:
        """The camera's sound, silent as yet; None where it has none that can be sent. Pictures go before it."""
        address = self._premises.sound_address(camera)

        def take(unit: SoundUnit) -> None:
            if share.spares(len(unit.data)):
                publication.say(unit)

        return SoundSource(address, clock=self._budget.clock, take=take, tasks=tasks) if address else None

    def _share(self, stream: LiveStream) -> Share:
        share = self._budget.open(stream.rate_bps, on_over=stream.close)
        if share is None:
            raise _UnfitError(Code.LIMIT, "the site's uplink has no room for this stream")
        return share

    def _close(self, stream: LiveStream, fit: "FitUnits", camera: str) -> None:
        stream.close()
        if fit.share is not None:
            fit.share.close()
        self._sending.remove(camera)


class _UnfitError(MediaError):
    """This stream cannot be sent; the camera's other one may be."""


class OpenUplink:
    """One running uplink; lets go of its camera when it stops."""

    def __init__(
        self,
        publication: whip.Publication,
        fit: "FitUnits",
        stream: LiveStream,
        *,
        sound: SoundSource | None,
        free: Callable[[], None],
    ) -> None:
        """`free`: lets go of camera and uplink, called once."""
        self._publication, self._fit, self._stream, self._free = publication, fit, stream, free
        self._sound = sound
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
        status = self._stream.source.status
        is_over = status.state is SourceState.STOPPED and status.code
        return self._fit.code or (Code(status.code) if is_over else None)

    @property
    def fault(self) -> Exception | None:
        """What nobody foresaw and ended it."""
        return self._publication.fault

    def let_hear(self, is_heard: bool) -> None:
        """Ask the camera for its sound and send it, or send not a packet more of it."""
        if self._sound is None or self._is_halted:
            return
        if is_heard:
            self._sound.start()
        else:
            self._sound.stop()

    def tighten(self, limits: Limits) -> Code | None:
        """What a view that joins may see is the most that leaves from now on: all see the same packets."""
        return self._fit.tighten(limits)

    def show(self, lines: int) -> None:
        """Where its camera has a larger stream, that one may come."""
        if self._stream.switching is not None:
            self._stream.switching.show(lines)

    def halt(self) -> None:
        """Send nothing more, from this instant."""
        self._publication.halt()
        self.let_hear(False)
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
        masks: what is black in them.
        share: its part of what may leave the site; None = not counted.
        step_down: asked for a stream of no more than so many lines; whether there is one, and it begins now.
    """

    def __init__(
        self, units: AsyncIterator[AccessUnit], *, height_lines: int, masks: frozenset[str] = frozenset()
    ) -> None:
        self._units = units
        self.height_lines, self.masks = height_lines, masks
        self.share: Share | None = None
        self.step_down: Callable[[int], bool] = _one_stream
        self._is_too_large = False
        self._height: int | None = None

    @property
    def code(self) -> Code | None:
        """Why the units ended, if it was for what they are, or for how much leaves the site."""
        if self._is_too_large:
            return Code.CODEC_UNSUPPORTED
        if isinstance(self._units, Converted | Replay) and self._units.code is not None:
            return self._units.code
        return Code.LIMIT if self.share is not None and self.share.is_over else None

    def tighten(self, limits: Limits) -> Code | None:
        """No more than these limits from now on; if that cannot be, or other areas are black, why not.

        Where more is being sent and the camera has a smaller stream, nothing leaves until that one has begun.
        """
        if limits.masks != self.masks:
            return Code.OBLIGATION_UNKNOWN
        if self._height is not None and self._height > limits.height_lines:
            if not self.step_down(limits.height_lines):
                return Code.CODEC_UNSUPPORTED
            self._height = None
        self.height_lines = min(self.height_lines, limits.height_lines)
        return None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AccessUnit:
        """The next unit that may be sent."""
        unit = await anext(self._units)
        if unit.is_key:
            self._height = height_of(unit)
        if self._height is None or self._height > self.height_lines:
            self._is_too_large = True
            raise StopAsyncIteration
        if self.share is not None and not self.share.take(len(unit.data)):
            raise StopAsyncIteration
        return unit


def _check_fit(source: CameraSource, status: SourceStatus, limits: Limits) -> None:
    if status.state is not SourceState.RUNNING:
        kind = _UnfitError if source.is_unusable else MediaError
        raise kind(Code(status.code or Code.CAMERA_UNREACHABLE), status.sentence)
    code = _unfit(source, limits)
    if code is not None:
        raise _UnfitError(code, "the camera's live stream is larger than may be sent, or not H.264")


def _check_shape(stream: LiveStream) -> None:
    facts = stream.source.status.facts
    if facts is None or not all(fits(area, facts.width, facts.height) for area in stream.areas):
        raise _UnfitError(Code.OBLIGATION_UNKNOWN, "the areas were drawn on a picture of another shape")


def _unfit(source: CameraSource, limits: Limits) -> Code | None:
    facts = source.status.facts
    is_too_large = facts is not None and facts.height > limits.height_lines
    return Code.CODEC_UNSUPPORTED if source.is_unusable or is_too_large else None


def _one_stream(_lines: int) -> bool:
    """A camera with one stream gives it to everybody."""
    return False
