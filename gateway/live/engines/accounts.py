"""What is told of calls at a media server of others: that pictures flow, under which cipher, and how much passed.

The server is asked each second and once more before a call is ended by us; what it does not answer in time is not
waited for, since no end may be late for a count. Of a caller who hangs up first, the last second may be missing.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Final

import anyio

from gateway.live.engines.ports import MediaServer, Passed
from gateway.live.engines.tables import Uplink, View
from gateway.live.engines.tidings import Tidings
from gateway.live.relay import protocol
from gateway.live.relay.client import RelayGoneError
from gateway.live.relay.protocol import EndReason
from partner_agent.wire.clock import Clock

COUNT_S: Final = 1.0  # between two questions for what passed
LAST_COUNT_S: Final = 0.25  # an end waits so long for its count, and no longer
UNKNOWN_CIPHER: Final = "not told by this engine"
_LOG: Final = logging.getLogger("lenspact.live")


class Accounts:
    """Counts calls, and tells of them."""

    def __init__(self, *, server: MediaServer, tidings: Tidings, clock: Clock) -> None:
        self._server, self._tidings, self._clock = server, tidings, clock

    async def run(self, calls: Callable[[], Iterable[View | Uplink]]) -> None:
        """Ask of each call that is up, until cancelled."""
        while True:
            await self._clock.sleep(COUNT_S)
            for call in list(calls()):
                if call.is_up:
                    await self.count(call)

    async def count(self, call: View | Uplink) -> None:
        """Ask what passed; what was known stays where the server does not say."""
        try:
            with anyio.move_on_after(LAST_COUNT_S):
                before, call.passed = call.passed, await self._server.passed(call.leg_id) or call.passed
                if isinstance(call, View) and call.passed.packets > before.packets:
                    call.passed_at = self._clock.monotonic()
        except RelayGoneError:
            _LOG.debug("no media server to ask")

    async def end(self, call: View | Uplink) -> None:
        """Count a call and end it at the server. Whoever gives up waiting stops neither: nobody else knows of it now.

        Raises:
            RelayGoneError: the server does not answer.
        """
        with anyio.CancelScope(shield=True):
            await self.count(call)
            await self._server.end(call.leg_id)

    async def started(self, view: View) -> None:
        """Pictures flow: told with the cipher, where the server knows it."""
        await self.count(view)
        self._tell_start(view)

    def ended(self, session: str, reason: EndReason, view: View | None) -> None:
        """A session is over, or will never begin."""
        now, passed = self._clock.monotonic(), Passed()
        seconds_ms = 0
        if view is not None:
            self._tell_start(view)
            passed = view.passed
            until = now if view.passed_at is None else view.passed_at  # a picture that stands still is not sent
            seconds_ms = 0 if view.started_at is None else round(max(0.0, until - view.started_at) * 1000)
        self._tidings.tell(
            protocol.ViewerGone(
                session=session,
                reason=reason,
                packets=passed.packets,
                sent_bytes=passed.passed_bytes,
                seconds_ms=seconds_ms,
            )
        )

    def down(self, uplink: Uplink) -> None:
        """A publisher is gone."""
        passed = uplink.passed
        self._tidings.tell(
            protocol.PublicationDown(
                publication=uplink.publication, packets=passed.packets, received_bytes=passed.passed_bytes
            )
        )

    def _tell_start(self, view: View) -> None:
        """Once, and before its end."""
        if view.is_up and not view.is_told:
            view.is_told = True
            cipher = view.passed.cipher or UNKNOWN_CIPHER
            self._tidings.tell(protocol.ViewerUp(session=view.session, srtp_profile=cipher))
