"""Key sets: published once, renewed in time, refused without the root, and told to agents that are connected."""

from dataclasses import replace
from datetime import timedelta

import anyio
import pytest

from gateway.kernel.errors import PreconditionError
from gateway.kernel.keyring import Keyring, export_root, replace_live_keys
from gateway.sites import is_due
from partner_agent.wire import messages
from partner_agent.wire.limits import KEY_LIFE_DAYS
from tests.support.site_bench import SiteBench

pytestmark = pytest.mark.anyio


async def test_the_same_keys_are_published_once(bench: SiteBench):
    """Looking again signs nothing, and the one version has its leaf."""
    await bench.sites.key_sets.ensure_current()
    await bench.sites.key_sets.ensure_current()

    newest = await bench.sites.key_sets.newest()
    assert (newest.version, await bench.kinds()) == (1, ["keyset.published"])
    assert newest.allows("wss://gw.example/agent/v1")


async def test_a_key_set_is_renewed_before_it_ends(lite: SiteBench):
    """Two weeks before the first key ends the next version is signed; each key lives at most 90 days."""
    await lite.sites.key_sets.ensure_current()
    first = await lite.sites.key_sets.newest()
    lite.clock.advance(timedelta(days=KEY_LIFE_DAYS - 13).total_seconds())
    assert is_due(first, lite.clock.now())

    await lite.sites.key_sets.ensure_current()
    assert (await lite.sites.key_sets.newest()).version == 2


@pytest.mark.parametrize("change", ["keys", "hosts", "end"])
async def test_without_the_root_a_change_stops_the_gateway(lite: SiteBench, change: str):
    """New keys, another host or an end that has come: agents would refuse us, so the sentence names the command."""
    await lite.sites.key_sets.ensure_current()
    folder = lite.folder / "keys"
    export_root(folder, lite.folder / "root.key")
    lite.keyring = Keyring.load(folder)
    if change == "keys":
        lite.keyring = replace_live_keys(folder)
    if change == "hosts":
        lite.published = replace(lite.published, hosts=("other.example",))
    if change == "end":
        lite.clock.advance(timedelta(days=KEY_LIFE_DAYS + 1).total_seconds())
    lite.sites = lite.build()

    with pytest.raises(PreconditionError, match="lenspact keys publish"):
        await lite.sites.key_sets.ensure_current()


async def test_chains_of_another_root_are_not_served(lite: SiteBench):
    """A database that belongs to another gateway's keys is noticed."""
    await lite.sites.key_sets.ensure_current()
    lite.keyring = Keyring.create(lite.folder / "other", log_name="other/log")
    lite.sites = lite.build()

    with pytest.raises(PreconditionError, match="not signed by"):
        await lite.sites.key_sets.newest()


async def test_connected_agents_are_told_of_a_new_key_set(lite: SiteBench):
    """Also of one that another process published."""
    agent = await lite.paired()
    async with lite.connected(agent) as pipe, anyio.create_task_group() as group:
        began = lite.clock.now()
        group.start_soon(lite.sites.keep_key_set)
        await lite.until(lambda: lite.clock.now() > began)  # it has looked once, and sleeps
        assert lite.keyring.root
        await lite.sites.key_sets.publish(lite.keyring.root)
        told = await pipe.hear()
        assert isinstance(told, messages.KeySets)
        assert len(told.tokens) == 1
        group.cancel_scope.cancel()


async def away(*, after: int = 0) -> list[str]:
    """Ends as where the database is."""
    del after
    raise OSError("the database is away")


async def test_what_could_not_be_told_is_told_after_the_task_begins_anew(
    lite: SiteBench, monkeypatch: pytest.MonkeyPatch
):
    """A version that came into force just before an error reaches the sites that are connected."""
    assert lite.keyring.root
    agent = await lite.paired()
    async with lite.connected(agent) as pipe:
        await lite.sites.key_sets.untold()
        await lite.sites.key_sets.publish(lite.keyring.root)
        with monkeypatch.context() as patched:
            patched.setattr(lite.sites.key_sets, "chain", away)
            with pytest.raises(OSError, match="database"):
                await lite.sites.keep_key_set()

        async with anyio.create_task_group() as group:
            group.start_soon(lite.sites.keep_key_set)
            told = await pipe.hear()
            group.cancel_scope.cancel()
    assert isinstance(told, messages.KeySets)
    assert len(told.tokens) == 1
