"""The rules of agents on site: their states and limits, the epoch that catches a copied disk, and user codes.

Pure. What is stored, and how, is `store`; the words of the link are `partner_agent.wire`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

USER_CODE_ALPHABET: Final = "BCDFGHJKLMNPQRSTVWXZ"  # RFC 8628 §6.1: 20 consonants, no word can appear
USER_CODE_LETTERS: Final = 8  # 34.6 bits
CODE_LIFE: Final = timedelta(minutes=10)  # device code and user code alike
POLL_INTERVAL_S: Final = 5  # RFC 8628 §3.2; slow_down adds as much again (§3.5)
CODES_PER_ADDRESS: Final = 10  # in QUOTA_WINDOW
QUOTA_WINDOW: Final = timedelta(hours=1)
PENDING_PER_ADDRESS: Final = 5
WRONG_CODES: Final = 5  # by one owner session, then LOCK
WRONG_CODES_EVERYWHERE: Final = 50  # in QUOTA_WINDOW, by all sessions together: somebody is guessing
LOCK: Final = timedelta(minutes=15)
KEYS_DUE: Final = timedelta(days=14)  # a key set this close to its end asks for the next one


class AgentState(StrEnum):
    """Where an agent stands; the site alone ends a quarantine, nobody ends a revocation."""

    PENDING = "pending"  # paired, never linked yet
    ACTIVE = "active"
    QUARANTINED = "quarantined"  # keeps its link, takes narrowings, a no and pause; gets no grant
    REVOKED = "revoked"


class EnrolmentState(StrEnum):
    """How far one device code came."""

    WAITING = "waiting"
    APPROVED = "approved"
    DENIED = "denied"
    REGISTERED = "registered"  # the pairing was handed out, once


class CameraHealth(StrEnum):
    """What the site says of one camera: the words of the link, and nothing else."""

    OK = "ok"
    AUTH_FAILED = "auth_failed"
    GONE = "gone"
    FROZEN = "frozen"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Agent:
    """One paired agent.

    Attributes:
        epoch: the generation the newest welcome carried.
        is_epoch_acked: whether the agent said that welcome arrived.
        lineage: the agent's own document lineage, as last told; empty before the first link.
        conditions: what holds at the site, as last told, in the words of the link (`paused`, `clock_skew`, `panic` …).
        acked_seq: sequence number of the newest acknowledged policy document; 0 for none.
    """

    id: str
    site_id: str
    organisation_id: str
    jwk: dict[str, str]
    thumbprint: str
    state: AgentState
    host: str
    version: str
    epoch: int
    is_epoch_acked: bool
    lineage: str
    conditions: frozenset[str]
    acked_seq: int
    acked_sha256: str
    acked_at: datetime | None
    registered_at: datetime
    state_since: datetime
    last_seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class AgentCamera:
    """A camera as the agent tells of it, and the registered camera the owner ticked it to be."""

    agent_id: str
    local_id: str
    label: str
    codec: str
    width: int
    height: int
    health: CameraHealth
    health_since: datetime
    camera_id: str | None
    areas: tuple[tuple[str, str], ...]  # what can be black in its live pictures: what rules call it, and its label
    live: str  # main_codec, main_b_frames, none, anew, as the agent says; empty while the stream meant for it is shown
    is_listed: bool  # in the agent's newest list


@dataclass(frozen=True, slots=True)
class Enrolment:
    """One device code's life, without its secrets; `device_hash` is hex SHA-256 of the device code, and its name."""

    device_hash: str
    state: EnrolmentState
    jwk: dict[str, str]
    thumbprint: str
    host: str
    version: str
    address: str
    created_at: datetime
    expires_at: datetime
    interval_s: int
    last_polled_at: datetime | None
    site_id: str
    organisation_id: str
    approved_by: str
    agent_id: str

    def is_over(self, now: datetime) -> bool:
        """Whether the codes can no longer be used: too old, or used."""
        return now >= self.expires_at or self.state not in {EnrolmentState.WAITING, EnrolmentState.APPROVED}


def next_epoch(stored: int, *, is_acknowledged: bool, claimed: int) -> int | None:
    """The epoch to welcome an agent with, or None: two copies of one disk may exist.

    `stored` is the epoch of the last welcome. It is right; the one before is right only while that welcome was never
    acknowledged, for it may have been lost in transit.
    """
    if claimed == stored or (not is_acknowledged and claimed == stored - 1):
        return claimed + 1
    return None


def write_user_code(letters: str) -> str:
    """`BCDFGHJK` as people read it: `BCDF-GHJK`."""
    return f"{letters[:4]}-{letters[4:]}"


def read_user_code(text: str) -> str:
    """The eight letters of what a person typed: any case, spaces and dashes ignored; empty if it cannot be a code."""
    letters = "".join(character for character in text.upper() if character not in " -–—_.\t")
    if len(letters) != USER_CODE_LETTERS or any(letter not in USER_CODE_ALPHABET for letter in letters):
        return ""
    return letters


def make_user_code(randomness: bytes) -> str:
    """Eight letters from at least 16 random bytes; the bias of the division is under 2^-90."""
    number = int.from_bytes(randomness)
    letters = []
    for _ in range(USER_CODE_LETTERS):
        number, index = divmod(number, len(USER_CODE_ALPHABET))
        letters.append(USER_CODE_ALPHABET[index])
    return "".join(letters)


def plain(text: str, length: int) -> str:
    """What an agent says of itself, as one short printable line."""
    return "".join(character if character.isprintable() else " " for character in text)[:length].strip()
