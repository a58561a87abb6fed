// The list of cameras beside the map, and the map with it: what is chosen, and asking an owner or a second person to be shown
// the live picture.
import { localTimes } from "./app.js";
import "./lens-scene.js";
import { say } from "./notice.js";
import { FAILED } from "./refusals.js";
import { behalf, incident, postForm, purpose, readPage } from "./views.js";
import { watch } from "./wall.js";
import { spoken } from "./words.js";

const list = document.getElementById("cameras");
const scene = document.querySelector("lens-scene");
const AGAIN_MS = 2_000; // before a page that could not be read is asked for again
let chosen = -1;

export const items = () => [...list.querySelectorAll("[data-camera]")];

export function choose(index, { focuses = true } = {}) {
  const all = items();
  if (!all.length) return;
  chosen = Math.max(0, Math.min(index, all.length - 1));
  all.forEach((item, i) => item.classList.toggle("is-chosen", i === chosen));
  if (focuses) all[chosen].focus();
  scene.choose(all[chosen].dataset.camera);
}

function enliven(item) {
  const button = item.querySelector(".watch");
  if (button) {
    button.disabled = false;
    button.addEventListener("click", () => watch(item, "person"));
  }
  for (const form of item.querySelectorAll("form.ask")) form.addEventListener("submit", askOwner);
  item.addEventListener("focusin", () => {
    const at = items().indexOf(item);
    if (chosen !== at) choose(at, { focuses: false });
  });
}
items().forEach(enliven);
scene.addEventListener("lens-choose", ({ detail }) => choose(items().findIndex((item) => item.dataset.camera === detail.id)));

// --- asking an owner, or a second person, to be shown the live picture

async function askOwner(event) {
  event.preventDefault();
  const [line, button] = [event.target.closest("li"), event.target.querySelector("button")];
  const { camera } = line.dataset;
  if (line.contains(document.activeElement)) line.focus(); // the button goes
  button.disabled = true; // one question is enough
  const answer = await postForm(event);
  if (!answer) {
    button.disabled = false;
    return say(spoken(FAILED));
  }
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  say(fresh.querySelector("main .notice")?.textContent.trim().replace(/\s+/g, " ") ?? spoken("Not available for this purpose"));
  replace(camera, fresh);
}

// What the owner said arrives as news of the camera alone: its line is read again, and a yes starts the picture.
export async function refreshCamera(camera) {
  try {
    const page = await readIncident();
    if (page) show(camera, page);
  } catch {
    setTimeout(() => refreshCamera(camera), AGAIN_MS); // a yes is good for five minutes only
  }
}

// The same of every camera that has another state than its line says, or is waited for.
export async function refreshWaiting() {
  const page = await readIncident();
  for (const { dataset } of page ? items() : []) {
    const fresh = lineOf(page, dataset.camera);
    if (fresh && (fresh.dataset.state !== dataset.state || ("granted" in fresh.dataset && !("granted" in dataset)))) show(dataset.camera, page);
  }
}

async function readIncident() {
  if (!incident) return null;
  const query = new URLSearchParams({ purpose, on_behalf_of: behalf ?? "" }); // not the page's address: a form that was refused has its own
  return readPage(`/console/incidents/${incident}?${query}`);
}

const lineOf = (page, camera) => [...page.querySelectorAll("#cameras [data-camera]")].find((item) => item.dataset.camera === camera);

function show(camera, page) {
  const item = replace(camera, page);
  if (item && "granted" in item.dataset) watch(item, "person");
}

function replace(camera, page) {
  const old = items().find((item) => item.dataset.camera === camera);
  const fresh = lineOf(page, camera);
  if (!old || !fresh) return null;
  const hadFocus = old.contains(document.activeElement);
  const item = document.adoptNode(fresh);
  item.classList.toggle("is-chosen", old.classList.contains("is-chosen"));
  old.replaceWith(item);
  enliven(item);
  localTimes(item);
  if (hadFocus) item.focus();
  return item;
}

// The camera before or after the chosen one.
export const chooseNext = (step) => choose(chosen + step);
