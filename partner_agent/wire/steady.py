"""Keeps a long-running process from standing still for its own memory.

What starting leaves behind (modules, tables, compiled rules) stays for good, some 200,000 objects in a gateway.
Python's collector would go through all of it each time: 60 to 100 ms in which no picture is forwarded and nobody's stop
is heard. So what is there once a process is ready is put aside: still used, and no longer searched for rubbish.
"""

import gc


def put_aside() -> None:
    """Collect what is rubbish now, and leave out what remains from now on. Once, when a process is ready."""
    gc.collect()
    gc.freeze()
