// The page's live views at the gateway: opened, read, told how long they were seen, left. What may be seen is decided there
// at every POST; this page only asks.

import { isLineLong } from "./line.js";
import { refusalOf } from "./refusals.js";

const VIEWS = "/api/v1/live-sessions";
const READ_MS = 5_000; // a question to a network that has gone is answered by nobody
const PAGE_MS = 10_000; // of a whole page
const POST_MS = 25_000; // longer than a site takes
const MOST_AT_ONCE = 16; // in one question

export const root = document.getElementById("console");
export const { incident, purpose, behalf } = root.dataset;
export const { csrf } = root.dataset;

// Ways to the relay past a firewall: the page knows them before the first picture, and asks for new ones before they run
// out. Nothing waits for that.
const ICE_SERVERS_MS = 30 * 60_000;
let servers = JSON.parse(root.dataset.iceServers ?? "[]");

export const iceServers = () => servers;

if (servers.length) setInterval(async () => (servers = (await readJson("/api/v1/ice-servers")) ?? servers), ICE_SERVERS_MS);

// Every question has an end: the browser has few connections, and one that waits for ever keeps its own.
const read = (url, most_ms = READ_MS, accept = "application/json") => fetch(url, { headers: { accept }, signal: AbortSignal.timeout(most_ms) });
export const readHtml = (url) => read(url, PAGE_MS, "text/html");

// What was asked for, or null: refused, or no answer, or none to its end.
export const readJson = async (url, most_ms) => {
  const answer = await read(url, most_ms).catch(() => null);
  return answer?.ok ? answer.json().catch(() => null) : null;
};
export const readOfSite = (url) => readJson(url, POST_MS);

// A page, or null where it leads to another, as who is signed out is led; throws where there was no answer.
export async function readPage(url) {
  const answer = await readHtml(url);
  if (answer.status >= 500) throw new Error(`no answer: ${answer.status}`);
  return answer.ok && !answer.redirected ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
}

export const post = (url, body) =>
  fetch(url, { method: "POST", headers: { "content-type": "application/json", accept: "application/json", "x-csrf-token": csrf }, body: JSON.stringify(body), signal: AbortSignal.timeout(POST_MS) });

// Sends a form as the page would; null where no answer came.
export const postForm = ({ target, submitter }) => fetch(target.action, { method: "POST", body: new URLSearchParams(new FormData(target, submitter)), headers: { accept: "text/html" }, signal: AbortSignal.timeout(POST_MS) }).catch(() => null);

const wishOf = ({ camera, openedBy, confirmation, hasSound }, fingerprint, offer) => ({ camera_id: camera, purpose, incident_id: incident, dtls_fingerprint: fingerprint, offer, opened_by: openedBy, confirmation_id: confirmation, on_behalf_of: behalf ?? "", sound: hasSound });

// Opens the pictures that are asked for in one moment by one question: {status, view, call, refused, detail} for each. `ready` gives
// the certificate and the offer, or begins that, or says null when nobody wants the picture any more; then the answer is null too.
// An offer that is made already goes along, which saves a round trip, and the offers of several do, for a browser has few
// connections. One picture does not wait for its own to be made, but where the line is long.
let gathered = [];

export function openView(tile, ready) {
  if (!gathered.length) queueMicrotask(openGathered);
  return new Promise((ok, fail) => gathered.push({ tile, ready: ready(), ok, fail }));
}

async function prepared(one, isAlone) {
  try {
    const ready = await one.ready;
    if (!ready) {
      one.ok(null);
      return null;
    }
    const goesAlong = typeof ready.offer === "string" || !isAlone || isLineLong();
    return { ...one, body: wishOf(one.tile, ready.fingerprint, goesAlong ? await ready.offer : "") };
  } catch (error) {
    one.fail(error);
  }
  return null;
}

async function openGathered() {
  const asked = gathered.splice(0, MOST_AT_ONCE);
  if (gathered.length) queueMicrotask(openGathered);
  const isAlone = asked.length === 1;
  const wishes = (await Promise.all(asked.map((one) => prepared(one, isAlone)))).filter((one) => one !== null);
  if (!wishes.length) return;
  try {
    const answer = await post(`${VIEWS}/several`, { views: wishes.map(({ body }) => body) });
    if (answer.ok) {
      const each = await answer.json();
      return wishes.forEach(({ ok }, i) => ok(each[i]));
    }
    const refusal = await refusalOf(answer, true);
    for (const { ok } of wishes) ok(refusal);
  } catch (error) {
    for (const { fail } of wishes) fail(error);
  }
}

// The same picture once more, with sound or without, beside the one that runs: {status, view, detail}; the caller calls.
export async function openAgain(tile, fingerprint, hasSound) {
  const answer = await post(`${VIEWS}/several`, { views: [wishOf({ ...tile, hasSound }, fingerprint, "")] });
  return answer.ok ? (await answer.json())[0] : refusalOf(answer);
}

export const saveLayout = (layout) => post("/console/layout", { layout });

export const readView = (session) => read(`${VIEWS}/${session}`);

export const reportSize = (session, size) => post(`${VIEWS}/${session}/size`, size);
export const reportSeen = (session, totals) => post(`${VIEWS}/${session}/seen`, totals);

export const leaveView = (session) => fetch(`${VIEWS}/${session}`, { method: "DELETE", headers: { "x-csrf-token": csrf }, keepalive: true }).catch(() => {});
