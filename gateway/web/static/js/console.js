// The console: starts the pictures of an opened incident, is driven by keys, and hears what is new. The wall, the list with
// the map, and the form for a recording are modules of their own.
import { localTimes } from "./app.js";
import { hearOfAsk } from "./ask-owner.js";
import { chooseNext, items, refreshCamera, refreshWaiting } from "./camera-list.js";
import { askForClip } from "./clip-form.js";
import { hearOfRecorded, offer, takeKey } from "./recorded.js";
import { offerPhone, sendToPhone } from "./phone-send.js";
import { offerSound, toggleSound } from "./sound.js";
import { offerStill, takeStill } from "./still.js";
import { isForKeys, showKeys } from "./keys.js";
import { listen } from "./news.js";
import { incident, readPage, root } from "./views.js";
import { chooseNextLayout } from "./layout.js";
import { catchUp, currentTile, enlarge, focusNext, fullScreen, hearOf, largeTile, leave, remove, showTimes, tiles, watch } from "./wall.js";

const AGAIN_MS = 2_000; // before what could not be read is asked for again

// --- keys

const isTyping = (target) => target.closest("input, select, textarea, dialog[open]") !== null;
const isBehind = () => document.querySelector("dialog:modal") !== null; // a key is the dialog's, wherever the focus went

document.addEventListener("keydown", (event) => {
  if (isBehind()) return;
  if (isForKeys(event)) return showKeys(event);
  if (event.ctrlKey || event.altKey || event.metaKey || takeKey(event) || isTyping(event.target)) return;
  if (event.repeat && !event.key.startsWith("Arrow")) return; // a key that is held closes one picture, not the wall
  const tile = currentTile();
  const onMap = event.target.closest("lens-scene") !== null;
  if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !onMap) {
    chooseNext(event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "Enter" && event.target.matches("li[data-camera]")) {
    event.target.querySelector(".watch")?.click();
  } else if (/^[1-9]$/.test(event.key) && tiles[event.key - 1]) {
    enlarge(tiles[event.key - 1]);
  } else if (event.key === "Enter" && event.target.matches(".tile")) {
    enlarge(tile);
  } else if (event.key === "l") {
    chooseNextLayout();
  } else if (event.key === "n" || event.key === "p") {
    focusNext(event.key === "n" ? 1 : -1);
  } else if (event.key === "f" && tile) {
    fullScreen(tile);
  } else if (event.key === "x" && tile) {
    remove(tile);
  } else if (event.key === "s" && tile) {
    takeStill(tile);
  } else if (event.key === "m" && tile) {
    sendToPhone(tile);
  } else if (event.key === "a" && tile) {
    toggleSound(tile);
  } else if (event.key === "r" && tile) {
    askForClip(tile.camera);
  } else if (event.key === "Escape") {
    const large = largeTile();
    if (large) enlarge(large);
    else if (incident) location.assign("/console");
    else return;
  } else return;
  event.preventDefault();
});

// --- recordings

document.getElementById("wall").addEventListener("lens-state", ({ target, detail }) => {
  const tile = tiles.find((one) => one.player === target);
  if (!tile) return;
  tile.isShown = detail.state === "live" || (detail.state === "catching-up" && tile.isShown === true); // one that falls behind keeps its buttons
  const state = tile.isShown ? "live" : detail.state;
  offerStill(tile, state);
  offerPhone(tile, state);
  offerSound(tile, state);
  if (state === "live") offer(tile);
});

// --- time, news, leaving

setInterval(showTimes, 1000);

let isRailLate = false;
let railAgain = 0;
document.getElementById("rail").addEventListener("focusout", () => isRailLate && setTimeout(refreshRail));

async function refreshRail() {
  clearTimeout(railAgain);
  const page = await readPage(`/console/rail?${new URLSearchParams({ here: incident ?? "" })}`).catch(() => (railAgain = setTimeout(refreshRail, AGAIN_MS), null));
  if (!page) return; // signed out: the page itself says so
  const fresh = page.body;
  const rail = document.getElementById("rail");
  isRailLate = rail.contains(document.activeElement); // nothing moves under who is there
  if (isRailLate) return;
  rail.replaceChildren(...[...fresh.childNodes].map((node) => document.adoptNode(node)));
  localTimes(rail);
}

// Nothing is said twice: what came while nobody listened is read.
function readWhatWasMissed() {
  refreshRail();
  refreshWaiting().catch(() => {});
  for (const { camera } of tiles) hearOfAsk(camera);
}

const heard = {
  changed: refreshRail,
  view: (session) => (hearOf(session), hearOfRecorded(session)),
  ask: (camera) => (refreshCamera(camera), hearOfAsk(camera)),
};
listen(root.dataset.events, heard, {
  opened: (hasMissed) => (catchUp(), hasMissed && readWhatWasMissed()),
  gaveUp: catchUp, // who is signed out learns it so
});
addEventListener("pagehide", () => {
  for (const tile of tiles) leave(tile);
});
addEventListener("pageshow", ({ persisted }) => {
  for (const { player } of persisted ? tiles : []) if (!player.hasAttribute("ended")) player.end("lost"); // as the page left it
});

// Opening the incident is the reason: its nearest permitted cameras start, nearest first.
for (const id of JSON.parse(root.dataset.starts || "[]")) {
  const item = items().find((each) => each.dataset.camera === id);
  if (item) watch(item, "incident");
}
for (const item of items()) {
  if ("granted" in item.dataset) watch(item, "person"); // its owner said yes while this page was closed
}
