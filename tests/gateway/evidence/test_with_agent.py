"""The site's own uploader and foreign clients against the gateway: what was announced arrives, through every fault."""

import hashlib
import io
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import anyio
import anyio.to_thread
import httpx
import pytest
import uvicorn
import yarl
from aiotus import core, creation

from gateway.evidence import ClipState
from gateway.kernel.database import Database
from partner_agent.ports import Cut, MediaError
from partner_agent.tus import Job, TusUploader, pending
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from tests.fakes.clock import FakeClock
from tests.support.application import ORIGIN
from tests.support.evidence import EvidenceGateway

pytestmark = pytest.mark.anyio
DATA = bytes(range(256)) * 4 * 1024 * 9  # 9 MiB: three steps


class Flaky(httpx.AsyncBaseTransport):
    """Breaks the given requests (counted from 1): before they arrive, or after, so that the answer is lost."""

    def __init__(self, inner: httpx.AsyncBaseTransport, *, before: set[int], after: set[int]) -> None:
        self._inner, self._before, self._after = inner, before, after
        self.count = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.count += 1
        if self.count in self._before:
            raise httpx.ConnectError("down")
        response = await self._inner.handle_async_request(request)
        if self.count in self._after:
            raise httpx.ReadError("answer lost")
        return response


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """The site's spool."""
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


def uploader(gateway: EvidenceGateway, spool: Path, *, before: set[int] = frozenset(), after: set[int] = frozenset()):
    """The site's uploader over a network that breaks at the given requests."""
    inner = httpx.ASGITransport(app=gateway.app, raise_app_exceptions=False, client=("192.0.2.8", 1))
    http = httpx.AsyncClient(transport=Flaky(inner, before=set(before), after=set(after)), base_url=ORIGIN)
    return TusUploader(http=http, clock=FakeClock(), path_of=lambda cut_id: spool / f"{cut_id}.mp4")


async def announced(gateway: EvidenceGateway, spool: Path) -> tuple[str, Cut, str, str]:
    """A recording in the spool whose capture the gateway has: request, cut, address, secret."""
    request, secret = await gateway.captured(DATA)
    (spool / "clp_1.mp4").write_bytes(DATA)
    return request.id, Cut("clp_1", len(DATA), {}), gateway.sites.released[-1][1], secret


async def test_a_broken_network_costs_no_byte(gateway: EvidenceGateway, spool: Path):
    """Lost requests and lost answers are made good by asking where the file stands."""
    request_id, cut, url, secret = await announced(gateway, spool)
    sending = uploader(gateway, spool, before={2, 4}, after={3, 6})
    sent = await sending.upload(cut, url=url, token=secret, on_progress=lambda _count: None)

    assert sent == len(DATA)
    assert (await gateway.evidence.get(request_id)).state is ClipState.RECEIVED
    assert pending(spool) == []


async def test_a_restart_of_the_site_goes_on_where_it_stood(gateway: EvidenceGateway, spool: Path):
    """The announced file and its note survive; the next start sends the rest and clears both."""
    request_id, cut, url, secret = await announced(gateway, spool)

    class Crash(BaseException):
        pass

    def crash(count: int) -> None:
        if count:
            raise Crash

    with pytest.raises(Crash):
        await uploader(gateway, spool).upload(cut, url=url, token=secret, on_progress=crash)
    assert [job.url for job in pending(spool)] == [url]
    again = uploader(gateway, spool)
    await again.resume(spool, may_send=lambda: True)

    assert (await gateway.evidence.get(request_id)).state is ClipState.RECEIVED
    assert files(spool) == []
    assert again._http._transport.count == 3  # where it stands, and the two steps that were missing


async def test_a_paused_site_resumes_nothing(gateway: EvidenceGateway, spool: Path):
    """After a restart a paused site sends no byte, and keeps the file for when the pause ends."""
    request_id, cut, url, secret = await announced(gateway, spool)
    Job(spool / "clp_1.mp4", cut.size_bytes, url, secret).write()
    await uploader(gateway, spool).resume(spool, may_send=lambda: False)

    assert (await gateway.evidence.get(request_id)).state is ClipState.UPLOADING
    assert len(pending(spool)) == 1


async def test_an_upload_that_is_not_taken_is_given_up(gateway: EvidenceGateway, spool: Path):
    """A wrong secret ends it at once, without a note left behind."""
    _, cut, url, _ = await announced(gateway, spool)
    with pytest.raises(MediaError):
        await uploader(gateway, spool).upload(cut, url=url, token="0" * 64, on_progress=lambda _count: None)

    assert pending(spool) == []


async def test_a_capture_still_on_its_way_is_waited_for(sqlite_gateway: EvidenceGateway, spool: Path):
    """The file may be asked for before the capture was read; the site asks again."""
    request = await sqlite_gateway.approved()
    _, url, secret = sqlite_gateway.sites.released[-1]
    (spool / "clp_1.mp4").write_bytes(DATA)
    sending = uploader(sqlite_gateway, spool)
    asked = 0

    async def capture_late(_duration_s: float) -> None:
        nonlocal asked
        asked += 1
        token = sqlite_gateway.sites.capture(
            request, sha256=hashlib.sha256(DATA).hexdigest(), size=len(DATA), gateway=ORIGIN
        )
        await sqlite_gateway.evidence.uploads.captured(request.agent_id, sqlite_gateway.sites.device.public, token)

    sending._clock.sleep = capture_late
    await sending.upload(Cut("clp_1", len(DATA), {}), url=url, token=secret, on_progress=lambda _count: None)

    assert asked == 1


