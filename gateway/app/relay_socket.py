"""Where the gateway and its relays meet: a Unix socket that nobody else on the machine may put there."""

import hashlib
import os
import stat
import tempfile
from pathlib import Path
from typing import Final

from gateway.app.settings import SettingsError

PATH_BYTES: Final = 100  # Linux allows 107 for a Unix socket's path


def relay_socket(state_dir: Path, number: int) -> Path:
    """Beside the state, unless that path is too long for a Unix socket.

    Raises:
        SettingsError: the folder for long paths is open to others of this machine.
    """
    name = "relay.sock" if number == 1 else f"relay-{number}.sock"
    path = state_dir.absolute() / name
    if len(str(path).encode()) <= PATH_BYTES:
        return path
    digest = hashlib.sha256(str(state_dir.absolute()).encode()).hexdigest()
    folder = Path(tempfile.gettempdir()) / f"lenspact-{digest[:16]}"
    _make_own(folder)
    return folder / name


def _make_own(folder: Path) -> None:
    """Its name can be guessed, so whoever came first may have made it, or a link in its place."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        found = folder.lstat()
        is_own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
        if not is_own or stat.S_IMODE(found.st_mode) & 0o077:
            raise SettingsError(
                f"state_dir: its path is too long for a socket, and {folder} does not belong to the gateway alone; "
                "remove that folder, or choose a shorter path"
            ) from None
