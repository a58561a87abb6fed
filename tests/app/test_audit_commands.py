"""`lenspact audit`: status, a copy that holds offline, and adopting only what was moved."""

from pathlib import Path

import pytest

from gateway.app.cli import main
from partner_agent.verify.cli import main as verify


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A gateway that was set up."""
    monkeypatch.setenv("LENSPACT_STATE_DIR", str(tmp_path / "state"))
    assert main(["setup"]) == 0
    return tmp_path


def test_status_says_key_and_lag(state: Path, capsys: pytest.CaptureFixture[str]):
    """Size, lag and the key that people pin."""
    assert main(["audit", "status"]) == 0
    assert "localhost:8080/log+" in capsys.readouterr().out


def test_export_of_a_log_never_signed_says_so(state: Path, capsys: pytest.CaptureFixture[str]):
    """There is nothing to copy before the gateway has run."""
    assert main(["audit", "export", str(state / "copy")]) == 1
    assert "no checkpoint yet" in capsys.readouterr().err


def test_adopting_what_was_not_moved_changes_nothing(state: Path, capsys: pytest.CaptureFixture[str]):
    """SQLite needs no adopting."""
    assert main(["audit", "adopt"]) == 1
    assert "nothing was changed" in capsys.readouterr().err


def test_export_holds_offline(state: Path):
    """What the command writes, the checker accepts."""
    from gateway.app.ground import lay_ground
    from gateway.app.settings import load_settings
    from tests.support import databases

    async def sign() -> str:
        ground = lay_ground(load_settings(environ={"LENSPACT_STATE_DIR": str(state / "state")}))
        await ground.log.sequencer.drain()
        await ground.database.close()
        return ground.keyring.log.vkey

    vkey = databases.run(sign)
    assert main(["audit", "export", str(state / "copy")]) == 0
    assert verify(["log", str(state / "copy"), "--key", vkey]) == 0
