"""Waiting for something real to happen, with a deadline; tests never sleep a fixed time for it."""

from collections.abc import Callable

import anyio


async def until(condition: Callable[[], object], *, timeout_s: float = 3) -> None:
    """Wait until `condition()` is true.

    Raises:
        TimeoutError: it did not become true.
    """
    with anyio.fail_after(timeout_s):
        while not condition():  # noqa: ASYNC110 -- what is waited for has no event
            await anyio.sleep(0.005)
