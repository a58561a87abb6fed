"""The Merkle tree of the log: its hashes, and proofs made and checked (RFC 6962 §2.1, RFC 9162 §2.1).

Pure. A proof is first *planned*: `inclusion_plan` and `consistency_plan` name the perfect subtrees each proof hash
folds over; the caller reads those, for instance by `tiles`, and `make_proof` folds them. Stdlib only: the verifier
stands on this.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

HASH_BYTES: Final = 32
_MAX_PROOF_HASHES: Final = 64  # a tree of 2^63 leaves needs no more

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()


class ProofError(ValueError):
    """The proof does not prove it, or what was given cannot prove it."""


@dataclass(frozen=True, slots=True, order=True)
class Node:
    """A perfect subtree: `2**level` leaves, the `index`-th such from the left."""

    level: int
    index: int


class HashReader(Protocol):
    """Gives the hash of a perfect subtree."""

    def __call__(self, node: Node) -> bytes:
        """The hash of `node`."""


def leaf_hash(leaf: bytes) -> bytes:
    """RFC 9162 §2.1.1: SHA-256(0x00 ‖ leaf)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 9162 §2.1.1: SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """The hash over perfect subtrees of falling size, left to right; of none, the empty tree's."""
    if not hashes:
        return EMPTY_ROOT
    result = hashes[-1]
    for left in reversed(hashes[:-1]):
        result = node_hash(left, result)
    return result


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """The root over `2**k` hashes of one level."""
    level = list(hashes)
    while len(level) > 1:
        level = [node_hash(level[i], level[i + 1]) for i in range(0, len(level), 2)]
    return level[0]


def subtree_nodes(start: int, end: int) -> tuple[Node, ...]:
    """The perfect subtrees of the leaves [start, end), which must be a subtree of RFC 9162's definition."""
    nodes = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append(Node(level, start >> level))
        start += 1 << level
    return tuple(nodes)


def inclusion_plan(index: int, size: int) -> list[tuple[Node, ...]]:
    """What each hash of the inclusion proof of leaf `index` in a tree of `size` folds over (RFC 9162 §2.1.3.1)."""
    if not 0 <= index < size:
        raise ProofError("the tree has no such leaf")
    plan: list[tuple[Node, ...]] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            plan.append(subtree_nodes(middle, end))
            end = middle
        else:
            plan.append(subtree_nodes(start, middle))
            start = middle
    return plan[::-1]


def consistency_plan(old_size: int, size: int) -> list[tuple[Node, ...]]:
    """What each hash of the consistency proof folds over (RFC 9162 §2.1.4.1); empty for equal sizes or from nothing."""
    if not 0 <= old_size <= size:
        raise ProofError("the older tree is not the smaller one")
    if old_size in {0, size}:
        return []
    plan: list[tuple[Node, ...]] = []
    start, end, is_whole = 0, size, True
    while old_size != end:
        middle = start + _split(end - start)
        if old_size <= middle:
            plan.append(subtree_nodes(middle, end))
            end = middle
        else:
            plan.append(subtree_nodes(start, middle))
            start, is_whole = middle, False
    if not is_whole:
        plan.append(subtree_nodes(start, end))
    return plan[::-1]


def make_proof(plan: Iterable[tuple[Node, ...]], read: HashReader) -> list[bytes]:
    """The hashes of a planned proof."""
    return [fold([read(node) for node in nodes]) for nodes in plan]


def verify_inclusion(leaf: bytes, *, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf with hash `leaf` is the `index`-th of the tree (RFC 9162 §2.1.3.2).

    Raises:
        ProofError: it is not proved.
    """
    _check_hashes([leaf, root, *proof])
    if not 0 <= index < size:  # 1
        raise ProofError("the tree has no such leaf")
    first, last, result = index, size - 1, leaf  # 2, 3
    for step in proof:  # 4
        if last == 0:
            raise ProofError("the inclusion proof is too long")
        if first & 1 or first == last:
            result = node_hash(step, result)
            first, last = _climb(first, last)
        else:
            result = node_hash(result, step)
        first, last = first >> 1, last >> 1
    if last != 0 or result != root:  # 5
        raise ProofError("the entry is not in the log at this place")


def verify_consistency(*, old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the tree of `old_size` is the beginning of the tree of `size` (RFC 9162 §2.1.4.2).

    Raises:
        ProofError: it is not proved.
    """
    _check_hashes([old_root, root, *proof])
    if not 0 <= old_size <= size:
        raise ProofError("the older tree is not the smaller one")
    if old_size in {0, size}:
        if proof or old_root != (root if old_size == size else EMPTY_ROOT):
            raise ProofError("two logs of one size differ")
        return
    steps = list(proof) if old_size & (old_size - 1) else [old_root, *proof]  # 2
    if not steps:  # 1
        raise ProofError("the consistency proof is empty")
    first, last = old_size - 1, size - 1  # 3
    while first & 1:  # 4
        first, last = first >> 1, last >> 1
    old, new = steps[0], steps[0]  # 5
    for step in steps[1:]:  # 6
        if last == 0:
            raise ProofError("the consistency proof is too long")
        if first & 1 or first == last:
            old, new = node_hash(step, old), node_hash(step, new)
            first, last = _climb(first, last)
        else:
            new = node_hash(new, step)
        first, last = first >> 1, last >> 1
    if last != 0 or (old, new) != (old_root, root):  # 7
        raise ProofError("the log was rewritten: the older tree is not the beginning of the newer one")


def _split(count: int) -> int:
    """The largest power of two smaller than `count`."""
    return 1 << (count - 1).bit_length() - 1


def _climb(first: int, last: int) -> tuple[int, int]:
    """Shift both right until `first` is odd or zero (the inner loop of both verifications)."""
    while first and not first & 1:
        first, last = first >> 1, last >> 1
    return first, last


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if len(hashes) > _MAX_PROOF_HASHES + 2 or any(len(value) != HASH_BYTES for value in hashes):
        raise ProofError("a proof is at most 64 hashes of 32 bytes")
