"""How much the line from here to the gateway carries: bytes without meaning, sent for at most 3 s and 3 MB.

Requests grow until one is long enough to say something; what the way there and back takes is measured by an empty one
and taken off. The rate that the owner lets live views take is not exceeded, and the moment somebody watches it ends.
What is sent goes to a host of the key set alone, which counts it and throws it away.
"""

import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final, Protocol

import anyio
import httpx

from partner_agent.wire.check_messages import CheckUpload, Unmeasured
from partner_agent.wire.clock import Clock
from partner_agent.wire.limits import LINE_BYTES, LINE_MOST_KBPS, LINE_REQUESTS, LINE_S

FIRST_BYTES: Final = 16 * 1024
TELLING_S: Final = 0.7  # a request that took so long says enough
BOUND_SHARE: Final = 0.8  # so near to the owner's rate it was that which held it back
AGAIN_S: Final = 60.0  # the line is not measured more often, whoever asks
A_DAY: Final = 24  # measurements: a gateway that lies uses up no data plan
_DAY_S: Final = 86_400.0
_CHUNK_BYTES: Final = 8 * 1024
_NOTHING_S: Final = 0.001


@dataclass(frozen=True, slots=True)
class LineRate:
    """What was measured.

    Attributes:
        kbps: None where nothing was; `why` then says why not.
        is_bound: the owner's rate was reached, so the line may carry more.
    """

    kbps: int | None = None
    is_bound: bool = False
    why: Unmeasured | None = None


class Meter(Protocol):
    """Measures the line."""

    async def measure(self, upload: CheckUpload, *, is_watched: Callable[[], bool]) -> LineRate:
        """By what is at `upload`; ends as soon as `is_watched`."""


class NoMeter:
    """Measures nothing."""

    async def measure(self, upload: CheckUpload, *, is_watched: Callable[[], bool]) -> LineRate:
        """Nothing was measured."""
        del upload, is_watched
        return LineRate(why="lost")


class _WatchedError(Exception):
    """Somebody watches now."""


class HttpMeter:
    """`Meter` by requests to the gateway."""

    def __init__(self, *, http: httpx.AsyncClient, clock: Clock, most_kbps: int = 0) -> None:
        """`most_kbps`: what may leave the site for live views; 0 = as much as there is."""
        self._http, self._clock, self._most_kbps = http, clock, most_kbps
        self._measured: tuple[float, LineRate] | None = None
        self._begun_s: deque[float] = deque(maxlen=A_DAY)

    async def measure(self, upload: CheckUpload, *, is_watched: Callable[[], bool]) -> LineRate:
        """Send, under the bounds; what was measured within the last minute is not measured again."""
        before, now_s = self._measured, self._clock.monotonic()
        if before is not None and now_s - before[0] < AGAIN_S:
            return before[1]
        if is_watched():
            return LineRate(why="watched")
        if len(self._begun_s) == A_DAY and now_s - self._begun_s[0] < _DAY_S:
            return LineRate(why="unasked")
        self._begun_s.append(now_s)
        run = _Run(self._http, self._clock, upload, self._most_kbps, is_watched)
        try:
            with anyio.move_on_after(LINE_S):
                await run.go()
        except _WatchedError:
            return LineRate(why="watched")
        except httpx.HTTPStatusError:
            return LineRate(why="refused")
        except httpx.HTTPError:
            return LineRate(why="lost")
        found = run.found(self._most_kbps)
        if found.kbps is not None:
            self._measured = (self._clock.monotonic(), found)
        return found


class _Run:
    """One measurement."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        clock: Clock,
        upload: CheckUpload,
        most_kbps: int,
        is_watched: Callable[[], bool],
    ) -> None:
        self._http, self._clock, self._upload, self._is_watched = http, clock, upload, is_watched
        self._bytes_s = most_kbps * 1000 / 8  # at most; 0 = no bound
        self._left = LINE_BYTES
        self._way_s = 0.0
        self._kbps: int | None = None

    async def go(self) -> None:
        """Send request after request.

        Raises:
            httpx.HTTPError: the gateway took nothing, or cannot be reached.
            _WatchedError: somebody watches.
        """
        await self._send(0)  # opens the connection
        self._way_s = await self._send(0)
        size = FIRST_BYTES
        for _request in range(LINE_REQUESTS - 2):
            size = min(size, self._left)
            took_s = await self._send(size)
            self._left -= size
            sending_s = max(_NOTHING_S, took_s - self._way_s)
            self._kbps = min(LINE_MOST_KBPS, round(size * 8 / sending_s / 1000))
            if sending_s >= TELLING_S or not self._left:
                return
            size *= min(8, max(2, int(1.2 / sending_s)))

    def found(self, most_kbps: int) -> LineRate:
        """What the largest request that arrived says."""
        if self._kbps is None:
            return LineRate(why="lost")
        is_bound = bool(most_kbps) and self._kbps >= BOUND_SHARE * most_kbps
        return LineRate(min(self._kbps, most_kbps) if is_bound else self._kbps, is_bound)

    async def _send(self, size_bytes: int) -> float:
        """One request; how long it took."""
        headers = {"authorization": f"Bearer {self._upload.token}", "content-length": str(size_bytes)}
        began_s = self._clock.monotonic()
        body = self._body(size_bytes, began_s) if size_bytes else b""
        answer = await self._http.post(self._upload.url, headers=headers, content=body, timeout=LINE_S)
        answer.raise_for_status()
        return self._clock.monotonic() - began_s

    async def _body(self, size_bytes: int, began_s: float) -> AsyncIterator[bytes]:
        """Bytes that nothing on the way can make smaller."""
        for at in range(0, size_bytes, _CHUNK_BYTES):
            if self._is_watched():
                raise _WatchedError
            chunk_bytes = min(_CHUNK_BYTES, size_bytes - at)
            if self._bytes_s:
                due_s = began_s + (at + chunk_bytes) / self._bytes_s
                await self._clock.sleep(max(0.0, due_s - self._clock.monotonic()))
            yield secrets.token_bytes(chunk_bytes)
