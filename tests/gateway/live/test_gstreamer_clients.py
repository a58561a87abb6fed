"""GStreamer at our doors: Debian's webrtcbin views by WHEP and publishes by WHIP, without a browser and without us."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from gateway.live.relay import protocol
from tests.gateway.live.test_watching import Plane, live_plane
from tests.support import janus, outside
from tests.support.relays import RELAY

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
SCRIPT = Path(__file__).parents[2] / "support" / "gst_peer.py"
START_S = 20  # its first start writes a registry of plugins
NEEDED = (
    "python3-gi gir1.2-gst-plugins-bad-1.0 gstreamer1.0-nice gstreamer1.0-plugins-base gstreamer1.0-plugins-good "
    "gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly"
)


class Peer:
    """One GStreamer process, by its lines."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._tell, self._lines = process.stdin, BufferedByteReceiveStream(process.stdout)

    async def said(self, word: str, *, within_s: float = 15) -> str:
        """What follows the next line that begins so."""
        with anyio.fail_after(within_s):
            while True:
                first, _, rest = (await self._lines.receive_until(b"\n", 1_000)).decode().partition(" ")
                if first == word:
                    return rest

    async def tell(self, *words: str) -> None:
        """One line."""
        await self._tell.send(" ".join(words).encode() + b"\n")


@asynccontextmanager
async def gstreamer(what: str) -> AsyncIterator[tuple[Peer, str]]:
    """A peer that has made its offer, and its certificate; skipped where GStreamer is missing, unless CI demands it."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", "/tmp")}
    command = ["/usr/bin/python3", str(SCRIPT), what]
    async with await anyio.open_process(command, env=environment, stderr=None) as process:
        try:
            peer = Peer(process)
            try:
                fingerprint = await peer.said("fingerprint", within_s=START_S)
            except (anyio.EndOfStream, anyio.IncompleteRead, TimeoutError):
                outside.missing("GStreamer's webrtcbin", packages=NEEDED)
            yield peer, fingerprint
        finally:
            process.kill()


@asynccontextmanager
async def town(folder: Path) -> AsyncIterator[Plane]:
    """At an address beside the loopback interface's, of which GStreamer gathers nothing."""
    here = janus.address()
    if not here:
        outside.missing("An address beside the loopback interface's", packages="iproute2")
    async with live_plane(folder, address=(here, 0), site_address=here) as plane:
        yield plane


async def view(plane: Plane, peer: Peer, fingerprint: str, *, publisher: str) -> None:
    """Let it view what `publisher` (a certificate) sends."""
    ticket = plane.relay.tickets.for_viewer(session="ses_1", camera="cam", fingerprint=fingerprint, relay=RELAY)
    await plane.relay.client.admit(session="ses_1", publication="pub_1", fingerprint=publisher, valid_s=60)
    plane.keep("ses_1")
    await peer.tell(f"{plane.origin}/whep/ses_1", ticket)
    assert await peer.said("answered") == "201"


async def test_gstreamer_views_and_leaves(tmp_path: Path):
    """Whole pictures from the first on, and its DELETE is heard."""
    async with town(tmp_path) as plane, gstreamer("view") as (peer, fingerprint):
        await plane.publish()
        await view(plane, peer, fingerprint, publisher=plane.publisher.fingerprint)

        while int(await peer.said("pictures")) < 20:
            pass

        await peer.tell("leave")
        assert await peer.said("left") == "200"
        gone = await plane.relay.event(protocol.ViewerGone, 3)
        assert isinstance(gone, protocol.ViewerGone)
        assert gone.reason == "left"


async def test_gstreamer_publishes_and_gstreamer_views(tmp_path: Path):
    """WHIP in and WHEP out."""
    async with (
        town(tmp_path) as plane,
        gstreamer("publish") as (camera, published),
        gstreamer("view") as (peer, fingerprint),
    ):
        ticket = plane.relay.tickets.for_publication(publication="pub_1", camera="cam", agent="agt", relay=RELAY)
        await camera.tell(f"{plane.origin}/whip/pub_1", ticket)
        assert await camera.said("answered") == "201"
        up = await plane.relay.event(protocol.PublicationUp)
        assert isinstance(up, protocol.PublicationUp)
        assert up.fingerprint == published

        await view(plane, peer, fingerprint, publisher=published)

        while int(await peer.said("pictures")) < 20:
            pass
