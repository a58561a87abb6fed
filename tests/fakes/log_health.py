"""Whether the log keeps its promises: as the test says."""


class FakeLogHealth:
    """`audit.LogHealth`."""

    def __init__(self) -> None:
        self.is_late = False

    async def is_behind(self) -> bool:
        return self.is_late
