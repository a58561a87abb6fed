// What a call begins with: the certificate that its view is bound to, so that the ticket can name it, and where one waits, a
// connection with its offer. The next one is made when the picture that used the last is there, so that nobody waits for it.
// It has gathered nothing, and no socket is open for it, before it is used.

const LATER_MS = 500; // a picture takes less to be there

let waiting = null; // a promise of the next, or of null where it could not be made
let later = 0;

// {certificate, fingerprint}, and {peer, offer} too where one waited: whoever does not begin with it closes the peer.
export const readyCall = async () => (await taken()) ?? viewerIdentity();

// The promise of the one that waits, which then waits no more; null where none does.
function taken() {
  const mine = waiting;
  waiting = null;
  return mine;
}

export function prepareSoon() {
  clearTimeout(later);
  later = setTimeout(() => (waiting ??= makeReady().catch(() => null)), LATER_MS);
}

addEventListener("pagehide", async () => {
  clearTimeout(later);
  (await taken())?.peer.close();
});

export async function viewerIdentity() {
  const certificate = await RTCPeerConnection.generateCertificate({ name: "ECDSA", namedCurve: "P-256" });
  const sha256 = certificate.getFingerprints().find((f) => f.algorithm === "sha-256");
  return { certificate, fingerprint: sha256.value.toUpperCase() };
}

async function makeReady() {
  const identity = await viewerIdentity();
  const peer = new RTCPeerConnection({ certificates: [identity.certificate] });
  try {
    peer.addTransceiver("video", { direction: "recvonly" });
    return { ...identity, peer, offer: (await peer.createOffer()).sdp };
  } catch (error) {
    peer.close();
    throw error;
  }
}
