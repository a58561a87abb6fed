// All keys of the console in a dialog, by `?` or its button. Reading it changes nothing: the pictures go on behind it.
const dialog = document.getElementById("keys-dialog");

document.getElementById("keys-open").addEventListener("click", () => dialog.showModal());

// In a field `?` is text; the time line is none.
export const isForKeys = ({ key, target }) => key === "?" && !target.closest("input:not([type=range]), select, textarea, dialog[open]");

export function showKeys(event) {
  event.preventDefault();
  dialog.showModal();
}
