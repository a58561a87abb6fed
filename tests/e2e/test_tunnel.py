"""A view of the whole way where no UDP leaves the site: camera, agent, WebSocket, gateway, relay, viewer."""

from pathlib import Path

import anyio
import pytest

from gateway.kernel.database import Database
from tests.e2e.test_live_view import city, lives_until_the_owner_switches_off
from tests.support.nets import make_internet, on_an_internet
from tests.support.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
SITE = "127.0.7.7"
NO_UDP = f"""
table ip filter {{
  chain input {{
    type filter hook input priority filter; policy accept
    ip saddr {SITE} ip protocol udp drop
  }}
}}
"""


@on_an_internet
async def test_a_view_lives_inside_a_websocket_and_ends_by_the_owner_s_switch(
    sqlite_database: Database, tmp_path: Path
):
    """Everything is as by UDP: decided, leased, logged, over at once; then the tunnel is gone, and so it is remembered.

    With two relays: the one that has the publication is found.
    """
    make_internet()
    await anyio.run_process(["nft", "-f", "-"], input=NO_UDP.encode())
    async with city(sqlite_database, tmp_path, site_address=SITE, told={"relays": 2}) as town:
        tunnels = town.server.services.live_calls.tunnels
        assert tunnels is not None
        opened: list[int] = []
        place = tunnels._place
        tunnels._place = lambda tunnel: (opened.append(tunnel.relay[1]), place(tunnel))[1]  # type: ignore[method-assign]

        await lives_until_the_owner_switches_off(town)

        assert len(opened) == 1
        await until(lambda: tunnels.count == 0, timeout_s=10)
