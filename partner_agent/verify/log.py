"""Checks a folder of tiles (C2SP tlog-tiles): the whole log, or a range of its entries, against a signed checkpoint.

The whole log is hashed anew from its entries; a range is hashed from its entries and, around them, from tiles.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from partner_agent.verify.report import bad, unreadable
from partner_agent.verify.trust import Trust
from partner_agent.wire import canonical
from partner_agent.wire.limits import LEAF_BYTES
from partner_agent.wire.notes import Checkpoint, SignedCheckpoint
from partner_agent.wire.proofs import HASH_BYTES, ProofError, fold, leaf_hash, node_hash, perfect_root, subtree_nodes
from partner_agent.wire.tiles import ENTRIES, TILE_WIDTH, Tile, TileHashes, all_tiles, decode_bundle

CHECKPOINT_FILE = "checkpoint"
KEY_FILE = "log.vkey"


@dataclass(frozen=True, slots=True)
class Folder:
    """A log as files."""

    path: Path

    def checkpoint(self) -> bytes:
        """The signed head.

        Raises:
            CheckError: there is none.
        """
        return self._read(CHECKPOINT_FILE)

    def tile(self, tile: Tile) -> bytes:
        """The bytes of a tile.

        Raises:
            CheckError: it is missing or of the wrong size.
        """
        data = self._read(tile.path)
        if tile.level != ENTRIES and len(data) != tile.width * HASH_BYTES:
            raise bad(f"{tile.path} has {len(data)} bytes instead of {tile.width * HASH_BYTES}.")
        return data

    def leaves(self, tile: Tile) -> list[bytes]:
        """The leaves of a bundle.

        Raises:
            CheckError: missing, cut off, too many or too few, or too large.
        """
        try:
            leaves = decode_bundle(self._read(tile.path))
        except ProofError as error:
            raise bad(f"{tile.path}: {error}.") from error
        if len(leaves) != tile.width or any(len(leaf) > LEAF_BYTES for leaf in leaves):
            raise bad(f"{tile.path} does not hold {tile.width} entries of at most {LEAF_BYTES} bytes.")
        return leaves

    def _read(self, name: str) -> bytes:
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            raise unreadable(f"{name} is missing or cannot be read in {self.path}.") from error


def check_log(folder: Folder, trust: Trust, *, older: bytes | None = None) -> SignedCheckpoint:
    """Check every entry and every tile; with `older`, also that an older checkpoint is the log's beginning.

    1. The checkpoint is signed. 2. Every entry is a leaf of this log. 3. Every tile holds the hashes of the entries.
    4. They lead to the signed root. 5. The older checkpoint is over the same first entries. 6. Co-signers.

    Raises:
        CheckError: the first that does not hold.
    """
    opened = trust.open(folder.checkpoint())  # 1
    point = opened.checkpoint
    hashes: list[bytes] = []
    for tile in _bundles(0, point.size):
        hashes += _hashed(folder.leaves(tile), tile, point)  # 2
    if _tree(folder, hashes) != point.root:  # 3, 4
        raise bad(_NOT_SIGNED.format(what=f"the {point.size} entries"))
    if older is not None:  # 5
        _check_older(trust.open(older).checkpoint, hashes)
    trust.demand_quorum(opened)  # 6
    return opened


def check_range(folder: Folder, trust: Trust, start: int, end: int) -> SignedCheckpoint:
    """Check that the entries [start, end) stand at their places in the signed log; the steps of `check_log` without 5.

    Raises:
        CheckError: the first that does not hold.
    """
    opened = trust.open(folder.checkpoint())
    point = opened.checkpoint
    if not 0 <= start < end <= point.size:
        raise bad(f"The log has {point.size} entries, numbered from 0; there is no range {start} to {end}.")
    hashes: dict[int, bytes] = {}
    for tile in _bundles(start, end, point.size):
        for i, value in enumerate(_hashed(folder.leaves(tile), tile, point)):
            hashes[tile.index * TILE_WIDTH + i] = value
    read = _Lazily(folder, point.size)

    def root(first: int, last: int) -> bytes:
        """The subtree [first, last): from entries where it meets the range, else from tiles."""
        if last <= start or end <= first:
            return read.subtree(first, last)
        if last - first == 1:
            return hashes[first]
        middle = first + (1 << (last - first - 1).bit_length() - 1)
        return node_hash(root(first, middle), root(middle, last))

    try:
        found = root(0, point.size)
    except ProofError as error:
        raise bad(f"The tiles do not fit together: {error}.") from error
    if found != point.root:
        raise bad(_NOT_SIGNED.format(what=f"the entries {start} to {end - 1}"))
    trust.demand_quorum(opened)
    return opened


_NOT_SIGNED = "The log was altered: {what} are not what the log has signed."


class _Lazily:
    """Subtree hashes from tiles that are read when first needed."""

    def __init__(self, folder: Folder, size: int) -> None:
        self._folder = folder
        self._widths = {(tile.level, tile.index): tile for tile in all_tiles(size)}
        self._read: dict[tuple[int, int], bytes] = {}

    def subtree(self, start: int, end: int) -> bytes:
        hashes = TileHashes(self._read)
        nodes = subtree_nodes(start, end)
        for node in nodes:
            level = node.level // 8
            key = (level, (node.index << node.level % 8) // TILE_WIDTH)
            if key not in self._read:
                self._read[key] = self._folder.tile(self._widths[key])
        return fold([hashes(node) for node in nodes])


def _bundles(start: int, end: int, size: int | None = None) -> list[Tile]:
    """The entry bundles that hold [start, end) in a log of `size`."""
    size = end if size is None else size
    indexes = range(start // TILE_WIDTH, -(-end // TILE_WIDTH))
    return [Tile(ENTRIES, i, min(TILE_WIDTH, size - i * TILE_WIDTH)) for i in indexes]


def _hashed(leaves: Sequence[bytes], tile: Tile, point: Checkpoint) -> list[bytes]:
    """Hashes of leaves that are each canonical and of this log."""
    for i, leaf in enumerate(leaves):
        try:
            origin = canonical.decode_object(leaf).get("origin")
        except ValueError as error:
            raise bad(f"Entry {tile.index * TILE_WIDTH + i} is no leaf: {error}.") from error
        if origin != point.origin:
            raise bad(f"Entry {tile.index * TILE_WIDTH + i} is of another log.")
    return [leaf_hash(leaf) for leaf in leaves]


def _tree(folder: Folder, hashes: Sequence[bytes]) -> bytes:
    """The root over `hashes`, having compared every tile on the way."""
    cut: dict[tuple[int, int], bytes] = {}
    levels = {0: list(hashes)}
    for tile in all_tiles(len(hashes)):
        level = levels[tile.level]
        first = tile.index * TILE_WIDTH
        part = level[first : first + tile.width]
        cut[tile.level, tile.index] = b"".join(part)
        if folder.tile(tile) != cut[tile.level, tile.index]:
            raise bad(f"The log was altered: {tile.path} does not hold the hashes of the entries below it.")
        if tile.width == TILE_WIDTH:
            levels.setdefault(tile.level + 1, []).append(perfect_root(part))
    read = TileHashes(cut)
    return fold([read(node) for node in subtree_nodes(0, len(hashes))])


def _check_older(older: Checkpoint, hashes: Sequence[bytes]) -> None:
    if older.size > len(hashes):
        raise bad(f"The log was set back: it had {older.size} entries and has {len(hashes)}.")
    nodes = subtree_nodes(0, older.size)
    root = fold([perfect_root(hashes[n.index << n.level : (n.index + 1) << n.level]) for n in nodes])
    if root != older.root:
        raise bad(f"The log was rewritten: its first {older.size} entries are not those of the older checkpoint.")
