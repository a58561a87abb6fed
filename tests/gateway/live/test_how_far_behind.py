"""How far a picture is behind, and the word for it, in Chromium."""

from pathlib import Path

import pytest

from tests.gateway.live.test_watching import live_plane, live_tab

pytestmark = [pytest.mark.anyio, pytest.mark.browser, pytest.mark.slow]
JUDGE = """async ([waits, decode_s]) => {
  const { NOTHING, countsOf, delayOf, isBehind, passed } = await import("/static/live/js/delay.js");
  let [before, wasBehind, now] = [NOTHING, true, { ...NOTHING }];
  return waits.map((waited_s) => {
    now = countsOf({
      jitterBufferDelay: now.jitterBufferDelay + 15 * waited_s,
      jitterBufferEmittedCount: now.jitterBufferEmittedCount + 15,
      totalDecodeTime: now.totalDecodeTime + 15 * decode_s,
      framesDecoded: now.framesDecoded + 15,
    });
    const since = passed(before, now);
    before = now;
    wasBehind = isBehind(since.waited_ms, wasBehind);
    const pair = { type: "candidate-pair", nominated: true, state: "succeeded", currentRoundTripTime: 0.08 };
    return [wasBehind, delayOf([pair], since)];
  });
}"""


async def test_the_word_follows_what_pictures_wait_now_and_does_not_flicker(tmp_path: Path):
    """Over half a second is behind, under 0.3 s is live; between the two nothing changes; long ago does not count."""
    waits = [0.02, 0.45, 0.55, 0.45, 0.35, 0.25, 0.45, 2.0, 0.02]
    async with live_plane(tmp_path) as plane, live_tab(plane.origin) as page:
        found = await page.evaluate(JUDGE, [waits, 0.01])

    assert [is_behind for is_behind, _ in found] == [False, False, True, True, True, False, False, True, False]
    assert [delay_ms for _, delay_ms in found] == [round(1000 * waited) + 10 + 40 for waited in waits]


async def test_without_a_picture_or_a_way_nothing_is_made_up(tmp_path: Path):
    """No picture since the last look: the word stays. No measured way: there is no delay to tell."""
    async with live_plane(tmp_path) as plane, live_tab(plane.origin) as page:
        found = await page.evaluate(NOTHING_NEW)

    assert found == [[True, False], "NaN"]


NOTHING_NEW = """async () => {
  const { NOTHING, delayOf, isBehind, passed } = await import("/static/live/js/delay.js");
  const since = passed(NOTHING, NOTHING);
  const words = [true, false].map((wasBehind) => isBehind(since.waited_ms, wasBehind));
  return [words, String(delayOf([], { waited_ms: 1, decoded_ms: 1 }))];
}"""


async def test_a_live_picture_that_falls_behind_says_so_and_is_live_again(tmp_path: Path):
    """The browser is made to hold pictures back for 1.2 s, then not: word and delay follow within seconds."""
    async with live_plane(tmp_path) as plane, live_tab(plane.origin) as page:
        await plane.publish()
        await page.evaluate(NOTE_DELAYS)
        assert await plane.watch(page, "ses_1") > 0
        await page.wait_for_function("() => states.at(-1) === 'Live' && delays.at(-1) < 500")

        await page.evaluate("peer.getReceivers()[0].jitterBufferTarget = 1200")
        await page.wait_for_function("() => states.at(-1) === 'Catching up' && delays.at(-1) > 500")
        await page.evaluate("peer.getReceivers()[0].jitterBufferTarget = 0")
        await page.wait_for_function("() => states.at(-1) === 'Live' && delays.at(-1) < 500")

        assert await page.evaluate("states") == ["Connecting", "Catching up", "Live", "Catching up", "Live"]


NOTE_DELAYS = """() => {
  window.delays = [];
  const player = document.querySelector("lens-player");
  player.addEventListener("lens-delay", (e) => window.delays.push(e.detail.milliseconds));
}"""
