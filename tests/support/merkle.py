"""RFC 6962 §2.1 written down recursively, word for word: slow, and what the fast code is held against."""

import hashlib
from collections.abc import Sequence


def root(leaves: Sequence[bytes]) -> bytes:
    """MTH of leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = _split(len(leaves))
    return _node(root(leaves[:k]), root(leaves[k:]))


def path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH(m, D[n])."""
    if len(leaves) == 1:
        return []
    k = _split(len(leaves))
    if index < k:
        return [*path(index, leaves[:k]), root(leaves[k:])]
    return [*path(index - k, leaves[k:]), root(leaves[:k])]


def consistency(old: int, leaves: Sequence[bytes], *, is_whole: bool = True) -> list[bytes]:
    """SUBPROOF(m, D[n], b)."""
    if old == len(leaves):
        return [] if is_whole else [root(leaves)]
    k = _split(len(leaves))
    if old <= k:
        return [*consistency(old, leaves[:k], is_whole=is_whole), root(leaves[k:])]
    return [*consistency(old - k, leaves[k:], is_whole=False), root(leaves[:k])]


def tiles(leaves: Sequence[bytes]) -> dict[tuple[int, int], bytes]:
    """C2SP tlog-tiles: (level, index) to the hashes of 256 whole subtrees, or as many as there are."""
    found, level, row = {}, 0, list(leaves)
    while row:
        cut = [row[start : start + 256] for start in range(0, len(row), 256)]
        found |= {(level, index): b"".join(hashes) for index, hashes in enumerate(cut)}
        level, row = level + 1, [root(hashes) for hashes in cut if len(hashes) == 256]
    return found


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _split(n: int) -> int:
    k = 1
    while 2 * k < n:
        k *= 2
    return k
