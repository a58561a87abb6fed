// What a page says of an answer that opened nothing. A limit and a technical cause are told in the gateway's own sentence, for
// they are no answer of an owner. Every no reads the same, and says no more than silence does.

export const NOT_AVAILABLE = "Not available for this purpose";
export const CANNOT_START = "The picture cannot start";
export const NO_SOUND = "Sound cannot be had now. Try again.";
export const FAILED = "That did not work. Try again.";
const SIGNED_OUT = 401;
const FORBIDDEN = 403;
const LIMITED = 429;
const UNAVAILABLE = 503;

const ENDED_BY_RULES = "Ended by the sharing rules";

// {status, detail, isOfAll} of an answer that may be problem+json (RFC 9457). `isOfAll`: the whole question was refused before
// anybody asked about a camera, for who is signed in; that is no answer of an owner.
export async function refusalOf(answer, isOfAll = false) {
  const isProblem = answer.headers.get("content-type")?.startsWith("application/problem+json");
  const said = isProblem ? await answer.json().catch(() => ({})) : {};
  return { status: answer.status, detail: said.detail, isOfAll };
}

// The cause that may be told, one sentence without its full stop; empty where there is none.
export function causeOf({ status, detail, isOfAll = false }) {
  const isTold = status === LIMITED || status === UNAVAILABLE || (isOfAll && (status === SIGNED_OUT || status === FORBIDDEN));
  return isTold && detail ? detail.replace(/^([^.]*)\.$/, "$1") : "";
}

export const wordsOf = (refusal) => causeOf(refusal) || (refusal.status >= 500 || refusal.status === LIMITED ? CANNOT_START : NOT_AVAILABLE);

// Why a view that cannot be read any more is over; empty where the answer says nothing of that.
export async function wordsOfGone(answer) {
  return answer.status === 404 || answer.status === SIGNED_OUT ? causeOf(await refusalOf(answer, true)) || ENDED_BY_RULES : "";
}
