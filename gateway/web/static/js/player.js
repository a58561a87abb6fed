// <lens-player>: one live view by WHEP. It says in words where it stands, measures how long the picture was on screen and
// enlarged, finds its way again when the network changes, and leaves politely. Which camera may be seen is decided
// elsewhere: `open` gets a call, not a camera. A call that is over is not opened again here; the page asks anew.
//
//   const identity = await viewerIdentity();                     // of ready.js; its fingerprint goes into the session request
//   const offer = await player.begin(identity, iceServers);      // may go along with the question; no promise where it waited
//   // a view with sound: player.begin(identity, iceServers, true), and player.isHeard = true within a gesture
//   player.open({ whep_url, ticket, call, refused, first });     // from the answer; calls by itself where there is neither call nor
//                                                                // refusal. first(signal) may get a picture by another way until then
//   player.end("resting" | "rules" | "closed" | "offline" | "lost" | "cannot-start", words);  // what the session's state says
//   player.enlarged = true;
// Events: `lens-state` {state, words}, `lens-first-picture` {milliseconds}, `lens-first-frame` {milliseconds}, `lens-delay` {milliseconds}, `lens-seen` {on_screen_s, enlarged_s},
// `lens-size` {lines}: so many pixels high from now on, 0 while it is off screen.

import { NOTHING, countsOf, delayOf, isBehind, passed } from "./delay.js";
import { causeOf, refusalOf } from "./refusals.js";
import { spoken } from "./words.js";

const WATCH_MS = 500; // how often the watchdog looks
const STALLED_LOOKS = 4; // 2 s without a decoded frame: what the browser itself does not report
const SEEN_EVERY_MS = 5_000;
const PULSE = "a=end-of-candidates\r\n"; // changes nothing: it says that we are here, where the engine cannot see it
const RESTART_MS = 1_500; // a network that has just changed answers within this, or is tried again
const START_MS = 12_000; // longer than relay and site take together

const WORDS = {
  idle: "",
  connecting: "Connecting",
  "catching-up": "Catching up",
  live: "Live",
  stalled: "The picture has stopped; trying to go on",
  rules: "Ended by the sharing rules",
  closed: "Closed",
  offline: "The camera is offline",
  lost: "The connection to the camera was lost",
  "cannot-start": "The picture cannot start",
  resting: "Stopped while out of sight",
};
class Refused extends Error {} // the call; its message is a cause that may be told, or empty

const ENDED = new Set(["resting", "rules", "closed", "offline", "lost", "cannot-start"]);

const valueOf = (sdp, name) => sdp.match(new RegExp(`^a=${name}:(.+?)\\r?$`, "m"))[1];

// What our SDP says of its ICE session, as RFC 8840 writes it.
function fragmentOf(sdp) {
  const lines = ["m=video 9 UDP/TLS/RTP/SAVPF 0", ...["mid", "ice-ufrag", "ice-pwd"].map((name) => `a=${name}:${valueOf(sdp, name)}`)];
  return lines.map((line) => `${line}\r\n`).join("");
}

// The former answer with the ICE session of a fragment; the relay stays where it is.
function withIceOf(fragment, sdp) {
  for (const name of ["ice-ufrag", "ice-pwd"]) sdp = sdp.replace(new RegExp(`^a=${name}:.+?(?=\\r?$)`, "gm"), () => `a=${name}:${valueOf(fragment, name)}`);
  return sdp;
}

export class LensPlayer extends HTMLElement {
  #video;
  #said;
  #peer = null;
  #offered = null;
  #began = 0;
  #resource = "";
  #pulse_ms = 0; // how often the engine wants to hear from us; 0 = it notices by itself
  #pulsedAt = 0;
  #isRestarting = false;
  #stopped = new AbortController();
  #state = "idle";
  #seen = { on_screen_s: 0, enlarged_s: 0 };
  #visible = false;
  #lookedAt = 0;
  #lines = 0; // as last told
  #sentAt = 0;
  #counts = NOTHING; // as they were at the last look
  #isGone = false; // the relay said goodbye
  #framed = new AbortController(); // aborted with the video's first frame
  #cover = null; // the picture that is there before it
  enlarged = false;
  #isHeard = false;
  isSparse = false; // pictures may come seldom, or not for a while: paused, or only key pictures

