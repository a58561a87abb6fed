"""One gateway writes one folder: the second is refused, and a lock dies with who held it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.app.one_writer import only_writer
from gateway.kernel.errors import ConflictError

HOLD = """
import sys, time
from pathlib import Path
from gateway.app.one_writer import only_writer
with only_writer(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_gateway_on_a_folder_is_refused(tmp_path: Path):
    """It says which folder and what to do; after kill -9 of the first the next one starts."""
    first = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert first.stdout is not None
    try:
        assert first.stdout.readline() == "held\n"
        with pytest.raises(ConflictError, match="Another gateway is running on") as refused, only_writer(tmp_path):
            pass
        assert str(tmp_path) in refused.value.sentence
    finally:
        os.kill(first.pid, signal.SIGKILL)
        first.communicate(timeout=10)

    with only_writer(tmp_path):
        pass
