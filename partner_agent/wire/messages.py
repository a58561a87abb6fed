"""Every message of the link: A = the agent sends it, G = the gateway.

What a message *does* is for its reader; one that carries `token` means exactly what the verified token says and nothing
else. The bytes are made and read by `frames`.
"""

from typing import Any, Final, Literal

import msgspec

from partner_agent.wire.touches import Assertion, Path

JsonObject = dict[str, Any]
CameraState = Literal["ok", "auth_failed", "gone", "frozen", "unknown"]


def _tag(name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")


class Message(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    tag_field="t",
    tag=_tag,
):
    """What every message has. `re` is the id of the message this one answers."""

    id: str
    re: str | None = None

    @property
    def is_answer(self) -> bool:
        """Whether this answers another message, and so is never answered."""
        return self.re is not None


STATES: Final = frozenset({"paused", "quarantined", "clock_skew", "promise_overdue", "contradiction", "panic"})

# --- handshake: challenge (G), proof (A), key_sets* (G), welcome (G), ack (A) --------------------------------------


class Challenge(Message, frozen=True):
    """G. First frame of a link."""

    nonce: str
    aud: str  # the exact URL the agent must have dialled
    time: str


class Proof(Message, frozen=True):
    """A. `token` is an agent-pop+jwt over the challenge."""

    agent: str
    token: str


class KeySets(Message, frozen=True):
    """G. The chain of key sets since the agent's version, oldest first; also any time later when one is new."""

    tokens: list[str]


class Welcome(Message, frozen=True):
    """G. `token` is a welcome+jwt over the agent's nonce and proof."""

    token: str


class Ack(Message, frozen=True):
    """A. The next epoch is stored; `fresh` is the first one of this link."""

    epoch: int
    fresh: str


# --- what the site is ---------------------------------------------------------------------------------------------


class SiteState(Message, frozen=True):
    """A. After the ack and whenever it changes. `states` is any of `STATES`; `panic_until` goes with `panic`."""

    lineage: str
    seq: int
    sha256: str
    states: list[str]
    vocabulary: int
    tzdata: str
    version: str
    panic_until: str | None = None  # when the site's panic ends by itself; without it nothing is released for panic


LiveStream = Literal["main_codec", "main_b_frames", "none"]


class CameraCard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One camera as the site announces it: no address, no password."""

    camera: str  # minted by the agent
    label: str
    codec: str | None = None
    width: int | None = None
    height: int | None = None
    audio: bool = False
    ptz: bool = False
    recordings: bool = False
    live: LiveStream | None = None  # its stream for live views cannot be shown: the main one is, and why; or none can


class Cameras(Message, frozen=True):
    """A. The cameras the site knows; being on this list shares nothing."""

    cameras: list[CameraCard]


class CameraArea(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One area that can be black in a camera's live pictures; where it is never crosses the link."""

    camera: str
    area: str  # what rules call it
    label: str


class Areas(Message, frozen=True):
    """A. What the site does to live pictures: every area drawn, by camera and name, and which cameras' are made anew.

    A rule that asks for an area that is not there lets nobody watch.
    """

    areas: list[CameraArea]
    anew: list[str] = []


class CameraHealth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One camera's state, as far as it leaves the site."""

    camera: str
    state: CameraState


class Health(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Allow-listed health: nothing else about the machine crosses the link."""

    cameras: list[CameraHealth]
    sessions: int
    uptime_s: int
    disk_free_percent: int | None = None


class Heartbeat(Message, frozen=True):
    """A. Every 30 s, every 3 s while a session runs; `fresh` is random and dies with the link."""

    fresh: str
    health: Health


# --- policy -------------------------------------------------------------------------------------------------------


class GuardrailPack(Message, frozen=True):
    """G. The city's guard-rails; kept only while a document names its digest."""

    pack: JsonObject


class Policy(Message, frozen=True):
    """G. A policy document: the agent itself finds out whether it narrows or is a proposal."""

    document: JsonObject


class PolicyApproval(Message, frozen=True):
    """G. An owner's touch for the proposal `sha256`; with `path`, one of many documents of that touch."""

    sha256: str
    label: str  # lenspact/owners/v1 for a document that changes only `owners`, else lenspact/policy/v1
    assertion: Assertion
    path: Path | None = None


class PolicyNo(Message, frozen=True):
    """G. An owner said no to the proposal `sha256`; it is dead from here on."""

    sha256: str


class PolicyRequest(Message, frozen=True):
    """G. Asks for the document in force."""


class PolicyAck(Message, frozen=True):
    """A. `token` is a policy-ack+jwt: stored durably, sessions decided again, in force."""

    token: str


class PolicyStale(Message, frozen=True):
    """A. `token` is a policy-stale+jwt naming the document in force; signed, it counts as an ack of that one."""

    token: str


class PolicyRefused(Message, frozen=True):
    """A. `token` is a policy-refused+jwt."""

    token: str


class PolicyProposed(Message, frozen=True):
    """A. A proposal waits for its owner: on site until `approve_by`, or held until `held_s` have passed."""

    sha256: str
    held_s: int | None = None


class PolicyDocument(Message, frozen=True):
    """A. The document in force, on request; None = nothing is shared."""

    document: JsonObject | None


class Noted(Message, frozen=True):
    """Either. The message named by `re` was taken; for accounts it ends their repetition."""


class Pause(Message, frozen=True):
    """G. The owner paused from the portal. Only the site can resume."""

    camera: str | None = None


# --- sessions -----------------------------------------------------------------------------------------------------


class Grant(Message, frozen=True):
    """G. `token` is a grant+jwt."""

    token: str


class Accepted(Message, frozen=True):
    """A. `token` is an accepted+jwt; it is its own first lease, 10 s."""

    token: str


class Refused(Message, frozen=True):
    """A. `token` is a refused+jwt with its code. Repeated until noted."""

    token: str


class Lease(Message, frozen=True):
    """G. `token` is a lease+jwt: one batch."""

    token: str


class End(Message, frozen=True):
    """G. End one session now."""

    session: str
    reason: str


class Stopped(Message, frozen=True):
    """A. `token` is a stopped+jwt with first and last packet, seconds and bytes. Repeated until noted."""

    token: str


class Interrupted(Message, frozen=True):
    """A. `token` is an interrupted+jwt: the account after a crash, as two bounds. Repeated until noted."""

    token: str


# --- log proofs ---------------------------------------------------------------------------------------------------


class LogProofRequest(Message, frozen=True):
    """A. Show me this promised leaf in a checkpoint consistent with the one of `have_size` I hold."""

    origin: str
    leaf_hash: str
    have_size: int


class LogProof(Message, frozen=True):
    """G. The checkpoint (C2SP signed note), the leaf's index and inclusion path, the consistency path; hex hashes."""

    leaf_hash: str
    checkpoint: str
    index: int
    inclusion: list[str]
    consistency: list[str]


# --- clips --------------------------------------------------------------------------------------------------------


class Preserve(Message, frozen=True):
    """G. Keep these segments from being overwritten; gives no access."""

    request: JsonObject


class PreserveRelease(Message, frozen=True):
    """G. The request is over: what was held for it may go."""

    request_sha256: str


class Preserved(Message, frozen=True):
    """A. `token` is a preserved+jwt."""

    token: str


class ClipAsk(Message, frozen=True):
    """G. Ask the owner for this clip; the segments are held at once."""

    request: JsonObject


class ClipAnswer(Message, frozen=True):
    """A. `token` is a site-approval+jwt over the request's digest: yes or no."""

    token: str


class ClipCapture(Message, frozen=True):
    """A. `token` is a capture+jwt, signed before the first byte is uploaded."""

    token: str


class ClipProgress(Message, frozen=True):
    """A. How far the upload is; not repeated."""

    session: str
    sent_bytes: int
    total_bytes: int


# --- live views to be asked for ------------------------------------------------------------------------------------


class ViewAsk(Message, frozen=True):
    """G. Ask the owner for this one live view (`views.ViewRequest`): noted, or a problem with its code."""

    request: JsonObject


class ViewAnswer(Message, frozen=True):
    """A. `token` is a site-approval+jwt over the request's digest: yes or no. Repeated until noted."""

    token: str


class ViewNo(Message, frozen=True):
    """G. The owner said no to this request elsewhere, or it is over: it opens nothing from here on."""

    request_sha256: str


# --- answers to what cannot be served -----------------------------------------------------------------------------


class Unsupported(Message, frozen=True):
    """Either. The tag of the message named by `re` is unknown here."""

    tag: str


class Problem(Message, frozen=True):
    """Either. The message named by `re` was understood and cannot be served; a code, never free text from inside."""

    code: str


KINDS: Final[dict[str, type[Message]]] = {str(kind.__struct_config__.tag): kind for kind in Message.__subclasses__()}
