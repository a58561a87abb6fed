"""Which sessions are over, so that none of them begins again.

An admission or a call that was on its way when its session ended comes within seconds, and a ticket lives for thirty;
after `KEPT_S` nothing can come any more, and what is remembered makes room. Bounded.
"""

from collections import OrderedDict
from typing import Final

KEPT_S: Final = 600.0
MAX_ENDED: Final = 10_000


class Ended:
    """The sessions, each with the monotonic seconds of its end, the oldest first."""

    def __init__(self) -> None:
        self._at: OrderedDict[str, float] = OrderedDict()

    def __contains__(self, session: str) -> bool:
        """Whether it is over, for good."""
        return session in self._at

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._at)

    def add(self, session: str, now: float) -> bool:
        """Whether it was not over before."""
        is_first = session not in self._at
        self._at.setdefault(session, now)
        while now - next(iter(self._at.values())) >= KEPT_S or len(self._at) > MAX_ENDED:
            self._at.popitem(last=False)
        return is_first
