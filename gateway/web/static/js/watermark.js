// Who saw a picture, and when, laid over it where its owner's rules ask for that: a name, the time, and a code that leads
// from a photo of the screen to the entry of the log. Drawn along the diagonal, faint but readable, and inside the player, so
// that it stays in full screen.
const EVERY_MS = 1_000;
const TILT_RAD = -0.35;
const INK = "rgb(255 255 255 / 0.3)";
const EDGE = "rgb(0 0 0 / 0.3)"; // readable on a bright picture too

const clock = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" }); // 2026-11-28 17:20:05

export class Watermark {
  #canvas = Object.assign(document.createElement("canvas"), { className: "watermark", ariaHidden: "true" });
  #said = "";
  #timer = 0;

  constructor(player) {
    player.querySelector("video").after(this.#canvas);
    player.video.disablePictureInPicture = true; // there it would be left behind
    new ResizeObserver(() => this.#draw()).observe(player);
  }

  // Lays it over the picture; an empty code takes it away.
  show({ who, code }) {
    clearInterval(this.#timer);
    this.#said = code && `${who} · ${code.slice(0, 4)}-${code.slice(4)}`;
    this.#canvas.dataset.says = this.#said;
    if (this.#said) this.#timer = setInterval(() => (this.#canvas.isConnected ? this.#draw() : clearInterval(this.#timer)), EVERY_MS);
    this.#draw();
  }

  #draw() {
    const scale = devicePixelRatio || 1;
    const { width, height } = this.#canvas.getBoundingClientRect();
    Object.assign(this.#canvas, { width: width * scale, height: height * scale }); // which clears it
    const context = this.#canvas.getContext("2d");
    if (!this.#said || !context) return;
    const size = Math.max(11, Math.min(30, height / 14));
    const text = `${this.#said} · ${clock.format(new Date())}`;
    context.scale(scale, scale);
    context.translate(width / 2, height / 2);
    context.rotate(TILT_RAD);
    Object.assign(context, { font: `600 ${size}px system-ui, sans-serif`, fillStyle: INK, strokeStyle: EDGE, lineWidth: size / 6, textAlign: "center" });
    const [step, reach] = [context.measureText(text).width + 2 * size, Math.hypot(width, height) / 2];
    let row = 0;
    for (let y = -reach; y <= reach; y += 4 * size, row += 1) {
      for (let x = -reach - (row % 2) * (step / 2); x <= reach + step; x += step) {
        context.strokeText(text, x, y);
        context.fillText(text, x, y);
      }
    }
  }
}
