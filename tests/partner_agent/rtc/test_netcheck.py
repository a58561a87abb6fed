"""What servers that are asked by UDP tell of the way to them, of either family of addresses."""

import asyncio
from typing import Any

import anyio
import pytest
from aioice import stun

from partner_agent.rtc.netcheck import NetworkFindings, examine_network

pytestmark = pytest.mark.anyio


class _Server(asyncio.DatagramProtocol):
    """Says where it sees who asks."""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        asked = stun.parse_message(data)
        said = stun.Message(asked.message_method, stun.Class.RESPONSE, asked.transaction_id)
        said.attributes["XOR-MAPPED-ADDRESS"] = addr[:2]
        self._transport.sendto(bytes(said), addr)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_a_server_is_asked_by_the_family_of_its_address(address: str):
    """It answers, and sees us where we are."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(_Server, local_addr=(address, 0))
    port = int(transport.get_extra_info("sockname")[1])

    async def rule(_host: str, _port: int) -> str:
        return address

    with anyio.fail_after(10):
        found = await examine_network([("stun.example.net", port)], [], rule)
    transport.close()

    assert found == NetworkFindings(udp="yes", nat="open")
