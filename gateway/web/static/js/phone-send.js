// Sending a live picture to somebody's phone: the dialog that names them, shows the link once, as text and as a code, and lists
// the links that were sent, each with its stop. Whether a picture may be sent is the gateway's answer.
import { announce, hide } from "./app.js";
import { say } from "./notice.js";
import { FAILED, refusalOf } from "./refusals.js";
import { incident, post, readJson } from "./views.js";
import { spoken } from "./words.js";

const LINKS = "/api/v1/phone-links";
const EVERY_MS = 2_000;
const dialog = document.getElementById("phone-dialog"); // null for whoever may not send
const part = (name) => dialog.querySelector(`[data-part="${name}"]`);
let tile = null;
let reading = 0;
let isMaking = false;

// The button is there while there is a picture of now.
export function offerPhone(one, state) {
  const button = one.element.querySelector(".phone");
  if (!button) return;
  hide(button, state !== "live", one.element);
  button.onclick ??= () => sendToPhone(one);
}

export function sendToPhone(one) {
  const button = one.element.querySelector(".phone");
  if (!button || button.hidden || one.isOver || !one.session) return;
  tile = one;
  part("camera").textContent = one.name;
  part("form").hidden = false;
  part("made").hidden = true;
  refuse("");
  dialog.showModal();
  part("recipient").value = "";
  part("recipient").focus();
  readLinks();
  clearInterval(reading);
  reading = setInterval(readLinks, EVERY_MS);
}

function refuse(sentence) {
  part("refused").hidden = !sentence;
  part("refused").querySelector("span").textContent = sentence;
  part("recipient").toggleAttribute("aria-invalid", Boolean(sentence));
}

// One link for one press: its secret is shown once, and a second one that nobody read would stay open.
async function make(event) {
  event.preventDefault();
  if (isMaking) return;
  isMaking = true;
  try {
    await makeLink();
  } catch {
    refuse(spoken(FAILED));
  } finally {
    isMaking = false;
  }
}

async function makeLink() {
  const answer = await post(LINKS, { session_id: tile.session, recipient: part("recipient").value });
  const said = await answer.json();
  if (answer.status !== 201) return refuse(said.errors?.[0]?.detail ?? said.detail);
  refuse("");
  part("form").hidden = true;
  part("made").hidden = false;
  part("code").src = said.qr;
  part("url").value = said.url;
  part("for").textContent = said.recipient;
  part("minutes").textContent = Math.round(said.lasts_s / 60);
  part("url").focus();
  part("url").select();
  readLinks();
}

async function copy() {
  part("url").select();
  await navigator.clipboard?.writeText(part("url").value).catch(() => {});
  announce(part("copy").dataset.said);
  part("copied").textContent = part("copy").dataset.said;
}

// --- those that were sent

async function readLinks() {
  const links = (await readJson(LINKS))?.filter((link) => link.incident_id === incident);
  if (!links) return;
  part("sent").hidden = !links.length;
  const list = part("links");
  const kept = new Map([...list.children].map((item) => [item.dataset.link, item]));
  for (const [id, item] of kept) if (!links.some((link) => link.id === id)) item.remove();
  links.forEach((link, at) => {
    const item = fill(kept.get(link.id) ?? itemOf(link), link);
    if (!kept.has(link.id)) list.insertBefore(item, list.children[at] ?? null); // what stays is not moved: it may have the focus
  });
}

function itemOf(link) {
  const item = part("item").content.firstElementChild.cloneNode(true);
  item.dataset.link = link.id;
  item.querySelector("strong").textContent = link.recipient;
  item.querySelector(".of").textContent = ` ${link.recipient}`;
  item.querySelector("button").addEventListener("click", () => stop(link));
  return item;
}

function fill(item, link) {
  const isOpen = ["waiting", "opened"].includes(link.standing);
  const word = link.is_shown && isOpen ? "shown" : link.standing;
  item.querySelector("[data-part=state]").textContent = link.words || part("links").dataset[word];
  hide(item.querySelector("button"), !isOpen, part("close"));
  return item;
}

async function stop(link) {
  const answer = await post(`${LINKS}/${link.id}/stop`, {}).catch(() => null);
  if (!answer?.ok) say((answer && (await refusalOf(answer)).detail) || spoken(FAILED));
  await readLinks();
  part("close").focus();
}

function tidy() {
  clearInterval(reading);
  part("url").value = "";
  part("code").removeAttribute("src");
  part("copied").textContent = "";
  tile?.element.focus();
}

if (dialog) {
  part("form").addEventListener("submit", make);
  part("copy").addEventListener("click", copy);
  part("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", tidy);
}
