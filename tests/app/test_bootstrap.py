"""`make setup` on a machine that lacks something."""

import subprocess
import sys

from tests.support.processes import ROOT

WITHOUT = """
import runpy, sys
sys.modules[sys.argv[1]] = None  # as Debian's python3 is without python3-venv
runpy.run_path(sys.argv[2], run_name="__main__")
"""


def test_a_missing_part_is_named_with_the_line_that_installs_it():
    """Without ensurepip set-up ends at once with one sentence, and touches nothing."""
    command = [sys.executable, "-c", WITHOUT, "ensurepip", str(ROOT / "deploy" / "bootstrap.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "ensurepip is missing" in line
    assert line.endswith("sudo apt-get install python3-venv")
