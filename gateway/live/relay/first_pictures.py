"""The newest key picture of a stream, handed out once to an admitted session whose own connection is not there yet.

Where the line is long, ICE and DTLS take several round trips in which the picture is here already. It is the same
picture that the connection begins with, given under the same conditions: an admission that runs, and the publisher it
names. Whoever is told of it, and how, is the gateway's part. ADR 31.
"""

from dataclasses import dataclass
from typing import Final

import anyio

from gateway.live.relay.offers import CallRefusedError
from gateway.live.relay.protocol import PICTURE_BYTES
from gateway.live.relay.tables import Tables
from partner_agent.rtc import key_picture
from partner_agent.wire.clock import Clock

WAIT_S: Final = 3.0  # for the site's word and its first key picture; a connection is there by then
MOST_WAITING: Final = 64


@dataclass(frozen=True, slots=True)
class Given:
    """What was handed out: when, in monotonic seconds, and how much."""

    at: float
    size_bytes: int


class FirstPictures:
    """Hands them out."""

    def __init__(self, *, tables: Tables, clock: Clock) -> None:
        self._tables, self._clock = tables, clock
        self._changed = anyio.Event()
        self._waiting: set[str] = set()
        self._given: dict[str, Given] = {}

    async def give(self, session: str) -> bytes:
        """The picture, as Annex B; waits for it for `WAIT_S` at most.

        Raises:
            CallRefusedError: 404 the session is over · 409 it had one, or waits, or its pictures flow · 413 the picture
                is over `PICTURE_BYTES` · 503 too many wait · 504 none came in time.
        """
        if session in self._waiting or session in self._given:
            raise CallRefusedError(409)
        if len(self._waiting) >= MOST_WAITING:
            raise CallRefusedError(503)
        self._waiting.add(session)
        try:
            with anyio.fail_after(WAIT_S):
                while not (picture := self._ready(session)):
                    await self._changed.wait()
        except TimeoutError:
            raise CallRefusedError(504) from None
        finally:
            self._waiting.discard(session)
        self._given[session] = Given(self._clock.monotonic(), len(picture))
        return picture

    def look(self) -> None:
        """Packets came, or somebody was admitted, or is over: whoever waits looks again. Costs nothing else."""
        if self._waiting:
            self._changed.set()
            self._changed = anyio.Event()

    def forget(self, session: str) -> Given | None:
        """A session is over: what it had."""
        self.look()
        return self._given.pop(session, None)

    def _ready(self, session: str) -> bytes:
        """The picture, if it may be given now; empty = not yet."""
        # 1. The session is not over, and 2. it is admitted, now.
        if session in self._tables.ended:
            raise CallRefusedError(404)
        admission = self._tables.admissions.get(session)
        if admission is None or self._clock.monotonic() >= admission.until:
            return b""
        # 3. The admitted publisher, and no other, publishes.
        stream = self._tables.streams.get(admission.publication)
        if stream is None or stream.leg is None or stream.fingerprint != admission.fingerprint:
            return b""
        # 4. Its pictures do not flow yet: then it has this one.
        viewer = stream.fanout.viewers.get(session)
        if viewer is not None and viewer.is_started:
            raise CallRefusedError(409)
        picture = key_picture.first_of(stream.fanout.group)
        if len(picture) > PICTURE_BYTES:
            raise CallRefusedError(413)
        return picture
