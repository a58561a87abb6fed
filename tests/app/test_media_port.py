"""What is wrong with the media port is told: of its addresses by the doctor, of the kernel's room by the relay too."""

import logging
from pathlib import Path

import anyio
import pytest
from joserfc.jwk import ECKey

from gateway.app import doctor, relay
from gateway.kernel.keyring import TicketSigner
from partner_agent.rtc import buffers
from tests.support.application import settings_for
from tests.support.relays import config_of
from tests.support.waiting import until


@pytest.mark.anyio
async def test_the_relay_says_so_once_when_it_starts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    """What is wrong and what to do, in one line; a kernel that gives enough is not spoken of."""
    signer, given = TicketSigner(ECKey.generate_key("P-256")), buffers.given_here()
    for wanted, times in ((given, 0), (1 << 30, 1)):
        monkeypatch.setattr(buffers, "WANTED_BYTES", wanted)
        config = config_of(tmp_path, signer, name=f"relay-{times}")
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(relay.run, config)
                await until(Path(config.socket).exists)
                tasks.cancel_scope.cancel()

        said = [message for message in caplog.messages if "media port" in message]
        assert len(said) == times
        assert all("deploy/sysctl.d/lenspact.conf" in message for message in said)


@pytest.mark.anyio
async def test_the_doctor_looks_at_it_where_others_than_this_machine_are_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A gateway on its own machine alone needs none of it; with a media server of others the port is not ours."""
    monkeypatch.setattr(buffers, "WANTED_BYTES", 1 << 30)
    public = await doctor.examine(settings_for(tmp_path, public_url="https://lenspact.city.example"))
    alone = await doctor.examine(settings_for(tmp_path))

    assert [finding.is_fine for finding in public if finding.what == "media port buffers"] == [False]
    assert [finding for finding in alone if finding.what == "media port buffers"] == []
    assert doctor.media_buffers(1 << 30).is_fine
    assert "sysctl" in doctor.media_buffers(212_992).cure


@pytest.mark.anyio
async def test_the_doctor_wants_one_port_where_a_firewall_has_to_know_it(tmp_path: Path):
    """Another one at each start is for a gateway on its own machine alone."""
    for url, port, is_fine in (
        ("https://lenspact.city.example", 0, [False]),
        ("https://lenspact.city.example", 8189, [True]),
        ("http://localhost:8080", 0, []),
    ):
        found = await doctor.examine(settings_for(tmp_path, public_url=url, media_port=port))
        assert [each.is_fine for each in found if each.what == "media port"] == is_fine


@pytest.mark.anyio
async def test_the_doctor_names_a_media_address_that_is_none_of_this_machine(tmp_path: Path):
    """Of one that a router translates only the machine's own side can be looked at."""
    fine, wrong = ("127.0.0.1", "203.0.113.10=127.0.0.1"), ("::ffff:127.0.0.1", "127.0.0.1 203.0.113.10")
    for told in (*fine, *wrong):
        settings = settings_for(tmp_path, media_addresses=tuple(told.split()))
        (found,) = [each for each in await doctor.examine(settings) if each.what == "media addresses"]
        assert found.is_fine is (told in fine)
        assert found.cure == "" if told in fine else "no address of this machine is" in found.cure


def test_the_file_that_is_installed_allows_what_is_asked_for():
    """Both ways, and the guides say how to install it."""
    root = Path(__file__).parents[2]
    lines = (root / "deploy" / "sysctl.d" / "lenspact.conf").read_text().splitlines()

    assert [line for line in lines if not line.startswith("#")] == [
        f"net.core.{way}mem_max = {buffers.WANTED_BYTES}" for way in "rw"
    ]
    for guide in ("install.md", "network.md"):
        assert "deploy/sysctl.d/lenspact.conf /etc/sysctl.d/" in (root / "docs" / "guide" / guide).read_text()
