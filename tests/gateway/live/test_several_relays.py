"""Several relay processes as one engine: who has what, and that one which dies takes nothing from the others."""

import os
import signal
from collections import Counter
from pathlib import Path

import anyio
import pytest

from gateway.live.grants import RelayPlace
from gateway.live.relay.client import RelayGoneError
from gateway.live.relays import Relays, owner
from tests.fakes.ids import SequentialIds
from tests.support.engines import several
from tests.support.waiting import until

RELAYS = ("relay-1", "relay-2", "relay-3", "relay-4")
PUBLICATIONS = [f"pub_{number}" for number in range(2_000)]


def test_publications_are_spread_and_stay_where_they_are():
    """Each relay gets its part, whatever the order of their names; one more takes its part and moves nothing else."""
    before = {publication: owner(RELAYS[:3], publication) for publication in PUBLICATIONS}
    after = {publication: owner(RELAYS[::-1], publication) for publication in PUBLICATIONS}

    assert all(550 < count < 780 for count in Counter(before.values()).values())
    moved = [publication for publication in PUBLICATIONS if before[publication] != after[publication]]
    assert {after[publication] for publication in moved} == {"relay-4"}
    assert 400 < len(moved) < 600


def test_a_new_publication_goes_to_a_relay_that_is_there():
    """While one starts again nothing new is sent there; where none is, any name will do."""
    up = {"relay-2"}
    place = RelayPlace("relay-1", "", "", others=("relay-2",), is_up=lambda relay: relay in up)
    ids = SequentialIds()

    assert {place.of(place.new(ids)) for _ in range(50)} == up
    up.clear()
    assert place.new(ids)


@pytest.mark.slow
@pytest.mark.anyio
async def test_a_relay_that_is_killed_takes_only_its_own_views_along(tmp_path: Path):
    """The other's pictures go on over leases and drops, and what is asked of the dead one is not taken for done."""
    async with several(tmp_path) as (bench, running):
        here, there = (next(name for name in PUBLICATIONS if bench.relay_of(name) == relay) for relay in running)
        viewers = {}
        for session, publication in (("ses_1", here), ("ses_2", there), ("ses_3", there)):
            if session != "ses_3":
                await bench.publish(publication)
            assert await bench.admit(session, publication=publication)
            viewers[session], _ = await bench.view(session, publication)
        await until(lambda: all(bench.seen(viewer) for viewer in viewers.values()), timeout_s=5)
        assert (await bench.engine.figures())["viewers"] == 3

        os.kill(running["relay-1"].child.pid or 0, signal.SIGKILL)
        await until(lambda: running["relay-1"].gone == 1, timeout_s=5)
        with pytest.raises(RelayGoneError):
            await bench.engine.drop(["ses_1", "ses_3"])
        await bench.engine.lease(["ses_2"])
        played = bench.played

        await until(lambda: bench.seen(viewers["ses_2"]) > played + 20, timeout_s=5)
        assert bench.seen(viewers["ses_3"]) <= played
        assert bench.engine.is_ready
        with anyio.fail_after(15):
            await running["relay-1"].client.wait_ready()
        assert (await bench.engine.figures())["viewers"] == 1


@pytest.mark.slow
@pytest.mark.anyio
async def test_a_call_is_found_again_wherever_it_is(tmp_path: Path):
    """Goodbyes, patches and tunnels name a call alone; what no relay knows is 404, a foreign ticket opens nothing."""
    async with several(tmp_path) as (bench, running):
        for relay in running:
            publication = next(name for name in PUBLICATIONS if bench.relay_of(name) == relay)
            _, answer = await bench.publish(publication)

            assert (await bench.engine.patch(publication, answer.resource, [], "")).status == 428
            assert (await bench.engine.patch(publication, "guess", [], "")).status == 404
            assert not await bench.engine.delete(publication, "guess")
            host, _, number = running[relay].hello.addresses[0].rpartition(":")
            assert isinstance(bench.engine, Relays)
            assert await bench.engine.tunnel_end(publication, answer.resource) == (host, int(number))
            assert await bench.engine.tunnel_end(publication, "guess") is None
            assert await bench.engine.delete(publication, answer.resource)
            assert await bench.engine.tunnel_end(publication, answer.resource) is None

        for ticket in ("", "no ticket", "a.b.c", "a.e30.c"):
            assert (await bench.engine.whep("ses_1", ticket, "")).status == 401
            assert (await bench.engine.whip("pub_1", ticket, "")).status == 401
