"""Leaves: how an event becomes the bytes that are hashed into the log, and what people may read of it.

Pure. A leaf is canonical JSON {v, id, ts, kind, origin, public, c}; `public` holds coded words that identify nobody,
`c` a salted commitment per detail. Salt and value lie elsewhere and can be erased without the log changing. Reading a
leaf is `partner_agent.wire.leaves`, which sites and the offline checker share.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from gateway.audit.kinds import Kind
from gateway.kernel.principal import SYSTEM
from partner_agent.wire import canonical, leaves
from partner_agent.wire.clock import to_ms
from partner_agent.wire.limits import LEAF_BYTES
from partner_agent.wire.proofs import leaf_hash

LEAF_VERSION: Final = 1
MAX_PAGE: Final = 200  # entries of one answer: keeps a page under a few hundred KiB
_FIELD: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,63}")
_NAMES_SOMEBODY: Final = re.compile(r"(per|cam|org|sit|age|agt|inc|ses|evt|req)_[0-9a-z]{26}")
_STREAM: Final = re.compile(r"[a-z]{3}_[0-9a-z]{26}")
_NOBODY: Final = frozenset({"", SYSTEM.person_id})  # has no stream

Json = str | int | bool | None | Sequence["Json"] | Mapping[str, "Json"]


class Decision(StrEnum):
    """How it was decided; empty where nothing was decided."""

    PERMIT = "permit"
    DENY = "deny"
    NONE = ""


class ProofState(StrEnum):
    """How far an entry has come."""

    PROMISED = "promised"  # committed and promised, not yet in a signed checkpoint
    LOGGED = "logged"  # in the tree of a signed checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafDraft:
    """What a capability wants written.

    Attributes:
        kind: what happened.
        streams: ids of whom it concerns (`org_…`, `cam_…`, `per_…`, `ses_…`, `inc_…`): who may find it, and by what.
        decision: permit or deny, where something was decided.
        public: codes, numbers and flags, or lists of them, that identify nobody; readable by everybody for ever.
        details: what the partner concerned and the agency's compliance may read; committed by salted hash, erasable.
        restricted: the same, for the agency's compliance only (an operator's name, a free-text note).
        once: an idempotency key; a second event with the same one is refused together with its change.
    """

    kind: Kind
    streams: frozenset[str] = frozenset()
    decision: Decision = Decision.NONE
    public: Mapping[str, Json] = field(default_factory=dict)
    details: Mapping[str, Json] = field(default_factory=dict)
    restricted: Mapping[str, Json] = field(default_factory=dict)
    once: str = ""

    def __post_init__(self) -> None:
        """Refuse what would put a person's or a camera's name into the public tree."""
        for name, value in self.public.items():
            _check_public(name, value)
        for name in (*self.details, *self.restricted):
            if not _FIELD.fullmatch(name):
                raise ValueError(f"{name!r} is no field name")
        if {*self.public} & {*self.details} or ({*self.public} | {*self.details}) & {*self.restricted}:
            raise ValueError("a field is public, a detail or restricted, and only one of them")
        for stream in self.streams:
            if not _STREAM.fullmatch(stream):
                raise ValueError(f"{stream!r} is no stream key: streams are ids")

    def done_by(self, person_id: str, *, named: str) -> "LeafDraft":
        """The same, done by somebody: a person may find it, and compliance reads who it was under the name `named`."""
        found = {person_id} - _NOBODY
        return replace(self, streams=self.streams | found, restricted={**self.restricted, named: person_id})


@dataclass(frozen=True, slots=True)
class Opening:
    """A salt and a value: together they reproduce the commitment in the leaf."""

    salt: bytes
    value: Json
    is_restricted: bool = False

    @property
    def commitment(self) -> str:
        """Hex SHA-256(salt ‖ canonical(value))."""
        return leaves.commitment(self.salt, self.value)

    def to_json(self) -> dict[str, Json]:
        """As it travels: {salt: hex, value}."""
        return {"salt": self.salt.hex(), "value": self.value}


@dataclass(frozen=True, slots=True)
class LeafRef:
    """A leaf as appended: final bytes, their hash, and what opens its commitments."""

    event_id: str
    leaf: bytes
    leaf_hash: bytes
    openings: Mapping[str, Opening]

    @property
    def document(self) -> dict[str, object]:
        """The leaf as JSON object."""
        return canonical.decode_object(self.leaf)

    def openings_json(self) -> dict[str, Json]:
        """Every opening as it travels in a grant."""
        return {name: opening.to_json() for name, opening in self.openings.items()}


@dataclass(frozen=True, slots=True)
class Entry:
    """One event as its reader may see it.

    Attributes:
        event_id: `evt_…`; later ones sort later.
        at: when the gateway wrote it, by the gateway's clock.
        kind: what happened; a plain text, for old leaves may hold kinds this version no longer writes.
        decision: permit, deny or empty.
        index: its place in the log; None while it is only promised.
        public: the public words.
        openings: those details the reader may open; erased ones are missing.
        is_erased: whether a commitment has no opening left at all.
        leaf: the bytes hashed into the log.
    """

    event_id: str
    at: datetime
    kind: str
    decision: Decision
    index: int | None
    public: Mapping[str, object]
    openings: Mapping[str, Opening]
    is_erased: bool
    leaf: bytes

    @property
    def proof_state(self) -> ProofState:
        """Promised, or logged."""
        return ProofState.PROMISED if self.index is None else ProofState.LOGGED

    @property
    def leaf_hash(self) -> bytes:
        """RFC 9162 leaf hash."""
        return leaf_hash(self.leaf)

    def said(self, name: str) -> Json:
        """The public word or opened detail `name`; None if there is none the reader may see."""
        if name in self.openings:
            return self.openings[name].value
        value = self.public.get(name)
        return value if isinstance(value, (str, int, bool)) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which entries.

    Attributes:
        streams: every one of these must be on the event (a camera, a person, an incident …); empty: all events.
        any_of: one of these must be on the event; empty: all events.
        kinds: any of these; empty: every kind.
        decision: as decided; None: either.
        since: at or after.
        until: before.
        is_restricted_visible: whether restricted details are opened (compliance only).
    """

    streams: frozenset[str] = frozenset()
    any_of: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    decision: Decision | None = None
    since: datetime | None = None
    until: datetime | None = None
    is_restricted_visible: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, newest first, and the cursor of the next page; empty at the end."""

    entries: tuple[Entry, ...]
    next_cursor: str


def make_leaf(draft: LeafDraft, *, event_id: str, at: datetime, origin: str, salts: Mapping[str, bytes]) -> LeafRef:
    """The final leaf of `draft`; `salts` holds one fresh salt per detail.

    Raises:
        ValueError: larger than 8 KiB, or a value that is not canonical.
    """
    openings = {n: Opening(salts[n], v) for n, v in draft.details.items()}
    openings |= {n: Opening(salts[n], v, is_restricted=True) for n, v in draft.restricted.items()}
    public = dict(draft.public)
    if draft.decision:
        public["decision"] = draft.decision.value
    leaf = canonical.encode(
        {
            "v": LEAF_VERSION,
            "id": event_id,
            "ts": to_ms(at),
            "kind": draft.kind.value,
            "origin": origin,
            "public": public,
            "c": {name: opening.commitment for name, opening in openings.items()},
        }
    )
    if len(leaf) > LEAF_BYTES:
        raise ValueError(f"a leaf of {len(leaf)} bytes; at most {LEAF_BYTES} are allowed")
    return LeafRef(event_id=event_id, leaf=leaf, leaf_hash=leaf_hash(leaf), openings=openings)


def _check_public(name: str, value: Json) -> None:
    if not _FIELD.fullmatch(name):
        raise ValueError(f"{name!r} is no field name")
    for each in value if isinstance(value, (list, tuple)) else [value]:
        if isinstance(each, str) and (not _CODE.fullmatch(each) or _NAMES_SOMEBODY.search(each)):
            raise ValueError(f"public field {name!r} must be a code that identifies nobody")
        if not isinstance(each, (str, int, bool)):
            raise ValueError(f"public field {name!r} must be codes, numbers or flags")  # noqa: TRY004
