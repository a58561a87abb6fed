// How far a picture is behind, by what the browser counts of it (WebRTC statistics, inbound-rtp). Always since the last look:
// an average since the beginning would hide what is now.

const BEHIND_MS = 500; // pictures that wait longer than this are no picture of now
const LIVE_AGAIN_MS = 300; // less than this makes it one again; between the two it stays what it was, so that the word does not flicker

export const countsOf = ({ jitterBufferDelay = 0, jitterBufferEmittedCount = 0, totalDecodeTime = 0, framesDecoded = 0 }) => ({ jitterBufferDelay, jitterBufferEmittedCount, totalDecodeTime, framesDecoded });

export const NOTHING = countsOf({});

const each_ms = (seconds, count) => (count > 0 ? (1000 * seconds) / count : NaN);

// What one picture waited to be whole and for its turn, and took to decode, on average between two counts; NaN without a picture.
export const passed = (before, now) => ({
  waited_ms: each_ms(now.jitterBufferDelay - before.jitterBufferDelay, now.jitterBufferEmittedCount - before.jitterBufferEmittedCount),
  decoded_ms: each_ms(now.totalDecodeTime - before.totalDecodeTime, now.framesDecoded - before.framesDecoded),
});

export const isBehind = (waited_ms, wasBehind) => (Number.isNaN(waited_ms) ? wasBehind : waited_ms > (wasBehind ? LIVE_AGAIN_MS : BEHIND_MS));

// From the relay to the screen: half the round trip, then waiting and decoding. The way from the site to the relay is not in
// it, for its clock is not ours. NaN where it is not known.
export function delayOf(stats, { waited_ms, decoded_ms }) {
  const pair = stats.find((one) => one.type === "candidate-pair" && one.nominated && one.state === "succeeded");
  return Math.round(500 * (pair?.currentRoundTripTime ?? NaN) + waited_ms + decoded_ms);
}
