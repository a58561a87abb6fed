// What only the owner's yes, or a second person's, gives: the tile says so when it is pressed, asks, says exactly what was
// asked for and until when it may be answered, and hears of the answer. What may be had is decided by the gateway and again
// on site.
import { announce, hide, localTimes } from "./app.js";
import { say } from "./notice.js";
import { post, readJson } from "./views.js";
import { spoken } from "./words.js";
import { tiles } from "./wall.js";

const template = document.getElementById("ask-card");
const NOT_AVAILABLE = "Not available for this purpose";

// A way to it on this tile: `url` takes the question to the owner and `second` the one to a second person, `wish()` is their
// body, `open()` has it, `again()` asks the gateway anew. It is told of each answer of the gateway who can be asked, and
// whether somebody said yes.
export function offerAsk(tile, kind, way, { mayAsk, maySecond = false, isGiven }) {
  tile.ways ??= {};
  const known = (tile.ways[kind] ??= { ...way, isAsked: false, confirmation: "" });
  Object.assign(known, { mayAsk, maySecond });
  const button = tile.element.querySelector(`.ask-${kind}`);
  button.onclick ??= () => openAsk(tile, kind);
  hide(button, !mayAsk && !maySecond, tile.element);
  if (!known.isAsked) return;
  if (isGiven) {
    known.isAsked = false;
    show(tile, kind, known.confirmation ? "confirmed" : "given");
  } else if (!known.confirmation && !mayAsk) over(tile, kind);
}

function over(tile, kind) {
  Object.assign(tile.ways[kind], { isAsked: false, confirmation: "" });
  tile.element.querySelector(".ask-owner")?.remove();
  say(`${tile.name}: ${spoken(NOT_AVAILABLE)}`);
}

// By its button or its key; false where there is nothing to ask.
export function openAsk(tile, kind) {
  const button = tile?.element.querySelector(`.ask-${kind}`);
  if (!button || button.hidden) return false;
  show(tile, kind, tile.ways[kind].isAsked ? "asked" : "offer");
  return true;
}

function show(tile, kind, part) {
  const way = tile.ways[kind];
  tile.element.querySelector(".ask-owner")?.remove();
  const card = template.content.firstElementChild.cloneNode(true);
  const find = (name) => card.querySelector(name);
  if (part === "offer") {
    find(`[data-part="${kind}"]`).hidden = find(".ask").hidden = !way.mayAsk;
    find(`[data-part="two-${kind}"]`).hidden = find(".ask-second").hidden = !way.maySecond;
  } else find(`[data-part="${part}"]`).hidden = false;
  if (part === "asked") fill(card, way);
  for (const of of card.querySelectorAll(".of")) of.textContent = ` ${tile.name}`;
  find(".open").hidden = part !== "given" && part !== "confirmed";
  find(".ask").addEventListener("click", () => ask(tile, kind, way.url));
  find(".ask-second").addEventListener("click", () => ask(tile, kind, way.second));
  find(".open").addEventListener("click", () => {
    card.remove();
    way.open();
  });
  find(".quiet").addEventListener("click", () => {
    card.remove();
    tile.element.focus();
  });
  localTimes(card);
  tile.element.append(card);
  if (part === "offer") find("button:not([hidden])").focus();
  else announce(`${tile.name}: ${find(`[data-part="${part}"]`).innerText.trim().replace(/\s+/g, " ")}`);
}

function fill(card, { said: { until, range_from: from, range_to: to }, confirmation }) {
  const put = (name, moment) => (card.querySelector(`time[data-part="${name}"]`).dateTime = moment);
  card.querySelector("[data-part=of-owner]").hidden = confirmation !== "";
  card.querySelector("[data-part=of-second]").hidden = confirmation === "";
  put("until", until);
  if (!from) return;
  card.querySelector("[data-part=range]").hidden = false;
  put("from", from);
  put("to", to);
}

async function ask(tile, kind, url) {
  const way = tile.ways[kind];
  tile.element.focus(); // the buttons go
  for (const button of tile.element.querySelectorAll(".ask-owner button")) button.disabled = true; // one question is enough
  const answer = await post(url, way.wish()).catch(() => null);
  if (answer?.status === 201) {
    way.said = await answer.json();
    Object.assign(way, { isAsked: true, confirmation: way.said.confirmation_id ?? "" });
    return show(tile, kind, "asked");
  }
  tile.element.querySelector(".ask-owner")?.remove();
  tile.element.focus();
  say(`${tile.name}: ${(answer && (await answer.json().catch(() => ({}))).detail) || spoken(NOT_AVAILABLE)}`);
  way.again();
}

// Somebody answered about this camera, or their time is over.
export async function hearOfAsk(camera) {
  for (const tile of tiles.filter((one) => one.camera === camera)) {
    for (const [kind, way] of Object.entries(tile.ways ?? {})) {
      if (!way.isAsked) continue;
      const answer = way.confirmation && (await readJson(`/console/confirm/${way.confirmation}/state`));
      if (answer?.is_over) over(tile, kind);
      else way.again();
    }
  }
}
