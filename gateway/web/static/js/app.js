// What every page does once loaded: times in the reader's zone, focus on the error summary, dialogs by button,
// `announce`, the one live region, and `hide`. Pages work without this file.
export function announce(sentence) {
  const region = document.getElementById("said");
  if (!region) return;
  if (region.parentElement !== placeOfNow()) placeOfNow().append(region);
  if (region.textContent !== sentence) region.textContent = sentence;
}

// What is behind a dialog is neither pressed nor read out.
export const placeOfNow = () => document.querySelector("dialog:modal") ?? document.body;

// A button that goes hands the focus on.
export function hide(button, isHidden, next) {
  if (isHidden && button === document.activeElement) next.focus();
  button.hidden = isHidden;
}

const HOUR_MS = 3_600_000;
const clock = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
const exact = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "medium" });
const zoned = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "full", timeStyle: "long" });
const relative = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto" });

export function localTimes(root = document) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.valueOf())) continue;
    const age = Date.now() - moment.valueOf();
    element.title = zoned.format(moment);
    const isRecent = age >= 0 && age < HOUR_MS && element.dataset.exact === undefined;
    const format = element.dataset.exact === undefined ? clock : exact;
    element.textContent = isRecent ? relative.format(-Math.round(age / 60_000), "minute") : format.format(moment);
  }
}

function openDialogs(root = document) {
  for (const opener of root.querySelectorAll("[data-opens]")) {
    opener.addEventListener("click", () => document.getElementById(opener.dataset.opens)?.showModal());
  }
}

function start(root = document) {
  localTimes(root);
  openDialogs(root);
}

start();
document.querySelector("[data-focus]")?.focus();
document.addEventListener("htmx:after:swap", (event) => start(event.target instanceof Element ? event.target : document));
