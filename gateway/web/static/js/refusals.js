// What a page says of an answer that opened nothing. A limit and a technical cause are told in the gateway's own sentence, for
// they are no answer of an owner. Every no reads the same, and says no more than silence does.

export const NOT_AVAILABLE = "Not available for this purpose";
export const CANNOT_START = "The picture cannot start";
const LIMITED = 429;
const UNAVAILABLE = 503;

// {status, detail} of an answer that may be problem+json (RFC 9457).
export async function refusalOf(answer) {
  const isProblem = answer.headers.get("content-type")?.startsWith("application/problem+json");
  const said = isProblem ? await answer.json().catch(() => ({})) : {};
  return { status: answer.status, detail: said.detail };
}

// The cause that may be told, one sentence without its full stop; empty where there is none.
export const causeOf = ({ status, detail }) => ((status === LIMITED || status === UNAVAILABLE) && detail ? detail.replace(/^([^.]*)\.$/, "$1") : "");

export const wordsOf = (refusal) => causeOf(refusal) || (refusal.status >= 500 || refusal.status === LIMITED ? CANNOT_START : NOT_AVAILABLE);
