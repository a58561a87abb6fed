"""Servers that the relay's answer names: which are understood, and which the site lets be used."""

from ipaddress import ip_address
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from partner_agent.addresses import AddressRules
from partner_agent.rtc import detours
from partner_agent.rtc.detours import Detours
from partner_agent.rtc.turn import servers_in

pytestmark = pytest.mark.anyio
LOGIN = '; username="9:pub_1"; credential="c2VjcmV0"; credential-type="password"'


def test_servers_are_read_in_the_order_of_trying():
    """Those over UDP first; STUN is not asked, and a port that is not named is the usual one."""
    link = ", ".join(
        [
            '<stun:turn.example.net>; rel="ice-server"',
            f'<turns:turn.example.net:443?transport=tcp>; rel="ice-server"{LOGIN}',
            f'<turn:turn.example.net>; rel="ice-server"{LOGIN}',
        ]
    )

    first, second = servers_in(link)

    assert (first.host, first.port, first.is_tls, first.is_stream) == ("turn.example.net", 3478, False, False)
    assert (second.port, second.is_tls, second.is_stream) == (443, True, True)
    assert (second.username, second.password) == ("9:pub_1", "c2VjcmV0")


@pytest.mark.parametrize(
    "link",
    [
        "",
        '<turn:turn.example.net>; rel="ice-server"',
        f'<https://turn.example.net>; rel="ice-server"{LOGIN}',
        f'<turn:turn.example.net:99999>; rel="ice-server"{LOGIN}',
        f'<turns:turn.example.net:5349?transport=udp>; rel="ice-server"{LOGIN}',
        f'<turn:a b>; rel="ice-server"{LOGIN}',
    ],
)
def test_what_is_no_server_is_passed_over(link: str):
    """An answer cannot break the call by it."""
    assert servers_in(link) == ()


def test_an_answer_names_a_few_servers_at_most():
    """More are not tried: they would be places to knock at."""
    assert len(servers_in(", ".join([f'<turn:t.example.net>; rel="ice-server"{LOGIN}'] * 50))) == 4


class Names:
    """A resolver that knows two hosts."""

    async def resolve(self, host: str) -> list[Any]:
        return [ip_address({"turn.example.net": "198.51.100.2", "inside.example.net": "192.168.1.9"}[host])]


async def test_a_server_is_used_on_a_host_of_the_key_set_and_outside_the_owner_s_network():
    """Another port, another host, or a private address behind a known name: no."""
    hosts = frozenset({"turn.example.net:443", "inside.example.net:443"})
    key_set: Any = SimpleNamespace(hosts=hosts)
    rules = AddressRules(resolver=Names(), allow_networks=["198.51.100.0/24"])

    assert await rules.server("turn.example.net", 3478, key_set) is None
    assert await rules.server("elsewhere.example.net", 443, key_set) is None
    assert await rules.server("inside.example.net", 443, key_set) is None
    assert str(await rules.server("turn.example.net", 443, key_set)) == "198.51.100.2"


async def test_a_server_the_site_does_not_allow_is_not_called(monkeypatch: pytest.MonkeyPatch):
    """The straight way goes on alone, and the rule was asked."""
    monkeypatch.setattr(detours, "STRAIGHT_S", 0.0)
    asked: list[tuple[str, int]] = []

    async def rule(host: str, port: int) -> None:
        asked.append((host, port))

    async def straight() -> None:
        with anyio.fail_after(3):
            while not asked:  # noqa: ASYNC110 -- the rule is a function
                await anyio.sleep(0.005)

    leg: Any = SimpleNamespace(port=None)
    servers = servers_in(f'<turn:turn.example.net>; rel="ice-server"{LOGIN}')

    async with anyio.create_task_group() as tasks:
        assert await Detours(rule).connect(leg, servers, straight, carriers=tasks) == []
    assert asked == [("turn.example.net", 3478)]
