// A still of a live picture: asked for at the gateway, taken on site with its recipient's words burned in. It is an act of its
// own, so the answer may be no where the picture itself is a yes; then there is no button, or one to ask the owner.
import { announce, hide } from "./app.js";
import { offerAsk, openAsk } from "./ask-owner.js";
import { say } from "./notice.js";
import { behalf, incident, post, purpose, readJson } from "./views.js";
import { spoken } from "./words.js";

const STILLS = "/api/v1/stills";
const NO_STILL = "No still could be taken. Try again.";
const card = document.getElementById("still-card");
const ends = new Intl.DateTimeFormat(document.documentElement.lang || "en", { weekday: "long", hour: "2-digit", minute: "2-digit" });

// Once at a time for a tile; the site needs its next picture, so this may take a few seconds.
export async function takeStill(tile) {
  const button = tile.element.querySelector(".still");
  if (button.hidden && openAsk(tile, "still")) return;
  if (tile.isOver || !tile.session || button.hidden || button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    const answer = await post(STILLS, { camera_id: tile.camera, purpose, incident_id: incident ?? "", on_behalf_of: behalf ?? "", confirmation_id: tile.ways?.still?.confirmation ?? "" });
    const said = await answer.json();
    if (answer.status === 201) show(tile, said);
    else say(`${tile.name}: ${said.detail || spoken(NO_STILL)}`);
  } catch {
    say(`${tile.name}: ${spoken(NO_STILL)}`);
  } finally {
    button.removeAttribute("aria-disabled");
    if (tile.isStillOnce) askAnew(tile); // the owner's yes is used up
  }
}

function show(tile, { picture, expires_at: expiresAt }) {
  tile.element.querySelector(".still-saved")?.remove();
  const element = card.content.firstElementChild.cloneNode(true);
  element.querySelector("time").dateTime = expiresAt;
  element.querySelector("time").textContent = ends.format(new Date(expiresAt));
  for (const link of element.querySelectorAll("a")) link.href = picture;
  for (const of of element.querySelectorAll(".of")) of.textContent = ` ${tile.name}`;
  element.querySelector("button").addEventListener("click", () => {
    element.remove();
    tile.element.focus();
  });
  tile.element.append(element);
  announce(`${tile.name}: ${element.querySelector("[data-part=said]").textContent.trim()}`);
}

// The button is there while there is a picture of now, where a still of it would be given: the first picture asks.
export async function offerStill(tile, state) {
  const button = tile.element.querySelector(".still");
  button.onclick ??= () => takeStill(tile);
  tile.isLiveNow = state === "live";
  if (tile.isLiveNow) tile.still ??= offered(tile);
  const said = tile.isLiveNow ? await tile.still : {};
  hide(button, !tile.isLiveNow || !said.is_offered, tile.element);
  tile.isStillOnce = said.is_once === true;
  const wish = () => ({ camera_id: tile.camera, purpose, incident_id: incident ?? "" });
  const way = { url: `${STILLS}/asks`, second: "/console/still", wish, open: () => takeStill(tile), again: () => askAnew(tile) };
  if (tile.isLiveNow) offerAsk(tile, "still", way, { mayAsk: said.may_ask === true, maySecond: said.may_second === true, isGiven: tile.isStillOnce });
  else tile.element.querySelector(".ask-still").hidden = true;
}

function askAnew(tile) {
  tile.still = null;
  return offerStill(tile, tile.isLiveNow ? "live" : "");
}

async function offered(tile) {
  const query = new URLSearchParams({ camera_id: tile.camera, purpose, incident_id: incident ?? "", on_behalf_of: behalf ?? "", confirmation_id: tile.ways?.still?.confirmation ?? "" });
  const said = await readJson(`${STILLS}?${query}`);
  if (said) return said;
  tile.still = null; // no answer is kept: it is asked again when the picture is live again
  return {};
}
