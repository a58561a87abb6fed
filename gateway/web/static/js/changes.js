// A page that keeps itself current: when its stream says `changed`, its content is read again and swapped in place.
// Nothing moves under the pointer, and nothing typed or chosen is lost: the swap waits while something inside has the
// focus, is being pressed, or was filled in and not sent yet.
import { announce, localTimes } from "./app.js";

const SETTLE_MS = 250; // several changes at once are one swap
const page = document.getElementById("live-page");
let waiting = 0;

function isFilledIn(field) {
  if (field.type === "hidden") return false;
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  if (!field.options) return field.value !== field.defaultValue;
  const first = [...field.options].findIndex((option) => option.defaultSelected);
  return field.selectedIndex !== Math.max(first, 0);
}

function isInUse() {
  const active = document.activeElement;
  const fields = [...page.querySelectorAll("input, select, textarea")];
  return fields.includes(active) || fields.some(isFilledIn);
}

async function refresh() {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live-page");
  if (!fresh || isInUse()) return;
  const focused = document.activeElement?.id;
  page.replaceChildren(...[...fresh.childNodes].map((node) => document.adoptNode(node)));
  localTimes(page);
  if (focused) document.getElementById(focused)?.focus();
  const said = page.querySelector("#now + p, h1 + p");
  if (said) announce(said.textContent.trim().replace(/\s+/g, " "));
}

const source = new EventSource(page.dataset.events);
source.addEventListener("changed", () => {
  clearTimeout(waiting);
  waiting = setTimeout(refresh, SETTLE_MS);
});
addEventListener("pagehide", () => source.close());
