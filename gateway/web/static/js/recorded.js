// <lens-recorded>: the recording of one tile's camera, over its live picture: a time line with what is recorded and what
// is not, small pictures, play at half to eight times the speed, one picture on or back. The live view goes on beneath it,
// so that the way back is at once. What may be shown is decided by the gateway and again on site; this only asks.
import { announce, hide } from "./app.js";
import { offerAsk, openAsk } from "./ask-owner.js";
import { viewerIdentity } from "./ready.js";
import { CANNOT_START, refusalOf, wordsOf, wordsOfGone } from "./refusals.js";
import * as views from "./views.js";
import { Watermark } from "./watermark.js";
import { currentTile, enlarge } from "./wall.js";
import { spoken } from "./words.js";

const RECORDED = "/api/v1/recorded-views";
const BACK_MS = 30_000; // from live
const JUMP_MS = 10_000; // within the recording
const SPEEDS = [50, 100, 200, 400, 800]; // percent
const KEYS_ONLY = 400; // from here on pictures come seldom, and that is no fault
const ASK_MS = 2_000; // how often it is asked where it plays, for a hole in the recording is skipped by itself
const SCRUB_MS = 120; // between two orders of a hand on the time line
const START_MS = 15_000;
const SMALL = 6;

const clock = new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: "medium" });
const exact = new Intl.DateTimeFormat(document.documentElement.lang, { hour: "numeric", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 1 });
const pause = (ms) => new Promise((ok) => setTimeout(ok, ms));

class LensRecorded extends HTMLElement {
  #player;
  #range = [0, 0];
  #session = "";
  #mark = { who: "", code: "" }; // over its pictures, small ones too
  #anchors = []; // {ticks, at, speed}: which moment a place in the stream is, the newest last
  #place = { speed_percent: 100, is_paused: false, is_over: false };
  #shown = 0; // the moment on the screen
  #timer = 0;
  #order = null; // the newest that waits for the one before it
  #isAsking = false;
  #isHeld = false; // a hand is on the time line
  #isOver = false;
  #isLeft = false; // the gateway knows that nobody looks any more
  #sight = new IntersectionObserver((entries) => entries.at(-1).isIntersecting || this.#rest());
  #hidden = () => document.hidden && this.#rest();

