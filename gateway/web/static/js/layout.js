// How the wall is laid out: one, four, nine or sixteen pictures at once, or one large one with small ones around it. The
// choice is the person's and is kept by the gateway.
import { saveLayout } from "./views.js";

const wall = document.getElementById("wall");
const buttons = [...document.querySelectorAll("#layouts [data-layout]")];
const ALL = buttons.map((button) => button.dataset.layout);

const show = (layout) => {
  wall.dataset.layout = layout;
  for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.layout === layout));
  wall.dispatchEvent(new CustomEvent("lens-layout", { detail: { layout } }));
};

function choose(layout) {
  show(layout);
  saveLayout(layout).catch(() => {}); // it is the same again when the page is opened next: no harm
}

// Whether the picture of that number is a large one in this layout, without having been enlarged.
export const isLargeByLayout = (index) => wall.dataset.layout === "1" || (wall.dataset.layout === "big" && index === 0);

export const chooseNextLayout = () => choose(ALL[(ALL.indexOf(wall.dataset.layout) + 1) % ALL.length]);

for (const button of buttons) button.addEventListener("click", () => choose(button.dataset.layout));
show(wall.dataset.layout);
