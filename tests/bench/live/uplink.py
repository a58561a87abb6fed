"""What our agent takes to send one camera, against ffmpeg: RTSP over TCP in, and RTP out, without decoding.

Both read the same simulated camera at the same time, each on a connection of its own, on the measured processor. Ours
also keeps the group of pictures, encrypts, and speaks ICE and DTLS with a relay; ffmpeg sends bare RTP.
"""

import json
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.abc
from anyio.from_thread import start_blocking_portal
from anyio.streams.buffered import BufferedByteReceiveStream

from partner_agent.simulator import server
from partner_agent.simulator.camera import Camera
from partner_agent.wire.clock import SystemClock
from partner_agent.wire.ids import SystemIds
from tests.bench.harness import PAIRS, Bench, Gate
from tests.bench.live import clip, processor
from tests.bench.live.namespace import MEDIA_ADDRESS
from tests.bench.live.stage import Stage, stage
from tests.bench.live.versus import BACKEND, PREFIX
from tests.support.relays import RELAY

SLICE_S = 8.0
SETTLE_S = 4.0
MOST = 4.0
LEAST_BITS_S, PACKET_BYTES = 3_000_000, 1_212  # less than that is no stream of 4 Mbit/s
PUBLICATION = "pub_agent"
_LINE_BYTES = 64 * 1024


def run(bench: Bench) -> None:
    """Five spans of time, both in each."""
    with start_blocking_portal("asyncio", BACKEND) as portal, tempfile.TemporaryDirectory(prefix=PREFIX) as folder:
        taken = portal.call(_measured, Path(folder))
    note = "per cent of a core, one 1080p camera of 4 Mbit/s over RTSP/TCP"
    bench.pairs("agent_cpu_vs_ffmpeg", taken, "percent", Gate("<=", MOST), note)


async def _measured(folder: Path) -> list[tuple[float, float]]:
    clock = SystemClock()
    async with stage(folder, host=MEDIA_ADDRESS) as on:
        processor.pin(on.pid, processor.LOAD)
        camera = Camera("cam1", {"main": clip.read(folder / "loop.h264", clip.FULL)}, algorithms=())
        serving = server.serve([camera], host="127.0.0.1", port=0, clock=clock, ids=SystemIds())
        async with serving as port:
            url = f"rtsp://127.0.0.1:{port}/cam1/main"
            async with _agent(on, url) as agent, _ffmpeg(url) as peer:
                await anyio.sleep(SETTLE_S)
                return [await _pair(on, agent, peer) for _ in range(PAIRS)]


async def _pair(on: Stage, agent: int, peer: int) -> tuple[float, float]:
    """Per cent of a core that each takes while a slice passes."""
    clock, came = SystemClock(), (await on.relay.client.figures())["received_packets"]
    began_s, before = clock.monotonic(), [processor.fine_seconds(pid) for pid in (agent, peer)]
    await anyio.sleep(SLICE_S)
    passed_s, after = clock.monotonic() - began_s, [processor.fine_seconds(pid) for pid in (agent, peer)]
    ours, theirs = (100 * (b - a) / passed_s for a, b in zip(before, after, strict=True))
    came = (await on.relay.client.figures())["received_packets"] - came
    if min(ours, theirs) <= 0 or came < LEAST_BITS_S * passed_s / 8 / PACKET_BYTES:
        raise RuntimeError(f"one of them does nothing; {came} packets of ours came in, decrypted")
    return ours, theirs


@asynccontextmanager
async def _agent(on: Stage, url: str) -> AsyncIterator[int]:
    """The uplink of an agent, publishing to the relay; its process."""
    ticket = on.relay.tickets.for_publication(publication=PUBLICATION, camera="cam", agent="agt", relay=RELAY)
    settings = {"url": url, "ticket": ticket, "fingerprint": on.relay.hello.fingerprint, "media_address": MEDIA_ADDRESS}
    command = [sys.executable, "-m", "tests.bench.live.sending"]
    async with await anyio.open_process(command, stderr=None) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            processor.pin(process.pid, processor.MEASURED)
            await process.stdin.send(json.dumps(settings).encode() + b"\n")
            with anyio.fail_after(20):
                lines = BufferedByteReceiveStream(process.stdout)
                offer = json.loads(await lines.receive_until(b"\n", _LINE_BYTES))["offer"]
                answer = await on.relay.client.whip(PUBLICATION, ticket, offer)
                if answer.status != 201:
                    raise RuntimeError(f"the relay answers the agent with {answer.status}")
                await process.stdin.send(json.dumps({"answer": answer.sdp}).encode() + b"\n")
                await lines.receive_until(b"\n", _LINE_BYTES)
            processor.pin(process.pid, processor.MEASURED)
            yield process.pid
        finally:
            process.kill()


@asynccontextmanager
async def _ffmpeg(url: str) -> AsyncIterator[int]:
    """The same by ffmpeg, to a socket nobody reads; its process."""
    program = shutil.which("ffmpeg")
    if program is None:
        raise RuntimeError("ffmpeg is not installed: apt-get install ffmpeg")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("127.0.0.1", 0))
        target = f"rtp://127.0.0.1:{sink.getsockname()[1]}?pkt_size=1212"
        way = ["-rtsp_transport", "tcp", "-i", url, "-c", "copy", "-an", "-f", "rtp", target]
        command = [program, "-nostdin", "-v", "error", *way]
        async with await anyio.open_process(command, stdout=subprocess.DEVNULL, stderr=None) as process:
            try:
                processor.pin(process.pid, processor.MEASURED)
                yield process.pid
            finally:
                process.kill()
