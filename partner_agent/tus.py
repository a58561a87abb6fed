"""Resumable upload of one file (tus 1.0.0, core protocol): ask for the offset, send from there, try again patiently.

The upload was created by the gateway; the agent only fills it. Sending ends early when its task is cancelled.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread
import httpx

from partner_agent.ports import Cut, MediaError
from partner_agent.wire.clock import Clock
from partner_agent.wire.problems import Code

VERSION: Final = "1.0.0"
CHUNK_BYTES: Final = 1024 * 1024
CALL_S: Final = 60.0
TRIES: Final = 20  # in a row without one byte taken; then the session ends, and a new grant may resume
_PAUSE_LAST_S: Final = 30.0
_FINAL: Final = frozenset({400, 401, 403, 404, 409, 410, 413, 415})  # trying again will not help


class TusUploader:
    """Uploads over the agent's pinned HTTP client."""

    def __init__(self, *, http: httpx.AsyncClient, clock: Clock, path_of: Callable[[str], Path]) -> None:
        self._http, self._clock, self._path_of = http, clock, path_of

    async def upload(self, cut: Cut, *, url: str, token: str, on_progress: Callable[[int], None]) -> int:
        """Send the file; returns the bytes the gateway has.

        Raises:
            MediaError: it does not take the upload, or could not be reached many times in a row.
        """
        headers = {"Tus-Resumable": VERSION, "Authorization": f"Bearer {token}"}
        path, failures, done = self._path_of(cut.id), 0, -1
        while done < cut.size_bytes:
            try:
                if done < 0:
                    done = await self._offset(url, headers)
                else:
                    done = await self._send(url, headers, path, done)
                failures = 0
                on_progress(max(0, done))
            except httpx.HTTPError as error:
                failures, done = failures + 1, -1
                if failures >= TRIES:
                    raise MediaError(Code.LIMIT, "the gateway could not be reached") from error
                await self._clock.sleep(min(_PAUSE_LAST_S, 2.0**failures))
        return done

    async def _offset(self, url: str, headers: dict[str, str]) -> int:
        answer = await self._http.head(url, headers=headers, timeout=CALL_S)
        return _offset_of(answer)

    async def _send(self, url: str, headers: dict[str, str], path: Path, start: int) -> int:
        chunk = await anyio.to_thread.run_sync(_read, path, start)
        fields = {**headers, "Upload-Offset": str(start), "Content-Type": "application/offset+octet-stream"}
        answer = await self._http.patch(url, headers=fields, content=chunk, timeout=CALL_S)
        if answer.status_code == 409:  # tus 1.0 §PATCH: the offset differs; ask again
            return -1
        offset = _offset_of(answer)
        if not start < offset <= start + len(chunk):
            raise MediaError(Code.LIMIT, "the gateway counts other bytes than were sent")
        return offset


def _read(path: Path, start: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(CHUNK_BYTES)


def _offset_of(answer: httpx.Response) -> int:
    if answer.status_code in _FINAL:
        raise MediaError(Code.LIMIT, f"the gateway does not take the upload ({answer.status_code})")
    answer.raise_for_status()
    text = answer.headers.get("Upload-Offset", "")
    if not text.isdecimal():
        raise MediaError(Code.LIMIT, "the gateway does not speak tus")
    return int(text)
