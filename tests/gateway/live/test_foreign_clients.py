"""Clients of other makers at our doors: npm's whip-whep in Chromium publishes, views, trickles and restarts ICE."""

from pathlib import Path
from typing import Any

import anyio
import pytest
from litestar import MediaType, Request, Response, get
from litestar.params import FromPath
from playwright.async_api import Page

from gateway.live.relay import protocol
from tests.gateway.live.test_watching import Plane, live_plane, live_tab
from tests.support import outside
from tests.support.pages import OPEN
from tests.support.relays import RELAY

pytestmark = [pytest.mark.anyio, pytest.mark.browser, pytest.mark.slow]
VENDOR = Path(__file__).parents[2] / "vendor" / "whip-whep-1.2.0"
SCRIPT = """
import { WHEPClient } from "/test/vendor/whep.js";
import { WHIPClient } from "/test/vendor/whip.js";
window.spoken = [];
const real = window.fetch;
window.fetch = async (url, options) => {
  const answer = await real(url, options);
  window.spoken.push({ method: options.method, status: answer.status, match: options.headers?.["If-Match"] ?? null });
  return answer;
};
async function peer() {
  const certificate = await RTCPeerConnection.generateCertificate({ name: "ECDSA", namedCurve: "P-256" });
  const made = new RTCPeerConnection({ certificates: [certificate] });
  const sha256 = certificate.getFingerprints().find((f) => f.algorithm === "sha-256");
  return { made, fingerprint: sha256.value.toUpperCase() };
}
window.prepare = async (hasChannel) => {
  const { made, fingerprint } = await peer();
  window.viewing = made;
  made.addTransceiver("video", { direction: "recvonly" });
  if (hasChannel) window.channel = made.createDataChannel("words");
  made.addEventListener("track", ({ track }) => (document.querySelector("video").srcObject = new MediaStream([track])));
  return fingerprint;
};
window.view = async ({ url, ticket }) => {
  window.viewer = new WHEPClient();
  await window.viewer.view(window.viewing, url, ticket);
};
window.publish = async ({ url, ticket }) => {
  const canvas = document.createElement("canvas");
  canvas.width = 320; canvas.height = 180;
  const context = canvas.getContext("2d");
  setInterval(() => {
    context.fillStyle = `hsl(${(performance.now() / 10) % 360} 80% 50%)`;
    context.fillRect(0, 0, 320, 180);
  }, 40);
  const { made, fingerprint } = await peer();
  window.publishing = made;
  const transceiver = made.addTransceiver(canvas.captureStream(25).getVideoTracks()[0], { direction: "sendonly" });
  const all = RTCRtpSender.getCapabilities("video").codecs;
  const h264 = all.filter((c) => c.mimeType === "video/H264" && c.sdpFmtpLine.includes("packetization-mode=1"));
  if (!h264.length) return "";
  transceiver.setCodecPreferences(h264);
  window.publisher = new WHIPClient();
  await window.publisher.publish(made, url, ticket);
  return fingerprint;
};
window.decoded = async () =>
  [...(await window.viewing.getStats()).values()].find((s) => s.type === "inbound-rtp")?.framesDecoded ?? 0;
"""
HTML = """<!doctype html><html lang="en"><title>Foreign</title><script type="module" src="/test/foreign.js"></script>
<video autoplay muted playsinline></video></html>"""


@get("/test/foreign", media_type=MediaType.HTML, opt=OPEN, sync_to_thread=False)
def foreign_page() -> str:
    """A page that is not ours."""
    return HTML


@get("/test/foreign.js", media_type="text/javascript", opt=OPEN, sync_to_thread=False)
def foreign_script() -> str:
    """What drives it."""
    return SCRIPT


@get("/test/vendor/{name:str}", opt=OPEN, sync_to_thread=False)
def vendored(name: FromPath[str], request: Request[Any, Any, Any]) -> Response[bytes]:
    """The client, as npm has it."""
    del request
    return Response((VENDOR / Path(name).name).read_bytes(), media_type="text/javascript")


PAGES = (foreign_page, foreign_script, vendored)


