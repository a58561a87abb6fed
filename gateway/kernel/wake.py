"""A wake-up for a loop that also looks by the clock; one task waits, anybody wakes it."""

import anyio


class Wake:
    """A wake-up that cannot be missed: one that comes while nobody waits is there for the next wait."""

    def __init__(self) -> None:
        self._event = anyio.Event()

    def set(self) -> None:
        """Wake whoever waits, or waits next."""
        self._event.set()

    async def wait(self, at_most_s: float) -> None:
        """Wait until woken, or `at_most_s` seconds."""
        with anyio.move_on_after(at_most_s):
            await self._event.wait()
        self._event = anyio.Event()
