"""The life of a request for a recording, and what an upload is: types, transitions and the words people read. Pure."""

import math
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

MAX_CLIP_S: Final = 4 * 3600  # as the site cuts (partner_agent.export)
MAX_UPLOAD_BYTES: Final = 64 * 1024**3  # one file of one invitation: what the field's largest vendor takes
MAX_LOOK_BACK_DAYS: Final = 90


class ClipState(StrEnum):
    """Where a request stands."""

    REQUESTED = "requested"
    HELD = "held"  # the site keeps the footage from being overwritten; nobody has access yet
    APPROVED = "approved"
    DECLINED = "declined"
    EXPIRED = "expired"
    CUTTING = "cutting"  # the site accepted the grant
    UPLOADING = "uploading"  # the site signed what it cut
    RECEIVED = "received"  # all bytes are here and are what the site signed
    QUARANTINED = "quarantined"  # all bytes are here and are not what the site signed
    FAILED = "failed"
    DOWNLOADABLE = "downloadable"  # the package is sealed


NEXT: Final[dict[ClipState, frozenset[ClipState]]] = {
    ClipState.REQUESTED: frozenset({ClipState.HELD, ClipState.APPROVED, ClipState.DECLINED, ClipState.EXPIRED}),
    ClipState.HELD: frozenset({ClipState.APPROVED, ClipState.DECLINED, ClipState.EXPIRED}),
    # the site's capture may overtake its `accepted`
    ClipState.APPROVED: frozenset(
        {ClipState.CUTTING, ClipState.UPLOADING, ClipState.DECLINED, ClipState.EXPIRED, ClipState.FAILED}
    ),
    ClipState.CUTTING: frozenset({ClipState.UPLOADING, ClipState.FAILED, ClipState.EXPIRED}),
    ClipState.UPLOADING: frozenset({ClipState.RECEIVED, ClipState.QUARANTINED, ClipState.FAILED, ClipState.EXPIRED}),
    ClipState.RECEIVED: frozenset({ClipState.DOWNLOADABLE}),
    ClipState.DECLINED: frozenset(),
    ClipState.EXPIRED: frozenset(),
    ClipState.QUARANTINED: frozenset(),
    ClipState.FAILED: frozenset(),
    ClipState.DOWNLOADABLE: frozenset(),
}
WAITING: Final = frozenset({ClipState.REQUESTED, ClipState.HELD})  # for the owner
HANDED_OVER: Final = (ClipState.RECEIVED, ClipState.DOWNLOADABLE)
OPEN: Final = frozenset(state for state, after in NEXT.items() if after)

# What counts for the day of a site, as the site itself counts: a recording counts whole from the site's acceptance, for
# 24 hours after its last byte came; one that ended without a byte does not. An upload that goes on counts however old.
COUNTS_WHILE: Final = frozenset({ClipState.UPLOADING})
COUNTS_AFTER: Final = frozenset({ClipState.CUTTING, ClipState.QUARANTINED, *HANDED_OVER})
COUNTS_WITH_BYTES: Final = frozenset({ClipState.FAILED, ClipState.EXPIRED})

# What the operator reads. A refusal reads the same whoever refused and why: refusals must not add up to a list.
NOT_AVAILABLE: Final = "Not available for this purpose."
NOT_PROMISED: Final = "Asked. The site could not promise to keep the footage while the owner decides."
WORDS: Final[dict[ClipState, str]] = {
    ClipState.REQUESTED: "Asked. The site has not confirmed yet that it keeps the footage.",
    ClipState.HELD: "Asked. The footage is kept from being overwritten while the owner decides.",
    ClipState.APPROVED: "Approved. The site sends it as soon as it is connected.",
    ClipState.DECLINED: NOT_AVAILABLE,
    ClipState.EXPIRED: NOT_AVAILABLE,
    ClipState.CUTTING: "The site is cutting the recording.",
    ClipState.UPLOADING: "The recording is on its way.",
    ClipState.RECEIVED: "Received. The package is being sealed.",
    ClipState.QUARANTINED: "What arrived is not what the site signed. It is kept apart; ask for the clip again.",
    ClipState.FAILED: "The site could not send it.",
    ClipState.DOWNLOADABLE: "Ready to download.",
}
CAUSES: Final[dict[str, str]] = {  # technical causes of a permitted clip; anything else is not told
    "camera_unreachable": "The site has no recording of this time.",
    "camera_auth": "The site has no recording of this time.",
    "limit": "The site reached a limit of its own; try a shorter clip.",
    "offline": "The site is not connected.",
}


