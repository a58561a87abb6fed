"""GStreamer's RTSP server as a camera that is not ours, and a reader of it that is neither ours nor FFmpeg's."""

import os
import select
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

from partner_agent.rtc import nal
from tests.support import outside
from tests.support.rtsp_client import connect

SCRIPT = Path(__file__).parent / "gst_camera.py"
START_S = 20  # its first start writes a registry of plugins
USER, PASSWORD = "admin", "S3cret!"
NEEDED = (
    "gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-rtsp "
    "gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly"
)


@contextmanager
def serving() -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """A running server and its port; skipped where GStreamer is missing, unless CI demands it."""
    process = subprocess.Popen(
        ["/usr/bin/python3", str(SCRIPT), USER, PASSWORD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", "/tmp")},
    )
    assert process.stdout is not None
    is_readable, _, _ = select.select([process.stdout], [], [], START_S)
    line = process.stdout.readline() if is_readable else ""
    if not line.startswith("ready"):
        process.kill()
        _, errors = process.communicate(timeout=10)
        why = (errors.strip() or "it said nothing").splitlines()[-1]
        outside.missing(f"GStreamer's RTSP server ({why})", packages=NEEDED)
    try:
        yield int(line.split()[1]), process
    finally:
        process.kill()
        process.communicate(timeout=10)


async def pictures(port: int, path: str) -> AsyncIterator[bytes]:
    """The access units of a mount by their RTP timestamps alone (RFC 6184 §5.1), each as an Annex B byte stream."""
    client = await connect(port, path)
    async with client.socket:
        await client.sign_in("MD5", USER, PASSWORD)
        answer = await client.ask("SETUP", {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1"}, suffix="/stream=0")
        session = answer.values("Session")[0].partition(";")[0]
        assert (await client.ask("PLAY", {"Session": session})).status == 200
        units, time = [], b""
        while True:
            channel, packet = await client.packet()
            if channel != 0:
                continue
            if packet[4:8] != time and units:
                yield nal.join(units)
                units = []
            time = packet[4:8]
            _unpack(packet[12:], units)


def _unpack(payload: bytes, units: list[bytes]) -> None:
    """Add what one RTP payload holds (RFC 6184 §5.6, §5.7.1, §5.8)."""
    kind = payload[0] & 0x1F
    if kind == 24:
        at = 1
        while at < len(payload):
            size = int.from_bytes(payload[at : at + 2], "big")
            units.append(payload[at + 2 : at + 2 + size])
            at += 2 + size
    elif kind == 28:
        if payload[1] & 0x80:
            units.append(bytes([payload[0] & 0xE0 | payload[1] & 0x1F]))
        units[-1] += payload[2:]
    else:
        units.append(payload)
