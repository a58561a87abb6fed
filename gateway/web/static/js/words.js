// The few words that scripts say themselves, in the page's language. A page that is not English carries them
// (base.html, gateway/web/scripts.py); what it does not carry is said in English.
const words = JSON.parse(document.querySelector('meta[name="lenspact-words"]')?.content || "{}");

export const spoken = (text) => words[text] ?? text;
