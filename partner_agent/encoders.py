"""How many streams a site's machine makes anew at one time: black areas, H.265 or B-frames made H.264. Pure.

Each is a decoder and an encoder that never rest. Beyond what the machine bears all of them would fall behind, so one
more is refused and those that run are left alone. Whoever wants pictures made anew takes a place first.
"""

import os
from collections import Counter
from collections.abc import Callable, Hashable, Set
from typing import Self


class Place:
    """One encoder's place; given back by `close` or at the end of a `with` block."""

    def __init__(self, give_back: Callable[[], None]) -> None:
        self._give_back: Callable[[], None] | None = give_back

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Give it back; a second time is harmless."""
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            give_back()


class Encoders:
    """The places of one machine.

    Attributes:
        most: how many there are.
    """

    def __init__(self, most: int = 0) -> None:
        """`most`: 0 = one for each core this process may use."""
        self.most = most or len(os.sched_getaffinity(0))
        self._own: list[Hashable] = []
        self._shared: Counter[Hashable] = Counter()

    @property
    def busy(self) -> int:
        """How many are taken."""
        return len(self._own) + len(self._shared)

    def has_room(self, wanted: Set[Hashable]) -> bool:
        """Whether all of these may run beside what runs; what runs already needs no second place."""
        return self.busy + len(wanted - set(self._own) - self._shared.keys()) <= self.most

    def take(self, stream: Hashable) -> Place | None:
        """A place for an encoder of one's own, whoever else has the same; None if there is none."""
        if self.busy >= self.most:
            return None
        self._own.append(stream)
        return Place(lambda: self._own.remove(stream))

    def share(self, stream: Hashable) -> Place | None:
        """A place for an encoder that all who name `stream` share; None if there is none."""
        return self.hold(stream) if self.has_room({stream}) else None

    def hold(self, stream: Hashable) -> Place:
        """Say that the shared encoder of `stream` runs, though all places be taken: whoever wanted it had one."""
        self._shared[stream] += 1
        return Place(lambda: self._let_go(stream))

    def _let_go(self, stream: Hashable) -> None:
        self._shared[stream] -= 1
        if not self._shared[stream]:
            del self._shared[stream]
