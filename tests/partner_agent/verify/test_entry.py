"""One entry file holds, and nothing in it can be changed."""

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.audit import Decision, Kind, LeafDraft
from gateway.kernel.database import Database
from partner_agent.verify.cli import main
from partner_agent.wire import canonical
from partner_agent.wire.entry_file import EntryFile
from tests.support import databases
from tests.support.log_bench import LOG_KEY, LogBench

CAMERA = "cam_" + "0" * 26


async def entry_file(url: str) -> bytes:
    """An entry as compliance downloads it."""
    bench = LogBench(Database(url))
    await bench.write()
    ref = await bench.write(
        LeafDraft(
            kind=Kind.VIEW_REQUESTED,
            streams=frozenset({CAMERA}),
            decision=Decision.PERMIT,
            details={"camera": CAMERA},
            restricted={"person_name": "R. Diaz"},
        )
    )
    await bench.write()
    await bench.settle()
    entry = await bench.log.entry(ref.event_id, is_restricted_visible=True)
    file = await bench.reader.entry_file(entry)
    await bench.database.close()
    return file.encode()


@pytest.fixture
def file(sqlite_template: Path, tmp_path: Path) -> Path:
    """It lies on disk."""
    database = tmp_path / "lenspact.db"
    shutil.copy(sqlite_template, database)
    path = tmp_path / "entry.json"
    path.write_bytes(databases.run(entry_file, f"sqlite+in_loop:///{database}"))
    return path


def check(path: Path) -> int:
    """The exit code."""
    return main(["entry", str(path), "--key", LOG_KEY.vkey])


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
        lambda d: d["openings"]["person_name"].update(salt="00" * 16),
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
