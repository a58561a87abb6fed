"""Which pictures a live view begins with, and how: as they come, of two streams in turn, or made anew.

A view that owes black areas gets pictures made anew, with a place among the site's encoders or not at all. Of a camera
whose pictures are made anew anyway (H.265, B-frames) they are painted in the same go: decoded once, encoded once.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial

from partner_agent.areas import Area
from partner_agent.budget import Budget, on_the_line
from partner_agent.converting import Converted, Converter, most_bps
from partner_agent.encoders import Place
from partner_agent.masks import Masks
from partner_agent.ports import LiveOrder, MediaError
from partner_agent.premises import Premises
from partner_agent.rtc.units import AccessUnit
from partner_agent.rtsp import CameraSource
from partner_agent.switching import Switching, line_bps
from partner_agent.wire.problems import Code


@dataclass(frozen=True, slots=True)
class LiveStream:
    """The pictures of one uplink.

    Attributes:
        source: the camera's stream they begin with.
        pictures: ends for good with the stream.
        areas: black in every one of them.
        rate_bps: what it takes of the uplink, as far as known.
        want_key: somebody waits for a picture to begin with.
        close: lets go of the camera; a second time is harmless.
        switching: where the camera has a larger stream beside.
    """

    source: CameraSource
    pictures: AsyncIterator[AccessUnit]
    areas: tuple[Area, ...]
    rate_bps: Callable[[], int | None]
    want_key: Callable[[], None]
    close: Callable[[], None]
    switching: Switching | None = None

    def heard_loss(self, lost_of_256: int) -> None:
        """So much of what was sent did not reach the relay: the smaller stream may come, where there is one."""
        if self.switching is not None:
            self.switching.heard_loss(lost_of_256)


class LiveStreams:
    """Opens them."""

    def __init__(self, premises: Premises, budget: Budget, masks: Masks) -> None:
        self._premises, self._budget, self._masks = premises, budget, masks

    def open(self, source: CameraSource, order: LiveOrder) -> LiveStream:
        """The pictures of `source` for this view.

        Raises:
            MediaError: an area is not drawn, or the machine makes as many pictures anew as it may.
        """
        areas = self._areas(order)
        if areas and source.is_anew:
            return self._painted(order.camera, areas)
        if areas:
            return self._converted(source, order, areas)
        if source.is_anew:
            return self._anew(source)
        return self._as_it_comes(source, order)

    def encoder_of(self, camera: str, masks: frozenset[str]) -> object | None:
        """What would make the pictures of such a view anew, by the name it takes a place under; None = nothing."""
        if masks:
            return camera, masks
        sources = self._premises.for_live(camera)
        anew = next((source for source in sources if source.is_anew), None)
        return anew if all(source.is_unusable for source in sources if source is not anew) else None

    def _areas(self, order: LiveOrder) -> tuple[Area, ...]:
        """What is black in this view.

        Raises:
            MediaError: one of it is not drawn, since the grant was checked.
        """
        found = tuple(area for area in self._masks.of(order.camera) if area.id in order.limits.masks)
        if order.limits.masks != {area.id for area in found}:
            raise MediaError(Code.OBLIGATION_UNKNOWN, "an area that must be black is not drawn here")
        return found

    def _as_it_comes(self, source: CameraSource, order: LiveOrder) -> LiveStream:
        units = source.subscribe(replay_gop=self._budget.affords(source.gop_bytes))
        streams = [stream for stream in self._premises.for_live(order.camera) if not stream.is_anew]
        if len(streams) < 2 or source is not streams[0]:
            return LiveStream(source, units, (), partial(line_bps, source), source.want_key, units.close)
        both = Switching(source, streams[1], units, budget=self._budget, clock=self._budget.clock)
        return LiveStream(source, both, (), both.bps, source.want_key, both.close, both)

    def _anew(self, source: CameraSource) -> LiveStream:
        place = there(self._premises.encoders.share(source))
        units = source.subscribe(replay_gop=self._budget.affords(source.gop_bytes))
        close = partial(_close_all, units.close, place.close)
        return LiveStream(source, units, (), partial(line_bps, source), source.want_key, close)

    def _converted(self, source: CameraSource, order: LiveOrder, areas: tuple[Area, ...]) -> LiveStream:
        place = there(self._premises.encoders.take((order.camera, order.limits.masks)))
        units = source.subscribe()
        made = Converted(units, Converter(areas))
        close = partial(_close_all, units.close, place.close)
        return LiveStream(source, made, areas, partial(_made_bps, source), made.want_key, close)

    def _painted(self, camera: str, areas: tuple[Area, ...]) -> LiveStream:
        """A stream of its own, made anew once, with its areas black."""
        place = there(self._premises.encoders.take((camera, frozenset(area.id for area in areas))))
        source, end = self._premises.painted(camera, areas)
        units = source.subscribe()
        close = partial(_close_all, units.close, end, place.close)
        return LiveStream(source, units, areas, partial(_made_bps, source), source.want_key, close)


def there(place: Place | None) -> Place:
    """The place that was asked for.

    Raises:
        MediaError: there is none.
    """
    if place is None:
        raise MediaError(Code.LIMIT, "this machine makes as many pictures anew as it may (max_encoders)")
    return place


def _close_all(*parts: Callable[[], None]) -> None:
    for close in parts:
        close()


def _made_bps(source: CameraSource) -> int | None:
    """What pictures made anew take of the uplink at most."""
    facts = source.status.facts
    return None if facts is None else on_the_line(most_bps(facts.height))