  constructor() {
    super();
    this.#video = Object.assign(document.createElement("video"), { muted: true, autoplay: true, playsInline: true });
    this.#said = Object.assign(document.createElement("p"), { className: "player-state" });
    this.#said.setAttribute("role", "status");
  }

  connectedCallback() {
    if (!this.#video.parentElement) this.append(this.#video, this.#said);
    const watcher = new IntersectionObserver((entries) => (this.#visible = entries.at(-1).isIntersecting));
    const attached = new AbortController();
    watcher.observe(this);
    addEventListener("online", () => this.#restart(), { signal: attached.signal });
    addEventListener("pagehide", () => this.leave(), { signal: attached.signal });
    this.#unwatch = () => {
      watcher.disconnect();
      attached.abort();
    };
  }

  disconnectedCallback() {
    this.#unwatch();
    this.leave();
  }

  #unwatch = () => {};

  get state() {
    return this.#state;
  }

  // Whether its sound is let through; a view without sound has none to let through.
  get isHeard() {
    return this.#isHeard;
  }

  set isHeard(isHeard) {
    this.#isHeard = isHeard;
    this.#video.muted = !isHeard;
  }

  get video() {
    return this.#video;
  }

  // Makes the offer and promises it, or gives the one that waited; nobody is called yet. With TURN among the servers, a place
  // there is sought while the gateway decides: the relay hears our checks from there as from anywhere else.
  begin({ certificate, peer: waited = null, offer: made = "" }, iceServers = [], hasSound = false) {
    this.leave();
    this.#stopped = new AbortController();
    this.#began = performance.now();
    this.#isGone = false;
    this.#framed = new AbortController();
    this.#counts = NOTHING;
    this.#say("connecting");
    const configuration = { certificates: [certificate], iceServers };
    const peer = (this.#peer = waited ?? new RTCPeerConnection(configuration));
    if (!waited) peer.addTransceiver("video", { direction: "recvonly" });
    else if (iceServers.length) peer.setConfiguration(configuration);
    if (hasSound) peer.addTransceiver("audio", { direction: "recvonly" });
    peer.addEventListener("track", ({ track, receiver }) => this.#show(track, receiver));
    const isMade = made && !hasSound;
    this.#offered = peer.setLocalDescription(isMade ? { type: "offer", sdp: made } : undefined);
    const offer = this.#offered.then(() => peer.localDescription.sdp);
    offer.catch(() => {}); // told by `open`
    return isMade ? made : offer;
  }

  // Calls the relay, unless that was done along with the question (`call`). The offer goes out before any candidate is
  // gathered: the relay learns our address from our checks, and drops candidates unread, so none are trickled.
  async open({ whep_url, ticket, call, refused, first }) {
    const [peer, stopped, began] = [this.#peer, this.#stopped, this.#began];
    if (!peer) return;
    this.#expectFrame(began, stopped.signal);
    if (first && !refused) this.#coverWith(first, began, AbortSignal.any([stopped.signal, this.#framed.signal]));
    try {
      await this.#offered;
      if (refused) throw new Refused(causeOf(refused));
      const { sdp, location, pulse_s } = call ?? (await this.#call(whep_url, ticket, stopped.signal));
      this.#resource = location;
      this.#pulse_ms = 1000 * (pulse_s ?? 0);
      await peer.setRemoteDescription({ type: "answer", sdp });
    } catch (error) {
      if (!stopped.signal.aborted) this.end("cannot-start", error instanceof Refused ? error.message : "");
      return;
    }
    this.#watch(peer, began, stopped.signal);
  }

  async #call(whep_url, ticket, signal) {
    const response = await fetch(whep_url, {
      method: "POST",
      body: this.#peer.localDescription.sdp,
      headers: { "content-type": "application/sdp", authorization: `Bearer ${ticket}` },
      credentials: "omit",
      signal,
    });
    if (response.status !== 201) throw new Refused(causeOf(await refusalOf(response)));
    const pulse_s = Number(response.headers.get("lenspact-pulse") ?? 0);
    return { sdp: await response.text(), location: response.headers.get("location"), pulse_s };
  }

  // The view is over; the last picture goes with it. Without `words` the state has its own.
  end(state, words = "") {
    this.leave();
    this.#say(state, words);
  }

  // Hang up, tell the relay, and tell the page what was seen.
  leave() {
    if (!this.#peer) return;
    this.#account();
    this.#report();
    this.#stopped.abort();
    this.#uncover();
    this.#peer.close();
    this.#peer = null;
    this.#video.srcObject = null;
    if (this.#resource) fetch(this.#resource, { method: "DELETE", keepalive: true, credentials: "omit" }).catch(() => {});
    this.#resource = "";
  }

  // Another way to the same call (RFC 9725 4.3.3): the picture's keys, numbers and rights stay. No answer, no change: the
  // former way may come back, and if the call is over the page learns it from the gateway.
  async #restart() {
    const [peer, signal] = [this.#peer, this.#stopped.signal];
    if (!peer || !this.#resource || this.#isRestarting || this.#isGone || peer.signalingState !== "stable") return;
    this.#isRestarting = true;
    try {
      const former = peer.remoteDescription.sdp;
      peer.restartIce();
      await peer.setLocalDescription();
      const answer = await this.#patch(fragmentOf(peer.localDescription.sdp), signal);
      if (answer.status !== 200) throw new Error(`restart refused: ${answer.status}`);
      await peer.setRemoteDescription({ type: "answer", sdp: withIceOf(await answer.text(), former) });
    } catch {
      if (peer.signalingState === "have-local-offer") await peer.setLocalDescription({ type: "rollback" }).catch(() => {});
    } finally {
      this.#isRestarting = false;
    }
  }

  #patch(fragment, signal) {
    return fetch(this.#resource, {
      method: "PATCH",
      body: fragment,
      headers: { "content-type": "application/trickle-ice-sdpfrag", "if-match": "*" },
      credentials: "omit",
      signal: AbortSignal.any([signal, AbortSignal.timeout(RESTART_MS)]),
    });
  }

  // One that gets lost is followed by the next.
  #beat(signal) {
    const now = performance.now();
    if (!this.#pulse_ms || now - this.#pulsedAt < this.#pulse_ms - WATCH_MS / 2) return;
    this.#pulsedAt = now;
    this.#patch(PULSE, signal).catch(() => {});
  }

  #show(track, receiver) {
    if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
    if (this.#video.srcObject) this.#video.srcObject.addTrack(track); // one stream, so that lips and words fit
    else this.#video.srcObject = new MediaStream([track]);
    if (track.kind === "video") this.#expectGoodbye(receiver.transport, this.#stopped.signal);
  }

  // The relay says goodbye as soon as it forwards nothing more: pictures still on their way to the screen stay away.
  #expectGoodbye(transport, signal) {
    transport?.addEventListener("statechange", () => {
      if (transport.state !== "closed" || signal.aborted) return;
      this.#isGone = true;
      this.#uncover();
      this.#video.srcObject = null;
      this.#say("stalled");
    });
  }

  #expectFrame(began, signal) {
    this.#video.requestVideoFrameCallback(() => {
      if (signal.aborted) return;
      if (this.#cover) this.#account(); // what was seen of it
      this.#framed.abort();
      this.#uncover();
      this.#lookedAt = performance.now();
      this.#say("catching-up");
      this.#emit("lens-first-frame", { milliseconds: Math.round(performance.now() - began) });
    });
  }

  // The picture that the connection will begin with, painted while it is on its way; it stays below the watermark.
  async #coverWith(first, began, signal) {
    const frame = await first(signal);
    if (!frame) return;
    if (!signal.aborted && !this.#isGone) {
      const { displayWidth: width, displayHeight: height } = frame;
      this.#cover = Object.assign(document.createElement("canvas"), { className: "first-picture", ariaHidden: "true", width, height });
      this.#cover.getContext("2d").drawImage(frame, 0, 0, width, height);
      this.#video.after(this.#cover);
      this.#lookedAt = performance.now();
      this.#say("catching-up");
      this.#emit("lens-first-picture", { milliseconds: Math.round(performance.now() - began) });
    }
    frame.close();
  }

  #uncover() {
    this.#cover?.remove();
    this.#cover = null;
  }

  // The browser tells late or never that a stream has stopped, so the decoded frames are watched (every half second).
  #watch(peer, began, signal) {
    let frames = 0;
    let still = 0;
    const timer = setInterval(async () => {
      if (signal.aborted || this.#isGone) return clearInterval(timer);
      this.#beat(signal);
      const stats = [...(await peer.getStats()).values()];
      const inbound = stats.find((s) => s.type === "inbound-rtp" && s.kind === "video");
      const decoded = inbound?.framesDecoded ?? 0;
      const fresh = decoded - frames;
      frames = decoded;
      if (signal.aborted || this.#isGone) return;
      still = fresh > 0 || this.isSparse ? 0 : still + 1;
      if (decoded === 0) {
        if (this.#cover) this.#account();
        if (performance.now() - began > START_MS) this.end("cannot-start");
      } else if (still >= STALLED_LOOKS) {
        this.#say("stalled");
        if (still % STALLED_LOOKS === 0) this.#restart();
      } else if (fresh > 0) {
        this.#account();
        this.#tellBehind(stats, inbound);
      }
    }, WATCH_MS);
  }

  // Where the cached pictures are still playing, or the line is too slow, they wait; and that is said as long as it lasts.
  #tellBehind(stats, inbound) {
    const [before, now] = [this.#counts, countsOf(inbound)];
    const since = passed(before, now);
    this.#counts = now;
    this.#say(isBehind(since.waited_ms, this.#state === "catching-up") ? "catching-up" : "live");
    const milliseconds = delayOf(stats, since);
    if (before !== NOTHING && milliseconds >= 0) this.#emit("lens-delay", { milliseconds });
  }

  #account() {
    const now = performance.now();
    const passed = this.#lookedAt ? Math.min((now - this.#lookedAt) / 1000, 2) : 0;
    this.#lookedAt = now;
    if (this.#state === "live") this.#measure();
    if (!passed || !this.#visible || document.hidden || !["live", "catching-up"].includes(this.#state)) return;
    this.#seen.on_screen_s += passed;
    if (this.enlarged) this.#seen.enlarged_s += passed;
    if (now - this.#sentAt >= SEEN_EVERY_MS) this.#report();
  }

  // A change of less than a fifth is not worth another stream.
  #measure() {
    const isSeen = this.#visible && !document.hidden;
    const lines = isSeen ? Math.round(this.#video.clientHeight * devicePixelRatio) : 0;
    if (Math.abs(lines - this.#lines) <= this.#lines / 5) return;
    this.#lines = lines;
    this.#emit("lens-size", { lines: Math.min(lines, 8640) });
  }

  // Totals since the view began, so that a lost report loses nothing.
  #report() {
    this.#sentAt = performance.now();
    const { on_screen_s, enlarged_s } = this.#seen;
    if (on_screen_s > 0) this.#emit("lens-seen", { on_screen_s: Math.round(on_screen_s), enlarged_s: Math.round(enlarged_s) });
  }

  #say(state, words = "") {
    if (state === this.#state) return;
    if (state === "connecting") Object.assign(this.#seen, { on_screen_s: 0, enlarged_s: 0 }), (this.#lines = 0);
    this.#state = this.dataset.state = state;
    this.#said.textContent = spoken(words || (this.dataset[`words${state.replace(/-/g, "")}`] ?? WORDS[state]));
    this.toggleAttribute("ended", ENDED.has(state));
    this.#emit("lens-state", { state, words: this.#said.textContent });
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }
}

customElements.define("lens-player", LensPlayer);
