"""Where the relay's socket lies, and whom the gateway does not share that place with."""

import tempfile
from pathlib import Path

import pytest

from gateway.app.relay_socket import PATH_BYTES, relay_socket
from gateway.app.settings import SettingsError


@pytest.fixture
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One whose path is too long for a socket; temporary folders are made below `tmp_path`."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path / ("s" * PATH_BYTES)


def test_a_folder_that_others_may_use_is_refused(state_dir: Path):
    """Somebody who made it first could answer as the relay."""
    folder = relay_socket(state_dir, 1).parent
    for mode in (0o710, 0o701, 0o777):
        folder.chmod(mode)

        with pytest.raises(SettingsError, match="does not belong to the gateway alone"):
            relay_socket(state_dir, 1)


def test_a_link_or_a_file_in_its_place_is_refused(state_dir: Path, tmp_path: Path):
    """Wherever a link leads: it may lead elsewhere the next moment."""
    folder = relay_socket(state_dir, 1).parent
    folder.rmdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    folder.symlink_to(elsewhere)

    with pytest.raises(SettingsError):
        relay_socket(state_dir, 1)
    folder.unlink()
    folder.touch(mode=0o600)
    with pytest.raises(SettingsError):
        relay_socket(state_dir, 1)


def test_a_long_path_has_a_folder_of_its_own(state_dir: Path):
    """Nobody else may look into it; the next relay and the next start use it again."""
    first = relay_socket(state_dir, 1)

    assert first.parent.stat().st_mode & 0o777 == 0o700
    assert relay_socket(state_dir, 1) == first
    assert relay_socket(state_dir, 2) == first.parent / "relay-2.sock"


def test_a_short_path_lies_beside_the_state():
    """That folder is the gateway's own."""
    assert relay_socket(Path("/var/lib/lenspact"), 1) == Path("/var/lib/lenspact/relay.sock")
