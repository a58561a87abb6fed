"""The soak counts tasks in processes that know nothing of it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.soak.counted import sitecustomize

FOLDER = Path(sitecustomize.__file__).parent
PROGRAM = """
import asyncio
async def main():
    kept = [asyncio.ensure_future(asyncio.sleep(60)) for _ in range(4)]
    await asyncio.gather(asyncio.sleep(0))
    await asyncio.sleep(30)
asyncio.run(main())
"""


@pytest.mark.slow
def test_tasks_that_are_not_done_are_counted_each_second(tmp_path: Path):
    """Four that sleep and the one that waits; what is done is not counted, whatever still holds it."""
    environ = {**os.environ, "PYTHONPATH": str(FOLDER), sitecustomize.FOLDER: str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", PROGRAM], env=environ) as process:
        found = tmp_path / str(process.pid)
        for _ in range(200):
            time.sleep(0.1)
            if found.is_file() and found.read_text() == "5\n":
                break
        process.kill()

    assert found.read_text() == "5\n"
