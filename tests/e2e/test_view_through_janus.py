"""The whole of it with Janus as the media engine: the same decisions, the same leaves, the same end by one switch."""

from pathlib import Path

import pytest

from gateway.app.live import relay_certificate
from gateway.kernel.database import Database
from partner_agent.rtc import certificate
from partner_agent.wire.clock import SystemClock
from tests.e2e.test_live_view import city, lives_until_the_owner_switches_off
from tests.support import janus

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_a_view_through_janus_ends_by_the_owner_s_switch(sqlite_database: Database, tmp_path: Path):
    """Started, leased for longer than a lease lives, ended at once when the owner says so, and logged as any other."""
    janus.need()
    pem = relay_certificate(tmp_path / "state")
    pem.parent.mkdir(parents=True, mode=0o700)
    pem.parent.parent.chmod(0o700)
    certificate.load_or_generate(pem, SystemClock().now())
    secret, folder = tmp_path / "secret", tmp_path / "janus"
    secret.write_text(janus.SECRET)
    folder.mkdir()
    async with janus.running_janus(folder, certificate=pem) as ports:
        told = {
            "media_engine": "janus",
            "janus_url": ports.url,
            "janus_admin_url": ports.admin_url,
            "janus_secret_file": secret,
            "media_addresses": (janus.address(),),
        }
        async with city(sqlite_database, tmp_path, media_address=janus.address(), told=told) as town:
            await lives_until_the_owner_switches_off(town)
