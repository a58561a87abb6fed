// The wall: its tiles, and the life of the view each of them shows. How a picture comes and goes is the player's part; what
// may be seen is decided by the gateway, and the answer is shown in words.
import { announce } from "./app.js";
import { askForClip } from "./clip-form.js";
import { firstPicture } from "./first-picture.js";
import { isLargeByLayout } from "./layout.js";
import { say } from "./notice.js";
import "./player.js";
import { prepareSoon, readyCall } from "./ready.js";
import { CANNOT_START, NO_SOUND, NOT_AVAILABLE, wordsOf, wordsOfGone } from "./refusals.js";
import * as views from "./views.js";
import { Watermark } from "./watermark.js";
import { spoken } from "./words.js";

const MOST_TILES = 16;
const REST_MS = 3_000; // out of sight for so long, and the view is closed until it is scrolled to again
const HIDDEN_MS = 30_000; // the same of the whole page, behind another tab or window
const LOST = "The connection to the camera was lost";
const END_OF = { "Ended by the sharing rules": "rules", "Stopped by a supervisor": "rules", "The camera is offline": "offline", "The picture cannot start": "cannot-start", "This site can show no more pictures now": "cannot-start", [LOST]: "lost" };
const RUNNING = new Set(["live", "catching-up"]);
const MAY_COME_BACK = new Set(["offline", "lost", "cannot-start"]); // what the rules ended stays ended
const END_ASK_MS = 3_000; // between two questions about a view whose time is over
const AGAIN_MS = 2_000; // before a question that got no answer is put again
const REOPEN_FIRST_MS = 200; // before a lost view is asked for once more; doubled each time, with jitter
const REOPEN_FOR_MS = 8_000; // a relay that has to start twice is back within this

const wall = document.getElementById("wall");
prepareSoon();
addEventListener("pageshow", ({ persisted }) => persisted && prepareSoon()); // nothing waited while it was away
export const tiles = []; // {camera, session, element, player, until}
const early = new Set(); // views that ended before we knew that they are ours

export async function watch(item, openedBy) {
  const camera = item.dataset.camera;
  const open = tiles.find((t) => t.camera === camera && !t.isOver);
  if (open) return enlarge(open);
  const over = tiles.find((t) => t.camera === camera);
  if (over) remove(over);
  if (tiles.length >= MOST_TILES) return say(views.root.dataset.full);
  const tile = add(item, openedBy);
  await start(tile);
}

async function start(tile) {
  const status = await ask(tile);
  if (!status || status === 201) return;
  const words = wordsOf({ status, detail: tile.detail, isOfAll: tile.isOfAll });
  finish(tile, words, words === NOT_AVAILABLE ? "rules" : (END_OF[words] ?? "cannot-start"));
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
  const answer = await views.openView(tile, async () => {
    const call = await readyCall();
    prepareSoon();
    if (tiles.includes(tile)) return { fingerprint: call.fingerprint, offer: tile.player.begin(call, views.iceServers(), tile.hasSound) };
    call.peer?.close(); // closed before it was asked for
    return null;
  });
  if (!answer) return 0;
  const { status, view, call, refused, detail, isOfAll } = answer;
  Object.assign(tile, { detail, isOfAll });
  if (status !== 201) return status;
  take(tile, view);
  if (!tiles.includes(tile)) {
    leave(tile); // closed while it was asked for
    return 0;
  }
  tile.player.open({ whep_url: view.whep_url, ticket: view.ticket, call, refused, first: (signal) => firstPicture(view.session_id, signal) });
  if (early.delete(tile.session) || tile.hasMissed) refreshView(tile);
  tile.hasMissed = false;
  return status;
}

