// An owner's touch (WebAuthn Level 3): a new approval passkey, or the approval of one document. This page only asks the
// authenticator and sends on what it answers; what the answer is worth is for the gateway, and for the site alone.
import { announce } from "./app.js";
import { spoken } from "./words.js";

const REFUSED = "The passkey was not used. Nothing has changed; try again.";
const KNOWN = "This passkey is on your list already. Use another device.";

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const named = (list) => list.map((one) => ({ ...one, type: "public-key", id: bytes(one.id) }));

async function add(form) {
  const headers = { accept: "application/json", "x-csrf-token": form.elements.csrf.value };
  const answer = await fetch(form.dataset.options, { method: "POST", headers });
  const options = await answer.json();
  if (!answer.ok) throw new Error(options.detail ?? spoken(REFUSED));
  const made = await navigator.credentials.create({
    publicKey: {
      ...options,
      challenge: bytes(options.challenge),
      user: { ...options.user, id: bytes(options.user.id) },
      excludeCredentials: named(options.excludeCredentials ?? []),
    },
  });
  const { clientDataJSON, attestationObject } = made.response;
  const response = { clientDataJSON: text(clientDataJSON), attestationObject: text(attestationObject) };
  return { answer: JSON.stringify({ id: made.id, rawId: text(made.rawId), type: made.type, response }) };
}

async function approve(form) {
  const { challenge, rpId, credentials } = form.dataset;
  const given = await navigator.credentials.get({
    publicKey: {
      challenge: bytes(challenge),
      rpId,
      allowCredentials: named(credentials.split(" ").map((id) => ({ id }))),
      userVerification: "required",
    },
  });
  const { clientDataJSON, authenticatorData, signature } = given.response;
  return {
    credential: text(given.rawId),
    client_data: text(clientDataJSON),
    authenticator_data: text(authenticatorData),
    signature: text(signature),
  };
}

function tell(form, sentence) {
  const place = form.querySelector("[data-touch-problem]");
  place.textContent = sentence;
  place.hidden = !sentence;
  if (sentence) announce(sentence);
}

// The page may be read again while the authenticator waits (changes.js), so listening and sending do not hang on a node.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  const touch = { add, approve }[form.dataset.passkey];
  if (!touch) return;
  event.preventDefault();
  tell(form, "");
  try {
    const fields = { ...Object.fromEntries(new FormData(form)), ...(await touch(form)) };
    send(form.getAttribute("action"), fields);
  } catch (error) {
    const sentence = error.name === "InvalidStateError" ? spoken(KNOWN) : error instanceof DOMException ? spoken(REFUSED) : error.message;
    tell(form, sentence);
  }
});

function send(action, fields) {
  const form = document.createElement("form");
  form.method = "post";
  form.action = action;
  form.hidden = true;
  for (const [name, value] of Object.entries(fields)) {
    const input = document.createElement("input");
    input.type = "hidden";
    input.name = name;
    input.value = value;
    form.append(input);
  }
  document.body.append(form);
  form.submit();
}
