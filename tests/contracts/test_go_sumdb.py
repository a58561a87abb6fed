"""Go's sumdb packages, written by others for the module mirror, accept our notes and proofs and refuse altered ones."""

import base64
import json
import os
import subprocess
from pathlib import Path

import pytest

from partner_agent.wire.notes import open_checkpoint
from tests.support import outside
from tests.support.log_bench import LOG_KEY, VERIFIER, LogBench

PACKAGES = Path("/usr/share/gocode/src/golang.org/x/mod/sumdb")
DEBIAN = "golang-go golang-golang-x-mod-dev"
HERE = Path(__file__).parent / "go_sumdb"
pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checker, built without network."""
    go = outside.need("go", package=DEBIAN)
    if not PACKAGES.exists():
        outside.missing("Go's sumdb packages", packages=DEBIAN)
    folder = tmp_path_factory.mktemp("go")
    binary = folder / "check"
    environment = os.environ | {"GOPATH": "/usr/share/gocode", "GO111MODULE": "off", "GOCACHE": str(folder / "cache")}
    subprocess.run([go, "build", "-o", str(binary), str(HERE / "main.go")], env=environment, check=True, timeout=240)
    return binary


def _accepts(checker: Path, folder: Path, proofs: dict[str, object]) -> bool:
    path = folder / "proofs.json"
    path.write_text(json.dumps(proofs))
    return subprocess.run([str(checker), str(path)], check=False, capture_output=True, timeout=30).returncode == 0


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


async def test_go_accepts_ours_and_refuses_altered(checker: Path, sqlite_database, tmp_path: Path):
    """A checkpoint, an inclusion and a growth of a real log pass; with one bit changed in any of them, none does."""
    bench = LogBench(sqlite_database)
    refs = [await bench.write() for _ in range(70)]
    await bench.settle()
    old = open_checkpoint((await bench.reader.head()).note.encode(), VERIFIER).checkpoint
    refs += [await bench.write() for _ in range(230)]
    await bench.settle()
    proof = await bench.reader.prove(refs[41].leaf_hash)
    assert proof is not None
    growth = await bench.reader.prove_growth(old.size)
    good = {
        "Note": proof.note,
        "Vkey": LOG_KEY.vkey,
        "Leaf": _b64(refs[41].leaf),
        "Index": 41,
        "Inclusion": [_b64(value) for value in proof.hashes],
        "OldSize": old.size,
        "OldRoot": _b64(old.root),
        "Growth": [_b64(value) for value in growth.hashes],
    }

    assert _accepts(checker, tmp_path, good)
    for change in (
        {"Leaf": _b64(refs[42].leaf)},
        {"Index": 42},
        {"OldRoot": _b64(bytes(32))},
        {"Inclusion": good["Inclusion"][1:]},  # type: ignore[index]
        {"Growth": [_b64(bytes(32)), *good["Growth"][1:]]},  # type: ignore[index]
        {"Note": proof.note.replace("\n300\n", "\n301\n")},
    ):
        assert not _accepts(checker, tmp_path, good | change), change
