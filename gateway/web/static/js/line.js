// How long the line to the gateway is, by what the browser noted of the requests that this page has made already.

const LONG_MS = 60; // there and back

const isOurs = ({ name, requestStart, responseStart, transferSize }) => transferSize > 0 && requestStart > 0 && responseStart > requestStart && new URL(name).origin === location.origin;

// The quickest answer of all: the round trip, and the least that the gateway took for one. Infinity where nothing is known.
export function roundTripMs() {
  const noted = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  return Math.min(...noted.filter(isOurs).map(({ requestStart, responseStart }) => responseStart - requestStart));
}

export function isLineLong() {
  const took = roundTripMs();
  return Number.isFinite(took) && took > LONG_MS;
}
