"""Resumable upload of one file (tus 1.0.0, core and checksum): ask for the offset, send from there, try patiently.

The upload was created by the gateway; the agent only fills it. What is being sent is noted beside the file, so that a
crash or a restart costs nothing: `resume` goes on with what was announced. Sending ends early when its task is
cancelled.
"""

import base64
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio.to_thread
import httpx

from partner_agent.ports import Cut, MediaError
from partner_agent.wire.clock import Clock
from partner_agent.wire.problems import Code

VERSION: Final = "1.0.0"
CHUNK_BYTES: Final = 4 * 1024 * 1024  # one durable step of the gateway
CALL_S: Final = 60.0
TRIES: Final = 20  # in a row without one byte taken; then the session ends
_PAUSE_LAST_S: Final = 30.0
_FINAL: Final = frozenset({400, 401, 403, 404, 410, 412, 413, 415})  # trying again will not help
_MOVED: Final = frozenset({409, 423, 460})  # tus 1.0: another offset, a lock, a checksum; ask where the file stands
JOB: Final = ".job"


class _PausedError(Exception):
    """The owner paused; what is not sent stays here."""


@dataclass(frozen=True, slots=True)
class Job:
    """One file on its way."""

    path: Path
    size_bytes: int
    url: str
    token: str

    def write(self) -> None:
        """Note it beside the file, durably; the token opens this one upload and nothing else."""
        note = json.dumps({"size_bytes": self.size_bytes, "url": self.url, "token": self.token}).encode()
        fresh = self.path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(descriptor, note)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        fresh.replace(self.path.with_suffix(JOB))

    def forget(self) -> None:
        """It is done with."""
        self.path.with_suffix(JOB).unlink(missing_ok=True)


def pending(spool: Path) -> list[Job]:
    """What a run before this one announced and did not finish; a note that cannot be read is dropped."""
    jobs = []
    for note in sorted(spool.glob(f"*{JOB}")):
        path = note.with_suffix(".mp4")
        try:
            raw = json.loads(note.read_text())
            jobs.append(Job(path, int(raw["size_bytes"]), str(raw["url"]), str(raw["token"])))
        except (ValueError, KeyError, TypeError):
            note.unlink()
    return jobs


class TusUploader:
    """Uploads over the agent's pinned HTTP client."""

    def __init__(self, *, http: httpx.AsyncClient, clock: Clock, path_of: Callable[[str], Path]) -> None:
        self._http, self._clock, self._path_of = http, clock, path_of

    async def upload(self, cut: Cut, *, url: str, token: str, on_progress: Callable[[int], None]) -> int:
        """Send the file; returns the bytes the gateway has.

        Raises:
            MediaError: it does not take the upload, or could not be reached many times in a row.
        """
        job = Job(self._path_of(cut.id), cut.size_bytes, url, token)
        await anyio.to_thread.run_sync(job.write)
        return await self._run(job, on_progress)

    async def resume(self, spool: Path, *, may_send: Callable[[], bool]) -> None:
        """Finish what was announced before this start; files that are through, or not taken, are deleted.

        Args:
            spool: where files and their notes lie.
            may_send: asked before each step; once it says no, the rest waits for the next start.
        """

        def check(_count: int) -> None:
            if not may_send():
                raise _PausedError

        for job in await anyio.to_thread.run_sync(pending, spool):
            try:
                check(0)
                await self._run(job, check)
            except MediaError:
                pass  # the gateway no longer takes it, and knows why
            except _PausedError:
                return
            job.path.unlink(missing_ok=True)

    async def _run(self, job: Job, on_progress: Callable[[int], None]) -> int:
        """Send what is missing.

        Raises:
            MediaError: as `upload`.
        """
        try:
            done = await self._fill(job, on_progress)
        except MediaError:
            job.forget()
            raise
        job.forget()
        return done

    async def _fill(self, job: Job, on_progress: Callable[[int], None]) -> int:
        headers = {"Tus-Resumable": VERSION, "Authorization": f"Bearer {job.token}"}
        failures, done = 0, -1
        while done < job.size_bytes:
            before = done
            try:
                done = await (self._offset(job, headers) if done < 0 else self._send(job, headers, done))
                on_progress(max(0, done))
            except httpx.HTTPError:
                done = -1
            failures = failures + 1 if done < 0 else 0 if done > before else failures
            if failures >= TRIES:
                raise MediaError(Code.LIMIT, "the gateway could not be reached")
            if failures:
                await self._clock.sleep(min(_PAUSE_LAST_S, 2.0 ** (failures - 1)))
        return done

    async def _offset(self, job: Job, headers: dict[str, str]) -> int:
        answer = await self._http.head(job.url, headers=headers, timeout=CALL_S)
        return -1 if answer.status_code in _MOVED else _offset_of(answer)

    async def _send(self, job: Job, headers: dict[str, str], start: int) -> int:
        chunk = await anyio.to_thread.run_sync(_read, job.path, start)
        checksum = base64.b64encode(hashlib.sha256(chunk).digest()).decode()
        fields = {
            **headers,
            "Upload-Offset": str(start),
            "Upload-Checksum": f"sha256 {checksum}",
            "Content-Type": "application/offset+octet-stream",
        }
        answer = await self._http.patch(job.url, headers=fields, content=chunk, timeout=CALL_S)
        if answer.status_code in _MOVED:
            return -1
        offset = _offset_of(answer)
        if not start < offset <= start + len(chunk):
            raise MediaError(Code.LIMIT, "the gateway counts other bytes than were sent")
        return offset


def _read(path: Path, start: int) -> bytes:
    """One step's bytes.

    Raises:
        MediaError: the file is gone.
    """
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(CHUNK_BYTES)
    except OSError as error:
        raise MediaError(Code.LIMIT, "the file is gone") from error


def _offset_of(answer: httpx.Response) -> int:
    if answer.status_code in _FINAL:
        raise MediaError(Code.LIMIT, f"the gateway does not take the upload ({answer.status_code})")
    answer.raise_for_status()
    text = answer.headers.get("Upload-Offset", "")
    if not (text.isascii() and text.isdecimal()):
        raise MediaError(Code.LIMIT, "the gateway does not speak tus")
    return int(text)
