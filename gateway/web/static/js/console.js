// The console: starts the pictures of an opened incident, keeps list, map and wall in step, and is driven by keys.
// What may be seen is decided by the gateway at every POST; this page only asks, and shows the answer in words.
import { announce, localTimes } from "./app.js";
import "./lens-scene.js";
import { viewerIdentity } from "./player.js";
import { spoken } from "./words.js";

const VIEWS = "/api/v1/live-sessions";
const MOST_TILES = 9; // as many as there are number keys
const LOST = "The connection to the camera was lost";
const END_OF = { "Ended by the sharing rules": "rules", "Stopped by a supervisor": "rules", "The camera is offline": "offline", "The picture cannot start": "cannot-start", [LOST]: "lost" };
const NOT_AVAILABLE = "Not available for this purpose";
const CANNOT_START = "The picture cannot start";
const AGAIN_MS = 2_000; // before a question that got no answer is put again
const REOPEN_FIRST_MS = 200; // before a lost view is asked for once more; doubled each time, with jitter
const REOPEN_FOR_MS = 8_000; // a relay that has to start twice is back within this

const root = document.getElementById("console");
const wall = document.getElementById("wall");
const list = document.getElementById("cameras");
const scene = document.querySelector("lens-scene");
const dialog = document.getElementById("clip-dialog");
const { incident, purpose, behalf, csrf } = root.dataset;
const tiles = []; // {camera, session, element, player, until}
const early = new Set(); // views that ended before we knew that they are ours
let chosen = -1;

const post = (url, body) =>
  fetch(url, { method: "POST", headers: { "content-type": "application/json", accept: "application/json", "x-csrf-token": csrf }, body: JSON.stringify(body) });

// --- the wall

async function watch(item, openedBy) {
  const camera = item.dataset.camera;
  const open = tiles.find((t) => t.camera === camera && !t.isOver);
  if (open) return enlarge(open);
  const over = tiles.find((t) => t.camera === camera);
  if (over) remove(over);
  if (tiles.length >= MOST_TILES) return announce(root.dataset.full ?? "");
  const tile = add(item, openedBy);
  const status = await ask(tile);
  if (status && status !== 201) finish(tile, status >= 500 ? CANNOT_START : NOT_AVAILABLE);
}

// Asks for the tile's picture and calls the relay: the answer's status, or 599 without one (no network, or no certificate
// could be made), or 0 if the tile was closed meanwhile.
async function ask(tile) {
  try {
    return await askOnce(tile);
  } catch {
    return tiles.includes(tile) ? 599 : 0;
  }
}

async function askOnce(tile) {
  const identity = await viewerIdentity();
  if (!tiles.includes(tile)) return 0; // closed before it was asked for
  tile.player.begin(identity);
  const answer = await post(VIEWS, { camera_id: tile.camera, purpose, incident_id: incident, dtls_fingerprint: identity.fingerprint, opened_by: tile.openedBy, confirmation_id: tile.confirmation, on_behalf_of: behalf ?? "" });
  if (!answer.ok) return answer.status;
  const { session_id, whep_url, ticket, horizon_at } = await answer.json();
  tile.session = session_id;
  tile.until = new Date(horizon_at);
  if (!tiles.includes(tile)) {
    leave(tile); // closed while it was asked for
    return 0;
  }
  tile.player.open({ whep_url, ticket });
  if (early.delete(session_id) || tile.hasMissed) refreshView(tile);
  tile.hasMissed = false;
  return answer.status;
}

// A view that ran and was lost, as with its relay, is over for good. The same question is put again and decided anew;
// whatever says no to it now, the words stay those of the loss.
async function reopen(tile) {
  tile.player.leave();
  tile.session = "";
  tile.hasRun = false;
  const until = performance.now() + REOPEN_FOR_MS;
  for (let pause = REOPEN_FIRST_MS; tiles.includes(tile); pause *= 2) {
    const status = await ask(tile);
    if (status === 201 || !tiles.includes(tile)) return;
    if (status < 500 || performance.now() > until) return finish(tile, LOST);
    await new Promise((ok) => setTimeout(ok, pause * (0.75 + Math.random() / 2)));
  }
}

function add(item, openedBy) {
  const element = document.getElementById("tile").content.firstElementChild.cloneNode(true);
  const { camera, name, owner } = item.dataset;
  const tile = { camera, name, element, player: element.querySelector("lens-player"), openedBy, confirmation: item.dataset.confirmation ?? "", session: "", hasRun: false, hasMissed: false, until: null, isOver: false };
  element.querySelector(".name").textContent = name;
  element.querySelector(".owner").textContent = owner;
  element.setAttribute("aria-label", `${name}, ${owner}`);
  for (const of of element.querySelectorAll(".of")) of.textContent = ` ${name}`;
  element.querySelector(".close").addEventListener("click", () => remove(tile));
  element.querySelector(".clip").addEventListener("click", () => askForClip(tile));
  tile.player.addEventListener("lens-state", ({ detail }) => {
    element.querySelector(".badge").hidden = detail.state !== "live";
    if (detail.state === "stalled") refreshView(tile);
    if (detail.state === "cannot-start" && !tile.isOver) leave(tile); // the player gave up by itself
    if (detail.state === "live" || tile.isOver) announce(`${name}: ${detail.words}`);
  });
  tile.player.addEventListener("lens-first-frame", ({ detail }) => {
    element.dataset.firstFrameMs = detail.milliseconds;
    tile.hasRun = true;
  });
  tile.player.addEventListener("lens-seen", ({ detail }) => tile.session && post(`${VIEWS}/${tile.session}/seen`, detail));
  tiles.push(tile);
  wall.append(element);
  number();
  return tile;
}

