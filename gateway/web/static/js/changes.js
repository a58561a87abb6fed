// A page that keeps itself current: when its stream says `changed`, or something may have been said to nobody, its content is
// read again and swapped in place. Nothing moves under the pointer, and nothing typed or chosen is lost: the swap waits while
// something inside has the focus, is being pressed, or was filled in and not sent yet.
import { announce, localTimes } from "./app.js";
import { listen } from "./news.js";

const SETTLE_MS = 250; // several changes at once are one swap
const AGAIN_MS = 2_000; // before a page that could not be read is asked for again
const page = document.getElementById("live-page");
let waiting = 0;
let isLate = false;

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
  if (answer.status >= 500) throw new Error(`no answer: ${answer.status}`);
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live-page");
  isLate = isInUse();
  if (!fresh || isLate) return;
  const focused = document.activeElement?.id;
  page.replaceChildren(...[...fresh.childNodes].map((node) => document.adoptNode(node)));
  localTimes(page);
  if (focused) document.getElementById(focused)?.focus();
  const said = page.querySelector("#now + p, h1 + p");
  if (said) announce(said.textContent.trim().replace(/\s+/g, " "));
}

function refreshSoon(after_ms = SETTLE_MS) {
  clearTimeout(waiting);
  waiting = setTimeout(() => refresh().catch(() => refreshSoon(AGAIN_MS)), after_ms);
}

page.addEventListener("focusout", () => isLate && refreshSoon());
listen(page.dataset.events, { changed: () => refreshSoon() }, { opened: (hasMissed) => hasMissed && refreshSoon() });