async def view(plane: Plane, page: Page, session: str, *, publisher: str, has_channel: bool = False) -> None:
    """Let the foreign player view what `publisher` (a certificate) sends."""
    fingerprint = await page.evaluate("has => prepare(has)", has_channel)
    ticket = plane.relay.tickets.for_viewer(session=session, camera="cam", fingerprint=fingerprint, relay=RELAY)
    await plane.relay.client.admit(session=session, publication="pub_1", fingerprint=publisher, valid_s=60)
    plane.keep(session)
    await page.evaluate("call => view(call)", {"url": f"{plane.origin}/whep/{session}", "ticket": ticket})


async def decoded_after(page: Page, count: int) -> int:
    """How many frames were decoded, once they are more than `count`."""
    await page.wait_for_function("async (count) => (await decoded()) > count", arg=count, timeout=15_000)
    return int(await page.evaluate("decoded()"))


async def spoken(page: Page, method: str) -> list[dict[str, Any]]:
    """What the client said and was answered."""
    return [each for each in await page.evaluate("spoken") if each["method"] == method]


async def test_a_foreign_player_views_restarts_ice_and_leaves(tmp_path: Path):
    """Its POST is taken, its trickle answered by the RFC, its restart followed without a break, its DELETE heard.

    Version 1.2.0 forgets the tag of the 201, so its first trickle is 428; it needs none of it, for nothing is dialled.
    """
    async with live_plane(tmp_path, pages=PAGES) as plane, live_tab(plane.origin, "/test/foreign") as page:
        await plane.publish()
        await anyio.sleep(1.0)

        await view(plane, page, "ses_1", publisher=plane.publisher.fingerprint)

        count = await decoded_after(page, 20)
        assert [said["status"] for said in await spoken(page, "POST")] == [201]
        trickled = await spoken(page, "PATCH")
        assert trickled
        assert {said["status"] for said in trickled if said["match"] is None} <= {428}
        await page.evaluate("viewer.restart()")
        tag = await page.evaluate("viewer.etag")
        patches = (await spoken(page, "PATCH"))[len(trickled) :]
        assert {"method": "PATCH", "status": 200, "match": "*"} in patches
        assert {said["status"] for said in patches if said["match"] == tag} <= {204}
        assert f"a=ice-ufrag:{tag[1:-1]}" in await page.evaluate("viewing.remoteDescription.sdp")
        count = await decoded_after(page, count + 50)
        assert not [event for event in plane.relay.events if isinstance(event, protocol.ViewerGone)]
        await page.evaluate("viewer.stop()")
        gone = await plane.relay.event(protocol.ViewerGone, 3)
        assert isinstance(gone, protocol.ViewerGone)
        assert gone.reason == "left"


async def test_a_player_that_offers_a_data_channel_has_pictures_without_it(tmp_path: Path):
    """The channel is declined in its own words, which a browser takes, and the pictures flow."""
    async with live_plane(tmp_path, pages=PAGES) as plane, live_tab(plane.origin, "/test/foreign") as page:
        await plane.publish()
        await anyio.sleep(1.0)

        await view(plane, page, "ses_1", publisher=plane.publisher.fingerprint, has_channel=True)

        await decoded_after(page, 20)
        assert "m=application 0 UDP/DTLS/SCTP webrtc-datachannel" in await page.evaluate(
            "viewing.remoteDescription.sdp"
        )
        assert await page.evaluate("channel.readyState") != "open"


async def test_a_foreign_publisher_is_seen_by_a_foreign_player(tmp_path: Path):
    """WHIP in and WHEP out without a line of ours in the page."""
    async with live_plane(tmp_path, pages=PAGES) as plane, live_tab(plane.origin, "/test/foreign") as page:
        ticket = plane.relay.tickets.for_publication(publication="pub_1", camera="cam", agent="agt", relay=RELAY)
        call = {"url": f"{plane.origin}/whip/pub_1", "ticket": ticket}
        fingerprint = await page.evaluate("call => publish(call)", call)
        if not fingerprint:
            outside.missing("A Chromium that encodes H.264", packages="chromium")
        up = await plane.relay.event(protocol.PublicationUp)
        assert isinstance(up, protocol.PublicationUp)
        assert up.fingerprint == fingerprint

        await view(plane, page, "ses_1", publisher=fingerprint)

        await decoded_after(page, 20)
