// A sentence that stands nowhere else on the screen, as a refusal: over the page for a while, and over a dialog or a picture
// that fills the screen. It stays while the pointer or the focus is on it. It is read out once, by the one live region.
import { announce, placeOfNow } from "./app.js";

const SHOWN_MS = 8_000;
const strip = document.getElementById("notice");
let going = 0;
let isPointedAt = false;
let focusedBefore = null;

export function say(sentence) {
  if (!sentence) return;
  announce(sentence);
  strip.querySelector("p").textContent = sentence;
  const place = document.fullscreenElement ?? placeOfNow(); // outside of what fills the screen it is seen, but not pressed
  if (strip.parentElement !== place) place.append(strip);
  if (strip.matches(":popover-open")) strip.hidePopover(); // what is shown last is on top
  strip.showPopover();
  goSoon();
}

function goSoon() {
  clearTimeout(going);
  going = setTimeout(() => isPointedAt || strip.contains(document.activeElement) || go(), SHOWN_MS);
}

function go() {
  clearTimeout(going);
  isPointedAt = false;
  if (strip.contains(document.activeElement)) focusedBefore?.focus();
  strip.hidePopover();
  announce(""); // said again, it is read out again
}

const point = (isThere) => () => {
  isPointedAt = isThere;
  if (!isThere) goSoon();
};
strip.addEventListener("pointerenter", point(true));
strip.addEventListener("pointerleave", point(false));
strip.addEventListener("focusin", ({ relatedTarget }) => (focusedBefore = relatedTarget));
strip.addEventListener("focusout", goSoon);
strip.querySelector("button").addEventListener("click", go);
