"""The bus between processes (`postgres:`): local delivery as in one process, and NOTIFY for the others.

Like every bus here it is a wake-up only. Outgoing news is bounded, the oldest dropped; while the connection is down
news is lost, and listeners find out by re-reading, as they must in any case.
"""

import json
from collections.abc import Callable
from typing import Any, Final

import anyio
import asyncpg

from gateway.kernel.bus import MemoryBus

CHANNEL: Final = "lenspact_news"
WAITING: Final = 1024
CONNECT_S: Final = 10.0


class BusGoneError(Exception):
    """The connection was lost; whoever supervises `run` starts it again."""


class PostgresBus(MemoryBus):
    """Tells this process at once, and the others through the database. `run` must run in a task."""

    def __init__(self, dsn: str) -> None:
        """`dsn`: `postgresql://…` of the database all processes share."""
        super().__init__()
        self._dsn = dsn
        self._outgoing: list[str] = []
        self._wake = anyio.Event()

    def publish(self, topic: str, ref: str = "") -> None:
        """Tell every listener, here and elsewhere; never waits, never fails."""
        super().publish(topic, ref)
        if len(self._outgoing) >= WAITING:
            del self._outgoing[0]
        self._outgoing.append(json.dumps([topic, ref]))
        self._wake.set()

    async def run(self) -> None:
        """Listen and tell, until the connection is lost.

        Raises:
            BusGoneError: it is.
        """
        connection = await asyncpg.connect(self._dsn, timeout=CONNECT_S)
        try:
            connection.add_termination_listener(lambda _connection: self._wake.set())
            await connection.add_listener(CHANNEL, self._listener(connection.get_server_pid()))
            while not connection.is_closed():
                await self._tell(connection)
                await self._wake.wait()
                self._wake = anyio.Event()
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            raise BusGoneError from error
        finally:
            connection.terminate()
        raise BusGoneError

    async def _tell(self, connection: Any) -> None:
        while self._outgoing:
            await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, self._outgoing[0])
            del self._outgoing[0]

    def _listener(self, own_pid: int) -> Callable[[Any, int, str, object], None]:
        """Deliver what others told. It is still called for news that was under way when the connection ended."""
        publish = super().publish

        def heard(_connection: Any, pid: int, _channel: str, payload: object) -> None:
            if pid == own_pid:
                return  # our own, delivered already
            topic, ref = json.loads(str(payload))
            publish(topic, ref)

        return heard
