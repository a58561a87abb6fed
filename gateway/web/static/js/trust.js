// Trusted Types (W3C): the page's default policy. Text from our own server may become HTML (htmx swaps) only when it
// carries nothing that runs; scripts may be loaded from our own static folder only; no text ever becomes a script.
// Loaded first and blocking, so that no other script can install a weaker default policy.
"use strict";
(() => {
  if (!self.trustedTypes) return; // the server's CSP still forbids inline script
  const inert = trustedTypes.createPolicy("lenspact-inert", { createHTML: (text) => text });
  const FORBIDDEN = "iframe, object, embed, base, meta[http-equiv], link[rel=import]";
  const isActive = (element) =>
    [...element.attributes].some(
      (a) => /^on/i.test(a.name) || a.name === "srcdoc" || /^[\u0000- ]*(javascript|data):/i.test(a.value),
    ) || (element.localName === "script" && new URL(element.src || "about:blank", location.href).origin !== location.origin);
  const isClean = (root) =>
    root.querySelector(FORBIDDEN) === null &&
    [...root.querySelectorAll("*")].every((e) => !isActive(e) && (!(e instanceof HTMLTemplateElement) || isClean(e.content)));
  trustedTypes.createPolicy("default", {
    createHTML: (text) => {
      const parsed = new DOMParser().parseFromString(inert.createHTML(text), "text/html");
      return isClean(parsed) ? text : null; // null makes the sink throw
    },
    createScriptURL: (text) => {
      const url = new URL(text, location.href);
      return url.origin === location.origin && url.pathname.startsWith("/static/") ? text : null;
    },
  });
})();
