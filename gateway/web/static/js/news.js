// The stream of a page's news, heard for as long as the page is there: where the browser gives up, as after a 503, it is asked
// for again. A page that has not heard of the gateway for a while says since when (`#unheard` of base.html).
import { announce } from "./app.js";

const AGAIN_MS = 2_000; // before the gateway is listened to again
const FRESH_MS = 2_000; // so old a page has missed nothing yet
const UNHEARD_MS = 8_000; // longer than a stream that is over takes to be there again
const line = document.getElementById("unheard");
const clock = new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: "short" });

// `heard` has what to do at each kind of news. `opened` is told whether something may have been said meanwhile to nobody,
// `gaveUp` that the browser did.
export function listen(url, heard, { opened, gaveUp = () => {} }) {
  let [source, again, isFirst] = [null, 0, true];

  function begin() {
    source = new EventSource(url);
    for (const [kind, tell] of Object.entries(heard)) source.addEventListener(kind, ({ data }) => tell(data));
    source.addEventListener("open", () => {
      hideUnheard();
      opened(!isFirst || performance.now() >= FRESH_MS);
      isFirst = false;
    });
    source.addEventListener("error", () => {
      sayUnheardSoon();
      if (source.readyState !== EventSource.CLOSED) return; // the browser asks again by itself
      gaveUp();
      again = setTimeout(begin, AGAIN_MS);
    });
  }

  begin();
  sayUnheardSoon();
  addEventListener("pagehide", () => {
    clearTimeout(again);
    source.close();
  });
  addEventListener("pageshow", ({ persisted }) => persisted && begin());
}

let unheard = 0;

function sayUnheardSoon() {
  if (unheard) return;
  const since = new Date();
  unheard = setTimeout(() => {
    line.querySelector("time").textContent = clock.format(since);
    line.hidden = false;
    announce(line.innerText.trim().replace(/\s+/g, " "));
  }, UNHEARD_MS);
}

function hideUnheard() {
  clearTimeout(unheard);
  unheard = 0;
  line.hidden = true;
}
