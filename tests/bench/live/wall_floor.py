"""What a wall costs a browser on this machine when nobody asks who may see: nine pictures of Janus against one.

Janus has the pictures already, keeps each camera's newest key picture, and knows no rules; its viewers' sessions are
attached before the clock starts. What is left is nine calls, nine handshakes and nine decoders: no wall of this
browser, on these processors, can be nearer to one picture than that.
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
from tests.bench.live.janus import HTTP_PORT, RTP_PORT, janus
from tests.smoke.stage import chromium

PICTURES = 9
REST_MS = 1_500
FEED_S = 3.0  # until Janus has a key picture of each
_SCRIPT = """(api) => {
  const ask = async (url, body) =>
    (await fetch(url, { method: "POST", body: JSON.stringify({ transaction: crypto.randomUUID(), ...body }) })).json();
  const attach = async (id) => {
    const session = `${api}/${(await ask(api, { janus: "create" })).data.id}`;
    const attached = await ask(session, { janus: "attach", plugin: "janus.plugin.streaming" });
    return { id, session, handle: `${session}/${attached.data.id}` };
  };
  const show = async (one) => {
    const peer = (one.peer = new RTCPeerConnection());
    const video = (one.video = document.createElement("video"));
    Object.assign(video, { muted: true, autoplay: true, width: 320 });
    document.body.append(video);
    const shown = new Promise((tell) => video.requestVideoFrameCallback(() => tell(performance.now())));
    peer.ontrack = ({ track, receiver }) => {
      receiver.jitterBufferTarget = 0;
      video.srcObject = new MediaStream([track]);
    };
    await ask(one.handle, { janus: "message", body: { request: "watch", id: one.id } });
    let event = {};
    while (!event.jsep) event = await (await fetch(`${one.session}?maxev=1`)).json();
    await peer.setRemoteDescription(event.jsep);
    await peer.setLocalDescription();
    const jsep = { type: "answer", sdp: peer.localDescription.sdp };
    await ask(one.handle, { janus: "message", body: { request: "start" }, jsep });
    ask(one.handle, { janus: "trickle", candidate: { completed: true } });
    return shown;
  };
  window.wall = async (count) => {
    const all = await Promise.all([...Array(count).keys()].map((number) => attach(number + 1)));
    const began = performance.now();
    const last = Math.max(...(await Promise.all(all.map(show))));
    for (const { peer, video, session } of all) {
      peer.close();
      video.remove();
      ask(session, { janus: "destroy" });
    }
    return last - began;
  };
}"""


def run(bench: Bench, pairs: int) -> None:
    """Nine and one, in turn."""
    with _page() as page:
        page.evaluate("() => wall(9)")  # the first time its scripts are compiled
        taken = [_pair(page, is_nine_first=bool(turn % 2)) for turn in range(pairs)]
    note = f"the same browser with Janus and no rules, pictures flowing already, n {len(taken)}"
    bench.pairs("wall9_vs_one_of_janus", taken, "ms", None, note)


def _pair(page: Page, *, is_nine_first: bool) -> tuple[float, float]:
    found = {count: _last_ms(page, count) for count in ((PICTURES, 1) if is_nine_first else (1, PICTURES))}
    return found[PICTURES], found[1]


def _last_ms(page: Page, count: int) -> float:
    ms: Any = page.evaluate("(count) => wall(count)", count)
    page.wait_for_timeout(REST_MS)
    return float(ms)


@contextmanager
def _page() -> Iterator[Page]:
    with (
        tempfile.TemporaryDirectory(prefix="lenspact-bench-") as name,
        start_blocking_portal("asyncio", {"use_uvloop": True}) as portal,
        portal.wrap_async_context_manager(
            janus(Path(name), host=namespace.MEDIA_ADDRESS, mountpoints=PICTURES, keeps_key_picture=True)
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
