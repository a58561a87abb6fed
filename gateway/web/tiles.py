"""Map tiles out of PMTiles files (protomaps/PMTiles, version 3), read through a memory map.

The sets are listed at start and a request only picks from the list. A tile is sent gzipped as it lies in the file; an
empty place on the map is 204. Nothing here names another host: pages work without the internet.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from litestar import Response, Router, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from pmtiles import reader as pmtiles_reader
from pmtiles.tile import Compression, TileType

MAPS: Final = Path(__file__).parent / "maps"
_PMTILES: Final[Any] = pmtiles_reader  # it carries no types
MAX_ZOOM: Final = 22
TILE_AGE_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class TileSet:
    """One PMTiles file."""

    reader: Any

    @classmethod
    def open(cls, path: Path) -> "TileSet":
        """Open the file at `path`.

        Raises:
            ValueError: it does not hold gzipped vector tiles.
        """
        with path.open("rb") as file:
            reader = _PMTILES.Reader(_PMTILES.MmapSource(file))
        header = reader.header()
        if header["tile_type"] != TileType.MVT or header["tile_compression"] != Compression.GZIP:
            raise ValueError(f"{path.name} must hold gzipped vector tiles")
        return cls(reader)

    def tile(self, z: int, x: int, y: int) -> bytes | None:
        """The gzipped tile; None where the set has nothing."""
        if not (0 <= z <= MAX_ZOOM and 0 <= x < 2**z and 0 <= y < 2**z):
            return None
        found: bytes | None = self.reader.get(z, x, y)
        return found


def open_sets(*folders: Path) -> dict[str, TileSet]:
    """Every `*.pmtiles` of `folders` by name; later folders win."""
    return {path.stem: TileSet.open(path) for folder in folders for path in sorted(folder.glob("*.pmtiles"))}


def tile_routes(sets: Mapping[str, TileSet], *, opt: dict[str, Any]) -> Router:
    """The routes below `/tiles`; `opt` declares them public."""

    @get("/{name:str}/{z:int}/{x:int}/{y:int}", sync_to_thread=False, include_in_schema=False)
    def tile(name: FromPath[str], z: FromPath[int], x: FromPath[int], y: FromPath[int]) -> Response[bytes]:
        if name not in sets:
            raise NotFoundException
        found = sets[name].tile(z, x, y)
        headers = {"cache-control": f"public, max-age={TILE_AGE_S}"}
        if found is None:
            return Response(b"", status_code=204, headers=headers)
        headers["content-encoding"] = "gzip"
        return Response(found, headers=headers, media_type="application/vnd.mapbox-vector-tile")

    return Router("/tiles", route_handlers=[tile], opt=opt)
