"""Programs that are not ours: found, or the test is skipped with the line that installs them (in CI it fails)."""

import os
import shutil
import time
from typing import NoReturn

import pytest


def cannot(why: str) -> NoReturn:
    """End the test: this machine cannot run it. In CI it must, so there it has failed."""
    end = pytest.fail if os.environ.get("CI") else pytest.skip
    end(why)
    raise AssertionError("unreachable")


def missing(what: str, *, packages: str) -> NoReturn:
    """End the test: `what` is not on this machine."""
    cannot(f"{what} is not here: sudo apt-get install --no-install-recommends {packages}")


def need(program: str, *, package: str) -> str:
    """Where `program` is."""
    return shutil.which(program) or missing(program, packages=package)


def wait_a_moment() -> None:
    """For another process; its state is asked for again after this."""
    time.sleep(0.05)
