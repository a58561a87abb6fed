"""An exported log holds; whatever is changed, dropped, reordered or rewritten in it is found."""

import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from partner_agent.verify.cli import main
from partner_agent.wire import canonical
from partner_agent.wire.notes import Checkpoint, Cosigner, Note, NoteSigner
from partner_agent.wire.proofs import leaf_hash
from partner_agent.wire.tiles import ENTRIES, Tile, all_tiles, encode_bundle
from tests.support import merkle

KEY = NoteSigner(name="gateway.example/log", private=Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER_KEY = NoteSigner(name=KEY.name, private=Ed25519PrivateKey.from_private_bytes(bytes(32)))
SHOP = Cosigner(name="shop.example/w1", private=Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
SCHOOL = Cosigner(name="school.example/w1", private=Ed25519PrivateKey.from_private_bytes(bytes(range(2, 34))))
SIZE = 600


def leaf(i: int, origin: str = KEY.name) -> bytes:
    """A leaf."""
    return canonical.encode({"v": 1, "id": f"evt_{i}", "ts": i, "kind": "x.y", "origin": origin, "public": {}, "c": {}})


def note_of(leaves: list[bytes], *cosigners: Cosigner, key: NoteSigner = KEY) -> bytes:
    """The checkpoint over `leaves`."""
    text = Checkpoint(origin=KEY.name, size=len(leaves), root=merkle.root([leaf_hash(each) for each in leaves])).text
    return Note(text, (key.sign(text), *(c.sign(text, time_s=9) for c in cosigners))).encode()


def write(folder: Path, leaves: list[bytes], note: bytes | None = None) -> Path:
    """The log as files, as an honest gateway would export it."""
    hashes = merkle.tiles([leaf_hash(each) for each in leaves])
    for tile in all_tiles(len(leaves)):
        _put(folder / tile.path, hashes[tile.level, tile.index])
        if tile.level == 0:
            first = tile.index * 256
            _put(folder / Tile(ENTRIES, tile.index, tile.width).path, encode_bundle(leaves[first : first + tile.width]))
    _put(folder / "checkpoint", note or note_of(leaves))
    _put(folder / "log.vkey", KEY.verifier.vkey.encode())
    return folder


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


LEAVES = [leaf(i) for i in range(SIZE)]


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log nobody touched."""
    return write(tmp_path_factory.mktemp("log"), LEAVES)


@pytest.fixture
def copied(honest: Path, tmp_path: Path) -> Path:
    """A copy to be touched."""
    return Path(shutil.copytree(honest, tmp_path / "copy"))


def check(folder: Path, *more: str, what: str = "log") -> int:
    """The exit code."""
    return main([what, str(folder), *more, "--key", KEY.verifier.vkey])


def test_honest_log_holds(honest: Path, capsys: pytest.CaptureFixture[str]):
    """Exit 0 and one sentence that names the log and its size."""
    assert check(honest) == 0
    assert capsys.readouterr().out == f"OK: all 600 entries of {KEY.name} are what the log has signed.\n"


def test_key_in_the_folder_is_used_and_said(honest: Path, capsys: pytest.CaptureFixture[str]):
    """A key that lies with the log proves less, and the answer says so."""
    assert main(["log", str(honest)]) == 0
    assert "compare it" in capsys.readouterr().out


def test_key_may_be_a_file(honest: Path):
    """A key is given as text or as file."""
    assert main(["log", str(honest), "--key", str(honest / "log.vkey")]) == 0


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257])
def test_every_size_holds(tmp_path: Path, size: int):
    """Also the empty log and those at the edges of a tile."""
    assert check(write(tmp_path, LEAVES[:size])) == 0


@given(st.data())
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_altered_byte_is_found(copied: Path, data: st.DataObject):
    """One byte changed anywhere, in a leaf, a tile or the checkpoint: never exit 0."""
    files = sorted(p for p in copied.rglob("*") if p.is_file() and p.name != "log.vkey")
    path = data.draw(st.sampled_from(files))
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    path.write_bytes(whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :])
    try:
        assert check(copied) != 0
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize(
    "change",
    [
        lambda leaves: leaves[:10] + leaves[11:],
        lambda leaves: [*leaves[:10], leaves[11], leaves[10], *leaves[12:]],
        lambda leaves: [*leaves[:10], leaf(9_999), *leaves[11:]],
        lambda leaves: [*leaves, leaf(9_999)],
        lambda leaves: leaves[:-1],
    ],
)
def test_altered_history_under_the_old_head_is_found(tmp_path: Path, change):
    """A dropped, swapped, replaced, added or last entry, with every tile made to fit: exit 1."""
    changed = change(LEAVES)
    assert check(write(tmp_path, changed, note_of(LEAVES))) in {1, 3}
    assert check(write(tmp_path / "b", changed, note_of(LEAVES, key=OTHER_KEY))) == 1


def test_rewritten_and_signed_again_is_found_by_an_older_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Who kept yesterday's checkpoint finds a history that was rewritten and signed again; honest growth passes."""
    older = tmp_path / "older"
    older.write_bytes(note_of(LEAVES[:500]))
    assert check(write(tmp_path / "a", LEAVES), "--older", str(older)) == 0

    forged = [*LEAVES[:100], leaf(9_999), *LEAVES[101:]]
    assert check(write(tmp_path / "b", forged), "--older", str(older)) == 1
    assert "rewritten" in capsys.readouterr().err


def test_log_set_back_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """A log restored from an old backup is smaller than what was seen."""
    older = tmp_path / "older"
    older.write_bytes(note_of(LEAVES[:500]))
    assert check(write(tmp_path / "a", LEAVES[:400]), "--older", str(older)) == 1
    assert "set back" in capsys.readouterr().err


def test_leaf_of_another_log_is_found(tmp_path: Path):
    """Entries of another log do not pass under this one's name."""
    assert check(write(tmp_path, [leaf(0), leaf(1, "elsewhere/log")])) == 1


def test_leaf_that_is_not_canonical_is_found(tmp_path: Path):
    """An entry with a second spelling is no leaf."""
    assert check(write(tmp_path, [leaf(0), leaf(1).replace(b",", b", ")])) == 1


def test_wrong_key_is_refused(honest: Path):
    """Another key, or one of another name, does not open the log."""
    assert main(["log", str(honest), "--key", OTHER_KEY.verifier.vkey]) == 1


def test_too_few_cosigners_is_two(tmp_path: Path):
    """Sound but not seen by enough: exit 2; enough: exit 0; a false one: exit 1."""
    folder = write(tmp_path, LEAVES[:5], note_of(LEAVES[:5], SHOP))
    both = ["--cosigner", SHOP.verifier.vkey, "--cosigner", SCHOOL.verifier.vkey]
    assert check(folder, *both) == 2
    assert check(folder, *both, "--quorum", "1") == 0
    text = (folder / "checkpoint").read_text().replace("shop.example", "shop.invalid")
    (folder / "checkpoint").write_text(text)
    assert check(folder, "--cosigner", SHOP.verifier.vkey) == 2


def test_one_cosigner_counts_once(honest: Path):
    """The same co-signer given twice is refused."""
    twice = ["--cosigner", SHOP.verifier.vkey] * 2
    assert check(honest, *twice) == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ["log", "nowhere", "--key", KEY.verifier.vkey],
        ["log", "nowhere"],
        ["log", "nowhere", "--key", "nonsense"],
        ["log", "nowhere", "--key", SHOP.verifier.vkey],
        ["log", "nowhere", "--key", KEY.verifier.vkey, "--quorum", "1"],
        ["log", "nowhere", "--key", KEY.verifier.vkey, "--cosigner", KEY.verifier.vkey],
        ["entry", "nowhere", "--key", KEY.verifier.vkey],
    ],
)
def test_unreadable_is_three(arguments: list[str]):
    """What cannot be read is neither good nor bad."""
    assert main(arguments) == 3


