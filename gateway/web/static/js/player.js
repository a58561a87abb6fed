// <lens-player>: one live view by WHEP. It says in words where it stands, measures how long the picture was on screen and
// enlarged, finds its way again when the network changes, and leaves politely. Which camera may be seen is decided
// elsewhere: `open` gets a call, not a camera. A call that is over is not opened again here; the page asks anew.
//
//   const identity = await viewerIdentity();                     // its fingerprint goes into the session request
//   player.begin(identity);                                      // makes the offer while the gateway decides
//   player.open({ whep_url, ticket });                           // from the answer of POST /api/v1/live-sessions
//   player.end("rules" | "closed" | "offline" | "lost" | "cannot-start");  // what the session's state says
//   player.enlarged = true;
// Events: `lens-state` {state, words}, `lens-first-frame` {milliseconds}, `lens-seen` {on_screen_s, enlarged_s}.

import { spoken } from "./words.js";

const WATCH_MS = 500; // how often the watchdog looks
const STALLED_LOOKS = 4; // 2 s without a decoded frame: what the browser itself does not report
const BEHIND_MS = 500; // further behind than this = still catching up with the cached pictures
const SEEN_EVERY_MS = 5_000;
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
};
const ENDED = new Set(["rules", "closed", "offline", "lost", "cannot-start"]);

// The certificate a view is bound to, so that the ticket can name it; the next one is made before it is asked for.
let spare = null;

export function viewerIdentity() {
  const mine = spare ?? makeIdentity();
  spare = makeIdentity();
  return mine;
}

