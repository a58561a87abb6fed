"""One entry file holds, and nothing in it can be changed."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from partner_agent.verify.cli import main
from partner_agent.wire import canonical
from partner_agent.wire.entry_file import EntryFile
from partner_agent.wire.leaves import commitment
from partner_agent.wire.notes import Checkpoint, Note, NoteSigner
from partner_agent.wire.proofs import leaf_hash
from partner_agent.wire.tlog_proof import LogProof
from tests.support import merkle

LOG_KEY = NoteSigner(name="gateway.example/log", private=Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
SALT = bytes(16)
NAME = "R. Diaz"


def leaf(number: int, kind: str = "setting.changed", **more: object) -> bytes:
    """An entry of the log."""
    usual = {"v": 1, "id": f"evt_{number}", "ts": number, "kind": kind, "origin": LOG_KEY.name, "public": {}, "c": {}}
    return canonical.encode({**usual, **more})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The middle one of three entries, as compliance downloads it."""
    own = leaf(1, "view.requested", public={"decision": "permit"}, c={"person_name": commitment(SALT, NAME)})
    hashes = [leaf_hash(each) for each in (leaf(0), own, leaf(2))]
    text = Checkpoint(origin=LOG_KEY.name, size=len(hashes), root=merkle.root(hashes)).text
    note = Note(text, (LOG_KEY.sign(text),)).encode().decode()
    proof = LogProof(index=1, hashes=tuple(merkle.path(1, hashes)), note=note)
    path = tmp_path / "entry.json"
    path.write_bytes(EntryFile(own, {"person_name": {"salt": SALT.hex(), "value": NAME}}, proof).encode())
    return path


def check(path: Path) -> int:
    """The exit code."""
    return main(["entry", str(path), "--key", LOG_KEY.verifier.vkey])


def test_entry_holds_and_is_said(file: Path, capsys: pytest.CaptureFixture[str]):
    """Exit 0; the answer says what the entry says."""
    assert check(file) == 0
    out = capsys.readouterr().out
    assert "entry 1 of gateway.example/log, view.requested" in out
    assert 'person_name: "R. Diaz"' in out
    assert 'decision: "permit"' in out


def test_closed_detail_is_no_fault(file: Path):
    """A file that opens less still holds: an owner's copy, or after an erasure."""
    parsed = EntryFile.parse(file.read_bytes())
    file.write_bytes(EntryFile(parsed.leaf, {}, parsed.proof).encode())

    assert check(file) == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["openings"]["person_name"].update(value="A. Other"),
        lambda d: d["openings"]["person_name"].update(salt="01" * 16),
        lambda d: d["openings"].update(unknown={"salt": "00" * 16, "value": 1}),
        lambda d: d["leaf"].update(kind="view.denied"),
        lambda d: d.update(proof=d["proof"].replace("index 1", "index 2")),
    ],
)
def test_changed_entry_is_bad(file: Path, change):
    """Another value, salt, field, leaf or place: exit 1."""
    document = canonical.decode_object(file.read_bytes())
    change(document)
    file.write_bytes(canonical.encode(document))

    assert check(file) == 1


@given(data=st.data())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_changed_byte_is_found(file: Path, data: st.DataObject):
    """No single byte can be changed."""
    whole = file.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    file.write_bytes(whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :])
    try:
        assert check(file) in {1, 3}
    finally:
        file.write_bytes(whole)


def test_another_format_is_unreadable(file: Path):
    """A file that is no entry is neither good nor bad."""
    file.write_text("{}")

    assert check(file) == 3


def test_entry_of_another_log_is_bad(file: Path):
    """The proof may be right, but the leaf must be of this log."""
    parsed = EntryFile.parse(file.read_bytes())
    moved = canonical.decode_object(parsed.leaf) | {"origin": "elsewhere/log"}
    file.write_bytes(EntryFile(canonical.encode(moved), {}, parsed.proof).encode())

    assert check(file) == 1
