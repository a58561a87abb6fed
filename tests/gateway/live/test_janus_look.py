"""Whether Janus answers as the gateway needs it, asked from beside a gateway that may be using it."""

from pathlib import Path

import anyio
import pytest

from gateway.app.doctor import examine
from gateway.app.settings import Settings
from gateway.live.engines.janus_look import trouble_of
from partner_agent.rtc import certificate
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from tests.support import janus
from tests.support.processes import free_port
from tests.support.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


class Deaf:
    """Hears no news."""

    def up(self, leg_id: str) -> None: ...

    def lost(self, leg_id: str) -> None: ...


async def test_a_janus_that_answers_is_fine_and_its_gateway_goes_on(tmp_path: Path):
    """A wrong secret is told; whoever uses it meanwhile keeps the session."""
    janus.need()
    pem = tmp_path / "relay.pem"
    certificate.load_or_generate(pem, SystemClock().now())
    async with janus.running_janus(tmp_path, certificate=pem) as ports, anyio.create_task_group() as tasks:
        server = janus.server(ports)
        tasks.start_soon(server.run, Deaf())
        await until(lambda: server.is_ready)
        asked = {"url": ports.url, "admin_url": ports.admin_url, "ids": SystemIds()}
        right = await trouble_of(**asked, secret=janus.SECRET)
        wrong = await trouble_of(**asked, secret="another")
        assert server.is_ready
        tasks.cancel_scope.cancel()

    assert right == ""
    assert wrong.startswith("its API: Janus says no to ")


async def test_a_janus_that_is_not_there_is_told_with_the_guide(tmp_path: Path):
    """By `lenspact doctor`, beside whatever else it finds."""
    (tmp_path / "secret").write_text("word\n")
    settings = Settings(
        state_dir=tmp_path / "state",
        media_engine="janus",
        janus_url=f"ws://127.0.0.1:{free_port()}",
        janus_secret_file=tmp_path / "secret",
    )
    found = (await examine(settings))[-1]

    assert (found.what, found.is_fine) == ("Janus answers", False)
    assert "Janus cannot be reached" in found.cure
    assert "docs/guide/media-engine.md" in found.cure
