"""Sound in a real browser: who is granted it hears the camera's tone, and who is not has no sound at all."""

from itertools import count
from pathlib import Path

import anyio
import pytest

from partner_agent.rtc.sdp_sound import Codec
from partner_agent.rtc.units import SoundUnit
from partner_agent.rtc.whip import Publication
from partner_agent.wire.clock import SystemClock
from tests.gateway.live.test_watching import live_plane, live_tab
from tests.support.tones import mulaw_tone

pytestmark = [pytest.mark.anyio, pytest.mark.browser, pytest.mark.slow]
HEARD = """async (most_ms) => {
  for (const until = performance.now() + most_ms; performance.now() < until; ) {
    const all = [...(await window.peer.getStats()).values()];
    const audio = all.find((s) => s.type === "inbound-rtp" && s.kind === "audio");
    if (audio?.packetsReceived && audio.totalAudioEnergy) return audio.totalAudioEnergy;
    await new Promise((ok) => setTimeout(ok, 100));
  }
  return 0;
}"""
DIRECTIONS = """() => window.peer.getTransceivers().map((one) => [one.receiver.track.kind, one.currentDirection])"""
LOUDEST_HZ = """async () => {
  const context = new AudioContext();
  await context.resume();
  const analyser = new AnalyserNode(context, { fftSize: 4096 });
  context.createMediaStreamSource(window.player.video.srcObject).connect(analyser);
  await new Promise((ok) => setTimeout(ok, 1500));
  const heights = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(heights);
  return (heights.indexOf(Math.max(...heights)) * context.sampleRate) / analyser.fftSize;
}"""


async def sing(publication: Publication) -> None:
    """A tone of 1 kHz as a camera sends it, until cancelled."""
    clock, tone = SystemClock(), mulaw_tone()
    began = clock.monotonic()
    for number in count():
        await anyio.sleep(max(0.0, began + number * 0.02 - clock.monotonic()))
        unit = SoundUnit(tone[number % len(tone)], Codec.PCMU, 160 * number, number == 0, clock.now())
        publication.say(unit)


async def test_who_is_granted_sound_hears_the_tone_and_who_is_not_has_none(tmp_path: Path):
    """Its own energy and its pitch, beside moving pictures; without the grant the section is off and nothing comes."""
    flags = ["--autoplay-policy=no-user-gesture-required"]
    async with live_plane(tmp_path) as plane, live_tab(plane.origin, flags=flags) as page:
        publication = await plane.publish()
        plane.tasks.start_soon(sing, publication)
        await anyio.sleep(1.5)

        assert await plane.watch(page, "ses_1", wants_sound=True) > 0
        assert await page.evaluate(DIRECTIONS) == [["video", "recvonly"]]  # the other was declined, and is no more
        assert "m=audio 0 " in await page.evaluate("peer.remoteDescription.sdp")
        assert await page.evaluate(HEARD, 1_000) == 0
        assert await page.evaluate("frames") > 3

        assert await plane.watch(page, "ses_2", wants_sound=True, has_sound=True) > 0
        assert await page.evaluate(HEARD, 15_000) > 0
        assert await page.evaluate(DIRECTIONS) == [["video", "recvonly"], ["audio", "recvonly"]]
        assert await page.evaluate("player.video.srcObject.getTracks().length") == 2
        assert abs(await page.evaluate(LOUDEST_HZ) - 1_000) < 30
        frames = await page.evaluate("frames")
        await anyio.sleep(1.0)
        assert await page.evaluate("frames") > frames
