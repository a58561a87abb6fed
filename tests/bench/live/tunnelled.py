"""What a tunnel costs against UDP: delay and loss of each datagram, and processor time of site and gateway.

The site lives behind a router. Both ways carry the same pictures of 4 Mbit/s, one after the other, on the same line:
as it is, with one packet in a hundred lost, and too narrow (3 Mbit/s). No TLS, which the proxy in front of the gateway
ends, and which costs the site what it costs every program.
"""

import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from partner_agent.wire.clock import SystemClock
from partner_agent.wire.tokens import LocalSigner
from tests.bench.harness import Bench
from tests.bench.live import processor
from tests.bench.live.tunnelling import STAMP
from tests.support.nets import INTERNET, Home, Nat, home, make_internet, narrow

SLICE_S: Final = 8.0
SETTLE_S: Final = 2.0
START_S: Final = 60.0  # of a program, on a machine that is busy
TURNS: Final = 3
PORT: Final = 8080
MODULE: Final = (sys.executable, "-m", "tests.bench.live.tunnelling")
LINES: Final = ("as_it_is", "lossy", "narrow")


@dataclass(frozen=True, slots=True)
class Taken:
    """One slice of one way: delays in milliseconds, the share that was lost, microseconds a datagram."""

    delays_ms: list[float]
    lost: float
    site_us: float
    gateway_us: float


def run(bench: Bench) -> None:
    """Three slices of each way on each line, in turn."""
    make_internet()
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        device = Path(folder) / "device.jwk"
        device.write_text(json.dumps(LocalSigner.generate("ES256").private_jwk()))
        sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        sink.bind((INTERNET, 0))
        sink.settimeout(0.5)
        place = [INTERNET, str(PORT), str(sink.getsockname()[1]), str(device)]
        with _running([*MODULE, "gateway", *place]) as gateway:
            _wait_until_it_listens()
            for number, line in enumerate(LINES):
                with home(number, Nat.PORT_RESTRICTED) as site:
                    _make(site, line)
                    taken: dict[str, list[Taken]] = {"udp": [], "tunnel": []}
                    for _ in range(TURNS):
                        for way, slices in taken.items():
                            slices.append(_slice(site, [*MODULE, "site", way, *place], sink, gateway))
                for way, slices in taken.items():
                    _tell(bench, f"{line}_{way}", slices, with_costs=line == "as_it_is")


def _make(site: Home, line: str) -> None:
    if line == "narrow":
        narrow(site, kbps=3_000)
    elif line == "lossy":
        rule = f"ip saddr {site.address} numgen random mod 100 < 1 drop"
        table = f"table ip loss {{ chain arriving {{ type filter hook input priority filter; {rule}\n}}\n}}"
        subprocess.run(["nft", "-f", "-"], input=table, text=True, check=True, timeout=10)


def _tell(bench: Bench, name: str, slices: list[Taken], *, with_costs: bool) -> None:
    delays = [delay for each in slices for delay in each.delays_ms]
    bench.percentile(f"{name}_delay_p50", delays, "ms", percent=50)
    bench.percentile(f"{name}_delay_p99", delays, "ms", percent=99)
    bench.taken(f"{name}_lost", [100 * each.lost for each in slices], "%")
    if with_costs:
        bench.taken(f"{name}_site", [each.site_us for each in slices], "us", note="of a core, a datagram")
        bench.taken(f"{name}_gateway", [each.gateway_us for each in slices], "us", note="of a core, a datagram")


def _slice(site: Home, command: list[str], sink: socket.socket, gateway: int) -> Taken:
    with _running(site.inside(*command)) as sending:
        _hear(sink, START_S, is_first=True)
        _hear(sink, SETTLE_S)
        before = [processor.fine_seconds(pid) for pid in (sending, gateway)]
        heard = _hear(sink, SLICE_S)
        site_s, gateway_s = (
            processor.fine_seconds(pid) - begun for pid, begun in zip((sending, gateway), before, strict=True)
        )
    with suppress(BlockingIOError, TimeoutError):  # what is still under way is nobody's
        while sink.recv(2_048, socket.MSG_DONTWAIT):
            pass
    numbers = [number for number, _ in heard]
    span = max(numbers) - min(numbers) + 1
    return Taken([ms for _, ms in heard], 1 - len(heard) / span, 1e6 * site_s / span, 1e6 * gateway_s / span)


def _hear(sink: socket.socket, seconds: float, *, is_first: bool = False) -> list[tuple[int, float]]:
    """What came within so many seconds, its number and its delay; with `is_first`, until something has come."""
    clock = SystemClock()
    heard: list[tuple[int, float]] = []
    end_s = clock.monotonic() + seconds
    while clock.monotonic() < end_s and not (is_first and heard):
        try:
            data = sink.recv(2_048)
        except TimeoutError:
            continue
        number, at_ns = STAMP.unpack_from(data)
        heard.append((number, clock.monotonic() * 1e3 - at_ns / 1e6))
    if not heard:
        raise RuntimeError("nothing came")
    return heard


def _wait_until_it_listens() -> None:
    clock = SystemClock()
    end_s = clock.monotonic() + START_S
    while True:
        try:
            socket.create_connection((INTERNET, PORT), timeout=1.0).close()
        except OSError:
            if clock.monotonic() > end_s:
                raise
            continue
        return


@contextmanager
def _running(command: list[str]) -> Iterator[int]:
    """A process and its id; `nsenter` becomes the program it starts."""
    process = subprocess.Popen(command)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()
