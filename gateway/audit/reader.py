"""The log as outsiders read it: checkpoint, tiles, and proofs cut from them (C2SP tlog-tiles; RFC 9162 §2.1).

Only what a signed checkpoint covers is ever given out.
"""

from dataclasses import dataclass

from gateway.audit.model import Entry
from gateway.audit.ports import Head, TreeStore
from gateway.kernel.errors import InvalidError, NotFoundError, UnavailableError
from gateway.kernel.phrases import phrase
from partner_agent.wire.entry_file import EntryFile
from partner_agent.wire.proofs import HASH_BYTES, Node, ProofError, consistency_plan, inclusion_plan, make_proof
from partner_agent.wire.tiles import ENTRIES, TILE_HEIGHT, TILE_WIDTH, Tile, TileHashes, encode_bundle, tiles_of
from partner_agent.wire.tlog_proof import LogProof


@dataclass(frozen=True, slots=True)
class Growth:
    """That the tree of `old_size` is the beginning of the one under `note`."""

    old_size: int
    size: int
    hashes: tuple[bytes, ...]
    note: str


class LogReader:
    """Reads the signed part of the log."""

    def __init__(self, *, tree: TreeStore, vkey: str) -> None:
        """`vkey`: the log's public key, in the form people pin."""
        self.vkey = vkey
        self._tree = tree

    async def head(self) -> Head:
        """The last signed checkpoint.

        Raises:
            UnavailableError: the log has not been signed yet.
        """
        head = await self._tree.head()
        if head is None:
            raise UnavailableError("The log has no checkpoint yet; try again in a second.")
        return head

    async def tile(self, tile: Tile) -> bytes:
        """The bytes of a tile or entry bundle, exactly as wide as asked.

        Raises:
            NotFoundError: the signed tree has no such tile.
        """
        level = 0 if tile.level == ENTRIES else tile.level
        end = tile.index * TILE_WIDTH + tile.width
        if end > (await self.head()).size >> TILE_HEIGHT * level:
            raise NotFoundError("The log has no such tile.")
        if tile.level == ENTRIES:
            return encode_bundle(await self._tree.leaves(end - tile.width, end))
        stored = await self._tree.tiles([(tile.level, tile.index)])
        return stored[tile.level, tile.index][: tile.width * HASH_BYTES]

    async def prove(self, leaf_hash: bytes) -> LogProof | None:
        """Proof that a leaf is in the newest signed tree; None while it has no number.

        The newest, for a reader who then holds one head for everything; growth from an older one: `prove_growth`.
        """
        index = await self._tree.index_of(leaf_hash)
        if index is None:
            return None
        head = await self.head()
        hashes = await self._cut(inclusion_plan(index, head.size), head.size)
        return LogProof(index=index, hashes=hashes, note=head.note)

    async def entry_file(self, entry: Entry) -> EntryFile:
        """The entry, opened as far as its reader may, as a file to check offline.

        Raises:
            UnavailableError: it is promised but not yet in a signed head.
        """
        found = await self.prove(entry.leaf_hash)
        if found is None:
            raise UnavailableError("This entry is promised and not yet in the log; try again in a few seconds.")
        openings = {name: opening.to_json() for name, opening in entry.openings.items()}
        return EntryFile(leaf=entry.leaf, openings=openings, proof=found)

    async def prove_growth(self, old_size: int) -> Growth:
        """Proof that the tree of `old_size` is the beginning of the newest.

        Raises:
            InvalidError: the log is not that large, which a log that was set back would be, too.
        """
        head = await self.head()
        try:
            plan = consistency_plan(old_size, head.size)
        except ProofError as error:
            raise InvalidError(phrase("The log has %(size)d entries.", size=head.size)) from error
        return Growth(old_size, head.size, await self._cut(plan, head.size), head.note)

    async def _cut(self, plan: list[tuple[Node, ...]], size: int) -> tuple[bytes, ...]:
        keys = sorted({(tile.level, tile.index) for tile in tiles_of(plan, size)})
        return tuple(make_proof(plan, TileHashes(await self._tree.tiles(keys) if keys else {})))
