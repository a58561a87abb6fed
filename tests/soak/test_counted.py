"""The soak counts tasks in processes that know nothing of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.soak.counted import sitecustomize

FOLDER = Path(sitecustomize.__file__).parent
PROGRAM = """
import asyncio
async def main():
    kept = [asyncio.ensure_future(asyncio.sleep(60)) for _ in range(4)]
    await asyncio.gather(asyncio.sleep(0))
    await asyncio.sleep(2.5)
asyncio.run(main())
"""


@pytest.mark.slow
def test_tasks_that_are_not_done_are_counted_each_second(tmp_path: Path):
    """Four that sleep and the one that waits; what is done is not counted, whatever still holds it."""
    environ = {**os.environ, "PYTHONPATH": str(FOLDER), sitecustomize.FOLDER: str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", PROGRAM], env=environ) as process:
        assert process.wait(20) == 0

    assert (tmp_path / str(process.pid)).read_text() == "5\n"