function number() {
  tiles.forEach((tile, i) => (tile.element.querySelector(".key").textContent = String(i + 1)));
}

function remove(tile) {
  leave(tile);
  tiles.splice(tiles.indexOf(tile), 1);
  tile.element.remove();
  number();
}

function leave(tile) {
  if (!tile.session || tile.isOver) return;
  tile.isOver = true;
  fetch(`${VIEWS}/${tile.session}`, { method: "DELETE", headers: { "x-csrf-token": csrf }, keepalive: true }).catch(() => {});
}

function finish(tile, words) {
  tile.isOver = true;
  const state = END_OF[words] ?? (words ? "rules" : "closed");
  tile.player.dataset[`words${state.replace(/-/g, "")}`] = words || tile.player.dataset.wordsclosed || "Closed";
  tile.player.end(state);
}

// One question at a time for a view; news that come meanwhile are asked about once more.
async function refreshView(tile) {
  if (tile.isAsking) return (tile.hasNews = true);
  tile.isAsking = true;
  do {
    tile.hasNews = false;
    await readView(tile).catch(() => setTimeout(() => refreshView(tile), AGAIN_MS));
  } while (tile.hasNews);
  tile.isAsking = false;
}

async function readView(tile) {
  if (!tile.session || tile.isOver) return;
  const answer = await fetch(`${VIEWS}/${tile.session}`, { headers: { accept: "application/json" } });
  if (answer.status === 404 || answer.status === 401) return finish(tile, "Ended by the sharing rules");
  if (!answer.ok) throw new Error(`no answer: ${answer.status}`);
  const view = await answer.json();
  tile.until = new Date(view.horizon_at);
  if (view.ended_at || ["refused", "failed", "ended"].includes(view.state)) {
    // Without words it was left, but not by this page: the relay heard nothing of it for too long.
    if (tile.hasRun && (view.words === LOST || view.words === "")) reopen(tile);
    else finish(tile, view.words);
  }
}

function enlarge(tile) {
  const isLarge = !tile.element.classList.contains("is-large");
  for (const each of tiles) {
    each.element.classList.toggle("is-large", each === tile && isLarge);
    each.player.enlarged = each === tile && isLarge;
  }
  tile.element.focus();
}

// --- list and map

const items = () => [...list.querySelectorAll("[data-camera]")];

function choose(index, { focuses = true } = {}) {
  const all = items();
  if (!all.length) return;
  chosen = Math.max(0, Math.min(index, all.length - 1));
  all.forEach((item, i) => item.classList.toggle("is-chosen", i === chosen));
  if (focuses) all[chosen].focus();
  scene.choose(all[chosen].dataset.camera);
}

function enliven(item) {
  const button = item.querySelector(".watch");
  if (button) {
    button.disabled = false;
    button.addEventListener("click", () => watch(item, "person"));
  }
  for (const form of item.querySelectorAll("form.ask")) form.addEventListener("submit", askOwner);
  item.addEventListener("focusin", () => {
    const at = items().indexOf(item);
    if (chosen !== at) choose(at, { focuses: false });
  });
}
items().forEach(enliven);
scene.addEventListener("lens-choose", ({ detail }) => choose(items().findIndex((item) => item.dataset.camera === detail.id)));

// --- asking an owner, or a second person, to be shown the live picture

async function askOwner(event) {
  event.preventDefault();
  const { camera } = event.target.closest("li").dataset;
  event.target.querySelector("button").disabled = true; // one question is enough
  const answer = await fetch(event.target.action, { method: "POST", body: new URLSearchParams(new FormData(event.target, event.submitter)), headers: { accept: "text/html" } });
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  announce(fresh.querySelector("main .notice")?.textContent.trim().replace(/\s+/g, " ") ?? spoken(NOT_AVAILABLE));
  replace(camera, fresh);
}

// What the owner said arrives as news of the camera alone: its line is read again, and a yes starts the picture.
async function refreshCamera(camera) {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok || answer.redirected) return;
  const item = replace(camera, new DOMParser().parseFromString(await answer.text(), "text/html"));
  if (item && "granted" in item.dataset) watch(item, "person");
}

