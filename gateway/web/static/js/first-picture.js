// The first picture of a view by HTTP, decoded here, for the moments in which the view's own connection is on its way. On a
// short line that is there as soon, so nothing is asked for. Whatever goes wrong, there is no such picture, and nothing else.
import { isLineLong } from "./line.js";

const MOST_AT_ONCE = 2; // a browser may have six connections, and the gateway's answer may wait for the site's

let underWay = 0;

// A VideoFrame, which whoever gets it closes, or null.
export async function firstPicture(session, signal) {
  if (!("VideoDecoder" in window) || underWay >= MOST_AT_ONCE || !isLineLong()) return null;
  underWay += 1;
  try {
    const answer = await fetch(`/api/v1/live-sessions/${session}/first-picture`, { signal });
    if (answer.status !== 200) return null;
    return await decoded(await answer.arrayBuffer(), answer.headers.get("lenspact-codec"));
  } catch {
    return null;
  } finally {
    underWay -= 1;
  }
}

function decoded(data, codec) {
  return new Promise((ok, fail) => {
    const decoder = new VideoDecoder({ output: ok, error: fail });
    decoder.configure({ codec, optimizeForLatency: true });
    decoder.decode(new EncodedVideoChunk({ type: "key", timestamp: 0, data }));
    decoder.flush().then(() => (decoder.close(), fail(new Error("no picture"))), fail);
  });
}
