"""A relay starts only with libraries that look as it expects, and what it keeps for others has an end."""

import socket
from pathlib import Path

import anyio
import msgspec
import pytest
from joserfc.jwk import ECKey

from gateway.app import relay
from gateway.kernel.keyring import TicketSigner
from gateway.live.relay import protocol
from gateway.live.relay.offers import CallRefusedError
from gateway.live.relay.server import Outbox
from partner_agent.rtc import expected
from partner_agent.rtc.expected import Expected, HooksMovedError
from tests.support.legs import ONE
from tests.support.relay_lab import lab
from tests.support.relays import config_of

pytestmark = pytest.mark.anyio


async def test_a_relay_whose_libraries_moved_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """It says what is gone before it takes a port, which here is not to be had, or makes anything."""
    moved = Expected("a library", object, ("what_is_gone",))
    monkeypatch.setattr(expected, "EXPECTED", (*expected.EXPECTED, moved))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        config = config_of(tmp_path, TicketSigner(ECKey.generate_key("P-256")))

        with pytest.raises(HooksMovedError, match="a library has no what_is_gone"), anyio.fail_after(5):
            await relay.run(msgspec.structs.replace(config, media_port=taken.getsockname()[1]))

    assert [each async for each in anyio.Path(tmp_path).iterdir()] == []


async def test_a_relay_that_has_all_the_cameras_it_may_have_refuses_one_more(monkeypatch: pytest.MonkeyPatch):
    """503; what runs goes on, and a site whose line broke off comes back to the place it has."""
    monkeypatch.setattr("gateway.live.relay.engine.MAX_STREAMS", 1)
    async with lab() as full:
        publisher = await full.publish()
        end = await full.end(ONE)
        ticket = full.tickets.for_publication(publication="pub_2", camera="cam", agent="agt", relay="relay-1")

        with pytest.raises(CallRefusedError) as refused:
            await full.engine.whip("pub_2", ticket, full.offer(end, "sendonly"))

        assert refused.value.status == 503
        await full.picture(publisher)
        await full.publish("pub_1")


async def test_events_beyond_what_may_wait_for_a_slow_gateway_are_lost(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """The newest: those before them stand in their order, nothing is raised, and the log says it."""
    monkeypatch.setattr("gateway.live.relay.server.EVENTS", 2)
    outbox = Outbox()
    events = [protocol.PublicationUp(publication=f"pub_{number}", fingerprint="") for number in range(3)]

    for event in events:
        outbox.put(event)

    assert [outbox.receive.receive_nowait() for _ in range(2)] == events[:2]
    with pytest.raises(anyio.WouldBlock):
        outbox.receive.receive_nowait()
    assert "a message is lost" in caplog.text
