// Who saw a picture, and when, laid over it where its owner's rules ask for that: a name, the time, and a code that leads
// from a photo of the screen to the entry of the log. Drawn along the diagonal, faint but readable, and inside the player, so
// that it stays in full screen. On a small picture it stands once, in three lines.
const EVERY_MS = 1_000;
const TILT_RAD = -0.35;
const INK = "rgb(255 255 255 / 0.3)";
const EDGE = "rgb(0 0 0 / 0.3)"; // readable on a bright picture too

const clock = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" }); // 2026-11-28 17:20:05

export class Watermark {
  #canvas = Object.assign(document.createElement("canvas"), { className: "watermark", ariaHidden: "true" });
  #words = []; // who, and the code; none where nothing is owed
  #isSmall; // an image, with no room for a line of it
  #timer = 0;
  #drawn = ""; // what stands there, and how large: a wall that is laid out anew tells every tile several times

  // Over the picture in `holder`: a player, or an element with an image.
  constructor(holder) {
    holder.querySelector("video, img").after(this.#canvas);
    this.#isSmall = !holder.video;
    if (holder.video) holder.video.disablePictureInPicture = true; // there it would be left behind
    new ResizeObserver(() => this.#draw()).observe(holder);
  }

  // Lays it over the picture; an empty code takes it away.
  show({ who, code }) {
    clearInterval(this.#timer);
    this.#words = code ? [who, `${code.slice(0, 4)}-${code.slice(4)}`] : [];
    this.#canvas.dataset.says = this.#words.join(" · ");
    if (code) this.#timer = setInterval(() => (this.#canvas.isConnected ? this.#draw() : clearInterval(this.#timer)), EVERY_MS);
    requestAnimationFrame(() => this.#draw()); // in the frame with the first picture at the latest; a call is not kept waiting
  }

  #draw() {
    const scale = devicePixelRatio || 1;
    const { width, height } = this.#canvas.getBoundingClientRect();
    const lines = this.#words.length && width ? [...this.#words, clock.format(new Date())] : [];
    const drawn = lines.length ? JSON.stringify([width, height, scale, lines]) : "";
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    Object.assign(this.#canvas, { width: width * scale, height: height * scale }); // which clears it
    const context = this.#canvas.getContext("2d");
    if (!lines.length || !context) return;
    context.scale(scale, scale);
    context.translate(width / 2, height / 2);
    Object.assign(context, { fillStyle: INK, strokeStyle: EDGE, textAlign: "center", textBaseline: "middle" });
    if (this.#isSmall) drawOnce(context, lines, width, height);
    else drawAllOver(context, lines.join(" · "), width, height);
  }
}

function write(context, text, x, y) {
  context.strokeText(text, x, y);
  context.fillText(text, x, y);
}

function drawAllOver(context, text, width, height) {
  const size = Math.max(11, Math.min(30, height / 14));
  Object.assign(context, { font: `600 ${size}px system-ui, sans-serif`, lineWidth: size / 6 });
  context.rotate(TILT_RAD);
  const [step, reach] = [context.measureText(text).width + 2 * size, Math.hypot(width, height) / 2];
  let row = 0;
  for (let y = -reach; y <= reach; y += 4 * size, row += 1) {
    for (let x = -reach - (row % 2) * (step / 2); x <= reach + step; x += step) write(context, text, x, y);
  }
}

function drawOnce(context, lines, width, height) {
  const most = height / (lines.length + 2.5); // enough of the picture is left to find a moment by
  lines.forEach((line, i) => {
    context.font = `600 ${most}px system-ui, sans-serif`;
    const size = Math.min(most, (most * 0.94 * width) / context.measureText(line).width);
    Object.assign(context, { font: `600 ${size}px system-ui, sans-serif`, lineWidth: size / 6 });
    write(context, line, 0, (i - (lines.length - 1) / 2) * most * 1.2);
  });
}