async function makeIdentity() {
  const certificate = await RTCPeerConnection.generateCertificate({ name: "ECDSA", namedCurve: "P-256" });
  const sha256 = certificate.getFingerprints().find((f) => f.algorithm === "sha-256");
  return { certificate, fingerprint: sha256.value.toUpperCase() };
}

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
  #isRestarting = false;
  #stopped = new AbortController();
  #state = "idle";
  #seen = { on_screen_s: 0, enlarged_s: 0 };
  #visible = false;
  #lookedAt = 0;
  #sentAt = 0;
  #isGone = false; // the relay said goodbye
  enlarged = false;

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

  get video() {
    return this.#video;
  }

  // Makes the offer; nobody is called yet.
  begin(identity) {
    this.leave();
    this.#stopped = new AbortController();
    this.#began = performance.now();
    this.#isGone = false;
    this.#say("connecting");
    const peer = (this.#peer = new RTCPeerConnection({ certificates: [identity.certificate] }));
    peer.addTransceiver("video", { direction: "recvonly" });
    peer.addEventListener("track", ({ track, receiver }) => this.#show(track, receiver));
    this.#offered = peer.setLocalDescription();
    this.#offered.catch(() => {}); // told by `open`
  }

  // Calls the relay. The offer goes out before any candidate is gathered: the relay learns our address from our checks,
  // and drops candidates unread, so none are trickled.
  async open({ whep_url, ticket }) {
    const [peer, stopped, began] = [this.#peer, this.#stopped, this.#began];
    if (!peer) return;
    this.#expectFrame(began, stopped.signal);
    try {
      await this.#offered;
      const response = await fetch(whep_url, {
        method: "POST",
        body: peer.localDescription.sdp,
        headers: { "content-type": "application/sdp", authorization: `Bearer ${ticket}` },
        credentials: "omit",
        signal: stopped.signal,
      });
      if (response.status !== 201) throw new Error(`call refused: ${response.status}`);
      this.#resource = response.headers.get("location");
      await peer.setRemoteDescription({ type: "answer", sdp: await response.text() });
    } catch (error) {
      if (!stopped.signal.aborted) this.end("cannot-start");
      return;
    }
    this.#watch(peer, began, stopped.signal);
  }

  // The view is over; the last picture goes with it.
  end(state) {
    this.leave();
    this.#say(state);
  }

  // Hang up, tell the relay, and tell the page what was seen.
  leave() {
    if (!this.#peer) return;
    this.#account();
    this.#report();
    this.#stopped.abort();
    this.#peer.close();
    this.#peer = null;
    this.#video.srcObject = null;
    if (this.#resource) fetch(this.#resource, { method: "DELETE", keepalive: true, credentials: "omit" }).catch(() => {});
    this.#resource = "";
  }

  // Another way to the same call (RFC 9725 4.3.3): the picture's keys, numbers and rights stay. No answer, no change: the
  // former way may come back, and if the call is over the page learns it from the gateway.
  async #restart() {
    const [peer, resource, signal] = [this.#peer, this.#resource, this.#stopped.signal];
    if (!peer || !resource || this.#isRestarting || this.#isGone || peer.signalingState !== "stable") return;
    this.#isRestarting = true;
    try {
      const former = peer.remoteDescription.sdp;
      peer.restartIce();
      await peer.setLocalDescription();
      const answer = await fetch(resource, {
        method: "PATCH",
        body: fragmentOf(peer.localDescription.sdp),
        headers: { "content-type": "application/trickle-ice-sdpfrag", "if-match": "*" },
        credentials: "omit",
        signal: AbortSignal.any([signal, AbortSignal.timeout(RESTART_MS)]),
      });
      if (answer.status !== 200) throw new Error(`restart refused: ${answer.status}`);
      await peer.setRemoteDescription({ type: "answer", sdp: withIceOf(await answer.text(), former) });
    } catch {
      if (peer.signalingState === "have-local-offer") await peer.setLocalDescription({ type: "rollback" }).catch(() => {});
    } finally {
      this.#isRestarting = false;
    }
  }

  #show(track, receiver) {
    if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
    this.#video.srcObject = new MediaStream([track]);
    this.#expectGoodbye(receiver.transport, this.#stopped.signal);
  }

  // The relay says goodbye as soon as it forwards nothing more: pictures still on their way to the screen stay away.
  #expectGoodbye(transport, signal) {
    transport?.addEventListener("statechange", () => {
      if (transport.state !== "closed" || signal.aborted) return;
      this.#isGone = true;
      this.#video.srcObject = null;
      this.#say("stalled");
    });
  }

  #expectFrame(began, signal) {
    this.#video.requestVideoFrameCallback(() => {
      if (signal.aborted) return;
      this.#lookedAt = performance.now();
      this.#say("catching-up");
      this.#emit("lens-first-frame", { milliseconds: Math.round(performance.now() - began) });
    });
  }

  // The browser tells late or never that a stream has stopped, so the decoded frames are watched (every half second).
  #watch(peer, began, signal) {
    let frames = 0;
    let still = 0;
    const timer = setInterval(async () => {
      if (signal.aborted || this.#isGone) return clearInterval(timer);
      const inbound = [...(await peer.getStats()).values()].find((s) => s.type === "inbound-rtp" && s.kind === "video");
      const decoded = inbound?.framesDecoded ?? 0;
      const fresh = decoded - frames;
      frames = decoded;
      if (signal.aborted || this.#isGone) return;
      still = fresh > 0 ? 0 : still + 1;
      if (decoded === 0) {
        if (performance.now() - began > START_MS) this.end("cannot-start");
      } else if (still >= STALLED_LOOKS) {
        this.#say("stalled");
        if (still % STALLED_LOOKS === 0) this.#restart();
      } else if (fresh > 0) {
        this.#account();
        this.#say(this.#isBehind(inbound, fresh) ? "catching-up" : "live");
      }
    }, WATCH_MS);
  }

  // While the cached pictures play, frames come faster than the camera makes them, or wait in the jitter buffer.
  #isBehind(inbound, fresh) {
    const rate = inbound.framesPerSecond ?? 0;
    const waiting = (1000 * (inbound.jitterBufferDelay ?? 0)) / Math.max(1, inbound.jitterBufferEmittedCount ?? 0);
    return this.#state !== "live" && fresh > 2 * rate * (WATCH_MS / 1000) && waiting > BEHIND_MS;
  }

  #account() {
    const now = performance.now();
    const passed = this.#lookedAt ? Math.min((now - this.#lookedAt) / 1000, 2) : 0;
    this.#lookedAt = now;
    if (!passed || !this.#visible || document.hidden || !["live", "catching-up"].includes(this.#state)) return;
    this.#seen.on_screen_s += passed;
    if (this.enlarged) this.#seen.enlarged_s += passed;
    if (now - this.#sentAt >= SEEN_EVERY_MS) this.#report();
  }

  // Totals since the view began, so that a lost report loses nothing.
  #report() {
    this.#sentAt = performance.now();
    const { on_screen_s, enlarged_s } = this.#seen;
    if (on_screen_s > 0) this.#emit("lens-seen", { on_screen_s: Math.round(on_screen_s), enlarged_s: Math.round(enlarged_s) });
  }

  #say(state) {
    if (state === this.#state) return;
    if (state === "connecting") Object.assign(this.#seen, { on_screen_s: 0, enlarged_s: 0 });
    this.#state = this.dataset.state = state;
    this.#said.textContent = spoken(this.dataset[`words${state.replace(/-/g, "")}`] ?? WORDS[state]);
    this.toggleAttribute("ended", ENDED.has(state));
    this.#emit("lens-state", { state, words: this.#said.textContent });
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }
}

customElements.define("lens-player", LensPlayer);
