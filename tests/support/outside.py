"""Programs that are not ours: found, or the test is skipped with the line that installs them (in CI it fails)."""

import os
import shutil
import time

import pytest


def need(program: str, *, package: str) -> str:
    """Where `program` is."""
    path = shutil.which(program)
    if path:
        return path
    missing = pytest.fail if os.environ.get("CI") else pytest.skip
    missing(f"{program} is not here; install it with: apt install {package}")
    raise AssertionError("unreachable")


def wait_a_moment() -> None:
    """For another process; its state is asked for again after this."""
    time.sleep(0.05)
