"""A site's check of its network, in a process and so in a network of its own: `… STUN,STUN CERTIFICATE LINK`."""

import ssl
import sys

import anyio

from partner_agent.rtc.netcheck import examine_network
from partner_agent.rtc.turn import servers_in


async def check(stun: str, trusted: str, link: str) -> None:
    """Look, and say it in one line."""

    async def rule(host: str, port: int) -> str:
        del port
        return host

    asked = [(host, int(port)) for host, _, port in (one.partition(":") for one in stun.split(","))]
    found = await examine_network(asked, servers_in(link), rule, trust=ssl.create_default_context(cafile=trusted))
    sys.stdout.write(f"{found.udp} {found.nat} {found.turn_udp} {found.turn_tls}\n")


if __name__ == "__main__":
    anyio.run(check, *sys.argv[1:4])
