"""Sound in one piece: another maker's camera, agent, gateway, relay, and the console in Chromium; switched by key."""

from pathlib import Path
from statistics import median
from typing import Any

import anyio
import pytest
from playwright.async_api import Page, async_playwright

from gateway.edge.auth import SESSION_COOKIE
from gateway.identity.model import Door
from gateway.kernel.database import Database
from policies.clauses import Preset
from tests.e2e.test_live_view import City, city
from tests.e2e.test_sound import law_with_sound
from tests.gateway.live.test_watching import LOOPBACK_FLAGS
from tests.support import browser, foreign
from tests.support.tones import TONE_HZ
from tests.support.waiting import until

pytestmark = [pytest.mark.anyio, pytest.mark.browser, pytest.mark.camera, pytest.mark.slow]
LIPS_MS = 80  # between a picture and its sound as they are presented; the order of EBU R 37
LIVE = "document.querySelector('lens-player')?.state === 'live'"
OFFERED = "!!document.querySelector('.sound:not([hidden])')"
IS_ON = "document.querySelector('.sound').ariaPressed === 'true' && " + LIVE
IS_OFF = "document.querySelector('.sound').ariaPressed === 'false' && " + LIVE
KINDS = "document.querySelector('lens-player').video.srcObject.getTracks().map((track) => track.kind).sort().join()"
SPY = """window.peers = [];
const Real = RTCPeerConnection;
window.RTCPeerConnection = class extends Real {
  constructor(...given) { super(...given); window.peers.push(this); }
};"""
LOUDEST_HZ = """async () => {
  const context = new AudioContext();
  await context.resume();
  const analyser = new AnalyserNode(context, { fftSize: 4096 });
  context.createMediaStreamSource(document.querySelector("lens-player").video.srcObject).connect(analyser);
  await new Promise((ok) => setTimeout(ok, 1500));
  const heights = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(heights);
  await context.close();
  return (heights.indexOf(Math.max(...heights)) * context.sampleRate) / analyser.fftSize;
}"""
# How far the sound that is played is ahead of the picture that is shown, by the reports of the site's clock, in two
# seconds; in order. A browser brings them together by and by.
AHEAD_MS = """async () => {
  const found = [];
  for (const until = performance.now() + 10000; performance.now() < until && found.length < 20; ) {
    const peer = window.peers.findLast((one) => one.connectionState === "connected");
    const all = [...(await peer.getStats()).values()].filter((one) => one.type === "inbound-rtp");
    const at = Object.fromEntries(all.map((one) => [one.kind, one.estimatedPlayoutTimestamp]));
    if (at.audio && at.video) found.push(at.audio - at.video);
    await new Promise((ok) => setTimeout(ok, 100));
  }
  return found.sort((a, b) => a - b);
}"""


async def _until(page: Page, expression: str, *, timeout_s: float = 30) -> Any:
    with anyio.fail_after(timeout_s):
        while not (found := await page.evaluate(expression)):  # noqa: ASYNC110 -- the page has no event for us
            await anyio.sleep(0.1)
    return found


async def _sounding(town: City) -> None:
    """Wait until the gateway knows that the camera has sound."""
    seen = await town.server.sites.agents.view(town.camera.organisation_id, town.camera.site_id)
    assert seen.agent is not None
    agent_id, local = seen.agent.id, seen.cameras[0].local_id
    await until(lambda: town.server.sites.hub.has_sound(agent_id, local), timeout_s=20)


async def _signed_in(town: City) -> dict[str, Any]:
    """The cookie of the operator's session."""
    services = town.server.services
    async with services.database.unit_of_work() as unit:
        token = await services.identity.sessions.begin(
            unit,
            town.operator.person_id,
            door=Door.AGENCY,
            factors=town.operator.factors,
            network="127.0.0.0/24",
            old_token="",
        )
        await unit.commit()
    return {"name": SESSION_COOKIE, "value": token, "url": town.server.url}


@pytest.mark.parametrize("sound", ["alaw", "aac"])
async def test_the_key_brings_the_camera_s_tone_into_the_page_and_takes_it_out_again(
    sqlite_database: Database, tmp_path: Path, sound: str
):
    """G.711 as it comes, AAC converted: its pitch in the page's own track, lips and words together; off is silent."""
    path, flags = browser.chromium_path(), [*browser.FLAGS, *LOOPBACK_FLAGS]
    with foreign.serving() as (port, _):
        camera = {"url": f"rtsp://127.0.0.1:{port}/{sound}", "user": foreign.USER, "password": foreign.PASSWORD}
        async with (
            city(sqlite_database, tmp_path, Preset.OPEN, law=law_with_sound(), camera_at=camera, audio=True) as town,
            async_playwright() as playwright,
        ):
            chromium = await playwright.chromium.launch(executable_path=path, args=flags)
            context = await chromium.new_context(viewport={"width": 1440, "height": 900})
            await context.add_cookies([await _signed_in(town)])  # type: ignore[list-item]
            await context.add_init_script(SPY)
            page = await context.new_page()
            await page.goto(f"{town.server.url}/console/incidents/{town.incident_id}")
            await _until(page, LIVE)
            await _sounding(town)  # the site knows once the camera was opened
            await page.reload()
            await _until(page, OFFERED)
            assert await page.evaluate(KINDS) == "video"

            await page.locator(".tile").first.focus()
            await page.keyboard.press("a")
            await _until(page, IS_ON)
            assert await page.evaluate(KINDS) == "audio,video"
            assert not await page.evaluate("document.querySelector('lens-player').video.muted")
            assert abs(await page.evaluate(LOUDEST_HZ) - TONE_HZ) < 30
            with anyio.fail_after(30):
                while abs(median(await page.evaluate(AHEAD_MS))) >= LIPS_MS:
                    pass

            await page.keyboard.press("a")
            await _until(page, IS_OFF)
            assert await page.evaluate(KINDS) == "video"
            assert await page.evaluate("document.querySelector('lens-player').video.muted")
            await chromium.close()
            heard = [one.has_sound for one in town.server.services.live.running()]
            assert True not in heard
