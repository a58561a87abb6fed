"""Keeps a long-running program small: the C library's allocator shares one arena instead of one for each thread.

With an arena per thread, four cameras' threads held 13 MB that nobody used (92 MB against 79 MB, same run). Nothing
here changes what a program does; where the C library is another, nothing happens.
"""

import ctypes
from typing import Final

_M_TRIM_THRESHOLD: Final = -1  # mallopt(3)
_M_ARENA_MAX: Final = -8
TRIM_BYTES: Final = 128 * 1024  # free memory at the end of the heap beyond this goes back to the system


def keep_small() -> None:
    """Call before the first thread is started."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_TRIM_THRESHOLD, TRIM_BYTES)