  #part(name) {
    return this.querySelector(`[data-part="${name}"]`);
  }

  get session() {
    return this.#session;
  }

  // Unseen, nothing plays.
  #rest() {
    if (!this.#place.is_paused) this.#steer({ is_paused: true });
  }

  // Opens the recording of `camera` at a moment; false and a sentence where it cannot be.
  async open({ camera, name, at, confirmation }) {
    this.append(document.getElementById("recorded").content.cloneNode(true));
    this.#player = this.querySelector("lens-player");
    this.#player.isSparse = true;
    this.#player.enlarged = true;
    this.#player.addEventListener("lens-seen", (event) => {
      event.stopPropagation();
      if (this.#session) views.reportSeen(this.#session, event.detail);
    });
    this.#player.addEventListener("lens-state", (event) => {
      event.stopPropagation(); // the live picture's own state is another's
      if (event.detail.state !== "cannot-start" || this.#isOver) return;
      this.#giveUp(event.detail.words);
    });
    this.#listen();
    const identity = await viewerIdentity();
    if (!this.isConnected) return; // closed meanwhile
    this.#player.begin(identity, views.iceServers());
    const wish = { camera_id: camera, purpose: views.purpose, incident_id: views.incident, dtls_fingerprint: identity.fingerprint, at: new Date(at).toISOString(), on_behalf_of: views.behalf ?? "", confirmation_id: confirmation ?? "" };
    const answer = await views.post(RECORDED, wish).catch(() => null);
    if (answer?.status !== 201) return this.#end(answer ? wordsOf(await refusalOf(answer, answer.status === 401)) : CANNOT_START);
    const view = await answer.json();
    this.#session = view.session_id;
    if (!this.isConnected) return this.#leave(); // closed meanwhile
    this.#range = [Date.parse(view.range_from), Date.parse(view.range_to)];
    this.#show(at);
    this.#mark = { who: views.root.dataset.viewer, code: view.mark };
    new Watermark(this.#player).show(this.#mark);
    this.#player.open(view);
    this.#sight.observe(this);
    document.addEventListener("visibilitychange", this.#hidden);
    this.#follow();
    announce(`${name}: ${spoken("Recording")}`);
    await this.#begin();
  }

  // The site opens the recording while the browser calls the relay: until then it knows no such view.
  async #begin() {
    for (const until = performance.now() + START_MS; !this.#isOver && performance.now() < until; await pause(250)) {
      const answer = await views.post(this.#url("playback"), {}).catch(() => null);
      if (this.#isOver) return;
      if (answer?.ok) {
        this.#take(await answer.json());
        this.#timer = setInterval(() => this.#isAsking || this.#place.is_paused || this.#steer({}), ASK_MS);
        return this.#thumbnails(await this.#cover()).catch(() => {}); // it plays without them
      }
      if (answer?.status === 404) return this.hear();
    }
    if (!this.#isOver) this.#giveUp(CANNOT_START);
  }

  #url(what) {
    return `/api/v1/live-sessions/${this.#session}/${what}`;
  }

  // --- orders, one at a time: of those that come meanwhile the newest goes next

  async #steer(order) {
    if (!this.#session || this.#isOver) return;
    if (this.#isAsking) return void (this.#order = { ...this.#order, ...order });
    this.#isAsking = true;
    try {
      const answer = await views.post(this.#url("playback"), order);
      if (answer.ok) this.#take(await answer.json());
      else if (answer.status === 404) this.hear();
    } catch {
      // no network: asked again with the next order
    } finally {
      this.#isAsking = false;
    }
    const next = this.#order;
    this.#order = null;
    if (next) await this.#steer(next);
  }

  #take(place) {
    this.#place = place;
    const anchor = { ticks: place.ticks, at: Date.parse(place.anchored_at), speed: place.is_paused ? 0 : place.speed_percent / 100 };
    const last = this.#anchors.at(-1);
    if (!last || last.ticks !== anchor.ticks || last.speed !== anchor.speed) this.#anchors = [...this.#anchors, anchor].slice(-20);
    if (place.is_paused && !this.#isHeld) this.#show(Date.parse(place.position));
    this.dataset.state = place.is_over ? "over" : place.is_paused ? "paused" : "playing";
    this.#part("play").hidden = !place.is_paused;
    this.#part("pause").hidden = place.is_paused;
    this.#part("speed").textContent = `${place.speed_percent / 100}×`;
    this.#part("over").hidden = !place.is_over;
  }

  toggle() {
    if (this.#place.is_over) this.#steer({ position: this.#iso(this.#range[0]), is_paused: false });
    else this.#steer({ is_paused: !this.#place.is_paused });
  }

  step(count) {
    this.#steer({ step: count });
  }

  jump(ms) {
    this.#go(this.#shown + ms);
  }

  faster(by) {
    const next = SPEEDS[SPEEDS.indexOf(this.#place.speed_percent) + by];
    if (next) this.#steer({ speed_percent: next }).then(() => announce(this.#part("speed").textContent));
  }

  #go(moment, order = {}) {
    this.#show(moment);
    return this.#steer({ position: this.#iso(moment), ...order });
  }

  #iso(moment) {
    return new Date(Math.min(Math.max(moment, this.#range[0]), this.#range[1])).toISOString();
  }

  // --- what is shown

  #show(moment) {
    this.#shown = Math.min(Math.max(moment, this.#range[0]), this.#range[1]);
    const line = this.#part("line");
    line.max = String((this.#range[1] - this.#range[0]) / 1000);
    if (!this.#isHeld) line.value = String((this.#shown - this.#range[0]) / 1000);
    line.setAttribute("aria-valuetext", clock.format(this.#shown));
    this.#part("time").textContent = exact.format(this.#shown);
    this.#part("from").textContent = clock.format(this.#range[0]);
    this.#part("to").textContent = clock.format(this.#range[1]);
  }

  // Each picture on the screen says its place in the stream; the anchor before it says which moment that is.
  #follow() {
    const video = this.#player.video;
    const look = (_, frame) => {
      if (this.#isOver || !this.isConnected) return;
      const anchor = this.#anchors.findLast((one) => one.ticks <= frame.rtpTimestamp);
      if (anchor && !this.#isHeld && !this.#isAsking) this.#show(anchor.at + ((frame.rtpTimestamp - anchor.ticks) / 90) * anchor.speed);
      video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
  }

  async #cover() {
    const said = await views.readOfSite(this.#url("coverage"));
    if (!said) return [];
    const { spans, gaps } = said;
    const [from, to] = this.#range;
    const bar = this.#part("coverage");
    bar.replaceChildren(
      ...spans.map(([start, end]) => {
        const piece = document.createElement("span");
        piece.style.left = `${(100 * (Date.parse(start) - from)) / (to - from)}%`;
        piece.style.width = `${(100 * (Date.parse(end) - Date.parse(start))) / (to - from)}%`;
        return piece;
      }),
    );
    this.#part("gaps").hidden = !gaps.length;
    return spans.map(([start, end]) => [Date.parse(start), Date.parse(end)]);
  }

  // Spread over what is recorded, so that none falls into a hole.
  async #thumbnails(spans) {
    const recorded = spans.reduce((sum, [start, end]) => sum + end - start, 0);
    const moment = (left) => {
      for (const [start, end] of spans) {
        if (left < end - start) return new Date(start + left).toISOString();
        left -= end - start;
      }
      return null;
    };
    const moments = Array.from({ length: SMALL }, (_, i) => moment(((i + 0.5) * recorded) / SMALL)).filter(Boolean);
    if (!moments.length) return;
    const said = await views.readOfSite(`${this.#url("thumbnails")}?${new URLSearchParams({ at: moments.join(",") })}`);
    const seen = new Set();
    for (const [at, jpeg] of said?.pictures ?? []) {
      if (seen.has(at)) continue;
      seen.add(at);
      const item = this.#part("small").content.firstElementChild.cloneNode(true);
      const image = item.querySelector("img");
      image.src = `data:image/jpeg;base64,${jpeg}`;
      image.alt = clock.format(new Date(at));
      item.querySelector("[data-part=at]").textContent = clock.format(new Date(at));
      item.querySelector("button").addEventListener("click", () => this.#go(Date.parse(at)));
      this.#part("strip").append(item);
      if (this.#mark.code) new Watermark(item.querySelector(".small-picture")).show(this.#mark);
    }
  }

  // --- the hand

  #listen() {
    const acts = { play: () => this.toggle(), pause: () => this.toggle(), back: () => this.jump(-JUMP_MS), forward: () => this.jump(JUMP_MS), previous: () => this.step(-1), next: () => this.step(1), slower: () => this.faster(-1), faster: () => this.faster(1), live: () => this.close() };
    for (const [name, act] of Object.entries(acts)) this.#part(name).addEventListener("click", act);
    const line = this.#part("line");
    let asked = 0;
    let wasPaused = true;
    line.addEventListener("input", () => {
      if (!this.#isHeld) wasPaused = this.#place.is_paused;
      this.#isHeld = true;
      const moment = this.#range[0] + Number(line.value) * 1000;
      this.#show(moment);
      if (performance.now() - asked < SCRUB_MS) return;
      asked = performance.now();
      this.#steer({ position: this.#iso(moment), is_paused: true });
    });
    line.addEventListener("change", () => {
      this.#isHeld = false;
      this.#go(this.#range[0] + Number(line.value) * 1000, { is_paused: wasPaused });
    });
  }

  // --- the end

  // News of this view, or none where some were expected.
  async hear() {
    if (!this.#session || this.#isOver) return;
    const answer = await views.readView(this.#session).catch(() => null);
    const gone = answer ? await wordsOfGone(answer) : "";
    if (this.#isOver) return;
    if (!answer?.ok && !gone) return void setTimeout(() => this.hear(), ASK_MS); // no answer is no end
    const view = gone ? { ended_at: true, words: gone } : await answer.json();
    if (!view.ended_at) return;
    this.#isLeft = true;
    this.#end(view.words || spoken("Closed"));
  }

  #end(words) {
    this.#isOver = true;
    clearInterval(this.#timer);
    this.#player.end("rules", words);
    this.dataset.state = "ended";
    for (const field of this.querySelectorAll("input, button:not([data-part=live])")) field.disabled = true;
    announce(spoken(words));
  }

  // It cannot go on here, which the gateway does not know.
  #giveUp(words) {
    this.#end(words);
    this.#leave();
  }

  #leave() {
    if (this.#session && !this.#isLeft) {
      this.#isLeft = true;
      views.leaveView(this.#session);
    }
    this.#isOver = true;
    clearInterval(this.#timer);
  }

  close() {
    const tile = this.closest(".tile");
    this.#leave();
    this.remove();
    tile?.classList.remove("is-recorded");
    tile?.focus();
  }

  fullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.#player.requestFullscreen?.().catch(() => {}); // the player with its watermark
  }

  disconnectedCallback() {
    this.#sight.disconnect();
    document.removeEventListener("visibilitychange", this.#hidden);
    this.#leave();
  }
}

customElements.define("lens-recorded", LensRecorded);

// --- the wall's part of it

export const recordingOf = (tile) => tile?.element.querySelector("lens-recorded") ?? null;

// Thirty seconds back in a tile whose camera's recording may be seen.
export function goBack(tile) {
  if (!tile || recordingOf(tile)) return;
  const element = document.createElement("lens-recorded");
  tile.element.classList.add("is-recorded");
  tile.element.querySelector("lens-player").after(element);
  if (!tile.element.classList.contains("is-large")) enlarge(tile);
  element.open({ camera: tile.camera, name: tile.name, at: Date.now() - BACK_MS, confirmation: tile.ways?.recorded?.confirmation });
  if (tile.isBackOnce) tile.element.querySelector(".back-30").hidden = true; // the owner's yes is used up
}

// A picture that runs asks whether its recording may be seen as well, or its owner asked; else there is no button.
export async function offer(tile) {
  const button = tile.element.querySelector(".back-30");
  if (!button || button.dataset.asked || !views.incident) return;
  button.dataset.asked = "";
  button.onclick ??= () => goBack(tile);
  await look(tile, button);
}

async function look(tile, button) {
  const wish = () => ({ camera_id: tile.camera, purpose: views.purpose, incident_id: views.incident, at: new Date().toISOString() });
  const query = new URLSearchParams({ ...wish(), on_behalf_of: views.behalf ?? "", confirmation_id: tile.ways?.recorded?.confirmation ?? "" });
  const answer = await views.readJson(`${RECORDED}?${query}`);
  const said = answer ?? { range_from: null };
  if (!answer) delete button.dataset.asked; // asked again when the picture is live again
  hide(button, said.range_from === null, tile.element);
  tile.isBackOnce = said.is_once === true;
  const way = { url: `${RECORDED}/asks`, second: "/console/look-back", wish, open: () => goBack(tile), again: () => look(tile, button) };
  offerAsk(tile, "recorded", way, { mayAsk: said.may_ask === true, maySecond: said.may_second === true, isGiven: tile.isBackOnce });
  tile.element.querySelector(".only-live").hidden = !(tile.isOnce || tile.confirmation) || !button.hidden || said.may_ask === true || said.may_second === true;
}

export function hearOfRecorded(session) {
  for (const element of document.querySelectorAll("lens-recorded")) if (element.session === session) element.hear();
}

const KEYS = {
  " ": (recording) => recording.toggle(),
  ",": (recording) => recording.step(-1),
  ".": (recording) => recording.step(1),
  "<": (recording) => recording.faster(-1),
  ">": (recording) => recording.faster(1),
  ArrowLeft: (recording) => recording.jump(-JUMP_MS),
  ArrowRight: (recording) => recording.jump(JUMP_MS),
  f: (recording) => recording.fullScreen(),
  l: (recording) => recording.close(),
};

// Whether a key was about a recording. On the time line the arrows do the same; elsewhere in a field keys are text.
export function takeKey(event) {
  const isLine = event.target.closest("lens-recorded [data-part=line]") !== null;
  if (!isLine && event.target.closest("input, select, textarea, dialog[open], lens-scene")) return false;
  if (event.key === " " && event.target.closest("button, a")) return false;
  const tile = currentTile();
  const recording = recordingOf(tile);
  if (recording && KEYS[event.key]) KEYS[event.key](recording);
  else if (!recording && event.key === "ArrowLeft" && tile?.element.querySelector(".back-30:not([hidden])")) goBack(tile);
  else if (!recording && event.key === "ArrowLeft" && openAsk(tile, "recorded")) return event.preventDefault(), true;
  else return false;
  event.preventDefault();
  return true;
}