def can_become(state: ClipState, after: ClipState) -> bool:
    """Whether the step is one of the table."""
    return after in NEXT[state]


def words(state: ClipState, cause: str, *, is_held: bool = True) -> str:
    """What the operator reads."""
    if state is ClipState.HELD and not is_held:
        return NOT_PROMISED
    if state is ClipState.FAILED and cause in CAUSES:
        return CAUSES[cause]
    return WORDS[state]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipRequest:
    """One request for one recording of one camera.

    Attributes:
        asker: in what unit and roles they asked, how they had signed in, for which other agency, and on which second
            person's word: the law decides again when it is released.
        document: the closed document the owner approves and the grant carries (`wire.clips`).
        document_sha256: its digest.
        approval: the owner's signed yes, as the grant carries it; None where a standing clause has said yes.
        cause: why it failed or was declined: a code, for the owner and compliance.
        session_id: the session its grant names, once one was sent.
        held_until: as the site answered.
        answered_by: who of the organisation answered in the portal; empty for the site, a rule, or nobody.
        version: counts changes; a change names the version it was made on.
    """

    id: str
    agency_id: str
    person_id: str
    asker: dict[str, Any]
    organisation_id: str
    site_id: str
    agent_id: str
    camera_id: str
    purpose: str
    incident_id: str
    t0: datetime
    t1: datetime
    state: ClipState
    cause: str
    document: dict[str, Any]
    document_sha256: str
    approval: dict[str, Any] | None
    session_id: str
    held_until: datetime | None
    created_at: datetime
    expires_at: datetime
    changed_at: datetime
    version: int
    answered_by: str = ""

    @property
    def on_behalf_of(self) -> str:
        """The other agency it is for, as the asker said; empty for their own."""
        return str(self.asker.get("on_behalf_of", ""))

    @property
    def confirmation_id(self) -> str:
        """The second person's word it stands on, for emergency access; empty where it stands on nobody's."""
        return str(self.asker.get("confirmation", ""))

    @property
    def second_id(self) -> str:
        """Who the second person is."""
        return str(self.asker.get("second", ""))


def seconds_of(t0: datetime, t1: datetime) -> int:
    """Of a recording, rounded up, as the site counts them."""
    return math.ceil((t1 - t0).total_seconds())


class UploadState(StrEnum):
    """Where an upload stands."""

    EXPECTED = "expected"  # the site has its address; nothing was created
    OPEN = "open"
    COMPLETE = "complete"
    QUARANTINED = "quarantined"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One file on its way here.

    Attributes:
        token_sha256: hex digest of the secret the site presents.
        length: as declared at creation; 0 before.
        offset: bytes that are durable: the truth the client resumes from.
        chunks: how many encrypted chunks hold them.
        capture: the site's signed `capture+jwt`; empty until it came.
        agent_jwk: the site's public key, as canonical JSON.
        declared_sha256: of the whole file, out of the capture.
        wrapped_key: the file's own key, encrypted under the gateway's.
    """

    id: str
    request_id: str
    token_sha256: str
    state: UploadState
    length: int
    offset: int
    chunks: int
    capture: str
    agent_jwk: str
    declared_sha256: str
    wrapped_key: bytes
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Chunk:
    """One encrypted piece of a file: its place, its plain size, its nonce."""

    index: int
    size: int
    nonce: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A sealed evidence package: a tar made of `head`, the recording, and padding.

    Attributes:
        head: every small file and the recording's tar header.
        recording_bytes: size of the recording.
        size_bytes: of the whole tar.
        sha256: of the whole tar.
    """

    id: str
    request_id: str
    upload_id: str
    name: str
    head: bytes
    recording_bytes: int
    size_bytes: int
    sha256: str
    sealed_at: datetime
