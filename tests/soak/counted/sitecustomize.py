"""Imported by every Python that starts with this folder on its path: each second it says how many of its tasks run.

A thread of its own writes the number to a file with the process's id for a name, so that nothing of what is counted has
to know of it.
"""

import asyncio
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

FOLDER = "LENSPACT_TEST_SOAK_TASKS"  # where the files are
_ALL: Any = getattr(asyncio.tasks, "_all_tasks" if sys.version_info < (3, 12) else "_scheduled_tasks")


def _count() -> int:
    while True:
        try:
            return sum(not task.done() for task in list(_ALL))
        except RuntimeError:  # another one began meanwhile
            continue


def _tell(path: Path) -> None:
    while path.parent.is_dir():
        path.with_suffix(".new").write_text(f"{_count()}\n")
        path.with_suffix(".new").replace(path)  # never read half
        time.sleep(1)


if FOLDER in os.environ:
    threading.Thread(target=_tell, args=[Path(os.environ[FOLDER]) / str(os.getpid())], daemon=True).start()
