"""News of a media server, in the order they were told; whoever hears them may give orders meanwhile."""

import logging
from typing import Final

import anyio

from gateway.live.relay import protocol
from gateway.live.relay.client import EVENTS, OnEvent

_LOG: Final = logging.getLogger("lenspact.live")


class Tidings:
    """A bounded queue of news. Use `run` in a task."""

    def __init__(self, on_event: OnEvent) -> None:
        self._on_event = on_event
        self._into, self._events = anyio.create_memory_object_stream[protocol.Event](EVENTS)

    def tell(self, event: protocol.Event) -> None:
        """Queue news; when nobody reads them the newest is lost, and the log says so."""
        try:
            self._into.send_nowait(event)
        except anyio.WouldBlock:
            _LOG.warning("news of the media server are lost, for nobody reads them: %s", event)

    async def run(self) -> None:
        """Hand on until cancelled."""
        async for event in self._events:
            try:
                await self._on_event(event)
            except Exception:  # noqa: BLE001 -- the supervisor of news: one that cannot be handled stops no picture
                _LOG.exception("news of the media server could not be handled: %s", event)
