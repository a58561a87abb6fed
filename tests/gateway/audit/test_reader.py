"""What outsiders read proves what it should, and nothing beyond the signed head is given out."""

import pytest

from gateway.kernel.errors import InvalidError, NotFoundError, UnavailableError
from partner_agent.wire.notes import NoteError, open_checkpoint
from partner_agent.wire.proofs import ProofError, leaf_hash, verify_consistency
from partner_agent.wire.tiles import ENTRIES, Tile, decode_bundle
from partner_agent.wire.tlog_proof import LogProof
from tests.support.log_bench import VERIFIER, LogBench

pytestmark = pytest.mark.anyio


async def test_every_entry_is_proved(bench: LogBench):
    """Each leaf's proof verifies under the log's key, and not for another leaf."""
    refs = [await bench.write() for _ in range(20)]
    await bench.settle()
    for i, ref in enumerate(refs):
        proof = await bench.reader.prove(ref.leaf_hash)
        assert proof is not None
        assert proof.index == i
        LogProof.parse(proof.text).verify(ref.leaf_hash, VERIFIER)
        with pytest.raises(ProofError):
            proof.verify(leaf_hash(b"another"), VERIFIER)


async def test_entry_without_number_has_no_proof(bench: LogBench):
    """Before it is numbered there is nothing to prove."""
    ref = await bench.write()

    assert await bench.reader.prove(ref.leaf_hash) is None


async def test_growth_is_proved_between_any_two_heads(bench: LogBench):
    """The log of an hour ago is the beginning of today's."""
    roots = {}
    for _ in range(6):
        for _ in range(7):
            await bench.write()
        await bench.settle()
        point = open_checkpoint((await bench.reader.head()).note.encode(), VERIFIER).checkpoint
        roots[point.size] = point.root
    for size, root in roots.items():
        growth = await bench.reader.prove_growth(size)
        new = open_checkpoint(growth.note.encode(), VERIFIER).checkpoint
        verify_consistency(old_size=size, old_root=root, size=new.size, root=new.root, proof=growth.hashes)


async def test_growth_from_the_future_is_refused(bench: LogBench):
    """A reader who saw a larger log learns that this one is smaller: it was set back."""
    await bench.write()
    await bench.settle()
    with pytest.raises(InvalidError, match="1 entries"):
        await bench.reader.prove_growth(2)


async def test_tiles_are_cut_to_the_width_asked(bench: LogBench):
    """A partial tile of an older size is the beginning of today's; a bundle holds exactly those leaves."""
    refs = [await bench.write() for _ in range(9)]
    await bench.settle()

    assert await bench.reader.tile(Tile(0, 0, 5)) == b"".join(ref.leaf_hash for ref in refs[:5])
    assert decode_bundle(await bench.reader.tile(Tile(ENTRIES, 0, 9))) == [ref.leaf for ref in refs]


@pytest.mark.parametrize("tile", [Tile(0, 0), Tile(0, 0, 3), Tile(1, 0, 1), Tile(0, 7, 1), Tile(ENTRIES, 0, 3)])
async def test_unsigned_tiles_are_not_given_out(bench: LogBench, tile: Tile):
    """What no checkpoint covers does not exist."""
    await bench.write()
    await bench.write()
    await bench.settle()
    await bench.write()
    with pytest.raises(NotFoundError):
        await bench.reader.tile(tile)


async def test_unsigned_log_is_unavailable(bench: LogBench):
    """Before the first checkpoint there is nothing to read."""
    with pytest.raises(UnavailableError):
        await bench.reader.head()


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.replace("@v1", "@v2"),
        lambda t: t.replace("index 1", "index 01"),
        lambda t: t.replace("index 1", "index -1"),
        lambda t: t.replace("index 1", "number 1"),
        lambda t: t.replace("index 1", "index 99999999999999999999"),
        lambda t: t.replace("\n\n", "\n"),
        lambda t: t.replace("index 1\n", "index 1\nAAAA\n"),
        lambda t: t.replace("index 1\n", "index 1\n!!!!\n"),
        lambda t: "",
    ],
)
async def test_malformed_proof_file_is_refused(sqlite_bench: LogBench, change):
    """A proof file has one spelling."""
    refs = [await sqlite_bench.write() for _ in range(3)]
    await sqlite_bench.settle()
    proof = await sqlite_bench.reader.prove(refs[1].leaf_hash)
    assert proof is not None

    with pytest.raises((ProofError, NoteError)):
        LogProof.parse(change(proof.text)).verify(refs[1].leaf_hash, VERIFIER)
