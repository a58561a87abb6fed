// The stream of a page's news, heard for as long as the page is there: where the browser gives up, as after a 503, or nothing
// comes any more, it is asked for again. A page that does not hear of the gateway says since when (`#unheard` of base.html).
import { announce } from "./app.js";

const AGAIN_MS = 2_000; // before the gateway is listened to again
const FRESH_MS = 2_000; // so old a page has missed nothing yet
const UNHEARD_MS = 8_000; // longer than a stream that is over takes to be there again
const SILENT_MS = 40_000; // a stream that is there says `beat` every 15 s (gateway/web/changes.py)
const line = document.getElementById("unheard");
const clock = new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: "short" });

// `heard` has what to do at each kind of news. `opened` is told whether something may have been said meanwhile to nobody,
// `gaveUp` that the stream was lost.
export function listen(url, heard, { opened, gaveUp = () => {} }) {
  let [source, timer, isFirst] = [null, 0, true]; // one timer: a stream is waited for, or about to be asked for again

  function begin() {
    source = new EventSource(url);
    sayUnheardSoon();
    waitForNext();
    for (const [kind, tell] of Object.entries({ beat: () => {}, ...heard })) {
      source.addEventListener(kind, ({ data }) => {
        waitForNext();
        tell(data);
      });
    }
    source.addEventListener("open", () => {
      waitForNext();
      hideUnheard();
      opened(!isFirst || performance.now() >= FRESH_MS);
      isFirst = false;
    });
    source.addEventListener("error", () => {
      sayUnheardSoon();
      if (source.readyState !== EventSource.CLOSED) return waitForNext(); // the browser asks again by itself
      gaveUp();
      clearTimeout(timer);
      timer = setTimeout(begin, AGAIN_MS);
    });
  }

  // A network that went away without a word leaves a stream that looks open, or is for ever about to be.
  function waitForNext() {
    clearTimeout(timer);
    const since = new Date();
    timer = setTimeout(() => {
      source.close();
      sayUnheardSoon(since, AGAIN_MS); // where it answers at once, there is nothing to say
      gaveUp();
      begin();
    }, SILENT_MS);
  }

  begin();
  addEventListener("pagehide", () => {
    clearTimeout(timer);
    source.close();
  });
  addEventListener("pageshow", ({ persisted }) => persisted && begin());
}

let unheard = 0;

function sayUnheardSoon(since = new Date(), after_ms = UNHEARD_MS) {
  if (unheard) return;
  unheard = setTimeout(() => {
    line.querySelector("time").textContent = clock.format(since);
    line.hidden = false;
    announce(line.innerText.trim().replace(/\s+/g, " "));
  }, after_ms);
}

function hideUnheard() {
  clearTimeout(unheard);
  unheard = 0;
  line.hidden = true;
}
