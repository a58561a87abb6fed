// A page that keeps itself current: when its stream says `changed`, its content is read again and swapped in place.
// Nothing moves under the pointer: the swap waits while something inside has the focus or is being pressed.
import { announce, localTimes } from "./app.js";

const SETTLE_MS = 250; // several changes at once are one swap
const page = document.getElementById("live-page");
let waiting = 0;

async function refresh() {
  if (page.contains(document.activeElement) && document.activeElement !== document.body && document.activeElement.matches("input, select, textarea")) return;
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live-page");
  if (!fresh) return;
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
