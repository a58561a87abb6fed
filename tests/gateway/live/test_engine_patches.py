"""Patches through the gate before a media server: tags, ICE restarts, and the pulse of who watches."""

from dataclasses import replace

import anyio
import anyio.abc
import pytest

from gateway.live.engines.gate import PULSE_S
from gateway.live.engines.janus import FEATURES
from gateway.live.relay.silence import SILENCE_S
from tests.support.gate_lab import lab

pytestmark = pytest.mark.anyio
LOGIN = "a=ice-ufrag:{}\r\na=ice-pwd:" + "p" * 22 + "\r\n"
PULSE = "a=end-of-candidates"


async def test_a_patch_needs_the_tag_of_the_ice_session():
    """None 428, another 412; ours and * pass, and what is no fragment is 400."""
    async with lab() as at:
        await at.watch()
        resource, tag = at.answers[0].resource, at.answers[0].etag

        assert (await at.patch(resource, PULSE)).status == 428
        assert (await at.patch(resource, PULSE, '"another"')).status == 412
        assert (await at.patch(resource, "v=0", tag)).status == 400
        assert (await at.patch(resource, PULSE, '"another"', tag)).status == 204
        assert (await at.patch(resource, PULSE, "*")).status == 204


async def test_an_ice_restart_gets_a_new_tag():
    """The server makes it, the former tag is over, and the caller's present name is no restart."""
    async with lab() as at:
        await at.watch()
        at.gate.up("leg_2")
        resource = at.answers[0].resource

        taken = await at.patch(resource, LOGIN.format("moved"), "*")

        assert (taken.status, taken.etag) == (200, '"again"')
        assert "a=ice-ufrag:again" in taken.sdp.splitlines()
        assert (await at.patch(resource, PULSE, at.answers[0].etag)).status == 412
        assert (await at.patch(resource, LOGIN.format("moved"), taken.etag)).status == 204
        assert at.server.restarted == [("leg_2", "moved")]


async def test_an_ice_restart_that_cannot_be_made_changes_nothing():
    """409 before the call is connected, 429 twice within a second, 422 where the server says no."""
    async with lab() as at:
        await at.watch()
        resource = at.answers[0].resource
        assert (await at.patch(resource, LOGIN.format("early"), "*")).status == 409
        at.gate.up("leg_2")
        at.server.is_refusing = True
        assert (await at.patch(resource, LOGIN.format("first"), "*")).status == 422
        assert (await at.patch(resource, LOGIN.format("second"), "*")).status == 429
        assert (await at.patch(resource, PULSE, at.answers[0].etag)).status == 204
        assert at.reasons() == []


async def test_a_server_that_restarts_no_ice_is_not_asked():
    """Who changes their network asks anew."""
    async with lab() as at:
        at.server.features = replace(FEATURES, restarts_ice=False)
        await at.watch()
        at.gate.up("leg_2")
        assert (await at.patch(at.answers[0].resource, LOGIN.format("moved"), "*")).status == 422
        assert at.server.restarted == []


async def test_a_viewer_who_gave_a_pulse_and_gives_none_any_more_is_let_go():
    """Within five seconds; one whose pulse goes on, and one who never gave one, stay."""
    async with lab() as at:
        await at.watch()
        at.gate.up("leg_2")
        assert at.answers[0].pulse_s == PULSE_S
        await at.seconds(8)
        assert at.reasons() == []  # never gave one
        for _ in range(8):
            await at.patch(at.answers[0].resource, PULSE, "*")
            await at.seconds(1)
        assert at.reasons() == []

        await at.seconds(2)
        assert at.reasons() == []
        await at.seconds(2)

        assert at.reasons() == ["silent"]


async def test_a_gateway_that_stood_still_lets_nobody_go_for_it():
    """Time counts only as far as a pulse could have been heard."""
    async with lab() as at:
        await at.watch()
        at.gate.up("leg_2")
        await at.patch(at.answers[0].resource, PULSE, "*")

        at.clock.advance(SILENCE_S + 1)
        await anyio.wait_all_tasks_blocked()

        assert at.reasons() == []