@pytest.mark.parametrize("arguments", [[], ["nothing"], ["log"], ["range", "x", "a", "b"]])
def test_wrong_command_line_is_three(arguments: list[str]):
    """A mistyped command is not taken for too few co-signers."""
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 3


def test_missing_older_checkpoint_is_three(honest: Path):
    """The older checkpoint must be there to compare."""
    assert check(honest, "--older", "nowhere") == 3


@pytest.mark.parametrize(("first", "last"), [(0, 0), (0, 599), (255, 257), (300, 310), (599, 599)])
def test_range_holds_with_only_the_files_it_needs(copied: Path, first: int, last: int):
    """A range is proved by its own bundles and the tiles around it."""
    for bundle in (copied / "tile" / "entries").iterdir():
        index = int(bundle.name.partition(".")[0])
        if not first // 256 <= index <= last // 256:
            shutil.rmtree(bundle) if bundle.is_dir() else bundle.unlink()

    assert check(copied, str(first), str(last), what="range") == 0


@pytest.mark.parametrize(("first", "last"), [(0, 600), (5, 4), (-1, 3)])
def test_range_outside_the_log_is_bad(honest: Path, first: int, last: int):
    """There is no such range; said, not guessed."""
    assert main(["range", "--key", KEY.verifier.vkey, "--", str(honest), str(first), str(last)]) == 1


def test_altered_entry_in_range_is_found(copied: Path):
    """An entry changed inside the range, or a tile beside it, is found."""
    bundle = copied / "tile" / "entries" / "001"
    leaves = [*LEAVES[256:300], leaf(9_999), *LEAVES[301:512]]
    bundle.write_bytes(encode_bundle(leaves))

    assert check(copied, "290", "310", what="range") == 1


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x00\x05ab", encode_bundle(LEAVES[:3])])
def test_damaged_bundle_is_found(copied: Path, data: bytes):
    """A bundle that ends early or holds too few entries is bad."""
    (copied / "tile" / "entries" / "000").write_bytes(data)

    assert check(copied) == 1
