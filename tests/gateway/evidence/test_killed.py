"""kill -9 between the owner's yes and the upload: nothing is lost, and the next start goes on where it stood."""

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import anyio.to_thread
import pytest

from gateway.evidence import ClipState
from gateway.kernel.database import Database
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from tests.fakes.evidence import AGENT
from tests.support.application import ORIGIN
from tests.support.evidence import EvidenceGateway, create, patch

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
DATA = b"recording" * 1000

# Approves, sends the grant to a site that never answers, and says what it sent; it is killed while it waits.
WAITING_FOR_THE_SITE = """
import pathlib, sys
import anyio
from gateway.kernel.database import Database
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from tests.support.evidence import APPROVAL, OWNER, EvidenceGateway
from tests.support.waiting import until

async def main(folder):
    database = Database(f"sqlite+in_loop:///{folder}/lenspact.db")
    gateway = EvidenceGateway(database, pathlib.Path(folder), SystemClock(), SystemIds())
    request = await gateway.asked()
    gateway.sites.thinking = anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: gateway.evidence.answer(OWNER, request.id, is_yes=True, approval=APPROVAL))
        await until(lambda: gateway.sites.released, timeout_s=30)
        sent, url, secret = gateway.sites.released[0]
        print(request.id, sent.session_id, url, secret, flush=True)
        await anyio.sleep_forever()

anyio.run(main, sys.argv[1])
"""


def killed_while_the_site_thinks(folder: Path) -> list[str]:
    """Request, session, address and secret of the grant that was on its way when the gateway was killed."""
    command = [sys.executable, "-c", WAITING_FOR_THE_SITE, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
    return line.split()


async def test_killed_between_the_yes_and_the_upload_it_goes_on(sqlite_database: Database, tmp_path: Path):
    """Same session, same address, same secret; the clip arrives, is sealed, and each step is in the log once."""
    await sqlite_database.close()
    said = await anyio.to_thread.run_sync(killed_while_the_site_thinks, tmp_path)
    assert len(said) == 4
    request_id, session, url, secret = said
    again = Database(f"sqlite+in_loop:///{tmp_path / 'lenspact.db'}")
    gateway = EvidenceGateway(again, tmp_path, SystemClock(), SystemIds())
    found = await gateway.evidence.get(request_id)
    assert (found.state, found.session_id) == (ClipState.APPROVED, session)

    await gateway.evidence.tick()

    sent, sent_url, sent_secret = gateway.sites.released[0]
    assert (sent.session_id, sent_url, sent_secret) == (session, url, secret)
    token = gateway.sites.capture(sent, gateway=ORIGIN, sha256=hashlib.sha256(DATA).hexdigest(), size=len(DATA))
    await gateway.evidence.uploads.captured(AGENT, gateway.sites.device.public, token)
    async with gateway.client(secret) as client:
        assert (await patch(client, await create(client, len(DATA)), 0, DATA)).status_code == 204
    await gateway.settle()
    await gateway.evidence.tick()
    request = await gateway.evidence.get(request_id)
    kinds = await gateway.kinds(request)
    await again.close()

    assert request.state is ClipState.DOWNLOADABLE
    assert len(kinds) == len(set(kinds))
    assert kinds[:3] == ["clip.requested", "clip.preserved", "clip.approved"]
