"""How long each camera of this site lets a live view wait: opened as a view opens it, until a picture lies in packets.

Nothing is sent anywhere. A camera that is open already, for a viewer or to be recorded, gives its picture at once, as
it would to a view; one that is closed is held open until its second key picture, so that their distance is known.
"""

import logging
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Final, Protocol

import anyio

from partner_agent.faults import kind_of, place_of
from partner_agent.handover import Subscription
from partner_agent.premises import Premises
from partner_agent.rtc import h264, nal
from partner_agent.rtsp import CameraSource, SourceState
from partner_agent.wire.check_messages import Trouble
from partner_agent.wire.clock import Clock

MOST_CAMERAS: Final = 64  # of one answer, so that it fits a frame
AT_ONCE: Final = 8  # each is a thread and a connection
_LOG: Final = logging.getLogger("lenspact.agent")
_TROUBLES: Final[Mapping[str, Trouble]] = {"camera_auth": "auth", "codec_unsupported": "codec"}


@dataclass(frozen=True, slots=True)
class FirstPicture:
    """What opening a camera showed; `wire.check_messages.CheckedCamera` says what each is.

    Attributes:
        fault: the kind of an error nobody foresaw, which ended the look; empty for none.
    """

    codec: str | None = None
    open_ms: int | None = None
    first_ms: int | None = None
    trouble: Trouble | None = None
    waited_ms: int = 0
    fault: str = ""


class Pictures(Protocol):
    """Opens cameras to see how long they take."""

    async def look(self, deadline_s: float) -> Mapping[str, FirstPicture]:
        """All of them, by id, within `deadline_s`; those it did not come to are left out."""


class NoPictures:
    """Opens none."""

    async def look(self, deadline_s: float) -> Mapping[str, FirstPicture]:
        """Nothing was looked at."""
        del deadline_s
        return {}


class PremisesPictures:
    """`Pictures` over the cameras of this site."""

    def __init__(self, premises: Premises, *, clock: Clock) -> None:
        self._premises, self._clock = premises, clock

    async def look(self, deadline_s: float) -> Mapping[str, FirstPicture]:
        """Some at a time."""
        found: dict[str, FirstPicture] = {}
        limiter = anyio.CapacityLimiter(AT_ONCE)

        async def one(camera: str) -> None:
            async with limiter:
                found[camera] = FirstPicture(trouble="late")
                try:
                    await self._one(camera, found)
                except Exception as error:  # noqa: BLE001 - the supervisor of one camera's look: the others are looked at
                    _LOG.error("a camera could not be looked at: %s", place_of(error))
                    found[camera] = FirstPicture(fault=kind_of(error))

        with anyio.move_on_after(deadline_s):
            async with anyio.create_task_group() as tasks:
                for camera in list(self._premises.settings)[:MOST_CAMERAS]:
                    tasks.start_soon(one, camera)
        return found

    async def _one(self, camera: str, found: dict[str, FirstPicture]) -> None:
        """Its streams, in the order in which a view takes them."""
        for source in self._premises.for_live(camera):
            place = self._premises.encoders.share(source) if source.is_anew else None
            if source.is_anew and place is None:  # every place is a viewer's
                del found[camera]
                return
            with place or nullcontext():
                if await self._gives(source, camera, found):
                    return

    async def _gives(self, source: CameraSource, camera: str, found: dict[str, FirstPicture]) -> bool:
        """Whether no other stream need be tried; what is known is written at once: the deadline may come any time."""
        began_s, is_open = self._clock.monotonic(), source.status.state is SourceState.RUNNING
        with source.subscribe() as units:
            status = await source.until(SourceState.RUNNING, SourceState.WAITING, SourceState.STOPPED)
            unit = await anext(units, None) if status.state is SourceState.RUNNING else None
            if unit is None:
                found[camera] = FirstPicture(trouble=_TROUBLES.get(source.status.code, "unreachable"))
                return not source.is_unusable
            h264.packetise(list(nal.split(unit.data)))
            found[camera] = self._first(source, began_s, is_open=is_open)
            if not source.is_anew:
                await self._next_key(source, units, found, camera)
        if source.is_unusable:  # as pictures after the first one showed
            found[camera] = FirstPicture(trouble="codec")
        return not source.is_unusable

    def _first(self, source: CameraSource, began_s: float, *, is_open: bool) -> FirstPicture:
        facts, open_s = source.status.facts, source.status.open_s
        return FirstPicture(
            codec=facts.codec if facts else None,
            open_ms=None if is_open or open_s is None else round(open_s * 1000),
            first_ms=self._ms_since(began_s),
        )

    async def _next_key(
        self, source: CameraSource, units: Subscription, found: dict[str, FirstPicture], camera: str
    ) -> None:
        """Until the distance of its key pictures is known; how long it was waited for stands in `found` meanwhile."""
        began_s = self._clock.monotonic()
        if source.status.key_distance_s is not None:
            return
        async for unit in units:
            found[camera] = replace(found[camera], waited_ms=self._ms_since(began_s))
            if unit.is_key:
                return

    def _ms_since(self, began_s: float) -> int:
        return max(1, round((self._clock.monotonic() - began_s) * 1000))
