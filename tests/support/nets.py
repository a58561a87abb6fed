"""Networks of the test's own: an internet, and homes behind routers that translate addresses as real ones do.

A test of this kind runs in a network namespace that is the internet: what it starts has the address `INTERNET`, or
`TURN_HOST` beside it. Homes are namespaces with one inside address; what runs `inside` of one reaches the internet
through its router, and nothing reaches it first. All of it is nameless, so it is gone with the test's processes.
"""

import functools
import inspect
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pytest

from tests.support import outside

INTERNET, TURN_HOST = "198.51.100.1", "198.51.100.2"
RUN_S = 120.0
_INSIDE = "LENSPACT_TEST_NETWORK"
_ROOT = Path(__file__).parents[2]


class Nat(StrEnum):
    """How a router translates UDP.

    Attributes:
        PORT_RESTRICTED: one outside port for one inside port; answers come in from where something went only.
        SYMMETRIC: another outside port for each destination, by chance.
        NO_UDP: nothing but TCP to `WEB_PORTS` passes.
        GATEWAY_ALONE: nothing but TCP to one port of the gateway passes.
    """

    PORT_RESTRICTED = "port-restricted"
    SYMMETRIC = "symmetric"
    NO_UDP = "no UDP"
    GATEWAY_ALONE = "the gateway alone"


GATEWAY_PORT = 8080
WEB_PORTS = (443, GATEWAY_PORT)
_ROUTER = (
    "table ip probe { chain post { type nat hook postrouting priority srcnat; masquerade random\n}\n}"  # symmetric NAT
)


def on_an_internet(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """A test that runs in a network of its own, in a process of its own.

    Skips, or in CI fails, where the kernel lets nobody make such networks, or has no such routers.
    """

    @functools.wraps(test)
    async def run(*given: object, **named: object) -> None:
        if os.environ.get(_INSIDE):
            await test(*given, **named)
        else:
            _run_again(f"{Path(inspect.getfile(test)).relative_to(_ROOT)}::{test.__name__}")

    return run


def _run_again(node: str) -> None:
    for program, package in (("unshare", "util-linux"), ("ip", "iproute2"), ("nft", "nftables")):
        outside.need(program, package=package)
    flags = ["--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid():
        flags += ["--user", "--map-root-user"]
    probe = ["unshare", *flags, "--", "nft", _ROUTER]
    if subprocess.run(probe, check=False, capture_output=True, timeout=10).returncode:
        outside.cannot("networks with routers cannot be made here: run as root, or allow user namespaces")
    command = [
        "unshare",
        *flags,
        "--",
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--tb=short",
        "-p",
        "no:cacheprovider",
        node,
    ]
    ran = subprocess.run(
        command, env={**os.environ, _INSIDE: "1"}, cwd=_ROOT, capture_output=True, text=True, timeout=RUN_S, check=False
    )
    if ran.returncode:
        pytest.fail(ran.stdout[-12_000:] + ran.stderr[-2_000:], pytrace=False)


@dataclass(frozen=True, slots=True)
class Home:
    """A network behind a router.

    Attributes:
        pid: a process in it.
        address: the outside one of its router.
    """

    pid: int
    address: str

    def inside(self, *command: str) -> list[str]:
        """`command`, to be run in this network."""
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", "--", *command]

    def leave(self) -> None:
        """Its network is gone: nothing comes in or goes out."""
        _run(self.inside(), "ip link set eth0 down")

    def come_back(self, address: str) -> None:
        """It is there again, under another inside address, and so from another outside port."""
        _run(
            self.inside(),
            "ip addr flush dev eth0",
            f"ip addr add {address}/24 dev eth0",
            "ip link set eth0 up",
            "ip route add default via 10.7.0.1",
        )

    def program(self, folder: Path, name: str, *command: str) -> Path:
        """A file that runs `command` in this network, with whatever arguments it is given."""
        path = folder / name
        path.write_text(f'#!/bin/sh\nexec {" ".join(self.inside(*command))} "$@"\n')
        path.chmod(0o755)
        return path


def make_internet() -> None:
    """Give the namespace the test runs in its addresses."""
    _run([], "ip link set lo up", *(f"ip addr add {address}/32 dev lo" for address in (INTERNET, TURN_HOST)))


@contextmanager
def home(number: int, nat: Nat) -> Iterator[Home]:
    """A home behind a router, while inside the block; `number` tells homes apart."""
    outer = f"198.51.100.{10 + number}"
    with _namespace() as router, _namespace() as host:
        at_router, at_host = Home(router, outer), Home(host, outer)
        _run(
            [],
            f"ip link add wan{number} type veth peer name out netns {router}",
            f"ip link set wan{number} up",
            f"ip route add {outer}/32 dev wan{number}",
        )
        _run(
            at_router.inside(),
            "ip link set lo up",
            f"ip addr add {outer}/32 dev out",
            "ip link set out up",
            f"ip route add default dev out src {outer}",
            f"ip link add in type veth peer name eth0 netns {host}",
            "ip addr add 10.7.0.1/24 dev in",
            "ip link set in up",
        )
        _run(
            at_host.inside(),
            "ip link set lo up",
            "ip addr add 10.7.0.2/24 dev eth0",
            "ip link set eth0 up",
            "ip route add default via 10.7.0.1",
        )
        _run(at_router.inside(), "sysctl -q -w net.ipv4.ip_forward=1")
        subprocess.run(at_router.inside("nft", "-f", "-"), input=_rules(nat), text=True, check=True, timeout=10)
        yield at_host


def narrow(home_: Home, *, kbps: int) -> None:
    """Let no more than this leave a home: what is beyond it waits for a tenth of a second, then is lost."""
    outside.need("tc", package="iproute2")
    _run(home_.inside(), f"tc qdisc add dev eth0 root tbf rate {kbps}kbit burst 16kb latency 100ms")


def _rules(nat: Nat) -> str:
    ports = ", ".join(map(str, WEB_PORTS))
    translate = "masquerade random,fully-random" if nat is Nat.SYMMETRIC else "masquerade"
    may_leave = {
        Nat.NO_UDP: f"tcp dport {{ {ports} }} accept",
        Nat.GATEWAY_ALONE: f"ip daddr {INTERNET} tcp dport {GATEWAY_PORT} accept",
    }.get(nat, "accept")
    return f"""
table ip nat {{
  chain post {{
    type nat hook postrouting priority srcnat
    oifname "out" {translate}
  }}
}}
table ip filter {{
  chain forward {{
    type filter hook forward priority filter; policy drop
    ct state established,related accept
    iifname "in" {may_leave}
  }}
}}
"""


@contextmanager
def _namespace() -> Iterator[int]:
    """A network namespace, by the id of a process that lives in it."""
    holder = subprocess.Popen(
        ["unshare", "--net", "--", "sh", "-c", "echo; exec sleep infinity"], stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        yield holder.pid
    finally:
        holder.kill()
        holder.wait()


def _run(before: Sequence[str], *lines: str) -> None:
    for line in lines:
        subprocess.run([*before, *line.split()], check=True, timeout=10)
