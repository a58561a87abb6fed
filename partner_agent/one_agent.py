"""One agent per state folder: a file lock, held as long as a program works on the folder, and gone with it.

Two of them would lay a new device key aside over each other's, or pair a site under the feet of one that runs.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class InUseError(Exception):
    """Another agent works on the folder; the sentence says what to do."""


@contextmanager
def only_agent(state_dir: Path) -> Iterator[None]:
    """Hold the folder while inside the block.

    Raises:
        InUseError: an agent runs on it, or is being paired.
    """
    state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(state_dir / "agent.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InUseError(f"An agent is running, or being paired, on {state_dir}. Stop that one first.") from error
        yield
    finally:
        os.close(descriptor)
