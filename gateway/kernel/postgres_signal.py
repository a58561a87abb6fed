"""Hears from PostgreSQL that another process raised generations (`LISTEN`), on a connection of its own.

What is told while the connection is away is lost; so it wakes the readers once more whenever it is back.
"""

import logging
from typing import Final

import anyio
import asyncpg

from gateway.kernel.bus import MemoryBus
from gateway.kernel.generations import CHANNEL, TOPIC
from partner_agent.wire.clock import Clock

CONNECT_S: Final = 5.0
AGAIN_S: Final = 1.0  # between two tries; readers look by themselves meanwhile
NAME: Final = "lenspact generations"  # as the database's administrator reads it

_log = logging.getLogger("lenspact.generations")


class PostgresSignal:
    """Passes the database's notifications on to this process. `run` runs in a task."""

    def __init__(self, dsn: str, *, signal: MemoryBus, clock: Clock) -> None:
        """`dsn`: `postgresql://…`; `signal`: where this process waits (`Database.signal`)."""
        self._dsn = dsn
        self._signal = signal
        self._clock = clock

    async def run(self) -> None:
        """Listen for ever, connecting again whenever the connection is lost."""
        while True:
            try:
                await self._listen()
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
                _log.warning("cannot hear of changes, looking for them instead: %s", type(error).__name__)
            await self._clock.sleep(AGAIN_S)

    async def _listen(self) -> None:
        ended = anyio.Event()
        settings = {"application_name": NAME}
        connection = await asyncpg.connect(self._dsn, timeout=CONNECT_S, server_settings=settings)
        try:
            connection.add_termination_listener(lambda _connection: ended.set())
            await connection.add_listener(CHANNEL, self._heard)
            self._signal.publish(TOPIC)
            await ended.wait()
        finally:
            connection.terminate()

    def _heard(self, *_notification: object) -> None:
        self._signal.publish(TOPIC)
