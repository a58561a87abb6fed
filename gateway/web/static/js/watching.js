// How long each view of the board has been open, counted on from what the gateway said; a new reading begins anew. What is
// not heard of any more is not counted on.
const page = document.getElementById("live-page");
const unheard = document.getElementById("unheard");
let read = performance.now();
new MutationObserver(() => (read = performance.now())).observe(page, { childList: true });

setInterval(() => {
  if (!unheard.hidden) return;
  const passed = Math.floor((performance.now() - read) / 1000);
  for (const element of page.querySelectorAll("[data-seconds]")) {
    const seconds = Number(element.dataset.seconds) + passed;
    element.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }
}, 1000);
