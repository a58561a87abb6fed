"""What the desk asks of the capabilities it joins; wired in `gateway.app`."""

from collections.abc import Collection, Mapping
from typing import Protocol


class Names(Protocol):
    """What things and people are called now."""

    async def names(self, ids: Collection[str]) -> Mapping[str, str]:
        """Names by id, of those it knows."""
