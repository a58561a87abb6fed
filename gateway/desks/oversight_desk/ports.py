"""What the desk asks of the capabilities it joins; wired in `gateway.app`."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol


class Names(Protocol):
    """What things and people are called now."""

    async def names(self, ids: Collection[str]) -> Mapping[str, str]:
        """Names by id, of those it knows."""


class Marks(Protocol):
    """Views by the code that their pictures carry (`live`)."""

    async def sessions_of(self, code: str) -> Sequence[str]:
        """The ids of the views whose picture carries this code, as somebody read it; none where it is no code."""