function replace(camera, page) {
  const old = items().find((item) => item.dataset.camera === camera);
  const fresh = [...page.querySelectorAll("#cameras [data-camera]")].find((item) => item.dataset.camera === camera);
  if (!old || !fresh) return null;
  const hadFocus = old.contains(document.activeElement);
  const item = document.adoptNode(fresh);
  item.classList.toggle("is-chosen", old.classList.contains("is-chosen"));
  old.replaceWith(item);
  enliven(item);
  localTimes(item);
  if (hadFocus) item.focus();
  return item;
}

// --- asking for a recording

async function askForClip(tile) {
  const query = new URLSearchParams({ camera: tile.camera, incident, purpose, on_behalf_of: behalf ?? "" });
  await showForm(await fetch(`/console/clips/new?${query}`, { headers: { accept: "text/html" } }));
}

async function showForm(answer) {
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("clip-form");
  if (!fresh) return announce(spoken(NOT_AVAILABLE));
  document.getElementById("clip-body").replaceChildren(document.adoptNode(fresh));
  fresh.querySelector("form").addEventListener("submit", sendForm);
  if (!dialog.open) dialog.showModal();
  (fresh.querySelector("[data-focus]") ?? fresh.querySelector("select, input:not([type=hidden])")).focus();
}

async function sendForm(event) {
  event.preventDefault();
  const answer = await fetch(event.target.action, { method: "POST", body: new URLSearchParams(new FormData(event.target, event.submitter)), headers: { accept: "text/html" } });
  if (answer.redirected) {
    dialog.close();
    return announce(new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".notice")?.textContent.trim() ?? "");
  }
  await showForm(answer);
}

document.getElementById("clip-cancel").addEventListener("click", () => dialog.close());

// --- keys

const isTyping = (target) => target.closest("input, select, textarea, dialog[open]") !== null;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || isTyping(event.target)) return;
  const tile = tiles.find((t) => t.element.contains(document.activeElement)) ?? tiles.find((t) => t.element.classList.contains("is-large")) ?? tiles[0];
  const onMap = event.target.closest("lens-scene") !== null;
  if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !onMap) {
    choose(chosen + (event.key === "ArrowDown" ? 1 : -1));
  } else if (event.key === "Enter" && event.target.matches("li[data-camera]")) {
    event.target.querySelector(".watch")?.click();
  } else if (/^[1-9]$/.test(event.key) && tiles[event.key - 1]) {
    enlarge(tiles[event.key - 1]);
  } else if (event.key === "r" && tile) {
    askForClip(tile);
  } else if (event.key === "Escape") {
    const large = tiles.find((t) => t.element.classList.contains("is-large"));
    if (large) enlarge(large);
    else if (incident) location.assign("/console");
    else return;
  } else return;
  event.preventDefault();
});

// --- time, news, leaving

const left = (until) => {
  const seconds = Math.max(0, Math.round((until - Date.now()) / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
};

setInterval(() => {
  for (const element of root.querySelectorAll("[data-until]")) element.textContent = left(new Date(element.dataset.until));
  for (const tile of tiles) tile.element.querySelector("footer .left").textContent = tile.until && !tile.isOver ? left(tile.until) : "";
}, 1000);

async function refreshRail() {
  const answer = await fetch(`/console/rail?${new URLSearchParams({ here: incident ?? "" })}`, { headers: { accept: "text/html" } });
  if (!answer.ok || answer.redirected) return; // signed out: the page itself says so
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").body;
  const rail = document.getElementById("rail");
  if (rail.contains(document.activeElement)) return; // nothing moves under the pointer
  rail.replaceChildren(...[...fresh.childNodes].map((node) => document.adoptNode(node)));
  localTimes(rail);
}

let news;
function listen() {
  news = new EventSource(root.dataset.events);
  news.addEventListener("changed", refreshRail);
  news.addEventListener("view", ({ data }) => {
    const concerned = tiles.filter((t) => t.session === data);
    if (!concerned.length && tiles.some((t) => !t.session && !t.isOver)) early.add(data); // it may be told its name yet
    concerned.forEach(refreshView);
  });
  news.addEventListener("ask", ({ data }) => refreshCamera(data));
  news.addEventListener("open", () => {
    for (const tile of tiles) tile.session ? refreshView(tile) : (tile.hasMissed = true); // said while we were not listening
  });
  news.addEventListener("error", () => {
    if (news.readyState === EventSource.CLOSED) setTimeout(listen, AGAIN_MS); // the browser gave up: a gateway that restarts
  });
}
listen();
addEventListener("pagehide", () => {
  news.close();
  for (const tile of tiles) leave(tile);
});

// Opening the incident is the reason: its nearest permitted cameras start, nearest first.
for (const id of JSON.parse(root.dataset.starts || "[]")) {
  const item = items().find((each) => each.dataset.camera === id);
  if (item) watch(item, "incident");
}
for (const item of items()) {
  if ("granted" in item.dataset) watch(item, "person"); // its owner said yes while this page was closed
}
