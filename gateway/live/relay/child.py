"""Keeps a relay running as a child of the gateway: start, connect, and start again with back-off when it dies."""

import contextlib
import sys
from collections.abc import Awaitable, Callable
from typing import Final

import anyio
import msgspec

from gateway.live.relay.client import RelayClient, RelayGoneError
from gateway.live.relay.config import RelayConfig
from partner_agent.wire.clock import Clock
from partner_agent.wire.limits import BACKOFF_FIRST_S

BACKOFF_LAST_S: Final = 30.0
STEADY_S: Final = 60.0  # a relay that ran this long starts again at once, for people are watching
STOP_S: Final = 3.0


class RelayChild:
    """The supervisor of one relay process. `run` in a task."""

    def __init__(
        self,
        *,
        config: RelayConfig,
        client: RelayClient,
        on_gone: Callable[[], Awaitable[None]],
        clock: Clock,
        is_started_here: bool = True,
    ) -> None:
        """Without `is_started_here` the relay is a service of its own, and only the connection is kept."""
        self._config, self._client, self._on_gone, self._clock = config, client, on_gone, clock
        self._is_started_here = is_started_here
        self.pid: int | None = None

    @property
    def name(self) -> str:
        """Its relay's."""
        return self._config.relay

    async def run(self) -> None:
        """Run until cancelled; whatever happens to the child, `on_gone` is told and it is started again.

        At once the first time; a relay that dies again soon waits, each time longer.
        """
        pause_s = 0.0
        while True:
            started = self._clock.monotonic()
            await self._run_once()
            with anyio.CancelScope(shield=True):
                await self._on_gone()
            if self._clock.monotonic() - started >= STEADY_S:
                pause_s = 0.0
            await self._clock.sleep(pause_s)
            pause_s = min(max(BACKOFF_FIRST_S, pause_s * 2), BACKOFF_LAST_S)

    async def _run_once(self) -> None:
        if not self._is_started_here:
            with contextlib.suppress(RelayGoneError, OSError):
                await self._client.run()
            return
        await anyio.Path(self._config.socket).unlink(missing_ok=True)
        config = msgspec.structs.replace(self._config, begun_at=self._clock.now().timestamp())
        command = [sys.executable, "-m", "gateway.app.relay"]
        # a session of its own: Ctrl-C in a terminal reaches the gateway alone, which then lets its relay end in order
        async with await anyio.open_process(command, stdout=None, stderr=None, start_new_session=True) as process:
            self.pid = process.pid
            assert process.stdin is not None
            try:
                await process.stdin.send(msgspec.json.encode(config) + b"\n")
                await self._client.run()
            except (RelayGoneError, OSError, anyio.BrokenResourceError):
                return
            finally:
                self.pid = None
                with anyio.CancelScope(shield=True):
                    await process.stdin.aclose()
                    with anyio.move_on_after(STOP_S):
                        await process.wait()
                    if process.returncode is None:
                        process.kill()
