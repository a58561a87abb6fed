// One live picture on one phone. The secret stands behind the # of the address, so no server's log has it; a press of Watch
// gives the link to this device, which gets a cookie that no script reads. From then on the page asks for the picture as often
// as the network makes it, and stops for good when the gateway says that it is over.
import "./player.js";
import { viewerIdentity } from "./ready.js";
import { Watermark } from "./watermark.js";

const EVERY_MS = 1_000; // the clock, and how often it is asked about while there is no picture
const CALM_MS = 5_000; // how often while there is one: the player itself hears of an end at once
const ANSWER_MS = 4_000;
const AGAIN_MS = 400; // before the picture is asked for again; doubled each time up to the next
const AGAIN_MOST_MS = 2_000;

const root = document.getElementById("phone");
const pages = ["start", "live", "over"].map((name) => document.getElementById(`phone-${name}`));
const part = (name) => root.querySelector(`[data-part="${name}"]`);
const player = root.querySelector("lens-player");
const watermark = new Watermark(player);
const watchButton = document.getElementById("phone-watch");
let token = location.hash.slice(1);
let facts = null; // of the link, once it is this device's
let endsAt = 0; // by this page's own clock: a phone's time of day may be wrong
let isWatching = false;
let isConnecting = false;
let isAsking = false;
let askedAt = 0;
let lock = null;

class Refused extends Error {}

async function ask(path, body) {
  const init = body ? { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json", accept: "application/json" } } : { headers: { accept: "application/json" } };
  const answer = await fetch(path, { ...init, cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS * (body ? 4 : 1)) });
  const said = answer.status === 204 ? null : await answer.json();
  if (answer.ok) return said;
  if ([403, 404, 409].includes(answer.status)) throw new Refused(said.detail);
  throw new Error(said.detail ?? `no answer: ${answer.status}`);
}

const show = (name) => pages.forEach((each) => (each.hidden = each.id !== `phone-${name}`));

function take(told) {
  facts = { ...facts, ...told };
  endsAt = performance.now() + told.left_s * 1000;
  for (const name of ["camera", "recipient", "sender", "agency"]) part(name).textContent = facts[name];
}

function over(words) {
  isWatching = false;
  player.leave();
  lock?.release().catch(() => {});
  part("words").textContent = words;
  show("over");
  pages[2].querySelector("h1").focus();
}

// --- before the picture

async function begin() {
  if (watchButton.getAttribute("aria-disabled") === "true") return;
  watchButton.setAttribute("aria-disabled", "true");
  part("trouble").textContent = "";
  try {
    if (token) {
      take(await ask("/phone/open", { token }));
      token = "";
      history.replaceState(null, "", location.pathname); // nobody reads it over a shoulder, or out of the history
    } else if (!facts) take(await ask("/phone/state"));
    isWatching = true;
    show("live");
    document.getElementById("phone-close").focus();
    navigator.wakeLock?.request("screen").then((got) => (lock = got), () => {});
    await connect();
  } catch (error) {
    if (error instanceof Refused) over(error.message);
    else part("trouble").textContent = root.dataset.noanswer;
  } finally {
    watchButton.removeAttribute("aria-disabled");
  }
}

// --- the picture

async function connect() {
  if (isConnecting) return;
  isConnecting = true;
  try {
    for (let pause = AGAIN_MS; isWatching; pause = Math.min(2 * pause, AGAIN_MOST_MS)) {
      if (await connectOnce()) return;
      await new Promise((ok) => setTimeout(ok, pause));
    }
  } finally {
    isConnecting = false;
  }
}

// Whether there is nothing more to try: a call is under way, or all is over.
async function connectOnce() {
  try {
    const identity = await viewerIdentity();
    const view = await ask("/phone/view", { dtls_fingerprint: identity.fingerprint });
    if (!isWatching) return true; // the relay lets go by itself of what nobody calls
    endsAt = performance.now() + view.left_s * 1000;
    player.begin(identity, view.ice_servers);
    tick();
    watermark.show({ who: `${facts.sender} → ${facts.recipient}`, code: view.mark });
    player.open(view);
    return true;
  } catch (error) {
    if (!(error instanceof Refused)) return false;
    over(error.message);
    return true;
  }
}

// How it stands at the gateway; a view that was lost is asked for again, and decided again.
async function check() {
  if (isAsking || isConnecting || !isWatching || document.hidden) return;
  isAsking = true;
  askedAt = performance.now();
  try {
    const told = await ask("/phone/state");
    if (!isWatching) return;
    if (told.standing !== "opened") return over(told.words);
    if (!told.is_shown) connect();
  } catch (error) {
    if (error instanceof Refused) over(error.message);
  } finally {
    isAsking = false;
  }
}

player.addEventListener("lens-state", ({ detail }) => {
  part("badge").hidden = detail.state !== "live";
  root.dataset.state = detail.state;
  if (["stalled", "cannot-start", "offline"].includes(detail.state)) check();
});
player.addEventListener("lens-seen", ({ detail }) => ask("/phone/seen", { on_screen_s: detail.on_screen_s }).catch(() => {}));
for (const news of ["online", "pageshow"]) addEventListener(news, check);
document.addEventListener("visibilitychange", check);

function tick() {
  if (!isWatching) return;
  const seconds = Math.max(0, Math.round((endsAt - performance.now()) / 1000));
  part("left").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  if (performance.now() - askedAt >= (player.state === "live" && seconds ? CALM_MS : EVERY_MS)) check();
}
setInterval(tick, EVERY_MS);

watchButton.addEventListener("click", begin);
document.getElementById("phone-close").addEventListener("click", () => {
  isWatching = false;
  player.leave();
  lock?.release().catch(() => {});
  show("start");
  watchButton.focus();
});

// Without a secret this may be the device that has the link already: reading that opens nothing.
if (!token) {
  try {
    const told = await ask("/phone/state");
    if (told.standing === "opened") take(told);
    else over(told.words);
  } catch (error) {
    if (error instanceof Refused) over(root.dataset.nolink);
    else part("trouble").textContent = root.dataset.noanswer; // the device may have it all the same
  }
}
