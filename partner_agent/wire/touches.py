"""One touch of an owner's passkey: what it signs, for how many sites at once, and its form on the link.

A touch signs SHA-256(label ‖ 0x00 ‖ digest). The label says what kind of thing is approved, so that a touch given for
one kind, or for signing in, is never one for another. The digest is of one document, or the root over up to 200 of them
(RFC 9162 §2.1.1 over the digests), and then each agent gets the path from its own. Pure, and without the WebAuthn
library; whether a touch is genuine is for `approvals`.
"""

import base64
import binascii
import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec

from partner_agent.wire.documents import AGREEMENT_LABEL, CLIP_LABEL, OWNERS_LABEL, POLICY_LABEL, VIEW_LABEL
from partner_agent.wire.limits import TOUCH_DIGESTS
from partner_agent.wire.proofs import (
    HASH_BYTES,
    Node,
    fold,
    inclusion_plan,
    leaf_hash,
    make_proof,
    node_hash,
    perfect_root,
    subtree_nodes,
)
from policies.model import Policy

LABELS: Final = frozenset({POLICY_LABEL, CLIP_LABEL, VIEW_LABEL, OWNERS_LABEL, AGREEMENT_LABEL})


class TouchError(ValueError):
    """Not a touch in good form; the text says what is wrong."""


class Assertion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the authenticator answered (WebAuthn §5.2.2), each part as base64url without padding."""

    credential: str  # rawId
    client_data: str  # clientDataJSON
    authenticator_data: str
    signature: str


class Path(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a digest stands among those of one touch: its inclusion path (RFC 9162 §2.1.3), hashes in hex."""

    index: int
    size: int
    hashes: list[str]


def challenge(label: str, digest: bytes) -> bytes:
    """The 32 bytes that the authenticator is asked to sign.

    Raises:
        TouchError: an unknown label, or no SHA-256.
    """
    if label not in LABELS or len(digest) != HASH_BYTES:
        raise TouchError("there is no such thing to approve")
    return hashlib.sha256(label.encode("ascii") + b"\x00" + digest).digest()


def label_of(old: Policy | None, new: Policy) -> str:
    """What an owner's touch for `new` has to be labelled, with `old` in force (None: nothing is)."""
    is_owners_only = old is not None and dataclasses.replace(new, owners=old.owners) == old
    return OWNERS_LABEL if is_owners_only else POLICY_LABEL


def root(digests: Sequence[bytes]) -> bytes:
    """What one touch for all of `digests` signs in place of a digest.

    Raises:
        TouchError: none, or more than 200.
    """
    leaves = _leaves(digests)
    nodes = subtree_nodes(0, len(leaves))
    return fold([_read(leaves, node) for node in nodes])


def path(digests: Sequence[bytes], index: int) -> Path:
    """The path of `digests[index]`, for the agent that holds that document.

    Raises:
        TouchError: none, more than 200, or no such index.
    """
    leaves = _leaves(digests)
    if not 0 <= index < len(leaves):
        raise TouchError("there is no such digest in this touch")
    hashes = make_proof(inclusion_plan(index, len(leaves)), lambda node: _read(leaves, node))
    return Path(index=index, size=len(leaves), hashes=[step.hex() for step in hashes])


def signed(digest: bytes, where: Path | None) -> bytes:
    """What the touch must have signed if it covers `digest`: the digest itself, or the root its path leads to.

    Raises:
        TouchError: the path cannot be one of a tree of at most 200.
    """
    if where is None:
        return digest
    if not 0 <= where.index < where.size <= TOUCH_DIGESTS:
        raise TouchError("the path is of no such place")
    node, index, last = leaf_hash(digest), where.index, where.size - 1
    for text in where.hashes:  # RFC 9162 §2.1.3.2
        if not last:
            raise TouchError("the path is too long")
        step = _hash(text)
        if index & 1 or index == last:
            node = node_hash(step, node)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            node = node_hash(node, step)
        index, last = index >> 1, last >> 1
    if last:
        raise TouchError("the path is too short")
    return node


def base64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """The bytes of base64url without padding, which must be the only way to write them.

    Raises:
        TouchError: it is not.
    """
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise TouchError("not base64url") from error
    if base64url(data) != text:
        raise TouchError("not base64url")
    return data


def _leaves(digests: Sequence[bytes]) -> list[bytes]:
    if not 0 < len(digests) <= TOUCH_DIGESTS:
        raise TouchError(f"one touch approves 1 to {TOUCH_DIGESTS} documents")
    return [leaf_hash(digest) for digest in digests]


def _read(leaves: Sequence[bytes], node: Node) -> bytes:
    start = node.index << node.level
    return perfect_root(leaves[start : start + (1 << node.level)])


def _hash(text: str) -> bytes:
    try:
        data = bytes.fromhex(text)
    except ValueError as error:
        raise TouchError("the path is not made of hashes") from error
    if len(data) != HASH_BYTES or data.hex() != text:
        raise TouchError("the path is not made of hashes")
    return data
