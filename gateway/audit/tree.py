"""How the tree grows: new leaf hashes appended to the tiles at its right edge (C2SP tlog-tiles).

Pure. The edge is at most one partial tile per level, so appending needs a handful of rows whatever the size of the log.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from partner_agent.wire.proofs import HASH_BYTES, fold, perfect_root, subtree_nodes
from partner_agent.wire.tiles import TILE_HEIGHT, TILE_WIDTH, TileHashes

_TILE_BYTES = TILE_WIDTH * HASH_BYTES

Tiles = dict[tuple[int, int], bytes]


@dataclass(frozen=True, slots=True)
class Growth:
    """The tree after an append: its size, its root, and the tiles that changed, full ones and the new edge."""

    size: int
    root: bytes
    changed: Tiles


def edge_of(size: int) -> list[tuple[int, int]]:
    """(level, index) of the partial tiles of a tree of `size` leaves."""
    edge, level = [], 0
    while (count := size >> TILE_HEIGHT * level) > 0:
        if count % TILE_WIDTH:
            edge.append((level, count // TILE_WIDTH))
        level += 1
    return edge


def root_of(size: int, edge: Mapping[tuple[int, int], bytes]) -> bytes:
    """The root, from the edge alone.

    Raises:
        ProofError: the edge does not belong to that size.
    """
    read = TileHashes(edge)
    return fold([read(node) for node in subtree_nodes(0, size)])


def grow(size: int, edge: Mapping[tuple[int, int], bytes], leaf_hashes: Iterable[bytes]) -> Growth:
    """Append `leaf_hashes` to a tree of `size` leaves whose partial tiles are `edge`."""
    growing = {level: bytearray(edge[level, index]) for level, index in edge_of(size)}
    counts: dict[int, int] = {}
    changed: Tiles = {}

    def push(level: int, value: bytes) -> None:
        count = counts.setdefault(level, size >> TILE_HEIGHT * level)
        tile = growing.setdefault(level, bytearray())
        tile += value
        counts[level] = count + 1
        if len(tile) == _TILE_BYTES:
            changed[level, count // TILE_WIDTH] = bytes(tile)
            push(level + 1, perfect_root([bytes(tile[i : i + HASH_BYTES]) for i in range(0, _TILE_BYTES, HASH_BYTES)]))
            del growing[level]

    for value in leaf_hashes:
        push(0, value)
    new_size = counts.get(0, size)
    new_edge = {(level, index): bytes(growing[level]) for level, index in edge_of(new_size)}
    changed |= {key: data for key, data in new_edge.items() if edge.get(key) != data}
    return Growth(size=new_size, root=root_of(new_size, new_edge), changed=changed)