def files(folder: Path) -> list[Path]:
    """What lies in a folder."""
    return list(folder.iterdir())


def test_unreadable_notes_are_dropped(spool: Path):
    """A torn note is no job."""
    (spool / "a.job").write_text("{")
    (spool / "b.job").write_text("{}")

    assert pending(spool) == []
    assert list(spool.iterdir()) == []


@asynccontextmanager
async def served(gateway: EvidenceGateway) -> AsyncIterator[str]:
    """The gateway on a port of this machine."""
    config = uvicorn.Config(gateway.app, port=0, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None
    async with anyio.create_task_group() as group:
        group.start_soon(server._serve)
        with anyio.fail_after(20):
            while not server.started:  # noqa: ASYNC110  (uvicorn signals it in no other way)
                await anyio.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        server.should_exit = True


async def test_a_foreign_client_creates_uploads_and_asks(sqlite_gateway: EvidenceGateway):
    """aiotus, written against the specification, reads what is offered, creates, and uploads in steps."""
    request, secret = await sqlite_gateway.captured(DATA)
    headers = {"Authorization": f"Bearer {secret}", "Host": "localhost:8080"}
    async with served(sqlite_gateway) as origin, aiohttp.ClientSession() as session:
        offered = await core.configuration(session, yarl.URL(f"{origin}/uploads"), headers=headers)
        buffer = io.BytesIO(DATA)
        place = await creation.create(session, yarl.URL(f"{origin}/uploads"), buffer, {}, headers=headers)
        own = yarl.URL(str(place).replace(ORIGIN, origin))
        assert await core.offset(session, own, headers=headers) == 0
        await core.upload_buffer(session, own, buffer, chunksize=1024 * 1024, headers=headers)

    assert "1.0.0" in offered.protocol_versions
    assert {"creation", "termination", "checksum", "expiration"} <= set(offered.protocol_extensions)
    assert (await sqlite_gateway.evidence.get(request.id)).state is ClipState.RECEIVED


SERVE = """
import pathlib, sys
import anyio, uvicorn
from gateway.kernel.database import Database
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from tests.support.evidence import EvidenceGateway

async def main(folder, port):
    database = Database(f"sqlite+in_loop:///{folder}/lenspact.db")
    gateway = EvidenceGateway(database, pathlib.Path(folder), SystemClock(), SystemIds())
    server = uvicorn.Server(uvicorn.Config(gateway.app, port=port, log_config=None, lifespan="off"))
    async with anyio.create_task_group() as group:
        group.start_soon(server.serve)
        while not server.started:
            await anyio.sleep(0.01)
        print(server.servers[0].sockets[0].getsockname()[1], flush=True)

anyio.run(main, sys.argv[1], int(sys.argv[2]))
"""


def start(folder: Path, port: int) -> tuple[subprocess.Popen[str], int]:
    """A gateway process on the folder's database; its port."""
    command = [sys.executable, "-c", SERVE, str(folder), str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    is_readable, _, _ = select.select([process.stdout], [], [], 30)
    line = process.stdout.readline() if is_readable else ""
    if not line.strip():
        process.kill()
        process.wait(10)
        raise AssertionError("the gateway did not start")
    return process, int(line)


@pytest.mark.slow
async def test_kill_9_of_the_gateway_between_steps_loses_nothing(
    sqlite_database: Database, tmp_path: Path, spool: Path
):
    """Approved and captured, then killed twice while bytes arrive: the site goes on, and what is here is as signed."""
    gateway = EvidenceGateway(sqlite_database, tmp_path, SystemClock(), SystemIds())
    request_id, cut, url, secret = await announced(gateway, spool)
    await sqlite_database.close()
    process, port = await anyio.to_thread.run_sync(start, tmp_path, 0)
    processes = [process]
    kills = 0

    def progress(count: int) -> None:
        nonlocal kills
        if count and kills < 2:
            kills += 1
            processes[-1].send_signal(signal.SIGKILL)
            processes[-1].wait(10)
            processes.append(start(tmp_path, port)[0])

    http = httpx.AsyncClient(headers={"host": "localhost:8080"})
    sending = TusUploader(http=http, clock=FakeClock(), path_of=lambda cut_id: spool / f"{cut_id}.mp4")
    try:
        own = url.replace(ORIGIN, f"http://127.0.0.1:{port}")
        await sending.upload(cut, url=own, token=secret, on_progress=progress)
    finally:
        processes[-1].kill()
        processes[-1].wait(10)
        await http.aclose()

    again = Database(f"sqlite+in_loop:///{tmp_path / 'lenspact.db'}")
    after = EvidenceGateway(again, tmp_path, SystemClock(), SystemIds())
    assert kills == 2
    assert (await after.evidence.get(request_id)).state is ClipState.RECEIVED
    await again.close()
