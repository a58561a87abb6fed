"""The relay as a process: what it loads, how it is found again after it died, and that it dies with its parent."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from gateway.live.relay import protocol
from gateway.live.relay.client import RelayGoneError
from partner_agent.wire.ids import SystemIds
from tests.support import outside
from tests.support.relays import RELAY, RunningRelay, running_relay
from tests.support.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
FORBIDDEN = (
    "sqlalchemy",
    "sqlmodel",
    "alembic",
    "litestar",
    "jinja2",
    "casbin",
    "httpx",
    "gateway.edge",
    "gateway.web",
)
OURS = {"gateway.app", "gateway.app.relay", "gateway.live", "gateway.live.tickets", "gateway.live.relay"}


def viewing(relay: RunningRelay) -> str:
    """A viewer's ticket, issued now."""
    fingerprint = ":".join(["AB"] * 32)
    return relay.tickets.for_viewer(session="ses_1", camera="cam", fingerprint=fingerprint, relay=RELAY)


def test_a_relay_loads_no_database_no_web_framework_and_no_other_capability():
    """The whole import closure, listed by a fresh interpreter."""
    code = "import sys, gateway.app.relay; print('\\n'.join(sorted(sys.modules)))"
    listed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(listed.stdout.split())

    assert not [name for name in loaded if name.startswith(FORBIDDEN)]
    ours = {name for name in loaded if name.startswith("gateway.") and not name.startswith("gateway.live.relay.")}
    assert ours == OURS


async def test_a_killed_relay_is_told_and_started_again(tmp_path: Path):
    """The gateway learns of it, requests fail at once, and a new relay answers under the same certificate."""
    async with running_relay(tmp_path) as relay:
        first = relay.child.pid
        assert first is not None

        os.kill(first, signal.SIGKILL)

        await until(lambda: relay.gone == 1, timeout_s=5)
        with pytest.raises(RelayGoneError):
            await relay.client.figures()
        with anyio.fail_after(15):
            hello = await relay.client.wait_ready()
        assert relay.child.pid != first
        assert hello.fingerprint == relay.hello.fingerprint
        assert (await relay.client.figures())["calls"] == 0


async def test_a_relay_that_died_is_back_at_once_and_takes_the_next_ticket(tmp_path: Path):
    """The first time without a pause, within two seconds; what is issued once it is there opens, not a second later."""
    async with running_relay(tmp_path) as relay:
        lost = viewing(relay)

        os.kill(relay.child.pid or 0, signal.SIGKILL)
        with anyio.fail_after(5):
            await until(lambda: relay.gone == 1)
        died = anyio.current_time()
        with anyio.fail_after(15):
            await relay.client.wait_ready()
        back_s = anyio.current_time() - died

        assert (await relay.client.whep("ses_1", lost, "no offer")).status == 401
        assert (await relay.client.whep("ses_1", viewing(relay), "no offer")).status == 422  # past the ticket
        assert back_s < 2.5


async def test_orders_and_calls_over_the_socket(tmp_path: Path):
    """A refused call, an unknown resource and an admission each get their own answer."""
    async with running_relay(tmp_path) as relay:
        refused = await relay.client.whep("ses_1", "no ticket", "no offer")
        assert refused.status == 401
        assert not await relay.client.delete("ses_1", "guess")
        assert await relay.client.admit(session="ses_1", publication="pub_1", fingerprint="", valid_s=60)
        await relay.client.drop(["ses_1"])
        assert isinstance(await relay.event(protocol.ViewerGone), protocol.ViewerGone)
        assert not await relay.client.admit(session="ses_1", publication="pub_1", fingerprint="", valid_s=60)
        assert (await relay.client.figures())["admissions"] == 0


async def test_orders_name_more_views_than_a_machine_shows(tmp_path: Path):
    """A lease and a drop of four relays' worth of views are taken; one too long for any is a relay that is gone."""
    ids = SystemIds()
    sessions = [ids.new("ses") for _ in range(4_000)]
    async with running_relay(tmp_path) as relay:
        await relay.client.lease(sessions)
        await relay.client.drop(sessions)
        assert not await relay.client.admit(
            session=sessions[-1], publication="pub_1", fingerprint="AB", valid_s=1, sound=False
        )  # it was dropped

        with pytest.raises(RelayGoneError):
            await relay.client.lease(sessions * 10)
        assert relay.client.is_ready


async def test_the_socket_is_for_our_user_only(tmp_path: Path):
    """Nobody else on the machine may give orders."""
    async with running_relay(tmp_path):
        assert (tmp_path / "relay.sock").stat().st_mode & 0o777 == 0o600


async def test_a_relay_ends_with_its_parent(tmp_path: Path):
    """When the gateway is gone, so is the process; before that, the lease has stopped the pictures."""
    async with running_relay(tmp_path) as relay:
        pid = relay.child.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid or 0, 0)


async def test_a_patch_over_the_socket(tmp_path: Path):
    """What the engine says of it is what the client hears."""
    async with running_relay(tmp_path) as relay:
        assert (await relay.client.patch("ses_1", "guess", ["*"], "a=mid:0")).status == 404


async def test_a_relay_stays_small(tmp_path: Path):
    """Idle, well under the 100 MB it may take with viewers."""
    async with running_relay(tmp_path) as relay:
        rollup = anyio.Path(f"/proc/{relay.child.pid}/smaps_rollup")
        if not await rollup.exists():
            outside.cannot("needs Linux's /proc")
        lines = (await rollup.read_text()).splitlines()
        kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        assert kilobytes < 80_000
