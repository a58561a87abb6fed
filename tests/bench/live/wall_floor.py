"""What a wall costs a browser on this machine when nobody asks who may see: nine pictures of Janus against one.

Janus has the pictures already, keeps each camera's newest key picture, and knows no rules; its viewers' sessions are
attached before the clock starts. What is left is nine calls, nine handshakes and nine decoders: no wall of this
browser, on these processors, can be nearer to one picture than that. A second row leaves out eight of the handshakes:
all nine are sections of one connection, which a gateway that ends each view by itself does not have.
"""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from anyio.from_thread import start_blocking_portal
from playwright.sync_api import Page

from tests.bench.harness import Bench
from tests.bench.live import clip, namespace
from tests.bench.live.cameras import STREAM
from tests.bench.live.janus import HTTP_PORT, MOUNTPOINT, RTP_PORT, janus
from tests.smoke.stage import chromium

PICTURES = 9
REST_MS = 1_500
FEED_S = 3.0  # until Janus has a key picture of each
_SCRIPT = """(api) => {
  const ask = async (url, body) =>
    (await fetch(url, { method: "POST", body: JSON.stringify({ transaction: crypto.randomUUID(), ...body }) })).json();
  const attach = async ({ id, media }) => {
    const session = `${api}/${(await ask(api, { janus: "create" })).data.id}`;
    const attached = await ask(session, { janus: "attach", plugin: "janus.plugin.streaming" });
    return { id, media, session, handle: `${session}/${attached.data.id}`, peer: new RTCPeerConnection(), videos: [] };
  };
  const firstFrame = (one, { track, receiver }) => {
    const video = document.createElement("video");
    one.videos.push(video);
    Object.assign(video, { muted: true, autoplay: true, width: 320 });
    document.body.append(video);
    receiver.jitterBufferTarget = 0;
    video.srcObject = new MediaStream([track]);
    return new Promise((tell) => video.requestVideoFrameCallback(() => tell(performance.now())));
  };
  const show = async (one) => {
    const { id, media, session, handle, peer } = one;
    const shown = [];
    peer.ontrack = (event) => shown.push(firstFrame(one, event));
    await ask(handle, { janus: "message", body: { request: "watch", id, media } });
    let event = {};
    while (!event.jsep) event = await (await fetch(`${session}?maxev=1`)).json();
    await peer.setRemoteDescription(event.jsep);
    await peer.setLocalDescription();
    const jsep = { type: "answer", sdp: peer.localDescription.sdp };
    await ask(handle, { janus: "message", body: { request: "start" }, jsep });
    ask(handle, { janus: "trickle", candidate: { completed: true } });
    if (shown.length !== media.length) throw new Error(`${shown.length} pictures instead of ${media.length}`);
    return Math.max(...(await Promise.all(shown)));
  };
  window.wall = async (calls) => {
    const all = await Promise.all(calls.map(attach));
    const began = performance.now();
    const last = Math.max(...(await Promise.all(all.map(show))));
    for (const { peer, videos, session } of all) {
      peer.close();
      for (const video of videos) video.remove();
      ask(session, { janus: "destroy" });
    }
    return last - began;
  };
}"""


def run(bench: Bench, pairs: int) -> None:
    """Nine and one, in turn: a connection for each, as calls that can be ended by themselves have; and one for all."""
    for key, mountpoints, how in (
        ("wall9_vs_one_of_janus", PICTURES, "each"),
        ("wall9_bundled_vs_one_of_janus", 1, "all"),
    ):
        with _page(mountpoints) as page:
            _last_ms(page, mountpoints, PICTURES)  # the first time its scripts are compiled
            taken = [_pair(page, mountpoints, is_nine_first=bool(turn % 2)) for turn in range(pairs)]
        note = f"the same browser, Janus, no rules, pictures flowing already, one connection for {how}, n {len(taken)}"
        bench.pairs(key, taken, "ms", None, note)


def _pair(page: Page, mountpoints: int, *, is_nine_first: bool) -> tuple[float, float]:
    counts = (PICTURES, 1) if is_nine_first else (1, PICTURES)
    found = {count: _last_ms(page, mountpoints, count) for count in counts}
    return found[PICTURES], found[1]


def _last_ms(page: Page, mountpoints: int, count: int) -> float:
    """How long so many pictures take, by a call of each mountpoint there is."""
    names = [str(number) for number in range(count)]
    calls = [{"id": MOUNTPOINT, "media": names}]
    if mountpoints > 1:
        calls = [{"id": MOUNTPOINT + number, "media": [name]} for number, name in enumerate(names)]
    ms: Any = page.evaluate("(calls) => wall(calls)", calls)
    page.wait_for_timeout(REST_MS)
    return float(ms)


@contextmanager
def _page(mountpoints: int) -> Iterator[Page]:
    with (
        tempfile.TemporaryDirectory(prefix="lenspact-bench-") as name,
        start_blocking_portal("asyncio", {"use_uvloop": True}) as portal,
        portal.wrap_async_context_manager(
            janus(
                Path(name),
                host=namespace.MEDIA_ADDRESS,
                mountpoints=mountpoints,
                cameras=PICTURES // mountpoints,
                keeps_key_picture=True,
            )
        ),
        _feed(Path(name)),
        _origin() as origin,
        chromium() as browser,
    ):
        page = browser.new_page()
        page.goto(origin)
        page.evaluate(_SCRIPT, f"http://127.0.0.1:{HTTP_PORT}/janus")
        page.wait_for_timeout(1000 * FEED_S)
        yield page


@contextmanager
def _feed(folder: Path) -> Iterator[None]:
    """One loop of small pictures to every mountpoint, as RTP."""
    loop, film = (
        clip.make(folder / "small.h264", STREAM),
        folder / "small.mkv",
    )  # bare H.264 cannot be played over again
    ffmpeg = ["ffmpeg", "-loglevel", "error", "-nostdin"]
    subprocess.run([*ffmpeg, "-r", str(STREAM.fps), "-i", str(loop), "-c", "copy", str(film)], check=True, timeout=30)
    command = [*ffmpeg, "-re", "-stream_loop", "-1", "-i", str(film)]
    for number in range(PICTURES):
        command += ["-map", "0:v", "-c", "copy", "-f", "rtp", f"rtp://127.0.0.1:{RTP_PORT + 2 * number}?pkt_size=1200"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.kill()


@contextmanager
def _origin() -> Iterator[str]:
    """An empty page."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "index.html").write_text("<!doctype html><title>wall</title>")
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder))
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/index.html"
        finally:
            server.shutdown()
            server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name it has there
        """Say nothing."""
