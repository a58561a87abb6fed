"""A process that is ready does not search its own start for rubbish again."""

import json
import subprocess
import sys

_PROGRAM = """
import gc, json, sys
from partner_agent.wire.steady import put_aside
kept = [[number] for number in range(10_000)]
loop = []; loop.append(loop); del loop
before = len(gc.get_objects())
put_aside()
after = [[], []]; after[0].append(after); del after
print(json.dumps([before, gc.get_freeze_count(), len(gc.get_objects()), gc.collect(), len(kept)]))
"""


def test_what_is_there_is_put_aside_and_what_comes_is_not():
    """In a process of its own, for what was put aside stays so: rubbish that comes later is still found."""
    said = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, timeout=30, check=True)
    before, aside, searched, found, kept = json.loads(said.stdout)

    assert before > kept
    assert aside > kept
    assert searched < 100
    assert found > 0
