"""One gateway per state folder: a file lock, held as long as the process lives and gone with it.

Two writers on one SQLite file are not supported, and two processes numbering one log even less.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.kernel.errors import ConflictError


@contextmanager
def only_writer(state_dir: Path) -> Iterator[None]:
    """Hold the folder while inside the block.

    Raises:
        ConflictError: another gateway holds it.
    """
    path = state_dir / "gateway.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConflictError(f"Another gateway is running on {state_dir}. Stop it, or use PostgreSQL.") from error
        yield
    finally:
        os.close(descriptor)