// From here on the tile shows this view.
export function take(tile, view) {
  tile.session = view.session_id;
  tile.until = new Date(view.horizon_at);
  tile.maySound = view.has_sound || view.may_ask_sound;
  tile.watermark.show({ who: views.root.dataset.viewer, code: view.mark });
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

// What did not come, or went, is asked for once more in its place.
function tryAgain(tile) {
  if (!tile.isOver) return; // pressed twice
  hush(tile);
  forgetView(tile);
  Object.assign(tile, { isOver: false, openedBy: "person" });
  tile.element.focus(); // the button goes
  start(tile);
}

function add(item, openedBy) {
  const element = document.getElementById("tile").content.firstElementChild.cloneNode(true);
  const { camera, name, owner } = item.dataset;
  const tile = { camera, name, element, player: element.querySelector("lens-player"), openedBy, confirmation: item.dataset.confirmation ?? "", isOnce: "granted" in item.dataset, session: "", hasRun: false, hasMissed: false, isInSight: true, until: null, isOver: false, isResting: false, maySound: false, hasSound: false };
  element.querySelector(".name").textContent = name;
  element.querySelector(".owner").textContent = owner;
  element.setAttribute("aria-label", `${name}, ${owner}`);
  for (const of of element.querySelectorAll(".of")) of.textContent = ` ${name}`;
  element.querySelector(".close").addEventListener("click", () => remove(tile));
  element.querySelector(".again").addEventListener("click", () => tryAgain(tile));
  element.querySelector(".clip").addEventListener("click", () => askForClip(tile.camera));
  tile.player.addEventListener("lens-state", ({ detail }) => {
    element.querySelector(".badge").hidden = detail.state !== "live";
    element.querySelector(".again").hidden = tile.isOnce || !MAY_COME_BACK.has(detail.state);
    if (detail.state === "connecting") tile.delayMs = undefined; // that was another view's
    if (detail.state === "stalled") refreshView(tile);
    if (detail.state === "cannot-start" && !tile.isOver) leave(tile); // the player gave up by itself
    if (detail.state === "live" || tile.isOver) announce(`${name}: ${detail.words}`);
  });
  tile.player.addEventListener("lens-first-frame", ({ detail }) => {
    element.dataset.firstFrameMs = detail.milliseconds;
    tile.hasRun = true;
  });
  tile.player.addEventListener("lens-first-picture", ({ detail }) => (element.dataset.firstPictureMs = detail.milliseconds));
  tile.player.addEventListener("lens-size", ({ detail }) => tile.session && views.reportSize(tile.session, detail).catch(() => {}));
  tile.player.addEventListener("lens-seen", ({ detail }) => tile.session && views.reportSeen(tile.session, detail));
  tile.player.addEventListener("lens-delay", ({ detail }) => (tile.delayMs = detail.milliseconds));
  tiles.push(tile);
  wall.append(element);
  tile.watermark = new Watermark(tile.player);
  sight.observe(element);
  look(tile); // the page may have been opened behind another one
  number();
  return tile;
}

function number() {
  tiles.forEach((tile, i) => (tile.element.querySelector(".key").textContent = String(i + 1)));
  enlargeByLayout();
}

function enlargeByLayout() {
  const large = largeTile();
  tiles.forEach((tile, i) => (tile.player.enlarged = large ? tile === large : isLargeByLayout(i)));
}
wall.addEventListener("lens-layout", enlargeByLayout);

// --- out of sight: nobody sees it, so it is not shown

const sight = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const tile = tiles.find((each) => each.element === target);
    if (tile) look(tile, isIntersecting);
  }
});
document.addEventListener("visibilitychange", () => tiles.forEach((tile) => look(tile)));

function look(tile, isInSight = tile.isInSight) {
  clearTimeout(tile.resting);
  tile.isInSight = isInSight;
  if (isInSight && !document.hidden) wake(tile);
  else tile.resting = setTimeout(() => rest(tile), isInSight ? HIDDEN_MS : REST_MS);
}

// A view that its owner, or a second person, said yes to can be opened once: it stays.
function rest(tile) {
  if (tile.isOver || tile.isOnce || tile.isResting || !tiles.includes(tile)) return;
  const isHeard = tile.isInSight && tile.hasSound && tile.player.isHeard; // behind another window
  if (!tile.session || isHeard) return void (tile.resting = setTimeout(() => rest(tile), REST_MS)); // or it is being opened
  const session = tile.session;
  hush(tile);
  tile.player.end("resting"); // which says how long it was seen, while the tile knows of which view
  forgetView(tile);
  tile.isResting = true;
  views.leaveView(session);
}

function wake(tile) {
  if (!tile.isResting) return;
  tile.isResting = false;
  start(tile);
}

// The focus goes to the picture that takes its place.
export function remove(tile) {
  const [hadFocus, at] = [tile.element.contains(document.activeElement), tiles.indexOf(tile)];
  tile.player.leave(); // says how long it was seen, before the view ends
  leave(tile);
  sight.unobserve(tile.element);
  clearTimeout(tile.resting);
  tiles.splice(at, 1);
  tile.element.remove();
  number();
  if (hadFocus) (tiles[at] ?? tiles[at - 1])?.element.focus();
}

export function leave(tile) {
  if (!tile.session || tile.isOver) return;
  tile.isOver = true;
  views.leaveView(tile.session);
}

function finish(tile, words, state = END_OF[words] ?? (words ? "rules" : "closed")) {
  tile.isOver = true;
  tile.player.end(state, words);
}

// What the tile shows next is another view.
function forgetView(tile) {
  Object.assign(tile, { session: "", until: null, hasRun: false });
}

