// The form that asks for a recording of one camera, in a dialog over the wall.
import { say } from "./notice.js";
import { FAILED } from "./refusals.js";
import { behalf, incident, postForm, purpose, readHtml } from "./views.js";
import { spoken } from "./words.js";

const dialog = document.getElementById("clip-dialog");

export async function askForClip(camera) {
  const query = new URLSearchParams({ camera, incident, purpose, on_behalf_of: behalf ?? "" });
  try {
    await showForm(await readHtml(`/console/clips/new?${query}`));
  } catch {
    say(spoken(FAILED));
  }
}

async function showForm(answer) {
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("clip-form");
  if (!fresh) return say(spoken("Not available for this purpose"));
  document.getElementById("clip-body").replaceChildren(document.adoptNode(fresh));
  fresh.querySelector("form").addEventListener("submit", sendForm);
  if (!dialog.open) dialog.showModal();
  (fresh.querySelector("[data-focus]") ?? fresh.querySelector("select, input:not([type=hidden])")).focus();
}

async function sendForm(event) {
  event.preventDefault();
  const answer = await postForm(event);
  if (!answer) return say(spoken(FAILED)); // what was typed stays
  if (answer.redirected) {
    dialog.close();
    return say(new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".notice")?.textContent.trim() ?? "");
  }
  await showForm(answer);
}

document.getElementById("clip-cancel").addEventListener("click", () => dialog.close());
