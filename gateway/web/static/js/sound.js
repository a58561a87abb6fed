// The sound of a live picture. A view with sound is another view, decided and logged as such: it is opened beside the silent one
// and takes its place, and back. Where it may not be, the picture stays as it is.
import { hide } from "./app.js";
import { say } from "./notice.js";
import { viewerIdentity } from "./ready.js";
import { NO_SOUND } from "./refusals.js";
import { iceServers, leaveView, openAgain } from "./views.js";
import { refreshView, take, tiles } from "./wall.js";
import { spoken } from "./words.js";

const buttonOf = (tile) => tile.element.querySelector(".sound");

// Once at a time for a tile. Off is off at once: what still comes is not played.
export async function toggleSound(tile) {
  const button = buttonOf(tile);
  if (tile.isOver || !tile.session || button.hidden || button.getAttribute("aria-disabled") === "true") return;
  const hasSound = !isHeard(tile);
  if (tile.hasSound && hasSound) return hear(tile); // to end it has failed: the view with sound is there still
  button.setAttribute("aria-disabled", "true");
  if (!hasSound) tile.player.isHeard = false;
  try {
    await change(tile, hasSound);
  } catch {
    refuse(tile, hasSound);
  } finally {
    button.removeAttribute("aria-disabled");
    button.setAttribute("aria-pressed", String(isHeard(tile)));
  }
}

// A picture that could not be changed to be silent is silent all the same.
function refuse(tile, hasSound, detail = "") {
  if (hasSound) say(`${tile.name}: ${detail || spoken(NO_SOUND)}`);
}

const isHeard = (tile) => tile.hasSound && tile.player.isHeard;

function hear(tile) {
  tile.player.isHeard = true;
  buttonOf(tile).setAttribute("aria-pressed", "true");
}

async function change(tile, hasSound) {
  const former = tile.session;
  const identity = await viewerIdentity();
  const { status, view, detail } = await openAgain(tile, identity.fingerprint, hasSound);
  if (status !== 201) return refuse(tile, hasSound, detail);
  if (!tiles.includes(tile) || tile.isOver || tile.session !== former) return leaveView(view.session_id); // gone meanwhile
  tile.player.leave(); // and with it the account of the former
  Object.assign(tile, { hasSound, hasRun: false });
  take(tile, view);
  tile.player.begin(identity, iceServers(), hasSound);
  tile.player.isHeard = hasSound;
  tile.player.open({ whep_url: view.whep_url, ticket: view.ticket });
  leaveView(former);
  refreshView(tile); // what was said of it before it was known here
}

// The button is there while there is a picture of now, of a camera whose sound could be had. An owner's yes, or a second
// person's, was to a silent view.
export function offerSound(tile, state) {
  const button = buttonOf(tile);
  hide(button, state !== "live" || tile.isOnce || !tile.maySound, tile.element);
  button.setAttribute("aria-pressed", String(isHeard(tile)));
  button.onclick ??= () => toggleSound(tile);
}