// From here on the tile is silent, and so is whatever it opens next.
function hush(tile) {
  tile.hasSound = tile.player.isHeard = false;
}

// The site has no sound to give, or says no to it: the picture comes back without.
async function silence(tile, words) {
  hush(tile);
  tile.session = "";
  tile.player.leave();
  say(`${tile.name}: ${words === CANNOT_START ? spoken(NO_SOUND) : `${spoken("Sound")}. ${spoken(words)}`}`);
  await start(tile);
}

// One question at a time for a view; news that come meanwhile are asked about once more.
export async function refreshView(tile) {
  if (tile.isAsking) return (tile.hasNews = true);
  tile.isAsking = true;
  do {
    tile.hasNews = false;
    await readView(tile).catch(() => setTimeout(() => refreshView(tile), AGAIN_MS));
  } while (tile.hasNews);
  tile.isAsking = false;
}

async function readView(tile) {
  const { session } = tile;
  if (!session || tile.isOver) return;
  const answer = await views.readView(session);
  const [view, gone] = answer.ok ? [await answer.json(), ""] : [null, await wordsOfGone(answer)];
  if (tile.session !== session || tile.isOver) return; // the answer is about a view that is not shown any more
  if (gone) return finish(tile, gone, "rules");
  if (!view) throw new Error(`no answer: ${answer.status}`);
  tile.until = new Date(view.horizon_at);
  if (view.ended_at || ["refused", "failed", "ended"].includes(view.state)) {
    // Without words it was left, but not by this page: the relay heard nothing of it for too long.
    if (tile.hasSound && !tile.hasRun && view.words) await silence(tile, view.words);
    else if (tile.hasRun && (view.words === LOST || view.words === "")) reopen(tile);
    else finish(tile, view.words);
  }
}

export function enlarge(tile) {
  const isLarge = !tile.element.classList.contains("is-large");
  for (const each of tiles) {
    each.element.classList.toggle("is-large", each === tile && isLarge);
  }
  enlargeByLayout();
  tile.element.focus();
}

export const largeTile = () => tiles.find((tile) => tile.element.classList.contains("is-large"));

// The tile that keys without a number are about: what is seen alone, what has the focus or is large, what had the focus last.
let lastFocused = null;
wall.addEventListener("focusin", ({ target }) => (lastFocused = holding(target) ?? lastFocused));
const holding = (element) => tiles.find((tile) => element && tile.element.contains(element));
export const currentTile = () => holding(document.fullscreenElement) ?? holding(document.activeElement) ?? largeTile() ?? tiles.find((tile) => tile === lastFocused) ?? tiles[0];

// News of one view; it may be told its name yet.
export function hearOf(session) {
  const concerned = tiles.filter((tile) => tile.session === session);
  if (!concerned.length && tiles.some((tile) => !tile.session && !tile.isOver && !tile.isResting)) early.add(session);
  concerned.forEach(refreshView);
}

// Something may have been said while we were not listening.
export function catchUp() {
  for (const tile of tiles) tile.session ? refreshView(tile) : (tile.hasMissed = true);
}

const left = (until) => {
  const seconds = Math.max(0, Math.round((until - Date.now()) / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
};

// At that moment it is decided anew, within a few seconds: a view that is permitted still has another end.
function askWhetherItGoesOn(tile) {
  const now = Date.now();
  if (!tile.session || tile.isOver || !tile.until || tile.until > now || now - (tile.askedAt ?? 0) < END_ASK_MS) return;
  tile.askedAt = now;
  refreshView(tile);
}

export function showTimes() {
  for (const element of views.root.querySelectorAll("[data-until]")) element.textContent = left(new Date(element.dataset.until));
  for (const tile of tiles) {
    tile.element.querySelector("footer .left").textContent = tile.until && !tile.isOver ? left(tile.until) : "";
    askWhetherItGoesOn(tile);
    const delay = tile.element.querySelector(".delay");
    delay.hidden = tile.isOver || tile.delayMs === undefined || !RUNNING.has(tile.player.state);
    delay.querySelector(".number").textContent = String(tile.delayMs ?? "");
  }
}

// The picture after or before the one that has the focus.
export function focusNext(step) {
  if (!tiles.length) return;
  const at = tiles.findIndex((tile) => tile.element.contains(document.activeElement));
  tiles[at < 0 ? 0 : (at + step + tiles.length) % tiles.length].element.focus();
}

export function fullScreen(tile) {
  if (document.fullscreenElement) document.exitFullscreen();
  else tile.player.requestFullscreen?.().catch(() => {}); // the player with its watermark, never the bare picture
}
