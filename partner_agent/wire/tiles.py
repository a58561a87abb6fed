"""Tiles: the tree of the log cut into files of 256 hashes, and its entries into bundles (C2SP tlog-tiles).

Pure: names of tiles, what a proof needs of them, and hashes read out of them. Where tiles are kept, in a database or in
a folder, is the caller's business. Stdlib only: the verifier stands on this.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from partner_agent.wire.proofs import HASH_BYTES, Node, ProofError, perfect_root

TILE_HEIGHT: Final = 8  # a tile spans 8 tree levels
TILE_WIDTH: Final = 1 << TILE_HEIGHT
ENTRIES: Final = -1  # the level of entry bundles
_BUNDLE_PREFIX_BYTES: Final = 2
_PATH: Final = re.compile(r"tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([0-9]{1,3}))?")


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """A tile of hashes of tree level `8 * level`, or with level `ENTRIES` a bundle of entries.

    Attributes:
        level: tile level from the leaves, or `ENTRIES`.
        index: from the left.
        width: how many hashes or entries it holds; below 256 it is partial.
    """

    level: int
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """`tile/<level>/<index>[.p/<width>]`, the index in groups of three digits (tlog-tiles, Parameters)."""
        digits = str(self.index)
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[start : start + 3] for start in range(0, len(digits), 3)]
        number = "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
        level = "entries" if self.level == ENTRIES else str(self.level)
        return f"tile/{level}/{number}" + ("" if self.width == TILE_WIDTH else f".p/{self.width}")

    @classmethod
    def from_path(cls, path: str) -> "Tile":
        """Read a path as `path` writes it, and nothing else.

        Raises:
            ProofError: no such path.
        """
        match = _PATH.fullmatch(path)
        if match is None:
            raise ProofError("no such tile")
        level, index, width = match.groups()
        tile = cls(
            level=ENTRIES if level == "entries" else int(level),
            index=int(index.replace("x", "").replace("/", "")),
            width=TILE_WIDTH if width is None else int(width),
        )
        if tile.path != path or not 0 < tile.width <= TILE_WIDTH:
            raise ProofError("no such tile")
        return tile


def tile_of(node: Node, size: int) -> Tile:
    """The tile, as wide as a tree of `size` has it, from which `node` can be computed."""
    level = node.level // TILE_HEIGHT
    index = (node.index << node.level % TILE_HEIGHT) // TILE_WIDTH
    return Tile(level, index, min(TILE_WIDTH, (size >> TILE_HEIGHT * level) - index * TILE_WIDTH))


def tiles_of(plan: Iterable[tuple[Node, ...]], size: int) -> set[Tile]:
    """The tiles a plan needs."""
    return {tile_of(node, size) for nodes in plan for node in nodes}


def all_tiles(size: int) -> list[Tile]:
    """Every hash tile of a tree of `size` leaves, from the leaves up (tlog-tiles, Merkle Tree)."""
    tiles, level = [], 0
    while (count := size >> TILE_HEIGHT * level) > 0:
        tiles += [Tile(level, i) for i in range(count // TILE_WIDTH)]
        if count % TILE_WIDTH:
            tiles.append(Tile(level, count // TILE_WIDTH, count % TILE_WIDTH))
        level += 1
    return tiles


@dataclass(frozen=True, slots=True)
class TileHashes:
    """A `HashReader` over tiles already read; a wider tile serves where a narrower was asked."""

    tiles: Mapping[tuple[int, int], bytes]

    def __call__(self, node: Node) -> bytes:
        """The hash of `node`.

        Raises:
            ProofError: the tile is missing or too narrow.
        """
        height = node.level % TILE_HEIGHT
        first = node.index << height
        data = self.tiles.get((node.level // TILE_HEIGHT, first // TILE_WIDTH), b"")
        start = first % TILE_WIDTH * HASH_BYTES
        end = start + (HASH_BYTES << height)
        if len(data) < end:
            raise ProofError("a tile is missing or too short")
        return perfect_root([data[i : i + HASH_BYTES] for i in range(start, end, HASH_BYTES)])


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """An entry bundle: each entry behind its length in two bytes, big endian (tlog-tiles, Log Entries)."""
    return b"".join(len(entry).to_bytes(_BUNDLE_PREFIX_BYTES, "big") + entry for entry in entries)


def decode_bundle(data: bytes) -> list[bytes]:
    """The entries of a bundle.

    Raises:
        ProofError: it ends inside an entry.
    """
    entries, at = [], 0
    while at < len(data):
        start = at + _BUNDLE_PREFIX_BYTES
        at = start + int.from_bytes(data[start - _BUNDLE_PREFIX_BYTES : start], "big")
        if start > len(data) or at > len(data):
            raise ProofError("the entry bundle ends inside an entry")
        entries.append(data[start:at])
    return entries
