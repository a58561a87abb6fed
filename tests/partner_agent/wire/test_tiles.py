"""Tiles have the specified names, and hashes read out of them are those of the leaves."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partner_agent.wire.proofs import (
    HASH_BYTES,
    Node,
    ProofError,
    inclusion_plan,
    leaf_hash,
    make_proof,
    perfect_root,
    subtree_nodes,
)
from partner_agent.wire.tiles import ENTRIES, Tile, TileHashes, all_tiles, decode_bundle, encode_bundle, tiles_of
from tests.support import merkle

HASHES = [leaf_hash(b"%d" % i) for i in range(70_000)]


def cut(size: int) -> dict[tuple[int, int], bytes]:
    """The tiles of the first `size` leaves, by definition."""
    tiles: dict[tuple[int, int], bytes] = {}
    level = list(HASHES[:size])
    number = 0
    while level:
        for start in range(0, len(level), 256):
            tiles[number, start // 256] = b"".join(level[start : start + 256])
        whole = range(0, len(level) - len(level) % 256, 256)
        level = [perfect_root(level[start : start + 256]) for start in whole]
        number += 1
    return tiles


BIG = cut(70_000)


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 1234067), "tile/0/x001/x234/067"),
        (Tile(3, 42, 17), "tile/3/042.p/17"),
        (Tile(ENTRIES, 999), "tile/entries/999"),
        (Tile(ENTRIES, 1000, 1), "tile/entries/x001/000.p/1"),
    ],
)
def test_names_are_those_of_the_specification(tile: Tile, path: str):
    """A tile's path is written as tlog-tiles has it, and read back."""
    assert tile.path == path
    assert Tile.from_path(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile",
        "tile/0",
        "tile/0/0",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/",
        "tile/0/001/234",
        "tile/0/x000/001",
        "tile/00/000",
        "tile/-1/000",
        "tile/data/000",
        "tile/0/../000",
        "tile/0/٠٠٠",
        "tile/0/" + "x001/" * 20 + "000",
        "/tile/0/000",
        "tile/0/000/",
    ],
)
def test_other_spellings_are_refused(path: str):
    """A path that is not exactly the one spelling is refused."""
    with pytest.raises(ProofError):
        Tile.from_path(path)


@given(st.integers(1, 70_000), st.data())
@settings(max_examples=200, deadline=None)
def test_a_proof_from_the_named_tiles_is_the_recursive_one(size: int, data: st.DataObject):
    """The tiles a plan names, cut to the widths it names, are enough for the right proof."""
    index = data.draw(st.integers(0, size - 1))
    plan = [subtree_nodes(0, size), *inclusion_plan(index, size)]
    needed = tiles_of(plan, size)
    have = {(t.level, t.index): BIG[t.level, t.index][: t.width * HASH_BYTES] for t in needed}

    assert needed <= set(all_tiles(size))
    assert len(needed) <= 6
    root, *proof = make_proof(plan, TileHashes(have))
    if size < 2_000:
        assert root == merkle.root(HASHES[:size])
        assert proof == merkle.path(index, HASHES[:size])


def test_all_tiles_are_those_cut_by_definition():
    """Every tile of a tree is listed once, with its width."""
    for size in (0, 1, 255, 256, 257, 65_536, 65_537, 70_000):
        listed = {(t.level, t.index): t.width for t in all_tiles(size)}

        assert listed == {key: len(value) // HASH_BYTES for key, value in cut(size).items()}


def test_missing_tile_is_an_error():
    """A tile that is not there, or too narrow, gives no hash."""
    with pytest.raises(ProofError):
        TileHashes({})(Node(0, 0))
    with pytest.raises(ProofError):
        TileHashes({(0, 0): HASHES[0]})(Node(1, 0))


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_bundle_comes_back(entries: list[bytes]):
    """Entries put into a bundle come out unchanged."""
    assert decode_bundle(encode_bundle(entries)) == entries


@given(st.lists(st.binary(max_size=30), min_size=1, max_size=5), st.data())
def test_cut_bundle_is_refused_or_shorter(entries: list[bytes], data: st.DataObject):
    """A bundle cut anywhere never yields an entry that was not in it."""
    whole = encode_bundle(entries)
    part = whole[: data.draw(st.integers(0, len(whole) - 1))]
    try:
        found = decode_bundle(part)
    except ProofError:
        return
    assert found == entries[: len(found)]
    assert len(found) < len(entries)
