"""The policy document: closed, chained by parent hash, at most 48 KiB; the form both ends hash and sign about.

This module knows the envelope (who, which lineage, which place in the chain) and that no field is missing or foreign.
What cameras, rules, windows and terms *mean* is `policies.model.read_policy`; which of two documents shares more is
`policies.narrowing.compare`; what the site does with one is `partner_agent.policy_store`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from partner_agent.wire import canonical
from partner_agent.wire.clock import from_rfc3339, to_rfc3339
from partner_agent.wire.limits import APPROVE_BY_S, DOCUMENT_BYTES

VERSION: Final = 1
NO_PARENT: Final = "0" * 64  # the parent of document 1: nothing is shared
LINEAGE_BYTES: Final = 16
POLICY_LABEL: Final = "lenspact/policy/v1"
OWNERS_LABEL: Final = "lenspact/owners/v1"
CLIP_LABEL: Final = "lenspact/clip/v1"
VIEW_LABEL: Final = "lenspact/view/v1"
AGREEMENT_LABEL: Final = "lenspact/agreement/v1"  # of a version of the agreement; no site acts on it

HEADER: Final = frozenset(
    "v gateway site agent lineage seq parent_sha256 created_at approve_by".split()  # noqa: SIM905
)
CONTENT: Final = frozenset(
    "partner agreement owners hold_s cameras groups tags rules windows terms envelope guardrail totals".split()  # noqa: SIM905
)
FIELDS: Final = HEADER | CONTENT


class DocumentError(ValueError):
    """Not a policy document of ours; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a chain: the document in force, or nothing yet (seq 0)."""

    lineage: str
    seq: int
    sha256: str

    @classmethod
    def nothing(cls, lineage: str) -> "Position":
        """Where a new lineage starts: nothing is shared."""
        return cls(lineage=lineage, seq=0, sha256=NO_PARENT)


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """A document whose envelope has been read; `raw` is what is hashed, and what `read_policy` takes."""

    gateway: str
    partner: str
    site: str
    agent: str
    lineage: str
    seq: int
    parent_sha256: str
    created_at: datetime
    approve_by: datetime | None  # None: a narrowing, which waits for nobody
    hold_s: int
    guardrail: str  # digest of the pack it pins
    raw: Mapping[str, Any]
    sha256: str

    @property
    def position(self) -> Position:
        """Where this document stands once it is in force."""
        return Position(lineage=self.lineage, seq=self.seq, sha256=self.sha256)

    def follows(self, held: Position) -> bool:
        """Whether this is exactly the next document after `held`."""
        return self.lineage == held.lineage and self.seq == held.seq + 1 and self.parent_sha256 == held.sha256


def build(
    *,
    gateway: str,
    site: str,
    agent: str,
    base: Position,
    created_at: datetime,
    approve_by: datetime | None,
    content: Mapping[str, Any],
) -> PolicyDocument:
    """The next document after `base` with this `content` (exactly the fields `CONTENT`: `Policy.to_document()`).

    Raises:
        DocumentError: fields missing or unknown, too large, or `approve_by` too far away.
    """
    header = {
        "v": VERSION,
        "gateway": gateway,
        "site": site,
        "agent": agent,
        "lineage": base.lineage,
        "seq": base.seq + 1,
        "parent_sha256": base.sha256,
        "created_at": to_rfc3339(created_at),
        "approve_by": to_rfc3339(approve_by) if approve_by else None,
    }
    return parse({**header, **content})


def parse(raw: object) -> PolicyDocument:
    """Read the envelope of `raw` (a decoded object) strictly.

    Raises:
        DocumentError: not closed, not canonical, too large, or a field of another type.
    """
    if not isinstance(raw, Mapping) or set(raw) != FIELDS:
        raise DocumentError("the document's fields are not exactly the ones of version 1")
    try:
        data = canonical.encode(raw)
    except canonical.NotCanonicalError as error:
        raise DocumentError(str(error)) from error
    if len(data) > DOCUMENT_BYTES:
        raise DocumentError(f"the document is larger than {DOCUMENT_BYTES} bytes")
    try:
        return _read(raw, hashlib.sha256(data).hexdigest())
    except (TypeError, ValueError) as error:
        raise DocumentError(f"malformed document: {error}") from error


def _read(raw: Mapping[str, Any], sha256: str) -> PolicyDocument:
    if raw["v"] != VERSION or type(raw["v"]) is not int:
        raise ValueError("version")
    created_at = from_rfc3339(_text(raw, "created_at"))
    approve_by = None if raw["approve_by"] is None else from_rfc3339(_text(raw, "approve_by"))
    if approve_by is not None and not 0 < (approve_by - created_at).total_seconds() <= APPROVE_BY_S:
        raise ValueError("approve_by is at most a day after created_at")
    seq, hold_s = _whole(raw, "seq"), _whole(raw, "hold_s")
    if seq < 1:
        raise ValueError("seq starts at 1")
    return PolicyDocument(
        gateway=_text(raw, "gateway"),
        partner=_text(raw, "partner"),
        site=_text(raw, "site"),
        agent=_text(raw, "agent"),
        lineage=_hex(raw, "lineage", LINEAGE_BYTES),
        seq=seq,
        parent_sha256=_hex(raw, "parent_sha256", 32),
        created_at=created_at,
        approve_by=approve_by,
        hold_s=hold_s,
        guardrail=_hex(raw, "guardrail", 32),
        raw=dict(raw),
        sha256=sha256,
    )


def _text(raw: Mapping[str, Any], name: str) -> str:
    if not isinstance(raw[name], str):
        raise TypeError(f"{name} is text")
    return str(raw[name])


def _whole(raw: Mapping[str, Any], name: str) -> int:
    if type(raw[name]) is not int or raw[name] < 0:
        raise ValueError(f"{name} is a whole number")
    return int(raw[name])


def _hex(raw: Mapping[str, Any], name: str, size_bytes: int) -> str:
    text = _text(raw, name)
    if len(text) != 2 * size_bytes or set(text) - set("0123456789abcdef"):
        raise ValueError(f"{name} is {2 * size_bytes} lower-case hex digits")
    return text
