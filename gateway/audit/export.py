"""Writes the whole signed log into a folder that `lenspact-verify log` reads: checkpoint, key, tiles, entry bundles."""

from pathlib import Path

import anyio

from gateway.audit.reader import LogReader
from partner_agent.wire.tiles import ENTRIES, Tile, all_tiles

CHECKPOINT_FILE = "checkpoint"
KEY_FILE = "log.vkey"


async def export_log(reader: LogReader, folder: Path) -> int:
    """Write the log as of now into `folder`, which is made if missing; how many entries.

    Full tiles that are there already are left alone, so a repeated export copies only what is new.

    Raises:
        UnavailableError: the log has not been signed yet.
    """
    head = await reader.head()
    for hashes in all_tiles(head.size):
        await _write_tile(reader, folder, hashes)
        if hashes.level == 0:
            await _write_tile(reader, folder, Tile(ENTRIES, hashes.index, hashes.width))
    await _write(folder / KEY_FILE, f"{reader.vkey}\n".encode())
    await _write(folder / CHECKPOINT_FILE, head.note.encode())  # last: it is only there once all it covers is
    return head.size


async def _write_tile(reader: LogReader, folder: Path, tile: Tile) -> None:
    path = folder / tile.path
    if not await anyio.Path(path).exists():
        await _write(path, await reader.tile(tile))


async def _write(path: Path, data: bytes) -> None:
    target = anyio.Path(path)
    await target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(target.name + ".new")
    await fresh.write_bytes(data)
    await fresh.replace(target)
