"""The site's link to the gateway goes dead while somebody watches, as by a change of its address: the view goes on."""

from pathlib import Path

import anyio
import pytest

from gateway.kernel.database import Database
from partner_agent.wire.limits import LEASE_VALID_S
from tests.e2e.test_live_view import city
from tests.support.nets import make_internet, on_an_internet
from tests.support.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
_ESTABLISHED = "01"  # linux/net/tcp_states.h


def others_connections(port: int) -> set[int]:
    """The local ports from which other processes than this one are connected to `port`, by IPv4."""
    own = {str(entry.readlink()) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()}
    found = set()
    for row in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = row.split()
        local, remote = (int(fields[at].rpartition(":")[2], 16) for at in (1, 2))
        if remote == port and fields[3] == _ESTABLISHED and f"socket:[{fields[9]}]" not in own:
            found.add(local)
    return found


async def let_nothing_through(ports: set[int]) -> None:
    """Packets from and to these ports vanish; nobody is told."""
    named = ", ".join(map(str, sorted(ports)))
    rule = f"""
table ip dead {{
  chain input {{
    type filter hook input priority filter; policy accept
    tcp sport {{ {named} }} drop
    tcp dport {{ {named} }} drop
  }}
}}
"""
    await anyio.run_process(["nft", "-f", "-"], input=rule.encode())


@on_an_internet
async def test_a_view_outlives_the_link_over_which_it_was_granted(sqlite_database: Database, tmp_path: Path):
    """It is noticed, and another link is there, before the lease ends; pictures go on and are leased over that one."""
    make_internet()
    async with city(sqlite_database, tmp_path) as town:
        opened = await town.open()
        end = await town.call(opened)
        await until(lambda: len(end.rtp) > 20, timeout_s=15)
        await town.in_state(opened, "established")
        hub, agent_id = town.server.services.sites.hub, (await town.read(opened)).agent_id
        before = hub.online(agent_id)

        dead = others_connections(town.server.port)
        assert dead
        await let_nothing_through(dead)

        def is_another_there() -> bool:
            now = hub.online(agent_id)
            return now is not None and now is not before

        await until(is_another_there, timeout_s=LEASE_VALID_S)
        await anyio.sleep(LEASE_VALID_S + 2)  # longer than any lease of the dead link
        count = len(end.rtp)
        await until(lambda: len(end.rtp) > count)
        assert (await town.read(opened)).is_open
        await end.leg.close()
        end.port.close()
